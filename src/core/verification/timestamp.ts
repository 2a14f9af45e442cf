import { TIMESTAMP_DIGITS_MAX } from '../limits.ts'
import type { TimestampRecord } from './scheme.ts'

const DIGITS = new RegExp(`^[1-9][0-9]{0,${TIMESTAMP_DIGITS_MAX - 1}}$`)

/** RFC 3339 with a time zone. */
const ISO =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))$/

/** The moment that a text names, in Unix milliseconds; `null` when it is not written as the unit asks. */
export function parseTimestamp(text: string, unit: TimestampRecord['unit']): number | null {
  if (unit === 'iso') return isoMs(text)
  if (!DIGITS.test(text)) return null
  return unit === 's' ? Number(text) * 1_000 : Number(text)
}

function isoMs(text: string): number | null {
  const match = ISO.exec(text)
  if (match === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const fractionMs = Math.floor(Number(`0.${match[7] ?? '0'}`) * 1_000)
  const offset = (match[8] === '-' ? -1 : 1) * (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0))
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  // A day that the month does not have would silently be one of the next.
  const isReal = new Date(ms).toISOString().startsWith(`${text.slice(0, 10)}T${text.slice(11, 19)}`)
  return isReal ? ms + fractionMs - offset * 60_000 : null
}
