import { isIP } from 'node:net'
import { checkCidr } from './core/address.ts'
import {
  ADMIN_TOKEN_LENGTH_MAX,
  ADMIN_TOKEN_LENGTH_MIN,
  BODY_BYTES_MAX_CEILING,
  BODY_BYTES_MAX_DEFAULT,
  PROCESSES_MAX,
  RETENTION_DAYS_DEFAULT,
  RETENTION_DAYS_MAX,
} from './core/limits.ts'
import { parseMasterKey } from './core/sealing.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'

/** Every setting of the process, read once at its start. `null` is a setting that was not given. */
export interface Config {
  /** A PostgreSQL server; `null` means the embedded database. Holds a password: never log it. */
  readonly databaseUrl: string | null
  readonly host: string
  /** 0 lets the system choose one. */
  readonly port: number
  /** Receiver processes; more than one needs a PostgreSQL server. */
  readonly processes: number
  readonly adminHost: string
  readonly adminPort: number
  readonly dataDir: string
  /** `null` means the token of `<data dir>/admin-token`. */
  readonly adminToken: string | null
  /** Seals the secrets of triggers in the database; see `core/sealing.ts` for its form. At most one of key and file is given. */
  readonly masterKey: string | null
  readonly masterKeyFile: string | null
  /** Opens what was sealed before the master key was changed. */
  readonly masterKeyOld: string | null
  readonly masterKeyOldFile: string | null
  /** Base of the webhook URLs, without a slash at its end; see `publicUrlOf` for when it is `null`. */
  readonly publicUrl: string | null
  /** Canonical addresses and CIDRs. */
  readonly trustedProxies: readonly string[]
  readonly bodyBytesMax: number
  readonly retentionDays: number
  /** Whether payloads are indexed, so that events can be searched by what is in them. */
  readonly payloadSearch: boolean
  readonly logLevel: LogLevel
  /** Where the command line finds the admin API; see `adminUrlOf` for when it is `null`. */
  readonly adminUrl: string | null
  /** What `send` signs with; the server never reads it. */
  readonly webhookSecret: string | null
}

type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string }

interface Setting<T> {
  readonly variable: string
  /** Without its dashes. A secret has none, since every user of a host can read the arguments of all processes. */
  readonly flag: string | null
  /** What stands for the value in a usage line. */
  readonly placeholder: string
  readonly reader: 'server' | 'client'
  readonly secret?: true
  readonly description: string
  /** As it would be written in the environment; `null` leaves the setting `null`. */
  readonly default: null extends T ? null : string
  /** Says what an unset setting, or an empty default, amounts to. */
  readonly unset?: string
  readonly parse: (text: string) => Parsed<NonNullable<T>>
}

/** The one list of settings. `serve` has a flag for each that has a `flag` and is read by the server. */
export const SETTINGS: { readonly [Name in keyof Config]: Setting<Config[Name]> } = {
  databaseUrl: {
    variable: 'DATABASE_URL',
    flag: null,
    placeholder: 'URL',
    reader: 'server',
    secret: true,
    description: 'PostgreSQL 14 or later, postgres://user:password@host/database',
    default: null,
    unset: 'embedded database',
    parse: databaseUrl,
  },
  host: {
    variable: 'ATTUNE_HOST',
    flag: 'host',
    placeholder: 'ADDRESS',
    reader: 'server',
    description: 'address the receiver listens on',
    default: '0.0.0.0',
    parse: host,
  },
  port: {
    variable: 'ATTUNE_PORT',
    flag: 'port',
    placeholder: 'PORT',
    reader: 'server',
    description: 'port of the receiver; 0 lets the system choose',
    default: '8080',
    parse: port,
  },
  processes: {
    variable: 'ATTUNE_PROCESSES',
    flag: 'processes',
    placeholder: 'N',
    reader: 'server',
    description: 'processes that receive webhooks; more than 1 needs Linux and DATABASE_URL',
    default: '1',
    parse: (text) => wholeNumber(text, 1, PROCESSES_MAX),
  },
  adminHost: {
    variable: 'ATTUNE_ADMIN_HOST',
    flag: 'admin-host',
    placeholder: 'ADDRESS',
    reader: 'server',
    description: 'address the admin API listens on',
    default: '127.0.0.1',
    parse: host,
  },
  adminPort: {
    variable: 'ATTUNE_ADMIN_PORT',
    flag: 'admin-port',
    placeholder: 'PORT',
    reader: 'server',
    description: 'port of the admin API; 0 lets the system choose',
    default: '8081',
    parse: port,
  },
  dataDir: {
    variable: 'ATTUNE_DATA_DIR',
    flag: 'data-dir',
    placeholder: 'DIRECTORY',
    reader: 'server',
    description: 'embedded database and admin token',
    default: './attune-data',
    parse: path,
  },
  adminToken: {
    variable: 'ATTUNE_ADMIN_TOKEN',
    flag: null,
    placeholder: 'TOKEN',
    reader: 'server',
    secret: true,
    description: `bearer token of the admin API, at least ${ADMIN_TOKEN_LENGTH_MIN} characters`,
    default: null,
    unset: 'generated into <data dir>/admin-token',
    parse: adminToken,
  },
  masterKey: {
    variable: 'ATTUNE_MASTER_KEY',
    flag: null,
    placeholder: 'KEY',
    reader: 'server',
    secret: true,
    description: 'seals the secrets of triggers in the database: 32 bytes, base64 or hexadecimal',
    default: null,
    unset: 'secrets are stored in plain',
    parse: masterKey,
  },
  masterKeyFile: {
    variable: 'ATTUNE_MASTER_KEY_FILE',
    flag: 'master-key-file',
    placeholder: 'FILE',
    reader: 'server',
    description: 'file with the master key, in place of ATTUNE_MASTER_KEY',
    default: null,
    unset: 'none',
    parse: path,
  },
  masterKeyOld: {
    variable: 'ATTUNE_MASTER_KEY_OLD',
    flag: null,
    placeholder: 'KEY',
    reader: 'server',
    secret: true,
    description: 'the master key before this one, which opens what `rekey` has not sealed anew yet',
    default: null,
    unset: 'none',
    parse: masterKey,
  },
  masterKeyOldFile: {
    variable: 'ATTUNE_MASTER_KEY_OLD_FILE',
    flag: 'master-key-old-file',
    placeholder: 'FILE',
    reader: 'server',
    description: 'file with the master key before this one, in place of ATTUNE_MASTER_KEY_OLD',
    default: null,
    unset: 'none',
    parse: path,
  },
  publicUrl: {
    variable: 'ATTUNE_PUBLIC_URL',
    flag: 'public-url',
    placeholder: 'URL',
    reader: 'server',
    description: 'base of the webhook URLs that are shown',
    default: null,
    unset: 'from the listener',
    parse: baseUrl,
  },
  trustedProxies: {
    variable: 'ATTUNE_TRUSTED_PROXIES',
    flag: 'trusted-proxies',
    placeholder: 'CIDR,…',
    reader: 'server',
    description: 'proxies whose X-Forwarded-For, X-Real-IP or Forwarded is believed',
    default: '',
    unset: 'none',
    parse: cidrs,
  },
  bodyBytesMax: {
    variable: 'ATTUNE_BODY_BYTES_MAX',
    flag: 'body-bytes-max',
    placeholder: 'BYTES',
    reader: 'server',
    description: "hard ceiling over every trigger's own payload limit",
    default: String(BODY_BYTES_MAX_DEFAULT),
    parse: (text) => wholeNumber(text, 1, BODY_BYTES_MAX_CEILING),
  },
  retentionDays: {
    variable: 'ATTUNE_RETENTION_DAYS',
    flag: 'retention-days',
    placeholder: 'DAYS',
    reader: 'server',
    description: 'events and audit rows older than this go',
    default: String(RETENTION_DAYS_DEFAULT),
    parse: (text) => wholeNumber(text, 1, RETENTION_DAYS_MAX),
  },
  payloadSearch: {
    variable: 'ATTUNE_PAYLOAD_SEARCH',
    flag: 'payload-search',
    placeholder: 'on|off',
    reader: 'server',
    description: 'index payloads, so that events can be searched by path and value; takes room on the disk',
    default: 'on',
    parse: onOrOff,
  },
  logLevel: {
    variable: 'ATTUNE_LOG_LEVEL',
    flag: 'log-level',
    placeholder: 'LEVEL',
    reader: 'server',
    description: `least level that is logged: ${LOG_LEVELS.join(', ')}`,
    default: 'info',
    parse: logLevel,
  },
  adminUrl: {
    variable: 'ATTUNE_ADMIN_URL',
    flag: 'admin-url',
    placeholder: 'URL',
    reader: 'client',
    description: 'where the commands find the admin API',
    default: null,
    unset: 'from ATTUNE_ADMIN_HOST and ATTUNE_ADMIN_PORT',
    parse: baseUrl,
  },
  webhookSecret: {
    variable: 'ATTUNE_WEBHOOK_SECRET',
    flag: null,
    placeholder: 'SECRET',
    reader: 'client',
    secret: true,
    description: 'what `send` signs with',
    default: null,
    unset: 'not signed',
    parse: (text) => ({ ok: true, value: text }),
  },
}

const NAMES = Object.keys(SETTINGS) as readonly (keyof Config)[]

/** Where settings come from. A flag wins over the environment; flags are named without their dashes. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: Readonly<Record<string, string | undefined>>
}

export type Loaded =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * Reads every setting and reports all problems together: each names the variable or flag and what it
 * should be. None quotes a value, since a secret may have been put into the wrong variable.
 *
 * An empty variable counts as unset, because compose files pass those on; an empty flag was meant. An
 * unknown `ATTUNE_` variable is a problem: a misspelt `ATTUNE_TRUSTED_PROXIES` must not pass for none.
 */
export function loadConfig(sources: Sources): Loaded {
  const problems = unknownVariables(sources.env)
  const values: Record<string, unknown> = {}
  for (const name of NAMES) {
    const setting = SETTINGS[name]
    const { text, source } = given(setting, sources)
    const parsed = text === null ? { ok: true as const, value: null } : setting.parse(text)
    if (parsed.ok) values[name] = parsed.value
    else problems.push(`${source}: ${parsed.message}`)
  }
  // Each name of `Config` has been given the value that its own parser made, or there is a problem.
  const config = values as unknown as Config
  if (problems.length === 0) {
    problems.push(...listenerClash(config), ...processesWithoutServer(config), ...twoMasterKeys(config))
  }
  return problems.length === 0 ? { ok: true, config: Object.freeze(config) } : { ok: false, problems }
}

type Origin = 'flag' | 'environment' | 'default'

function given(
  setting: (typeof SETTINGS)[keyof Config],
  { env, flags }: Sources,
): { text: string | null; origin: Origin; source: string } {
  const flag = setting.flag === null ? undefined : flags[setting.flag]
  if (flag !== undefined) return { text: flag, origin: 'flag', source: `--${setting.flag}` }
  const variable = env[setting.variable]
  if (variable) return { text: variable, origin: 'environment', source: setting.variable }
  return { text: setting.default, origin: 'default', source: setting.variable }
}

/**
 * Base of the webhook URLs that are shown.
 *
 * @param receiverPort - the port that is listened on, which only the listener knows when the setting is 0
 */
export const publicUrlOf = (config: Config, receiverPort = config.port): string =>
  config.publicUrl ?? listenerUrl(config.host, receiverPort, 'localhost')

/** Where the admin API is. Loopback is named by its address: a container may have no name for it. */
export const adminUrlOf = (config: Config, adminPort = config.adminPort): string =>
  config.adminUrl ??
  listenerUrl(config.adminHost, adminPort, isIP(config.adminHost) === 6 ? '::1' : '127.0.0.1')

const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** A listener on every address is reached through `anyAddressName`. */
function listenerUrl(host: string, port: number, anyAddressName: string): string {
  const name = ANY_ADDRESS.has(host) ? anyAddressName : host
  return `http://${isIP(name) === 6 ? `[${name}]` : name}${port === 80 ? '' : `:${port}`}`
}

/** One line of `attune-webhooks config`. */
export interface SettingLine {
  readonly variable: string
  readonly flag: string | null
  /** `null` when the setting is unset; a secret is `[redacted]`. */
  readonly value: string | null
  readonly default: string | null
  readonly origin: Origin
  readonly description: string
}

/** Every setting with its value, its default and where the value came from. No secret is in it. */
export const describeConfig = (config: Config, sources: Sources): readonly SettingLine[] =>
  NAMES.map((name) => {
    const setting = SETTINGS[name]
    return {
      variable: setting.variable,
      flag: setting.flag === null ? null : `--${setting.flag}`,
      value: shownValue(name, config),
      default: setting.default || (setting.unset ?? null),
      origin: given(setting, sources).origin,
      description: setting.description,
    }
  })

function shownValue(name: keyof Config, config: Config): string | null {
  if (name === 'publicUrl') return publicUrlOf(config)
  if (name === 'adminUrl') return adminUrlOf(config)
  const value = config[name]
  if (value === null || value === '') return null
  if (name === 'databaseUrl') return redactDatabaseUrl(String(value))
  if (SETTINGS[name].secret) return '[redacted]'
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return Array.isArray(value) ? value.join(',') || null : String(value)
}

/**
 * Hides the password, and whatever in the query may be one. A password with a slash or an at-sign in it
 * is a mistake people make, so everything up to the last at-sign counts as password.
 */
export const redactDatabaseUrl = (url: string): string =>
  url
    .replace(/^(\w+:\/\/[^:@/?#]*)(.*)@/s, (_, start: string, password: string) =>
      password === '' ? `${start}@` : `${start}:[redacted]@`,
    )
    .replace(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*/gi, '$1[redacted]')

function unknownVariables(env: Sources['env']): string[] {
  const known = NAMES.map((name) => SETTINGS[name].variable)
  return Object.keys(env)
    .filter((variable) => variable.toUpperCase().startsWith('ATTUNE_') && !known.includes(variable))
    .filter((variable) => env[variable] && !isServiceLink(variable, env[variable]))
    .map((variable) => {
      const meant = closest(variable.toUpperCase(), known)
      return `${variable}: is no setting${meant === null ? '' : `; did you mean ${meant}?`}`
    })
}

/**
 * Kubernetes gives every container variables named after the services beside it, so that a service
 * `attune-webhooks` makes `ATTUNE_WEBHOOKS_SERVICE_HOST` and its like. Nobody wrote those.
 */
const isServiceLink = (variable: string, value: string): boolean =>
  /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/.test(variable) ||
  (variable.endsWith('_PORT') && SERVICE_ADDRESS.test(value))

const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//

/**
 * The candidate that a misspelt word was probably meant to be, or `null` when none is near: at most one
 * letter in three is wrong. The prefix that all settings share does not count.
 */
export function closest(word: string, candidates: readonly string[]): string | null {
  const bare = (text: string) => text.replace(/^ATTUNE_/, '')
  const [nearest] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(bare(word), bare(candidate)) }))
    .filter(({ candidate, distance }) => distance <= Math.ceil(bare(candidate).length / 3))
    .sort((one, other) => one.distance - other.distance)
  return nearest?.candidate ?? null
}

/** How many letters must be inserted, left out or replaced (Levenshtein). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1]
    for (const [column, otherLetter] of [...other].entries()) {
      const replaced = (row[column] ?? 0) + (letter === otherLetter ? 0 : 1)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}

/** Two listeners cannot share a port on one address; the system would say so less clearly, and later. */
function listenerClash(config: Config): string[] {
  const { host, port, adminHost, adminPort } = config
  if (port === 0 || port !== adminPort) return []
  if (host !== adminHost && !ANY_ADDRESS.has(host) && !ANY_ADDRESS.has(adminHost)) return []
  return ['ATTUNE_ADMIN_PORT: must differ from ATTUNE_PORT, since both listen on one address']
}

function processesWithoutServer({ processes, databaseUrl }: Config): string[] {
  if (processes === 1 || databaseUrl !== null) return []
  return [
    'ATTUNE_PROCESSES: must be 1 with the embedded database, which belongs to one process; set DATABASE_URL for more',
  ]
}

/** Which of two would hold, nobody could tell. */
function twoMasterKeys({ masterKey, masterKeyFile, masterKeyOld, masterKeyOldFile }: Config): string[] {
  const problems: string[] = []
  if (masterKey !== null && masterKeyFile !== null) {
    problems.push('ATTUNE_MASTER_KEY_FILE: must not be set together with ATTUNE_MASTER_KEY')
  }
  if (masterKeyOld !== null && masterKeyOldFile !== null) {
    problems.push('ATTUNE_MASTER_KEY_OLD_FILE: must not be set together with ATTUNE_MASTER_KEY_OLD')
  }
  return problems
}

const accept = <T>(value: T): Parsed<T> => ({ ok: true, value })
const refuse = (message: string): Parsed<never> => ({ ok: false, message })

function wholeNumber(text: string, least: number, most: number): Parsed<number> {
  const value = /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : Number.NaN
  return value >= least && value <= most
    ? accept(value)
    : refuse(`must be a whole number from ${least} to ${most}, in decimal digits`)
}

function port(text: string): Parsed<number> {
  // A Kubernetes service named `attune` sets ATTUNE_PORT in the pods beside it.
  if (SERVICE_ADDRESS.test(text)) {
    return refuse(
      'was set by Kubernetes for a service of that name; switch enableServiceLinks off for this pod',
    )
  }
  return wholeNumber(text, 0, 65_535)
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

function host(text: string): Parsed<string> {
  const isAddress = isIP(text) !== 0 && !text.includes('%')
  // 127.1 and 256.0.0.1 have the form of names, and no name is all numbers.
  const isName = HOST_NAME.test(text) && !/^[0-9.]+$/.test(text)
  return isAddress || isName
    ? accept(text)
    : refuse('must be an IP address or a host name, without port, brackets or zone')
}

function path(text: string): Parsed<string> {
  return text === '' || text.includes('\0') ? refuse('must be the path of a directory') : accept(text)
}

function databaseUrl(text: string): Parsed<string> {
  return /^postgres(ql)?:\/\/[^\s]+$/.test(text)
    ? accept(text)
    : refuse('must start with postgres:// or postgresql:// and hold no white space (write %20 for a space)')
}

/** The form of an admin token, of whatever origin: it has to fit into an `Authorization` header. */
export const ADMIN_TOKEN = new RegExp(`^[!-~]{${ADMIN_TOKEN_LENGTH_MIN},${ADMIN_TOKEN_LENGTH_MAX}}$`)

function adminToken(text: string): Parsed<string> {
  return ADMIN_TOKEN.test(text)
    ? accept(text)
    : refuse(
        `must be ${ADMIN_TOKEN_LENGTH_MIN} to ${ADMIN_TOKEN_LENGTH_MAX} ASCII characters without white space`,
      )
}

function masterKey(text: string): Parsed<string> {
  return parseMasterKey(text) === null
    ? refuse('must be 32 bytes as base64 or as 64 hexadecimal digits, e.g. from `openssl rand -base64 32`')
    : accept(text)
}

function baseUrl(text: string): Parsed<string> {
  const url = /^https?:\/\/[^\s\\]+$/i.test(text) ? URL.parse(text) : null
  if (url === null) return refuse('must be a URL that starts with http:// or https://')
  if (url.username !== '' || url.password !== '') return refuse('must not hold a user name or a password')
  if (/[?#]/.test(text)) return refuse('must not hold a query or a fragment')
  return accept(url.href.replace(/\/+$/, ''))
}

function cidrs(text: string): Parsed<readonly string[]> {
  if (text === '') return accept([])
  const verdicts = text.split(',').map((entry) => checkCidr(entry.trim()))
  const wrong = verdicts.flatMap((verdict, index) =>
    verdict.ok ? [] : [`entry ${index + 1}: ${verdict.message}`],
  )
  return wrong.length > 0
    ? refuse(wrong.join('; '))
    : accept(verdicts.flatMap((verdict) => (verdict.ok ? [verdict.cidr] : [])))
}

function onOrOff(text: string): Parsed<boolean> {
  return text === 'on' || text === 'off' ? accept(text === 'on') : refuse('must be on or off')
}

function logLevel(text: string): Parsed<LogLevel> {
  const level = LOG_LEVELS.find((known) => known === text)
  return level === undefined ? refuse(`must be one of ${LOG_LEVELS.join(', ')}`) : accept(level)
}
