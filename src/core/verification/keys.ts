import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { SECRETS_MAX } from '../limits.ts'
import { decodeKey } from './decode.ts'
import type { VerificationKeys } from './request.ts'
import type { KeyRecord, Scheme } from './scheme.ts'
import { refusal, type Unverified } from './verdict.ts'

/** Bytes to verify with, and where they came from. */
export interface SecretKey {
  readonly bytes: Uint8Array
  readonly secretIndex: number | null
  readonly keyId: string
}

/** What `keys` gives for one scheme, decoded once. */
export interface PreparedKeys {
  readonly secrets: readonly SecretKey[]
  /** By the configuration's name: keys of `alt`. */
  readonly further: ReadonlyMap<string, SecretKey>
  readonly publicKey: KeyObject | null
  /** Why nothing can be verified; `null` when something can. */
  readonly fault: Unverified | null
}

const SECRET_MISSING = refusal(
  'secret_missing',
  'The trigger has no secret to verify with, so everybody is refused.',
)
const PUBLIC_KEY_MISSING = refusal(
  'secret_missing',
  'The trigger has no public key to verify with, so everybody is refused.',
)

export function prepareKeys(scheme: Scheme, keys: VerificationKeys): PreparedKeys {
  const publicKey = keys.publicKey === undefined ? null : readPublicKey(scheme, keys.publicKey)
  const named = keys.secrets.slice(0, SECRETS_MAX).map((text, index) => ({ text, index, keyId: 'secret' }))
  const next = scheme.nextKey === undefined ? null : configuredText(keys, scheme.nextKey)
  const secrets = named.flatMap(({ text, index, keyId }) =>
    secretKey(text, scheme.key, { secretIndex: index, keyId }),
  )
  if (next !== null) {
    secrets.push(...secretKey(next, scheme.key, { secretIndex: null, keyId: scheme.nextKey ?? '' }))
  }
  const further = new Map(
    (scheme.alt ?? []).flatMap(({ keyFrom }) => {
      const text = configuredText(keys, keyFrom)
      const found = text === null ? [] : secretKey(text, scheme.key, { secretIndex: null, keyId: keyFrom })
      return found.map((key) => [keyFrom, key] as const)
    }),
  )
  const fault = faultOf(scheme, keys, { publicKey, hasSecret: secrets.length > 0 || further.size > 0 })
  return { secrets, further, publicKey, fault }
}

function faultOf(
  scheme: Scheme,
  keys: VerificationKeys,
  found: { readonly publicKey: KeyObject | null; readonly hasSecret: boolean },
): Unverified | null {
  if (scheme.scheme === 'ed25519' || scheme.scheme === 'ecdsa-p256-sha256') {
    if (found.publicKey !== null) return null
    return (keys.publicKey ?? '') === ''
      ? PUBLIC_KEY_MISSING
      : refusal('secret_unusable', `The public key of the trigger is not ${publicKeyForm(scheme)}.`)
  }
  const needsSecret =
    ['hmac', 'hash', 'token', 'basic'].includes(scheme.scheme) ||
    (scheme.scheme === 'jwt' && scheme.jwk === undefined)
  if (!needsSecret || found.hasSecret) return null
  return keys.secrets.some((secret) => secret !== '')
    ? refusal('secret_unusable', `No secret of the trigger is ${secretForm(scheme.key)}.`)
    : SECRET_MISSING
}

const configuredText = ({ config }: VerificationKeys, name: string): string | null => {
  const value = Object.hasOwn(config, name) ? config[name] : undefined
  return typeof value === 'string' && value !== '' ? value : null
}

function secretKey(
  text: string,
  record: KeyRecord | undefined,
  origin: { readonly secretIndex: number | null; readonly keyId: string },
): SecretKey[] {
  const bytes = secretBytes(text, record)
  // An HMAC without a key can be made by anybody.
  return bytes === null || bytes.byteLength === 0 ? [] : [{ bytes, ...origin }]
}

/** The key that the text of a secret stands for, or `null`. */
function secretBytes(text: string, record: KeyRecord = {}): Uint8Array | null {
  const isPrefixed = record.strip !== undefined && text.startsWith(record.strip)
  const bare = isPrefixed ? text.slice(record.strip?.length) : text
  if (bare === '') return null
  const isText = record.textWithoutPrefix === true && !isPrefixed
  const encoding = isText ? 'utf8' : (record.enc ?? 'utf8')
  const plain = record.htmlEntities ? withoutEntities(bare) : bare
  const bytes = encoding === 'base64' || encoding === 'hex' ? decodeKey(plain, encoding) : Buffer.from(plain)
  return bytes !== null && record.digest === 'sha1' ? createHash('sha1').update(bytes).digest() : bytes
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#039;': "'",
  '&#39;': "'",
  '&#x27;': "'",
  '&#034;': '"',
  '&#x22;': '"',
  '&#060;': '<',
  '&#x3c;': '<',
  '&#062;': '>',
  '&#x3e;': '>',
  '&#038;': '&',
  '&#x26;': '&',
}

const withoutEntities = (text: string): string =>
  text.replace(/&#?[a-z0-9]{2,4};/gi, (entity) => ENTITIES[entity.toLowerCase()] ?? entity)

const secretForm = (record: KeyRecord = {}): string => {
  const behind = record.strip === undefined ? '' : `, with ${record.strip} before it or without`
  return record.enc === 'base64'
    ? `base64${behind}`
    : record.enc === 'hex'
      ? `an even number of hexadecimal digits${behind}`
      : `a text with anything in it${behind}`
}

const publicKeyForm = (scheme: Scheme): string =>
  scheme.scheme === 'ed25519'
    ? `an Ed25519 key of 32 bytes in ${scheme.key?.enc === 'hex' ? 'hexadecimal digits' : 'base64'}`
    : 'an ECDSA key on the curve P-256, as base64 of its SubjectPublicKeyInfo'

function readPublicKey(scheme: Scheme, text: string): KeyObject | null {
  try {
    return scheme.scheme === 'ed25519' ? ed25519Key(scheme.key, text) : p256Key(text)
  } catch {
    return null
  }
}

/** The fixed beginning of the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Points of small order, and what is written like them: with one of these as key a signature can be made for any text by anybody. The sign bit is
 * left out of the comparison.
 */
const ED25519_SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

function ed25519Key(record: KeyRecord | undefined, text: string): KeyObject | null {
  const bytes = secretBytes(text.trim(), { ...record, enc: record?.enc === 'hex' ? 'hex' : 'base64' })
  if (bytes === null || bytes.byteLength !== 32) return null
  const unsigned = Buffer.from(bytes)
  unsigned[31] = (unsigned[31] ?? 0) & 0x7f
  if (ED25519_SMALL_ORDER.has(unsigned.toString('hex'))) return null
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, bytes]), format: 'der', type: 'spki' })
}

/** Also takes PEM, which is the same with lines around it. */
function p256Key(text: string): KeyObject | null {
  const bytes = decodeKey(text.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, ''), 'base64')
  if (bytes === null) return null
  const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  return isP256 ? key : null
}
