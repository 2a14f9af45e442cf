import { DIGEST_MISMATCH, findSignature, isSignedWith, signatureFault } from './signature.ts'
import type { HmacAlgorithm } from './trigger.ts'
import {
  type CompiledScheme,
  credentialHeaders,
  rejectionCodeOf,
  type Verdict,
  type VerificationKeys,
  type VerificationOptions,
  type VerificationReason,
  type VerificationRequest,
  verify,
} from './verification/index.ts'

/** One secret that a trigger accepts. */
export interface LiveSecret {
  /** Its row; `null` when it has none. */
  readonly id: string | null
  readonly label: string
  readonly text: string
  /** On the clock of `performance.now()`; `Infinity`: never. */
  readonly expiresAtMs: number
}

/** What a trigger verifies with. Secrets are open here: it stays inside the process. */
export interface SignatureSettings {
  /** `generic`, the name of a preset, or `custom`. */
  readonly scheme: string
  /** `null`: the generic scheme of `signature.ts`. */
  readonly compiled: CompiledScheme | null
  /** Of the generic scheme. */
  readonly algorithm: HmacAlgorithm
  readonly secrets: readonly LiveSecret[]
  readonly publicKey: string | null
  readonly config: Readonly<Record<string, string>>
  readonly toleranceSeconds: number | null
  /** Why everyone is refused, whatever they send; `null`: nobody is for that reason. */
  readonly fault: string | null
  /** Why some secret is not among `secrets`: said when none is left. */
  readonly secretFault: string | null
}

export type SignatureOutcome =
  | {
      readonly verified: true
      /** What verified: the label of a secret, or what else the scheme verifies with; `null` when it asks for nothing. */
      readonly by: string | null
      readonly secretId: string | null
    }
  | {
      readonly verified: false
      readonly code: 'signature_missing' | 'signature_invalid' | 'store_unavailable'
      /** For the audit row. */
      readonly reason: string
    }

/** What holds until the next secret expires. */
interface Live {
  readonly secrets: readonly LiveSecret[]
  readonly keys: VerificationKeys
  readonly bytes: readonly Uint8Array[]
  readonly untilMs: number
}

const UTF_8 = new TextEncoder()

/** The signature check of one trigger, compiled once for as long as the trigger is cached. Never throws. */
export class SignatureCheck {
  readonly settings: SignatureSettings
  /** Headers, in lower case, that are not to be stored. */
  readonly credentialHeaders: ReadonlySet<string>
  /** Headers of which one has to be there, whatever the body says; `null`: only the whole request can tell. */
  readonly #headersOfProof: readonly string[] | null
  readonly #isJudgedByHeaders: boolean
  readonly #options: VerificationOptions
  #live: Live

  constructor(settings: SignatureSettings) {
    this.settings = settings
    const scheme = settings.compiled?.scheme
    this.credentialHeaders = new Set(scheme === undefined ? [] : credentialHeaders(scheme))
    this.#headersOfProof = headersOfProof(settings.compiled)
    this.#isJudgedByHeaders = isJudgedByHeaders(settings.compiled)
    const { toleranceSeconds } = settings
    this.#options = toleranceSeconds === null ? {} : { toleranceSeconds }
    this.#live = this.#liveAt(performance.now())
  }

  /**
   * Why a request is refused whatever its body is; `null`: the body has to be read.
   *
   * @param request - with an empty body
   * @param isBodyLarge - looks closer, which costs as much as verifying a short body
   */
  refusalBeforeBody(
    request: VerificationRequest,
    isBodyLarge: boolean,
    nowMs: number,
  ): SignatureOutcome | null {
    const { compiled, fault } = this.settings
    if (compiled === null) return this.#refusalOfGeneric(request)
    if (fault !== null) return refused('signature_invalid', fault)
    if (this.#headersOfProof?.every((name) => request.header(name) === null)) {
      return refused('signature_missing', 'The request has none of the headers that its proof may be in.')
    }
    if (!isBodyLarge || !this.#isJudgedByHeaders) return null
    const verdict = verify(compiled, this.#keys().keys, request, nowMs, this.#options)
    if (verdict instanceof Promise || verdict.verified || !IS_OF_HEADERS.has(verdict.reason)) return null
    return refused(rejectionCodeOf(verdict.reason), verdict.detail)
  }

  /** The decision itself. At once, but for schemes with tokens and certificates. */
  verify(
    request: VerificationRequest,
    nowMs: number,
    fetchCertificate?: NonNullable<VerificationOptions['fetchCertificate']>,
  ): SignatureOutcome | Promise<SignatureOutcome> {
    const { compiled, fault } = this.settings
    if (compiled === null) return this.#verifyGeneric(request)
    if (fault !== null) return refused('signature_invalid', fault)
    const { keys, secrets } = this.#keys()
    const options = fetchCertificate === undefined ? this.#options : { ...this.#options, fetchCertificate }
    const verdict = verify(compiled, keys, request, nowMs, options)
    return verdict instanceof Promise
      ? verdict.then((settled) => this.#outcome(settled, secrets))
      : this.#outcome(verdict, secrets)
  }

  /** The keys of just now, and the labels of their secrets in the same order: for handshakes. */
  live(): { readonly keys: VerificationKeys; readonly labels: readonly string[] } {
    const { keys, secrets } = this.#keys()
    return { keys, labels: secrets.map(({ label }) => label) }
  }

  #refusalOfGeneric(request: VerificationRequest): SignatureOutcome | null {
    const value = findSignature((name) => request.header(name))
    if (value === null) return refused('signature_missing', 'no signature header is present')
    if (this.#keys().secrets.length === 0) return refused('signature_invalid', this.#noSecret())
    const malformed = signatureFault(value, this.settings.algorithm)
    return malformed === null ? null : refused('signature_invalid', malformed)
  }

  #verifyGeneric(request: VerificationRequest): SignatureOutcome {
    const { algorithm } = this.settings
    const refusal = this.#refusalOfGeneric(request)
    if (refusal !== null) return refusal
    const signature = findSignature((name) => request.header(name)) ?? ''
    const { body } = request
    const { secrets, bytes } = this.#keys()
    for (const [index, { id, label }] of secrets.entries()) {
      const key = bytes[index]
      if (key !== undefined && isSignedWith(key, { body, signature, algorithm })) {
        return { verified: true, by: label, secretId: id }
      }
    }
    return refused('signature_invalid', DIGEST_MISMATCH)
  }

  #outcome(verdict: Verdict, secrets: readonly LiveSecret[]): SignatureOutcome {
    if (!verdict.verified) {
      const { reason, detail } = verdict
      // Whoever sent it could not do better: that we cannot fetch a certificate is our own fault.
      if (reason === 'certificate_unavailable') return refused('store_unavailable', detail)
      if (reason === 'secret_missing' && this.settings.secretFault !== null) {
        return refused('signature_invalid', this.settings.secretFault)
      }
      return refused(rejectionCodeOf(reason), detail)
    }
    const secret = verdict.secretIndex === null ? undefined : secrets[verdict.secretIndex]
    if (secret !== undefined) return { verified: true, by: secret.label, secretId: secret.id }
    return { verified: true, by: verdict.keyId === 'none' ? null : verdict.keyId, secretId: null }
  }

  #noSecret(): string {
    return this.settings.secretFault ?? 'the trigger has no secret'
  }

  /** The keys of just now: a secret that has expired meanwhile is no longer among them. */
  #keys() {
    const nowMs = performance.now()
    if (nowMs >= this.#live.untilMs) this.#live = this.#liveAt(nowMs)
    return this.#live
  }

  #liveAt(nowMs: number): Live {
    const { publicKey, config } = this.settings
    const secrets = this.settings.secrets.filter(
      ({ text, expiresAtMs }) => text !== '' && expiresAtMs > nowMs,
    )
    const keys: VerificationKeys = {
      secrets: secrets.map(({ text }) => text),
      config,
      ...(publicKey === null ? {} : { publicKey }),
    }
    // Of the generic scheme alone; the engine keeps what it derives from `keys`.
    const bytes = this.settings.compiled === null ? keys.secrets.map((text) => UTF_8.encode(text)) : []
    return { secrets, keys, bytes, untilMs: Math.min(...secrets.map(({ expiresAtMs }) => expiresAtMs)) }
  }
}

/** Reasons that hold for any body, where headers alone say them. */
const IS_OF_HEADERS: ReadonlySet<VerificationReason> = new Set([
  'signature_missing',
  'signature_malformed',
  'timestamp_missing',
  'timestamp_malformed',
  'timestamp_outside_tolerance',
  'id_missing',
])

function headersOfProof(compiled: CompiledScheme | null): readonly string[] | null {
  if (compiled === null) return null
  const { scheme } = compiled
  if (scheme.fallback !== undefined || scheme.each !== undefined) return null
  if (scheme.scheme === 'basic') return ['authorization']
  const alternatives = (scheme.alt ?? []).flatMap(({ sig }) => sig.from)
  const places = [scheme.sig?.from ?? [], alternatives, scheme.at ?? [], scheme.token ?? []].flat()
  const isHeader = (place: string) => place.startsWith('header:') && !place.endsWith('*')
  if (places.length === 0 || !places.every(isHeader)) return null
  return places.map((place) => place.slice('header:'.length).toLowerCase())
}

function isJudgedByHeaders(compiled: CompiledScheme | null): boolean {
  if (compiled === null || headersOfProof(compiled) === null) return false
  const { sig, ts, id } = compiled.scheme
  return (
    sig !== undefined &&
    [ts?.from, id].every((place) => place === undefined || /^(?:header|sig):/.test(place))
  )
}

const refused = (
  code: 'signature_missing' | 'signature_invalid' | 'store_unavailable',
  reason: string,
): SignatureOutcome => ({ verified: false, code, reason })
