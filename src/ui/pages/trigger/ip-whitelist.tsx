import { useState } from 'react'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Button } from '../../kit/button.tsx'
import { describeError, Notice } from '../../kit/feedback.tsx'
import { problemOf, Switch } from '../../kit/form.tsx'
import { formatNumber } from '../../kit/format.ts'
import { AddEntries } from './ip-whitelist/add-entries.tsx'
import { AddressCheck } from './ip-whitelist/address-check.tsx'
import { EntryList } from './ip-whitelist/entry-list.tsx'
import { LockedOut } from './ip-whitelist/locked-out.tsx'
import { joined } from './ip-whitelist/pasted-list.ts'
import { useWhitelistCheck } from './ip-whitelist/use-whitelist-check.ts'
import { usePreview } from './preview.tsx'
import { SettingCard, SettingForm, useSetting } from './setting.tsx'

interface WhitelistForm {
  readonly isOn: boolean
  readonly entries: readonly string[]
}

/** From which addresses it takes requests. */
export function IpWhitelist({ trigger }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  const isOn = trigger.webhook_ip_whitelist_enabled
  return (
    <SettingCard title="IP whitelist" isOn={isOn} state={inWords(trigger)}>
      {isOperator && <IpWhitelistEditor trigger={trigger} />}
      {!isOperator && isOn && <EntryList entries={trigger.webhook_ip_whitelist} verdicts={new Map()} />}
    </SettingCard>
  )
}

function inWords({ webhook_ip_whitelist_enabled: isOn, webhook_ip_whitelist: list }: Trigger): string {
  if (!isOn) return 'It takes requests from any address.'
  if (list.length === 0)
    return 'The list is empty: every request is refused with 403, wherever it comes from.'
  const entries = list.length === 1 ? 'one entry' : `${formatNumber(list.length)} entries`
  return `It takes requests from ${entries} only; all others are refused with 403.`
}

function IpWhitelistEditor({ trigger }: { readonly trigger: Trigger }) {
  const params = { ref: trigger.ref }
  const setting = useSetting<WhitelistForm>({
    name: 'ip-whitelist',
    saved: { isOn: trigger.webhook_ip_whitelist_enabled, entries: trigger.webhook_ip_whitelist },
    save: ({ isOn, entries }) =>
      isOn
        ? api('PUT /api/v1/triggers/:ref/webhooks/ip-whitelist', { params, body: { cidrs: [...entries] } })
        : api('DELETE /api/v1/triggers/:ref/webhooks/ip-whitelist', { params }),
    done: ({ isOn }) => (isOn ? 'The whitelist is in force' : 'The whitelist is off'),
  })
  const { value, isDirty, error } = setting
  const [address, setAddress] = useState('')
  // What was confirmed is these addresses; of another list it is asked again.
  const [confirmed, setConfirmed] = useState('')
  const { check, error: checkError, isPending } = useWhitelistCheck(value.entries, address)
  const verdicts = new Map(check?.entries.map((verdict) => [verdict.entry, verdict]))
  const areAccepted =
    !isPending && checkError === null && value.entries.every((entry) => verdicts.get(entry)?.problem === null)
  const isWhole = !value.isOn || areAccepted
  const input = value.isOn ? { cidrs: [...value.entries] } : null
  const preview = usePreview(trigger.ref, isDirty && isWhole ? { ip_whitelist: input } : null)
  const lockedOut = preview.preview?.locked_out ?? []
  const key = lockedOut.map(({ source_ip }) => source_ip).join(' ')
  const isConfirmed = key === '' || confirmed === key
  const entryProblem = value.entries
    .map((entry, index) => [entry, problemOf(error, `cidrs[${index}]`)] as const)
    .find(([, problem]) => problem !== null)
  return (
    <SettingForm
      label="IP whitelist"
      setting={setting}
      triggerRef={trigger.ref}
      preview={preview}
      isValid={isWhole && !preview.isPending && isConfirmed}
      hasFields={entryProblem !== undefined}
      warning={
        <LockedOut
          addresses={lockedOut}
          isConfirmed={isConfirmed}
          onConfirm={(isYes) => setConfirmed(isYes ? key : '')}
          onAdd={(addresses) => setting.change({ entries: joined(value.entries, addresses) })}
        />
      }
    >
      <Switch
        label="Take requests from these addresses only"
        isOn={value.isOn}
        onChange={(isOn) => setting.change({ isOn })}
      />
      {value.isOn && (
        <>
          <Entries
            entries={value.entries}
            verdicts={verdicts}
            onChange={(entries) => setting.change({ entries })}
          />
          {checkError !== null && <Notice tone="bad" title={describeError(checkError).title} />}
          {entryProblem !== undefined && (
            <Notice tone="bad" title={`${entryProblem[0]} ${entryProblem[1]}`} />
          )}
          <AddressCheck
            address={address}
            onChange={setAddress}
            answer={isPending ? null : (check?.address ?? null)}
          />
        </>
      )}
    </SettingForm>
  )
}

interface EntriesProps {
  readonly entries: readonly string[]
  readonly verdicts: Parameters<typeof EntryList>[0]['verdicts']
  readonly onChange: (entries: readonly string[]) => void
}

function Entries({ entries, verdicts, onChange }: EntriesProps) {
  const mendable = entries.filter((entry) => {
    const verdict = verdicts.get(entry)
    return typeof verdict?.problem === 'string' && verdict.canonical !== null
  })
  const mendAll = () => {
    const mended = entries.map((entry) =>
      mendable.includes(entry) ? (verdicts.get(entry)?.canonical ?? entry) : entry,
    )
    onChange([...new Set(mended)])
  }
  return (
    <>
      {entries.length === 0 && (
        <Notice tone="warn" title="Nobody is on the list">
          Saved like this, every request is refused, wherever it comes from.
        </Notice>
      )}
      <EntryList entries={entries} verdicts={verdicts} onChange={onChange} />
      {mendable.length > 1 && (
        <Button isSmall onClick={mendAll}>
          Mend all {formatNumber(mendable.length)}
        </Button>
      )}
      <AddEntries count={entries.length} onAdd={(more) => onChange(joined(entries, more))} />
    </>
  )
}
