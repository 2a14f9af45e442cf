import { countedNetwork } from '../core/address.ts'
import {
  SIGN_IN_LOOKUPS_KNOWN_MAX,
  SIGN_IN_LOOKUPS_MAX,
  SIGN_IN_LOOKUPS_PER_ADDRESS_MAX,
  SIGN_IN_LOOKUPS_UNKNOWN_MAX,
} from '../core/limits.ts'
import { storeUnavailable } from '../core/rejection.ts'
import { LruMap } from './lru-map.ts'

/**
 * Who may have a token or a session looked up just now. Strangers can ask for it as often as they like, so what was not found at its last
 * look-up has one share for each address and one for all of them; what was found has the rest to itself. It decides about waiting only: each
 * look-up is made, however well known its key is.
 */
export class SignInLookUps {
  /** Keys are digests. */
  readonly #known = new LruMap<string, true>(SIGN_IN_LOOKUPS_KNOWN_MAX)
  readonly #unknownOf = new Map<string, number>()
  #underWay = 0
  #unknown = 0

  /**
   * @param key - a digest of what is looked up
   * @param address - whence it came; those without a known one share one share
   * @param lookUp - gives `null` when it finds nothing
   * @throws Rejection `store_unavailable` when there are too many already
   */
  async run<T>(key: string, address: string | null, lookUp: () => Promise<T | null>): Promise<T | null> {
    const end = this.#known.get(key) ? this.#begin() : this.#beginUnknown(address)
    try {
      const found = await lookUp()
      if (found === null) this.#known.delete(key)
      else this.#known.set(key, true)
      return found
    } finally {
      end()
    }
  }

  #begin(): () => void {
    if (this.#underWay >= SIGN_IN_LOOKUPS_MAX) throw tooMany()
    this.#underWay += 1
    return () => {
      this.#underWay -= 1
    }
  }

  #beginUnknown(address: string | null): () => void {
    const from = (address === null ? null : countedNetwork(address)) ?? 'unknown'
    const ofAddress = this.#unknownOf.get(from) ?? 0
    if (ofAddress >= SIGN_IN_LOOKUPS_PER_ADDRESS_MAX || this.#unknown >= SIGN_IN_LOOKUPS_UNKNOWN_MAX) {
      throw tooMany()
    }
    const end = this.#begin()
    this.#unknown += 1
    this.#unknownOf.set(from, ofAddress + 1)
    return () => {
      end()
      this.#unknown -= 1
      const left = (this.#unknownOf.get(from) ?? 1) - 1
      if (left === 0) this.#unknownOf.delete(from)
      else this.#unknownOf.set(from, left)
    }
  }
}

const tooMany = () => storeUnavailable('too many sign-ins are being looked up')
