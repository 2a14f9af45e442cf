import { HMAC_ALGORITHM_DEFAULT, type HmacSettings, type Trigger } from '../core/trigger.ts'
import { adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { fieldLines } from './output.ts'
import { ALGORITHM_OPTION, readAlgorithm, readSecret, SECRET_FILE_OPTION } from './secret.ts'
import { changeSetting } from './setting.ts'

type HmacState = Pick<Trigger, 'webhook_hmac_enabled' | 'webhook_hmac_algorithm'> & { secret: string }

const enable = adminCommand({
  name: 'hmac enable',
  summary: 'Makes a webhook ask for a signature, with a secret of its own or with one that the sender gave.',
  details: [
    'Without --secret-file the server makes the secret and this command prints it. That is the one time it',
    'is shown: no other call returns it.',
  ].join('\n'),
  operands: ['REF'],
  options: {
    algorithm: {
      ...ALGORITHM_OPTION,
      description: `${ALGORITHM_OPTION.description} [${HMAC_ALGORITHM_DEFAULT}]`,
    },
    'secret-file': SECRET_FILE_OPTION,
  },
  async run({ operands, options }, context, client) {
    const path = triggerPath(operands.REF, '/webhooks/hmac')
    const algorithm = readAlgorithm(options.algorithm)
    const file = options['secret-file']
    const settings: HmacSettings = {
      ...(algorithm === undefined ? {} : { algorithm }),
      ...(file === undefined ? {} : { secret: await readSecret(file, context) }),
    }
    const answer = await client.call<HmacState>('PUT', path, { json: settings })
    // Who brought the secret has it; printing it again would only leave one copy more.
    printAnswer(answer, { json: options.json, context }, ({ data: { secret, ...state } }) =>
      fieldLines(file === undefined ? { ...state, secret } : state),
    )
    if (file === undefined) context.say('The secret is shown only now. Give it to the sender.')
    return 0
  },
})

const disable = adminCommand({
  name: 'hmac disable',
  summary: 'Makes a webhook take requests without a signature.',
  operands: ['REF'],
  run: ({ operands, options }, context, client) =>
    changeSetting(client, { ref: operands.REF, setting: 'hmac' }, { json: options.json, context }),
})

export const HMAC_COMMANDS = [enable, disable]
