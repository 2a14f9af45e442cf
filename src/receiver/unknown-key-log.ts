import { UNKNOWN_KEY_LOG_LINES_PER_MINUTE } from '../core/limits.ts'
import type { Log } from '../core/log.ts'

const MINUTE_MS = 60_000

/** Writes a line for each unknown key, until a minute has had enough of them; the next minute's first line says how many more. */
export function unknownKeyLog(log: Log): (address: string | null, key: string) => void {
  let minuteStartMs = Number.NEGATIVE_INFINITY
  let lines = 0
  let left = 0
  return (address, key) => {
    const nowMs = performance.now()
    if (nowMs - minuteStartMs >= MINUTE_MS) {
      if (left > 0) log.warn('more attempts on unknown webhook keys', { attempts: left })
      minuteStartMs = nowMs
      lines = 0
      left = 0
    }
    if (lines < UNKNOWN_KEY_LOG_LINES_PER_MINUTE) {
      lines += 1
      log.warn('attempt on an unknown webhook key', { source_ip: address, webhook_key: key })
    } else {
      left += 1
    }
  }
}
