/**
 * The request id is a UUIDv7 (RFC 9562): made by us, unique across processes, ordered by time. It is the
 * primary key of the audit row, and of the event when there is one, so that a write can be repeated
 * without a double.
 */
export function newRequestId(): string {
  // Bun counts on from the latest instant it has seen while the clock is behind it. That keeps the order when the clock is corrected a
  // little; after a clock that was wrong by years, everything would be stamped with its error until the process ends.
  const id = Bun.randomUUIDv7()
  const nowMs = Date.now()
  const aheadMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) - nowMs
  return aheadMs > AHEAD_MS_MAX ? Bun.randomUUIDv7('hex', nowMs) : id
}

/** A clock that is set back by less than this is waited for. */
const AHEAD_MS_MAX = 60_000

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * The instant a request id was made. Rows are partitioned by it, so an id alone leads to its partition.
 *
 * @returns milliseconds since 1970, or `null` when the text is no UUIDv7
 */
export function requestIdTimeMs(id: string): number | null {
  if (!UUID_V7.test(id)) return null
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** The instant inside an id that we made ourselves. */
export function requestIdTime(id: string): Date {
  const timeMs = requestIdTimeMs(id)
  if (timeMs === null) throw new RangeError('This is no request id.')
  return new Date(timeMs)
}

/** The id before all ids of an instant: a mark between rows, which belongs to none. */
export function leastRequestId(timeMs: number): string {
  const time = timeMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}
