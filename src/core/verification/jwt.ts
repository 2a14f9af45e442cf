import { compactVerify, importJWK } from 'jose'
import { JWT_EARLY_SECONDS_MAX, JWT_LENGTH_MAX } from '../limits.ts'
import { withoutPrefix } from './credential.ts'
import { decodeStrictly } from './decode.ts'
import { JsonText } from './json.ts'
import type { SecretKey } from './keys.ts'
import type { RequestView } from './place.ts'
import { type Examination, requirementFault, verifiedBy } from './signed.ts'
import { renderString, type TextContext } from './text.ts'
import { refusal, type Unverified, type Verdict } from './verdict.ts'

const MALFORMED = refusal(
  'signature_malformed',
  'The token is not a JWT of three parts in base64url, each written in the one way there is.',
)
const MISMATCH = refusal('signature_mismatch', 'The token is not signed with a key of the trigger.')
const NO_KEY = refusal('signature_mismatch', 'No key of the trigger has the key id that the token names.')

type Claims = Readonly<Record<string, unknown>>

interface Token {
  readonly text: string
  readonly algorithm: string
  readonly keyId: string | null
}

/** The kind `jwt`: a token in a header whose claims say what it vouches for. */
export async function verifyJwt(examination: Examination): Promise<Verdict> {
  const { compiled, view } = examination
  const context: TextContext = {
    view,
    root: null,
    url: view.request.url,
    timestamp: '',
    id: '',
    isBodyHashed: false,
  }
  const required = requirementFault(compiled, context)
  if (required !== null) return required
  const token = readToken(examination)
  if ('verified' in token) return token
  const algorithms = compiled.scheme.algs ?? []
  if (!algorithms.some((algorithm) => algorithm === token.algorithm)) {
    return refusal('algorithm_not_allowed', `The token is not signed with ${algorithms.join(' or ')}.`)
  }
  const signed =
    compiled.scheme.jwk === 'by-kid' ? await byJwk(view, token) : await bySecret(examination, token)
  if ('verified' in signed) return signed
  return claimFault(examination, signed.claims, context) ?? signed.verdict
}

function readToken({ compiled, view }: Examination): Token | Unverified {
  const text = tokenText(view, compiled)
  if (text === null)
    return refusal('signature_missing', 'The request has no token where the scheme looks for it.')
  const parts = text.length > JWT_LENGTH_MAX ? [] : text.split('.')
  const [head, payload, signature] = parts.map((part) => decodeStrictly(part, 'base64url'))
  // A token without a signature is not malformed: it names an algorithm that nobody may name.
  const isUnsigned = parts.length === 3 && parts[2] === ''
  if (parts.length !== 3 || !head || !payload || (!signature && !isUnsigned)) return MALFORMED
  const header = objectOf(head)
  const algorithm = header?.['alg']
  if (header === null || typeof algorithm !== 'string') return MALFORMED
  const keyId = header['kid']
  return { text, algorithm, keyId: typeof keyId === 'string' ? keyId : null }
}

function tokenText(view: RequestView, { token, scheme }: Examination['compiled']): string | null {
  const reading = token === null ? 'absent' : view.read(token)
  if (typeof reading === 'string' || reading.text === '') return null
  return withoutPrefix(reading.text, scheme.prefix) || null
}

/** An object of JSON; `null` for anything else, and for one with a name in it twice. */
function objectOf(bytes: Uint8Array): Claims | null {
  const json = JsonText.parse(bytes)
  if (json === null) return null
  const value: unknown = JSON.parse(Buffer.from(bytes).toString())
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return json.hasDistinctNames() ? { ...value } : null
}

interface Signed {
  readonly claims: Claims
  readonly verdict: Verdict
}

async function bySecret({ keys }: Examination, token: Token): Promise<Signed | Unverified> {
  for (const key of keys.secrets) {
    const claims = await verifiedClaims(token, key.bytes)
    if (claims !== null) return { claims, verdict: verifiedBy(key satisfies SecretKey) }
  }
  return MISMATCH
}

async function byJwk(view: RequestView, token: Token): Promise<Signed | Unverified> {
  const keys = configuredJwks(view.config)
  if (keys.length === 0) {
    return refusal('configuration_missing', 'The trigger has no jwk in its configuration to verify with.')
  }
  const jwk = keys.find(({ kid }) => typeof kid === 'string' && kid === token.keyId)
  if (jwk === undefined) return NO_KEY
  const key = await importKey(jwk, token.algorithm)
  if (key === null)
    return refusal('secret_unusable', `The jwk of the trigger is no key for ${token.algorithm}.`)
  const claims = await verifiedClaims(token, key)
  return claims === null ? MISMATCH : { claims, verdict: { verified: true, secretIndex: null, keyId: 'jwk' } }
}

/** One key, a list of keys, or a set with `keys`, as an object or as its JSON. */
function configuredJwks(config: RequestView['config']): readonly Record<string, unknown>[] {
  const given = Object.hasOwn(config, 'jwk') ? config['jwk'] : undefined
  const value = typeof given === 'string' ? parsed(given) : given
  const set = isObject(value) && Array.isArray(value['keys']) ? value['keys'] : [value].flat()
  return set.filter(isObject)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

async function importKey(jwk: Record<string, unknown>, algorithm: string) {
  // A key for symmetric algorithms would turn what is public into a secret.
  if (jwk['kty'] !== 'EC' || 'd' in jwk) return null
  try {
    return await importJWK(jwk, algorithm)
  } catch {
    return null
  }
}

async function verifiedClaims(
  { text, algorithm }: Token,
  key: Parameters<typeof compactVerify>[1],
): Promise<Claims | null> {
  try {
    const { payload } = await compactVerify(text, key, { algorithms: [algorithm] })
    return objectOf(payload)
  } catch {
    return null
  }
}

function claimFault(
  { compiled, nowMs, toleranceSeconds }: Examination,
  claims: Claims,
  context: TextContext,
): Unverified | null {
  for (const name of compiled.scheme.need ?? []) {
    if (typeof claims[name] !== 'number') return refusal('claim_mismatch', `The token has no claim ${name}.`)
  }
  for (const { name, values } of compiled.claims) {
    const expected = values.map((value) => renderString(value, context))
    if (!claimTexts(claims, name).some((given) => expected.includes(given))) {
      return refusal(
        'claim_mismatch',
        `The claim ${name} of the token does not fit the request or the trigger.`,
      )
    }
  }
  return timeFault(claims, nowMs / 1_000, ageMax(compiled.scheme.maxAge, toleranceSeconds))
}

const ageMax = (maxAge: number | undefined, override: number | null): number | null =>
  maxAge === undefined ? null : (override ?? maxAge)

/** An audience may be a list, and a digest may be padded. */
function claimTexts(claims: Claims, name: string): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  const texts = [value].flat().filter((each): each is string => typeof each === 'string' && each !== '')
  return texts.flatMap((each) => [each, each.replace(/={1,2}$/, '')])
}

function timeFault(claims: Claims, now: number, age: number | null): Unverified | null {
  const { exp, nbf, iat } = claims as { exp?: unknown; nbf?: unknown; iat?: unknown }
  if (exp !== undefined && !(typeof exp === 'number' && exp > now)) {
    return refusal('token_expired', 'The token has expired.')
  }
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + JWT_EARLY_SECONDS_MAX)) {
    return refusal('token_not_yet_valid', 'The token is not valid yet.')
  }
  if (age === null || (typeof iat === 'number' && Math.abs(now - iat) <= age)) return null
  return refusal(
    'timestamp_outside_tolerance',
    `The token was issued more than ${age} s before or after this time.`,
  )
}

/** A claim of a token that has been verified; `null` when it is no text. */
export function readClaim(view: RequestView, compiled: Examination['compiled'], name: string): string | null {
  const part = tokenText(view, compiled)?.split('.')[1]
  const bytes = part === undefined ? null : decodeStrictly(part, 'base64url')
  const value = bytes === null ? undefined : objectOf(bytes)?.[name]
  return typeof value === 'string' ? value : null
}
