import { eq, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import { Rejection } from '../core/rejection.ts'
import type { AdminDatabase } from './admin-database.ts'
import { webhookStatsHourly as hourly, webhookStatsDetailed as stats } from './schema.ts'

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

  /**
   * Over all attempts that are retained, those on triggers that have been deleted since among them. They are counted under an id of
   * their own, so this costs the same however many triggers there are.
   */
  async total(): Promise<StoredTotals> {
    const [row] = await this.#database.query((database) =>
      database
        .select({
          totalRequests: total(hourly.totalRequests),
          successfulRequests: total(hourly.successfulRequests),
          failedRequests: sql`${total(hourly.totalRequests)} - ${total(hourly.successfulRequests)}`.mapWith(
            Number,
          ),
          rateLimitedRequests: total(hourly.rateLimitedRequests),
          hmacFailures: total(hourly.hmacFailures),
          ipBlockedRequests: total(hourly.ipBlockedRequests),
          eventsCreated: total(hourly.eventsCreated),
          avgProcessingTimeMs: sql<number | null>`
            round((sum(${hourly.processingTimeMsSum}) / nullif(sum(${hourly.timedRequests}), 0))::numeric, 3)::double precision`,
          lastRequestAt: sql<Date | null>`max(${hourly.lastRequestAt})`.mapWith(hourly.lastRequestAt),
        })
        .from(hourly)
        .where(eq(hourly.triggerId, ALL_TRIGGERS)),
    )
    if (row === undefined) throw new Error('the sum over all statistics returned no row')
    return row
  }
}

/** The id under which attempts of all triggers are counted; no trigger has it. */
const ALL_TRIGGERS = 0n

const total = (column: AnyPgColumn) => sql`coalesce(sum(${column}), 0)`.mapWith(Number)
