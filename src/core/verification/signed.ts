import { createHash, type KeyObject, timingSafeEqual, verify as verifySignature } from 'node:crypto'
import { VERIFIED_ELEMENTS_MAX } from '../limits.ts'
import type { CompiledScheme } from './compiled.ts'
import { decodeStrictly } from './decode.ts'
import type { JsonText } from './json.ts'
import type { PreparedKeys, SecretKey } from './keys.ts'
import { bytesOf, type RequestView } from './place.ts'
import type { Hash } from './scheme.ts'
import { type CompiledSig, isPresent, readSignatures, type Signatures } from './signatures.ts'
import { renderString, renderText, type Text, type TextContext } from './text.ts'
import { parseTimestamp } from './timestamp.ts'
import { twilioUrls } from './url.ts'
import { refusal, type Unverified, type Verdict } from './verdict.ts'

/** What one verification has to hand. */
export interface Examination {
  readonly compiled: CompiledScheme
  readonly keys: PreparedKeys
  readonly view: RequestView
  readonly nowMs: number
  readonly toleranceSeconds: number | null
  /** The key of a certificate that has been fetched. */
  readonly certificateKey: KeyObject | null
}

const MISMATCH = refusal(
  'signature_mismatch',
  'The signature does not match what was received under any key of the trigger.',
)
const AMBIGUOUS = refusal(
  'body_unreadable',
  'A field that is signed is there more than once, not there at all, or not written as the scheme asks, so what is signed is ambiguous.',
)
const NOT_COVERED = refusal('body_not_covered', 'The body is no form, and nothing that is signed covers it.')

/** Kinds with a signature over a text: `hmac`, `hash` and those with a public key. */
export function verifySigned(examination: Examination): Verdict {
  const { compiled, view } = examination
  if (compiled.each === null) return verifyOne(examination, null)
  const roots = elementsOf(compiled, view)
  if ('verified' in roots) return roots
  let verdict: Verdict = MISMATCH
  for (const root of roots) {
    verdict = verifyOne(examination, root)
    if (!verdict.verified) return verdict
  }
  return verdict
}

/** Every element that has to be verified: at least one, since an empty list would prove nothing. */
export function elementsOf(compiled: CompiledScheme, view: RequestView): readonly JsonText[] | Unverified {
  const list = view.json?.at(compiled.each ?? []) ?? 'absent'
  const elements = typeof list === 'string' ? null : list.elements(VERIFIED_ELEMENTS_MAX)
  if (elements === null || elements.length === 0) {
    return refusal(
      'body_unreadable',
      `The body has no list ${compiled.each?.join('.') ?? ''} of 1 to ${VERIFIED_ELEMENTS_MAX} elements.`,
    )
  }
  const items = elements.map((element) => element.at(compiled.item))
  const found = items.filter((item) => typeof item !== 'string')
  return found.length === items.length
    ? found
    : refusal('body_unreadable', `An element of the list has no single ${compiled.item.join('.')}.`)
}

function verifyOne(examination: Examination, root: JsonText | null): Verdict {
  const { compiled, view } = examination
  const base: TextContext = {
    view,
    root,
    url: view.request.url,
    timestamp: '',
    id: '',
    isBodyHashed: false,
  }
  const required = requirementFault(compiled, base)
  if (required !== null) return required
  const sources = readAll(examination, base)
  if ('verified' in sources) return sources
  const id = readId(compiled, base)
  if (typeof id !== 'string') return id
  const timestamp = readTimestamp(compiled, base, sources[0]?.signatures.items ?? [])
  if ('verified' in timestamp) return timestamp
  const hashed = judgeBodyHash(compiled, view)
  if (typeof hashed !== 'boolean') return hashed
  const context = { ...base, id, timestamp: timestamp.text, isBodyHashed: hashed }
  const verdict = match(examination, sources, context)
  if (!verdict.verified || timestamp.ms === null) return verdict
  return staleness(examination, timestamp.ms) ?? verdict
}

export function requirementFault(compiled: CompiledScheme, context: TextContext): Unverified | null {
  for (const { place, ref, value } of compiled.required) {
    const reading = context.view.read(place, context.root)
    const expected = renderString(value, context)
    if (typeof reading === 'string' || expected === null || reading.text !== expected) {
      return refusal('required_value_mismatch', `The request does not have the required value in ${ref}.`)
    }
  }
  return null
}

/** Signatures with the keys that may have made them. */
interface Source {
  readonly signatures: Signatures
  readonly keys: readonly SecretKey[]
}

function readAll(
  { compiled, keys, view }: Examination,
  context: TextContext,
): readonly Source[] | Unverified {
  const own = compiled.sig === null ? null : readSignatures(compiled.sig, context)
  const sources: Source[] = []
  if (own !== null && !('verified' in own)) sources.push({ signatures: own, keys: keys.secrets })
  for (const { sig, keyFrom } of compiled.alt) {
    const key = keys.further.get(keyFrom)
    const signatures = key === undefined || !isPresent(sig, view) ? null : readSignatures(sig, context)
    if (key === undefined || signatures === null || 'verified' in signatures) continue
    sources.push({ signatures, keys: [key] })
  }
  if (sources.length > 0) return sources
  return own !== null && 'verified' in own
    ? own
    : refusal('unsupported', 'The scheme does not say where a signature is.')
}

function readId(compiled: CompiledScheme, { view, root }: TextContext): string | Unverified {
  if (compiled.id === null) return ''
  const reading = view.read(compiled.id, root)
  if (reading === 'ambiguous') return AMBIGUOUS
  const text = typeof reading === 'string' ? '' : reading.text
  return text === ''
    ? refusal('id_missing', 'The request has no message id, which is part of what is signed.')
    : text
}

interface Stamp {
  readonly text: string
  /** `null` when the scheme has none. */
  readonly ms: number | null
}

export function readTimestamp(
  compiled: CompiledScheme,
  { view, root }: TextContext,
  items: Signatures['items'],
): Stamp | Unverified {
  const record = compiled.scheme.ts
  if (record === undefined || compiled.timestamp === null) return { text: '', ms: null }
  const { source, name } = compiled.timestamp
  const texts =
    source === 'sig'
      ? items.flatMap(([key, value]) => (key === name ? value : []))
      : readingTexts(view.read(compiled.timestamp, root))
  if (texts.length > 1 || (source === 'sig' && isRepeated(name, items))) {
    return refusal(
      'timestamp_malformed',
      'There is more than one timestamp, or one that is no text or number.',
    )
  }
  const [text = ''] = texts
  if (text === '') return refusal('timestamp_missing', `The request has no timestamp in ${record.from}.`)
  const ms = parseTimestamp(text, record.unit)
  return ms === null
    ? refusal('timestamp_malformed', `The timestamp in ${record.from} is not written ${UNITS[record.unit]}.`)
    : { text, ms }
}

/** Two headers of one name arrive as one text with a comma and a blank between them, so the second time has that blank before its name. */
const isRepeated = (name: string, items: Signatures['items']): boolean =>
  items.filter(([key]) => key.trim() === name).length > 1

const UNITS = { s: 'in seconds', ms: 'in milliseconds', iso: 'as RFC 3339 asks' } as const

const readingTexts = (reading: ReturnType<RequestView['read']>): readonly string[] => {
  if (reading === 'ambiguous') return ['', '']
  return reading === 'absent' ? [] : [reading.text]
}

function staleness({ compiled, nowMs, toleranceSeconds }: Examination, ms: number): Unverified | null {
  const tolerance = toleranceSeconds ?? compiled.scheme.ts?.tolerance ?? 0
  const seconds = Math.abs(nowMs - ms) / 1_000
  if (seconds <= tolerance) return null
  return refusal(
    'timestamp_outside_tolerance',
    `The signature matches, but its timestamp is ${Math.floor(seconds)} s in the ${ms < nowMs ? 'past' : 'future'}; ${tolerance} s are tolerated.`,
  )
}

/** Whether a digest in the URL stands for the body; a body that is no form needs one where only forms are signed. */
function judgeBodyHash(compiled: CompiledScheme, view: RequestView): boolean | Unverified {
  const record = compiled.scheme.bodyHash
  const reading = compiled.bodyHash === null ? 'absent' : view.read(compiled.bodyHash)
  if (record !== undefined && reading !== 'absent') {
    const given = reading === 'ambiguous' ? null : decodeStrictly(reading.text, record.enc)
    const body = createHash(record.hash).update(view.request.body).digest()
    if (given !== null && isEqual(given, body)) return true
    return refusal('signature_mismatch', `The digest in ${record.from} is not that of the body.`)
  }
  const isCovered = !compiled.coversOnlyForms || view.request.body.byteLength === 0 || view.fields !== null
  return isCovered ? false : NOT_COVERED
}

function match(examination: Examination, sources: readonly Source[], context: TextContext): Verdict {
  const { compiled, view } = examination
  const texts = compiled.signedForm !== null && view.isForm ? compiled.signedForm : compiled.signed
  const urls = compiled.scheme.urlVariants ? twilioUrls(context.url) : [context.url]
  let isReadable = false
  for (const url of urls) {
    for (const text of texts) {
      const verdict = matchText(examination, sources, { text, context: { ...context, url } })
      if (verdict === null) continue
      if (verdict.verified) return verdict
      isReadable = true
    }
  }
  return isReadable ? MISMATCH : AMBIGUOUS
}

interface Rendering {
  readonly text: Text
  readonly context: TextContext
}

/** `null` when the text cannot be made of the request. */
function matchText(
  examination: Examination,
  sources: readonly Source[],
  rendering: Rendering,
): Verdict | null {
  const { scheme } = examination.compiled
  if (scheme.scheme === 'hash') return matchHash(scheme.hash ?? 'sha256', sources, rendering)
  const pieces = renderText(rendering.text, rendering.context)
  if (pieces === null) return null
  if (scheme.scheme !== 'hmac') return matchPublicKey(examination, sources, pieces)
  for (const { signatures, keys } of sources) {
    for (const key of keys) {
      const digest = hmacOf(scheme.hash ?? 'sha256', key.bytes, pieces)
      if (signatures.candidates.some((candidate) => isEqual(candidate, digest))) return verifiedBy(key)
    }
  }
  return MISMATCH
}

function matchHash(hash: Hash, sources: readonly Source[], { text, context }: Rendering): Verdict | null {
  for (const { signatures, keys } of sources) {
    for (const key of keys) {
      const pieces = renderText(text, { ...context, secret: key.bytes })
      if (pieces === null) return null
      const digest = createHash(hash)
      for (const piece of pieces) digest.update(piece)
      const expected = digest.digest()
      if (signatures.candidates.some((candidate) => isEqual(candidate, expected))) return verifiedBy(key)
    }
  }
  return MISMATCH
}

function matchPublicKey(
  { compiled, keys, certificateKey }: Examination,
  sources: readonly Source[],
  pieces: readonly Uint8Array[],
): Verdict {
  const message = Buffer.concat(pieces)
  const key = certificateKey ?? keys.publicKey
  const [{ signatures } = { signatures: null }] = sources
  const isValid =
    key !== null &&
    signatures?.candidates.some((given) => isSignedBy(compiled.scheme.scheme, key, message, given))
  const keyId = certificateKey === null ? 'publicKey' : 'certificate'
  return isValid ? { verified: true, secretIndex: null, keyId } : MISMATCH
}

export function isSignedBy(
  kind: string,
  key: KeyObject,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  switch (kind) {
    case 'ed25519':
      return signature.byteLength === 64 && verifySignature(null, message, key, signature)
    case 'ecdsa-p256-sha256': {
      const raw = rawOfDer(signature)
      return raw !== null && verifySignature('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, raw)
    }
    default:
      return verifySignature('sha256', message, key, signature)
  }
}

const P256_BYTES = 32

/** The two numbers of an ECDSA signature in DER, 32 bytes each; `null` for everything that is not the one way to write them. */
function rawOfDer(der: Uint8Array): Uint8Array | null {
  if (der[0] !== 0x30 || der[1] !== der.byteLength - 2 || der.byteLength > 72) return null
  const r = derNumber(der, 2)
  const s = r === null ? null : derNumber(der, r.end)
  if (r === null || s === null || s.end !== der.byteLength) return null
  const raw = new Uint8Array(2 * P256_BYTES)
  raw.set(r.bytes, P256_BYTES - r.bytes.byteLength)
  raw.set(s.bytes, 2 * P256_BYTES - s.bytes.byteLength)
  return raw
}

function derNumber(der: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly end: number } | null {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  const [first = 0, second = 0] = der.subarray(at + 2, end)
  if (der[at] !== 0x02 || length === 0 || end > der.byteLength || first > 0x7f) return null
  if (first === 0 && (length === 1 || second <= 0x7f)) return null
  const bytes = der.subarray(first === 0 ? at + 3 : at + 2, end)
  return bytes.byteLength > P256_BYTES ? null : { bytes, end }
}

/** @throws when the key is empty; Bun would make a hash without a key of it */
export function hmacOf(hash: Hash, key: Uint8Array, pieces: readonly Uint8Array[]): Uint8Array {
  if (!(key.byteLength > 0)) throw new RangeError('An HMAC needs a key.')
  const hasher = new Bun.CryptoHasher(hash, key)
  for (const piece of pieces) hasher.update(piece)
  return hasher.digest()
}

/** In a time that depends on lengths alone, which are no secret. */
export const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && timingSafeEqual(a, b)

export const verifiedBy = ({ secretIndex, keyId }: SecretKey): Verdict => ({
  verified: true,
  secretIndex,
  keyId,
})

/** The raw body under an HMAC in one header, without anything else that could be asked. */
export function verifyPlain(sig: CompiledSig, { compiled, keys, view }: Examination): Verdict {
  const context = { view, root: null, url: '', timestamp: '', id: '', isBodyHashed: false }
  const signatures = readSignatures(sig, context)
  if ('verified' in signatures) return signatures
  const body = [view.request.body]
  for (const key of keys.secrets) {
    const digest = hmacOf(compiled.scheme.hash ?? 'sha256', key.bytes, body)
    if (signatures.candidates.some((candidate) => isEqual(candidate, digest))) return verifiedBy(key)
  }
  return MISMATCH
}

/** A shared text: equal bytes, compared by digests, so that not even the length is told by time. */
export function matchCredential(given: readonly Uint8Array[], keys: readonly SecretKey[]): SecretKey | null {
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
  const digests = given.map(digest)
  return keys.find(({ bytes }) => digests.some((each) => timingSafeEqual(each, digest(bytes)))) ?? null
}

/** The bytes a header may stand for: as they came, or as UTF-8 of what a program has made of them. */
export const credentialBytes = (
  reading: Exclude<ReturnType<RequestView['read']>, string>,
): readonly Uint8Array[] => [bytesOf(reading), Buffer.from(reading.text)]
