import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Field, problemOf, Select, Switch, TextInput } from '../../kit/form.tsx'
import { formatNumber, formatSeconds } from '../../kit/format.ts'
import { usePreview } from './preview.tsx'
import { SettingCard, SettingForm, useSetting } from './setting.tsx'
import { unlessWholeIn, wholeIn } from './whole-number.ts'

const REQUESTS_MAX = 10_000
const WINDOW_SECONDS_MAX = 3_600

interface RateLimitForm {
  readonly isOn: boolean
  readonly requests: string
  readonly seconds: string
}

const formOf = (trigger: Trigger): RateLimitForm => ({
  isOn: trigger.webhook_rate_limit_enabled,
  requests: String(trigger.webhook_rate_limit_requests),
  seconds: String(trigger.webhook_rate_limit_window_seconds),
})

const WINDOWS = [1, 10, 60, 300, 900, 3_600].map((seconds) => ({
  value: String(seconds),
  label: formatSeconds(seconds),
}))
const OTHER = 'other'

/** `null`: the form does not say one. */
function limitOf({ requests, seconds }: RateLimitForm) {
  const [most, window] = [wholeIn(requests, 1, REQUESTS_MAX), wholeIn(seconds, 1, WINDOW_SECONDS_MAX)]
  return most === null || window === null ? null : { requests: most, window_seconds: window }
}

const inWords = (requests: number, seconds: number): string =>
  `At most ${formatNumber(requests)} ${requests === 1 ? 'request' : 'requests'} every ${formatSeconds(seconds).replace(/^1 /, '')}`

/** How many requests it takes in a window of time. */
export function RateLimit({ trigger }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  const isOn = trigger.webhook_rate_limit_enabled
  return (
    <SettingCard
      title="Rate limit"
      isOn={isOn}
      state={
        isOn
          ? `${inWords(trigger.webhook_rate_limit_requests, trigger.webhook_rate_limit_window_seconds)}; what comes above that is refused with 429, and counts too.`
          : 'It takes any number of requests.'
      }
    >
      {isOperator && <RateLimitEditor trigger={trigger} />}
    </SettingCard>
  )
}

function RateLimitEditor({ trigger }: { readonly trigger: Trigger }) {
  const params = { ref: trigger.ref }
  const setting = useSetting<RateLimitForm>({
    name: 'rate-limit',
    saved: formOf(trigger),
    save: (form) => {
      const body = form.isOn ? limitOf(form) : null
      return body === null
        ? api('DELETE /api/v1/triggers/:ref/webhooks/rate-limit', { params })
        : api('PUT /api/v1/triggers/:ref/webhooks/rate-limit', { params, body })
    },
    done: (form) => (form.isOn ? 'The rate limit is in force' : 'The rate limit is off'),
  })
  const { value, change, isDirty, error } = setting
  const limit = limitOf(value)
  const isValid = !value.isOn || limit !== null
  const input = isDirty && isValid ? { rate_limit: value.isOn ? limit : null } : null
  const preview = usePreview(trigger.ref, input)
  return (
    <SettingForm
      label="Rate limit"
      setting={setting}
      triggerRef={trigger.ref}
      preview={preview}
      isValid={isValid}
    >
      <Switch label="Limit the rate" isOn={value.isOn} onChange={(isOn) => change({ isOn })} />
      {value.isOn && (
        <div className="flex flex-wrap items-start gap-4">
          <Field
            label="Requests"
            hint={`1 to ${formatNumber(REQUESTS_MAX)}`}
            problem={problemOf(error, 'requests') ?? unlessWholeIn(value.requests, 1, REQUESTS_MAX)}
            className="w-40"
          >
            <TextInput
              inputMode="numeric"
              value={value.requests}
              onChange={(event) => change({ requests: event.target.value })}
            />
          </Field>
          <WindowFields value={value} change={change} error={error} />
        </div>
      )}
      {value.isOn && limit !== null && isDirty && (
        <p className="font-medium">{inWords(limit.requests, limit.window_seconds)}.</p>
      )}
    </SettingForm>
  )
}

interface WindowFieldsProps {
  readonly value: RateLimitForm
  readonly change: (part: Partial<RateLimitForm>) => void
  readonly error: Error | null
}

function WindowFields({ value: { seconds }, change, error }: WindowFieldsProps) {
  const isKnown = WINDOWS.some(({ value }) => value === seconds)
  return (
    <>
      <Field label="Every" className="w-44">
        <Select
          label="Every"
          value={isKnown ? seconds : OTHER}
          choices={[...WINDOWS, { value: OTHER, label: 'Another time…' }]}
          onChange={(next) => change({ seconds: next === OTHER ? '' : next })}
        />
      </Field>
      {!isKnown && (
        <Field
          label="Seconds"
          hint={`1 to ${formatNumber(WINDOW_SECONDS_MAX)}`}
          problem={problemOf(error, 'window_seconds') ?? unlessWholeIn(seconds, 1, WINDOW_SECONDS_MAX)}
          className="w-40"
        >
          <TextInput
            inputMode="numeric"
            value={seconds}
            onChange={(event) => change({ seconds: event.target.value })}
          />
        </Field>
      )}
    </>
  )
}
