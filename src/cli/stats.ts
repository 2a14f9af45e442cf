import type { WebhookStats } from '../core/event.ts'
import { adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { fieldLines } from './output.ts'

export const STATS_COMMANDS = [
  adminCommand({
    name: 'stats',
    summary: 'Shows what became of the attempts of one trigger, or of all together.',
    operands: ['[REF]'],
    async run({ operands, options }, context, client) {
      const ref = operands['[REF]']
      const path = ref === undefined ? '/api/v1/stats' : triggerPath(ref, '/stats')
      const answer = await client.call<Partial<WebhookStats>>('GET', path)
      printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
      return 0
    },
  }),
]
