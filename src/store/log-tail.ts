import {
  TAIL_IDS_MAX,
  TAIL_LONG_OVERLAP_MS,
  TAIL_OVERLAP_MS,
  TAIL_POLL_MS,
  TAIL_POLLS_BETWEEN_LONG,
  TAIL_READERS_MAX,
  TAIL_ROWS_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection } from '../core/rejection.ts'
import { requestIdTimeMs } from '../core/request-id.ts'
import type { StoredLogRow } from './log-filter.ts'
import type { WebhookEventLog } from './webhook-event-log.ts'

/** Who follows the log. What it is called with takes no time. */
export interface TailReader {
  /** New rows of the log, unfiltered, oldest first. A row comes once, and a little later than newer ones where it was stored later. */
  readonly onRows: (rows: readonly StoredLogRow[]) => void
  /** Rows were left out, because there were too many. */
  readonly onMissed: () => void
}

/**
 * Follows the webhook event log for all who watch it, with one question to the database however many they are, and none while nobody does.
 *
 * Ids are made when an attempt begins, so a row can be stored after newer ones: each poll looks back a few seconds and now and then a minute,
 * and leaves out what it has seen. Only ids are looked at twice.
 */
export class LogTail {
  readonly #rows: Pick<WebhookEventLog, 'idsSince' | 'readAll'>
  readonly #log: Log
  readonly #readers = new Set<TailReader>()
  #run: Run | null = null

  constructor(rows: Pick<WebhookEventLog, 'idsSince' | 'readAll'>, log: Log) {
    this.#rows = rows
    this.#log = log
  }

  get readers(): number {
    return this.#readers.size
  }

  /**
   * Whatever is stored when this has resolved is handed on.
   *
   * @returns what ends it
   * @throws Rejection `tail_readers_exceeded`, `store_unavailable`
   */
  async join(reader: TailReader): Promise<() => void> {
    if (this.#readers.size >= TAIL_READERS_MAX) {
      throw new Rejection('tail_readers_exceeded', `${TAIL_READERS_MAX} readers follow the log already`)
    }
    this.#readers.add(reader)
    const leave = () => {
      this.#readers.delete(reader)
      if (this.#readers.size > 0) return
      this.#run?.stop()
      this.#run = null
    }
    this.#run ??= new Run(this.#rows, this.#readers, this.#log)
    try {
      await this.#run.begun
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }
}

/** From the first reader's coming to the last one's going. */
class Run {
  /** Settles when what was there before is known. */
  readonly begun: Promise<void>
  readonly #rows: Pick<WebhookEventLog, 'idsSince' | 'readAll'>
  readonly #readers: ReadonlySet<TailReader>
  readonly #log: Log
  readonly #seen = new Set<string>()
  /** What is not newer counts as seen. */
  #floor = ''
  #newestMs = Date.now()
  #polls = 0
  #isFailing = false
  #isStopped = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    rows: Pick<WebhookEventLog, 'idsSince' | 'readAll'>,
    readers: ReadonlySet<TailReader>,
    log: Log,
  ) {
    this.#rows = rows
    this.#readers = readers
    this.#log = log
    this.begun = this.#begin()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  async #begin(): Promise<void> {
    this.#note(await this.#unseen(TAIL_LONG_OVERLAP_MS))
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      void this.#poll().then(() => this.#schedule())
    }, TAIL_POLL_MS)
  }

  async #poll(): Promise<void> {
    this.#polls += 1
    const isLong = this.#polls % TAIL_POLLS_BETWEEN_LONG === 0
    try {
      const ids = await this.#unseen(isLong ? TAIL_LONG_OVERLAP_MS : TAIL_OVERLAP_MS)
      const rows = await this.#rows.readAll(ids.slice(0, TAIL_ROWS_MAX))
      if (this.#isStopped) return
      this.#note(ids)
      this.#handOn(rows, ids.length > rows.length)
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) this.#log.warn('the log cannot be followed just now', { reason: reasonOf(error) })
      this.#isFailing = true
    }
  }

  /** Newest first. The clock of another host may be ahead, so that from the newest row alone too little would be looked at. */
  async #unseen(overlapMs: number): Promise<string[]> {
    const sinceMs = Math.min(Date.now(), this.#newestMs) - overlapMs
    const ids = await this.#rows.idsSince(sinceMs, TAIL_IDS_MAX)
    return ids.filter((id) => id > this.#floor && !this.#seen.has(id))
  }

  #note(ids: readonly string[]): void {
    for (const id of ids.toReversed()) this.#seen.add(id)
    this.#newestMs = Math.max(this.#newestMs, requestIdTimeMs(ids[0] ?? '') ?? 0)
    for (const id of this.#seen) {
      if (this.#seen.size <= 2 * TAIL_IDS_MAX) break
      this.#seen.delete(id)
      if (id > this.#floor) this.#floor = id
    }
  }

  #handOn(rows: readonly StoredLogRow[], isMissing: boolean): void {
    for (const reader of [...this.#readers]) {
      if (isMissing) reader.onMissed()
      if (rows.length > 0) reader.onRows(rows)
    }
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Rejection ? error.reason : error instanceof Error ? error.name : 'unknown fault'
