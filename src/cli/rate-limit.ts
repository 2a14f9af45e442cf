import { RATE_LIMIT_REQUESTS_MAX, RATE_LIMIT_WINDOW_SECONDS_MAX } from '../core/limits.ts'
import type { RateLimitSettings } from '../core/trigger.ts'
import { adminCommand } from './admin-client.ts'
import { range, wholeNumber } from './command.ts'
import { changeSetting } from './setting.ts'

const set = adminCommand({
  name: 'rate-limit set',
  summary: "Limits a trigger's webhook to so many requests in a window; past it senders get 429.",
  operands: ['REF'],
  options: {
    requests: {
      type: 'string',
      placeholder: 'N',
      required: true,
      description: `requests in one window, ${range(1, RATE_LIMIT_REQUESTS_MAX)}`,
    },
    'window-seconds': {
      type: 'string',
      placeholder: 'S',
      required: true,
      description: `length of the window, ${range(1, RATE_LIMIT_WINDOW_SECONDS_MAX)}`,
    },
  },
  async run({ operands, options }, context, client) {
    const limit: RateLimitSettings = {
      requests: wholeNumber('--requests', options.requests),
      window_seconds: wholeNumber('--window-seconds', options['window-seconds']),
    }
    const change = { ref: operands.REF, setting: 'rate-limit', json: limit } as const
    return changeSetting(client, change, { json: options.json, context })
  },
})

const disable = adminCommand({
  name: 'rate-limit disable',
  summary: 'Takes the rate limit off a webhook.',
  operands: ['REF'],
  run: ({ operands, options }, context, client) =>
    changeSetting(client, { ref: operands.REF, setting: 'rate-limit' }, { json: options.json, context }),
})

export const RATE_LIMIT_COMMANDS = [set, disable]
