import { createHmac } from 'node:crypto'
import { CLIENT_MS_MAX } from '../core/limits.ts'
import type { HmacAlgorithm, Trigger } from '../core/trigger.ts'
import { visibleLines } from '../core/visible-text.ts'
import { VERSION } from '../version.ts'
import { adminCommand, triggerPath } from './admin-client.ts'
import { type CommandContext, Failure, Misconfigured, PROGRAM, UsageError } from './command.ts'
import { finish, reach } from './fetch.ts'
import { cellText, jsonText } from './output.ts'
import { ALGORITHM_OPTION, readAlgorithm, readBytes, readSecret, SECRET_FILE_OPTION } from './secret.ts'

const send = adminCommand({
  name: 'send',
  summary: "Posts a test webhook to a trigger's URL and prints what came back; exits 0 for a 2xx.",
  details: [
    'The secret is write-only: no call of the admin API returns it, so a signed webhook needs it from you, by',
    '--secret-file FILE, on stdin by --secret-file -, or in ATTUNE_WEBHOOK_SECRET. There is no option that takes',
    'the secret itself, because arguments are visible to every user of the host. Without --data and --file a',
    'small JSON document is sent.',
  ].join('\n'),
  operands: ['REF'],
  options: {
    data: { type: 'string', placeholder: 'JSON', description: 'the body' },
    file: { type: 'string', placeholder: 'FILE', description: 'file with the body, - for stdin' },
    'content-type': {
      type: 'string',
      placeholder: 'TYPE',
      description: 'type of the body [application/json]',
    },
    header: {
      type: 'string',
      multiple: true,
      placeholder: "'NAME: VALUE'",
      description: 'a further header, or another value for one of ours; may be repeated',
    },
    'secret-file': SECRET_FILE_OPTION,
    algorithm: { ...ALGORITHM_OPTION, description: `${ALGORITHM_OPTION.description} [that of the trigger]` },
  },
  async run({ operands, options }, context, client) {
    const path = triggerPath(operands.REF)
    const algorithm = readAlgorithm(options.algorithm)
    const further = (options.header ?? []).map(parseHeader)
    checkSources(options)
    const secret =
      options['secret-file'] === undefined
        ? client.config.webhookSecret
        : await readSecret(options['secret-file'], context)
    if (secret === null && algorithm !== undefined) throw new UsageError('--algorithm needs a secret')
    const body = await readBody(operands.REF, options, context)

    const trigger = (await client.call<Trigger>('GET', path)).body().data
    if (trigger.webhook_url === null) {
      throw new Failure(
        `${trigger.ref} has no webhook URL yet: \`${PROGRAM} webhook enable ${trigger.ref}\` makes one`,
      )
    }
    if (trigger.webhook_hmac_enabled && secret === null) {
      throw new Misconfigured(
        `${trigger.ref} asks for a signature, and its secret cannot be read back from the server: give it by --secret-file or in ATTUNE_WEBHOOK_SECRET`,
      )
    }
    const headers = new Headers({
      'content-type': options['content-type'] ?? 'application/json',
      'user-agent': `${PROGRAM}/${VERSION}`,
    })
    const signedWith = algorithm ?? trigger.webhook_hmac_algorithm
    if (secret !== null) headers.set('x-webhook-signature', sign(body, secret, signedWith))
    replaceHeaders(headers, further)
    context.say(`POST ${cellText(trigger.webhook_url)} (${secret === null ? 'not signed' : signedWith})`)
    return post(trigger.webhook_url, { headers, body }, { json: options.json, context })
  },
})

/** The generic scheme, in its unambiguous form: the digest after the name of its algorithm. */
const sign = (body: Uint8Array, secret: string, algorithm: HmacAlgorithm): string =>
  `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`

interface BodyOptions {
  readonly data: string | undefined
  readonly file: string | undefined
  readonly 'secret-file': string | undefined
}

function checkSources(options: BodyOptions): void {
  if (options.data !== undefined && options.file !== undefined) {
    throw new UsageError('--data and --file both name the body')
  }
  if (options.file === '-' && options['secret-file'] === '-') {
    throw new UsageError('body and secret cannot both come from stdin')
  }
}

async function readBody(ref: string, options: BodyOptions, context: CommandContext): Promise<Uint8Array> {
  if (options.file !== undefined) return readBytes(options.file, context)
  const sample = JSON.stringify({ test: true, trigger: ref, sent_at: new Date().toISOString() })
  return new TextEncoder().encode(options.data ?? sample)
}

/** Name and value as RFC 9110 lets them be. @throws UsageError, which does not quote the value */
function parseHeader(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new UsageError("--header must be 'NAME: VALUE'")
  return [name, value.trimEnd()]
}

/** One that is given takes the place of ours; given twice, it is sent with both values. */
function replaceHeaders(headers: Headers, given: readonly (readonly [string, string])[]): void {
  for (const [name] of given) headers.delete(name)
  for (const [name, value] of given) headers.append(name, value)
}

async function post(
  url: string,
  { headers, body }: { readonly headers: Headers; readonly body: Uint8Array },
  { json, context }: { readonly json: boolean | undefined; readonly context: CommandContext },
): Promise<number> {
  const signal = AbortSignal.timeout(CLIENT_MS_MAX)
  const response = await reach(url, { method: 'POST', headers, body, signal })
  const text = await finish(url, response.text())
  if (json) context.print(jsonText({ status: response.status, body: jsonOrText(text) }))
  else {
    context.print(`${response.status} ${cellText(response.statusText)}`)
    if (text !== '') context.print(visibleLines(text.trimEnd()))
  }
  return response.ok ? 0 : 1
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const SEND_COMMANDS = [send]
