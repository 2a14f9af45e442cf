import { type Static, Type as t } from '@sinclair/typebox'

/** The steps of the receiver that can turn an attempt away, in the order in which they run. */
export const CHECKS = [
  'webhook_enabled',
  'payload_size',
  'ip_whitelist',
  'rate_limit',
  'signature',
  'store',
] as const
export type CheckName = (typeof CHECKS)[number]

/**
 * `off`: the trigger does not ask for it. `not_reached`: the attempt had been turned away, or answered as a handshake, before it
 * could be made; the size of a chunked body is known only when that is read.
 */
export const CHECK_VERDICTS = ['passed', 'refused', 'off', 'not_reached'] as const
export type CheckVerdict = (typeof CHECK_VERDICTS)[number]

/** One check of one attempt. */
export const CheckResult = t.Object({
  check: t.Unsafe<CheckName>({ type: 'string', enum: [...CHECKS] }),
  verdict: t.Unsafe<CheckVerdict>({ type: 'string', enum: [...CHECK_VERDICTS] }),
  elapsed_us: t.Union([t.Integer(), t.Null()], { description: 'microseconds; null: it was not timed' }),
})
export type CheckResult = Static<typeof CheckResult>

/** What one letter of the column `checks` stands for. */
const LETTERS = { passed: 'p', refused: 'r', off: 'o', not_reached: 'n' } as const satisfies Record<
  CheckVerdict,
  string
>
const VERDICTS: ReadonlyMap<string, CheckVerdict> = new Map(
  CHECK_VERDICTS.map((verdict) => [LETTERS[verdict], verdict]),
)

/** An hour, in microseconds; no attempt is under way for as long. */
const ELAPSED_US_MAX = 3_600_000_000

/**
 * One verdict for each check, in the order of `CHECKS`, as the column `checks` has them: a letter, and the microseconds behind it
 * where it was timed, e.g. `p3,p1,o,p212,p1040,p`.
 *
 * @param elapsedMs - of each check; asked of those that passed or refused, `null` where it is not known
 */
export function encodeChecks(
  verdicts: readonly CheckVerdict[],
  elapsedMs: readonly (number | null)[],
): string {
  let text = ''
  for (const [index, verdict] of verdicts.entries()) {
    const ms = verdict === 'passed' || verdict === 'refused' ? elapsedMs[index] : null
    text += `${index === 0 ? '' : ','}${LETTERS[verdict]}`
    if (ms != null) text += Math.min(ELAPSED_US_MAX, Math.max(0, Math.round(ms * 1000)))
  }
  return text
}

const ENCODED = /^[pron][0-9]{0,10}(?:,[pron][0-9]{0,10}){5}$/

/** @returns `null` for what `encodeChecks` has not written, and where nothing is recorded */
export function decodeChecks(text: string | null): CheckResult[] | null {
  if (text === null || !ENCODED.test(text)) return null
  const results: CheckResult[] = []
  for (const [index, part] of text.split(',').entries()) {
    const check = CHECKS[index]
    const verdict = VERDICTS.get(part.charAt(0))
    const digits = part.slice(1)
    const elapsed_us = digits === '' ? null : Number(digits)
    if (check === undefined || verdict === undefined) return null
    if (elapsed_us !== null && (elapsed_us > ELAPSED_US_MAX || String(elapsed_us) !== digits)) return null
    if (elapsed_us !== null && (verdict === 'off' || verdict === 'not_reached')) return null
    results.push({ check, verdict, elapsed_us })
  }
  return results
}
