import { firstHeaders } from '../core/headers.ts'
import { keptQuery } from '../core/kept-request.ts'
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
  { intakeWriter, metrics, rejectedBodyWriter }: ReceiverDeps,
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
  attempt.checks.refuse()
  const isSingle = intakeWriter.record({
    ...attempt.auditRecord(),
    // In a flood most are merged, and nobody asks for theirs.
    get headers() {
      return firstHeaders(attempt.keptHeaders(), REJECTED_HEADERS_LENGTH_MAX)
    },
    get checks() {
      return attempt.checks.encode()
    },
    statusCode: rejection.status,
    errorCode: rejection.code,
    errorMessage: rejection.reason,
    elapsedMs: performance.now() - attempt.startedAtMs,
  })
  // Nobody would find what belongs to a merged row.
  if (isSingle && IS_OF_SIGNATURE.has(rejection.code)) keep(attempt, rejectedBodyWriter)
}

const IS_OF_SIGNATURE: ReadonlySet<string> = new Set(['signature_missing', 'signature_invalid'])

/** Keeps what an administrator needs to see why, off this path. */
function keep(attempt: Attempt, writer: ReceiverDeps['rejectedBodyWriter']): void {
  const { id, request, trigger, body } = attempt
  if (!writer.hasRoom(trigger.triggerId, body?.byteLength ?? 0)) return
  writer.keep({
    id,
    triggerId: trigger.triggerId,
    method: request.method,
    query: keptQuery(request.url, trigger.signature?.settings.compiled ?? null),
    headers: attempt.keptHeaders(),
    body,
  })
}
