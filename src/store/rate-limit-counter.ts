import type { RateLimitCount } from '../core/attempt.ts'
import {
  QUERY_MS_MAX,
  RATE_LIMIT_LOCK_MS_MAX,
  RATE_LIMIT_QUEUE_MAX,
  TRIGGER_CACHE_MAX,
} from '../core/limits.ts'
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

/** Between two tries to count while counting fails. */
const RETRY_MS = 1_000

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
 *
 * A count is lost when the database server crashes before it is on disk. Whoever is on the way then is counted again, so that more
 * than the limit never pass. When counts fail by themselves, because a row of them is locked or their table is gone, nothing is
 * let on uncounted any more: the requests that have a limit are refused, and the others have nothing to do with it.
 */
export class RateLimitCounter {
  readonly #pool: Pool
  readonly #onDeferred: () => void
  readonly #batcher: Batcher<Request, RateLimitCount>
  readonly #windows = new LruMap<string, Window>(TRIGGER_CACHE_MAX)
  #deferred = new Map<string, KeyBatch>()
  #deferredCount = 0
  #epoch = 0
  #isFailing = false
  #isStopped = false

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

  /** What `takeDeferred` would take. */
  get deferredCount(): number {
    return this.#isFailing ? 0 : this.#deferredCount
  }

  /** Counts of the intake writer fail although the database answers; this counts what was let on until then, when it can. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  noteFailure(): void {
    if (this.#isFailing) return
    this.#isFailing = true
    void this.#retry()
  }

  /** The connection of the intake writer was lost; the server may have crashed. */
  noteConnectionLost(): void {
    this.#epoch += 1
    this.#windows.clear()
  }

  stop(): void {
    this.#isStopped = true
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
      if (resetMs > 0 && window.count > requests) {
        return { ...newCount({ key, requests, windowSeconds }), verdict: { allowed: false, resetMs } }
      }
      if (resetMs > 0 && this.#isFarBelow(window, requests)) {
        window.uncounted += 1
        return this.#defer({ key, requests, windowSeconds })
      }
    }
    return this.#batcher.add({ key, requests, windowSeconds })
  }

  /** Everything that was let on and not counted, for the intake writer, which alone counts it. `null`: nothing. */
  takeDeferred(): CountBatch | null {
    return this.deferredCount === 0 ? null : this.#takeAll()
  }

  #takeAll(): CountBatch {
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
    this.#onDeferred()
  }

  /**
   * Gives each request of the batch its verdict.
   *
   * @param asked - the epoch and the instant (of `performance.now()`) before the database was asked
   */
  settle(batch: CountBatch, rows: readonly CountRow[], asked: Asked): void {
    for (const row of rows) {
      this.#note(row, batch, asked.atMs, batch.get(row.webhook_key)?.counts.length ?? 0)
    }
    judge(batch, rows, asked.epoch)
  }

  now(): Asked {
    return { epoch: this.#epoch, atMs: performance.now() }
  }

  /** A count that may have been lost is made again, with the next that `takeDeferred` takes. */
  renew(count: RateLimitCount): void {
    if (count.verdict?.allowed !== true || count.epoch === this.#epoch) return
    count.verdict = null
    const { webhookKey: key, requests, windowSeconds } = count
    this.#put({ key, requests, windowSeconds }, count)
  }

  #isFarBelow({ count, uncounted }: Window, requests: number): boolean {
    if (this.#isFailing) return false
    return count + uncounted < requests * DEFERRED_SHARE && this.#deferredCount < RATE_LIMIT_QUEUE_MAX
  }

  #defer(request: Request): RateLimitCount {
    const count = newCount(request)
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
    const counts = requests.map((request) => addTo(batch, request, newCount(request)))
    const asked = this.now()
    const rows = await this.#ask(batch)
    for (const row of rows) this.#note(row, batch, asked.atMs, 0)
    judge(batch, rows, asked.epoch)
    return counts
  }

  async #retry(): Promise<void> {
    while (this.#isFailing && !this.#isStopped) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
      const batch = this.#takeAll()
      const asked = this.now()
      try {
        this.settle(batch, await this.#ask(batch), asked)
        this.#isFailing = false
      } catch {
        this.giveBack(batch)
      }
    }
  }

  /** A round trip of its own, behind which nothing is stored. */
  #ask(batch: CountBatch): Promise<readonly CountRow[]> {
    return this.#pool.run(QUERY_MS_MAX, (sql) =>
      sql.unsafe<CountRow[]>(COUNT, countParameters(batch, '', ''), { prepare: true }),
    )
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

/** When a batch was sent. */
interface Asked {
  readonly epoch: number
  readonly atMs: number
}

const newCount = ({ key, requests, windowSeconds }: Request): RateLimitCount => ({
  webhookKey: key,
  requests,
  windowSeconds,
  verdict: null,
  epoch: 0,
})

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
function judge(batch: CountBatch, rows: readonly CountRow[], epoch: number): void {
  const counted = new Map(rows.map((row) => [row.webhook_key, row]))
  for (const [key, { requests, counts }] of batch) {
    const row = counted.get(key)
    if (row === undefined) throw new Error('a rate-limit count returned no row for its key')
    const allowed = requests - (row.request_count - counts.length)
    for (const [index, count] of counts.entries()) {
      count.verdict = { allowed: index < allowed, resetMs: row.reset_ms }
      count.epoch = epoch
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
    select set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '${RATE_LIMIT_LOCK_MS_MAX}', true)
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
