import { type TUnsafe, Type as t } from '@sinclair/typebox'
import { problemIf, type Rule } from './input.ts'

/**
 * A point in time in a query. The model takes anything, and `isInstant` checks it, so that one function both checks and
 * reads; what formats TypeBox knows depends on who has registered some.
 */
export const Instant = t.Any({ type: 'string', format: 'date-time' }) as unknown as TUnsafe<string>

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

export const isInstant: Rule = (value, field) =>
  problemIf(
    typeof value !== 'string' || parseInstant(value) === null,
    field,
    'must be a date-time of RFC 3339 with its zone, e.g. 2026-01-31T08:00:00Z; write the + of a zone as %2B',
  )

/**
 * Reads a date-time of RFC 3339. Rows have their time in milliseconds, and what is finer is rounded up: whether a row is
 * before it stays the same.
 *
 * @returns `null` for what is none, for a day that no month has, and for years that PostgreSQL would not read back
 */
export function parseInstant(text: string): Date | null {
  const match = RFC_3339.exec(text)
  if (match === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const [fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = match.slice(7)
  if (hour > 23 || minute > 59 || second > 59 || Number(zoneHour) > 23 || Number(zoneMinute) > 59) return null
  const local = new Date(0)
  local.setUTCFullYear(year, month - 1, day)
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) return null
  local.setUTCHours(hour, minute, second, Math.ceil(Number(`0.${fraction || '0'}`) * 1000))
  const zoneMs = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000
  const instant = new Date(local.getTime() - (sign === '-' ? -zoneMs : zoneMs))
  return instant.getUTCFullYear() >= 1 && instant.getUTCFullYear() <= 9999 ? instant : null
}
