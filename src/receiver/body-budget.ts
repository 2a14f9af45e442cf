/** The memory that all bodies under way may take together. */
export interface BodyBudget {
  /** Opens an account for one body of a trigger. */
  open(triggerId: string): {
    /** Takes bytes; false when they are not there, and once the account is closed: a body may be read on when its time is up. */
    readonly take: (bytes: number) => boolean
    /** Gives everything back and closes the account. */
    readonly release: () => void
  }
}

/**
 * @param bytesMax - for all triggers together
 * @param bytesPerTriggerMax - for one, so that who floods one trigger leaves room for the others
 */
export function createBodyBudget(bytesMax: number, bytesPerTriggerMax: number): BodyBudget {
  let left = bytesMax
  /** Triggers without a body under way are not in it, so it is never larger than the number of bodies. */
  const takenByTrigger = new Map<string, number>()

  const book = (triggerId: string, bytes: number): void => {
    left -= bytes
    const taken = (takenByTrigger.get(triggerId) ?? 0) + bytes
    if (taken === 0) takenByTrigger.delete(triggerId)
    else takenByTrigger.set(triggerId, taken)
  }

  return {
    open(triggerId) {
      let taken = 0
      let closed = false
      return {
        take(bytes) {
          const ofTrigger = takenByTrigger.get(triggerId) ?? 0
          if (closed || bytes > left || ofTrigger + bytes > bytesPerTriggerMax) return false
          book(triggerId, bytes)
          taken += bytes
          return true
        },
        release() {
          closed = true
          book(triggerId, -taken)
          taken = 0
        },
      }
    },
  }
}
