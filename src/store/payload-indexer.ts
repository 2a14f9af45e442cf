import { parseAddress } from '../core/address.ts'
import {
  PAYLOAD_INDEX_BYTES_MAX,
  PAYLOAD_INDEX_ROWS_MAX,
  PAYLOAD_INDEX_SHARE_MAX,
  PAYLOAD_SEARCH_BYTES_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { eventTerms } from '../core/payload-terms.ts'
import { Rejection } from '../core/rejection.ts'
import { requestIdTime, requestIdTimeMs } from '../core/request-id.ts'
import { describeFault, type Engine, isDataDamaged, type Pool } from './connection.ts'

/** An event that waits to be indexed. */
interface WaitingRow {
  readonly id: string
  readonly trigger_ref: string
  readonly source_ip: string | null
  readonly content_type: string | null
  readonly body: Uint8Array | null
  /** The database has the row and cannot read its body any more. */
  readonly isDamaged?: true
}

interface StateRow {
  readonly mark: string
  readonly is_held_by_another: boolean
}

export interface PayloadIndexerOptions {
  readonly engine: Pick<Engine, 'kind'>
  readonly pool: Pool
  readonly log: Log
  /** Whether attempts wait to be stored, before which nothing else may stand. */
  readonly isPressed: () => boolean
}

const STATEMENT_MS_MAX = 30_000
const LEASE_SECONDS = 30
const IDLE_MS = 500
const STANDBY_MS = 5_000
const AFTER_FAILURE_MS = 5_000
const PRESSED_MS = 250

/** How often it is looked for events that were stored after younger ones. */
const SWEEP_INTERVAL_MS = 5_000

/**
 * Such an event is late by as long as its body took to arrive and to be stored, and, where several hosts share the database, by what their
 * clocks are apart. The embedded database has one host.
 */
const SWEEP_WINDOW_MS = { postgresql: 5 * 60_000, embedded: 60_000 }
const SWEEP_SLICE_MS = 30_000

/** What a batch should take: the embedded database does nothing else meanwhile. */
const BATCH_MS = { postgresql: 60, embedded: 12 }
const BATCH_ROWS_FIRST = 16

/** How long the end of the process waits for a batch that is under way. */
const STOP_MS_MAX = 1_000

/**
 * Writes down by what events are found, after they have been stored: intake knows nothing of it. Of all processes on a database one does,
 * for a bounded share of its time. A flood leaves it behind; then what it has not come to is searched without it, and it catches up.
 */
export class PayloadIndexer {
  readonly #engine: Pick<Engine, 'kind'>
  readonly #pool: Pool
  readonly #log: Log
  readonly #isPressed: () => boolean
  readonly #process = Bun.randomUUIDv7()
  #rows = BATCH_ROWS_FIRST
  #sweptAtMs = Number.NEGATIVE_INFINITY
  #hasFailed = false
  #stopping = false
  #timer: ReturnType<typeof setTimeout> | null = null
  #turn: Promise<void> = Promise.resolve()

  constructor({ engine, pool, log, isPressed }: PayloadIndexerOptions) {
    this.#engine = engine
    this.#pool = pool
    this.#log = log
    this.#isPressed = isPressed
  }

  start(): void {
    this.#goOnIn(0)
  }

  /** Waits for the batch that is being written. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    // A connection that has fallen silent is not waited for: what is not indexed now is later.
    await Promise.race([this.#turn, Bun.sleep(STOP_MS_MAX)])
  }

  #goOnIn(ms: number): void {
    if (this.#stopping) return
    this.#timer = setTimeout(() => {
      this.#turn = this.#takeTurn().then((pauseMs) => this.#goOnIn(pauseMs))
    }, ms)
  }

  /** @returns how long to pause */
  async #takeTurn(): Promise<number> {
    if (this.#isPressed()) return PRESSED_MS
    const startedAtMs = performance.now()
    try {
      const pauseMs = await this.#index()
      this.#hasFailed = false
      const workedMs = performance.now() - startedAtMs
      return Math.max(pauseMs, workedMs / PAYLOAD_INDEX_SHARE_MAX - workedMs)
    } catch (error) {
      // What failed may have been too much at once.
      this.#rows = 1
      if (!this.#hasFailed) {
        this.#log.warn('payloads could not be indexed; it is tried again', {
          reason: error instanceof Rejection ? error.reason : describeFault(error),
        })
      }
      this.#hasFailed = true
      return AFTER_FAILURE_MS
    }
  }

  /** One batch. @returns how long there is nothing to do */
  async #index(): Promise<number> {
    const state = await this.#state()
    if (state === null || state.is_held_by_another) return STANDBY_MS
    const startedAtMs = performance.now()
    const waiting = await this.#waiting(state.mark)
    const last = waiting.at(-1)
    if (last !== undefined) {
      if (!(await this.#write(waiting, last.id))) return STANDBY_MS
      this.#adapt(performance.now() - startedAtMs, waiting.length)
    }
    const isDue = performance.now() - this.#sweptAtMs >= SWEEP_INTERVAL_MS
    if (isDue) await this.#sweep(last?.id ?? state.mark)
    return last === undefined ? IDLE_MS : 0
  }

  #adapt(tookMs: number, rows: number): void {
    const aimMs = BATCH_MS[this.#engine.kind]
    if (tookMs > aimMs) this.#rows = Math.max(1, Math.floor(rows / 2))
    else if (tookMs < aimMs / 2 && rows === this.#rows) {
      this.#rows = Math.min(PAYLOAD_INDEX_ROWS_MAX, this.#rows * 2)
    }
  }

  /** Before the mark, slice by slice: what has been stored since the mark has passed by. */
  async #sweep(mark: string): Promise<void> {
    this.#sweptAtMs = performance.now()
    const endMs = Math.min(requestIdTimeMs(mark) ?? 0, Date.now()) + 1
    for (let fromMs = endMs - SWEEP_WINDOW_MS[this.#engine.kind]; fromMs < endMs; fromMs += SWEEP_SLICE_MS) {
      const toMs = Math.min(endMs, fromMs + SWEEP_SLICE_MS)
      const missed = await this.#missed(fromMs, toMs, mark)
      if (this.#stopping || (missed.length > 0 && !(await this.#write(missed, null)))) return
    }
  }

  async #state(): Promise<StateRow | null> {
    const [row] = await this.#pool.run(STATEMENT_MS_MAX, (sql) =>
      sql.unsafe<StateRow[]>(
        `select mark::text, holder is not null and holder <> $1::uuid and held_until > now() as is_held_by_another
         from attune.event_search_state`,
        [this.#process],
      ),
    )
    return row ?? null
  }

  /** What follows the mark, but for the newest second, in which older ones may still come. */
  async #waiting(mark: string): Promise<WaitingRow[]> {
    const since = requestIdTime(mark).toISOString()
    return this.#read(WAITING, (rows, bytesMax) => [mark, since, rows, bytesMax, PAYLOAD_INDEX_BYTES_MAX])
  }

  async #missed(fromMs: number, toMs: number, mark: string): Promise<WaitingRow[]> {
    const [from, to] = [fromMs, toMs].map((ms) => new Date(Math.max(0, ms)).toISOString())
    return this.#read(MISSED, (rows, bytesMax) => [mark, from ?? '', to ?? '', rows, bytesMax])
  }

  /** Steps over a body that is damaged where it lies: else it would be asked for again for ever, and none behind it be indexed. */
  async #read(
    statement: string,
    parameters: (rows: number, bytesMax: number) => (string | number)[],
  ): Promise<WaitingRow[]> {
    // The pool would take it for a database that is away.
    const ask = (rows: number, bytesMax: number): Promise<WaitingRow[] | null> =>
      this.#pool.run(STATEMENT_MS_MAX, (sql) =>
        sql.unsafe<WaitingRow[]>(statement, parameters(rows, bytesMax)).catch((error: unknown) => {
          if (isDataDamaged(error)) return null
          throw error
        }),
      )
    const rows = await ask(this.#rows, PAYLOAD_SEARCH_BYTES_MAX)
    if (rows !== null) return rows
    // One by one up to the one that it is.
    this.#rows = 1
    const one = await ask(1, PAYLOAD_SEARCH_BYTES_MAX)
    if (one !== null) return one
    const damaged = await ask(1, NO_BODIES)
    if (damaged === null) throw new Error('a row of attune.event is damaged')
    return damaged.map((row) => ({ ...row, isDamaged: true }))
  }

  /** @returns false when another process has taken over */
  async #write(rows: readonly WaitingRow[], mark: string | null): Promise<boolean> {
    const events = rows.map((row) => ({
      id: row.id,
      received_at: requestIdTime(row.id).toISOString(),
      terms: this.#termsOf(row),
    }))
    const [written] = await this.#pool.run(STATEMENT_MS_MAX, (sql) =>
      sql.unsafe<{ ok: boolean }[]>(
        'select attune.index_events($1::uuid, $2::integer, $3::uuid, $4::text::json) as ok',
        [this.#process, LEASE_SECONDS, mark, JSON.stringify(events)],
      ),
    )
    return written?.ok === true
  }

  /** An event that cannot be read gets no terms: it is not found by its payload, and the others are. */
  #termsOf({ id, trigger_ref, source_ip, content_type, body, isDamaged }: WaitingRow): number[] {
    if (isDamaged) return this.#passOver(id, 'its body is damaged in the database')
    try {
      return eventTerms({
        triggerRef: trigger_ref,
        sourceIp: source_ip === null ? null : parseAddress(source_ip),
        contentType: content_type,
        body,
      })
    } catch (error) {
      return this.#passOver(id, error instanceof Error ? error.name : 'unknown')
    }
  }

  #passOver(id: string, reason: string): number[] {
    this.#log.error('an event could not be indexed and is passed over', { event_id: id, reason })
    return []
  }
}

/** Below the size of any body. */
const NO_BODIES = -1

const COLUMNS = `id, trigger_ref, host(source_ip) as source_ip, content_type, payload_size_bytes, body`

/** Bodies count towards the batch as far as they are read. */
const WAITING = `
  select id::text, trigger_ref, source_ip, content_type, case when payload_size_bytes <= $4::integer then body end as body
  from (
    select e.*, row_number() over (order by id) as place,
      sum(case when payload_size_bytes <= $4::integer then payload_size_bytes else 0 end) over (order by id) as bytes
    from (
      select ${COLUMNS} from attune.event
      where id > $1::uuid and received_at >= $2::timestamptz and received_at < now() - interval '1 second'
      order by id limit $3::integer
    ) e
  ) w
  where bytes <= $5::integer or place = 1
  order by id`

const MISSED = `
  select id::text, trigger_ref, source_ip, content_type, case when payload_size_bytes <= $5::integer then body end as body
  from (
    select ${COLUMNS} from attune.event e
    where e.id <= $1::uuid and e.received_at >= $2::timestamptz and e.received_at < $3::timestamptz
      and not exists (
        select from attune.event_search s
        where s.event_id = e.id and s.received_at >= $2::timestamptz and s.received_at < $3::timestamptz
      )
    order by id limit $4::integer
  ) w
  order by id`
