import { visitLeaves } from './json-leaves.ts'
import {
  PAYLOAD_SEARCH_BYTES_MAX,
  PAYLOAD_SEARCH_DEPTH_MAX,
  PAYLOAD_SEARCH_NUMBER_LENGTH_MAX,
  PAYLOAD_SEARCH_PATH_LENGTH_MAX,
  PAYLOAD_SEARCH_TERMS_MAX,
  PAYLOAD_SEARCH_VALUE_LENGTH_MAX,
} from './limits.ts'

/** The keys on the way to a value; `null` is an array, whichever of its elements. */
export type PayloadPath = readonly (string | null)[]

/** What is looked for in payloads: a value in its text form, at a path. */
export interface PayloadQuery {
  readonly path: PayloadPath
  readonly value: string
}

/** What there is to know of an event to say by what it is found. */
export interface SearchedEvent {
  readonly triggerRef: string
  readonly sourceIp: string | null
  readonly contentType: string | null
  /** `null`: it is longer than `PAYLOAD_SEARCH_BYTES_MAX`. */
  readonly body: Uint8Array | null
}

/**
 * Reads a path such as `repository.full_name`, `items[].id` or `"a.b"."c"`: keys between dots, quoted as in JSON where they hold
 * a dot, a bracket, a quote or nothing; `[]` for the elements of an array.
 *
 * @returns what is wrong with it, for whoever wrote it
 */
export function parsePayloadPath(text: string): PayloadPath | { readonly problem: string } {
  if (text.length > PAYLOAD_SEARCH_PATH_LENGTH_MAX) {
    return { problem: `must be at most ${PAYLOAD_SEARCH_PATH_LENGTH_MAX} characters long` }
  }
  const segments: (string | null)[] = []
  for (let at = 0; at < text.length || segments.length === 0; ) {
    const match = SEGMENT.exec(text.slice(at))
    if (match === null) return { problem: problemAt(text, at) }
    const [all, list, dot, quoted, bare] = match
    const isFirst = at === 0
    // A dot stands between two segments, and not before the brackets of an array.
    if (list !== undefined) segments.push(null)
    else if (isFirst !== (dot === '')) return { problem: problemAt(text, at) }
    else {
      const key = quoted === undefined ? bare : keyIn(quoted)
      if (key === undefined || key === null) return { problem: problemAt(text, at) }
      segments.push(key)
    }
    at += all.length
  }
  return segments.length > PAYLOAD_SEARCH_DEPTH_MAX
    ? { problem: `must have at most ${PAYLOAD_SEARCH_DEPTH_MAX} keys and arrays` }
    : segments
}

const SEGMENT = /^(?:(\[\])|(\.?)(?:("(?:[^"\\]|\\.)*")|([^.[\]"]+)))/s

function keyIn(quoted: string): string | null {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return null
  }
}

function problemAt(text: string, at: number): string {
  if (/^\[\d+\]/.test(text.slice(at))) {
    return 'must name arrays without a position, e.g. items[].id: any of the elements is looked at'
  }
  return 'must be keys with a dot between them, e.g. repository.full_name or items[].id; quote a key that holds a dot: "a.b".c'
}

const HASH_START = 0x811c9dc5
const HASH_PRIME = 0x01000193

/** Marks beyond the code units of texts, so that no text can be taken for one. */
const KEY = 0x10001
const LIST = 0x10002
const VALUE = 0x10003
const INCOMPLETE = 0x10004
const TRIGGER = 0x10005
const ADDRESS = 0x10006

const mixed = (hash: number, unit: number): number => Math.imul(hash ^ unit, HASH_PRIME)

/** FNV-1a over UTF-16 code units. */
function mixedText(hash: number, text: string): number {
  let result = hash
  for (let at = 0; at < text.length; at += 1) result = mixed(result, text.charCodeAt(at))
  return result
}

/** The last step of MurmurHash3: each bit of the hash changes half of the result, which FNV does not. */
function finished(hash: number): number {
  let result = hash
  result = Math.imul(result ^ (result >>> 16), 0x85ebca6b)
  result = Math.imul(result ^ (result >>> 13), 0xc2b2ae35)
  return (result ^ (result >>> 16)) | 0
}

const hashEntered = (hash: number, key: string | null): number =>
  key === null ? mixed(hash, LIST) : mixedText(mixed(hash, KEY), key)

const termOf = (pathHash: number, value: string): number => finished(mixedText(mixed(pathHash, VALUE), value))

/** In the place of the terms that an event has beyond the limit: it has to be looked at, whatever is looked for. */
export const INCOMPLETE_TERM = finished(mixed(HASH_START, INCOMPLETE))

export const triggerTerm = (ref: string): number => finished(mixedText(mixed(HASH_START, TRIGGER), ref))

export const addressTerm = (address: string): number =>
  finished(mixedText(mixed(HASH_START, ADDRESS), address))

/** The terms of which an event that has the value has at least one. An event without any of them does not have it. */
export function queryTerms({ path, value }: PayloadQuery): number[] {
  const pathHash = path.reduce<number>(hashEntered, HASH_START)
  const number = canonicalNumber(value)
  const texts = number === null || number === value ? [value] : [value, number]
  return [INCOMPLETE_TERM, ...texts.map((text) => termOf(pathHash, text))]
}

/** By what an event is found. Numbers of 32 bits with a sign. */
export function eventTerms({ triggerRef, sourceIp, contentType, body }: SearchedEvent): number[] {
  const terms = new Set([triggerTerm(triggerRef)])
  if (sourceIp !== null) terms.add(addressTerm(sourceIp))
  if (body !== null) addPayloadTerms(terms, body, contentType)
  return [...terms]
}

function addPayloadTerms(terms: Set<number>, body: Uint8Array, contentType: string | null): void {
  const pathHashes: number[] = []
  let pathHash = HASH_START
  visitPayload(body, contentType, {
    enter(key) {
      pathHashes.push(pathHash)
      pathHash = hashEntered(pathHash, key)
    },
    leave() {
      pathHash = pathHashes.pop() ?? HASH_START
    },
    leaf(text, isString) {
      const value = isString ? text : wordOrNumber(text)
      if (value === null || value.length > PAYLOAD_SEARCH_VALUE_LENGTH_MAX) return true
      terms.add(termOf(pathHash, value))
      if (terms.size < PAYLOAD_SEARCH_TERMS_MAX) return true
      terms.add(INCOMPLETE_TERM)
      return false
    },
  })
}

/** Whether a payload has the value at the path: what the terms cannot say for sure. */
export function hasValue(
  { path, value }: PayloadQuery,
  body: Uint8Array,
  contentType: string | null,
): boolean {
  const number = canonicalNumber(value)
  let depth = 0
  /** How many of the first segments are those of the path. */
  let agreed = 0
  let found = false
  visitPayload(body, contentType, {
    enter(key) {
      if (agreed === depth && depth < path.length && path[depth] === key) agreed += 1
      depth += 1
    },
    leave() {
      depth -= 1
      agreed = Math.min(agreed, depth)
    },
    leaf(text, isString) {
      if (depth !== path.length || agreed !== depth) return true
      found = text === value || (!isString && number !== null && wordOrNumber(text) === number)
      return !found
    },
  })
  return found
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** The leaves of a body that is JSON, whatever it calls itself, or the fields of one that calls itself a form; none of another. */
function visitPayload(
  body: Uint8Array,
  contentType: string | null,
  visitor: Parameters<typeof visitLeaves>[2],
): void {
  if (body.byteLength > PAYLOAD_SEARCH_BYTES_MAX) return
  const text = textOf(body)
  if (text === null) return
  if (isJson(text)) visitLeaves(text, PAYLOAD_SEARCH_DEPTH_MAX, visitor)
  else if (contentType !== null && FORM.test(contentType)) visitFields(text, visitor)
}

const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i

function visitFields(text: string, visitor: Parameters<typeof visitLeaves>[2]): void {
  for (const [name, value] of new URLSearchParams(text)) {
    visitor.enter(name)
    const goesOn = visitor.leaf(value, true)
    visitor.leave()
    if (!goesOn) return
  }
}

function textOf(body: Uint8Array): string | null {
  try {
    return UTF_8.decode(body)
  } catch {
    return null
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const wordOrNumber = (text: string): string | null =>
  text === 'true' || text === 'false' || text === 'null' ? text : canonicalNumber(text)

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,15}))?$/
const PLAIN_DIGITS_MAX = 21

/**
 * One text for all that are the same number in JSON, to its last digit: `1`, `1.0` and `10e-1` are `1`.
 *
 * @returns `null` for what is none, or is too long
 */
export function canonicalNumber(text: string): string | null {
  if (text.length > PAYLOAD_SEARCH_NUMBER_LENGTH_MAX) return null
  const match = NUMBER.exec(text)
  if (match === null) return null
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = withoutLastZeros(digits)
  if (significant === '') return '0'
  // What the last digit that is not zero counts: so many tens.
  const scale = Number(exponent) - fraction.length + (digits.length - significant.length)
  const isPlain = scale >= 0 && significant.length + scale <= PLAIN_DIGITS_MAX
  return sign + (isPlain ? significant + '0'.repeat(scale) : `${significant}e${scale}`)
}

function withoutLastZeros(digits: string): string {
  let end = digits.length
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1
  return digits.slice(0, end)
}
