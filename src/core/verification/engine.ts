import { REF_TEXT_LENGTH_MAX } from '../limits.ts'
import { findSignature, signatureFault, verifySignature } from '../signature.ts'
import { HMAC_ALGORITHM_DEFAULT, type HmacAlgorithm } from '../trigger.ts'
import { certificateKey, isCertificateUrl } from './certificate.ts'
import { type CompiledScheme, compileScheme } from './compiled.ts'
import { verifyBasic, verifyToken } from './credential.ts'
import { isTokenBody } from './handshake-token.ts'
import { readClaim, verifyJwt } from './jwt.ts'
import { type PreparedKeys, prepareKeys } from './keys.ts'
import { type Place, RequestView, readableText } from './place.ts'
import type { VerificationKeys, VerificationOptions, VerificationRequest } from './request.ts'
import { isPresent, readSignatures } from './signatures.ts'
import { type Examination, readTimestamp, verifyPlain, verifySigned } from './signed.ts'
import { verifySns } from './sns.ts'
import { refusal, type Unverified, type Verdict } from './verdict.ts'

export { type CompiledScheme, compileScheme }

const FAULT = refusal('unsupported', 'The request could not be judged, so it is refused.')

/**
 * Says whether a request is the sender's own. Never throws or rejects; its cost is linear in the size of the request.
 *
 * @param keys - the same object for the same keys: what is derived from it is kept as long as it lives
 * @returns at once, but for schemes with tokens and certificates
 */
export function verify(
  compiled: CompiledScheme,
  keys: VerificationKeys,
  request: VerificationRequest,
  nowMs: number,
  options: VerificationOptions = {},
): Verdict | Promise<Verdict> {
  try {
    const verdict = judge(compiled, keys, { request, nowMs, options })
    return verdict instanceof Promise ? verdict.catch(() => FAULT) : verdict
  } catch {
    return FAULT
  }
}

const TOKEN_BODY = refusal(
  'body_not_covered',
  'The body is a token that this webhook signs for anybody who asks, so its signature proves nothing.',
)

interface Given {
  readonly request: VerificationRequest
  readonly nowMs: number
  readonly options: VerificationOptions
}

function judge(compiled: CompiledScheme, keys: VerificationKeys, given: Given): Verdict | Promise<Verdict> {
  const { request, nowMs, options } = given
  const { scheme } = compiled
  if (scheme.scheme === 'none') return { verified: true, secretIndex: null, keyId: 'none' }
  if (scheme.scheme === 'generic') return verifyGeneric(keys, request)
  if (scheme.handshake === 'x-crc' && isTokenBody(request.body)) return TOKEN_BODY
  const view = viewOf(compiled, request, keys.config)
  const chosen = choose(compiled, view)
  if (chosen !== compiled) return judge(chosen, keys, given)
  const prepared = preparedKeys(compiled, keys)
  if (prepared.fault !== null) return prepared.fault
  const unset = configurationFault(compiled, keys)
  if (unset !== null) return unset
  const toleranceSeconds = options.toleranceSeconds ?? null
  const examination = { compiled, keys: prepared, view, nowMs, toleranceSeconds, certificateKey: null }
  if (compiled.isPlain && compiled.sig !== null) return verifyPlain(compiled.sig, examination)
  switch (scheme.scheme) {
    case 'token':
      return verifyToken(examination)
    case 'basic':
      return verifyBasic(examination)
    case 'jwt':
      return verifyJwt(examination)
    case 'aws-sns':
      return verifySns(view, options, nowMs)
    case 'rsa-sha256':
      return verifyByCertificate(examination, options)
    default:
      return verifySigned(examination)
  }
}

const viewOf = (
  compiled: CompiledScheme,
  request: VerificationRequest,
  config: VerificationKeys['config'],
): RequestView => new RequestView(request, config, compiled.bodyJson)

/** The scheme that judges a request: the fallback, when nothing at all is where this one's signatures would be. */
function choose(compiled: CompiledScheme, view: RequestView): CompiledScheme {
  const { fallback, sig } = compiled
  return fallback === null || sig === null || isPresent(sig, view) ? compiled : fallback
}

/** What has been derived from keys, by scheme and by the object that holds them. */
const PREPARED = new WeakMap<CompiledScheme, WeakMap<VerificationKeys, PreparedKeys>>()

function preparedKeys(compiled: CompiledScheme, keys: VerificationKeys): PreparedKeys {
  let ofScheme = PREPARED.get(compiled)
  if (ofScheme === undefined) {
    ofScheme = new WeakMap()
    PREPARED.set(compiled, ofScheme)
  }
  let prepared = ofScheme.get(keys)
  if (prepared === undefined) {
    prepared = prepareKeys(compiled.scheme, keys)
    ofScheme.set(keys, prepared)
  }
  return prepared
}

/** A text of the scheme without its configuration would be compared with nothing. */
function configurationFault(compiled: CompiledScheme, { config }: VerificationKeys): Unverified | null {
  const missing = compiled.configuration.find((name) => {
    const value = Object.hasOwn(config, name) ? config[name] : undefined
    return typeof value !== 'string' || value === ''
  })
  return missing === undefined
    ? null
    : refusal('configuration_missing', `The trigger has no ${missing} in its configuration.`)
}

/** The scheme of `core/signature.ts`, with each secret in turn. */
function verifyGeneric({ secrets, config }: VerificationKeys, request: VerificationRequest): Verdict {
  const signature = findSignature((name) => request.header(name))
  if (signature === null) {
    return refusal('signature_missing', 'The request has none of the headers that a signature may be in.')
  }
  const algorithm = genericAlgorithm(config)
  const fault = signatureFault(signature, algorithm)
  if (fault !== null) return refusal('signature_malformed', sentence(fault))
  const live = secrets.filter((secret) => secret !== '')
  if (live.length === 0) return refusal('secret_missing', 'The trigger has no secret.')
  for (const [secretIndex, secret] of secrets.entries()) {
    const { verified } = verifySignature({ body: request.body, signature, secret, algorithm })
    if (verified) return { verified, secretIndex, keyId: 'secret' }
  }
  return refusal('signature_mismatch', 'The digest does not match.')
}

function genericAlgorithm(config: VerificationKeys['config']): HmacAlgorithm {
  const named = Object.hasOwn(config, 'algorithm') ? config['algorithm'] : undefined
  return named === 'sha1' || named === 'sha512' ? named : HMAC_ALGORITHM_DEFAULT
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

async function verifyByCertificate(examination: Examination, options: VerificationOptions): Promise<Verdict> {
  const { compiled, view, nowMs } = examination
  const reading = compiled.certUrl === null ? 'absent' : view.read(compiled.certUrl)
  const url = typeof reading === 'string' ? '' : reading.text
  const hosts = compiled.scheme.key?.hosts ?? []
  const key = await certificateKey(isCertificateUrl(url, hosts) ? url : null, options.fetchCertificate, nowMs)
  return 'verified' in key ? key : verifySigned({ ...examination, certificateKey: key })
}

/** The event type of a request that has been verified; `null` when it names none, or more than one. */
export const eventType = (compiled: CompiledScheme, request: VerificationRequest): string | null =>
  readAfter(compiled, request, (scheme) => scheme.event)

/**
 * What a sender calls this delivery, the same when it repeats it; `null` when it does not say. Only to be asked of a request that has been
 * verified: a stranger could otherwise suppress an event by naming it first.
 */
export const duplicateId = (compiled: CompiledScheme, request: VerificationRequest): string | null =>
  readAfter(compiled, request, (scheme) => scheme.duplicateId)

/** What is at all these places of a request that has been verified; `null` when at any of them there is no text, or more than one. */
export function textsAt(
  compiled: CompiledScheme,
  request: VerificationRequest,
  places: readonly Place[],
): readonly string[] | null {
  try {
    const view = viewOf(compiled, request, {})
    const texts = places.map((place) => textAt(view, place))
    return texts.every(isId) ? texts : null
  } catch {
    return null
  }
}

const isId = (text: string | null): text is string =>
  text !== null && text !== '' && text.length <= REF_TEXT_LENGTH_MAX

/** The time that a request states, in Unix milliseconds; `null` when its scheme has none or it is not readable. */
export function timestampMs(compiled: CompiledScheme, request: VerificationRequest): number | null {
  try {
    const view = viewOf(compiled, request, {})
    const chosen = choose(compiled, view)
    const context = { view, root: null, url: '', timestamp: '', id: '', isBodyHashed: false }
    const isInSignature = chosen.timestamp?.source === 'sig' && chosen.sig !== null
    const signatures = isInSignature && chosen.sig ? readSignatures(chosen.sig, context) : null
    const items = signatures === null || 'verified' in signatures ? [] : signatures.items
    const stamp = readTimestamp(chosen, context, items)
    return 'verified' in stamp ? null : stamp.ms
  } catch {
    return null
  }
}

function readAfter(
  compiled: CompiledScheme,
  request: VerificationRequest,
  placeOf: (compiled: CompiledScheme) => Place | null,
): string | null {
  try {
    const view = viewOf(compiled, request, {})
    const chosen = choose(compiled, view)
    const place = placeOf(chosen)
    if (place === null) return null
    const text = place.source === 'jwt' ? readClaim(view, chosen, place.name) : textAt(view, place)
    return isId(text) ? text : null
  } catch {
    return null
  }
}

function textAt(view: RequestView, place: Place): string | null {
  const reading = view.read(place)
  return typeof reading === 'string' ? null : readableText(reading)
}
