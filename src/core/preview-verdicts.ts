import { compileCidrs, matchesCidrs } from './address.ts'
import { BYTES_PER_KB, PREVIEW_ADDRESSES_MAX, PREVIEW_ATTEMPTS_MAX, PREVIEW_EXAMPLES_MAX } from './limits.ts'
import type { Preview } from './preview.ts'
import type { RateLimitSettings } from './trigger.ts'

/** An attempt as the webhook event log has it, as far as a preview asks. */
export interface PastAttempt {
  readonly id: string
  /** Unix milliseconds. */
  readonly createdMs: number
  readonly sourceIp: string | null
  readonly payloadSizeBytes: number | null
  /** `null`: it was accepted. */
  readonly errorCode: string | null
  /** More than 1: rejections of a flood, merged into one row. */
  readonly attempts: number
}

/** What a row would have met; of a merged one, how many of its attempts met what. */
export interface Outcome {
  readonly passed: number
  readonly refused: number
  readonly unknown: number
  /** Why those that are refused are. */
  readonly reason: string
}

/** A row, and what it would have met. */
interface Judged {
  readonly row: PastAttempt
  readonly outcome: Outcome
}

export const passes = ({ attempts }: PastAttempt): Outcome => ({
  passed: attempts,
  refused: 0,
  unknown: 0,
  reason: '',
})
export const isRefused = ({ attempts }: PastAttempt, reason: string): Outcome => ({
  passed: 0,
  refused: attempts,
  unknown: 0,
  reason,
})
export const isUnknown = ({ attempts }: PastAttempt): Outcome => ({
  passed: 0,
  refused: 0,
  unknown: attempts,
  reason: '',
})

/** Codes with which each check has refused. */
export const CODES_OF_CHECK = {
  payload_limit: ['payload_too_large'],
  ip_whitelist: ['ip_not_allowed'],
  rate_limit: ['rate_limited'],
  verification: ['signature_missing', 'signature_invalid'],
} as const satisfies Readonly<Record<string, readonly string[]>>
export type PreviewedCheck = keyof typeof CODES_OF_CHECK

/**
 * The latest rows with as many attempts as a preview looks at, newest first; of a merged row that goes beyond, so many as fit.
 *
 * @param rows - newest first
 */
export function consideredOf(rows: readonly PastAttempt[]): readonly PastAttempt[] {
  const considered: PastAttempt[] = []
  let left = PREVIEW_ATTEMPTS_MAX
  for (const row of rows) {
    if (left <= 0) break
    considered.push(row.attempts <= left ? row : { ...row, attempts: left })
    left -= row.attempts
  }
  return considered
}

export function payloadLimitOutcome(row: PastAttempt, kb: number): Outcome {
  const size = row.payloadSizeBytes
  if (size === null) return isUnknown(row)
  return size <= kb * BYTES_PER_KB
    ? passes(row)
    : isRefused(row, `The payload has ${size} bytes, more than ${kb * BYTES_PER_KB}.`)
}

/** @param cidrs - `null`: the check is off */
export function whitelistOutcomes(
  rows: readonly PastAttempt[],
  cidrs: readonly string[] | null,
): readonly Outcome[] {
  if (cidrs === null) return rows.map(passes)
  const compiled = compileCidrs(cidrs)
  return rows.map((row) => {
    if (row.sourceIp !== null) {
      const isHeld = matchesCidrs(compiled, row.sourceIp)
      return isHeld ? passes(row) : isRefused(row, `No entry of the list holds ${row.sourceIp}.`)
    }
    // Merged rows may stand for several addresses; anybody else who has none is refused by every list.
    return row.attempts > 1 ? isUnknown(row) : isRefused(row, 'The attempt has no address.')
  })
}

/** Turned away before requests are counted. */
const NOT_COUNTED: ReadonlySet<string> = new Set(['webhook_disabled', 'payload_too_large', 'ip_not_allowed'])

/**
 * Counts the rows in windows that begin as the receiver's do. What the oldest window held before the oldest row cannot be known when
 * older rows were left out: there an attempt is refused when those that are known fill the window already, and unknown otherwise.
 *
 * @param rows - newest first
 * @param limit - `null`: the check is off
 * @param isWhole - whether there are no older rows
 */
export function rateLimitOutcomes(
  rows: readonly PastAttempt[],
  limit: RateLimitSettings | null,
  isWhole: boolean,
): readonly Outcome[] {
  if (limit === null) return rows.map(passes)
  const windowMs = limit.window_seconds * 1_000
  const windowOf = ({ createdMs }: PastAttempt): number => Math.floor(createdMs / windowMs)
  const last = rows.at(-1)
  const cutWindow = isWhole || last === undefined ? null : windowOf(last)
  const reason = `More than ${limit.requests} requests came within ${limit.window_seconds} seconds.`
  const counts = new Map<number, number>()
  const outcomes = rows.toReversed().map((row): Outcome => {
    if (row.errorCode !== null && NOT_COUNTED.has(row.errorCode)) return passes(row)
    const window = windowOf(row)
    const before = counts.get(window) ?? 0
    counts.set(window, before + row.attempts)
    const within = Math.min(Math.max(limit.requests - before, 0), row.attempts)
    const refused = row.attempts - within
    return window === cutWindow
      ? { passed: 0, refused, unknown: within, reason }
      : { passed: within, refused, unknown: 0, reason }
  })
  return outcomes.toReversed()
}

/** Addresses that were accepted lately, each with how often and when last. */
export interface AcceptedAddress {
  readonly sourceIp: string
  readonly attempts: number
  readonly lastSeenMs: number
}

/** Those that a list would lock out, the latest first. */
export function lockedOut(
  addresses: readonly AcceptedAddress[],
  cidrs: readonly string[] | null,
): Preview['locked_out'] {
  if (cidrs === null) return []
  const compiled = compileCidrs(cidrs)
  return addresses
    .filter(({ sourceIp }) => !matchesCidrs(compiled, sourceIp))
    .toSorted((a, b) => b.lastSeenMs - a.lastSeenMs)
    .slice(0, PREVIEW_ADDRESSES_MAX)
    .map(({ sourceIp, attempts, lastSeenMs }) => ({
      source_ip: sourceIp,
      attempts,
      last_seen: new Date(lastSeenMs).toISOString(),
    }))
}

/** @param rows - newest first, each with its outcome at the same index */
export function summarise(
  check: PreviewedCheck,
  rows: readonly PastAttempt[],
  outcomes: readonly Outcome[],
  locked_out: Preview['locked_out'] = [],
): Preview {
  const judged: readonly Judged[] = rows.map((row, index) => ({
    row,
    outcome: outcomes[index] ?? isUnknown(row),
  }))
  const codes: readonly string[] = CODES_OF_CHECK[check]
  const sum = (of: (each: Judged) => number): number => judged.reduce((total, each) => total + of(each), 0)
  const newlyRefused = judged.filter(({ row, outcome }) => row.errorCode === null && outcome.refused > 0)
  return {
    considered: sum(({ row }) => row.attempts),
    since: timeOf(rows.at(-1)),
    until: timeOf(rows[0]),
    would_pass: sum(({ outcome }) => outcome.passed),
    would_be_refused: sum(({ outcome }) => outcome.refused),
    unknown: sum(({ outcome }) => outcome.unknown),
    newly_refused: newlyRefused.reduce((total, { outcome }) => total + outcome.refused, 0),
    newly_passed: sum(({ row, outcome }) => (codes.includes(row.errorCode ?? '') ? outcome.passed : 0)),
    examples: examplesOf(newlyRefused),
    locked_out,
  }
}

/** One for each address and reason, the latest of them, so that a busy sender does not hide the others. */
function examplesOf(refused: readonly Judged[]): Preview['examples'] {
  const alike = Map.groupBy(refused, ({ row, outcome }) => `${row.sourceIp} ${outcome.reason}`)
  return [...alike.values()].slice(0, PREVIEW_EXAMPLES_MAX).flatMap(([latest, ...others]) => {
    if (latest === undefined) return []
    const { row, outcome } = latest
    return {
      id: row.id,
      created: new Date(row.createdMs).toISOString(),
      source_ip: row.sourceIp,
      reason: outcome.reason,
      attempts: others.reduce((total, other) => total + other.outcome.refused, outcome.refused),
    }
  })
}

const timeOf = (row: PastAttempt | undefined): string | null =>
  row === undefined ? null : new Date(row.createdMs).toISOString()
