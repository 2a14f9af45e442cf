import type { Trigger } from '../core/trigger.ts'
import { adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { fieldLines } from './output.ts'

type WebhookState = Pick<Trigger, 'webhook_enabled' | 'webhook_key' | 'webhook_url'>

const webhookCommand = (verb: 'enable' | 'disable' | 'regenerate', summary: string) =>
  adminCommand({
    name: `webhook ${verb}`,
    summary,
    operands: ['REF'],
    async run({ operands, options }, context, client) {
      const answer = await client.call<WebhookState>('POST', triggerPath(operands.REF, `/webhooks/${verb}`))
      printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
      return 0
    },
  })

export const WEBHOOK_COMMANDS = [
  webhookCommand('enable', "Switches a trigger's webhook on and shows its URL."),
  webhookCommand('disable', "Switches a trigger's webhook off; its senders get 403. The URL is kept."),
  webhookCommand('regenerate', "Gives a trigger's webhook a new URL; the old one ends at once."),
]
