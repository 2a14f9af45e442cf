import { Rejection } from '../core/rejection.ts'
import type { Attempt, Chain } from './attempt.ts'
import type { ReceiverDeps } from './deps.ts'

/**
 * Step 6: no more than so many requests in one window. Turns away with `rate_limited`, and says when to come back.
 *
 * Rejected requests count too, so a sender that ignores the 429 stays limited until the window ends.
 *
 * @see draft-ietf-httpapi-ratelimit-headers-10 for `RateLimit` and `RateLimit-Policy`
 */
export const rateLimit =
  ({ rateLimitCounter }: ReceiverDeps) =>
  (chain: Chain) =>
    // `async` whether or not it waits: Elysia awaits a hook by its looks, and a guard that is not awaited is none.
    chain.onBeforeHandle(async ({ attempt }) => {
      const { rateLimit: limit, webhookKey } = attempt.trigger
      attempt.checks.begin('rate_limit')
      if (limit === null) {
        attempt.checks.off()
        return
      }
      const count = rateLimitCounter.count(webhookKey, limit.requests, limit.windowSeconds)
      attempt.rateLimitCount = count instanceof Promise ? await count : count
      if (attempt.rateLimitCount.verdict?.allowed === false) refuseOverLimit(attempt)
      attempt.checks.pass()
    })

/** Also for one that was let on and turned out to be over the limit when it was counted with its batch. */
export function refuseOverLimit(attempt: Attempt): never {
  const { rateLimitCount: count } = attempt
  if (count?.verdict == null) throw new Error('an attempt without a count is over its limit')
  const {
    requests,
    windowSeconds,
    verdict: { resetMs },
  } = count
  attempt.rateLimited = true
  attempt.checks.begin('rate_limit')
  const retryAfterSeconds = Math.max(1, Math.ceil(resetMs / 1000))
  throw new Rejection('rate_limited', `more than ${requests} requests in ${windowSeconds} seconds`, {
    headers: {
      'retry-after': String(retryAfterSeconds),
      ratelimit: `"default";r=0;t=${retryAfterSeconds}`,
      'ratelimit-policy': `"default";q=${requests};w=${windowSeconds}`,
    },
  })
}
