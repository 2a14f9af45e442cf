import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client.ts'
import { Combobox } from '../kit/combobox.tsx'

interface TriggerPickerProps {
  /** The ref. */
  readonly value: string | null
  readonly onChange: (ref: string | null) => void
  readonly isClearable?: boolean
  readonly className?: string
}

const CHOICES_MAX = 30

/** A trigger by a part of its ref or label; the server searches, since there may be a hundred thousand. */
export function TriggerPicker({ value, onChange, isClearable = false, className }: TriggerPickerProps) {
  const [text, setText] = useState('')
  // What is chosen stands in the field too, and is no search.
  const search = text === value ? '' : text.trim()
  const { data } = useQuery({
    queryKey: ['triggers', 'picker', search],
    queryFn: ({ signal }) =>
      api('GET /api/v1/triggers', {
        query: { limit: CHOICES_MAX, sort: 'ref', order: 'asc', ...(search !== '' && { search }) },
        signal,
      }),
    placeholderData: (previous) => previous,
  })
  const choices = (data?.data ?? []).map(({ ref, label }) => ({
    value: ref,
    label: ref,
    ...(label !== null && { hint: label }),
  }))
  return (
    <Combobox
      label="Trigger"
      placeholder={isClearable ? 'Any trigger' : 'Choose a trigger'}
      value={value}
      choices={choices}
      onChange={onChange}
      onSearch={setText}
      isClearable={isClearable}
      empty="No trigger fits."
      {...(className !== undefined && { className })}
    />
  )
}
