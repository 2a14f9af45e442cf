import { and, eq, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import {
  type FilteredRow,
  type LogFilter,
  type LogOutcome,
  lowerAscii,
  REJECTED_STATUS_MIN,
} from '../core/log-filter.ts'
import { REJECTIONS, type RejectionCode } from '../core/rejection.ts'
import { fromInstant, untilInstant } from './partitioned.ts'
import { webhookEventLog } from './schema.ts'

export type StoredLogRow = typeof webhookEventLog.$inferSelect

/** Of the log, or of a query of its rows. */
export type LogColumns = Readonly<Record<keyof FilteredRow, PgColumn>>

/** What the database and `matchesLogFilter` look for a text in. */
const searched = (log: LogColumns): SQL =>
  sql`lower(concat_ws(chr(10), ${log.triggerRef}, ${log.userAgent}, ${log.errorMessage},
    host(${log.sourceIp}), ${log.id}::text, ${log.eventId}::text) collate "C")`

/** The rows of a filter, as the database understands it; `matchesLogFilter` has to say the same. */
export function whereOf(filter: LogFilter, log: LogColumns = webhookEventLog): SQL | undefined {
  const { triggerRef, statusCode, errorCode, sourceIp, outcome, text, since, until } = filter
  const key = { id: log.id, time: log.created }
  return and(
    triggerRef === undefined ? undefined : eq(log.triggerRef, triggerRef),
    ofStatus(log, statusCode),
    errorCode === undefined ? undefined : eq(log.errorCode, errorCode),
    sourceIp === undefined ? undefined : eq(log.sourceIp, sourceIp),
    ofOutcome(log, outcome),
    text === undefined ? undefined : sql`strpos(${searched(log)}, ${lowerAscii(text)}) > 0`,
    since && fromInstant(key, since),
    until && untilInstant(key, until),
  )
}

/**
 * A code has one status, and both are of refused attempts only: who gives them together has said it twice. Only a handshake has no
 * content, and there is an index of the handshakes.
 */
export function withoutRepetition(filter: LogFilter): LogFilter {
  const { statusCode, errorCode, outcome } = filter
  const isRefused = errorCode !== undefined || (statusCode ?? 0) >= REJECTED_STATUS_MIN
  return {
    ...filter,
    ...(statusCode === statusOf(errorCode) && { statusCode: undefined }),
    ...(outcome === 'refused' && isRefused && { outcome: undefined }),
    ...(statusCode === HANDSHAKE_STATUS && outcome === undefined && { outcome: 'handshake' }),
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

const HANDSHAKE_STATUS = 204
const SUCCESS_STATUSES = [200, HANDSHAKE_STATUS]

/** Said twice for rejections, because their index is proven to fit only by the constant. */
function ofStatus(log: LogColumns, statusCode: number | undefined): SQL | undefined {
  if (statusCode === undefined) return undefined
  const same = eq(log.statusCode, statusCode)
  return statusCode < REJECTED_STATUS_MIN ? same : and(same, sql`${log.statusCode} >= 400`)
}

/** A row has an error code when it was turned away, and only then; the index of refused rows is one of those that have one. */
function ofOutcome(log: LogColumns, outcome: LogOutcome | undefined): SQL | undefined {
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
