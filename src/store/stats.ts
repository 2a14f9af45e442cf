import { eq, sql } from 'drizzle-orm'
import { Rejection } from '../core/rejection.ts'
import type { AdminDatabase } from './admin-database.ts'
import { webhookStatsDetailed as stats } from './schema.ts'

export type StoredStats = typeof stats.$inferSelect

/** Sums over all triggers, in the fields of one. */
export type StoredTotals = Omit<StoredStats, 'triggerId' | 'triggerRef' | 'webhookEnabled'>

/** Statistics over the time that is retained, from the view `webhook_stats_detailed`. */
export class Stats {
  readonly #database: AdminDatabase

  constructor(database: AdminDatabase) {
    this.#database = database
  }

  /** @throws Rejection `trigger_unknown` */
  async ofTrigger(ref: string): Promise<StoredStats> {
    const [row] = await this.#database.query((database) =>
      database.select().from(stats).where(eq(stats.triggerRef, ref)),
    )
    if (row === undefined) throw new Rejection('trigger_unknown', `no trigger has the ref ${ref}`)
    return row
  }

  async total(): Promise<StoredTotals> {
    const total = (column: (typeof stats)[keyof Pick<typeof stats, CountColumn>]) =>
      sql`coalesce(sum(${column}), 0)`.mapWith(Number)
    const [row] = await this.#database.query((database) =>
      database
        .select({
          totalRequests: total(stats.totalRequests),
          successfulRequests: total(stats.successfulRequests),
          failedRequests: total(stats.failedRequests),
          rateLimitedRequests: total(stats.rateLimitedRequests),
          hmacFailures: total(stats.hmacFailures),
          ipBlockedRequests: total(stats.ipBlockedRequests),
          eventsCreated: total(stats.eventsCreated),
          avgProcessingTimeMs: sql<number | null>`
          (sum(${stats.avgProcessingTimeMs} * ${stats.totalRequests})
            / nullif(sum(${stats.totalRequests}), 0))::double precision`,
          lastRequestAt: sql<Date | null>`max(${stats.lastRequestAt})`.mapWith(stats.lastRequestAt),
        })
        .from(stats),
    )
    if (row === undefined) throw new Error('the sum over all statistics returned no row')
    return row
  }
}

type CountColumn =
  | 'totalRequests'
  | 'successfulRequests'
  | 'failedRequests'
  | 'rateLimitedRequests'
  | 'hmacFailures'
  | 'ipBlockedRequests'
  | 'eventsCreated'
