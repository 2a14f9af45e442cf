import { and, eq, gte, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { type LogFilter, type LogOutcome, lowerAscii, REJECTED_STATUS_MIN } from '../core/log-filter.ts'
import { REJECTIONS, type RejectionCode } from '../core/rejection.ts'
import { webhookEventLog as log } from './schema.ts'

export type StoredLogRow = typeof log.$inferSelect

/** What the database and `matchesLogFilter` look for a text in. */
const SEARCHED = sql`lower(concat_ws(chr(10), ${log.triggerRef}, ${log.userAgent}, ${log.errorMessage},
  host(${log.sourceIp}), ${log.id}::text, ${log.eventId}::text) collate "C")`

/** The rows of a filter, as the database understands it; `matchesLogFilter` has to say the same. */
export function whereOf(filter: LogFilter): SQL | undefined {
  const { triggerRef, statusCode, errorCode, sourceIp, outcome, text, since, until } = filter
  return and(
    triggerRef === undefined ? undefined : eq(log.triggerRef, triggerRef),
    ofStatus(statusCode),
    errorCode === undefined ? undefined : eq(log.errorCode, errorCode),
    sourceIp === undefined ? undefined : eq(log.sourceIp, sourceIp),
    ofOutcome(outcome),
    text === undefined ? undefined : sql`strpos(${SEARCHED}, ${lowerAscii(text)}) > 0`,
    since && gte(log.created, since),
    until && lt(log.created, until),
  )
}

/** A code has one status, and both are of refused attempts only: who gives them together has said it twice. */
export function withoutRepetition(filter: LogFilter): LogFilter {
  const { statusCode, errorCode, outcome } = filter
  const isRefused = errorCode !== undefined || (statusCode ?? 0) >= REJECTED_STATUS_MIN
  return {
    ...filter,
    ...(statusCode === statusOf(errorCode) && { statusCode: undefined }),
    ...(outcome === 'refused' && isRefused && { outcome: undefined }),
  }
}

const statusOf = (errorCode: string | undefined): number | undefined =>
  errorCode !== undefined && Object.hasOwn(REJECTIONS, errorCode)
    ? REJECTIONS[errorCode as RejectionCode].status
    : undefined

/**
 * Whether there can be no such row, which would take long to see. A constraint of the table gives a code to rejections and to nothing
 * else, a code has one status, and an attempt that is not rejected is answered 200, or 204 when it is a handshake.
 */
export function isContradiction({ statusCode, errorCode, outcome }: LogFilter): boolean {
  if (outcome !== undefined && outcome !== 'refused' && errorCode !== undefined) return true
  if (statusCode === undefined) return false
  if (outcome !== undefined && (outcome === 'refused') !== statusCode >= REJECTED_STATUS_MIN) return true
  if (statusOf(errorCode) !== undefined) return true
  return (
    statusCode < REJECTED_STATUS_MIN && (!SUCCESS_STATUSES.includes(statusCode) || errorCode !== undefined)
  )
}

const SUCCESS_STATUSES = [200, 204]

/** Said twice for rejections, because their index is proven to fit only by the constant. */
function ofStatus(statusCode: number | undefined): SQL | undefined {
  if (statusCode === undefined) return undefined
  const same = eq(log.statusCode, statusCode)
  return statusCode < REJECTED_STATUS_MIN ? same : and(same, sql`${log.statusCode} >= 400`)
}

/** A row has an error code when it was turned away, and only then; the index of refused rows is one of those that have one. */
function ofOutcome(outcome: LogOutcome | undefined): SQL | undefined {
  switch (outcome) {
    case undefined:
      return undefined
    case 'refused':
      return isNotNull(log.errorCode)
    case 'accepted':
      return and(isNull(log.errorCode), isNull(log.outcome))
    default:
      return eq(log.outcome, outcome)
  }
}
