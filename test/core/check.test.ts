import { describe, expect, test } from 'bun:test'
import { CHECKS, decodeChecks, encodeChecks } from '../../src/core/check.ts'

const ACCEPTED = ['passed', 'passed', 'off', 'passed', 'passed', 'passed'] as const

describe('the checks of an attempt as text', () => {
  test('are read back as they were written, in the order in which they ran', () => {
    const text = encodeChecks(ACCEPTED, [0.003, 0.0014, 0, 0.212, 1.04, null])
    expect(text).toBe('p3,p1,o,p212,p1040,p')
    expect(decodeChecks(text)).toEqual([
      { check: 'webhook_enabled', verdict: 'passed', elapsed_us: 3 },
      { check: 'payload_size', verdict: 'passed', elapsed_us: 1 },
      { check: 'ip_whitelist', verdict: 'off', elapsed_us: null },
      { check: 'rate_limit', verdict: 'passed', elapsed_us: 212 },
      { check: 'signature', verdict: 'passed', elapsed_us: 1040 },
      { check: 'store', verdict: 'passed', elapsed_us: null },
    ])
  })

  test('have no time where the check did not run', () => {
    const verdicts = ['passed', 'refused', 'not_reached', 'not_reached', 'off', 'not_reached'] as const
    expect(encodeChecks(verdicts, [1, 2, 3, 4, 5, 6])).toBe('p1000,r2000,n,n,o,n')
  })

  test.each([
    ['of a clock that went back', -5, 0],
    ['longer than any attempt', 1e12, 3_600_000_000],
    ['below a microsecond', 0.0001, 0],
  ])('a time %s stays within its limits', (_, ms, us) => {
    const text = encodeChecks(ACCEPTED, [ms, 0, 0, 0, 0, 0])
    expect(decodeChecks(text)?.[0]?.elapsed_us).toBe(us)
    expect(text.length).toBeLessThanOrEqual(100)
  })

  test('are never longer than the column takes', () => {
    const longest = encodeChecks(
      CHECKS.map(() => 'refused'),
      CHECKS.map(() => Number.MAX_VALUE),
    )
    expect(longest.length).toBeLessThanOrEqual(100)
    expect(decodeChecks(longest)).toHaveLength(CHECKS.length)
  })

  test.each([
    null,
    '',
    'p,p,p,p,p',
    'p,p,p,p,p,p,p',
    'x,p,p,p,p,p',
    'P,p,p,p,p,p',
    'p1.5,p,p,p,p,p',
    'p-1,p,p,p,p,p',
    'p01,p,p,p,p,p',
    'p3600000001,p,p,p,p,p',
    'p99999999999,p,p,p,p,p',
    'o1,p,p,p,p,p',
    'n1,p,p,p,p,p',
    ' p,p,p,p,p,p',
    'p,p,p,p,p,p\n',
    '<b>,p,p,p,p,p',
  ])('%p is not read as any', (text) => {
    expect(decodeChecks(text)).toBeNull()
  })
})
