import { requestIdTime } from '../core/request-id.ts'
import type { Attempt } from './attempt.ts'
import type { BodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
import { readBody } from './payload-size.ts'

/**
 * Step 8: stores the event and its audit row in one transaction, then answers 200. Turns away with `store_unavailable`;
 * a 2xx means that both are on disk.
 */
export const accept = ({ intakeWriter, metrics, bodyBytesMax }: ReceiverDeps, budget: BodyBudget) =>
  async function acceptAttempt({ attempt }: { attempt: Attempt }): Promise<object> {
    const body = await readBody(attempt, bodyBytesMax, budget)
    await intakeWriter.accept({ ...attempt.auditRecord(), contentType: attempt.contentType, body })
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
