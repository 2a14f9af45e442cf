import { firstHeaders } from '../core/headers.ts'
import { REJECTED_HEADERS_LENGTH_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import type { Attempt } from './attempt.ts'
import type { ReceiverDeps } from './deps.ts'

/**
 * Records an attempt that did not become an event, before its answer leaves. Whatever was thrown is recorded, a fault of
 * ours as `internal`; what happens before the trigger is known leaves no row,
 * and is counted.
 */
export function recordRejection(
  { intakeWriter, metrics }: ReceiverDeps,
  attempt: Attempt | undefined,
  error: unknown,
): void {
  attempt?.release?.()
  if (attempt === undefined) return
  if (attempt.settings === null) {
    if (error instanceof Rejection && error.code === 'store_unavailable') metrics.countUnavailable()
    return
  }
  const rejection = error instanceof Rejection ? error : new Rejection('internal', 'a fault; see the log')
  metrics.countAttempt(attempt.settings.triggerRef, rejection.code)
  intakeWriter.record({
    ...attempt.auditRecord(),
    // In a flood most are merged, and nobody asks for theirs.
    get headers() {
      return firstHeaders(attempt.keptHeaders(), REJECTED_HEADERS_LENGTH_MAX)
    },
    statusCode: rejection.status,
    errorCode: rejection.code,
    errorMessage: rejection.reason,
    elapsedMs: performance.now() - attempt.startedAtMs,
  })
}
