import type { NewTrigger, Trigger } from '../core/trigger.ts'
import { adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { type Column, fieldLines, tableLines } from './output.ts'
import { PAGE_OPTIONS, pageQuery, sayNextCursor } from './page.ts'

const COLUMNS: readonly Column<Trigger>[] = [
  { title: 'ref', cell: ({ ref }) => ref },
  { title: 'webhook', cell: (trigger) => onOrOff(trigger.webhook_enabled, 'on') },
  { title: 'signature', cell: signatureText },
  {
    title: 'rate limit',
    cell: (trigger) =>
      onOrOff(
        trigger.webhook_rate_limit_enabled,
        `${trigger.webhook_rate_limit_requests} in ${trigger.webhook_rate_limit_window_seconds} s`,
      ),
  },
  {
    title: 'ip whitelist',
    cell: (trigger) => onOrOff(trigger.webhook_ip_whitelist_enabled, trigger.webhook_ip_whitelist),
    isShortened: true,
  },
  { title: 'payload kb', cell: (trigger) => trigger.webhook_payload_size_limit_kb },
  { title: 'label', cell: ({ label }) => label, isShortened: true },
]

/** The generic scheme differs in its algorithm, the others in their names. */
function signatureText(trigger: Trigger): unknown {
  const scheme = trigger.webhook_verification_scheme ?? null
  if (scheme === null) return onOrOff(trigger.webhook_hmac_enabled, trigger.webhook_hmac_algorithm)
  return scheme === 'generic' ? trigger.webhook_hmac_algorithm : scheme
}

const onOrOff = (isEnabled: boolean, whenOn: unknown): unknown => (isEnabled ? whenOn : 'off')

const create = adminCommand({
  name: 'trigger create',
  summary: 'Creates a trigger. Its webhook is off until `webhook enable` makes its URL.',
  operands: ['REF'],
  options: {
    label: { type: 'string', description: 'a short name for people' },
    description: { type: 'string', description: 'what it is for' },
  },
  async run({ operands, options }, context, client) {
    const trigger: NewTrigger = {
      ref: operands.REF,
      ...(options.label === undefined ? {} : { label: options.label }),
      ...(options.description === undefined ? {} : { description: options.description }),
    }
    const answer = await client.call<Trigger>('POST', '/api/v1/triggers', { json: trigger })
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    return 0
  },
})

const list = adminCommand({
  name: 'trigger list',
  summary: 'Lists the triggers, newest first.',
  options: PAGE_OPTIONS,
  async run({ options }, context, client) {
    const answer = await client.call<Trigger[]>('GET', '/api/v1/triggers', { query: pageQuery(options) })
    printAnswer(answer, { json: options.json, context }, ({ data }) => tableLines(COLUMNS, data))
    if (!options.json) sayNextCursor(answer, context)
    return 0
  },
})

const show = adminCommand({
  name: 'trigger show',
  summary: 'Shows a trigger with all of its security settings.',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const answer = await client.call<Trigger>('GET', triggerPath(operands.REF))
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    return 0
  },
})

const remove = adminCommand({
  name: 'trigger delete',
  summary: 'Deletes a trigger. Its URL ends at once and cannot be brought back.',
  operands: ['REF'],
  options: { yes: { type: 'boolean', description: 'do not ask, which is done only on a terminal' } },
  async run({ operands, options }, context, client) {
    const path = triggerPath(operands.REF)
    if (!options.yes && !(await context.confirm(`Delete the trigger ${operands.REF} and end its URL?`))) {
      context.say('Nothing was deleted.')
      return 1
    }
    await client.call<null>('DELETE', path)
    context.say(`Deleted ${operands.REF}.`)
    return 0
  },
})

export const TRIGGER_COMMANDS = [create, list, show, remove]
