import { type Static, Type as t } from '@sinclair/typebox'
import { parseAddress } from '../core/address.ts'
import { TEXT_SOUGHT_LENGTH_MAX } from '../core/limits.ts'
import { LOG_OUTCOMES, type LogFilter, type LogOutcome } from '../core/log-filter.ts'
import { REJECTIONS, type RejectionCode } from '../core/rejection.ts'
import { TriggerRef } from '../core/trigger.ts'
import { problemIf, type Rule } from './input.ts'
import { timeFields, timeRules, timesOf } from './lists.ts'

const Code = t.Union((Object.keys(REJECTIONS) as RejectionCode[]).map((code) => t.Literal(code)))

/** What the webhook event log is filtered by, wherever it is read. */
export const logFilterFields = {
  trigger: t.Optional(TriggerRef),
  status: t.Optional(t.Integer({ minimum: 100, maximum: 599 })),
  code: t.Optional(Code),
  ip: t.Optional(t.String({ maxLength: 64, description: 'an IPv4 or IPv6 address' })),
  outcome: t.Optional(t.Union(LOG_OUTCOMES.map((outcome) => t.Literal(outcome)))),
  text: t.Optional(t.String({ minLength: 1, maxLength: TEXT_SOUGHT_LENGTH_MAX })),
  ...timeFields,
}

const isAddress: Rule = (ip, field) =>
  problemIf(parseAddress(String(ip)) === null, field, 'must be an IPv4 or IPv6 address')

export const logFilterRules = { ...timeRules, ip: isAddress }

const LogQuery = t.Object(logFilterFields)

/** The filter of a query that `logFilterRules` have passed. */
export function logFilterOf({
  trigger,
  status,
  code,
  ip,
  outcome,
  text,
  since,
  until,
}: Static<typeof LogQuery>): LogFilter {
  return {
    triggerRef: trigger,
    statusCode: status,
    errorCode: code,
    sourceIp: ip === undefined ? undefined : (parseAddress(ip) ?? undefined),
    outcome: outcome as LogOutcome | undefined,
    text,
    ...timesOf(since, until),
  }
}
