import type { RateLimitCount } from '../core/attempt.ts'
import { QUERY_MS_MAX, RATE_LIMIT_QUEUE_MAX, TRIGGER_CACHE_MAX } from '../core/limits.ts'
import { Batcher } from './batcher.ts'
import type { Pool } from './connection.ts'
import { LruMap } from './lru-map.ts'

interface Request {
  readonly key: string
  readonly requests: number
  readonly windowSeconds: number
}

/** What the database last said of a key's window. */
interface Window {
  readonly windowSeconds: number
  /** On the clock of `performance.now()`; never later than by the database's clock. */
  readonly untilMs: number
  readonly count: number
  /** Let on by this process and not in `count` yet. */
  uncounted: number
}

/** The requests of one key in a batch. A setting that changed within the batch: the later one holds for all of it. */
interface KeyBatch {
  requests: number
  windowSeconds: number
  readonly counts: RateLimitCount[]
}

export type CountBatch = ReadonlyMap<string, KeyBatch>

type CountParameters = [string[], number[], number[], number[], string, string]

const BATCH_MAX = 1_024

/** Up to this share of its limit a key's requests are let on before they are counted. */
const DEFERRED_SHARE = 0.5

/**
 * Counts requests for each webhook key, exact across all processes that share the database.
 *
 * One upsert counts all keys of a batch. The row it returns holds the count after the batch, so each request of the
 * batch gets an ordinal of its own, and exactly the first `requests` ordinals of a window pass. The upsert itself does not
 * wait for the disk: whatever it lets in is committed behind it in the same log, so no accepted request can be on disk without
 * its count.
 *
 * A request far below the limit does not wait for its count: it goes on to the checks behind, and the intake writer counts it
 * in the round trip that stores it, where it is refused after all should other processes have used up the window meanwhile. So
 * the limit stays exact, and only the round trip of its own is saved.
 */
export class RateLimitCounter {
  readonly #pool: Pool
  readonly #onDeferred: () => void
  readonly #batcher: Batcher<Request, RateLimitCount>
  readonly #windows = new LruMap<string, Window>(TRIGGER_CACHE_MAX)
  #deferred = new Map<string, KeyBatch>()
  #deferredCount = 0

  /** @param onDeferred - asked to have `takeDeferred` called soon, whether or not an attempt is stored */
  constructor(pool: Pool, onDeferred: () => void) {
    this.#pool = pool
    this.#onDeferred = onDeferred
    this.#batcher = new Batcher({
      name: 'rate-limit counts',
      batchMax: BATCH_MAX,
      queueMax: RATE_LIMIT_QUEUE_MAX,
      run: (batch) => this.#count(batch),
    })
  }

  get queueLength(): number {
    return this.#batcher.length + this.#deferredCount
  }

  get deferredCount(): number {
    return this.#deferredCount
  }

  /**
   * Counts one request, rejected or not.
   *
   * @throws Rejection `store_unavailable` when it cannot be counted
   */
  count(key: string, requests: number, windowSeconds: number): RateLimitCount | Promise<RateLimitCount> {
    const window = this.#windows.get(key)
    if (window?.windowSeconds === windowSeconds) {
      const resetMs = window.untilMs - performance.now()
      if (resetMs > 0 && window.count > requests) return { verdict: { allowed: false, resetMs } }
      if (resetMs > 0 && this.#isFarBelow(window, requests)) {
        window.uncounted += 1
        return this.#defer({ key, requests, windowSeconds })
      }
    }
    return this.#batcher.add({ key, requests, windowSeconds })
  }

  /** Everything that was let on and not counted, for the intake writer, which alone counts it. `null`: nothing. */
  takeDeferred(): CountBatch | null {
    if (this.#deferredCount === 0) return null
    const batch = this.#deferred
    this.#deferred = new Map()
    this.#deferredCount = 0
    return batch
  }

  /**
   * It could not be counted, or it is not known whether it was. It is counted again: too strict for one window is better
   * than too lax.
   */
  giveBack(batch: CountBatch): void {
    for (const [key, { requests, windowSeconds, counts }] of batch) {
      for (const count of counts) this.#put({ key, requests, windowSeconds }, count)
    }
  }

  /** Gives each request of the batch its verdict. */
  settle(batch: CountBatch, rows: readonly CountRow[], askedAtMs: number): void {
    for (const row of rows) this.#note(row, batch, askedAtMs, batch.get(row.webhook_key)?.counts.length ?? 0)
    judge(batch, rows)
  }

  #isFarBelow({ count, uncounted }: Window, requests: number): boolean {
    return count + uncounted < requests * DEFERRED_SHARE && this.#deferredCount < RATE_LIMIT_QUEUE_MAX
  }

  #defer(request: Request): RateLimitCount {
    const count: RateLimitCount = { verdict: null }
    this.#put(request, count)
    this.#onDeferred()
    return count
  }

  #put(request: Request, count: RateLimitCount): void {
    this.#deferredCount += 1
    addTo(this.#deferred, request, count)
  }

  async #count(requests: readonly Request[]): Promise<readonly RateLimitCount[]> {
    const batch = new Map<string, KeyBatch>()
    const counts = requests.map((request) => addTo(batch, request, { verdict: null }))
    const askedAtMs = performance.now()
    const rows = await this.#pool.run(QUERY_MS_MAX, (sql) =>
      sql.unsafe<CountRow[]>(COUNT, countParameters(batch, '', ''), { prepare: true }),
    )
    for (const row of rows) this.#note(row, batch, askedAtMs, 0)
    judge(batch, rows)
    return counts
  }

  #note(row: CountRow, batch: CountBatch, askedAtMs: number, deferred: number): void {
    const key = row.webhook_key
    const windowSeconds = batch.get(key)?.windowSeconds ?? 0
    const uncounted = Math.max(0, (this.#windows.get(key)?.uncounted ?? 0) - deferred)
    this.#windows.set(key, {
      windowSeconds,
      untilMs: askedAtMs + row.reset_ms,
      count: row.request_count,
      uncounted,
    })
  }
}

function addTo(
  batch: Map<string, KeyBatch>,
  { key, requests, windowSeconds }: Request,
  count: RateLimitCount,
): RateLimitCount {
  const known = batch.get(key)
  if (known === undefined) {
    batch.set(key, { requests, windowSeconds, counts: [count] })
  } else {
    known.requests = requests
    known.windowSeconds = windowSeconds
    known.counts.push(count)
  }
  return count
}

/** Each request takes the next ordinal of its key. */
function judge(batch: CountBatch, rows: readonly CountRow[]): void {
  const counted = new Map(rows.map((row) => [row.webhook_key, row]))
  for (const [key, { requests, counts }] of batch) {
    const row = counted.get(key)
    if (row === undefined) throw new Error('a rate-limit count returned no row for its key')
    const allowed = requests - (row.request_count - counts.length)
    for (const [index, count] of counts.entries()) {
      count.verdict = { allowed: index < allowed, resetMs: row.reset_ms }
    }
  }
}

export interface CountRow {
  webhook_key: string
  request_count: number
  reset_ms: number
}

/** The parameters of `COUNT`. */
export function countParameters(batch: CountBatch, token: string, before: string): CountParameters {
  const groups = [...batch]
  return [
    groups.map(([key]) => key),
    groups.map(([, { windowSeconds }]) => windowSeconds),
    groups.map(([, { counts }]) => counts.length),
    groups.map(([, { requests }]) => requests),
    token,
    before,
  ]
}

/**
 * Counts a batch: $1 keys, $2 lengths of their windows, $3 requests, $4 limits, $5 the token that the session is left with when
 * no key of the batch is over its limit, $6 the token that it must have from the count before, or empty. The intake statement
 * behind it stores nothing without that token.
 *
 * Keys are taken in order, so that two processes that count the same ones never wait for each other in a circle.
 */
export const COUNT = `
  with quick as materialized (
    select set_config('synchronous_commit', 'off', true)
  ), request as materialized (
    select
      r.webhook_key,
      attune.webhook_window_start(statement_timestamp(), r.window_seconds) as window_start,
      r.window_seconds,
      r.hits,
      r.limit_requests
    from quick, unnest($1::text[], $2::integer[], $3::integer[], $4::integer[])
      as r (webhook_key, window_seconds, hits, limit_requests)
    order by r.webhook_key
  ), counted as (
    insert into attune.webhook_rate_limit as w (webhook_key, window_start, request_count)
    select webhook_key, window_start, hits from request
    on conflict (webhook_key, window_start) do update set request_count = w.request_count + excluded.request_count
    returning w.webhook_key, w.request_count
  ), verdict as materialized (
    select
      c.webhook_key,
      c.request_count,
      (extract(epoch from (
        r.window_start + make_interval(secs => r.window_seconds) - statement_timestamp()
      )) * 1000)::double precision as reset_ms,
      c.request_count <= r.limit_requests as allowed
    from counted c
    join request r on r.webhook_key = c.webhook_key
  ), admitted as materialized (
    select set_config('attune.admitted', case
      when bool_and(allowed) and ($6 = '' or current_setting('attune.admitted', true) = $6) then $5
      else '' end, false)
    from verdict
  )
  select v.webhook_key, v.request_count, v.reset_ms from verdict v, admitted`
