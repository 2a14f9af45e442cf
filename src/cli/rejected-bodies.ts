import { REJECTED_BODY_BYTES_MAX_CEILING, REJECTED_BODY_BYTES_MAX_DEFAULT } from '../core/limits.ts'
import { adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { range, wholeNumber } from './command.ts'
import { fieldLines } from './output.ts'

const PATH = '/webhooks/rejected-bodies'

const show = adminCommand({
  name: 'rejected-bodies show',
  summary: 'Shows how much a webhook keeps of attempts that were refused for their signature.',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const answer = await client.call<object>('GET', triggerPath(operands.REF, PATH))
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    return 0
  },
})

const set = adminCommand({
  name: 'rejected-bodies set',
  summary:
    'Keeps the latest attempts that were refused for their signature, for `log show` and `log readmit`.',
  operands: ['REF'],
  options: {
    'bytes-max': {
      type: 'string',
      placeholder: 'N',
      required: true,
      description: `bytes of all of them, ${range(0, REJECTED_BODY_BYTES_MAX_CEILING)}; ${REJECTED_BODY_BYTES_MAX_DEFAULT} unless set`,
    },
  },
  async run({ operands, options }, context, client) {
    const json = { bytes_max: wholeNumber('--bytes-max', options['bytes-max']) }
    const answer = await client.call<object>('PUT', triggerPath(operands.REF, PATH), { json })
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    return 0
  },
})

const disable = adminCommand({
  name: 'rejected-bodies disable',
  summary: 'Keeps nothing of rejected attempts, and forgets what is kept.',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const answer = await client.call<object>('DELETE', triggerPath(operands.REF, PATH))
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    return 0
  },
})

export const REJECTED_BODIES_COMMANDS = [show, set, disable]
