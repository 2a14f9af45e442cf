import { createHash } from 'node:crypto'
import { DEDUPLICATION_FIELD_LENGTH_MAX } from './limits.ts'
import type { FieldProblem } from './rejection.ts'
import type { SignatureSettings } from './signature-check.ts'
import {
  type CompiledScheme,
  compileScheme,
  duplicateId,
  type Place,
  parsePlace,
  textsAt,
  type VerificationRequest,
} from './verification/index.ts'

/** What a trigger is set to, whether or not its scheme allows it. */
export interface DeduplicationSettings {
  readonly isEnabled: boolean
  /** Where the id is, all of them together, e.g. `header:x-id`, `json:data.id`; empty: where the scheme says. */
  readonly fields: readonly string[]
  readonly windowSeconds: number
}

/** What is claimed for an attempt, in the transaction that stores its event. */
export interface Delivery {
  /** SHA-256 of where the id was and what it said; hexadecimal. */
  readonly digest: string
  /** SHA-256 of the body; hexadecimal. */
  readonly bodyDigest: string
  readonly windowSeconds: number
  /** The id may not come again with another body: that is no event, but somebody who has read the first one. */
  readonly isSingleUse: boolean
}

/**
 * Senders whose signature covers their id, which is to be used once, and not the body: under an id that was overheard anybody could send
 * anything for as long as its timestamp is believed.
 */
const SINGLE_USE: ReadonlySet<string> = new Set(['mailgun'])

/** Recognises what a trigger's sender delivers again. It is only to be asked about requests that have been verified. */
export class Deduplication {
  readonly #scheme: string
  readonly #compiled: CompiledScheme
  readonly #fields: readonly string[]
  readonly #places: readonly Place[]
  readonly #windowSeconds: number
  readonly #isSingleUse: boolean

  constructor({ fields, windowSeconds }: DeduplicationSettings, signature: SignatureSettings) {
    this.#scheme = signature.scheme
    this.#compiled = signature.compiled ?? GENERIC
    this.#isSingleUse = SINGLE_USE.has(signature.scheme)
    this.#fields = this.#isSingleUse ? [] : fields
    this.#places = this.#fields.flatMap((field) => parsePlace(field) ?? [])
    // A request is believed for so long after it and before it: whoever repeats it within that time has to find it.
    const toleranceSeconds = signature.toleranceSeconds ?? this.#compiled.scheme.ts?.tolerance ?? 0
    this.#windowSeconds = Math.max(windowSeconds, 2 * toleranceSeconds)
  }

  /** `null`: the request has no id, or only a part of it. It is new then, and nothing is claimed. */
  deliveryOf(request: VerificationRequest): Delivery | null {
    const id = this.#idOf(request)
    if (id === null) return null
    return {
      // With where it was: after a change of settings the same text is another id.
      digest: sha256(JSON.stringify([this.#scheme, this.#fields, id])),
      bodyDigest: sha256(request.body),
      windowSeconds: this.#windowSeconds,
      isSingleUse: this.#isSingleUse,
    }
  }

  #idOf(request: VerificationRequest): readonly string[] | null {
    if (this.#fields.length > 0) {
      // A field that is no place has got past the database's checks.
      const isWhole = this.#places.length === this.#fields.length
      return isWhole ? textsAt(this.#compiled, request, this.#places) : null
    }
    const id = duplicateId(this.#compiled, request)
    return id === null ? null : [id]
  }
}

/**
 * `null`: nothing is recognised. So it is without a signature check, whatever the settings are: a stranger could otherwise suppress an event
 * by naming it first.
 */
export function deduplicationOf(
  settings: DeduplicationSettings,
  signature: SignatureSettings | null,
): Deduplication | null {
  if (signature === null || !provesSender(signature.compiled)) return null
  if (!settings.isEnabled && !SINGLE_USE.has(signature.scheme)) return null
  return new Deduplication(settings, signature)
}

/** Whether a scheme asks for any proof; `null` is the generic one. */
export const provesSender = (compiled: CompiledScheme | null): boolean => compiled?.scheme.scheme !== 'none'

/** Why the ids of a scheme cannot be told from these fields; of each field that cannot hold any, `on[0]` and so on. */
export function deduplicationProblems(
  fields: readonly string[],
  scheme: string,
  compiled: CompiledScheme,
): readonly FieldProblem[] {
  if (!provesSender(compiled)) return [{ field: 'on', message: NEEDS_CHECK }]
  if (fields.length > 0 && SINGLE_USE.has(scheme)) {
    return [{ field: 'on', message: `must be left out: what ${scheme} signs is good for one use` }]
  }
  if (fields.length === 0 && compiled.duplicateId === null) {
    const message = 'is missing: the scheme of the trigger has no id of its own'
    return [{ field: 'on', message }]
  }
  return []
}

export const NEEDS_CHECK =
  'needs a signature check: anybody could otherwise suppress an event by naming it first'

/** Whether a text is a place of a header or of JSON that an id may be read from. */
export function isDeduplicationField(field: string): boolean {
  const place = field.length > DEDUPLICATION_FIELD_LENGTH_MAX ? null : parsePlace(field)
  if (place === null || place.name.endsWith('*')) return false
  // PostgreSQL takes neither.
  if (field.includes('\0') || !field.isWellFormed()) return false
  return place.source === 'header' || place.source === 'json'
}

const GENERIC = compileScheme({ scheme: 'generic' })

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')
