import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import { encodeCursor, type Page } from '../core/cursor.ts'
import { Rejection } from '../core/rejection.ts'
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

/** The audit trail: one row for each attempt, accepted or not. */
export class WebhookEventLog {
  readonly #database: AdminDatabase

  constructor(database: AdminDatabase) {
    this.#database = database
  }

  /** @throws Rejection `log_row_unknown` */
  async read(id: string): Promise<StoredLogRow> {
    const [row] = await this.#database.query((database) =>
      database.select().from(webhookEventLog).where(byId(KEY, id)).limit(1),
    )
    if (row === undefined) throw new Rejection('log_row_unknown', `no row has the id ${id}`)
    return row
  }

  /** Newest first. */
  async list(filter: LogFilter, limit: number, cursorId: string | null): Promise<Page<StoredLogRow>> {
    const log = webhookEventLog
    const rows = await this.#database.query((database) =>
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
            beforeCursor(KEY, cursorId),
          ),
        )
        .orderBy(desc(log.id))
        .limit(limit + 1),
    )
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      rows: page,
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor(last.id) : null,
    }
  }
}

/** Said twice for rejections, because their index is proven to fit only by the constant. */
function ofStatus(statusCode: number | undefined): SQL | undefined {
  if (statusCode === undefined) return undefined
  const same = eq(webhookEventLog.statusCode, statusCode)
  return statusCode < 400 ? same : and(same, sql`${webhookEventLog.statusCode} >= 400`)
}
