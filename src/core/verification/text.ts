import { createHash } from 'node:crypto'
import { CANONICALS, type CanonicalName, isCanonicalName } from './canonical.ts'
import type { JsonText } from './json.ts'
import { bytesOf, type Place, parsePlace, type RequestView } from './place.ts'
import type { Scheme } from './scheme.ts'
import { hubspotUrl, withoutQuery } from './url.ts'

/** One piece of a text that is signed. */
type Part =
  | { readonly kind: 'literal'; readonly bytes: Uint8Array }
  | { readonly kind: 'body' | 'ts' | 'id' | 'method' | 'params' | 'crc32' | 'secret' }
  | { readonly kind: 'url'; readonly form: 'plain' | 'hubspot' | 'path' }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'sha256'; readonly encoding: 'hex' | 'base64' | 'base64url' }
  | { readonly kind: 'code'; readonly name: CanonicalName }

export type Text = readonly Part[]

const SIMPLE = ['body', 'ts', 'id', 'method', 'params', 'crc32', 'secret'] as const
const PLACEHOLDER = /\{([^{}]*)\}/g

/** Texts of presets are known to be right, and those of operators have been checked by `textProblems`: what is unknown here stands for itself. */
export function compileText(text: string): Text {
  const parts: Part[] = []
  let at = 0
  for (const match of text.matchAll(PLACEHOLDER)) {
    const part = parsePlaceholder(match[1] ?? '')
    if (part === null) continue
    if (match.index > at) parts.push(literal(text.slice(at, match.index)))
    parts.push(part)
    at = match.index + match[0].length
  }
  if (at < text.length) parts.push(literal(text.slice(at)))
  return parts
}

const literal = (text: string): Part => ({ kind: 'literal', bytes: Buffer.from(text) })

export function parsePlaceholder(name: string): Part | null {
  const simple = SIMPLE.find((known) => known === name)
  if (simple !== undefined) return { kind: simple }
  const [word, argument = ''] = name.split(':', 2)
  if (word === 'url') {
    if (name === 'url') return { kind: 'url', form: 'plain' }
    return argument === 'hubspot' || argument === 'path' ? { kind: 'url', form: argument } : null
  }
  if (word === 'sha256') {
    const isKnown = argument === 'hex' || argument === 'base64' || argument === 'base64url'
    return isKnown ? { kind: 'sha256', encoding: argument } : null
  }
  if (word === 'code') return isCanonicalName(argument) ? { kind: 'code', name: argument } : null
  const place = parsePlace(name)
  return place === null || place.source === 'sig' || place.source === 'jwt' ? null : { kind: 'place', place }
}

/** The placeholders of a text that an operator wrote, as they stand in it. */
export const placeholdersOf = (text: string): string[] =>
  Array.from(text.matchAll(PLACEHOLDER), ([, name]) => name ?? '')

/** All that a text may refer to, of one request and one element of it. */
export interface TextContext {
  readonly view: RequestView
  /** What `json:` places are relative to. */
  readonly root: JsonText | null
  readonly url: string
  readonly timestamp: string
  readonly id: string
  /** Only for the kind `hash`. */
  readonly secret?: Uint8Array
  /** The form has been replaced by a digest in the URL. */
  readonly isBodyHashed: boolean
}

/** The bytes of a text, in pieces so that no body is copied. `null` when something in the request is ambiguous. */
export function renderText(text: Text, context: TextContext): readonly Uint8Array[] | null {
  const pieces: Uint8Array[] = []
  for (const part of text) {
    const rendered = renderPart(part, context)
    if (rendered === null) return null
    for (const piece of rendered) pieces.push(piece)
  }
  return pieces
}

function renderPart(part: Part, context: TextContext): readonly Uint8Array[] | null {
  const { view } = context
  switch (part.kind) {
    case 'literal':
      return [part.bytes]
    case 'body':
      return [view.request.body]
    case 'ts':
      return [Buffer.from(context.timestamp)]
    case 'id':
      return [Buffer.from(context.id, 'latin1')]
    case 'method':
      return [Buffer.from(view.request.method.toUpperCase())]
    case 'url':
      return [Buffer.from(urlIn(part.form, context.url))]
    case 'params':
      return context.isBodyHashed ? [] : [view.parameters]
    case 'crc32':
      return [Buffer.from(String(Bun.hash.crc32(view.request.body) >>> 0))]
    case 'secret':
      return context.secret === undefined ? null : [context.secret]
    case 'sha256':
      return [Buffer.from(createHash('sha256').update(view.request.body).digest(part.encoding))]
    case 'code':
      return CANONICALS[part.name](view)
    case 'place': {
      const reading = view.read(part.place, context.root)
      if (reading === 'ambiguous') return null
      // A form without the field that is signed would be covered by nothing; what senders leave out of JSON stands for an empty text.
      const isForm = part.place.source === 'form'
      if (reading === 'absent' || reading.text === '') return isForm ? null : []
      return [bytesOf(reading)]
    }
  }
}

function urlIn(form: 'plain' | 'hubspot' | 'path', url: string): string {
  if (form === 'hubspot') return hubspotUrl(url)
  return form === 'path' ? withoutQuery(url) : url
}

/** A short text that is compared and not signed, such as a claim. `null` when it is ambiguous or empty. */
export function renderString(text: Text, context: TextContext): string | null {
  const pieces = renderText(text, context)
  if (pieces === null) return null
  const rendered = Buffer.concat(pieces).toString()
  return rendered === '' ? null : rendered
}

/** The fields of a form are signed, and nothing else of a body: one that is no form is not covered. */
export const coversOnlyForms = (scheme: Scheme): boolean =>
  /\{(?:params|code:plivo)\}/.test(scheme.signed ?? '')

/** What the operator has to configure for a text to mean anything. */
export const configurationIn = (text: Text): string[] =>
  text.flatMap((part) => (part.kind === 'place' && part.place.source === 'cfg' ? [part.place.name] : []))
