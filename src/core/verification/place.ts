import { type Field, formFields, queryFields, sortedParameters } from './form.ts'
import { JsonText, type NoValue } from './json.ts'
import type { VerificationRequest } from './request.ts'

const SOURCES = ['header', 'json', 'form', 'query', 'cfg', 'jwt', 'sig'] as const
type Source = (typeof SOURCES)[number]

/** Where a value is, taken apart: `json:a.0.b`. */
export interface Place {
  readonly source: Source
  readonly name: string
  readonly path: readonly string[]
}

/** @returns `null` when the text names no place */
export function parsePlace(ref: string): Place | null {
  const colon = ref.indexOf(':')
  const source = SOURCES.find((known) => known === ref.slice(0, colon))
  const name = ref.slice(colon + 1)
  if (source === undefined || name === '') return null
  const path = name.split('.')
  if (source === 'json' && path.includes('')) return null
  if (source === 'header' && !/^[a-z0-9_-]+\*?$/.test(name)) return null
  return { source, name: source === 'header' ? name : utf8AsLatin1(name, source), path }
}

/** Fields of forms are read byte by byte, so their names are compared so, too. */
const utf8AsLatin1 = (name: string, source: Source): string =>
  source === 'form' || source === 'query' ? Buffer.from(name).toString('latin1') : name

/** A text with what it was before it became one: `latin1` has one character a byte. */
export interface Value {
  readonly text: string
  readonly encoding: 'latin1' | 'utf8'
}

export type Reading = Value | NoValue

export const bytesOf = ({ text, encoding }: Value): Uint8Array => Buffer.from(text, encoding)

/** For people and databases: what was read byte by byte becomes characters. */
export const readableText = ({ text, encoding }: Value): string =>
  encoding === 'utf8' ? text : Buffer.from(text, 'latin1').toString('utf8')

/** A request under examination: whatever has to be decoded is so at most once, and only when a scheme asks for it. */
export class RequestView {
  readonly request: VerificationRequest
  readonly config: Readonly<Record<string, unknown>>
  readonly #bodyJson: Place | null
  #json: JsonText | null | undefined
  #fields: readonly Field[] | null | undefined
  #query: readonly Field[] | undefined
  #parameters: Uint8Array | undefined

  constructor(
    request: VerificationRequest,
    config: Readonly<Record<string, unknown>>,
    bodyJson: Place | null = null,
  ) {
    this.request = request
    this.config = config
    this.#bodyJson = bodyJson
  }

  /** The JSON of the request; `null` when it has none. */
  get json(): JsonText | null {
    if (this.#json === undefined) this.#json = this.#parseJson()
    return this.#json
  }

  /** The fields of a form; `null` when the body is none. */
  get fields(): readonly Field[] | null {
    if (this.#fields === undefined) {
      this.#fields = formFields(this.request.header('content-type'), this.request.body)
    }
    return this.#fields
  }

  /** The fields of a form as Twilio and Mandrill sign them. */
  get parameters(): Uint8Array {
    this.#parameters ??= sortedParameters(this.fields ?? [])
    return this.#parameters
  }

  get isForm(): boolean {
    return this.request.header('content-type') !== null && this.fields !== null
  }

  get query(): readonly Field[] {
    this.#query ??= queryFields(this.request.url)
    return this.#query
  }

  /** @param root - what `json:` places are relative to, when it is not the body as a whole */
  read({ source, name, path }: Place, root: JsonText | null = null): Reading {
    switch (source) {
      case 'header':
        return this.#header(name)
      case 'json':
        return scalarAt(root ?? this.json, path)
      case 'form':
        return only(this.fields ?? [], name)
      case 'query':
        return only(this.query, name)
      case 'cfg':
        return configured(this.config, name)
      case 'jwt':
      case 'sig':
        return 'absent'
    }
  }

  #header(name: string): Reading {
    const text = this.request.header(name)
    return text === null ? 'absent' : { text, encoding: isLatin1(text) ? 'latin1' : 'utf8' }
  }

  #parseJson(): JsonText | null {
    if (this.#bodyJson === null) return JsonText.parse(this.request.body)
    const field = this.read(this.#bodyJson)
    return typeof field === 'string' ? null : JsonText.parse(bytesOf(field))
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is that of bytes.
const isLatin1 = (text: string): boolean => /^[\x00-\xff]*$/.test(text)

function scalarAt(root: JsonText | null, path: readonly string[]): Reading {
  const found = root?.at(path) ?? 'absent'
  if (typeof found === 'string') return found
  const text = found.scalar()
  if (text !== null) return { text, encoding: 'utf8' }
  // An object, or a text that no bytes stand for, is not nothing: each reader would make something else of it.
  return found.isNull() ? 'absent' : 'ambiguous'
}

/** A field that is there twice is whatever the next reader takes it for. */
function only(fields: readonly Field[], name: string): Reading {
  const [first, second] = fields.filter(([given]) => given === name)
  if (second !== undefined) return 'ambiguous'
  return first === undefined ? 'absent' : { text: first[1], encoding: 'latin1' }
}

function configured(config: Readonly<Record<string, unknown>>, name: string): Reading {
  const value = Object.hasOwn(config, name) ? config[name] : undefined
  return typeof value === 'string' ? { text: value, encoding: 'utf8' } : 'absent'
}
