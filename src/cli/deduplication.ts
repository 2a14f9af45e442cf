import {
  DEDUPLICATION_WINDOW_SECONDS_DEFAULT,
  DEDUPLICATION_WINDOW_SECONDS_MAX,
  DEDUPLICATION_WINDOW_SECONDS_MIN,
} from '../core/limits.ts'
import type { DeduplicationInput } from '../core/trigger.ts'
import { adminCommand } from './admin-client.ts'
import { range, wholeNumber } from './command.ts'
import { changeSetting } from './setting.ts'

const WINDOW = range(DEDUPLICATION_WINDOW_SECONDS_MIN, DEDUPLICATION_WINDOW_SECONDS_MAX)

const set = adminCommand({
  name: 'deduplication set',
  summary: 'Makes one event of what a sender delivers more than once under the same id.',
  details: [
    'The id is where the scheme of the trigger says, or in the fields that are named here, all of them together. The',
    'trigger has to ask for a signature: what is not verified claims no id. The same id with another body is stored',
    'as an event of its own, and its row in the log says so.',
  ].join('\n'),
  operands: ['REF'],
  options: {
    on: {
      type: 'string',
      multiple: true,
      placeholder: 'FIELD',
      description: 'where the id is, e.g. header:x-id or json:data.id, in place of that of the scheme',
    },
    'window-seconds': {
      type: 'string',
      placeholder: 'S',
      description: `how long an id is remembered, ${WINDOW} [${DEDUPLICATION_WINDOW_SECONDS_DEFAULT}]`,
    },
  },
  async run({ operands, options }, context, client) {
    const window = options['window-seconds']
    const settings: DeduplicationInput = {
      ...(options.on === undefined ? {} : { on: [...options.on] }),
      ...(window === undefined ? {} : { window_seconds: wholeNumber('--window-seconds', window) }),
    }
    const change = { ref: operands.REF, setting: 'deduplication', json: settings } as const
    return changeSetting(client, change, { json: options.json, context })
  },
})

const disable = adminCommand({
  name: 'deduplication disable',
  summary: 'Makes an event of every delivery.',
  operands: ['REF'],
  run: ({ operands, options }, context, client) =>
    changeSetting(client, { ref: operands.REF, setting: 'deduplication' }, { json: options.json, context }),
})

export const DEDUPLICATION_COMMANDS = [set, disable]
