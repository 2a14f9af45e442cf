import { describe, expect, test } from 'bun:test'
import {
  consideredOf,
  lockedOut,
  type PastAttempt,
  passes,
  payloadLimitOutcome,
  rateLimitOutcomes,
  summarise,
  whitelistOutcomes,
} from '../../src/core/preview-verdicts.ts'

/** The begin of a window of any length that divides an hour. */
const HOUR_MS = 1_767_268_800_000

const past = (given: Partial<PastAttempt> = {}): PastAttempt => ({
  id: '01a20998-3eb9-7711-a1d9-d65e9efc3e71',
  createdMs: HOUR_MS,
  sourceIp: '192.0.2.1',
  payloadSizeBytes: 10,
  errorCode: null,
  attempts: 1,
  ...given,
})

const shown = ({ passed, refused, unknown }: { passed: number; refused: number; unknown: number }) => [
  passed,
  refused,
  unknown,
]

test.each([
  ['that fits exactly', 1024, [1, 0, 0]],
  ['that is a byte too long', 1025, [0, 1, 0]],
  ['whose length is not known', null, [0, 0, 1]],
] as const)('a payload %s', (_, payloadSizeBytes, outcome) => {
  expect(shown(payloadLimitOutcome(past({ payloadSizeBytes }), 1))).toEqual([...outcome])
})

test.each([
  ['held', { sourceIp: '10.1.2.3' }, [1, 0, 0]],
  ['not held', { sourceIp: '192.0.2.1' }, [0, 1, 0]],
  ['of the other family', { sourceIp: '::1' }, [0, 1, 0]],
  ['missing', { sourceIp: null }, [0, 1, 0]],
  ['merged away', { sourceIp: null, attempts: 7 }, [0, 0, 7]],
  ['of a merged row', { sourceIp: '192.0.2.1', attempts: 7 }, [0, 7, 0]],
] as const)('an address that is %s', (_, row, outcome) => {
  expect(whitelistOutcomes([past(row)], ['10.0.0.0/8']).map(shown)).toEqual([[...outcome]])
  expect(whitelistOutcomes([past(row)], null).map(shown)).toEqual([[past(row).attempts, 0, 0]])
})

test('an empty list refuses everybody', () => {
  expect(whitelistOutcomes([past()], []).map(shown)).toEqual([[0, 1, 0]])
})

describe('a rate limit of 2 in 60 seconds', () => {
  const LIMIT = { requests: 2, window_seconds: 60 }
  const at = (...seconds: number[]) =>
    seconds.map((second) => past({ createdMs: HOUR_MS + second * 1_000 })).toReversed()
  const outcomes = (rows: readonly PastAttempt[], isWhole = true) =>
    rateLimitOutcomes(rows, LIMIT, isWhole).map(shown).toReversed()

  test('lets two of a window through, and begins anew with the next', () => {
    expect(outcomes(at(0, 30, 59.999, 60, 61, 62))).toEqual([
      [1, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [1, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
    ])
  })

  test('does not know of the first window what came before the oldest row, but knows when it is full anyway', () => {
    expect(outcomes(at(0, 1, 2, 60), false)).toEqual([
      [0, 0, 1],
      [0, 0, 1],
      [0, 1, 0],
      [1, 0, 0],
    ])
  })

  test('counts each attempt of a merged row', () => {
    const rows = [past({ attempts: 5, errorCode: 'rate_limited' }), past()]
    expect(outcomes(rows)).toEqual([
      [1, 0, 0],
      [1, 4, 0],
    ])
  })

  test('does not count what is turned away before', () => {
    const codes = ['webhook_disabled', 'payload_too_large', 'ip_not_allowed']
    const rows = [past(), past(), ...codes.map((errorCode) => past({ errorCode }))]
    expect(outcomes(rows).every(([passed]) => passed === 1)).toBe(true)
  })

  test('that is off lets everybody through', () => {
    expect(rateLimitOutcomes(at(0, 1, 2), null, true).map(shown)).toEqual([
      [1, 0, 0],
      [1, 0, 0],
      [1, 0, 0],
    ])
  })
})

test('at most 1,000 attempts are considered, also of merged rows', () => {
  const rows = [past({ attempts: 999 }), past({ attempts: 5 }), past()]
  expect(consideredOf(rows).map(({ attempts }) => attempts)).toEqual([999, 1])
})

test('what is new is told from what was so before', () => {
  const rows = [
    past({ payloadSizeBytes: 2_000 }),
    past({ payloadSizeBytes: 2_000, errorCode: 'payload_too_large' }),
    past({ payloadSizeBytes: 10, errorCode: 'payload_too_large' }),
    past({ payloadSizeBytes: 10, errorCode: 'rate_limited' }),
    past({ payloadSizeBytes: null }),
  ]
  const outcomes = rows.map((row) => payloadLimitOutcome(row, 1))
  expect(summarise('payload_limit', rows, outcomes)).toMatchObject({
    considered: 5,
    would_pass: 2,
    would_be_refused: 2,
    unknown: 1,
    newly_refused: 1,
    newly_passed: 1,
    examples: [{ reason: expect.stringContaining('2000 bytes') }],
    locked_out: [],
  })
})

test('without attempts there is nothing to say', () => {
  expect(summarise('rate_limit', [], [])).toMatchObject({
    considered: 0,
    since: null,
    until: null,
    examples: [],
  })
})

test('examples are few, the latest first', () => {
  const rows = Array.from({ length: 50 }, (_, at) =>
    past({ createdMs: HOUR_MS - at, payloadSizeBytes: 2_000 + at }),
  )
  const { examples } = summarise(
    'payload_limit',
    rows,
    rows.map((row) => payloadLimitOutcome(row, 1)),
  )
  expect(examples.length).toBe(10)
  expect(examples[0]?.created).toBe(new Date(HOUR_MS).toISOString())
  expect(summarise('payload_limit', rows, rows.map(passes)).examples).toEqual([])
})

test('a busy sender does not hide the others: there is one example for each address and reason', () => {
  const busy = Array.from({ length: 50 }, (_, at) =>
    past({ createdMs: HOUR_MS - at, sourceIp: '192.0.2.1', payloadSizeBytes: 2_000, attempts: 2 }),
  )
  const rows = [...busy, past({ createdMs: 1, sourceIp: '192.0.2.2', payloadSizeBytes: 2_000 })]
  const { examples } = summarise(
    'payload_limit',
    rows,
    rows.map((row) => payloadLimitOutcome(row, 1)),
  )
  expect(examples).toMatchObject([
    { source_ip: '192.0.2.1', attempts: 100, created: new Date(HOUR_MS).toISOString() },
    { source_ip: '192.0.2.2', attempts: 1, created: new Date(1).toISOString() },
  ])
})

test('the addresses that a list locks out are named, the latest first, and none when it is off', () => {
  const addresses = [
    { sourceIp: '192.0.2.1', attempts: 3, lastSeenMs: HOUR_MS },
    { sourceIp: '10.0.0.1', attempts: 9, lastSeenMs: HOUR_MS },
    { sourceIp: '2001:db8::1', attempts: 1, lastSeenMs: HOUR_MS + 1 },
  ]
  expect(lockedOut(addresses, ['10.0.0.0/8']).map(({ source_ip }) => source_ip)).toEqual([
    '2001:db8::1',
    '192.0.2.1',
  ])
  expect(lockedOut(addresses, null)).toEqual([])
})
