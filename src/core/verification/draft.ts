import type { HeaderPair } from '../event.ts'
import { parsePlace } from './place.ts'
import type { VerificationRequest } from './request.ts'

/** A request that is not sent yet. */
export interface ComposedRequest {
  readonly method: string
  /** Absolute, with its query. */
  readonly url: string
  /** Values have one character a byte (latin1). */
  readonly headers: readonly HeaderPair[]
  readonly body: Uint8Array
}

/** Said to the administrator: why a request cannot carry a proof. */
export class Unsignable extends Error {}

/** A request while it is being signed: values are put where a scheme looks for them. */
export class Draft {
  method: string
  url: string
  body: Uint8Array
  #headers: HeaderPair[]

  constructor({ method, url, headers, body }: ComposedRequest) {
    this.method = method
    this.url = url
    this.body = body
    this.#headers = [...headers]
  }

  get composed(): ComposedRequest {
    return { method: this.method, url: this.url, headers: [...this.#headers], body: this.body }
  }

  /** As the receiver will see it. */
  get request(): VerificationRequest {
    const names = new Set(this.#headers.map(([name]) => name.toLowerCase()))
    return {
      method: this.method,
      url: this.url,
      header: (name) => this.#header(name),
      headerNames: () => names,
      body: this.body,
    }
  }

  setHeader(name: string, value: string): void {
    this.#headers = this.#headers.filter(([given]) => given.toLowerCase() !== name)
    this.#headers.push([name, value])
  }

  /** Puts a value into the query, in place of one of that name. */
  setQuery(name: string, value: string): void {
    const [whole = '', ...rest] = this.url.split('?')
    const kept = rest
      .join('?')
      .split('&')
      .filter((field) => field !== '' && field.split('=', 1)[0] !== encodeURIComponent(name))
    this.url = `${whole}?${[...kept, `${encodeURIComponent(name)}=${encodeURIComponent(value)}`].join('&')}`
  }

  /** @throws Unsignable when the body is no form of URL-encoded fields */
  setFormField(name: string, value: string): void {
    const type = this.#header('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
    if (type === 'multipart/form-data') {
      this.#setMultipartField(name, value)
      return
    }
    if (type !== 'application/x-www-form-urlencoded') throw new Unsignable(NO_FORM)
    const fields = new URLSearchParams(Buffer.from(this.body).toString())
    fields.set(name, value)
    this.body = Buffer.from(fields.toString())
  }

  /**
   * Puts a value at a path of a JSON value; an object that is not there is made.
   *
   * @param at - the path that `path` is relative to
   * @throws Unsignable when the body is no JSON, or something else is in the way
   */
  setJson(at: readonly string[], path: readonly string[], value: string | number): void {
    this.body = Buffer.from(withJson(Buffer.from(this.body).toString(), [...at, ...path], value))
  }

  #header(name: string): string | null {
    const values = this.#headers.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value)
    return values.length === 0 ? null : values.join(', ')
  }

  /** The field is there once, since the scheme could not read it otherwise. */
  #setMultipartField(name: string, value: string): void {
    const text = Buffer.from(this.body).toString('latin1')
    const head = new RegExp(`name="${RegExp.escape(name)}"[^\\n]*\\r\\n(?:[^\\r\\n]+\\r\\n)*\\r\\n`)
    const found = head.exec(text)
    const from = found === null ? -1 : found.index + found[0].length
    const to = text.indexOf('\r\n--', from)
    if (from === -1 || to === -1) throw new Unsignable(NO_FORM)
    const written = Buffer.from(value).toString('latin1')
    this.body = Buffer.from(text.slice(0, from) + written + text.slice(to), 'latin1')
  }
}

const NO_FORM = 'The scheme has its proof in a form, and the body is none.'
const NO_JSON = 'The scheme has its proof in the JSON of the body, and the body has no room for it.'

/** JSON with a value at a path of it. @throws Unsignable */
export function withJson(text: string, path: readonly string[], value: string | number): string {
  let root: unknown
  try {
    root = JSON.parse(text)
  } catch {
    throw new Unsignable(NO_JSON)
  }
  const last = path.at(-1)
  let holder = root
  for (const step of path.slice(0, -1)) {
    const members = membersOf(holder)
    if (!Object.hasOwn(members, step)) define(members, step, {})
    holder = members[step]
  }
  if (last === undefined) throw new Unsignable(NO_JSON)
  const members = membersOf(holder)
  define(
    members,
    last,
    typeof members[last] === 'number' && /^\d+$/.test(String(value)) ? Number(value) : value,
  )
  return JSON.stringify(root)
}

/** A name such as `__proto__` is a name like any other. */
const define = (members: Record<string, unknown>, name: string, value: unknown): void => {
  Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true })
}

function membersOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Unsignable(NO_JSON)
  return value as Record<string, unknown>
}

/** What a place is put into; places are those of a scheme, which has been checked. */
export const placeOf = (ref: string) => {
  const place = parsePlace(ref)
  if (place === null) throw new Unsignable('The scheme names a place that is none.')
  return place
}
