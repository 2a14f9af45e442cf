import type { AttemptWithoutEvent } from '../core/attempt.ts'
import {
  AUDIT_MERGED_ROWS_MAX,
  AUDIT_QUEUE_ROWS_MAX,
  AUDIT_ROWS_BURST,
  AUDIT_ROWS_BURST_PER_TRIGGER,
  AUDIT_ROWS_PER_SECOND,
  AUDIT_ROWS_PER_SECOND_PER_TRIGGER,
  TRIGGER_CACHE_MAX,
} from '../core/limits.ts'
import { LruMap } from './lru-map.ts'

/** A rejection or handshake as it will be written: one attempt, or several that were merged. */
export interface AuditRow {
  readonly attempt: AttemptWithoutEvent
  readonly attempts: number
}

interface MergedRow {
  attempt: AttemptWithoutEvent
  attempts: number
}

/** An allowance that is used up by rows and comes back with time. */
class Allowance {
  readonly #burst: number
  readonly #perSecond: number
  #left: number
  #atMs: number

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst
    this.#perSecond = perSecond
    this.#left = burst
    this.#atMs = nowMs
  }

  has(nowMs: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + ((nowMs - this.#atMs) / 1000) * this.#perSecond)
    this.#atMs = nowMs
    return this.#left >= 1
  }

  take(): void {
    this.#left -= 1
  }
}

/**
 * Rejections, and handshakes that were answered, on their way to the audit trail.
 *
 * Each is a row of its own until a flood has used up the allowance of its trigger, or of all of them; from then on those with
 * the same trigger, code and address become one row with a count. So every attempt is in the trail, and what a stranger can
 * make the trail grow by in a minute is a constant. The row of a merge shows the first attempt of it.
 */
export class AuditQueue {
  #rows: AuditRow[] = []
  readonly #merged = new Map<string, MergedRow>()
  readonly #allowances = new LruMap<string, Allowance>(TRIGGER_CACHE_MAX)
  readonly #allowance: Allowance

  constructor(nowMs: number = performance.now()) {
    this.#allowance = new Allowance(AUDIT_ROWS_BURST, AUDIT_ROWS_PER_SECOND, nowMs)
  }

  /** Rows that are ready to be written. */
  get length(): number {
    return this.#rows.length
  }

  /** Merged rows that wait for the end of their interval. */
  get mergedLength(): number {
    return this.#merged.size
  }

  /** @returns whether it has a row of its own */
  add(attempt: AttemptWithoutEvent, nowMs: number = performance.now()): boolean {
    const ofTrigger = this.#allowanceOf(attempt.triggerId, nowMs)
    const single =
      this.#rows.length < AUDIT_QUEUE_ROWS_MAX && ofTrigger.has(nowMs) && this.#allowance.has(nowMs)
    if (!single) {
      this.#merge(attempt)
      return false
    }
    ofTrigger.take()
    this.#allowance.take()
    this.#push(attempt)
    return true
  }

  /**
   * Adds one whose id the database may have already: merged with others, all of them would be lost on that id, or it would be
   * counted twice. The intake's queue bounds how many of these there are.
   */
  addAlone(attempt: AttemptWithoutEvent): void {
    this.#push(attempt)
  }

  /** Ends the interval of the merged rows, as far as the queue has room for them. */
  releaseMerged(): void {
    for (const [key, row] of this.#merged) {
      if (this.#rows.length >= AUDIT_QUEUE_ROWS_MAX) return
      this.#merged.delete(key)
      this.#rows.push(row)
    }
  }

  take(rowsMax: number): AuditRow[] {
    return this.#rows.splice(0, rowsMax)
  }

  /** Rows that could not be written come back to the front; they were counted within the bound when they came in. */
  giveBack(rows: readonly AuditRow[]): void {
    this.#rows = [...rows, ...this.#rows]
  }

  #push(attempt: AttemptWithoutEvent): void {
    // The copy asks for the headers, which are there only as long as the request.
    this.#rows.push({ attempt: { ...attempt }, attempts: 1 })
  }

  #merge(attempt: AttemptWithoutEvent): void {
    const { triggerId, sourceIp } = attempt
    const exact = `${triggerId} ${codeOf(attempt)} ${sourceIp}`
    const row = this.#merged.get(exact)
    if (row !== undefined) {
      row.attempts += 1
      return
    }
    if (this.#merged.size < AUDIT_MERGED_ROWS_MAX) {
      this.#merged.set(exact, { attempt: { ...attempt, headers: [], checks: null }, attempts: 1 })
      return
    }
    this.#mergeWithoutAddress(attempt)
  }

  /** Too many addresses for a row each. Triggers and codes are few and ours, so that this map stays small. */
  #mergeWithoutAddress(attempt: AttemptWithoutEvent): void {
    const key = `${attempt.triggerId} ${codeOf(attempt)}`
    const row = this.#merged.get(key)
    if (row === undefined) {
      this.#merged.set(key, {
        attempt: { ...attempt, sourceIp: null, userAgent: null, headers: [], checks: null },
        attempts: 1,
      })
    } else {
      row.attempts += 1
    }
  }

  #allowanceOf(triggerId: string, nowMs: number): Allowance {
    const known = this.#allowances.get(triggerId)
    if (known !== undefined) return known
    const fresh = new Allowance(AUDIT_ROWS_BURST_PER_TRIGGER, AUDIT_ROWS_PER_SECOND_PER_TRIGGER, nowMs)
    this.#allowances.set(triggerId, fresh)
    return fresh
  }
}

/** What two attempts have in common that may be merged. */
const codeOf = ({ errorCode, outcome, statusCode }: AttemptWithoutEvent): string =>
  errorCode ?? `${outcome} ${statusCode}`
