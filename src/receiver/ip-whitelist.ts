import { type CompiledCidrs, compileCidrs, matchesCidrs } from '../core/address.ts'
import { Rejection } from '../core/rejection.ts'
import type { Attempt, Chain } from './attempt.ts'

/**
 * Step 5: may this address send? Turns away with `ip_not_allowed`. An address that is not known, and a list that is
 * empty, refuse.
 */
export const ipWhitelist = () => (chain: Chain) =>
  chain.onBeforeHandle(({ attempt }) => requireAddress(attempt))

export function requireAddress(attempt: Attempt): void {
  const { trigger, client, checks } = attempt
  checks.begin('ip_whitelist')
  if (trigger.ipWhitelist === null) {
    checks.off()
    return
  }
  attempt.ipAllowed = false
  if (client.address === null) {
    throw new Rejection('ip_not_allowed', `the sender's address is not known: ${client.reason}`)
  }
  if (!matchesCidrs(compiledOf(trigger.ipWhitelist), client.address)) {
    const entries = trigger.ipWhitelist.length
    throw new Rejection(
      'ip_not_allowed',
      `${client.address} is on none of ${entries} entries of the whitelist`,
    )
  }
  attempt.ipAllowed = true
  checks.pass()
}

/** Settings are replaced as a whole when they change, so what was compiled for a list goes with it. */
const compiled = new WeakMap<readonly string[], CompiledCidrs>()

function compiledOf(whitelist: readonly string[]): CompiledCidrs {
  const known = compiled.get(whitelist)
  if (known !== undefined) return known
  const fresh = compileCidrs(whitelist)
  compiled.set(whitelist, fresh)
  return fresh
}
