import type { Trigger } from '../../../core/trigger.ts'
import { SettingCard } from './setting.tsx'

export function Verification({ trigger }: { readonly trigger: Trigger }) {
  return <SettingCard title="Verification" isOn={trigger.webhook_hmac_enabled} state="…" />
}
