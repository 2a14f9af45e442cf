/** The memory that all bodies under way may take together. */
export interface BodyBudget {
  /** Opens an account for one body. */
  open(): {
    /** Takes bytes; false when they are not there, and once the account is closed: a body may be read on when its time is up. */
    readonly take: (bytes: number) => boolean
    /** Gives everything back and closes the account. */
    readonly release: () => void
  }
}

export function createBodyBudget(bytesMax: number): BodyBudget {
  let left = bytesMax
  return {
    open() {
      let taken = 0
      let closed = false
      return {
        take(bytes) {
          if (closed || bytes > left) return false
          left -= bytes
          taken += bytes
          return true
        },
        release() {
          closed = true
          left += taken
          taken = 0
        },
      }
    },
  }
}
