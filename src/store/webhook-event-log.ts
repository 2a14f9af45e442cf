import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import { encodeCursor, type Page } from '../core/cursor.ts'
import { PAGE_SEARCH_MS_MAX } from '../core/limits.ts'
import { REJECTIONS, Rejection, type RejectionCode } from '../core/rejection.ts'
import { leastRequestId, requestIdTimeMs } from '../core/request-id.ts'
import type { AdminDatabase } from './admin-database.ts'
import { beforeCursor, byId } from './partitioned.ts'
import { webhookEventLog } from './schema.ts'

export type StoredLogRow = typeof webhookEventLog.$inferSelect

export interface LogFilter {
  readonly triggerRef?: string | undefined
  readonly statusCode?: number | undefined
  readonly errorCode?: string | undefined
  /** A canonical address. */
  readonly sourceIp?: string | undefined
  /** Inclusive. */
  readonly since?: Date | undefined
  /** Exclusive. */
  readonly until?: Date | undefined
}

const KEY = { id: webhookEventLog.id, time: webhookEventLog.created }

/** Rows of `from` and later, of before `to`; `null` is no bound. Milliseconds since 1970. */
interface Slice {
  readonly fromMs: number | null
  readonly toMs: number | null
}

/** The audit trail: one row for each attempt, accepted or not. */
export class WebhookEventLog {
  readonly #database: AdminDatabase
  readonly #searchMsMax: number

  /** @param searchMsMax - a page for which so long has been searched ends where the search has come to */
  constructor(database: AdminDatabase, searchMsMax = PAGE_SEARCH_MS_MAX) {
    this.#database = database
    this.#searchMsMax = searchMsMax
  }

  /** @throws Rejection `log_row_unknown` */
  async read(id: string): Promise<StoredLogRow> {
    const [row] = await this.#database.query((database) =>
      database.select().from(webhookEventLog).where(byId(KEY, id)).limit(1),
    )
    if (row === undefined) throw new Rejection('log_row_unknown', `no row has the id ${id}`)
    return row
  }

  /** Newest first. A page can be shorter than `limit`, and empty, although others follow: `nextCursor` alone says whether they do. */
  async list(given: LogFilter, limit: number, cursorId: string | null): Promise<Page<StoredLogRow>> {
    const filter = withoutRepetition(given)
    if (isContradiction(filter)) return { rows: [], nextCursor: null }
    if (hasIndex(filter)) return pageOf(await this.#read(filter, limit + 1, cursorId, EVERYTHING), limit)
    return this.#search(filter, limit, cursorId)
  }

  /**
   * No index is in the order of the page and has all of the filter, so what the database would read depends on its guess how many rows
   * there are. A guess that is wrong costs a slice here and not all that is retained: slices grow while they are read quickly.
   */
  async #search(filter: LogFilter, limit: number, cursorId: string | null): Promise<Page<StoredLogRow>> {
    const startedAtMs = performance.now()
    const sinceMs = filter.since?.getTime() ?? Number.NEGATIVE_INFINITY
    const newestMs = Math.min(
      Date.now(),
      filter.until?.getTime() ?? Number.POSITIVE_INFINITY,
      timeOf(cursorId),
    )
    const rows: StoredLogRow[] = []
    let days = 1
    // Rows of a clock that was ahead are in the first slice too.
    for (let slice: Slice = { fromMs: newestMs - DAY_MS, toMs: null }; ; ) {
      const sliceStartedAtMs = performance.now()
      rows.push(...(await this.#read(filter, limit + 1 - rows.length, cursorId, slice)))
      const { fromMs } = slice
      if (rows.length > limit || fromMs === null || fromMs <= sinceMs) return pageOf(rows, limit)
      const nowMs = performance.now()
      if (nowMs - startedAtMs >= this.#searchMsMax) {
        return { rows, nextCursor: encodeCursor(leastRequestId(fromMs)) }
      }
      days = nowMs - sliceStartedAtMs < QUICK_SLICE_MS ? 2 * days : Math.max(1, days / 2)
      slice = { fromMs: days > SLICE_DAYS_MAX ? null : fromMs - days * DAY_MS, toMs: fromMs }
    }
  }

  async #read(
    filter: LogFilter,
    rowsMax: number,
    cursorId: string | null,
    { fromMs, toMs }: Slice,
  ): Promise<StoredLogRow[]> {
    const log = webhookEventLog
    return this.#database.query((database) =>
      database
        .select()
        .from(log)
        .where(
          and(
            filter.triggerRef === undefined ? undefined : eq(log.triggerRef, filter.triggerRef),
            ofStatus(filter.statusCode),
            filter.errorCode === undefined ? undefined : eq(log.errorCode, filter.errorCode),
            filter.sourceIp === undefined ? undefined : eq(log.sourceIp, filter.sourceIp),
            filter.since && gte(log.created, filter.since),
            filter.until && lt(log.created, filter.until),
            fromMs === null ? undefined : gte(log.created, new Date(fromMs)),
            toMs === null ? undefined : lt(log.created, new Date(toMs)),
            beforeCursor(KEY, cursorId),
          ),
        )
        .orderBy(desc(log.id))
        .limit(rowsMax),
    )
  }
}

const EVERYTHING: Slice = { fromMs: null, toMs: null }

const DAY_MS = 86_400_000

/** A slice that took less is followed by one of twice the length. */
const QUICK_SLICE_MS = 250

/** Nothing longer is cut off at its end: 1 + 2 + 4 + … days reach beyond the usual time of retention. */
const SLICE_DAYS_MAX = 64

/** @param rows - one more than `limit` when there are so many */
function pageOf(rows: readonly StoredLogRow[], limit: number): Page<StoredLogRow> {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    rows: page,
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(last.id) : null,
  }
}

/** Its own instant belongs to what a cursor leaves to read. */
const timeOf = (cursorId: string | null): number =>
  (cursorId === null ? null : requestIdTimeMs(cursorId)) ?? Number.POSITIVE_INFINITY

/** Whether one index has the rows of the filter in the order of the page. That of the statuses has rejections only. */
function hasIndex({ triggerRef, statusCode, errorCode, sourceIp }: LogFilter): boolean {
  const given = [triggerRef, statusCode, errorCode, sourceIp].filter((value) => value !== undefined)
  return (
    given.length === 0 ||
    (given.length === 1 && (statusCode === undefined || statusCode >= REJECTED_STATUS_MIN))
  )
}

/** A code has one status: who gives both has said it twice. */
function withoutRepetition(filter: LogFilter): LogFilter {
  const { statusCode, errorCode } = filter
  if (statusCode === undefined || statusCode !== statusOf(errorCode)) return filter
  return { ...filter, statusCode: undefined }
}

const statusOf = (errorCode: string | undefined): number | undefined =>
  errorCode !== undefined && Object.hasOwn(REJECTIONS, errorCode)
    ? REJECTIONS[errorCode as RejectionCode].status
    : undefined

/**
 * Whether there can be no such row, which would take long to see. A constraint of the table gives a code to rejections and to nothing
 * else, a code has one status, and an attempt that is not rejected is answered 200, or 204 when it is a handshake.
 */
function isContradiction({ statusCode, errorCode }: LogFilter): boolean {
  if (statusCode === undefined) return false
  if (statusOf(errorCode) !== undefined) return true
  return (
    statusCode < REJECTED_STATUS_MIN && (!SUCCESS_STATUSES.includes(statusCode) || errorCode !== undefined)
  )
}

const SUCCESS_STATUSES = [200, 204]
const REJECTED_STATUS_MIN = 400

/** Said twice for rejections, because their index is proven to fit only by the constant. */
function ofStatus(statusCode: number | undefined): SQL | undefined {
  if (statusCode === undefined) return undefined
  const same = eq(webhookEventLog.statusCode, statusCode)
  return statusCode < REJECTED_STATUS_MIN ? same : and(same, sql`${webhookEventLog.statusCode} >= 400`)
}
