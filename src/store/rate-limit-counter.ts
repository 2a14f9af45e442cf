import { QUERY_MS_MAX, RATE_LIMIT_QUEUE_MAX, TRIGGER_CACHE_MAX } from '../core/limits.ts'
import { Batcher } from './batcher.ts'
import type { Pool } from './connection.ts'
import { LruMap } from './lru-map.ts'

export interface RateLimitVerdict {
  readonly allowed: boolean
  /** Requests that the window has left after this one. */
  readonly remaining: number
  /** Until the window ends, by the database's clock. */
  readonly resetMs: number
}

interface Request {
  readonly key: string
  readonly requests: number
  readonly windowSeconds: number
}

/** A key over its limit, remembered until its window ends; other settings make it void. */
interface Block extends Request {
  readonly untilMs: number
}

const BATCH_MAX = 1_024

/**
 * Counts requests for each webhook key, exact across all processes that share the database.
 *
 * One upsert counts all keys of a batch. The row it returns holds the count after the batch, so each request of the
 * batch gets an ordinal of its own, and exactly the first `requests` ordinals of a window pass. The upsert itself does not
 * wait for the disk: whatever it lets in is committed behind it in the same log, so no accepted request can be on disk without
 * its count.
 */
export class RateLimitCounter {
  readonly #pool: Pool
  readonly #batcher: Batcher<Request, RateLimitVerdict>
  readonly #blocked = new LruMap<string, Block>(TRIGGER_CACHE_MAX)

  constructor(pool: Pool) {
    this.#pool = pool
    this.#batcher = new Batcher({
      name: 'rate-limit counts',
      batchMax: BATCH_MAX,
      queueMax: RATE_LIMIT_QUEUE_MAX,
      run: (batch) => this.#count(batch),
    })
  }

  get queueLength(): number {
    return this.#batcher.length
  }

  /**
   * Counts one request, rejected or not.
   *
   * @throws Rejection `store_unavailable` when it cannot be counted
   */
  count(key: string, requests: number, windowSeconds: number): RateLimitVerdict | Promise<RateLimitVerdict> {
    const block = this.#blocked.get(key)
    if (block !== undefined) {
      const resetMs = block.untilMs - performance.now()
      if (resetMs > 0 && block.requests === requests && block.windowSeconds === windowSeconds) {
        return { allowed: false, remaining: 0, resetMs }
      }
      this.#blocked.delete(key)
    }
    return this.#batcher.add({ key, requests, windowSeconds })
  }

  async #count(batch: readonly Request[]): Promise<readonly RateLimitVerdict[]> {
    // A setting that changed within the batch: the later one holds for all of it.
    const groups = new Map<string, { windowSeconds: number; hits: number }>()
    for (const { key, windowSeconds } of batch) {
      groups.set(key, { windowSeconds, hits: (groups.get(key)?.hits ?? 0) + 1 })
    }
    const entries = [...groups]
    const askedAtMs = performance.now()
    const rows = await this.#pool.run(QUERY_MS_MAX, (sql) =>
      sql.unsafe<CountRow[]>(
        COUNT,
        [
          entries.map(([key]) => key),
          entries.map(([, { windowSeconds }]) => windowSeconds),
          entries.map(([, { hits }]) => hits),
        ],
        { prepare: true },
      ),
    )
    const counted = new Map(rows.map((row) => [row.webhook_key, row]))
    return batch.map((request) => this.#judge(request, counted, groups, askedAtMs))
  }

  /** Takes the next ordinal of the request's key. */
  #judge(
    { key, requests, windowSeconds }: Request,
    counted: ReadonlyMap<string, CountRow>,
    groups: Map<string, { windowSeconds: number; hits: number }>,
    askedAtMs: number,
  ): RateLimitVerdict {
    const row = counted.get(key)
    const group = groups.get(key)
    if (row === undefined || group === undefined)
      throw new Error('a rate-limit count returned no row for its key')
    const ordinal = row.request_count - group.hits + 1
    group.hits -= 1
    const allowed = ordinal <= requests
    if (!allowed) {
      this.#blocked.set(key, { key, requests, windowSeconds, untilMs: askedAtMs + row.reset_ms })
    }
    return { allowed, remaining: Math.max(0, requests - ordinal), resetMs: row.reset_ms }
  }
}

interface CountRow {
  webhook_key: string
  request_count: number
  reset_ms: number
}

/** Keys are taken in order, so that two processes that count the same ones never wait for each other in a circle. */
const COUNT = `
  with quick as materialized (
    select set_config('synchronous_commit', 'off', true)
  ), request as materialized (
    select
      r.webhook_key,
      attune.webhook_window_start(statement_timestamp(), r.window_seconds) as window_start,
      r.window_seconds,
      r.hits
    from quick, unnest($1::text[], $2::integer[], $3::integer[]) as r (webhook_key, window_seconds, hits)
    order by r.webhook_key
  ), counted as (
    insert into attune.webhook_rate_limit as w (webhook_key, window_start, request_count)
    select webhook_key, window_start, hits from request
    on conflict (webhook_key, window_start) do update set request_count = w.request_count + excluded.request_count
    returning w.webhook_key, w.request_count
  )
  select
    c.webhook_key,
    c.request_count,
    (extract(epoch from (
      r.window_start + make_interval(secs => r.window_seconds) - statement_timestamp()
    )) * 1000)::double precision as reset_ms
  from counted c
  join request r on r.webhook_key = c.webhook_key`
