import { type CompiledCidrs, compileCidrs, matchesCidrs } from '../core/address.ts'
import { Rejection } from '../core/rejection.ts'
import type { WebhookSettings } from '../core/trigger.ts'
import type { Chain } from './attempt.ts'

/**
 * Step 5: may this address send? Turns away with `ip_not_allowed`. An address that is not known, and a list that is
 * empty, refuse.
 */
export const ipWhitelist = () => (chain: Chain) => {
  // Settings are replaced as a whole when they change, so what was compiled for them goes with them.
  const compiled = new WeakMap<WebhookSettings, CompiledCidrs>()
  return chain.onBeforeHandle(({ attempt }) => {
    const { trigger, client } = attempt
    if (trigger.ipWhitelist === null) return
    attempt.ipAllowed = false
    if (client.address === null) {
      throw new Rejection('ip_not_allowed', `the sender's address is not known: ${client.reason}`)
    }
    let whitelist = compiled.get(trigger)
    if (whitelist === undefined) {
      whitelist = compileCidrs(trigger.ipWhitelist)
      compiled.set(trigger, whitelist)
    }
    if (!matchesCidrs(whitelist, client.address)) {
      const entries = trigger.ipWhitelist.length
      throw new Rejection(
        'ip_not_allowed',
        `${client.address} is on none of ${entries} entries of the whitelist`,
      )
    }
    attempt.ipAllowed = true
  })
}
