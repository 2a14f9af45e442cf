import { ListFilter } from 'lucide-react'
import { useState } from 'react'
import type { LogFilter } from '../../api/routes.ts'
import { Button } from '../../kit/button.tsx'
import { problemOf, Select } from '../../kit/form.tsx'
import { Chips } from '../../parts/filters/chips.tsx'
import type { FilterState, FilterValues } from '../../parts/filters/filter-state.ts'
import { SettledInput } from '../../parts/filters/settled-input.tsx'
import { TimeRange } from '../../parts/filters/time-range.tsx'
import { TriggerPicker } from '../../parts/trigger-picker.tsx'
import { REFUSALS } from '../../parts/verdict.tsx'

export const LOG_FILTER_NAMES = [
  'text',
  'trigger',
  'outcome',
  'code',
  'status',
  'ip',
  'range',
  'since',
  'until',
] as const

const OUTCOMES = [
  { value: '', label: 'Any outcome' },
  { value: 'accepted', label: 'Accepted' },
  { value: 'refused', label: 'Refused' },
  { value: 'duplicate', label: 'Duplicate' },
  { value: 'conflict', label: 'Conflict' },
  { value: 'handshake', label: 'Handshake' },
  { value: 'readmitted', label: 'Readmitted' },
]

const CODES = [
  { value: '', label: 'Any reason' },
  ...Object.entries(REFUSALS).map(([value, { label }]) => ({ value, label })),
]

const STATUSES = ['200', '204', '400', '401', '403', '404', '408', '413', '429', '500', '503']

const LABELS = {
  text: 'Text',
  trigger: 'Trigger',
  outcome: 'Outcome',
  code: 'Reason',
  status: 'Status',
  ip: 'Address',
  range: 'Time',
  since: 'From',
  until: 'Until',
}

/** What the server is asked for, from what stands in the URL. */
export const logFilterOf = (values: FilterValues, times: Pick<LogFilter, 'since' | 'until'>): LogFilter => {
  const { text, trigger, outcome, code, status, ip } = values
  return {
    ...(text && { text }),
    ...(trigger && { trigger }),
    ...(outcome && { outcome }),
    ...(code && { code }),
    ...(status && { status: Number(status) }),
    ...(ip && { ip }),
    ...times,
  }
}

/** The fields that say themselves what the server finds wrong with them. */
export const LOG_FIELDS_WITH_PROBLEMS = ['ip'] as const

interface LogFiltersProps {
  readonly filters: FilterState
  /** Of the list, which may be about one of the fields. */
  readonly error: Error | null
}

export function LogFilters({ filters, error }: LogFiltersProps) {
  const { values, set } = filters
  const [isMore, setMore] = useState(Boolean(values['code'] || values['status'] || values['ip']))
  const { outcome = '', code = '', status = '' } = values
  return (
    <div className="mb-4 space-y-3">
      <div className="flex flex-wrap gap-2">
        <SettledInput
          label="Text"
          placeholder="Agent, message, address, id"
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
        <div>
          <Select
            label="Outcome"
            value={outcome}
            choices={OUTCOMES}
            onChange={(next) => set({ outcome: next })}
            className="min-w-36"
          />
        </div>
        <TimeRange values={values} set={set} />
        <Button
          look="quiet"
          aria-expanded={isMore}
          onClick={() => setMore(!isMore)}
          icon={<ListFilter aria-hidden className="size-4" />}
        >
          {isMore ? 'Fewer filters' : 'More filters'}
        </Button>
      </div>
      {isMore && (
        <div className="flex flex-wrap gap-2">
          <div className="max-w-full">
            <Select
              label="Reason"
              value={code}
              choices={CODES}
              onChange={(next) => set({ code: next })}
              className="min-w-48"
            />
          </div>
          <div className="max-w-full">
            <Select
              label="Status"
              value={status}
              choices={[
                { value: '', label: 'Any status' },
                ...STATUSES.map((value) => ({ value, label: value })),
              ]}
              onChange={(next) => set({ status: next })}
              className="min-w-32"
            />
          </div>
          <SettledInput
            label="Address"
            placeholder="Address"
            value={values['ip'] ?? ''}
            problem={problemOf(error, 'ip')}
            onSettled={(ip) => set({ ip })}
            className="max-w-56 grow basis-40"
          />
        </div>
      )}
      <Chips {...filters} labels={LABELS} wordsOf={wordsOf} />
    </div>
  )
}

const wordsOf = (name: string, value: string): string | undefined => {
  const choices = name === 'outcome' ? OUTCOMES : name === 'code' ? CODES : []
  return choices.find((choice) => choice.value === value)?.label
}
