import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Notice } from '../../kit/feedback.tsx'
import { Field, problemOf, Segments, Select, Switch, TextArea, TextInput } from '../../kit/form.tsx'
import { formatSeconds } from '../../kit/format.ts'
import { Foreign } from '../../kit/text.tsx'
import { SettingCard, SettingForm, useSetting } from './setting.tsx'
import { wholeIn } from './whole-number.ts'

const WINDOW_SECONDS_MIN = 60
const WINDOW_SECONDS_MAX = 2_592_000
const FIELDS_MAX = 8

const UNITS = { '1': 'seconds', '60': 'minutes', '3600': 'hours', '86400': 'days' } as const
type Unit = keyof typeof UNITS
const UNIT_CHOICES = (['1', '60', '3600', '86400'] as const).map((value) => ({ value, label: UNITS[value] }))

interface DeduplicationForm {
  readonly isOn: boolean
  readonly by: 'scheme' | 'fields'
  /** One place a line. */
  readonly places: string
  readonly length: string
  readonly unit: Unit
}

function formOf(trigger: Trigger): DeduplicationForm {
  const seconds = trigger.webhook_deduplication_window_seconds
  const unit = (['86400', '3600', '60'] as const).find((size) => seconds % Number(size) === 0) ?? '1'
  return {
    isOn: trigger.webhook_deduplication_enabled,
    by: trigger.webhook_deduplication_fields.length > 0 ? 'fields' : 'scheme',
    places: trigger.webhook_deduplication_fields.join('\n'),
    length: String(Math.round(seconds / Number(unit))),
    unit,
  }
}

const placesOf = ({ places }: DeduplicationForm): readonly string[] =>
  places.split(/[\s,]+/).filter((place) => place !== '')

const secondsOf = ({ length, unit }: DeduplicationForm): number | null => {
  const count = wholeIn(length, 1, WINDOW_SECONDS_MAX)
  const seconds = (count ?? 0) * Number(unit)
  return seconds >= WINDOW_SECONDS_MIN && seconds <= WINDOW_SECONDS_MAX ? seconds : null
}

/** Whether a delivery that comes again becomes an event again. */
export function Deduplication({ trigger }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  const isOn = trigger.webhook_deduplication_enabled
  const proves = ![null, 'none'].includes(trigger.webhook_verification_scheme)
  return (
    <SettingCard title="Deduplication" isOn={isOn && proves} state={<State trigger={trigger} />}>
      {isOperator && (proves || isOn) && <DeduplicationEditor trigger={trigger} />}
      {!proves && (
        <Notice title="It needs verification">
          Without it anybody could suppress an event by naming its id first. Choose a scheme above.
        </Notice>
      )}
    </SettingCard>
  )
}

function State({ trigger }: { readonly trigger: Trigger }) {
  if (!trigger.webhook_deduplication_enabled)
    return 'Every delivery becomes an event, also one that comes again.'
  const fields = trigger.webhook_deduplication_fields
  return (
    <>
      What is delivered again within {formatSeconds(trigger.webhook_deduplication_window_seconds)} under the
      same id becomes no second event. The id is{' '}
      {fields.length === 0 ? (
        'where the scheme has it'
      ) : (
        <Foreign text={fields.join(' + ')} className="font-mono text-sm" />
      )}
      .
    </>
  )
}

function DeduplicationEditor({ trigger }: { readonly trigger: Trigger }) {
  const params = { ref: trigger.ref }
  const setting = useSetting<DeduplicationForm>({
    name: 'deduplication',
    saved: formOf(trigger),
    save: (form) => {
      if (!form.isOn) return api('DELETE /api/v1/triggers/:ref/webhooks/deduplication', { params })
      const body = {
        ...(form.by === 'fields' && { on: [...placesOf(form)] }),
        window_seconds: secondsOf(form) ?? WINDOW_SECONDS_MAX,
      }
      return api('PUT /api/v1/triggers/:ref/webhooks/deduplication', { params, body })
    },
    done: (form) => (form.isOn ? 'Deduplication is in force' : 'Deduplication is off'),
  })
  const { value, change } = setting
  const count = placesOf(value).length
  const hasPlaces = value.by === 'scheme' || (count > 0 && count <= FIELDS_MAX)
  const isValid = !value.isOn || (hasPlaces && secondsOf(value) !== null)
  return (
    <SettingForm label="Deduplication" setting={setting} triggerRef={trigger.ref} isValid={isValid}>
      <Switch
        label="Make one event of what comes more than once"
        isOn={value.isOn}
        onChange={(isOn) => change({ isOn })}
      />
      {value.isOn && <Fields value={value} change={change} error={setting.error} />}
    </SettingForm>
  )
}

interface FieldsProps {
  readonly value: DeduplicationForm
  readonly change: (part: Partial<DeduplicationForm>) => void
  readonly error: Error | null
}

const SOURCES = [
  { value: 'scheme', label: 'Where the scheme has it' },
  { value: 'fields', label: 'In places of your own' },
] as const

function Fields({ value, change, error }: FieldsProps) {
  const places = placesOf(value)
  const atPlace = places.flatMap((place, index) => {
    const problem = problemOf(error, `on[${index}]`)
    return problem === null ? [] : [`${place} ${problem}`]
  })
  const onProblem = problemOf(error, 'on')
  return (
    <>
      <div>
        <p className="mb-1.5 font-medium">The id of a delivery</p>
        <Segments
          label="Where the id is"
          value={value.by}
          choices={SOURCES}
          onChange={(by) => change({ by })}
        />
        {value.by === 'scheme' && onProblem !== null && (
          <p role="alert" className="mt-1.5 text-sm text-bad">
            It {onProblem}.
          </p>
        )}
      </div>
      {value.by === 'fields' && (
        <Field
          label="Places"
          hint="One a line, such as header:x-id or json:data.id; all together are the id. Choose what the sender signs."
          problem={
            places.length > FIELDS_MAX
              ? `At most ${FIELDS_MAX} places`
              : (onProblem ?? (atPlace.join('; ') || null))
          }
          className="max-w-md"
        >
          <TextArea value={value.places} onChange={(event) => change({ places: event.target.value })} />
        </Field>
      )}
      <div className="flex flex-wrap items-start gap-3">
        <Field
          label="Within"
          hint="A minute to 30 days"
          problem={
            problemOf(error, 'window_seconds') ??
            (secondsOf(value) === null ? 'From a minute to 30 days' : null)
          }
          className="w-32"
        >
          <TextInput
            inputMode="numeric"
            value={value.length}
            onChange={(event) => change({ length: event.target.value })}
          />
        </Field>
        <Field label="Unit" className="w-32">
          <Select
            label="Unit"
            value={value.unit}
            choices={UNIT_CHOICES}
            onChange={(unit) => change({ unit })}
          />
        </Field>
      </div>
    </>
  )
}
