import { randomBytes } from 'node:crypto'
import { compiledOf } from './known-schemes.ts'
import { HMAC_SECRET_LENGTH_MIN } from './limits.ts'
import type { FieldProblem } from './rejection.ts'
import { HmacAlgorithm, type StoredVerification } from './trigger.ts'
import {
  type CompiledScheme,
  findPreset,
  handsOverSecret,
  keysNeeded,
  parseScheme,
  type VerificationKeys,
  type VerificationRequest,
  verify,
} from './verification/index.ts'

/** What an administrator gives to verify with, all in plain. */
export interface VerificationInput {
  readonly compiled: CompiledScheme
  /** In the order in which they were given; empty: none was. */
  readonly secrets: readonly string[]
  /** Whether the trigger has secrets of this scheme that stay. */
  readonly keepsSecrets: boolean
  readonly publicKey: string | null
  readonly config: Readonly<Record<string, string>>
  readonly toleranceSeconds: number | null
}

/** Senders that take whatever secret they are told; all others make it, and show it where their webhooks are set up. */
const SECRET_IS_OURS: ReadonlySet<string> = new Set([
  'generic',
  'bitbucket',
  'circleci',
  'doppler',
  'forgejo',
  'gitea',
  'github',
  'gogs',
  'grafana',
  'grafana-timestamp',
  'heroku',
  'jira',
  'lemonsqueezy',
  'netlify',
  'cal-com',
  'razorpay',
  'sonarqube',
  'standard-webhooks',
  'terraform-cloud',
  'twitch',
  'typeform',
  'woocommerce',
])

/** Senders of a token that make it, and show it where their webhooks are set up. */
const TOKEN_IS_THEIRS: ReadonlySet<string> = new Set(['buildkite-token'])

/** Whether a secret may be made here: of a sender that takes one, of a token or password, and of a scheme of the operator's own. */
export const mayGenerateSecret = (scheme: StoredVerification['scheme'], compiled: CompiledScheme): boolean =>
  keysNeeded(compiled.scheme).secret &&
  (typeof scheme !== 'string' ||
    SECRET_IS_OURS.has(scheme) ||
    (['token', 'basic'].includes(compiled.scheme.scheme) && !TOKEN_IS_THEIRS.has(scheme)))

/** A fresh secret in the form that the scheme decodes: 256 bits. */
export function generateSecret({ scheme }: CompiledScheme): string {
  const bytes = randomBytes(32)
  if (scheme.scheme === 'basic') return `webhook:${bytes.toString('hex')}`
  const { enc = 'utf8', strip = '' } = scheme.key ?? {}
  return enc === 'base64' ? strip + bytes.toString('base64') : strip + bytes.toString('hex')
}

/** What is wrong with a scheme, by its field; none: `compiledOf` compiles it. */
export function schemeProblems(scheme: unknown): readonly FieldProblem[] {
  if (typeof scheme === 'string') {
    return findPreset(scheme) === null
      ? [
          {
            field: 'scheme',
            message: 'must be one of those that `scheme list` shows, or a scheme as a JSON object',
          },
        ]
      : []
  }
  return (parseScheme(scheme).problems ?? []).map(({ field, message }) => ({
    // The record as a whole is named like the kind in it.
    field: message.startsWith('must be JSON') ? 'scheme' : `scheme.${field}`,
    message,
  }))
}

/** @throws RangeError for a scheme of which `schemeProblems` has named some */
export function compiledScheme(scheme: StoredVerification['scheme']): CompiledScheme {
  const compiled = compiledOf(scheme)
  if (typeof compiled === 'string') throw new RangeError('The scheme was not checked.')
  return compiled
}

/** Everything that is missing, that nobody would read, or that the scheme cannot decode, by its field. Quotes nothing. */
export function inputProblems(input: VerificationInput): readonly FieldProblem[] {
  const { scheme } = input.compiled
  const needs = keysNeeded(scheme)
  const problems: FieldProblem[] = []
  const say = (field: string, message: string) => problems.push({ field, message })

  const isHandedOver = handsOverSecret(scheme.handshake)
  if (needs.secret && input.secrets.length === 0 && !input.keepsSecrets && !isHandedOver) {
    say('secret', 'is missing: the sender shows it where its webhooks are set up')
  }
  if (!needs.secret && input.secrets.length > 0) say('secret', 'is not used by this scheme')
  if (needs.publicKey && input.publicKey === null) say('public_key', 'is missing')
  if (!needs.publicKey && input.publicKey !== null) say('public_key', 'is not used by this scheme')
  for (const name of needs.config) {
    if ((input.config[name] ?? '') === '') say(`config.${name}`, 'is missing')
  }
  for (const name of Object.keys(input.config)) {
    if (![...needs.config, ...needs.configOptional].includes(name)) {
      say(`config.${name}`, 'is not used by this scheme')
    }
  }
  const hasTime = scheme.ts !== undefined || scheme.maxAge !== undefined
  if (input.toleranceSeconds !== null && !hasTime) {
    say('tolerance_seconds', 'is not used by this scheme, which signs no time')
  }
  return problems.length > 0 ? problems : unusable(input)
}

/** What the engine cannot make a key of, asked one by one. */
function unusable({ compiled, secrets, publicKey, config }: VerificationInput): readonly FieldProblem[] {
  const { scheme } = compiled
  if (scheme.scheme === 'generic') return genericProblems(secrets, config)
  const problems: FieldProblem[] = []
  const further = keysNeeded(scheme).configOptional
  const given = [
    ...secrets.map(
      (secret, index) => [secrets.length === 1 ? 'secret' : `secrets[${index}]`, secret] as const,
    ),
    ...further.flatMap((name) => {
      const value = config[name]
      return value === undefined ? [] : [[`config.${name}`, value] as const]
    }),
  ]
  const without = Object.fromEntries(Object.entries(config).filter(([name]) => !further.includes(name)))
  for (const [field, secret] of given) {
    const detail = unusableDetail(compiled, { secrets: [secret], config: without })
    if (detail !== null) problems.push({ field, message: detail })
  }
  if (publicKey !== null) {
    const detail = unusableDetail(compiled, { secrets: [], config, publicKey })
    if (detail !== null) problems.push({ field: 'public_key', message: detail })
  }
  return problems
}

function genericProblems(
  secrets: readonly string[],
  config: VerificationInput['config'],
): readonly FieldProblem[] {
  const algorithms = HmacAlgorithm.anyOf.map(({ const: name }) => name as string)
  const { algorithm } = config
  return [
    ...(algorithm === undefined || algorithms.includes(algorithm)
      ? []
      : [{ field: 'config.algorithm', message: `must be one of ${algorithms.join(', ')}` }]),
    ...(secrets.every(({ length }) => length >= HMAC_SECRET_LENGTH_MIN)
      ? []
      : [{ field: 'secret', message: `must be text of at least ${HMAC_SECRET_LENGTH_MIN} characters` }]),
  ]
}

/** Keys are judged before anything of a request is. */
const NO_REQUEST: VerificationRequest = {
  method: 'POST',
  url: 'https://localhost/',
  header: () => null,
  headerNames: () => [],
  body: new Uint8Array(0),
}

function unusableDetail(compiled: CompiledScheme, keys: VerificationKeys): string | null {
  const verdict = verify(compiled, keys, NO_REQUEST, 0)
  const isUnusable =
    !(verdict instanceof Promise) && !verdict.verified && verdict.reason === 'secret_unusable'
  return isUnusable ? verdict.detail : null
}
