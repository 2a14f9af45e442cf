import { afterEach, describe, expect, setSystemTime, test } from 'bun:test'
import { newRequestId, requestIdTimeMs } from '../../src/core/request-id.ts'

describe('newRequestId', () => {
  test('is a UUIDv7 in lower case that holds the present instant', () => {
    const before = Date.now()
    const id = newRequestId()
    const after = Date.now()
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    const time = requestIdTimeMs(id)
    expect(time).toBeGreaterThanOrEqual(before)
    expect(time).toBeLessThanOrEqual(after)
  })

  test('10,000 of them are all different, and in the order of time', () => {
    const ids = Array.from({ length: 10_000 }, newRequestId)
    expect(new Set(ids).size).toBe(ids.length)
    const times = ids.map((id) => requestIdTimeMs(id) ?? Number.NaN)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })
})

describe('a clock that is set back', () => {
  afterEach(() => {
    setSystemTime()
  })

  test('by much is followed at once, and ids stay different', () => {
    const before = newRequestId()
    const backMs = Date.now() - 3 * 86_400_000
    setSystemTime(new Date(backMs))
    const ids = Array.from({ length: 10_000 }, newRequestId)
    expect(new Set([before, ...ids]).size).toBe(ids.length + 1)
    // More ids than a millisecond has numbers for go into the next ones.
    for (const id of ids) expect(Math.floor(((requestIdTimeMs(id) ?? 0) - backMs) / 100)).toBe(0)
    expect(ids).toEqual(ids.toSorted())
  })

  test('by little is waited for, so that order is kept', () => {
    const before = newRequestId()
    setSystemTime(new Date(Date.now() - 5_000))
    expect(newRequestId() > before).toBe(true)
  })
})

describe('requestIdTimeMs', () => {
  // RFC 9562, appendix A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00.
  test('the example of RFC 9562', () => {
    expect(requestIdTimeMs('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')).toBe(0x017f22e279b0)
    expect(requestIdTimeMs('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')).toBe(Date.UTC(2022, 1, 22, 19, 22, 22))
  })

  test('the first and the last instant', () => {
    expect(requestIdTimeMs('00000000-0000-7000-8000-000000000000')).toBe(0)
    expect(requestIdTimeMs('ffffffff-ffff-7fff-bfff-ffffffffffff')).toBe(2 ** 48 - 1)
  })

  test.each([
    ['nothing', ''],
    ['a UUIDv4', '919108f7-52d1-4320-9bac-f847db4148a8'],
    ['a UUIDv1', 'c232ab00-9414-11ec-b3c8-9f6bdeced846'],
    ['another variant', '017f22e2-79b0-7cc3-c8c4-dc0c0c07398f'],
    ['the nil UUID', '00000000-0000-0000-0000-000000000000'],
    ['upper case', '017F22E2-79B0-7CC3-98C4-DC0C0C07398F'],
    ['no dashes', '017f22e279b07cc398c4dc0c0c07398f'],
    ['braces', '{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}'],
    ['a digit less', '017f22e2-79b0-7cc3-98c4-dc0c0c07398'],
    ['a digit more', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f0'],
    ['a line feed behind', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n'],
    ['a letter that is no digit', '017f22e2-79b0-7cc3-98c4-dc0c0c07398g'],
    ['SQL', "' or true --"],
  ])('%s has no instant', (_, id) => {
    expect(requestIdTimeMs(id)).toBeNull()
  })
})
