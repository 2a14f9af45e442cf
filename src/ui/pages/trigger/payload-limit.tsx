import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Notice } from '../../kit/feedback.tsx'
import { Field, problemOf, Segments, TextInput } from '../../kit/form.tsx'
import { formatBytes } from '../../kit/format.ts'
import { useAbout } from '../settings/use-about.ts'
import { usePreview } from './preview.tsx'
import { SettingCard, SettingForm, useSetting } from './setting.tsx'
import { unlessWholeIn, wholeIn } from './whole-number.ts'

const KB_MAX = 65_536
const BYTES_PER_KB = 1_024

const PRESETS = [64, 256, 1_024, 5_120, 25_600].map((kb) => ({
  value: String(kb),
  label: formatBytes(kb * BYTES_PER_KB),
}))

/** How large a payload it takes. */
export function PayloadLimit({ trigger }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  return (
    <SettingCard
      title="Payload limit"
      state={`Payloads of at most ${formatBytes(trigger.webhook_payload_size_limit_kb * BYTES_PER_KB)}; larger ones are refused with 413.`}
    >
      {isOperator && <PayloadLimitEditor trigger={trigger} />}
    </SettingCard>
  )
}

function PayloadLimitEditor({ trigger }: { readonly trigger: Trigger }) {
  const setting = useSetting<{ readonly kb: string }>({
    name: 'payload-limit',
    saved: { kb: String(trigger.webhook_payload_size_limit_kb) },
    save: ({ kb }) =>
      api('PUT /api/v1/triggers/:ref/webhooks/payload-limit', {
        params: { ref: trigger.ref },
        body: { kb: Number(kb) },
      }),
    done: () => 'The payload limit is in force',
  })
  const { value, change, isDirty, error } = setting
  const kb = wholeIn(value.kb, 1, KB_MAX)
  const { data: about } = useAbout()
  const ceilingBytes = about?.body_bytes_max ?? null
  const isAboveCeiling = kb !== null && ceilingBytes !== null && kb * BYTES_PER_KB > ceilingBytes
  const preview = usePreview(trigger.ref, isDirty && kb !== null ? { payload_limit: { kb } } : null)
  return (
    <SettingForm
      label="Payload limit"
      setting={setting}
      triggerRef={trigger.ref}
      preview={preview}
      isValid={kb !== null}
      warning={
        isAboveCeiling && (
          <Notice
            tone="warn"
            title={`The whole installation takes payloads of at most ${formatBytes(ceilingBytes)}`}
          >
            Larger ones are refused with 413, whatever stands here. Start it with a higher{' '}
            <code className="font-mono text-sm">ATTUNE_BODY_BYTES_MAX</code> to take more.
          </Notice>
        )
      }
    >
      <div className="flex flex-wrap items-start gap-x-4 gap-y-3">
        <Field
          label="KiB"
          hint={`Units of 1,024 bytes.${ceilingBytes === null ? '' : ` The whole installation takes at most ${formatBytes(ceilingBytes)}.`}`}
          problem={problemOf(error, 'kb') ?? unlessWholeIn(value.kb, 1, KB_MAX)}
          className="w-72 max-w-full"
        >
          <TextInput
            inputMode="numeric"
            value={value.kb}
            onChange={(event) => change({ kb: event.target.value })}
          />
        </Field>
        <div className="max-w-full overflow-x-auto sm:mt-8">
          <Segments
            label="Usual limits"
            value={value.kb}
            choices={PRESETS}
            onChange={(next) => change({ kb: next })}
          />
        </div>
      </div>
    </SettingForm>
  )
}
