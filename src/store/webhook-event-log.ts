import { and, desc, gte, inArray, lt, sql } from 'drizzle-orm'
import { encodeCursor, type Page } from '../core/cursor.ts'
import {
  LOG_SEARCH_ROWS_FIRST,
  LOG_SEARCH_ROWS_MAX,
  LOG_SEARCH_ROWS_MIN,
  PAGE_SEARCH_MS_MAX,
  PAGE_SEARCH_QUICK_MS,
  PAGE_SEARCH_SLOW_MS,
} from '../core/limits.ts'
import { type LogFilter, REJECTED_STATUS_MIN } from '../core/log-filter.ts'
import { Rejection } from '../core/rejection.ts'
import { leastRequestId, requestIdTimeMs } from '../core/request-id.ts'
import type { AdminDatabase } from './admin-database.ts'
import { isContradiction, type StoredLogRow, whereOf, withoutRepetition } from './log-filter.ts'
import { beforeCursor, byId, fromInstant, untilInstant } from './partitioned.ts'
import { webhookEventLog } from './schema.ts'

export type { LogFilter, StoredLogRow }

const KEY = { id: webhookEventLog.id, time: webhookEventLog.created }

/** Rows of `from` and later, of before `to`; `null` is no bound. Milliseconds since 1970. */
interface Slice {
  readonly fromMs: number | null
  readonly toMs: number | null
}

/** So many rows before an id that an index has in the order of the page. */
interface Step {
  readonly steps: LogFilter
  readonly beforeId: string | null
  readonly rowsAtOnce: number
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
    if (hasIndex(filter)) return pageOf(await this.#readIndexed(filter, limit + 1, cursorId), limit)
    return isWalked(filter) ? this.#walk(filter, limit, cursorId) : this.#search(filter, limit, cursorId)
  }

  /**
   * No index is in the order of the page and has all of the filter, but several have a part of it. The database puts them together for
   * a slice of time, all of whose rows it finds before it puts them into order: in the order of the page, which a limit would tempt it to,
   * it would read all rows of the commonest part for a combination that is rare. Slices grow while they are read quickly.
   */
  async #search(filter: LogFilter, limit: number, cursorId: string | null): Promise<Page<StoredLogRow>> {
    const startedAtMs = performance.now()
    const sinceMs = filter.since?.getTime() ?? Number.NEGATIVE_INFINITY
    const newestMs = Math.min(
      Date.now(),
      filter.until?.getTime() ?? Number.POSITIVE_INFINITY,
      timeOf(cursorId),
    )
    const ids: string[] = []
    let lengthMs = SLICE_MS
    // Rows of a clock that was ahead are in the first slice too.
    for (let slice: Slice = { fromMs: newestMs - lengthMs, toMs: null }; ; ) {
      const sliceStartedAtMs = performance.now()
      ids.push(...(await this.#idsIn(filter, limit + 1 - ids.length, cursorId, slice)))
      const { fromMs } = slice
      if (ids.length > limit || fromMs === null || fromMs <= sinceMs) {
        return pageOf((await this.readAll(ids)).reverse(), limit)
      }
      const nowMs = performance.now()
      if (nowMs - startedAtMs >= this.#searchMsMax) {
        return { rows: (await this.readAll(ids)).reverse(), nextCursor: encodeCursor(leastRequestId(fromMs)) }
      }
      const tookMs = nowMs - sliceStartedAtMs
      if (tookMs < PAGE_SEARCH_QUICK_MS) lengthMs *= SLICE_GROWTH
      else if (tookMs > PAGE_SEARCH_SLOW_MS) lengthMs = Math.max(SLICE_MS, lengthMs / SLICE_GROWTH)
      slice = { fromMs: lengthMs > SLICE_MS_MAX ? null : fromMs - lengthMs, toMs: fromMs }
    }
  }

  async #idsIn(
    filter: LogFilter,
    rowsMax: number,
    cursorId: string | null,
    { fromMs, toMs }: Slice,
  ): Promise<string[]> {
    const { id, created } = webhookEventLog
    // Each index has the ids, which bound what is read of it in a short slice. But two that are both bounded by them the database does not
    // put together, and of a long slice that is worth more.
    const isLong = fromMs === null || (toMs ?? Date.now()) - fromMs >= LONG_SLICE_MS
    const from = fromMs === null ? undefined : new Date(fromMs)
    const to = toMs === null ? undefined : new Date(toMs)
    const where = and(
      whereOf(filter),
      from && (isLong ? gte(created, from) : fromInstant(KEY, from)),
      to && (isLong ? lt(created, to) : untilInstant(KEY, to)),
      beforeCursor(KEY, cursorId),
    )
    return this.#database.query((database) =>
      database.transaction(async (tx) => {
        // It takes the index of the refused rows for one whose rows lie side by side, and would rather read them all.
        await tx.execute(sql`set local enable_indexscan = off`)
        const rows = await tx.execute<{ id: string }>(sql`
          with found as materialized (select ${id} as id from ${webhookEventLog} where ${where})
          select found.id::text from found order by found.id desc limit ${rowsMax}`)
        return Array.from(rows, ({ id: found }) => found)
      }),
    )
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
      rows.push(...(await this.#readStep(filter, limit + 1 - rows.length, { steps, beforeId, rowsAtOnce })))
      if (rows.length > limit || lastId === null) return pageOf(rows, limit)
      const nowMs = performance.now()
      if (nowMs - startedAtMs >= this.#searchMsMax) return { rows, nextCursor: encodeCursor(lastId) }
      const tookMs = nowMs - stepStartedAtMs
      if (tookMs < PAGE_SEARCH_QUICK_MS) rowsAtOnce = Math.min(LOG_SEARCH_ROWS_MAX, 2 * rowsAtOnce)
      else if (tookMs > PAGE_SEARCH_SLOW_MS) rowsAtOnce = Math.max(LOG_SEARCH_ROWS_MIN, rowsAtOnce / 4)
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

  /**
   * Those of the filter among the rows of a step. These are a query of their own, so that the database reads them by the index that they
   * were counted by, and no other that its guess prefers.
   */
  #readStep(
    filter: LogFilter,
    rowsMax: number,
    { steps, beforeId, rowsAtOnce }: Step,
  ): Promise<StoredLogRow[]> {
    return this.#database.query((database) => {
      const step = database
        .select()
        .from(webhookEventLog)
        .where(and(whereOf(steps), beforeCursor(KEY, beforeId)))
        .orderBy(desc(webhookEventLog.id))
        .limit(rowsAtOnce)
        .as('step')
      return database.select().from(step).where(whereOf(filter, step)).orderBy(desc(step.id)).limit(rowsMax)
    })
  }

  /** By the index that has the filter. */
  #readIndexed(filter: LogFilter, rowsMax: number, beforeId: string | null): Promise<StoredLogRow[]> {
    return this.#database.query((database) =>
      database
        .select()
        .from(webhookEventLog)
        .where(and(whereOf(filter), beforeCursor(KEY, beforeId)))
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
        .where(fromInstant(KEY, new Date(sinceMs)))
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
}

/** The first slice; it is short, since nobody knows how many rows an hour has. */
const SLICE_MS = 15 * 60_000
const SLICE_GROWTH = 4
const LONG_SLICE_MS = 8 * 3_600_000

/** Nothing longer is cut off at its end: a quarter, 1, 4, 16 … hours together reach beyond the usual time of retention. */
const SLICE_MS_MAX = 64 * 86_400_000

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

/** Whether one index has the rows of the filter in the order of the page. */
function hasIndex(filter: LogFilter): boolean {
  const { triggerRef, statusCode, errorCode, sourceIp, outcome } = filter
  const given = [triggerRef, statusCode, errorCode, sourceIp, outcome].filter((value) => value !== undefined)
  return !isWalked(filter) && given.length <= 1
}

/** Whether it asks for something of which no index knows. That of the statuses has rejections only. */
const isWalked = ({ text, outcome, statusCode }: LogFilter): boolean =>
  text !== undefined || outcome === 'accepted' || (statusCode ?? REJECTED_STATUS_MIN) < REJECTED_STATUS_MIN

/** Of the filter what one index has in the order of the page, the rarest first; rows are counted by that. */
function stepsOf({ triggerRef, errorCode, sourceIp, outcome, since, until }: LogFilter): LogFilter {
  const times = { since, until }
  if (sourceIp !== undefined) return { ...times, sourceIp }
  if (errorCode !== undefined) return { ...times, errorCode }
  if (outcome !== undefined && outcome !== 'accepted' && outcome !== 'refused') return { ...times, outcome }
  if (triggerRef !== undefined) return { ...times, triggerRef }
  return outcome === 'refused' ? { ...times, outcome } : times
}
