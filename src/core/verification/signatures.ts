import { SIGNATURE_HEADERS_MAX, SIGNATURE_LENGTH_MAX, SIGNATURES_MAX } from '../limits.ts'
import { decodeStrictly } from './decode.ts'
import type { JsonText } from './json.ts'
import { type Place, parsePlace, type RequestView } from './place.ts'
import type { SigRecord } from './scheme.ts'
import { compileText, renderString, type Text, type TextContext } from './text.ts'
import { refusal, type Unverified } from './verdict.ts'

/** Where a scheme's signatures are, taken apart. */
export interface CompiledSig {
  readonly record: SigRecord
  readonly places: readonly Place[]
  readonly take: Text | null
}

export const compileSig = (record: SigRecord): CompiledSig => ({
  record,
  places: record.from.flatMap((ref) => parsePlace(ref) ?? []),
  take: record.take === undefined ? null : compileText(record.take),
})

/** What a request has in place of signatures: nothing, or bytes that may be some, and the items beside them. */
export interface Signatures {
  readonly candidates: readonly Uint8Array[]
  readonly items: readonly Item[]
}
type Item = readonly [name: string, value: string]

/** Whether a request says anything where the signatures of a scheme are, even if it is empty. */
export const isPresent = (sig: CompiledSig, view: RequestView): boolean =>
  sig.places.some((place) => textsAt(place, view, null).length > 0)

/** @param context - what `take` may refer to */
export function readSignatures(sig: CompiledSig, context: TextContext): Signatures | Unverified {
  const place = sig.places.find((each) => textsAt(each, context.view, context.root).length > 0)
  const texts = place === undefined ? [] : textsAt(place, context.view, context.root)
  if (place === undefined || texts.every((text) => text === '')) return missing(sig)
  if (texts.includes(null)) {
    return refusal('signature_malformed', `There is more than one ${nameOf(sig)}, or one that is no text.`)
  }
  const whole = texts.filter((text) => text !== null && text !== '' && text.length <= SIGNATURE_LENGTH_MAX)
  return whole.length === 0 ? malformed(sig) : split(sig, whole as string[], context)
}

/** The texts at a place; `null` among them when one is ambiguous. */
function textsAt(place: Place, view: RequestView, root: JsonText | null): readonly (string | null)[] {
  if (place.source === 'header' && place.name.endsWith('*')) return wildcard(place.name.slice(0, -1), view)
  const reading = view.read(place, root)
  if (reading === 'absent') return []
  return reading === 'ambiguous' ? [null] : [reading.text]
}

function wildcard(beginning: string, { request }: RequestView): readonly string[] {
  const texts: string[] = []
  for (const name of request.headerNames()) {
    if (texts.length >= SIGNATURE_HEADERS_MAX) break
    if (!name.startsWith(beginning) || name.length === beginning.length) continue
    const text = request.header(name)
    if (text !== null) texts.push(text)
  }
  return texts
}

function split(sig: CompiledSig, texts: readonly string[], context: TextContext): Signatures | Unverified {
  const { list, kv, trim = false, prefix = '', enc } = sig.record
  const pieces = list === undefined ? texts : texts.flatMap((text) => text.split(list))
  const trimmed = trim ? pieces.map((piece) => piece.trim()) : pieces
  const items: readonly Item[] = kv === undefined ? [] : trimmed.flatMap((piece) => itemOf(piece, kv))
  const name = sig.take === null ? null : renderString(sig.take, context)
  const signatures = kv === undefined ? trimmed : items.flatMap(([key, value]) => (key === name ? value : []))
  if (signatures.length === 0) {
    return refusal('signature_missing', `The ${nameOf(sig)} has no item of the kind that the scheme takes.`)
  }
  const cap = list === undefined ? SIGNATURE_HEADERS_MAX : SIGNATURES_MAX
  const candidates = signatures.slice(0, cap).flatMap((text) => {
    if (!text.startsWith(prefix)) return []
    return decodeStrictly(text.slice(prefix.length), enc) ?? []
  })
  return candidates.length > 0 ? { candidates, items } : malformed(sig)
}

function itemOf(piece: string, separator: string): readonly Item[] {
  const at = piece.indexOf(separator)
  return at === -1 ? [] : [[piece.slice(0, at), piece.slice(at + separator.length)]]
}

/** A place in words, for administrators; it is the scheme's own and never the sender's. */
const nameOf = ({ record }: CompiledSig): string => {
  const [first = ''] = record.from
  const [source, name] = [first.slice(0, first.indexOf(':')), first.slice(first.indexOf(':') + 1)]
  return source === 'header' ? `header ${name}` : `${source} field ${name}`
}

const missing = (sig: CompiledSig): Unverified =>
  refusal('signature_missing', `The request has no signature in its ${nameOf(sig)}.`)

function malformed(sig: CompiledSig): Unverified {
  const { prefix, enc } = sig.record
  const form = prefix === undefined ? enc : `${prefix} followed by ${enc}`
  return refusal('signature_malformed', `The signature in the ${nameOf(sig)} is not written as ${form}.`)
}
