import { BODY_READ_MS_MAX } from '../core/limits.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'

/** The connection ends with the answer, or the rest of the body would still have to come in. */
export const CLOSE_CONNECTION = { headers: { connection: 'close' } }

interface Waiting {
  readonly deadlineMs: number
  readonly reject: (reason: Rejection) => void
}

/** Until when bodies are waited for. */
export interface BodyDeadlines {
  /**
   * What `reading` comes to, unless its time passes first.
   *
   * @throws Rejection `body_timeout`; `store_unavailable` at the end of the process, which is no fault of its sender
   */
  within(reading: Promise<Uint8Array>): Promise<Uint8Array>
}

/**
 * All bodies have the same time, so those that have waited longest are always the first of the set, and one timer does for all
 * of them; a timer and a listener for each cost as much as reading the body.
 */
export function createBodyDeadlines(cutOff: AbortSignal, readMsMax = BODY_READ_MS_MAX): BodyDeadlines {
  const waiting = new Set<Waiting>()
  let timer: ReturnType<typeof setTimeout> | null = null

  const rejectOverdue = (): void => {
    timer = null
    const nowMs = performance.now()
    for (const body of waiting) {
      if (body.deadlineMs > nowMs) {
        arm(body.deadlineMs - nowMs)
        return
      }
      waiting.delete(body)
      body.reject(overdue(readMsMax))
    }
  }
  const arm = (ms: number): void => {
    timer ??= setTimeout(rejectOverdue, ms)
    // A process that ends does not wait for this.
    timer.unref()
  }
  cutOff.addEventListener('abort', () => {
    for (const body of waiting) body.reject(cutShort())
    waiting.clear()
  })

  return {
    within(reading) {
      if (cutOff.aborted) {
        reading.catch(() => {})
        return Promise.reject(cutShort())
      }
      return new Promise((resolve, reject) => {
        const body = { deadlineMs: performance.now() + readMsMax, reject }
        waiting.add(body)
        arm(readMsMax)
        reading.then(
          (bytes) => {
            waiting.delete(body)
            resolve(bytes)
          },
          (fault) => {
            waiting.delete(body)
            reject(fault)
          },
        )
      })
    },
  }
}

const overdue = (readMsMax: number): Rejection =>
  new Rejection('body_timeout', `the body did not arrive within ${readMsMax} ms`, CLOSE_CONNECTION)

const cutShort = (): Rejection => storeUnavailable('the process ended before the body had arrived')
