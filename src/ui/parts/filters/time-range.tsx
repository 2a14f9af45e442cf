import { Field, Select, TextInput } from '../../kit/form.tsx'
import { type FilterState, RANGES } from './filter-state.ts'

const CHOICES = [
  { value: '', label: 'Any time' },
  ...RANGES.map(({ value, label }) => ({ value: value as string, label })),
  { value: 'custom', label: 'From … until …' },
]

/** A span of time, or two bounds. */
export function TimeRange({ values, set }: Pick<FilterState, 'values' | 'set'>) {
  const { range = '', since = '', until = '' } = values
  const isCustom = range === 'custom' || since !== '' || until !== ''
  return (
    <>
      <div>
        <Select
          label="Time"
          value={isCustom ? 'custom' : range}
          choices={CHOICES}
          onChange={(next) => set({ range: next, since: '', until: '' })}
          className="min-w-40"
        />
      </div>
      {isCustom && (
        <>
          <Bound label="From" value={since} onChange={(next) => set({ range: 'custom', since: next })} />
          <Bound label="Until" value={until} onChange={(next) => set({ range: 'custom', until: next })} />
        </>
      )}
    </>
  )
}

function Bound({
  label,
  value,
  onChange,
}: {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  return (
    <Field label={<span className="sr-only">{label}</span>}>
      <TextInput
        type="datetime-local"
        step={1}
        defaultValue={localText(value)}
        onBlur={(event) => {
          const next = instantText(event.currentTarget.value)
          if (next !== value) onChange(next)
        }}
      />
    </Field>
  )
}

/** An instant as the reader's clock has it, for the control of the browser. */
function localText(instant: string): string {
  const time = new Date(instant)
  if (Number.isNaN(time.getTime())) return ''
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function instantText(local: string): string {
  const time = new Date(local)
  return Number.isNaN(time.getTime()) ? '' : time.toISOString()
}
