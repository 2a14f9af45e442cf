import { BYTES_PER_KB, PAYLOAD_KB_DEFAULT, PAYLOAD_KB_MAX } from '../core/limits.ts'
import { adminCommand } from './admin-client.ts'
import { range, wholeNumber } from './command.ts'
import { changeSetting } from './setting.ts'

const set = adminCommand({
  name: 'payload-limit set',
  summary: 'Limits the size of a payload; past it senders get 413.',
  operands: ['REF'],
  options: {
    kb: {
      type: 'string',
      placeholder: 'N',
      required: true,
      description: `units of ${BYTES_PER_KB.toLocaleString('en')} bytes, ${range(1, PAYLOAD_KB_MAX)}`,
    },
  },
  async run({ operands, options }, context, client) {
    const limit = { kb: wholeNumber('--kb', options.kb) }
    const change = { ref: operands.REF, setting: 'payload-limit', json: limit } as const
    return changeSetting(client, change, { json: options.json, context })
  },
})

const reset = adminCommand({
  name: 'payload-limit reset',
  summary: `Sets the payload limit back to ${PAYLOAD_KB_DEFAULT} kb.`,
  operands: ['REF'],
  run: ({ operands, options }, context, client) =>
    changeSetting(client, { ref: operands.REF, setting: 'payload-limit' }, { json: options.json, context }),
})

export const PAYLOAD_LIMIT_COMMANDS = [set, reset]
