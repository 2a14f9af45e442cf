import { Elysia } from 'elysia'
import { requestPath } from './request-path.ts'

/** One file of the console, in each form in which it can be sent. */
export interface PageFile {
  readonly type: string
  readonly etag: string
  readonly forms: ReadonlyMap<'identity' | 'gzip' | 'br', Uint8Array<ArrayBuffer>>
}

/** What the router of the pages knows: each of these is the same document, which finds its page by itself. */
const PAGE = /^\/(?:(?:sign-in|triggers|log|events|test|settings)(?:\/.*)?)?$/

/** No script and no style but our own files, nothing from elsewhere, and nobody may frame it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * The pages, which anybody may load who reaches this listener: they hold nothing but themselves, and all that they show they ask of the
 * API. They are answered before a token is asked for and are no routes of the API.
 */
export const pages = (files: ReadonlyMap<string, PageFile>) =>
  new Elysia({ name: 'admin.pages' }).onRequest((context) => {
    const { request, set } = context
    if (request.method !== 'GET' && request.method !== 'HEAD') return
    const path = requestPath(context)
    const isPage = PAGE.test(path)
    const file = files.get(isPage ? '/index.html' : path)
    if (file === undefined || path === '/index.html') return
    Object.assign(set.headers, {
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=(), geolocation=(), microphone=()',
      'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: file.etag,
      vary: 'Accept-Encoding',
    })
    if (request.headers.get('if-none-match') === file.etag) return new Response(null, { status: 304 })
    const encoding = encodingFor(request.headers.get('accept-encoding') ?? '')
    const body = file.forms.get(encoding)
    if (encoding !== 'identity') set.headers['content-encoding'] = encoding
    return new Response(request.method === 'HEAD' ? null : body, {
      headers: { 'content-type': file.type, 'content-length': String(body?.byteLength ?? 0) },
    })
  })

/** The smallest form that the browser takes. A quality of zero is a no (RFC 9110, 12.5.3). */
function encodingFor(accepted: string): 'br' | 'gzip' | 'identity' {
  const takes = (name: string): boolean => {
    const found = new RegExp(`(?:^|,)\\s*${name}\\s*(?:;\\s*q=([0-9.]+)\\s*)?(?:,|$)`, 'i').exec(accepted)
    return found !== null && Number(found[1] ?? 1) > 0
  }
  if (takes('br')) return 'br'
  return takes('gzip') ? 'gzip' : 'identity'
}
