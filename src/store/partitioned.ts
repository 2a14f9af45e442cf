import { and, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { leastRequestId, requestIdTimeMs } from '../core/request-id.ts'

/** A table whose primary key is a request id, partitioned by the time inside that id. */
interface PartitionedKey {
  readonly id: PgColumn
  readonly time: PgColumn
}

/** The row with this id, if there is one: the id's time leads to the partition. */
export function byId({ id, time }: PartitionedKey, wanted: string): SQL | undefined {
  const timeMs = requestIdTimeMs(wanted)
  return timeMs === null ? sql`false` : and(eq(id, wanted), eq(time, new Date(timeMs)))
}

/** The rows of an instant and later. The time leads to the partitions, the id into their indexes. */
export function fromInstant({ id, time }: PartitionedKey, from: Date): SQL | undefined {
  return and(gte(id, leastRequestId(Math.max(0, from.getTime()))), gte(time, from))
}

/** The rows before an instant. */
export function untilInstant({ id, time }: PartitionedKey, until: Date): SQL | undefined {
  return and(lt(id, leastRequestId(Math.max(0, until.getTime()))), lt(time, until))
}

/** The rows before a cursor. They are not younger than it, which spares the younger partitions. */
export function beforeCursor({ id, time }: PartitionedKey, cursorId: string | null): SQL | undefined {
  if (cursorId === null) return undefined
  const timeMs = requestIdTimeMs(cursorId)
  return timeMs === null ? sql`false` : and(lt(id, cursorId), lt(time, new Date(timeMs + 1)))
}
