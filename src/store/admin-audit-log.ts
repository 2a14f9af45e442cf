import { and, desc, eq, getTableColumns, gte, lt, sql } from 'drizzle-orm'
import type { TransactionSql } from 'postgres'
import { type AuditPosition, encodeAuditCursor } from '../core/audit-cursor.ts'
import type { Page } from '../core/cursor.ts'
import type { AdminDatabase } from './admin-database.ts'
import { adminAuditLog } from './schema.ts'

/** A row as it is listed. */
export type StoredAuditRow = Omit<typeof adminAuditLog.$inferSelect, 'xact'>

export interface AuditFilter {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly target?: string | undefined
  /** Inclusive. */
  readonly since?: Date | undefined
  /** Exclusive. */
  readonly until?: Date | undefined
}

/** Who changed what. Triggers of the tables write it, and `recordAction` what they do not see. */
export class AdminAuditLog {
  readonly #database: AdminDatabase

  constructor(database: AdminDatabase) {
    this.#database = database
  }

  /** Writes down what changes nothing in the database, before it is done. */
  async record(action: string, target: string, values: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#database.transaction((tx) => recordAction(tx, action, target, values))
  }

  /** Newest first. */
  async list(filter: AuditFilter, limit: number, after: AuditPosition | null): Promise<Page<StoredAuditRow>> {
    const log = adminAuditLog
    const rows = await this.#database.query((database) =>
      database
        .select(columns)
        .from(log)
        .where(
          and(
            filter.actor === undefined ? undefined : eq(log.actor, filter.actor),
            filter.action === undefined ? undefined : eq(log.action, filter.action),
            filter.target === undefined ? undefined : eq(log.target, filter.target),
            filter.since && gte(log.created, filter.since),
            filter.until && lt(log.created, filter.until),
            after === null
              ? undefined
              : sql`(${log.created}, ${log.id}) < (${after.created.toISOString()}::timestamptz, ${String(after.id)}::bigint)`,
          ),
        )
        .orderBy(desc(log.created), desc(log.id))
        .limit(limit + 1),
    )
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      rows: page,
      nextCursor: rows.length > limit && last !== undefined ? encodeAuditCursor(last) : null,
    }
  }
}

const { xact: _xact, ...columns } = getTableColumns(adminAuditLog)

/** The target of what is done to all triggers at once. */
export const EVERYTHING = '*'

/** Writes down, in the transaction of whoever acts, what changes no row of a table that is watched. */
export async function recordAction(
  tx: TransactionSql,
  action: string,
  target: string,
  values: Readonly<Record<string, unknown>> | null,
): Promise<void> {
  await tx.unsafe('select attune.record_admin_action($1, $2, null, $3::text::jsonb)', [
    action,
    target,
    values === null ? null : JSON.stringify(values),
  ])
}
