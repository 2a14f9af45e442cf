import { CHECKS, type CheckName, type CheckVerdict, encodeChecks } from '../core/check.ts'

/** The checks by their place in `CHECKS`. */
const PLACES: Readonly<Record<CheckName, number>> = {
  webhook_enabled: 0,
  payload_size: 1,
  ip_whitelist: 2,
  rate_limit: 3,
  signature: 4,
  store: 5,
}

const NONE = -1

/**
 * What each check said of one attempt, and how long it took. A check that is begun again, because a setting changed or its body had to be
 * read first, goes on where it stopped, and what it says last counts.
 *
 * The clock is read when a check ends and when one takes over from another, not when it begins behind one that has ended.
 */
export class CheckTrail {
  readonly #verdicts: CheckVerdict[] = CHECKS.map(() => 'not_reached')
  readonly #elapsedMs: number[] = CHECKS.map(() => 0)
  #current = NONE
  #markMs = 0

  /** What went before belongs to no check. */
  start(): void {
    this.#markMs = performance.now()
  }

  begin(check: CheckName): void {
    const place = PLACES[check]
    if (this.#current !== NONE && this.#current !== place) this.#stop()
    this.#current = place
  }

  pass(): void {
    this.#end('passed')
  }

  /** The trigger does not ask for it. */
  off(): void {
    this.#verdicts[this.#current] = 'off'
    this.#current = NONE
  }

  /** It cannot be made yet. */
  putOff(): void {
    this.#end('not_reached')
  }

  /** The attempt is turned away by the check that has begun and not ended, if there is one. */
  refuse(): void {
    if (this.#current !== NONE) this.#end('refused')
  }

  /** For the row of an attempt that became no event. */
  encode(): string {
    return encodeChecks(this.#verdicts, this.#elapsedMs)
  }

  /** For the row that is stored with its event: who reads it knows that storing passed, but not how long it took. */
  encodeStored(): string {
    const before = PLACES.store
    return encodeChecks([...this.#verdicts.slice(0, before), 'passed'], this.#elapsedMs.slice(0, before))
  }

  #end(verdict: CheckVerdict): void {
    this.#stop()
    this.#verdicts[this.#current] = verdict
    this.#current = NONE
  }

  #stop(): void {
    const nowMs = performance.now()
    this.#elapsedMs[this.#current] = (this.#elapsedMs[this.#current] ?? 0) + nowMs - this.#markMs
    this.#markMs = nowMs
  }
}
