import type { Sql } from 'postgres'
import type { AcceptedAttempt, AttemptWithoutEvent } from '../core/attempt.ts'
import {
  ACCEPT_MS_MAX,
  AUDIT_MERGE_INTERVAL_MS,
  DEFERRED_COUNT_MS_MAX,
  INTAKE_BATCH_BYTES_MAX,
  INTAKE_BATCH_ROWS_MAX,
  INTAKE_QUEUE_ROWS_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import { AuditQueue, type AuditRow } from './audit-queue.ts'
import { describeFault, isConnectionLost, type Pool } from './connection.ts'
import { encodeBatch, INTAKE, type IntakeAnswer, type VerdictRow } from './intake-statement.ts'
import { COUNT, type CountRow, countParameters, type RateLimitCounter } from './rate-limit-counter.ts'

/** What is told of each batch that was stored. */
export interface BatchFigures {
  readonly rows: number
  readonly bytes: number
  readonly elapsedMs: number
}

interface WaitingAttempt {
  readonly attempt: AcceptedAttempt
  readonly deadlineMs: number
  /** A statement with it has gone out, so that it may be stored already. */
  sent: boolean
  /** A statement with it has ended without an answer. */
  unknown: boolean
  readonly resolve: (outcome: IntakeOutcome) => void
  readonly reject: (error: Rejection) => void
}

/**
 * What became of an accepted attempt.
 *
 * - `stored`: event and audit row are on disk
 * - `conflict`: so they are, and its delivery was claimed before, with another body
 * - `duplicate`: its audit row is on disk, and the event of that id was there before
 * - `replayed`: its id is good for one use and was used for another body; nothing is stored
 * - `over_limit`: let on before it was counted, and refused when it was; nothing is stored
 */
export type IntakeOutcome =
  | { readonly verdict: 'stored' | 'over_limit' }
  | { readonly verdict: VerdictRow['verdict']; readonly firstEventId: string }

const STORED: IntakeOutcome = { verdict: 'stored' }
const OVER_LIMIT: IntakeOutcome = { verdict: 'over_limit' }

/** What became of those of a batch that are not simply stored, by id. */
type Verdicts = ReadonlyMap<string, IntakeOutcome>

/** What the intake writer asks of the rate-limit counter. */
type Counter = Pick<
  RateLimitCounter,
  'deferredCount' | 'isFailing' | 'takeDeferred' | 'giveBack' | 'settle' | 'now' | 'renew' | 'noteFailure'
>

/** What goes ahead of a batch on its connection. */
interface Count {
  readonly send: (sql: Sql) => Promise<void> | null
  /** What the session has to have for the batch to be admitted; empty admits it as it is. */
  readonly token: string
  /** Called when the round trip has ended, whichever way. */
  readonly end: () => void
}

/** For a batch each of whose attempts has its verdict. */
const COUNTED: Count = { send: () => null, token: '', end: () => {} }

/** Between two tries to write while the database is away. */
const RETRY_MS = 100

/** So many rows refused in a row, none stored between: then the table is at fault, and a line for each would flood the log. */
const REFUSED_ROWS_LOGGED_MAX = 5

/** A hiccup shorter than this is waited out. */
const CIRCUIT_OPENS_AFTER_MS = 1_000

/** No statement is given up before this, however little time its first attempt has left. */
const ATTEMPT_MS_MIN = 500

/** While one batch is with the database, the answers of the other are sent and its successor gathers. */
const BATCHES_IN_FLIGHT_MAX = 2

/** Rejections that ride along in one statement. */
const REJECTED_ROWS_PER_BATCH = 256

/**
 * The one way into the store. While one batch is in flight, the next gathers; its commit releases all the answers that
 * wait for it. As soon as the next is as large as the one in flight, it is sent behind it on the same connection: so neither the
 * database nor this process waits for the other, and batches stay as large as they can. There is no timer: batching adapts
 * to load by itself.
 *
 * A write whose outcome is unknown is repeated under the same ids, until the deadline of its attempts. Who is past
 * the deadline is answered 503; the row that the receiver then records has the same id, so should the write have succeeded
 * after all, its own row stands and that one changes nothing.
 */
export class IntakeWriter {
  readonly #pool: Pool
  readonly #counter: Counter
  readonly #log: Log
  readonly #onBatch: (figures: BatchFigures) => void
  readonly #audit = new AuditQueue()
  #waiting: WaitingAttempt[] = []
  readonly #drains = new Set<Promise<void>>()
  #rowsInFlight = 0
  #mergeTimer: ReturnType<typeof setTimeout> | null = null
  #countTimer: ReturnType<typeof setTimeout> | null = null
  #countDue = false
  readonly #tokenPrefix = crypto.randomUUID()
  #tokens = 0
  /** Of the last count that is in flight; empty when none is. */
  #tokenInFlight = ''
  #closing = false
  /** Attempts that were refused and may be stored all the same, until the receiver records their refusal. */
  readonly #perhapsStored = new Set<string>()
  /** Refused one by one since the last write that succeeded. */
  #refusedRows = 0
  /** When writes began to fail; `null` while they succeed. */
  #failingSinceMs: number | null = null

  constructor(pool: Pool, counter: Counter, log: Log, onBatch: (figures: BatchFigures) => void) {
    this.#pool = pool
    this.#counter = counter
    this.#log = log
    this.#onBatch = onBatch
  }

  get queueLength(): number {
    return this.#waiting.length
  }

  get auditQueueLength(): number {
    return this.#audit.length + this.#audit.mergedLength
  }

  /** Whether the last write succeeded. */
  get available(): boolean {
    return this.#failingSinceMs === null
  }

  /**
   * Stores an event and its audit row in one transaction, with the claim of its delivery where it has one. When this resolves, what
   * its outcome says is on disk.
   *
   * While writes have been failing for a while and one is being tried, others are refused at once: there is no use in making senders
   * wait for their deadline. Their audit rows are what the next try writes, so service resumes by itself.
   *
   * @throws Rejection `store_unavailable` when the queue is full or the write did not succeed in time
   */
  accept(attempt: AcceptedAttempt): Promise<IntakeOutcome> {
    if (isOverLimit(attempt)) return Promise.resolve(OVER_LIMIT)
    if (this.#waiting.length >= INTAKE_QUEUE_ROWS_MAX) {
      return Promise.reject(storeUnavailable('the intake queue is full'))
    }
    if (this.#isOpenCircuit() && this.#drains.size > 0) {
      return Promise.reject(storeUnavailable('writes to the database are failing'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        attempt,
        deadlineMs: performance.now() + ACCEPT_MS_MAX,
        sent: false,
        unknown: false,
        resolve,
        reject,
      })
      this.#drain()
    })
  }

  /**
   * Records an attempt that became no event. It is in the trail with the next batch; its sender need not wait.
   *
   * @returns whether it has a row of its own, and is not merged with others
   */
  record(attempt: AttemptWithoutEvent): boolean {
    let isSingle = true
    if (this.#perhapsStored.delete(attempt.id)) this.#audit.addAlone(attempt)
    else isSingle = this.#audit.add(attempt)
    if (this.#audit.length > 0) this.#drain()
    if (this.#audit.mergedLength > 0) this.#scheduleMerge()
    return isSingle
  }

  /** Has what was let on counted before long, also when nothing is stored. */
  countSoon(): void {
    this.#countTimer ??= setTimeout(() => {
      this.#countTimer = null
      this.#countDue = true
      this.#drain()
    }, DEFERRED_COUNT_MS_MAX)
  }

  /** Writes what waits, merged rows included; gives up after `deadlineMs`. */
  async flush(deadlineMs: number): Promise<void> {
    this.#closing = true
    const giveUpAtMs = performance.now() + deadlineMs
    while (performance.now() < giveUpAtMs) {
      this.#audit.releaseMerged()
      this.#countDue = true
      if (!this.#hasWork() && this.#drains.size === 0) break
      this.#drain()
      await Promise.race([...this.#drains, Bun.sleep(RETRY_MS)])
    }
    if (this.#mergeTimer !== null) clearTimeout(this.#mergeTimer)
    if (this.#countTimer !== null) clearTimeout(this.#countTimer)
    if (this.auditQueueLength > 0) {
      this.#log.error('audit rows were lost at the end of the process', { rows: this.auditQueueLength })
    }
  }

  #scheduleMerge(): void {
    if (this.#mergeTimer !== null || this.#closing) return
    this.#mergeTimer = setTimeout(() => {
      this.#mergeTimer = null
      this.#audit.releaseMerged()
      this.#drain()
      if (this.#audit.mergedLength > 0) this.#scheduleMerge()
    }, AUDIT_MERGE_INTERVAL_MS)
  }

  #drain(): void {
    if (this.#drains.size >= BATCHES_IN_FLIGHT_MAX) return
    // One that has begun and taken nothing yet will take all there is.
    if (this.#drains.size > 0 && (this.#rowsInFlight === 0 || !this.#isBatchDue())) return
    const drain = this.#writeAll().finally(() => {
      this.#drains.delete(drain)
      // What came in between the last look and here.
      if (this.#hasWork() && !this.#closing) this.#drain()
    })
    this.#drains.add(drain)
  }

  /** A batch beside another has to be as large: two small ones cost more than one. */
  #isBatchDue(): boolean {
    if (this.#rowsInFlight === 0) return this.#hasWork()
    return this.#waiting.length >= this.#rowsInFlight && this.#failingSinceMs === null
  }

  #hasWork(): boolean {
    if (this.#waiting.length + this.#audit.length > 0) return true
    return this.#countDue && this.#counter.deferredCount > 0
  }

  async #writeAll(): Promise<void> {
    // One turn of the event loop lets attempts that arrived together share the first batch too.
    await Promise.resolve()
    while (this.#isBatchDue()) {
      const accepted = this.#takeAccepted()
      const rejected = this.#audit.take(REJECTED_ROWS_PER_BATCH)
      const rows = accepted.length + rejected.length
      this.#rowsInFlight += rows
      const stored = await this.#writeBatch(accepted, rejected)
      this.#rowsInFlight -= rows
      if (!stored) await Bun.sleep(RETRY_MS)
    }
  }

  #takeAccepted(): WaitingAttempt[] {
    let bytes = 0
    let rows = 0
    for (const { attempt } of this.#waiting) {
      bytes += attempt.body.byteLength
      // A body that is larger than a whole batch goes alone.
      if (rows > 0 && (rows >= INTAKE_BATCH_ROWS_MAX || bytes > INTAKE_BATCH_BYTES_MAX)) break
      rows += 1
    }
    return this.#waiting.splice(0, rows)
  }

  /** Returns false when the database is away and the rows wait again. */
  async #writeBatch(taken: WaitingAttempt[], rejected: AuditRow[]): Promise<boolean> {
    // The count of another batch, or one whose batch was lost behind it, may have refused some while they waited.
    let storing = this.#withinLimit(taken)
    let verdicts: Verdicts | null
    try {
      for (const waiting of storing) waiting.sent = true
      verdicts = await this.#store(storing, rejected, this.#beginCount())
      if (verdicts === null) {
        storing = this.#counted(this.#withinLimit(storing))
        verdicts = await this.#store(storing, rejected, COUNTED)
        if (verdicts === null) throw storeUnavailable('a batch was not admitted')
      }
    } catch (error) {
      if (error instanceof Rejection) {
        this.#noteFailure(error)
        this.#audit.giveBack(rejected)
        this.#waitAgain(storing, error)
        return false
      }
      return this.#isolate(storing, rejected, error)
    }
    for (const { attempt, resolve } of storing) resolve(verdicts.get(attempt.id) ?? STORED)
    this.#noteSuccess()
    return true
  }

  /**
   * One round trip: the count, and behind it on the same connection what that count admits. Returns null when it admits not
   * all of it; then nothing is stored, and each attempt has its verdict of the count, unless the count has failed.
   */
  async #store(
    accepted: readonly WaitingAttempt[],
    rejected: readonly AuditRow[],
    { send, token, end }: Count,
  ): Promise<Verdicts | null> {
    const startedAtMs = performance.now()
    const rows = accepted.length + rejected.length
    // The first one waits longest; whoever comes later is still within its time when this gives up.
    const leftMs = Math.max(ATTEMPT_MS_MIN, (accepted[0]?.deadlineMs ?? Infinity) - startedAtMs)
    const batch = { accepted: accepted.map(({ attempt }) => attempt), rejected }
    const [bodies, json] = encodeBatch(batch, startedAtMs)
    try {
      const answer = await this.#pool.run(Math.min(leftMs, ACCEPT_MS_MAX), async (sql) => {
        const [, stored] = await Promise.all([
          send(sql),
          rows > 0 ? sql.unsafe<IntakeAnswer[]>(INTAKE, [bodies, json, token], { prepare: true }) : null,
        ])
        return stored === null ? NOTHING_TO_STORE : stored[0]
      })
      if (answer?.admitted !== true) return null
      if (rows > 0) {
        this.#onBatch({ rows, bytes: bodies.byteLength, elapsedMs: performance.now() - startedAtMs })
      }
      return verdictsOf(answer)
    } finally {
      end()
    }
  }

  /**
   * A request may have been taken by the count of the batch before, whose answer is not there yet. Each count therefore admits only what
   * the one before it, where that is still in flight, has admitted too.
   */
  #beginCount(): Count {
    this.#countDue = false
    const before = this.#tokenInFlight
    const counts = this.#counter.takeDeferred()
    if (counts === null) return { ...COUNTED, token: before }
    const token = this.#nextToken()
    this.#tokenInFlight = token
    const asked = this.#counter.now()
    let open = true
    const send = async (sql: Sql) => {
      const parameters = countParameters(counts, token, before)
      try {
        const rows = await sql.unsafe<CountRow[]>(COUNT, parameters, { prepare: true })
        // Behind the deadline they have been given back, and are counted again.
        if (open) this.#counter.settle(counts, rows, asked)
        open = false
      } catch (error) {
        // Counting alone has failed, and concerns only those who are counted. Where the connection is lost, the statement behind
        // it says so.
        if (open && !isConnectionLost(error)) this.#counter.noteFailure()
      }
    }
    const end = () => {
      if (open) this.#counter.giveBack(counts)
      open = false
      if (this.#tokenInFlight === token) this.#tokenInFlight = ''
    }
    return { send, token, end }
  }

  /** No two statements, also of different processes, may ever take each other's count for their own. */
  #nextToken(): string {
    this.#tokens += 1
    return `${this.#tokenPrefix}:${this.#tokens}`
  }

  /** Has lost counts made again, and turns away whom a count has refused. */
  #withinLimit(accepted: readonly WaitingAttempt[]): WaitingAttempt[] {
    return accepted.filter((waiting) => {
      const { rateLimitCount: count } = waiting.attempt
      if (count === null) return true
      this.#counter.renew(count)
      if (count.verdict?.allowed !== false) return true
      // Counted again because nobody knew what became of it, it may be over the limit and stored.
      if (waiting.unknown) this.#refuse(waiting, storeUnavailable('it may be stored, and is over its limit'))
      else waiting.resolve(OVER_LIMIT)
      return false
    })
  }

  /**
   * Turns away who cannot be counted.
   *
   * @throws Rejection `store_unavailable` when a count was only lost with its connection: all of them are written again
   */
  #counted(accepted: readonly WaitingAttempt[]): WaitingAttempt[] {
    const uncounted = accepted.filter(({ attempt }) => attempt.rateLimitCount?.verdict === null)
    if (uncounted.length === 0) return [...accepted]
    if (!this.#counter.isFailing) throw storeUnavailable('a request was not counted')
    for (const waiting of uncounted) this.#refuse(waiting, storeUnavailable('requests cannot be counted'))
    return accepted.filter(({ attempt }) => attempt.rateLimitCount?.verdict !== null)
  }

  #refuse(waiting: WaitingAttempt, error: Rejection): void {
    if (waiting.unknown) this.#perhapsStored.add(waiting.attempt.id)
    waiting.reject(error)
  }

  #waitAgain(accepted: readonly WaitingAttempt[], error: Rejection): void {
    const nowMs = performance.now()
    for (const waiting of accepted) waiting.unknown = true
    // Two batches that fail come back one after the other.
    const all = [...accepted, ...this.#waiting].sort((a, b) => a.deadlineMs - b.deadlineMs)
    const stillWaiting = all.filter((waiting) => {
      if (waiting.deadlineMs > nowMs) return true
      if (waiting.sent) this.#perhapsStored.add(waiting.attempt.id)
      waiting.reject(error)
      return false
    })
    this.#waiting = stillWaiting
  }

  #noteFailure({ reason }: Rejection): void {
    if (this.#failingSinceMs !== null) return
    this.#failingSinceMs = performance.now()
    this.#log.error('writes to the database are failing', { reason })
  }

  #noteSuccess(): void {
    this.#refusedRows = 0
    if (this.#failingSinceMs === null) return
    this.#log.info('writes to the database succeed again', {
      failed_ms: Math.round(performance.now() - this.#failingSinceMs),
    })
    this.#failingSinceMs = null
  }

  /** One row after the other: then it is not the rows that are at fault. */
  #noteRefusedRow(requestId: string | undefined, error: unknown): void {
    const reason = describeFault(error)
    this.#refusedRows += 1
    if (this.#refusedRows <= REFUSED_ROWS_LOGGED_MAX) {
      this.#log.error('a row could not be stored', { request_id: requestId, reason })
    }
    if (this.#refusedRows === REFUSED_ROWS_LOGGED_MAX) this.#noteFailure(storeUnavailable(reason))
  }

  #isOpenCircuit(): boolean {
    return this.#failingSinceMs !== null && performance.now() - this.#failingSinceMs > CIRCUIT_OPENS_AFTER_MS
  }

  /**
   * The database refuses the statement itself: one row of it must be at fault, and the others shall not suffer. Returns false when
   * the database goes away meanwhile; what has not been tried by then waits again.
   */
  async #isolate(accepted: WaitingAttempt[], rejected: AuditRow[], error: unknown): Promise<boolean> {
    if (accepted.length + rejected.length > 1) {
      for (const [index, waiting] of accepted.entries()) {
        if (await this.#writeBatch([waiting], [])) continue
        this.#waiting.unshift(...accepted.slice(index + 1))
        this.#audit.giveBack(rejected)
        return false
      }
      for (const [index, row] of rejected.entries()) {
        if (await this.#writeBatch([], [row])) continue
        this.#audit.giveBack(rejected.slice(index + 1))
        return false
      }
      return true
    }
    this.#noteRefusedRow(accepted[0]?.attempt.id ?? rejected[0]?.attempt.id, error)
    for (const { reject } of accepted) reject(storeUnavailable('the database refused the row'))
    return true
  }
}

const NOTHING_TO_STORE: IntakeAnswer = { admitted: true, verdicts: null }

const NO_VERDICTS: Verdicts = new Map()

function verdictsOf({ verdicts }: IntakeAnswer): Verdicts {
  if (verdicts === null) return NO_VERDICTS
  const rows: readonly VerdictRow[] = JSON.parse(verdicts)
  return new Map(
    rows.map(({ id, verdict, first_event_id }) => [id, { verdict, firstEventId: first_event_id }]),
  )
}

const isOverLimit = ({ rateLimitCount }: AcceptedAttempt): boolean =>
  rateLimitCount?.verdict?.allowed === false
