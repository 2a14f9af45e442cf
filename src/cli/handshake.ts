import { HANDSHAKE_ARMED_MINUTES_DEFAULT, HANDSHAKE_ARMED_MINUTES_MAX } from '../core/limits.ts'
import { adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { range, wholeNumber } from './command.ts'
import { fieldLines } from './output.ts'

interface HandshakeState {
  readonly armed_until: string | null
  readonly secret: string | null
}

const stateLines = ({ armed_until }: HandshakeState) =>
  fieldLines({ armed_until: armed_until ?? 'not armed' })

const arm = adminCommand({
  name: 'handshake arm',
  summary: 'Lets a webhook take a secret from its sender, or confirm a subscription, for a while.',
  details: [
    'Asana and Notion hand over the secret that they will sign with, and SNS asks for its subscription to be confirmed.',
    'Arm the webhook first, then set it up at the sender. What is handed over is taken once, and never replaces a secret',
    'that is there. Every other handshake is answered at any time.',
  ].join('\n'),
  operands: ['REF'],
  options: {
    minutes: {
      type: 'string',
      placeholder: 'MINUTES',
      description: `for so long, ${range(1, HANDSHAKE_ARMED_MINUTES_MAX)} [${HANDSHAKE_ARMED_MINUTES_DEFAULT}]`,
    },
  },
  async run({ operands, options }, context, client) {
    const json = options.minutes === undefined ? {} : { minutes: wholeNumber('--minutes', options.minutes) }
    const path = triggerPath(operands.REF, '/webhooks/handshake')
    const answer = await client.call<HandshakeState>('POST', path, { json })
    printAnswer(answer, { json: options.json, context }, ({ data }) => stateLines(data))
    return 0
  },
})

const disarm = adminCommand({
  name: 'handshake disarm',
  summary: 'Ends what `handshake arm` began.',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const path = triggerPath(operands.REF, '/webhooks/handshake')
    const answer = await client.call<HandshakeState>('DELETE', path)
    printAnswer(answer, { json: options.json, context }, ({ data }) => stateLines(data))
    return 0
  },
})

const show = adminCommand({
  name: 'handshake show',
  summary: 'Says until when a webhook expects a handshake.',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const path = triggerPath(operands.REF, '/webhooks/handshake')
    const answer = await client.call<HandshakeState>('GET', path)
    printAnswer(answer, { json: options.json, context }, ({ data }) => stateLines(data))
    return 0
  },
})

const reveal = adminCommand({
  name: 'handshake reveal',
  summary: 'Shows, once, a secret that its sender has handed over and wants typed in (Notion).',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const path = triggerPath(operands.REF, '/webhooks/handshake/reveal')
    const answer = await client.call<HandshakeState>('POST', path)
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines({ secret: data.secret }))
    context.say('The secret is shown only now.')
    return 0
  },
})

export const HANDSHAKE_COMMANDS = [arm, disarm, show, reveal]
