import { createHash, createHmac } from 'node:crypto'
import { HMAC_ALGORITHM_DEFAULT, type HmacAlgorithm } from '../trigger.ts'
import type { CompiledScheme } from './compiled.ts'
import { type ComposedRequest, Draft, placeOf, Unsignable, withJson } from './draft.ts'
import { prepareKeys, type SecretKey } from './keys.ts'
import { bytesOf, type Place, RequestView } from './place.ts'
import type { VerificationKeys } from './request.ts'
import type { Hash, Scheme, SigRecord } from './scheme.ts'
import { elementsOf, hmacOf } from './signed.ts'
import { renderString, renderText, type TextContext } from './text.ts'

/** A request with the proof that its scheme asks for, or why it has none. */
export type Signing =
  | {
      readonly signed: true
      readonly request: ComposedRequest
      /** Headers, in lower case, and the parameter of the query that hold the proof: nobody needs to see them. */
      readonly proofHeaders: ReadonlySet<string>
      readonly proofQuery: string | null
      /** What else was done to the request; `null`: nothing. */
      readonly note: string | null
    }
  | { readonly signed: false; readonly note: string }

export interface SigningInput {
  readonly compiled: CompiledScheme
  /** The first secret signs. */
  readonly keys: VerificationKeys
  readonly request: ComposedRequest
  readonly nowMs: number
  /** For schemes that sign the id of a message: letters, digits and hyphens, never used before. */
  readonly newId: string
}

/**
 * Signs a request as its sender would, from the same record that it is verified by. Whatever needs only the secret that both sides share can be
 * signed; where the sender alone holds the key, the request stays as it was and the note says why. Never throws.
 */
export function sign(input: SigningInput): Signing {
  const { scheme } = input.compiled
  const reason = UNSIGNABLE[scheme.scheme]
  if (reason !== undefined) return { signed: false, note: reason }
  if (scheme.jwk !== undefined) return { signed: false, note: SENDERS_KEY }
  try {
    return new Signer(input).sign()
  } catch (error) {
    return { signed: false, note: error instanceof Unsignable ? error.message : CANNOT }
  }
}

const SENDERS_KEY = 'It is not signed: the sender signs with a private key that nobody else has.'
const CANNOT = 'It is not signed: the scheme cannot be applied to this request.'

const UNSIGNABLE: Readonly<Partial<Record<Scheme['scheme'], string>>> = {
  none: 'The scheme asks for no proof, so there is none.',
  ed25519: SENDERS_KEY,
  'ecdsa-p256-sha256': SENDERS_KEY,
  'rsa-sha256': SENDERS_KEY,
  'aws-sns': SENDERS_KEY,
}

const JWT_SECONDS = 300
const JWT_HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const

class Signer {
  readonly #input: SigningInput
  readonly #draft: Draft
  readonly #proofHeaders = new Set<string>()
  #proofQuery: string | null = null
  #hasChangedBody = false

  constructor(input: SigningInput) {
    this.#input = input
    this.#draft = new Draft(input.request)
  }

  sign(): Signing {
    this.#prove()
    return {
      signed: true,
      request: this.#draft.composed,
      proofHeaders: this.#proofHeaders,
      proofQuery: this.#proofQuery,
      note: this.#hasChangedBody
        ? 'The body was written anew: the scheme has parts of its proof in it.'
        : null,
    }
  }

  #prove(): void {
    const { compiled, keys } = this.#input
    const { scheme } = compiled
    if (scheme.scheme === 'generic') {
      this.#proveGeneric()
      return
    }
    const key = this.#key()
    const missing = compiled.configuration.find((name) => typeof keys.config[name] !== 'string')
    if (missing !== undefined) throw new Unsignable(`It is not signed: the configuration has no ${missing}.`)
    this.#require()
    if (scheme.scheme === 'token') this.#proveByToken(key)
    else if (scheme.scheme === 'jwt') this.#proveByJwt(key)
    else if (scheme.scheme === 'basic') {
      this.#setProofHeader('authorization', `Basic ${Buffer.from(key.bytes).toString('base64')}`)
    } else this.#proveBySignature(key)
  }

  #proveGeneric(): void {
    const { keys, request } = this.#input
    const [secret = ''] = keys.secrets
    if (secret === '') throw new Unsignable('It is not signed: the trigger has no secret.')
    const named = keys.config['algorithm']
    const algorithm: HmacAlgorithm = named === 'sha1' || named === 'sha512' ? named : HMAC_ALGORITHM_DEFAULT
    const digest = hmacOf(algorithm, Buffer.from(secret), [request.body])
    this.#setProofHeader('x-webhook-signature', `${algorithm}=${Buffer.from(digest).toString('hex')}`)
  }

  #key(): SecretKey {
    const { compiled, keys } = this.#input
    const { secrets, fault } = prepareKeys(compiled.scheme, keys)
    const [first] = secrets
    if (fault !== null) throw new Unsignable(`It is not signed: ${fault.detail}`)
    if (first === undefined) throw new Unsignable('It is not signed: the trigger has no secret.')
    return first
  }

  /** Values that must be there whatever is signed, such as a version. */
  #require(): void {
    const { compiled } = this.#input
    for (const { place, value } of compiled.required) {
      const text = renderString(value, this.#context())
      if (text !== null) this.#put(place, text)
    }
    // What it lists is signed, and it must list itself.
    if (compiled.scheme.signed?.includes('{code:contentful}')) {
      this.#draft.setHeader(
        'x-contentful-signed-headers',
        'x-contentful-signed-headers,x-contentful-timestamp',
      )
    }
  }

  #proveByToken(key: SecretKey): void {
    const { at, each, item } = this.#input.compiled
    if (at === null) throw new Unsignable(CANNOT)
    if (each === null) {
      this.#put(at, this.#tokenText(at, key), true)
      return
    }
    for (const index of this.#elements().keys()) {
      this.#putJson([...each, String(index), ...item], at.path, this.#tokenText(at, key))
    }
  }

  #tokenText(at: Place, { bytes }: SecretKey): string {
    const { prefix = '' } = this.#input.compiled.scheme
    return prefix + Buffer.from(bytes).toString(at.source === 'header' ? 'latin1' : 'utf8')
  }

  #proveByJwt(key: SecretKey): void {
    const { compiled, nowMs, newId } = this.#input
    const { token, claims, scheme } = compiled
    const algorithm = (['HS256', 'HS384', 'HS512'] as const).find((name) => scheme.algs?.includes(name))
    if (token === null || algorithm === undefined) throw new Unsignable(CANNOT)
    const now = Math.floor(nowMs / 1_000)
    const context = this.#context()
    const stated = claims.map(({ name, values: [value] }) => {
      const text = value === undefined ? null : renderString(value, context)
      if (text === null) throw new Unsignable(CANNOT)
      return [name, text] as const
    })
    const payload = { iat: now, nbf: now, exp: now + JWT_SECONDS, jti: newId, ...Object.fromEntries(stated) }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const head = `${part({ alg: algorithm, typ: 'JWT' })}.${part(payload)}`
    const digest = createHmac(JWT_HASHES[algorithm], key.bytes).update(head).digest('base64url')
    this.#put(token, `${scheme.prefix ?? ''}${head}.${digest}`, true)
  }

  #proveBySignature(key: SecretKey): void {
    const { compiled } = this.#input
    if (compiled.sig === null) throw new Unsignable(CANNOT)
    const { record } = compiled.sig
    const timestamp = this.#putTimestamp()
    const id = this.#putId()
    const isBodyHashed = this.#putBodyHash()
    const sign = (root: TextContext['root']): string => {
      const digest = this.#digest(key, { ...this.#context(), root, timestamp, id, isBodyHashed })
      return this.#signatureText(record, digest, timestamp)
    }
    if (compiled.each === null) {
      this.#put(signaturePlace(record), sign(null), true)
      return
    }
    for (const [index, root] of this.#elements().entries()) {
      this.#putJson(
        [...compiled.each, String(index), ...compiled.item],
        signaturePlace(record).path,
        sign(root),
      )
    }
  }

  #putTimestamp(): string {
    const { compiled, nowMs } = this.#input
    const { ts } = compiled.scheme
    if (ts === undefined || compiled.timestamp === null) return ''
    const text = timestampText(ts.unit, nowMs)
    if (compiled.timestamp.source !== 'sig') this.#put(compiled.timestamp, text)
    return text
  }

  /** The one that is there may be what a duplicate is known by, so it stays. */
  #putId(): string {
    const { compiled, newId } = this.#input
    if (compiled.id === null) return ''
    const given = this.#view().read(compiled.id)
    if (typeof given !== 'string' && given.text !== '') return given.text
    this.#put(compiled.id, newId)
    return newId
  }

  /** @returns whether a digest in the URL stands for the body */
  #putBodyHash(): boolean {
    const { compiled } = this.#input
    const { body } = this.#draft
    if (!compiled.coversOnlyForms || body.byteLength === 0 || this.#view().fields !== null) return false
    const record = compiled.scheme.bodyHash
    if (record === undefined || compiled.bodyHash === null) {
      throw new Unsignable('It is not signed: the scheme signs the fields of forms, and the body is none.')
    }
    this.#put(compiled.bodyHash, createHash(record.hash).update(body).digest(record.enc))
    return true
  }

  #digest(key: SecretKey, context: TextContext): Uint8Array {
    const { compiled } = this.#input
    const { hash = 'sha256', scheme } = compiled.scheme
    const [text] = compiled.signedForm !== null && context.view.isForm ? compiled.signedForm : compiled.signed
    const given = scheme === 'hash' ? { ...context, secret: key.bytes } : context
    const pieces = text === undefined ? null : renderText(text, given)
    if (pieces === null) {
      throw new Unsignable(
        'It is not signed: a field that the scheme signs is missing, or there more than once.',
      )
    }
    return scheme === 'hash' ? hashOf(hash, pieces) : hmacOf(hash, key.bytes, pieces)
  }

  /** The signature as it stands at its place, with the name and the time that stand beside it. */
  #signatureText(record: SigRecord, digest: Uint8Array, timestamp: string): string {
    const { prefix = '', kv, list = ',', enc } = record
    const written = prefix + Buffer.from(digest).toString(enc)
    const { sig, timestamp: place } = this.#input.compiled
    if (kv === undefined) return written
    const name = sig?.take == null ? null : renderString(sig.take, this.#context())
    if (name === null) throw new Unsignable(CANNOT)
    const time = place?.source === 'sig' ? `${place.name}${kv}${timestamp}${list}` : ''
    return `${time}${name}${kv}${written}`
  }

  #elements() {
    const roots = elementsOf(this.#input.compiled, this.#view())
    if ('verified' in roots) throw new Unsignable(`It is not signed: ${roots.detail}`)
    return roots
  }

  #put(place: Place, text: string, isProof = false): void {
    if (place.source === 'header') {
      if (isProof) this.#proofHeaders.add(place.name)
      this.#draft.setHeader(place.name, text)
    } else if (place.source === 'query') {
      if (isProof) this.#proofQuery = place.name
      this.#draft.setQuery(place.name, text)
    } else if (place.source === 'form') {
      this.#hasChangedBody = true
      this.#draft.setFormField(place.name, text)
    } else if (place.source === 'json') this.#putJson([], place.path, text)
    else throw new Unsignable(CANNOT)
  }

  #putJson(at: readonly string[], path: readonly string[], text: string): void {
    const { bodyJson } = this.#input.compiled
    this.#hasChangedBody = true
    if (bodyJson === null) {
      this.#draft.setJson(at, path, text)
      return
    }
    const field = new RequestView(this.#draft.request, {}).read(bodyJson)
    if (typeof field === 'string') throw new Unsignable(CANNOT)
    const json = Buffer.from(bytesOf(field)).toString()
    this.#draft.setFormField(bodyJson.name, withJson(json, [...at, ...path], text))
  }

  #setProofHeader(name: string, value: string): void {
    this.#proofHeaders.add(name)
    this.#draft.setHeader(name, value)
  }

  /** Of the request as it is by now. */
  #view(): RequestView {
    return new RequestView(this.#draft.request, this.#input.keys.config, this.#input.compiled.bodyJson)
  }

  #context(): TextContext {
    const view = this.#view()
    return { view, root: null, url: this.#draft.url, timestamp: '', id: '', isBodyHashed: false }
  }
}

/** The first place decides. Of headers that are known by their beginning, the first is used. */
function signaturePlace({ from: [first = ''] }: SigRecord): Place {
  return placeOf(first.replace(/\*$/, '1'))
}

function timestampText(unit: 's' | 'ms' | 'iso', nowMs: number): string {
  if (unit === 'iso') return new Date(nowMs).toISOString()
  return String(unit === 's' ? Math.floor(nowMs / 1_000) : nowMs)
}

function hashOf(hash: Hash, pieces: readonly Uint8Array[]): Uint8Array {
  const digest = createHash(hash)
  for (const piece of pieces) digest.update(piece)
  return digest.digest()
}
