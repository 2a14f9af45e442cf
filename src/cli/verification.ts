import { readFile } from 'node:fs/promises'
import type { StoredVerification } from '../core/trigger.ts'
import { findPreset } from '../core/verification/index.ts'
import { type AdminClient, adminCommand, printAnswer, triggerPath } from './admin-client.ts'
import { type CommandContext, Failure, UsageError, wholeNumber } from './command.ts'
import { fieldLines, tableLines } from './output.ts'
import { readSecret, SECRET_FILE_OPTION } from './secret.ts'
import { SECRET_COLUMNS, type WebhookSecret } from './secrets.ts'
import { changeSetting } from './setting.ts'

export interface VerificationState {
  readonly scheme: StoredVerification['scheme'] | null
  readonly config: Readonly<Record<string, string>>
  readonly public_key: string | null
  readonly tolerance_seconds: number | null
  readonly secrets: readonly WebhookSecret[]
  readonly secret: string | null
}

/** What a scheme may need beside its name. */
export const VERIFICATION_OPTIONS = {
  'secret-file': SECRET_FILE_OPTION,
  'public-key': { type: 'string', placeholder: 'KEY', description: 'public key of the sender, or @FILE' },
  config: {
    type: 'string',
    multiple: true,
    placeholder: 'NAME=VALUE',
    description: 'what else the scheme needs; @FILE as value reads it from a file, as a secret should be',
  },
  tolerance: {
    type: 'string',
    placeholder: 'SECONDS',
    description: 'time between signing and arrival that is allowed, in place of that of the scheme',
  },
} as const

const set = adminCommand({
  name: 'verification set',
  summary: 'Makes a webhook verify as its sender signs.',
  details: [
    '`scheme list` has the senders, and `scheme show NAME` what each one needs. SCHEME may also be a file with a',
    'scheme of your own, written as ./NAME.json. A secret that the sender makes comes with --secret-file; of a',
    'sender that takes ours the server makes it, and this command prints it, that one time.',
    '',
    'The same scheme again without --secret-file changes the other settings and keeps the secrets.',
  ].join('\n'),
  operands: ['REF', 'SCHEME'],
  options: VERIFICATION_OPTIONS,
  async run({ operands, options }, context, client) {
    const settings = await settingsOf(await schemeOf(operands.SCHEME), options, context)
    const path = triggerPath(operands.REF, '/webhooks/verification')
    const answer = await client.call<VerificationState>('PUT', path, { json: settings })
    // Who brought the secret has it; printing it again would only leave one copy more.
    const isMade = settings.secret === undefined && answer.body().data.secret !== null
    printAnswer(answer, { json: options.json, context }, ({ data }) => stateLines(data, isMade))
    if (isMade) context.say('The secret is shown only now. Give it to the sender.')
    return 0
  },
})

const show = adminCommand({
  name: 'verification show',
  summary: 'Shows how a webhook verifies, and its secrets by their labels.',
  operands: ['REF'],
  async run({ operands, options }, context, client) {
    const path = triggerPath(operands.REF, '/webhooks/verification')
    const answer = await client.call<VerificationState>('GET', path)
    printAnswer(answer, { json: options.json, context }, ({ data }) => stateLines(data, false))
    return 0
  },
})

const disable = adminCommand({
  name: 'verification disable',
  summary: 'Makes a webhook take requests that nobody has signed, and forgets its secrets.',
  operands: ['REF'],
  run: ({ operands, options }, context, client: AdminClient) =>
    changeSetting(client, { ref: operands.REF, setting: 'verification' }, { json: options.json, context }),
})

function stateLines(state: VerificationState, isMade: boolean): string[] {
  const { scheme, config, public_key, tolerance_seconds, secrets, secret } = state
  return [
    ...fieldLines({
      scheme: typeof scheme === 'object' && scheme !== null ? 'custom' : scheme,
      ...Object.fromEntries(Object.entries(config).map(([name, value]) => [`config.${name}`, value])),
      public_key,
      tolerance_seconds,
      ...(isMade ? { secret } : {}),
    }),
    ...(secrets.length === 0 ? [] : ['', ...tableLines(SECRET_COLUMNS, secrets)]),
  ]
}

interface VerificationOptions {
  readonly 'secret-file': string | undefined
  readonly 'public-key': string | undefined
  readonly config: readonly string[] | undefined
  readonly tolerance: string | undefined
}

/** What is sent to set a scheme, with the secrets out of their files. */
export async function settingsOf(scheme: unknown, options: VerificationOptions, context: CommandContext) {
  const file = options['secret-file']
  const key = options['public-key']
  const config = await configOf(options.config ?? [], context)
  return {
    scheme,
    ...(file === undefined ? {} : { secret: await readSecret(file, context) }),
    ...(key === undefined ? {} : { public_key: await textOf(key, context) }),
    ...(options.config === undefined ? {} : { config }),
    ...(options.tolerance === undefined
      ? {}
      : { tolerance_seconds: wholeNumber('--tolerance', options.tolerance) }),
  }
}

/** The name of a preset, or the record in a file, which is what anything else with a dot or a slash names. */
export async function schemeOf(text: string): Promise<unknown> {
  if (findPreset(text) !== null || !/[./\\]/.test(text)) return text
  try {
    return JSON.parse(await readFile(text, 'utf8'))
  } catch {
    throw new Failure(`${text} cannot be read as a scheme in JSON`)
  }
}

async function configOf(
  pairs: readonly string[],
  context: CommandContext,
): Promise<Readonly<Record<string, string>>> {
  const entries: [string, string][] = []
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new UsageError('--config must be NAME=VALUE')
    entries.push([pair.slice(0, equals), await textOf(pair.slice(equals + 1), context)])
  }
  return Object.fromEntries(entries)
}

/** A value as it is, or what is in the file behind an @. */
const textOf = async (value: string, context: CommandContext): Promise<string> =>
  value.startsWith('@') ? readSecret(value.slice(1), context) : value

export const VERIFICATION_COMMANDS = [set, show, disable]
