import { Rejection } from '../core/rejection.ts'
import type { Attempt, Chain } from './attempt.ts'

/** Step 3: is the webhook switched on? Turns away with `webhook_disabled`. */
export const webhookEnabled = () => (chain: Chain) =>
  chain.onBeforeHandle(({ attempt }) => requireEnabled(attempt))

export function requireEnabled({ trigger, checks }: Attempt): void {
  checks.begin('webhook_enabled')
  if (!trigger.enabled) throw new Rejection('webhook_disabled', 'webhooks of this trigger are disabled')
  checks.pass()
}
