import {
  DIAGNOSES_MAX,
  DOCTOR_BYTES_MAX,
  DOCTOR_CANDIDATES_MAX,
  DOCTOR_MS_MAX,
  DOCTOR_TURN_MS,
} from '../limits.ts'
import { SIGNATURE_HEADERS } from '../signature.ts'
import { type CompiledScheme, compileScheme } from './compiled.ts'
import { decodeStrictly } from './decode.ts'
import { type Diagnosis, type DiagnosisCause, diagnosis } from './diagnosis.ts'
import { bodyCandidates, secretCandidates, signsUrl, urlCandidates } from './doctor-candidates.ts'
import { timestampMs, verify } from './engine.ts'
import { credentialHeaders } from './needs.ts'
import { PRESETS } from './presets/index.ts'
import type { VerificationKeys, VerificationOptions, VerificationRequest } from './request.ts'
import type { Encoding, Hash, Scheme } from './scheme.ts'
import type { Unverified, Verdict } from './verdict.ts'

/** A secret that the doctor may try, by the name that it may say. */
export interface NamedSecret {
  readonly label: string
  readonly text: string
}

/** One request that did not verify, with all that may explain it. */
export interface DoctorCase {
  /** The name of the scheme; no other name for it is tried. */
  readonly schemeName: string
  readonly compiled: CompiledScheme
  readonly live: readonly NamedSecret[]
  readonly expired: readonly NamedSecret[]
  readonly publicKey?: string
  readonly config: VerificationKeys['config']
  readonly request: VerificationRequest
  /** False when only the headers are there. */
  readonly hasBody: boolean
  /** When it arrived, in Unix milliseconds. */
  readonly nowMs: number
  readonly options?: VerificationOptions
}

/** What stands in a kept header in place of a credential. */
const REDACTED = '[redacted]'

/**
 * Says why a request does not verify, the best answer first; an empty list when nothing that is known explains it. For administrators and off the
 * hot path: it tries what usually goes wrong, one after the other, until its candidates, bytes or time are used up.
 * An answer is proven by a signature that matches, except the last ones, which say what is missing. Never throws or rejects.
 */
export async function diagnose(given: DoctorCase): Promise<readonly Diagnosis[]> {
  try {
    return await new Doctor(given).diagnose()
  } catch {
    return []
  }
}

interface Change {
  readonly compiled?: CompiledScheme
  readonly keys?: VerificationKeys
  readonly request?: VerificationRequest
}

class Doctor {
  readonly #given: DoctorCase
  readonly #scheme: Scheme
  readonly #compiled: CompiledScheme
  readonly #keys: VerificationKeys
  /** The instant at which a timestamp of the request is in time, so that a wrong clock hides nothing else. */
  readonly #ownMs: number
  readonly #startedAtMs = performance.now()
  readonly #found: Diagnosis[] = []
  #turnAtMs = this.#startedAtMs
  #candidates = 0
  #bytes = 0

  constructor(given: DoctorCase) {
    this.#given = given
    this.#compiled = plainOf(given)
    this.#scheme = this.#compiled.scheme
    this.#keys = keysOf(given, given.live)
    this.#ownMs = timestampMs(this.#compiled, given.request) ?? given.nowMs
  }

  async diagnose(): Promise<readonly Diagnosis[]> {
    const { compiled, nowMs, hasBody } = this.#given
    const verdict = await this.#verify({ compiled }, nowMs)
    if (hasBody) {
      if (verdict.verified) {
        return [
          diagnosis('verifies_now', 'The request verifies with the settings of the trigger as they are now.'),
        ]
      }
      await this.#tryClock(verdict)
      await this.#tryExpiredSecrets()
      // Either says that all else is as the scheme asks for it. Whatever matches besides would be another reading of the same bytes.
      if (this.#found.length > 0) return this.#found
      await this.#trySecretReadings()
      await this.#trySignatureForms()
      await this.#tryBodies()
      await this.#tryUrls()
      await this.#tryOtherSchemes()
      await this.#tryOtherHeaders()
    }
    if (this.#found.length === 0) this.#sayWhatIsMissing(verdict)
    return this.#found.slice(0, DIAGNOSES_MAX)
  }

  async #tryClock(verdict: Unverified): Promise<void> {
    const { nowMs } = this.#given
    const { ts } = this.#scheme
    if (verdict.reason === 'token_expired' || verdict.reason === 'token_not_yet_valid') {
      const way = verdict.reason === 'token_expired' ? 'had expired' : 'was not yet valid'
      this.#say('clock_skew', `The token is signed as it should be, but ${way} when it arrived.`)
    }
    if (ts === undefined) return
    for (const unit of ['s', 'ms', 'iso'] as const) {
      if (unit === ts.unit) continue
      const compiled = compileScheme({ ...this.#scheme, ts: { ...ts, unit } })
      if (!(await this.#verify({ compiled }, nowMs)).verified) continue
      this.#say(
        'timestamp_unit',
        `The timestamp is written in ${UNITS[unit]}, and the scheme asks for ${UNITS[ts.unit]}.`,
      )
    }
    this.#sayClock(verdict)
  }

  #sayClock(verdict: Verdict): void {
    const { nowMs } = this.#given
    if (verdict.verified || verdict.reason !== 'timestamp_outside_tolerance' || this.#has('timestamp_unit')) {
      return
    }
    const seconds = Math.round(Math.abs(nowMs - this.#ownMs) / 1_000)
    const way = this.#ownMs < nowMs ? 'behind' : 'ahead of'
    this.#say(
      'clock_skew',
      `The signature matches, but its time is ${seconds} s ${way} the arrival of the request.`,
    )
  }

  async #tryExpiredSecrets(): Promise<void> {
    const { expired, nowMs } = this.#given
    if (expired.length === 0 || this.#found.length > 0) return
    const keys = keysOf(this.#given, expired)
    const old = await this.#matching({ keys })
    if (old === null) return
    this.#say(
      'expired_secret',
      `The signature matches the expired secret ${labelAt(expired, old.secretIndex)}.`,
    )
    this.#sayClock(await this.#verify({ keys }, nowMs))
  }

  async #trySecretReadings(): Promise<void> {
    const { expired, live } = this.#given
    const all = [...live, ...expired]
    if (all.length === 0) return
    for (const { cause, how, key, text } of secretCandidates(this.#scheme)) {
      if (this.#has(cause)) continue
      const changed = all.map((secret) => ({ ...secret, text: text(secret.text) }))
      const isSame = changed.every((secret, index) => secret.text === all[index]?.text)
      if (isSame && JSON.stringify(key) === JSON.stringify(this.#scheme.key)) continue
      const { key: _, ...rest } = this.#scheme
      const compiled = compileScheme(key === undefined ? rest : { ...rest, key })
      const match = await this.#matching({ compiled, keys: keysOf(this.#given, changed) })
      if (match === null) continue
      this.#say(
        cause,
        `The signature matches the secret ${labelAt(all, match.secretIndex)} when it is taken ${how}.`,
      )
    }
  }

  async #trySignatureForms(): Promise<void> {
    const { sig } = this.#scheme
    if (sig === undefined) return
    for (const { prefix, enc, hash } of forms(this.#scheme)) {
      const { prefix: _, ...rest } = sig
      const record = prefix === undefined ? { ...rest, enc } : { ...rest, enc, prefix }
      const compiled = compileScheme({
        ...this.#scheme,
        sig: record,
        ...(hash === undefined ? {} : { hash }),
      })
      if ((await this.#matching({ compiled })) === null) continue
      this.#say(...formFound(this.#scheme, { prefix, enc, hash }))
      return
    }
  }

  async #tryBodies(): Promise<void> {
    const { request } = this.#given
    for (const { cause, how, body } of bodyCandidates(request)) {
      if (this.#isUsedUp()) return
      if (this.#has(cause) || (await this.#matching({ request: withBody(request, body) })) === null) continue
      this.#say(cause, `The signature matches the body ${how}.`)
      return
    }
    const { signedForm, ...raw } = this.#scheme
    if (signedForm === undefined || (await this.#matching({ compiled: compileScheme(raw) })) === null) return
    this.#say(
      'body_form_field',
      'The signature matches the raw body, and the scheme signs a field of the form.',
    )
  }

  async #tryUrls(): Promise<void> {
    const { request } = this.#given
    if (!signsUrl(this.#scheme)) return
    for (const { how, url } of urlCandidates(request)) {
      if ((await this.#matching({ request: withUrl(request, url) })) === null) continue
      this.#say(
        'url_changed',
        `The signature matches another URL than the public one: what differs is ${how}.`,
      )
      return
    }
  }

  async #tryOtherSchemes(): Promise<void> {
    const { request, schemeName, expired, live } = this.#given
    const names: string[] = []
    const keys = keysOf(this.#given, [...live, ...expired])
    for (const { name, scheme } of PRESETS) {
      if (name === schemeName || scheme.scheme === 'none' || !isAddressed(scheme, request)) continue
      const compiled = compileScheme(scheme)
      const ownMs = timestampMs(compiled, request) ?? this.#given.nowMs
      if ((await this.#verify({ compiled, keys }, ownMs)).verified) names.push(name)
    }
    if (names.length === 0) return
    const others = names.length === 1 ? '' : `, as with ${names.slice(1, 4).join(', ')}`
    this.#say('other_scheme', `The request verifies with the scheme ${names[0]}${others}.`)
  }

  /** A digest in a header that no known scheme has. */
  async #tryOtherHeaders(): Promise<void> {
    const { sig, scheme } = this.#scheme
    if (sig === undefined || (scheme !== 'hmac' && scheme !== 'hash') || this.#found.length > 0) return
    const { request } = this.#given
    const names = [...request.headerNames()].filter((name) => DIGEST.test(request.header(name) ?? ''))
    for (const name of names.slice(0, HEADERS_TRIED_MAX)) {
      for (const { prefix, enc, hash } of [{ ...sig, hash: this.#scheme.hash }, ...forms(this.#scheme)]) {
        const record = { from: [`header:${name}`], enc, ...(prefix === undefined ? {} : { prefix }) }
        const compiled = compileScheme({
          ...this.#scheme,
          sig: record,
          ...(hash === undefined ? {} : { hash }),
        })
        if ((await this.#matching({ compiled })) === null) continue
        this.#say(
          'signature_header',
          `The signature is in the header ${name}, where the scheme does not look.`,
        )
        return
      }
    }
  }

  #sayWhatIsMissing(verdict: Verdict): void {
    const { request, hasBody, compiled } = this.#given
    const hidden = credentialHeaders(compiled.scheme).find((name) => request.header(name)?.includes(REDACTED))
    if (hidden !== undefined) {
      this.#say('proof_not_kept', `The header ${hidden} is itself a credential, so its value is not kept.`)
    } else if (!verdict.verified && IS_SETTING.has(verdict.reason)) {
      this.#say('settings_incomplete', verdict.detail)
    } else if (!verdict.verified && IS_ABSENCE.has(verdict.reason)) {
      this.#say('header_missing', verdict.detail)
    } else if (!hasBody) {
      this.#sayFormOfHeader()
      this.#say('body_not_kept', 'The body of the request is not kept, so that nothing could be tried.')
    }
  }

  /** Without a body nothing is proven, but a digest of the wrong kind is to be seen. */
  #sayFormOfHeader(): void {
    const { sig } = this.#scheme
    const place = sig?.from.find((each) => this.#given.request.header(each.slice('header:'.length)) !== null)
    if (sig === undefined || place === undefined || sig.list !== undefined) return
    const text = this.#given.request.header(place.slice('header:'.length)) ?? ''
    const looksLike = ({ prefix = '', enc, hash }: Form) =>
      hash !== undefined &&
      text.startsWith(prefix) &&
      decodeStrictly(text.slice(prefix.length), enc)?.byteLength === DIGEST_BYTES[hash]
    if (looksLike({ prefix: sig.prefix, enc: sig.enc, hash: this.#scheme.hash })) return
    const found = forms(this.#scheme).find(looksLike)
    if (found !== undefined) this.#say(...formFound(this.#scheme, found))
  }

  async #matching(change: Change): Promise<{ readonly secretIndex: number | null } | null> {
    const verdict = await this.#verify(change, this.#ownMs)
    return verdict.verified ? verdict : null
  }

  async #verify(
    { compiled = this.#compiled, keys = this.#keys, request }: Change,
    nowMs: number,
  ): Promise<Verdict> {
    const judged = request ?? this.#given.request
    this.#candidates += 1
    this.#bytes += judged.body.byteLength * Math.max(1, keys.secrets.length)
    if (this.#candidates > 1 && this.#isUsedUp()) return USED_UP
    await this.#yieldNowAndThen()
    return verify(compiled, keys, judged, nowMs, this.#given.options)
  }

  #isUsedUp(): boolean {
    return (
      this.#candidates > DOCTOR_CANDIDATES_MAX ||
      this.#bytes > DOCTOR_BYTES_MAX ||
      performance.now() - this.#startedAtMs > DOCTOR_MS_MAX
    )
  }

  /** Senders are answered by the same process. */
  async #yieldNowAndThen(): Promise<void> {
    if (performance.now() - this.#turnAtMs < DOCTOR_TURN_MS) return
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#turnAtMs = performance.now()
  }

  #has(cause: DiagnosisCause): boolean {
    return this.#found.some((each) => each.cause === cause)
  }

  #say(cause: DiagnosisCause, detail: string): void {
    if (!this.#has(cause)) this.#found.push(diagnosis(cause, detail))
  }
}

const DIGEST_BYTES: Readonly<Record<Hash, number>> = { sha1: 20, sha256: 32, sha512: 64 }
const USED_UP: Unverified = { verified: false, reason: 'unsupported', detail: 'The work is used up.' }
const UNITS = { s: 'seconds', ms: 'milliseconds', iso: 'RFC 3339' } as const
const HEADERS_TRIED_MAX = 8

/** Something like a digest, with something like a prefix. */
const DIGEST = /^(?:[a-zA-Z0-9-]{1,16}[=,])?[A-Za-z0-9+/_-]{27,128}={0,2}$/

const IS_SETTING: ReadonlySet<string> = new Set([
  'secret_missing',
  'secret_unusable',
  'configuration_missing',
])
const IS_ABSENCE: ReadonlySet<string> = new Set([
  'signature_missing',
  'credential_missing',
  'timestamp_missing',
  'id_missing',
])

/** The generic scheme in the words of all others, so that its parts can be changed. */
function plainOf({ compiled, config, request }: DoctorCase): CompiledScheme {
  if (compiled.scheme.scheme !== 'generic') return compiled
  const algorithm = config['algorithm']
  const hash: Hash = algorithm === 'sha1' || algorithm === 'sha512' ? algorithm : 'sha256'
  const text = SIGNATURE_HEADERS.map((name) => request.header(name)).find((value) => value !== null) ?? ''
  const prefix = text.startsWith(`${hash}=`) ? { prefix: `${hash}=` } : {}
  const from = SIGNATURE_HEADERS.map((name) => `header:${name}`)
  return compileScheme({ scheme: 'hmac', hash, sig: { from, enc: 'hex', ...prefix }, signed: '{body}' })
}

const keysOf = ({ config, publicKey }: DoctorCase, secrets: readonly NamedSecret[]): VerificationKeys => ({
  secrets: secrets.map(({ text }) => text),
  config,
  ...(publicKey === undefined ? {} : { publicKey }),
})

const labelAt = (secrets: readonly NamedSecret[], index: number | null): string =>
  (index === null ? undefined : secrets[index]?.label) ?? 'of the configuration'

const withBody = (request: VerificationRequest, body: Uint8Array): VerificationRequest =>
  changed(request, request.url, body)
const withUrl = (request: VerificationRequest, url: string): VerificationRequest =>
  changed(request, url, request.body)
const changed = (request: VerificationRequest, url: string, body: Uint8Array): VerificationRequest => ({
  method: request.method,
  url,
  header: (name) => request.header(name),
  headerNames: () => request.headerNames(),
  body,
})

interface Form {
  readonly prefix: string | undefined
  readonly enc: Encoding
  readonly hash: Hash | undefined
}

const PREFIXES = [
  undefined,
  'sha256=',
  'sha1=',
  'sha512=',
  'hmac-sha256=',
  'v0=',
  'v1=',
  'v1,',
  'sha256,',
] as const

/** Other ways to write a signature, the nearest first. */
function forms({ hash, sig, scheme }: Scheme): readonly Form[] {
  const encodings = (['hex', 'base64', 'base64url'] as const).toSorted((a) => (a === sig?.enc ? -1 : 0))
  const hasHash = scheme === 'hmac' || scheme === 'hash'
  const hashes = hasHash
    ? (['sha256', 'sha1', 'sha512'] as const).toSorted((a) => (a === hash ? -1 : 0))
    : [hash]
  const prefixes = new Set([sig?.prefix, ...PREFIXES])
  return hashes.flatMap((algorithm) =>
    encodings.flatMap((enc) => [...prefixes].map((prefix) => ({ prefix, enc, hash: algorithm }))),
  )
}

function formFound({ hash, sig }: Scheme, found: Form): [DiagnosisCause, string] {
  if (found.hash !== hash) {
    return [
      'signature_algorithm',
      `The signature is made with ${found.hash}, and the trigger asks for ${hash}.`,
    ]
  }
  if (found.enc !== sig?.enc) {
    return [
      'signature_encoding',
      `The signature is written in ${found.enc}, and the scheme asks for ${sig?.enc}.`,
    ]
  }
  const asked = sig?.prefix === undefined ? 'none' : sig.prefix
  const written = found.prefix === undefined ? 'no prefix' : `the prefix ${found.prefix}`
  return ['signature_prefix', `The signature has ${written}, and the scheme asks for ${asked}.`]
}

/** Whether a request has something where a scheme looks for a proof. */
function isAddressed({ sig, at, token, scheme }: Scheme, request: VerificationRequest): boolean {
  if (scheme === 'generic') return SIGNATURE_HEADERS.some((name) => request.header(name) !== null)
  if (scheme === 'basic') return request.header('authorization') !== null
  const places = [sig?.from ?? [], at ?? [], token ?? []].flat()
  return places.some((place) => {
    // What is in the body or the query is cheap to look for.
    if (!place.startsWith('header:')) return true
    const name = place.slice('header:'.length)
    return name.endsWith('*')
      ? [...request.headerNames()].some((header) => header.startsWith(name.slice(0, -1)))
      : request.header(name) !== null
  })
}
