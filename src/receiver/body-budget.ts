/** The memory that all bodies under way may take together. */
export interface BodyBudget {
  /** Opens an account for one body. */
  open(): {
    /** Takes bytes; false when they are not there. */
    readonly take: (bytes: number) => boolean
    /** Gives everything back, once. */
    readonly release: () => void
  }
}

export function createBodyBudget(bytesMax: number): BodyBudget {
  let left = bytesMax
  return {
    open() {
      let taken = 0
      return {
        take(bytes) {
          if (bytes > left) return false
          left -= bytes
          taken += bytes
          return true
        },
        release() {
          left += taken
          taken = 0
        },
      }
    },
  }
}
