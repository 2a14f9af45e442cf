import { type FormEvent, useState } from 'react'
import type { EventFilter } from '../../api/routes.ts'
import { Button } from '../../kit/button.tsx'
import { Field, problemOf, TextInput } from '../../kit/form.tsx'
import { Chips } from '../../parts/filters/chips.tsx'
import type { FilterState, FilterValues } from '../../parts/filters/filter-state.ts'
import { SettledInput } from '../../parts/filters/settled-input.tsx'
import { TimeRange } from '../../parts/filters/time-range.tsx'
import { TriggerPicker } from '../../parts/trigger-picker.tsx'

export const EVENT_FILTER_NAMES = [
  'text',
  'trigger',
  'ip',
  'path',
  'value',
  'range',
  'since',
  'until',
] as const

const LABELS = {
  text: 'Text',
  trigger: 'Trigger',
  ip: 'Address',
  path: 'Path',
  value: 'Value',
  range: 'Time',
  since: 'From',
  until: 'Until',
}

/** What the server is asked for, from what stands in the URL. */
export const eventFilterOf = (
  { text, trigger, ip, path, value }: FilterValues,
  times: Pick<EventFilter, 'since' | 'until'>,
): EventFilter => ({
  ...(text && { text }),
  ...(trigger && { trigger }),
  ...(ip && { ip }),
  ...(path && { path, value: value ?? '' }),
  ...times,
})

/** The fields that say themselves what the server finds wrong with them. */
export const EVENT_FIELDS_WITH_PROBLEMS = ['ip', 'path', 'value'] as const

interface EventFiltersProps {
  readonly filters: FilterState
  /** Of the list, which may be about one of the fields. */
  readonly error: Error | null
}

export function EventFilters({ filters, error }: EventFiltersProps) {
  const { values, set } = filters
  return (
    <div className="mb-4 space-y-3">
      <div className="flex flex-wrap gap-2">
        <SettledInput
          label="Text"
          placeholder="Header, content type, address, id"
          value={values['text'] ?? ''}
          onSettled={(text) => set({ text })}
          className="max-w-80 grow basis-56"
        />
        <TriggerPicker
          value={values['trigger'] ?? null}
          onChange={(ref) => set({ trigger: ref ?? '' })}
          isClearable
          className="max-w-64 grow basis-48"
        />
        <SettledInput
          label="Address"
          placeholder="Address"
          value={values['ip'] ?? ''}
          problem={problemOf(error, 'ip')}
          onSettled={(ip) => set({ ip })}
          className="max-w-56 grow basis-40"
        />
        <TimeRange values={values} set={set} />
      </div>
      <PayloadSearch
        key={`${values['path']} ${values['value']}`}
        path={values['path'] ?? ''}
        value={values['value'] ?? ''}
        error={error}
        onSearch={(path, value) => set({ path, value })}
      />
      <Chips {...filters} labels={LABELS} wordsOf={() => undefined} />
    </div>
  )
}

interface PayloadSearchProps {
  readonly path: string
  readonly value: string
  readonly error: Error | null
  readonly onSearch: (path: string, value: string) => void
}

/** A path into the payload, and what is there. */
function PayloadSearch({ path, value, error, onSearch }: PayloadSearchProps) {
  const [draft, setDraft] = useState({ path, value })
  const [isIncomplete, setIncomplete] = useState(false)
  const hasPath = draft.path.trim() !== ''
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const isHalf = hasPath !== (draft.value !== '')
    setIncomplete(isHalf)
    if (!isHalf) onSearch(draft.path.trim(), draft.value)
  }
  return (
    <form onSubmit={submit} className="flex flex-wrap items-start gap-2">
      <Field
        label="Path in the payload"
        hint="Such as repository.full_name or items[].id"
        problem={isIncomplete && !hasPath ? 'Say where the value is to be found' : problemOf(error, 'path')}
        className="max-w-96 grow basis-56"
      >
        <TextInput
          value={draft.path}
          onChange={(event) => setDraft({ ...draft, path: event.target.value })}
          className="font-mono text-sm"
        />
      </Field>
      <Field
        label="Value"
        hint="Text, number, true, false or null"
        problem={
          isIncomplete && draft.value === '' ? 'Say which value is to be there' : problemOf(error, 'value')
        }
        className="max-w-96 grow basis-56"
      >
        <TextInput
          value={draft.value}
          onChange={(event) => setDraft({ ...draft, value: event.target.value })}
          className="font-mono text-sm"
        />
      </Field>
      <Button type="submit" className="mt-7.5">
        Find
      </Button>
    </form>
  )
}
