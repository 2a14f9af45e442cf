/** What stands along the charts is written as the reader's own locale writes it. */
import { describe, expect, test } from 'bun:test'
import { formatTicks } from '../../src/ui/kit/format.ts'

const HOUR = 3_600
/** Local time, as a chart of the reader has it. */
const at = (day: number, hour: number): number => new Date(2026, 10, day, hour).getTime() / 1_000
const day = (of: number) =>
  new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' }).format(new Date(2026, 10, of))
const hour = (of: number) =>
  new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(new Date(2026, 10, 1, of))

describe('marks along an axis of time', () => {
  test('hours say the day where it begins, and once', () => {
    const marks = formatTicks([at(23, 18), at(23, 21), at(24, 0), at(24, 3)], 3 * HOUR)
    expect(marks).toEqual([`${hour(18)}\n${day(23)}`, hour(21), `${hour(0)}\n${day(24)}`, hour(3)])
  })

  test('whole days are days, without an hour', () => {
    expect(formatTicks([at(23, 0), at(24, 0)], 24 * HOUR)).toEqual([day(23), day(24)])
  })

  test('there are none of nothing', () => {
    expect(formatTicks([], HOUR)).toEqual([])
  })
})
