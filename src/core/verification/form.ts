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

const unescaped = (text: string): string =>
  text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))

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
