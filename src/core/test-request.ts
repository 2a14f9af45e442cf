import { type Static, Type as t } from '@sinclair/typebox'
import type { HeaderPair } from './event.ts'
import {
  CONTENT_TYPE_LENGTH_MAX,
  SECRET_LENGTH_MAX,
  TEST_BODY_BYTES_MAX,
  TEST_HEADERS_LENGTH_MAX,
  TEST_HEADERS_MAX,
} from './limits.ts'
import type { FieldProblem } from './rejection.ts'
import type { ComposedRequest } from './verification/draft.ts'
import type { Signing } from './verification/sign.ts'

/** A test webhook as an administrator composes it. */
export const TestRequest = t.Object(
  {
    body: t.Optional(t.String({ maxLength: TEST_BODY_BYTES_MAX })),
    body_base64: t.Optional(
      t.String({
        maxLength: 4 * Math.ceil(TEST_BODY_BYTES_MAX / 3),
        pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
        description: 'base64 with its padding, for a body that is no text',
      }),
    ),
    content_type: t.Optional(t.String({ minLength: 1, maxLength: CONTENT_TYPE_LENGTH_MAX })),
    headers: t.Optional(
      t.Array(t.Tuple([t.String({ maxLength: 256 }), t.String({ maxLength: TEST_HEADERS_LENGTH_MAX })]), {
        maxItems: TEST_HEADERS_MAX,
      }),
    ),
    sign: t.Boolean({ description: 'whether it is signed as the sender of the scheme of the trigger would' }),
    scheme: t.Optional(
      t.String({
        maxLength: 64,
        description: 'signed as this scheme wants it, in place of that of the trigger',
      }),
    ),
    secret: t.Optional(t.String({ minLength: 1, maxLength: SECRET_LENGTH_MAX })),
  },
  { additionalProperties: false },
)
export type TestRequest = Static<typeof TestRequest>

/** RFC 9110, 5.1 and 5.5. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

/** What is said to the next hop alone, or where a request ends: set by whoever speaks HTTP, and by nobody else. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A test says that it is one, and comes from this host: the audit trail must not be told otherwise. */
const OF_THE_TEST: ReadonlySet<string> = new Set([
  'forwarded',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
])

/** What is wrong with headers that fulfil the model; values are not quoted. */
export function headerProblems(headers: readonly HeaderPair[], field: string): readonly FieldProblem[] {
  const length = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (length > TEST_HEADERS_LENGTH_MAX) {
    return [{ field, message: `must have at most ${TEST_HEADERS_LENGTH_MAX} characters together` }]
  }
  return headers.flatMap(([name, value], index) => {
    const message = headerProblem(name, value)
    return message === null ? [] : [{ field: `${field}[${index}]`, message }]
  })
}

function headerProblem(name: string, value: string): string | null {
  const lower = name.toLowerCase()
  if (!NAME.test(name)) return 'must have a name of the letters that header names are made of'
  if (OF_THE_CONNECTION.has(lower)) return `cannot be set: ${lower} belongs to the connection`
  if (OF_THE_TEST.has(lower)) return `cannot be set: ${lower} says that it is a test, and from where`
  if (lower === 'content-type') return 'is given as content_type'
  return VALUE.test(value)
    ? null
    : 'must have a value of printable characters, none beyond U+00FF, and no blanks around it'
}

/** Whether a content type can stand in a header; the model bounds its length. */
export const isHeaderValue = (value: string): boolean => value !== '' && VALUE.test(value)

/** The body in bytes; `null`: none was given. */
export function testBody({ body, body_base64 }: TestRequest): Uint8Array | null {
  if (body !== undefined) return Buffer.from(body)
  return body_base64 === undefined ? null : Buffer.from(body_base64, 'base64')
}

/** What stands in place of a proof. */
const PROOF = '[signature]'

/** Headers without the proof among them. */
export const withoutProof = (headers: readonly HeaderPair[], signing: Signing | null): HeaderPair[] =>
  headers.map(([name, value]) => [
    name,
    signing?.signed && signing.proofHeaders.has(name.toLowerCase()) ? PROOF : value,
  ])

/** A request as it is shown: whole, but for its proof and its body. */
export function shownRequest(
  { method, url, headers }: ComposedRequest,
  signing: Signing | null,
): { readonly method: string; readonly url: string; readonly headers: HeaderPair[] } {
  const parameter = signing?.signed === true ? signing.proofQuery : null
  return {
    method,
    url: parameter === null ? url : withoutParameter(url, encodeURIComponent(parameter)),
    headers: withoutProof(headers, signing),
  }
}

function withoutParameter(url: string, name: string): string {
  const [whole = '', query = ''] = url.split('?', 2)
  const fields = query.split('&').map((field) => (field.startsWith(`${name}=`) ? `${name}=${PROOF}` : field))
  return `${whole}?${fields.join('&')}`
}
