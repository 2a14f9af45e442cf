import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ADMIN_TOKEN, adminUrlOf, type Config, SETTINGS } from '../config.ts'
import { CLIENT_MS_MAX } from '../core/limits.ts'
import { TriggerRef } from '../core/trigger.ts'
import { visibleJson } from '../core/visible-text.ts'
import { VERSION } from '../version.ts'
import {
  type Command,
  type CommandContext,
  command,
  Failure,
  type Input,
  Misconfigured,
  type OptionSpecs,
  PROGRAM,
  UsageError,
} from './command.ts'
import { finish, reach } from './fetch.ts'
import { problemOf } from './problem.ts'
import { readConfig, settingOptions } from './settings.ts'

/** What the admin API answers; `next_cursor` only with lists. */
export interface Body<T> {
  readonly data: T
  readonly next_cursor?: string | null
}

export interface Answer<T> {
  /** The JSON as it came, for `--json`: parsing and writing it anew would round large numbers of a payload. */
  readonly text: string
  /** @throws Failure when it is no JSON of that form */
  readonly body: () => Body<T>
}

interface CallExtra {
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly json?: unknown
  readonly signal?: AbortSignal
}

/** The admin API as commands see it. Every call throws `ApiFailure` or `Refused` for an answer that is not a success. */
export interface AdminClient {
  readonly config: Config
  call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, extra?: CallExtra): Promise<Answer<T>>
  bytes(path: string): Promise<Uint8Array>
}

const CLIENT_OPTIONS = {
  'token-file': {
    type: 'string',
    isCommon: true,
    placeholder: 'FILE',
    description: `bearer token of the admin API [${SETTINGS.adminToken.variable}; <data dir>/admin-token]`,
  },
  json: { type: 'boolean', description: 'print JSON, as the API answers it' },
} as const satisfies OptionSpecs

type ClientOptions = typeof CLIENT_OPTIONS

interface AdminCommandSpec<Specs extends OptionSpecs, Names extends readonly string[]> {
  readonly name: string
  readonly summary: string
  readonly details?: string
  readonly operands?: Names
  readonly options?: Specs
  readonly run: (
    input: Input<Specs & ClientOptions, Names>,
    context: CommandContext,
    client: AdminClient,
  ) => Promise<number | undefined>
}

/** A command that works through the admin API, with the options that lead there. */
export function adminCommand<const Specs extends OptionSpecs, const Names extends readonly string[]>(
  spec: AdminCommandSpec<Specs, Names>,
): Command {
  // Without options of its own the type of `spec.options` is that of an empty record.
  const options = {
    ...spec.options,
    ...settingOptions(['adminUrl', 'dataDir'], { isCommon: true }),
    ...CLIENT_OPTIONS,
  } as Specs & ClientOptions
  return command<Specs & ClientOptions, Names>({
    ...spec,
    options,
    run: async (input, context) => {
      const given: Readonly<Record<string, unknown>> = input.options
      return spec.run(input, context, await connect(given, context))
    },
  })
}

/** A trigger's path. @throws UsageError when the ref is none, since `..` would lead elsewhere */
export function triggerPath(ref: string, rest = ''): string {
  if (!new RegExp(TriggerRef.pattern ?? '').test(ref)) {
    throw new UsageError('REF must be lower-case words of letters, digits, _ and -, joined by dots')
  }
  return `/api/v1/triggers/${ref}${rest}`
}

/** The path of an event or of a row of the log. @throws UsageError when the id is none, since `..` would lead elsewhere */
export function requestIdPath(list: string, id: string): string {
  // Ours are lower case; what a sender's console shows may not be.
  const lowerCase = id.toLowerCase()
  if (!/^[0-9a-f-]{36}$/.test(lowerCase)) throw new UsageError('ID must be a request id, a UUID')
  return `${list}/${lowerCase}`
}

async function connect(
  options: Readonly<Record<string, unknown>>,
  context: CommandContext,
): Promise<AdminClient> {
  const config = readConfig(options, context)
  const base = adminUrlOf(config)
  const tokenFile = options['token-file']
  const { token, origin } = await findToken(config, typeof tokenFile === 'string' ? tokenFile : null)

  const ask = async (method: string, path: string, extra: CallExtra = {}): Promise<Response> => {
    const response = await reach(`${base}${path}${queryText(extra.query)}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, application/problem+json',
        'user-agent': `${PROGRAM}/${VERSION}`,
        // For the admin audit log, which says which way a change came in.
        'x-attune-client': 'cli',
        ...(extra.json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(extra.json === undefined ? {} : { body: JSON.stringify(extra.json) }),
      signal: AbortSignal.any([
        AbortSignal.timeout(CLIENT_MS_MAX),
        ...(extra.signal === undefined ? [] : [extra.signal]),
      ]),
    })
    if (!response.ok) throw await problemOf(response, origin)
    return response
  }

  return {
    config,
    async call<T>(method: string, path: string, extra?: CallExtra) {
      const text = await finish(base, (await ask(method, path, extra)).text())
      return { text, body: () => parseBody<T>(text) }
    },
    async bytes(path) {
      return finish(base, (await ask('GET', path)).bytes())
    },
  }
}

/** Where the token came from goes into the message of a 401; the token itself goes nowhere. */
async function findToken(
  config: Config,
  tokenFile: string | null,
): Promise<{ token: string; origin: string }> {
  if (tokenFile === null && config.adminToken !== null) {
    return { token: config.adminToken, origin: SETTINGS.adminToken.variable }
  }
  const path = tokenFile ?? join(config.dataDir, 'admin-token')
  const token = await readTokenFile(path, tokenFile !== null)
  // An error of fetch about a header that cannot be sent would quote it.
  if (!ADMIN_TOKEN.test(token)) throw new Misconfigured(`${path} does not hold an admin token`)
  return { token, origin: path }
}

async function readTokenFile(path: string, wasNamed: boolean): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null
    const why = code === 'EACCES' ? 'is not readable for this user' : 'cannot be read'
    const otherwise = wasNamed
      ? ''
      : `; give --data-dir of the server, or --token-file, or ${SETTINGS.adminToken.variable}`
    throw new Misconfigured(`no admin token: ${path} ${code === 'ENOENT' ? 'is not there' : why}${otherwise}`)
  }
}

function queryText(query: CallExtra['query'] = {}): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, value)
  return given.size === 0 ? '' : `?${given}`
}

function parseBody<T>(text: string): Body<T> {
  try {
    const body: unknown = JSON.parse(text)
    // The server is our own; what prints the data says `-` for a field that another version lacks.
    if (typeof body === 'object' && body !== null && 'data' in body) return body as Body<T>
  } catch {
    // Falls through to the one message for all that cannot be read.
  }
  throw new Failure('the answer does not have the form of the admin API; --json prints it as it is')
}

/** Prints an answer: as it came with `--json`, and otherwise what `human` makes of it, line by line. */
export function printAnswer<T>(
  answer: Answer<T>,
  output: { readonly json: boolean | undefined; readonly context: CommandContext },
  human: (body: Body<T>) => readonly string[],
): void {
  const lines = output.json ? [visibleJson(answer.text.trimEnd())] : human(answer.body())
  for (const line of lines) output.context.print(line)
}
