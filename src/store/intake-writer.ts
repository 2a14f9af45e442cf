import type { AcceptedAttempt, RejectedAttempt } from '../core/attempt.ts'
import {
  ACCEPT_MS_MAX,
  AUDIT_MERGE_INTERVAL_MS,
  INTAKE_BATCH_BYTES_MAX,
  INTAKE_BATCH_ROWS_MAX,
  INTAKE_QUEUE_ROWS_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import { AuditQueue, type AuditRow } from './audit-queue.ts'
import { describeFault, type Pool } from './connection.ts'
import { encodeBatch, INTAKE, type IntakeBatch } from './intake-statement.ts'

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
  readonly resolve: () => void
  readonly reject: (error: Rejection) => void
}

/** Between two tries to write while the database is away. */
const RETRY_MS = 100

/** So many rows refused in a row, none stored between: then the table is at fault, and a line for each would flood the log. */
const REFUSED_ROWS_LOGGED_MAX = 5

/** A hiccup shorter than this is waited out. */
const CIRCUIT_OPENS_AFTER_MS = 1_000

/** No statement is given up before this, however little time its first attempt has left. */
const ATTEMPT_MS_MIN = 500

/** Rejections that ride along in one statement. */
const REJECTED_ROWS_PER_BATCH = 256

/**
 * The one way into the store. While one statement is in flight, the next batch gathers; its commit releases all the
 * answers that wait for it. There is no timer: batching adapts to load by itself.
 *
 * A write whose outcome is unknown is repeated under the same ids, until the deadline of its attempts. Who is past
 * the deadline is answered 503; the row that the receiver then records has the same id, so should the write have succeeded
 * after all, its own row stands and that one changes nothing.
 */
export class IntakeWriter {
  readonly #pool: Pool
  readonly #log: Log
  readonly #onBatch: (figures: BatchFigures) => void
  readonly #audit = new AuditQueue()
  #waiting: WaitingAttempt[] = []
  #draining: Promise<void> | null = null
  #mergeTimer: ReturnType<typeof setTimeout> | null = null
  #closing = false
  /** Attempts that were refused and may be stored all the same, until the receiver records their refusal. */
  readonly #perhapsStored = new Set<string>()
  /** Refused one by one since the last write that succeeded. */
  #refusedRows = 0
  /** When writes began to fail; `null` while they succeed. */
  #failingSinceMs: number | null = null

  constructor(pool: Pool, log: Log, onBatch: (figures: BatchFigures) => void) {
    this.#pool = pool
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
   * Stores an event and its audit row in one transaction. When this resolves, both are on disk.
   *
   * While writes have been failing for a while and one is being tried, others are refused at once: there is no use in making senders
   * wait for their deadline. Their audit rows are what the next try writes, so service resumes by itself.
   *
   * @throws Rejection `store_unavailable` when the queue is full or the write did not succeed in time
   */
  accept(attempt: AcceptedAttempt): Promise<void> {
    if (this.#waiting.length >= INTAKE_QUEUE_ROWS_MAX) {
      return Promise.reject(storeUnavailable('the intake queue is full'))
    }
    if (this.#isOpenCircuit() && this.#draining !== null) {
      return Promise.reject(storeUnavailable('writes to the database are failing'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        attempt,
        deadlineMs: performance.now() + ACCEPT_MS_MAX,
        sent: false,
        resolve,
        reject,
      })
      this.#drain()
    })
  }

  /** Records an attempt that was turned away. It is in the trail with the next batch; its sender need not wait. */
  record(attempt: RejectedAttempt): void {
    if (this.#perhapsStored.delete(attempt.id)) this.#audit.addAlone(attempt)
    else this.#audit.add(attempt)
    if (this.#audit.length > 0) this.#drain()
    if (this.#audit.mergedLength > 0) this.#scheduleMerge()
  }

  /** Writes what waits, merged rows included; gives up after `deadlineMs`. */
  async flush(deadlineMs: number): Promise<void> {
    this.#closing = true
    const giveUpAtMs = performance.now() + deadlineMs
    while (performance.now() < giveUpAtMs) {
      this.#audit.releaseMerged()
      if (this.#waiting.length + this.#audit.length === 0 && this.#draining === null) break
      this.#drain()
      await Promise.race([this.#draining, Bun.sleep(RETRY_MS)])
    }
    if (this.#mergeTimer !== null) clearTimeout(this.#mergeTimer)
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
    this.#draining ??= this.#writeAll().finally(() => {
      this.#draining = null
      // What came in between the last look and here.
      if (this.#waiting.length + this.#audit.length > 0 && !this.#closing) this.#drain()
    })
  }

  async #writeAll(): Promise<void> {
    // One turn of the event loop lets attempts that arrived together share the first batch too.
    await Promise.resolve()
    while (this.#waiting.length + this.#audit.length > 0) {
      const accepted = this.#takeAccepted()
      const rejected = this.#audit.take(REJECTED_ROWS_PER_BATCH)
      const stored = await this.#writeBatch(accepted, rejected)
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
  async #writeBatch(accepted: WaitingAttempt[], rejected: AuditRow[]): Promise<boolean> {
    try {
      // The first one waits longest; whoever comes later is still within its time when this gives up.
      const deadlineMs = Math.max(ATTEMPT_MS_MIN, (accepted[0]?.deadlineMs ?? Infinity) - performance.now())
      for (const waiting of accepted) waiting.sent = true
      await this.#store({ accepted: accepted.map(({ attempt }) => attempt), rejected }, deadlineMs)
    } catch (error) {
      if (error instanceof Rejection) {
        this.#noteFailure(error)
        this.#audit.giveBack(rejected)
        this.#waitAgain(accepted, error)
        return false
      }
      return this.#isolate(accepted, rejected, error)
    }
    for (const { resolve } of accepted) resolve()
    this.#noteSuccess()
    return true
  }

  async #store(batch: IntakeBatch, deadlineMs: number): Promise<void> {
    const startedAtMs = performance.now()
    const [bodies, rows] = encodeBatch(batch, startedAtMs)
    await this.#pool.run(Math.min(deadlineMs, ACCEPT_MS_MAX), (sql) =>
      sql.unsafe(INTAKE, [bodies, rows], { prepare: true }),
    )
    this.#onBatch({
      rows: batch.accepted.length + batch.rejected.length,
      bytes: bodies.byteLength,
      elapsedMs: performance.now() - startedAtMs,
    })
  }

  #waitAgain(accepted: readonly WaitingAttempt[], error: Rejection): void {
    const nowMs = performance.now()
    const stillWaiting = [...accepted, ...this.#waiting].filter((waiting) => {
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
