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

/** `off`: the trigger does not ask for it. `not_reached`: an earlier one had turned the attempt away. */
export const CHECK_VERDICTS = ['passed', 'refused', 'off', 'not_reached'] as const
export type CheckVerdict = (typeof CHECK_VERDICTS)[number]

/** One check of one attempt. */
export const CheckResult = t.Object({
  check: t.Unsafe<CheckName>({ type: 'string', enum: [...CHECKS] }),
  verdict: t.Unsafe<CheckVerdict>({ type: 'string', enum: [...CHECK_VERDICTS] }),
  elapsed_us: t.Union([t.Integer(), t.Null()], { description: 'microseconds; null: it was not timed' }),
})
export type CheckResult = Static<typeof CheckResult>
