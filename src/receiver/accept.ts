import type { Delivery } from '../core/deduplication.ts'
import { Rejection } from '../core/rejection.ts'
import { requestIdTime } from '../core/request-id.ts'
import type { Attempt } from './attempt.ts'
import type { BodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
import { requireAddress } from './ip-whitelist.ts'
import { readBody, requireSize } from './payload-size.ts'
import { refuseOverLimit } from './rate-limit.ts'
import { requestOf, signatureRequirement } from './signature.ts'
import { requireEnabled } from './webhook-enabled.ts'

/**
 * Step 8: stores the event and its audit row in one transaction, then answers 200. Turns away with `store_unavailable`;
 * a 2xx means that both are on disk, or that the event of this delivery was there already. Of a sender whose ids are good for one use,
 * it turns away with `signature_invalid` who brings one again with another body.
 */
export const accept = (deps: ReceiverDeps, budget: BodyBudget) => {
  const { intakeWriter, metrics, bodyBytesMax } = deps
  const recheck = recheckWith(deps)
  return async function acceptAttempt({ attempt }: { attempt: Attempt }): Promise<object> {
    const body = await readBody(attempt, bodyBytesMax, budget)
    await recheck(attempt, body)
    const { contentType, rateLimitCount } = attempt
    // Whatever was looked up again on the way is no check's time.
    attempt.checks.start()
    attempt.checks.begin('store')
    const outcome = await intakeWriter.accept({
      ...attempt.auditRecord(),
      headers: attempt.keptHeaders(),
      checks: attempt.checks.encodeStored(),
      contentType,
      body,
      rateLimitCount,
      delivery: deliveryOf(attempt, body, deps),
    })
    if (outcome.verdict === 'over_limit') refuseOverLimit(attempt)
    if (outcome.verdict === 'replayed') refuseReplayed(attempt, outcome.firstEventId)
    attempt.release?.()
    const { triggerRef } = attempt.trigger
    metrics.countAttempt(triggerRef, outcome.verdict === 'duplicate' ? 'duplicate' : 'accepted')
    const eventId = outcome.verdict === 'duplicate' ? outcome.firstEventId : attempt.id
    return {
      data: {
        event_id: eventId,
        trigger_ref: triggerRef,
        received_at: requestIdTime(eventId).toISOString(),
        ...ANSWERS[outcome.verdict],
      },
    }
  }
}

const ANSWERS = {
  stored: { message: 'The webhook was received and stored.' },
  duplicate: { message: 'The webhook was received and stored before.', duplicate: true },
  conflict: {
    message: 'The webhook was received and stored; another body came under its id before.',
    conflict: true,
  },
} as const

/** Only what has been verified is claimed: a stranger could otherwise suppress an event by naming it first, or fill the ledger. */
function deliveryOf(attempt: Attempt, body: Uint8Array, deps: ReceiverDeps): Delivery | null {
  const { deduplication } = attempt.trigger
  if (deduplication === null || attempt.hmacVerified !== true) return null
  return deduplication.deliveryOf(requestOf(attempt, body, deps))
}

/** @throws Rejection `signature_invalid` */
function refuseReplayed(attempt: Attempt, firstEventId: string): never {
  attempt.hmacVerified = false
  attempt.verifiedBy = null
  attempt.checks.begin('signature')
  const reason = `what was signed is good for one use, and event ${firstEventId} has used it with another body`
  throw new Rejection('signature_invalid', reason)
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
