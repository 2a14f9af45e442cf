import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { requestIdTimeMs } from '../core/request-id.ts'

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

/** The rows before a cursor. They are not younger than it, which spares the younger partitions. */
export function beforeCursor({ id, time }: PartitionedKey, cursorId: string | null): SQL | undefined {
  if (cursorId === null) return undefined
  const timeMs = requestIdTimeMs(cursorId)
  return timeMs === null ? sql`false` : and(lt(id, cursorId), lt(time, new Date(timeMs + 1)))
}
