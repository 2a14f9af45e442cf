import { adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { UsageError, wholeNumber } from './command.ts'
import { type Column, fieldLines, tableLines, toTheSecond } from './output.ts'
import { readSecret, SECRET_FILE_OPTION } from './secret.ts'

export interface WebhookSecret {
  readonly label: string
  readonly created: string
  readonly expires: string | null
  readonly is_expired: boolean
  readonly last_used: string | null
}

const instant = (text: string | null): string => (text === null ? 'never' : toTheSecond(text))

export const SECRET_COLUMNS: readonly Column<WebhookSecret>[] = [
  { title: 'label', cell: ({ label }) => label },
  { title: 'created', cell: ({ created }) => toTheSecond(created) },
  { title: 'expires', cell: ({ expires, is_expired }) => (is_expired ? 'expired' : instant(expires)) },
  { title: 'last used', cell: ({ last_used }) => instant(last_used) },
]

const SECONDS_OPTION = { type: 'string', placeholder: 'SECONDS' } as const

const add = adminCommand({
  name: 'secret add',
  summary: 'Lets a webhook accept a further secret; those it has are accepted on.',
  details: [
    'To change a secret without refusing anything: add the new one here, give it to the sender, and let the others',
    'end with --expire-others once the sender signs with it. `log list` and `secret list` say which one is used.',
  ].join('\n'),
  operands: ['REF'],
  options: {
    label: {
      type: 'string',
      placeholder: 'LABEL',
      description: 'name of the secret in lists and log [the date]',
    },
    'secret-file': SECRET_FILE_OPTION,
    'expire-others': { ...SECONDS_OPTION, description: 'let all others end in so many seconds' },
  },
  async run({ operands, options }, context, client) {
    const file = options['secret-file']
    const expiry = options['expire-others']
    const json = {
      ...(options.label === undefined ? {} : { label: options.label }),
      ...(file === undefined ? {} : { secret: await readSecret(file, context) }),
      ...(expiry === undefined ? {} : { expires_in_seconds: wholeNumber('--expire-others', expiry) }),
    }
    const path = triggerPath(operands.REF, '/webhooks/secrets')
    const answer = await client.call<WebhookSecret & { readonly secret: string }>('POST', path, { json })
    // Who brought the secret has it; printing it again would only leave one copy more.
    printAnswer(answer, { json: options.json, context }, ({ data: { secret, ...state } }) =>
      fieldLines(file === undefined ? { ...state, secret } : state),
    )
    if (file === undefined) context.say('The secret is shown only now. Give it to the sender.')
    return 0
  },
})

const list = adminCommand({
  name: 'secret list',
  summary: 'Lists the secrets of a webhook by their labels, newest first.',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const answer = await client.call<WebhookSecret[]>('GET', triggerPath(operands.REF, '/webhooks/secrets'))
    printAnswer(answer, { json: options.json, context }, ({ data }) => tableLines(SECRET_COLUMNS, data))
    return 0
  },
})

const expire = adminCommand({
  name: 'secret expire',
  summary: 'Ends a secret of a webhook, at once or in a while.',
  operands: ['REF', 'LABEL'],
  options: { in: { ...SECONDS_OPTION, description: 'end it in so many seconds [0]' } },
  async run({ operands, options }, context, client) {
    // Anything else would lead elsewhere.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(operands.LABEL)) {
      throw new UsageError('LABEL must be a label as `secret list` has it')
    }
    const json = options.in === undefined ? {} : { in_seconds: wholeNumber('--in', options.in) }
    const path = triggerPath(operands.REF, `/webhooks/secrets/${operands.LABEL}/expire`)
    const answer = await client.call<WebhookSecret>('POST', path, { json })
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    return 0
  },
})

interface Rekeyed {
  readonly sealed: number
  readonly unchanged: number
  readonly unopened: readonly string[]
}

const rekey = adminCommand({
  name: 'rekey',
  summary: 'Seals every stored secret with the current master key, while the server serves.',
  details: [
    'Start every process with ATTUNE_MASTER_KEY set to the new key and ATTUNE_MASTER_KEY_OLD to the one before, run',
    'this command, and leave the old key out at the next start. It may be interrupted and repeated. Secrets that',
    'no key opens stay as they are and are named; the exit code is then 1.',
  ].join('\n'),
  async run({ options }, context, client) {
    const answer = await client.call<Rekeyed>('POST', '/api/v1/rekey')
    const { unopened, ...counts } = answer.body().data
    printAnswer(answer, { json: options.json, context }, () => fieldLines(counts))
    for (const secret of unopened) context.say(`no key opens ${secret}`)
    return unopened.length === 0 ? 0 : 1
  },
})

export const SECRETS_COMMANDS = [add, list, expire, rekey]
