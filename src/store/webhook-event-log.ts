import { and, desc, gte, inArray, lt } from 'drizzle-orm'
import { encodeCursor, type Page } from '../core/cursor.ts'
import {
  LOG_SEARCH_MS_MAX,
  LOG_SEARCH_QUICK_MS,
  LOG_SEARCH_ROWS_FIRST,
  LOG_SEARCH_ROWS_MAX,
} from '../core/limits.ts'
import { type LogFilter, REJECTED_STATUS_MIN } from '../core/log-filter.ts'
import { Rejection } from '../core/rejection.ts'
import { leastRequestId, requestIdTimeMs } from '../core/request-id.ts'
import type { AdminDatabase } from './admin-database.ts'
import { isContradiction, type StoredLogRow, whereOf, withoutRepetition } from './log-filter.ts'
import { beforeCursor, byId } from './partitioned.ts'
import { webhookEventLog } from './schema.ts'

export type { LogFilter, StoredLogRow }

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
  constructor(database: AdminDatabase, searchMsMax = LOG_SEARCH_MS_MAX) {
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
    return isWalked(filter) ? this.#walk(filter, limit, cursorId) : this.#search(filter, limit, cursorId)
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

  /**
   * What no index helps to find is looked for among so many rows at a time, in the order of the page: those that the rest of the filter
   * leaves, which has an index. So a step costs the same wherever the rows are dense or sparse, and whatever the database guesses.
   */
  async #walk(filter: LogFilter, limit: number, cursorId: string | null): Promise<Page<StoredLogRow>> {
    const startedAtMs = performance.now()
    const steps = stepsOf(filter)
    const rows: StoredLogRow[] = []
    let rowsAtOnce = LOG_SEARCH_ROWS_FIRST
    for (let beforeId = cursorId; ; ) {
      const stepStartedAtMs = performance.now()
      const lastId = await this.#idBehind(steps, beforeId, rowsAtOnce)
      rows.push(...(await this.#readDownTo(filter, limit + 1 - rows.length, beforeId, lastId)))
      if (rows.length > limit || lastId === null) return pageOf(rows, limit)
      const nowMs = performance.now()
      if (nowMs - startedAtMs >= this.#searchMsMax) return { rows, nextCursor: encodeCursor(lastId) }
      if (nowMs - stepStartedAtMs < LOG_SEARCH_QUICK_MS)
        rowsAtOnce = Math.min(LOG_SEARCH_ROWS_MAX, 2 * rowsAtOnce)
      beforeId = lastId
    }
  }

  /** The last of so many rows before an id; `null` when there are not so many. */
  async #idBehind(filter: LogFilter, beforeId: string | null, rows: number): Promise<string | null> {
    const [last] = await this.#database.query((database) =>
      database
        .select({ id: webhookEventLog.id })
        .from(webhookEventLog)
        .where(and(whereOf(filter), beforeCursor(KEY, beforeId)))
        .orderBy(desc(webhookEventLog.id))
        .offset(rows - 1)
        .limit(1),
    )
    return last?.id ?? null
  }

  /** @param lastId - inclusive; `null`: all there are */
  #readDownTo(
    filter: LogFilter,
    rowsMax: number,
    beforeId: string | null,
    lastId: string | null,
  ): Promise<StoredLogRow[]> {
    const lastMs = lastId === null ? null : requestIdTimeMs(lastId)
    return this.#database.query((database) =>
      database
        .select()
        .from(webhookEventLog)
        .where(
          and(
            whereOf(filter),
            beforeCursor(KEY, beforeId),
            lastId === null ? undefined : gte(webhookEventLog.id, lastId),
            lastMs === null ? undefined : gte(webhookEventLog.created, new Date(lastMs)),
          ),
        )
        .orderBy(desc(webhookEventLog.id))
        .limit(rowsMax),
    )
  }

  /** The ids of the newest rows that are not older than an instant, newest first. */
  async idsSince(sinceMs: number, rowsMax: number): Promise<string[]> {
    const rows = await this.#database.query((database) =>
      database
        .select({ id: webhookEventLog.id })
        .from(webhookEventLog)
        .where(
          and(
            gte(webhookEventLog.id, leastRequestId(sinceMs)),
            gte(webhookEventLog.created, new Date(sinceMs)),
          ),
        )
        .orderBy(desc(webhookEventLog.id))
        .limit(rowsMax),
    )
    return rows.map(({ id }) => id)
  }

  /** Rows by their ids, oldest first; what is not there is left out. */
  async readAll(ids: readonly string[]): Promise<StoredLogRow[]> {
    const times = ids.map((id) => requestIdTimeMs(id) ?? 0)
    if (times.length === 0) return []
    return this.#database.query((database) =>
      database
        .select()
        .from(webhookEventLog)
        .where(
          and(
            inArray(webhookEventLog.id, [...ids]),
            // The times lead to the partitions.
            gte(webhookEventLog.created, new Date(Math.min(...times))),
            lt(webhookEventLog.created, new Date(Math.max(...times) + 1)),
          ),
        )
        .orderBy(webhookEventLog.id),
    )
  }

  async #read(
    filter: LogFilter,
    rowsMax: number,
    cursorId: string | null,
    { fromMs, toMs }: Slice,
  ): Promise<StoredLogRow[]> {
    return this.#database.query((database) =>
      database
        .select()
        .from(webhookEventLog)
        .where(
          and(
            whereOf(filter),
            fromMs === null ? undefined : gte(webhookEventLog.created, new Date(fromMs)),
            toMs === null ? undefined : lt(webhookEventLog.created, new Date(toMs)),
            beforeCursor(KEY, cursorId),
          ),
        )
        .orderBy(desc(webhookEventLog.id))
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
function hasIndex(filter: LogFilter): boolean {
  const { triggerRef, statusCode, errorCode, sourceIp, outcome } = filter
  const given = [triggerRef, statusCode, errorCode, sourceIp, outcome].filter((value) => value !== undefined)
  return (
    !isWalked(filter) &&
    (given.length === 0 ||
      (given.length === 1 && (statusCode === undefined || statusCode >= REJECTED_STATUS_MIN)))
  )
}

/** Whether it asks for something of which no index knows. */
const isWalked = ({ text, outcome }: LogFilter): boolean => text !== undefined || outcome === 'accepted'

/** Of the filter what one index has in the order of the page, the rarest first; rows are counted by that. */
function stepsOf({ triggerRef, errorCode, sourceIp, outcome, since, until }: LogFilter): LogFilter {
  const times = { since, until }
  if (sourceIp !== undefined) return { ...times, sourceIp }
  if (errorCode !== undefined) return { ...times, errorCode }
  if (outcome !== undefined && outcome !== 'accepted' && outcome !== 'refused') return { ...times, outcome }
  if (triggerRef !== undefined) return { ...times, triggerRef }
  return outcome === 'refused' ? { ...times, outcome } : times
}
