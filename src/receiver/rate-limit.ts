import { Rejection } from '../core/rejection.ts'
import type { Chain } from './attempt.ts'
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
    chain.onBeforeHandle(async ({ attempt }) => {
      const { rateLimit: limit, webhookKey } = attempt.trigger
      if (limit === null) return
      const { requests, windowSeconds } = limit
      const verdict = await rateLimitCounter.count(webhookKey, requests, windowSeconds)
      if (verdict.allowed) return
      attempt.rateLimited = true
      const retryAfterSeconds = Math.max(1, Math.ceil(verdict.resetMs / 1000))
      throw new Rejection('rate_limited', `more than ${requests} requests in ${windowSeconds} seconds`, {
        headers: {
          'retry-after': String(retryAfterSeconds),
          ratelimit: `"default";r=0;t=${retryAfterSeconds}`,
          'ratelimit-policy': `"default";q=${requests};w=${windowSeconds}`,
        },
      })
    })
