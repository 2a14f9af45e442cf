import { createHash } from 'node:crypto'
import { queryFields, sorted } from './form.ts'
import type { RequestView } from './place.ts'
import { pathAndQuery, withoutQuery } from './url.ts'

/**
 * The canonical requests that no template can write. Each takes the request apart as its sender's own library does.
 *
 * @returns pieces of what is signed, or `null` when the request does not say what it should
 */
export type Canonical = (view: RequestView) => readonly Uint8Array[] | null

/** What a sender's code may be called by in `{code:…}`. */
export const CANONICALS = { contentful, plivo, qsh } as const satisfies Readonly<Record<string, Canonical>>
export type CanonicalName = keyof typeof CANONICALS

export const isCanonicalName = (name: string): name is CanonicalName => Object.hasOwn(CANONICALS, name)

/** These have to be among the signed headers: the list protects the list, and the timestamp is nowhere else. */
const CONTENTFUL_SIGNED = ['x-contentful-signed-headers', 'x-contentful-timestamp']

/** Method, path, the headers that one header lists, and the body, a line each. The query is escaped twice. */
function contentful({ request }: RequestView): readonly Uint8Array[] | null {
  const listed = (request.header('x-contentful-signed-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
  if (!CONTENTFUL_SIGNED.every((name) => listed.includes(name))) return null
  const headers = [...new Set(listed)].sort().flatMap((name) => {
    const value = name === '' ? null : request.header(name)
    return value === null ? [] : [`${name}:${value.trim()}`]
  })
  // No request has a blank in its target; a URL that was typed may.
  const { path, query } = pathAndQuery(request.url.replaceAll(' ', '%20'))
  const escaped = encodeURI(query === null || query === '' ? path : `${path}?${encodeURIComponent(query)}`)
  const head = `${request.method.toUpperCase()}\n${escaped}\n`
  return [Buffer.from(head), Buffer.from(`${headers.join(';')}\n`, 'latin1'), request.body]
}

/** The URL with its query sorted, then the fields of the form sorted: names and values, nothing between them. */
function plivo(view: RequestView): readonly Uint8Array[] | null {
  const { request } = view
  const method = request.method.toUpperCase()
  if (method !== 'GET' && method !== 'POST') return null
  // Plivo puts everything into the query then, and signs no body.
  if (method === 'GET' && request.body.byteLength > 0) return null
  const query = sorted(queryFields(request.url)).map(([name, value]) => `${name}=${value}`)
  const form = method === 'GET' ? [] : sorted(view.fields ?? []).map(([name, value]) => name + value)
  const mark = query.length > 0 || form.length > 0 ? '?' : ''
  const dot = query.length > 0 && form.length > 0 ? '.' : ''
  return [
    Buffer.from(withoutQuery(request.url)),
    Buffer.from(`${mark}${query.join('&')}${dot}${form.join('')}`, 'latin1'),
  ]
}

/** The query string hash of Atlassian Connect: method, path and sorted query. */
function qsh({ request }: RequestView): readonly Uint8Array[] {
  const { path } = pathAndQuery(request.url)
  const trimmed = path.replaceAll('&', '%26').replace(/(?<=.)\/$/, '')
  const canonical = `${request.method.toUpperCase()}&${trimmed === '' ? '/' : trimmed}&${qshQuery(request.url)}`
  return [Buffer.from(createHash('sha256').update(canonical).digest('hex'))]
}

function qshQuery(url: string): string {
  const byName = Map.groupBy(sorted(queryFields(url)), ([name]) => name)
  return [...byName]
    .filter(([name]) => name !== 'jwt')
    .map(([name, fields]) => `${escapeAll(name)}=${fields.map(([, value]) => escapeAll(value)).join(',')}`)
    .join('&')
}

/** RFC 3986: all but letters, digits and four marks. Works on bytes. */
const escapeAll = (latin1: string): string =>
  latin1.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
