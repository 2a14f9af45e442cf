import { and, desc, eq, gte, inArray, lt } from 'drizzle-orm'
import { encodeCursor, type Page } from '../core/cursor.ts'
import type { HeaderPair } from '../core/event.ts'
import { PAGE_BODY_BYTES_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import type { AdminDatabase } from './admin-database.ts'
import { beforeCursor, byId } from './partitioned.ts'
import { event } from './schema.ts'

export interface StoredEvent {
  readonly id: string
  readonly triggerRef: string
  readonly contentType: string | null
  readonly payloadSizeBytes: number
  readonly body: Uint8Array
  readonly headers: readonly HeaderPair[]
  readonly sourceIp: string | null
  readonly receivedAt: Date
}

export interface EventFilter {
  readonly triggerRef?: string | undefined
  /** Inclusive. */
  readonly since?: Date | undefined
  /** Exclusive. */
  readonly until?: Date | undefined
}

const KEY = { id: event.id, time: event.receivedAt }

const columns = {
  id: event.id,
  triggerRef: event.triggerRef,
  contentType: event.contentType,
  payloadSizeBytes: event.payloadSizeBytes,
  body: event.body,
  headers: event.headers,
  sourceIp: event.sourceIp,
  receivedAt: event.receivedAt,
}

/** Accepted attempts, as consumers read them. */
export class Events {
  readonly #database: AdminDatabase

  constructor(database: AdminDatabase) {
    this.#database = database
  }

  /** @throws Rejection `event_unknown` */
  async read(id: string): Promise<StoredEvent> {
    const [row] = await this.#database.query((database) =>
      database.select(columns).from(event).where(byId(KEY, id)).limit(1),
    )
    if (row === undefined) throw new Rejection('event_unknown', `no event has the id ${id}`)
    return row
  }

  /** Newest first. A page ends early when its bodies grow large, so that no page outgrows memory. */
  async list(filter: EventFilter, limit: number, cursorId: string | null): Promise<Page<StoredEvent>> {
    const sizes = await this.#database.query((database) =>
      database
        .select({ id: event.id, receivedAt: event.receivedAt, payloadSizeBytes: event.payloadSizeBytes })
        .from(event)
        .where(
          and(
            filter.triggerRef === undefined ? undefined : eq(event.triggerRef, filter.triggerRef),
            filter.since && gte(event.receivedAt, filter.since),
            filter.until && lt(event.receivedAt, filter.until),
            beforeCursor(KEY, cursorId),
          ),
        )
        .orderBy(desc(event.id))
        .limit(limit + 1),
    )
    const ids = withinBytes(sizes).slice(0, limit)
    const rows = await this.#readAll(ids)
    const last = ids.at(-1)
    const more = sizes.length > ids.length
    return { rows, nextCursor: more && last !== undefined ? encodeCursor(last.id) : null }
  }

  async #readAll(ids: readonly { id: string; receivedAt: Date }[]): Promise<StoredEvent[]> {
    const newest = ids[0]
    const oldest = ids.at(-1)
    if (newest === undefined || oldest === undefined) return []
    return this.#database.query((database) =>
      database
        .select(columns)
        .from(event)
        .where(
          and(
            inArray(
              event.id,
              ids.map(({ id }) => id),
            ),
            // The times lead to the partitions.
            gte(event.receivedAt, new Date(oldest.receivedAt.getTime() - 1)),
            lt(event.receivedAt, new Date(newest.receivedAt.getTime() + 1)),
          ),
        )
        .orderBy(desc(event.id)),
    )
  }
}

function withinBytes<Row extends { payloadSizeBytes: number }>(rows: readonly Row[]): Row[] {
  let bytes = 0
  return rows.filter((row, index) => {
    bytes += row.payloadSizeBytes
    return index === 0 || bytes <= PAGE_BODY_BYTES_MAX
  })
}
