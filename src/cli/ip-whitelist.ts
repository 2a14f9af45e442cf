import type { IpWhitelistSettings } from '../core/trigger.ts'
import { adminCommand } from './admin-client.ts'
import { changeSetting } from './setting.ts'

const set = adminCommand({
  name: 'ip-whitelist set',
  summary: 'Lets only these addresses and networks reach a webhook; they replace those of before.',
  details: 'A CIDR is canonical: 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32, without host bits or leading zeros.',
  operands: ['REF', 'CIDR...'],
  async run({ operands, options }, context, client) {
    const whitelist: IpWhitelistSettings = { cidrs: [...operands['CIDR...']] }
    const change = { ref: operands.REF, setting: 'ip-whitelist', json: whitelist } as const
    return changeSetting(client, change, { json: options.json, context })
  },
})

const disable = adminCommand({
  name: 'ip-whitelist disable',
  summary: 'Lets every address reach a webhook.',
  operands: ['REF'],
  run: ({ operands, options }, context, client) =>
    changeSetting(client, { ref: operands.REF, setting: 'ip-whitelist' }, { json: options.json, context }),
})

export const IP_WHITELIST_COMMANDS = [set, disable]
