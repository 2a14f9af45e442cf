import { FORM_FIELDS_MAX } from '../limits.ts'

/** Name and value of a form or a query, one character a byte (latin1), so that no byte is lost to a decoder. */
export type Field = readonly [name: string, value: string]

/**
 * The fields of a body that is a form, or `null` when it is none. A body without a type is read as a form: what it says is then covered by what a
 * sender signs of its fields.
 */
export function formFields(contentType: string | null, body: Uint8Array): readonly Field[] | null {
  const type = (contentType ?? URL_ENCODED).split(';', 1)[0]?.trim().toLowerCase()
  if (type === URL_ENCODED) return urlEncodedFields(latin1(body))
  return type === 'multipart/form-data' ? multipartFields(contentType ?? '', latin1(body)) : null
}

const URL_ENCODED = 'application/x-www-form-urlencoded'

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

/** The fields of the query of a URL. */
export function queryFields(url: string): readonly Field[] {
  const query = queryOf(url)
  return query === '' ? [] : (urlEncodedFields(Buffer.from(query).toString('latin1')) ?? [])
}

/** What follows the question mark, without it and without a fragment. */
export function queryOf(url: string): string {
  const [whole = ''] = url.split('#', 1)
  const mark = whole.indexOf('?')
  return mark === -1 ? '' : whole.slice(mark + 1)
}

/** `null` when there are more fields than any sender has. */
export function urlEncodedFields(text: string): readonly Field[] | null {
  const fields: Field[] = []
  const pieces = text.split('&', FORM_FIELDS_MAX + 1)
  if (pieces.length > FORM_FIELDS_MAX) return null
  for (const piece of pieces) {
    if (piece === '') continue
    const equals = piece.indexOf('=')
    fields.push(
      equals === -1
        ? [unescaped(piece), '']
        : [unescaped(piece.slice(0, equals)), unescaped(piece.slice(equals + 1))],
    )
  }
  return fields
}

const PERCENT = 0x25
const PLUS = 0x2b
const SPACE = 0x20

/** Byte by byte: a pattern with a function for each escape takes ten times as long, and strangers may send nothing but escapes. */
function unescaped(text: string): string {
  if (!/[%+]/.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  let length = 0
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const byte = bytes[at] ?? 0
    const escaped = byte === PERCENT ? 16 * hexDigit(bytes[at + 1]) + hexDigit(bytes[at + 2]) : -1
    if (escaped >= 0) at += 2
    bytes[length] = escaped >= 0 ? escaped : byte === PLUS ? SPACE : byte
    length += 1
  }
  return bytes.toString('latin1', 0, length)
}

/** The value of a hexadecimal digit; for anything else so little that no sum with it is a byte. */
function hexDigit(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1_000
}

/** The fields of RFC 7578 that are no files. `null` when the body does not keep to its boundary. */
function multipartFields(contentType: string, text: string): readonly Field[] | null {
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  const name = boundary?.[1] ?? boundary?.[2]
  if (name === undefined) return null
  const [preamble, ...parts] = `\r\n${text}`.split(`\r\n--${name}`)
  const end = parts.pop()
  if (preamble !== '' || end === undefined || !end.startsWith('--')) return null
  if (parts.length > FORM_FIELDS_MAX) return null
  const fields: Field[] = []
  for (const part of parts) {
    const headEnd = part.indexOf('\r\n\r\n')
    if (!part.startsWith('\r\n') || headEnd === -1) return null
    const field = /^content-disposition:\s*form-data;\s*name="([^"]*)"\s*$/im.exec(part.slice(2, headEnd))
    if (field?.[1] !== undefined) fields.push([field[1], part.slice(headEnd + 4)])
  }
  return fields
}

/** By name, then by value. */
export const sorted = (fields: readonly Field[]): readonly Field[] =>
  fields.toSorted(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))

/** Form parameters as Twilio and Mandrill sign them: sorted, and one that is there twice with the same value counts once. */
export function sortedParameters(fields: readonly Field[]): Uint8Array {
  const pieces: string[] = []
  let last: Field | null = null
  for (const field of sorted(fields)) {
    const isRepeated = last !== null && last[0] === field[0] && last[1] === field[1]
    if (!isRepeated) pieces.push(field[0], field[1])
    last = field
  }
  return Buffer.from(pieces.join(''), 'latin1')
}
