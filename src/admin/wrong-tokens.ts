import { countedNetwork } from '../core/address.ts'
import { WRONG_TOKEN_ADDRESSES_MAX, WRONG_TOKENS_MAX, WRONG_TOKENS_MS } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection } from '../core/rejection.ts'

interface Counted {
  readonly untilMs: number
  wrong: number
}

/**
 * Slows down whoever tries out tokens: an address that has shown too many wrong ones is not heard until its minute is over, whatever it
 * shows then, since any other answer would tell a right token from a wrong one. Those without a known address count together.
 */
export class WrongTokens {
  readonly #counts = new Map<string, Counted>()
  readonly #log: Log
  readonly #nowMs: () => number

  /** @param nowMs - a clock that is never set back */
  constructor(log: Log, nowMs: () => number) {
    this.#log = log
    this.#nowMs = nowMs
  }

  /** @throws Rejection `sign_ins_slowed` */
  requireFew(address: string | null): void {
    const counted = this.#current(address)
    if (counted === null || counted.wrong < WRONG_TOKENS_MAX) return
    const seconds = Math.max(1, Math.ceil((counted.untilMs - this.#nowMs()) / 1_000))
    throw new Rejection('sign_ins_slowed', 'too many wrong tokens came from this address', {
      headers: { 'retry-after': String(seconds) },
    })
  }

  note(address: string | null): void {
    const counted = this.#current(address)
    if (counted === null) {
      // A Map keeps the order of insertion, and all are kept for the same time: the first is the oldest.
      const oldest = this.#counts.keys().next()
      if (this.#counts.size >= WRONG_TOKEN_ADDRESSES_MAX && !oldest.done) this.#counts.delete(oldest.value)
      this.#counts.set(keyOf(address), { untilMs: this.#nowMs() + WRONG_TOKENS_MS, wrong: 1 })
      return
    }
    counted.wrong += 1
    if (counted.wrong === WRONG_TOKENS_MAX) {
      this.#log.warn('an address has shown too many wrong tokens and is not heard for a while', {
        source_ip: address,
      })
    }
  }

  #current(address: string | null): Counted | null {
    const key = keyOf(address)
    const counted = this.#counts.get(key)
    if (counted === undefined) return null
    if (counted.untilMs > this.#nowMs()) return counted
    this.#counts.delete(key)
    return null
  }
}

const keyOf = (address: string | null): string =>
  (address === null ? null : countedNetwork(address)) ?? 'unknown'
