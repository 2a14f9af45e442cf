import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { WebhookEventLogRow } from '../../../core/event.ts'
import { api } from '../../api/client.ts'
import { Combobox } from '../../kit/combobox.tsx'
import { Field } from '../../kit/form.tsx'
import { formatBytes, formatInstant } from '../../kit/format.ts'
import { isOfSignature } from '../../parts/attempt/reason.tsx'
import { verdictOf } from '../../parts/verdict.tsx'

interface RecordedPickerProps {
  readonly triggerRef: string
  /** The id of the attempt whose request is to be taken. */
  readonly onPick: (id: string) => void
}

const CHOICES_MAX = 100

/** Takes a request that has come to the trigger, as far back as one searches. */
export function RecordedPicker({ triggerRef, onPick }: RecordedPickerProps) {
  const [text, setText] = useState('')
  const search = text.trim()
  const { data } = useQuery({
    queryKey: ['recorded-requests', triggerRef, search],
    queryFn: ({ signal }) =>
      api('GET /api/v1/webhook-event-log', {
        query: { trigger: triggerRef, limit: CHOICES_MAX, ...(search !== '' && { text: search }) },
        signal,
      }),
    placeholderData: (previous) => previous,
    gcTime: 0,
  })
  const choices = (data?.data ?? []).filter(mayHaveBody).map((row) => ({
    value: row.id,
    label: `${formatInstant(row.created)} · ${verdictOf(row).label}`,
    hint: [row.source_ip, formatBytes(row.payload_size_bytes)].filter(Boolean).join(', '),
  }))
  return (
    <Field label="Take a recorded request">
      <Combobox
        label="Take a recorded request"
        placeholder="The latest, or search"
        value={null}
        choices={choices}
        onChange={(id) => id !== null && onPick(id)}
        onSearch={setText}
        empty="No recorded request fits."
      />
    </Field>
  )
}

/** The body of an event is kept, and for a while that of what was refused for its signature. */
const mayHaveBody = (row: WebhookEventLogRow): boolean =>
  row.attempts === 1 && (row.event_id !== null || isOfSignature(row))
