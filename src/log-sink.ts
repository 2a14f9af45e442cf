import { setTimeout as sleep } from 'node:timers/promises'
import { LOG_QUEUE_BYTES_MAX, LOG_WRITE_BYTES_MAX } from './core/limits.ts'

/** Where the lines of the log go. */
export interface LogSink {
  /** Takes one line, its line feed included, and returns at once. */
  write(line: string): void
  /** Waits until everything is written, at most so long. */
  flush(msMax: number): Promise<void>
}

export interface LogSinkOptions {
  /** Writes some of the bytes without blocking this thread. @returns how many; fails with `EAGAIN` when there is no room for any just now */
  readonly writeSome: (bytes: Uint8Array) => Promise<number>
  /** The line that says how many lines were dropped before it. */
  readonly droppedLine: (lines: number) => string
}

/** What waits to be written, and how many lines are missing if it is not: one, or as many as it reports. */
interface Waiting {
  readonly bytes: Uint8Array
  readonly lines: number
}

/** Without room the next try comes after this. */
const FULL_WAIT_MS = 20

/**
 * Lines wait in memory, bounded, while whoever reads the log takes his time: a server that writes to a full pipe stands still. What does not
 * fit is counted, and the count stands in its place once there is room.
 */
export function createLogSink({ writeSome, droppedLine }: LogSinkOptions): LogSink {
  let waiting: Waiting[] = []
  let waitingBytes = 0
  let dropped = 0
  let draining: Promise<void> | null = null

  const push = (line: string, lines: number): boolean => {
    const bytes = Buffer.from(line)
    if (waitingBytes + bytes.byteLength > LOG_QUEUE_BYTES_MAX) return false
    waiting.push({ bytes, lines })
    waitingBytes += bytes.byteLength
    return true
  }
  /** Not before half of the room is free again, or there would be a count for every few lines. */
  const reportDropped = (): void => {
    if (dropped === 0 || waitingBytes > LOG_QUEUE_BYTES_MAX / 2) return
    if (push(droppedLine(dropped), dropped)) dropped = 0
  }

  const writeWhole = async (bytes: Uint8Array): Promise<void> => {
    for (let rest = bytes; rest.byteLength > 0; ) {
      try {
        rest = rest.subarray(await writeSome(rest))
      } catch (error) {
        if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'EAGAIN') throw error
        await sleep(FULL_WAIT_MS)
      }
    }
  }

  const drain = async (): Promise<void> => {
    for (;;) {
      if (waiting.length === 0) reportDropped()
      const batch = takeBatch(waiting)
      if (batch.length === 0) return
      waiting = waiting.slice(batch.length)
      const bytes = Buffer.concat(batch.map((entry) => entry.bytes))
      try {
        await writeWhole(bytes)
      } catch {
        // The disk is full, or nobody reads any more. The next line tries again, and these are missing.
        dropped += [...batch, ...waiting].reduce((sum, { lines }) => sum + lines, 0)
        waiting = []
        waitingBytes = 0
        return
      }
      // Only now, so that what is being written counts too.
      waitingBytes -= bytes.byteLength
    }
  }

  return {
    write(line) {
      reportDropped()
      // As long as the gap has not been reported, nothing may come behind it.
      if (dropped > 0 || !push(line, 1)) dropped += 1
      draining ??= drain().finally(() => {
        draining = null
      })
    },
    async flush(msMax) {
      await Promise.race([draining, sleep(msMax)])
    },
  }
}

/** As many as make one write of reasonable size, and one at least. */
function takeBatch(waiting: readonly Waiting[]): readonly Waiting[] {
  let bytes = 0
  const end = waiting.findIndex((entry, index) => {
    bytes += entry.bytes.byteLength
    return index > 0 && bytes > LOG_WRITE_BYTES_MAX
  })
  return end < 0 ? waiting : waiting.slice(0, end)
}
