import { Type as t } from '@sinclair/typebox'
import { parseAddress } from '../core/address.ts'
import {
  PAYLOAD_SEARCH_PATH_LENGTH_MAX,
  PAYLOAD_SEARCH_VALUE_LENGTH_MAX,
  TEXT_SOUGHT_LENGTH_MAX,
} from '../core/limits.ts'
import { type PayloadQuery, parsePayloadPath } from '../core/payload-terms.ts'
import { TriggerRef } from '../core/trigger.ts'
import type { EventFilter } from '../store/events.ts'
import { problemIf, type Rule, refuse } from './input.ts'
import { timeFields, timeRules, timesOf } from './lists.ts'

/** Which events are asked for. */
export const eventFilterFields = {
  trigger: t.Optional(TriggerRef),
  ip: t.Optional(t.String({ maxLength: 64, description: 'an IPv4 or IPv6 address' })),
  path: t.Optional(
    t.String({
      maxLength: PAYLOAD_SEARCH_PATH_LENGTH_MAX,
      description:
        'where in the payload, with value: keys with a dot between them such as repository.full_name, items[].id for any element of an array, "a.b".c for a key that holds a dot',
    }),
  ),
  value: t.Optional(
    t.String({
      maxLength: PAYLOAD_SEARCH_VALUE_LENGTH_MAX,
      description: `the whole value there, a text, number, true, false or null, at most ${PAYLOAD_SEARCH_VALUE_LENGTH_MAX} characters`,
    }),
  ),
  text: t.Optional(
    t.String({
      minLength: 1,
      maxLength: TEXT_SOUGHT_LENGTH_MAX,
      description:
        "somewhere in the trigger's ref, the address, the content type, the id, or a header such as x-github-event: push; in either case",
    }),
  ),
  ...timeFields,
}

const isAddress: Rule = (ip, field) =>
  problemIf(parseAddress(String(ip)) === null, field, 'must be an IPv4 or IPv6 address')

const isPath: Rule = (text, field) => {
  const path = parsePayloadPath(String(text))
  return 'problem' in path ? [{ field, message: path.problem }] : []
}

export const eventFilterRules = { ...timeRules, ip: isAddress, path: isPath }

interface Given {
  readonly trigger?: string | undefined
  readonly ip?: string | undefined
  readonly path?: string | undefined
  readonly value?: string | undefined
  readonly text?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** The filter, once `eventFilterRules` have passed its fields. @throws Rejection `request_invalid` for half of a search */
export const eventFilterOf = ({ trigger, ip, path, value, text, since, until }: Given): EventFilter => ({
  triggerRef: trigger,
  sourceIp: ip === undefined ? undefined : (parseAddress(ip) ?? undefined),
  payload: payloadOf(path, value),
  text,
  ...timesOf(since, until),
})

function payloadOf(path: string | undefined, value: string | undefined): PayloadQuery | undefined {
  if (path === undefined && value === undefined) return undefined
  if (path === undefined) refuse([{ field: 'path', message: 'must be given with value' }])
  if (value === undefined) refuse([{ field: 'value', message: 'must be given with path' }])
  const parsed = parsePayloadPath(path)
  if ('problem' in parsed) refuse([{ field: 'path', message: parsed.problem }])
  return { path: parsed, value }
}
