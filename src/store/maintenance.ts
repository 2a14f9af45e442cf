import {
  ADMIN_AUDIT_DAYS_MAX,
  ADMIN_AUDIT_ROWS_MAX,
  ADMIN_SESSION_IDLE_SECONDS_MAX,
  API_TOKEN_KEPT_DAYS,
  DELIVERIES_PRUNED_BATCHES_MAX,
  DELIVERIES_PRUNED_ROWS_MAX,
  SECRET_KEPT_DAYS,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { describeFault, type Engine, type Pool } from './connection.ts'

const PARTITION_DAYS_AHEAD = 7
const MAINTENANCE_INTERVAL_MS = 10 * 60_000
const MAINTENANCE_MS_MAX = 120_000

/** Tables whose rows are rewritten all the time, which the embedded database does not vacuum by itself. */
const REWRITTEN_TABLES = [
  'webhook_rate_limit',
  'webhook_stats_hourly',
  'webhook_stats_minutely',
  'trigger',
  'trigger_change',
  'webhook_secret',
  'webhook_delivery',
  'webhook_rejected_body',
  'admin_audit_log',
  'admin_session',
  'api_token',
  'event_search_state',
]

const PRUNE_SESSIONS = `
  delete from attune.admin_session
  where expires <= now() or last_seen <= now() - make_interval(secs => $1::integer)`

const PRUNE_TOKENS = `
  delete from attune.api_token
  where least(revoked, expires) < now() - make_interval(days => $1::integer)`

/**
 * What has to be done now and then: partitions ahead, retention, and for the embedded database the vacuums that
 * a server would do by itself. A failure is logged and tried again; intake never waits for any of it.
 */
export class Maintenance {
  readonly #engine: Engine
  readonly #pool: Pool
  readonly #log: Log
  readonly #retentionDays: number
  #timer: ReturnType<typeof setInterval> | null = null

  constructor(engine: Engine, pool: Pool, log: Log, retentionDays: number) {
    this.#engine = engine
    this.#pool = pool
    this.#log = log
    this.#retentionDays = retentionDays
  }

  /** Makes today's partitions before the first attempt comes, then goes on by itself. */
  async start(): Promise<void> {
    await this.run()
    this.#timer = setInterval(() => void this.run(), MAINTENANCE_INTERVAL_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  async run(): Promise<void> {
    try {
      const [done] = await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe<{ partitions_created: number; partitions_dropped: number }[]>(
          'select * from attune.maintain($1::integer, $2::integer)',
          [this.#retentionDays, PARTITION_DAYS_AHEAD],
        ),
      )
      if (done !== undefined && done.partitions_created + done.partitions_dropped > 0) {
        this.#log.info('partitions were brought up to date', { ...done })
      }
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe(
          `delete from attune.webhook_secret
           where secret is not null and expires < now() - make_interval(days => $1::integer)`,
          [SECRET_KEPT_DAYS],
        ),
      )
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe('select attune.prune_webhook_stats_minutely()'),
      )
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe(PRUNE_SESSIONS, [ADMIN_SESSION_IDLE_SECONDS_MAX]),
      )
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) => sql.unsafe(PRUNE_TOKENS, [API_TOKEN_KEPT_DAYS]))
      await this.#pruneDeliveries()
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe('select attune.prune_webhook_rejected_bodies($1::integer)', [this.#retentionDays]),
      )
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe('select attune.maintain_event_search($1::integer)', [this.#retentionDays]),
      )
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe('select attune.prune_admin_audit_log($1::integer, $2::integer)', [
          ADMIN_AUDIT_DAYS_MAX,
          ADMIN_AUDIT_ROWS_MAX,
        ]),
      )
      if (this.#engine.kind !== 'embedded') return
      await this.#vacuum()
      await this.#analyze()
    } catch (error) {
      this.#log.warn('maintenance did not succeed and will be tried again', {
        reason: error instanceof Error && error.name === 'Rejection' ? error.message : describeFault(error),
      })
    }
  }

  /** A transaction at a time, so that no attempt waits for many rows. */
  async #pruneDeliveries(): Promise<void> {
    for (let batch = 0; batch < DELIVERIES_PRUNED_BATCHES_MAX; batch += 1) {
      const [row] = await this.#pool.run(MAINTENANCE_MS_MAX, (sql) =>
        sql.unsafe<{ pruned: number }[]>('select attune.prune_webhook_deliveries($1::integer) as pruned', [
          DELIVERIES_PRUNED_ROWS_MAX,
        ]),
      )
      if ((row?.pruned ?? 0) < DELIVERIES_PRUNED_ROWS_MAX) return
    }
  }

  /** Without figures the planner takes a rare value for a common one, and reads all rows of a day to find it. */
  async #analyze(): Promise<void> {
    for (const daysAgo of [0, 1]) {
      const day = new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) => sql.unsafe(`analyze attune.event_search_${day}`))
    }
  }

  async #vacuum(): Promise<void> {
    for (const table of REWRITTEN_TABLES) {
      await this.#pool.run(MAINTENANCE_MS_MAX, (sql) => sql.unsafe(`vacuum (analyze) attune.${table}`))
    }
  }
}
