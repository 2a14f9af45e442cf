import { and, desc, eq, gte, inArray, lt, type SQL, sql } from 'drizzle-orm'
import { encodeCursor, type Page } from '../core/cursor.ts'
import type { HeaderPair } from '../core/event.ts'
import { PAGE_BODY_BYTES_MAX, PAGE_SEARCH_MS_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import { requestIdTime } from '../core/request-id.ts'
import type { AdminDatabase } from './admin-database.ts'
import { type EventFilter, EventSearch, type Found, type FoundEvent } from './event-search.ts'
import { beforeCursor, byId, fromInstant, untilInstant } from './partitioned.ts'
import { event } from './schema.ts'

export type { EventFilter } from './event-search.ts'

/** An event without what its sender wrote. */
export interface StoredEventSummary {
  readonly id: string
  readonly triggerRef: string
  readonly contentType: string | null
  readonly payloadSizeBytes: number
  readonly sourceIp: string | null
  readonly receivedAt: Date
}

export interface StoredEvent extends StoredEventSummary {
  readonly body: Uint8Array
  readonly headers: readonly HeaderPair[]
}

const KEY = { id: event.id, time: event.receivedAt }

const summaryColumns = {
  id: event.id,
  triggerRef: event.triggerRef,
  contentType: event.contentType,
  payloadSizeBytes: event.payloadSizeBytes,
  sourceIp: event.sourceIp,
  receivedAt: event.receivedAt,
}

const columns = { ...summaryColumns, body: event.body, headers: event.headers }

/** Accepted attempts, as consumers read them. */
export class Events {
  readonly #database: AdminDatabase
  readonly #search: EventSearch
  readonly #isSearchOn: boolean

  /**
   * @param isSearchOn - whether payloads are indexed
   * @param searchMsMax - a page for which so long has been searched ends where the search has come to
   */
  constructor(database: AdminDatabase, isSearchOn = true, searchMsMax = PAGE_SEARCH_MS_MAX) {
    this.#database = database
    this.#isSearchOn = isSearchOn
    this.#search = new EventSearch(database, isSearchOn, searchMsMax)
  }

  /** @throws Rejection `event_unknown` */
  async read(id: string): Promise<StoredEvent> {
    const [row] = await this.#database.query((database) =>
      database.select(columns).from(event).where(byId(KEY, id)).limit(1),
    )
    if (row === undefined) throw new Rejection('event_unknown', `no event has the id ${id}`)
    return row
  }

  /**
   * Newest first. A page ends early when its bodies grow large, so that no page outgrows memory, and when it has been searched for long:
   * `nextCursor` alone says whether others follow.
   *
   * @throws Rejection `payload_search_off`
   */
  async list(filter: EventFilter, limit: number, cursorId: string | null): Promise<Page<StoredEvent>> {
    const found = await this.#find(filter, limit, cursorId)
    const within = withinBytes(found.rows)
    const last = within.at(-1)
    const isCut = within.length < found.rows.length && last !== undefined
    const rows = await this.#database.query((database) =>
      database.select(columns).from(event).where(among(within)).orderBy(desc(event.id)),
    )
    return {
      rows,
      nextCursor: isCut ? encodeCursor(last.id) : found.nextCursor,
    }
  }

  /** The same without reading any body. @throws Rejection `payload_search_off` */
  async summaries(
    filter: EventFilter,
    limit: number,
    cursorId: string | null,
  ): Promise<Page<StoredEventSummary>> {
    const found = await this.#find(filter, limit, cursorId)
    const rows = await this.#database.query((database) =>
      database.select(summaryColumns).from(event).where(among(found.rows)).orderBy(desc(event.id)),
    )
    return { rows, nextCursor: found.nextCursor }
  }

  async #find(filter: EventFilter, limit: number, cursorId: string | null): Promise<Found> {
    if (filter.payload !== undefined && !this.#isSearchOn) {
      throw new Rejection('payload_search_off', 'ATTUNE_PAYLOAD_SEARCH is off')
    }
    const { payload, sourceIp, text } = filter
    const isSearch = payload !== undefined || sourceIp !== undefined || text !== undefined
    return isSearch ? this.#search.find(filter, limit, cursorId) : this.#page(filter, limit, cursorId)
  }

  /** By the indexes of the events themselves. */
  async #page(filter: EventFilter, limit: number, cursorId: string | null): Promise<Found> {
    const rows = await this.#database.query((database) =>
      database
        .select({ id: event.id, payloadSizeBytes: event.payloadSizeBytes })
        .from(event)
        .where(
          and(
            filter.triggerRef === undefined ? undefined : eq(event.triggerRef, filter.triggerRef),
            filter.since && fromInstant(KEY, filter.since),
            filter.until && untilInstant(KEY, filter.until),
            beforeCursor(KEY, cursorId),
          ),
        )
        .orderBy(desc(event.id))
        .limit(limit + 1),
    )
    const last = rows[limit - 1]
    const more = rows.length > limit && last !== undefined
    return { rows: rows.slice(0, limit), nextCursor: more ? encodeCursor(last.id) : null }
  }
}

/** The events of a page; their times lead to the partitions. */
function among(found: readonly FoundEvent[]): SQL | undefined {
  const ids = found.map(({ id }) => id)
  const [newest, oldest] = [ids[0], ids.at(-1)]
  if (newest === undefined || oldest === undefined) return sql`false`
  return and(
    inArray(event.id, ids),
    gte(event.receivedAt, new Date(requestIdTime(oldest).getTime() - 1)),
    lt(event.receivedAt, new Date(requestIdTime(newest).getTime() + 1)),
  )
}

function withinBytes<Row extends { payloadSizeBytes: number }>(rows: readonly Row[]): Row[] {
  let bytes = 0
  return rows.filter((row, index) => {
    bytes += row.payloadSizeBytes
    return index === 0 || bytes <= PAGE_BODY_BYTES_MAX
  })
}
