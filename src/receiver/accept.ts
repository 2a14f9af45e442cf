import { Rejection } from '../core/rejection.ts'
import { requestIdTime } from '../core/request-id.ts'
import type { Attempt } from './attempt.ts'
import type { BodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
import { requireAddress } from './ip-whitelist.ts'
import { readBody, requireSize } from './payload-size.ts'
import { refuseOverLimit } from './rate-limit.ts'
import { signatureRequirement } from './signature.ts'
import { requireEnabled } from './webhook-enabled.ts'

/**
 * Step 8: stores the event and its audit row in one transaction, then answers 200. Turns away with `store_unavailable`;
 * a 2xx means that both are on disk.
 */
export const accept = (deps: ReceiverDeps, budget: BodyBudget) => {
  const { intakeWriter, metrics, bodyBytesMax } = deps
  const recheck = recheckWith(deps)
  return async function acceptAttempt({ attempt }: { attempt: Attempt }): Promise<object> {
    const body = await readBody(attempt, bodyBytesMax, budget)
    await recheck(attempt, body)
    const { contentType, rateLimitCount } = attempt
    const outcome = await intakeWriter.accept({
      ...attempt.auditRecord(),
      headers: attempt.keptHeaders(),
      contentType,
      body,
      rateLimitCount,
    })
    if (outcome === 'over_limit') refuseOverLimit(attempt)
    attempt.release?.()
    const { triggerRef } = attempt.trigger
    metrics.countAttempt(triggerRef, 'accepted')
    return {
      data: {
        event_id: attempt.id,
        trigger_ref: triggerRef,
        received_at: requestIdTime(attempt.id).toISOString(),
        message: 'The webhook was received and stored.',
      },
    }
  }
}

/**
 * A body may take half a minute, and settings can change meanwhile; a change is in force when its answer arrives, also for a request that
 * is half-way in. Where they have changed, what they decide now counts. The request was counted already.
 */
const recheckWith = (deps: ReceiverDeps) => {
  const { triggerCache, bodyBytesMax } = deps
  const requireSignature = signatureRequirement(deps)
  return async (attempt: Attempt, body: Uint8Array): Promise<void> => {
    const current = await triggerCache.byKey(attempt.trigger.webhookKey)
    if (current === attempt.settings) return
    if (current === null) throw new Rejection('webhook_unknown', 'the key was ended while the body came in')
    attempt.settings = current
    requireEnabled(attempt)
    requireSize(attempt, body.byteLength, bodyBytesMax)
    requireAddress(attempt)
    await requireSignature(attempt, body)
  }
}
