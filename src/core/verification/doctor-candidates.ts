import { DOCTOR_JSON_BYTES_MAX, DOCTOR_JSON_DEPTH_MAX } from '../limits.ts'
import { formFields } from './form.ts'
import type { VerificationRequest } from './request.ts'
import type { KeyRecord, Scheme } from './scheme.ts'
import { urlParts } from './url.ts'

/** What may have been signed in place of the body that was received. */
export interface BodyCandidate {
  readonly cause:
    | 'body_whitespace'
    | 'body_line_ends'
    | 'body_form_field'
    | 'body_decoded'
    | 'body_reserialised'
  readonly how: string
  readonly body: Uint8Array
}

/** Ways in which a body changes between its sender and us, the likely ones first. Made one by one, as they are asked for. */
export function* bodyCandidates(request: VerificationRequest): Generator<BodyCandidate> {
  const { body } = request
  yield* whitespace(body)
  yield* lineEnds(body)
  yield* formField(request)
  yield* decoded(body)
  yield* reserialised(body)
}

function* whitespace(body: Uint8Array): Generator<BodyCandidate> {
  const cause = 'body_whitespace'
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  let end = body.byteLength
  while (end > 0 && isSpace(body[end - 1])) end -= 1
  let start = 0
  while (start < end && isSpace(body[start])) start += 1
  if (end < body.byteLength) {
    yield { cause, how: 'without white space at its end', body: body.subarray(0, end) }
    yield { cause, how: 'with one line end less', body: body.subarray(0, body.byteLength - 1) }
    yield { cause, how: 'with one line end, LF', body: Buffer.concat([body.subarray(0, end), LF]) }
  }
  if (start > 0) yield { cause, how: 'without white space around it', body: body.subarray(start, end) }
  yield { cause, how: 'with a line end, LF, behind it', body: Buffer.concat([text, LF]) }
  yield { cause, how: 'with a line end, CR LF, behind it', body: Buffer.concat([text, CR_LF]) }
  const hasMark = text.subarray(0, 3).equals(MARK)
  yield hasMark
    ? { cause, how: 'without the byte order mark', body: body.subarray(3) }
    : { cause, how: 'with a byte order mark', body: Buffer.concat([MARK, text]) }
}

const LF = Buffer.from('\n')
const CR_LF = Buffer.from('\r\n')
const MARK = Buffer.from([0xef, 0xbb, 0xbf])
const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

function* lineEnds(body: Uint8Array): Generator<BodyCandidate> {
  const cause = 'body_line_ends'
  if (!body.includes(0x0a) && !body.includes(0x0d)) return
  const text = Buffer.from(body).toString('latin1')
  const unix = text.replaceAll('\r\n', '\n').replaceAll('\r', '\n')
  const windows = unix.replaceAll('\n', '\r\n')
  const written = (how: string, given: string): BodyCandidate => ({
    cause,
    how,
    body: Buffer.from(given, 'latin1'),
  })
  if (unix !== text) yield written('with LF as line end', unix)
  if (windows !== text) yield written('with CR LF as line end', windows)
  if (unix !== text) yield written('with LF as line end and none behind it', unix.trimEnd())
  if (windows !== text) yield written('with CR LF as line end and none behind it', windows.trimEnd())
}

/** Fields of a form that are tried as what was signed. */
const FIELDS_TRIED_MAX = 8

function* formField(request: VerificationRequest): Generator<BodyCandidate> {
  const fields = formFields(request.header('content-type') ?? FORM_TYPE, request.body) ?? []
  for (const [, value] of fields.slice(0, FIELDS_TRIED_MAX)) {
    if (value === '') continue
    yield {
      cause: 'body_form_field',
      how: 'as one decoded field of the form',
      body: Buffer.from(value, 'latin1'),
    }
  }
}

const FORM_TYPE = 'application/x-www-form-urlencoded'
const LENIENT_UTF_8 = new TextDecoder('utf-8', { ignoreBOM: true })
const STRICT_UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function* decoded(body: Uint8Array): Generator<BodyCandidate> {
  const cause = 'body_decoded'
  const bytes = Buffer.from(body)
  const lossy = Buffer.from(LENIENT_UTF_8.decode(body))
  if (!lossy.equals(bytes)) {
    yield { cause, how: 'decoded as UTF-8, with replacement characters for what is none', body: lossy }
    yield {
      cause,
      how: 'taken for Latin-1 and written as UTF-8',
      body: Buffer.from(bytes.toString('latin1')),
    }
    return
  }
  if (bytes.every((byte) => byte < 0x80)) return
  yield { cause, how: 'taken for Latin-1 and written as UTF-8', body: Buffer.from(bytes.toString('latin1')) }
  const narrow = Buffer.from(LENIENT_UTF_8.decode(body), 'latin1')
  yield { cause, how: 'written as Latin-1', body: narrow }
}

type Strings = 'as they are' | 'plain' | 'ASCII' | 'slashes' | 'ASCII and slashes'
const STRINGS: readonly Strings[] = ['as they are', 'plain', 'ASCII', 'slashes', 'ASCII and slashes']

interface Layout {
  readonly name: string
  readonly comma: string
  readonly colon: string
  readonly indent: string
}

const LAYOUTS: readonly Layout[] = [
  { name: 'compact', comma: ',', colon: ':', indent: '' },
  {
    name: 'with a blank behind commas and colons, as Python writes it',
    comma: ', ',
    colon: ': ',
    indent: '',
  },
  { name: 'indented by two', comma: ',', colon: ': ', indent: '  ' },
  { name: 'indented by four', comma: ',', colon: ': ', indent: '    ' },
  { name: 'indented by tabs', comma: ',', colon: ': ', indent: '\t' },
]

function* reserialised(body: Uint8Array): Generator<BodyCandidate> {
  const cause = 'body_reserialised'
  if (body.byteLength > DOCTOR_JSON_BYTES_MAX) return
  const tokens = jsonTokens(body)
  if (tokens === null) return
  const sorted = sortedTokens(tokens.text)
  for (const [order, list] of [
    ['', tokens.list],
    [' and its names sorted', sorted],
  ] as const) {
    if (list === null) continue
    for (const layout of LAYOUTS) {
      for (const strings of STRINGS) {
        const text = layOut(list, layout, strings)
        const how = `as JSON written ${layout.name}${order}${strings === 'as they are' ? '' : `, texts escaped: ${strings}`}`
        yield { cause, how, body: Buffer.from(text) }
        if (strings === 'as they are' || strings === 'ASCII') {
          yield { cause, how: `${how}, with a line end`, body: Buffer.from(`${text}\n`) }
        }
      }
    }
  }
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** Tokens as they are written, so that no number becomes another; `null` for what is no JSON. */
function jsonTokens(body: Uint8Array): { readonly text: string; readonly list: readonly string[] } | null {
  try {
    const text = STRICT_UTF_8.decode(body)
    JSON.parse(text)
    const list = text.match(TOKEN) ?? []
    return depthOf(list) > DOCTOR_JSON_DEPTH_MAX ? null : { text, list }
  } catch {
    return null
  }
}

function depthOf(tokens: readonly string[]): number {
  let depth = 0
  let deepest = 0
  for (const token of tokens) {
    if (token === '{' || token === '[') depth += 1
    else if (token === '}' || token === ']') depth -= 1
    deepest = Math.max(deepest, depth)
  }
  return deepest
}

function sortedTokens(text: string): readonly string[] | null {
  const before: unknown = JSON.parse(text)
  const written = JSON.stringify(sortNames(before))
  return written === JSON.stringify(before) ? null : (written.match(TOKEN) ?? [])
}

function sortNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortNames)
  if (typeof value !== 'object' || value === null) return value
  // Without a prototype a member called __proto__ is one like any other.
  const sorted: Record<string, unknown> = Object.create(null)
  for (const [name, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    sorted[name] = sortNames(member)
  }
  return sorted
}

function layOut(tokens: readonly string[], { comma, colon, indent }: Layout, strings: Strings): string {
  const parts: string[] = []
  let depth = 0
  const line = () => (indent === '' ? '' : `\n${indent.repeat(depth)}`)
  for (const [index, token] of tokens.entries()) {
    if (token === '{' || token === '[') {
      depth += 1
      const isEmpty = tokens[index + 1] === '}' || tokens[index + 1] === ']'
      parts.push(token, isEmpty ? '' : line())
    } else if (token === '}' || token === ']') {
      depth -= 1
      const isEmpty = tokens[index - 1] === '{' || tokens[index - 1] === '['
      parts.push(isEmpty ? '' : line(), token)
    } else if (token === ',') parts.push(comma, line())
    else if (token === ':') parts.push(colon)
    else parts.push(token.startsWith('"') ? escaped(token, strings) : token)
  }
  return parts.join('')
}

function escaped(token: string, strings: Strings): string {
  if (strings === 'as they are') return token
  const plain = JSON.stringify(JSON.parse(token))
  const ascii = strings.startsWith('ASCII')
    ? // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is that of ASCII.
      plain.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : plain
  return strings.endsWith('slashes') ? ascii.replaceAll('/', '\\/') : ascii
}

export interface UrlCandidate {
  readonly how: string
  readonly url: string
}

/** Whether what a scheme signs has the URL in it. */
export const signsUrl = (scheme: Scheme): boolean => /\{url|code:|urlVariants/.test(JSON.stringify(scheme))

/** Other ways in which the sender may have been given our URL, by what proxies change of it. */
export function* urlCandidates(request: VerificationRequest): Generator<UrlCandidate> {
  const { scheme, authority, rest } = urlParts(request.url)
  const bare = authority.replace(/:[0-9]+$/, '')
  const hosts: (readonly [string, string | null])[] = [
    ['', authority],
    ['its port', bare],
    ['its port', `${bare}:443`],
    ['its port', `${bare}:80`],
    ['its port', `${bare}:8080`],
    ['its host', request.header('host')],
    ['its host', request.header('x-forwarded-host')],
    ['its host', request.header('x-original-host')],
  ]
  const mark = rest.indexOf('?')
  const path = mark === -1 ? rest : rest.slice(0, mark)
  const query = mark === -1 ? '' : rest.slice(mark)
  const toggled = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
  const seen = new Set([request.url])
  for (const [queryPart, search] of [
    ['', query],
    ['its query', ''],
  ] as const) {
    for (const [slashPart, way] of [
      ['', path],
      ['the slash at its end', toggled],
    ] as const) {
      for (const [hostPart, host] of hosts) {
        if (host === null || host === '') continue
        for (const [schemePart, name] of [
          ['', scheme],
          ['http or https', scheme === 'https' ? 'http' : 'https'],
        ]) {
          const url = `${name}://${host}${way}${search}`
          if (seen.has(url)) continue
          seen.add(url)
          const parts = [schemePart, hostPart, slashPart, queryPart].filter((part) => part !== '')
          yield { how: parts.join(', '), url }
        }
      }
    }
  }
}

export interface SecretCandidate {
  readonly cause: 'secret_whitespace' | 'secret_rule'
  readonly how: string
  readonly key: KeyRecord | undefined
  readonly text: (secret: string) => string
}

/** Other readings of the text of a secret. */
export function secretCandidates(scheme: Scheme): readonly SecretCandidate[] {
  const { key } = scheme
  const same = (text: string) => text
  const spaces = [
    { how: 'without white space around it', text: (text: string) => text.trim() },
    { how: 'with a line end behind it', text: (text: string) => `${text}\n` },
    { how: 'with a blank behind it', text: (text: string) => `${text} ` },
    {
      how: 'without the quotation marks around it',
      text: (text: string) => text.trim().replace(/^(["'])(.*)\1$/s, '$2'),
    },
  ].map((each) => ({ cause: 'secret_whitespace' as const, key, ...each }))
  const strip = 'whsec_'
  const rules = [
    { how: 'as text, with what stands before it', key: undefined, text: same },
    { how: `as text behind ${strip}`, key: { strip }, text: same },
    { how: 'as base64', key: { enc: 'base64' as const }, text: same },
    { how: `as base64 behind ${strip}`, key: { strip, enc: 'base64' as const }, text: same },
    { how: 'as hexadecimal digits', key: { enc: 'hex' as const }, text: same },
    { how: `as text with ${strip} before it`, key: undefined, text: (text: string) => strip + text },
    {
      how: 'written in base64',
      key: undefined,
      text: (text: string) => Buffer.from(text).toString('base64'),
    },
    {
      how: 'written in hexadecimal digits',
      key: undefined,
      text: (text: string) => Buffer.from(text).toString('hex'),
    },
  ].map((each) => ({ cause: 'secret_rule' as const, ...each }))
  return [...spaces, ...rules]
}
