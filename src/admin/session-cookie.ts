import { isSessionToken } from '../core/api-token.ts'
import { Rejection } from '../core/rejection.ts'

export const SESSION_COOKIE = 'attune_session'

/** Not for scripts, and not sent along by any other site. It ends with the browser; when it ends before, the server alone decides. */
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict'

/** @param request - the one that signs in; where the browser speaks TLS, the cookie is for TLS only */
export const sessionCookie = (sessionToken: string, request: Request): string =>
  `${SESSION_COOKIE}=${sessionToken}; ${ATTRIBUTES}${isSecure(request) ? '; Secure' : ''}`

export const endedSessionCookie = (request: Request): string =>
  `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0${isSecure(request) ? '; Secure' : ''}`

const isSecure = ({ headers }: Request): boolean =>
  headers.get('origin')?.toLowerCase().startsWith('https://') === true

/** @returns `null` when there is none, or more than one: which of them is the browser's own nobody could tell */
export function sessionTokenOf({ headers }: Request): string | null {
  const values = (headers.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${SESSION_COOKIE}=`))
    .map((pair) => pair.slice(SESSION_COOKIE.length + 1))
  const [value] = values
  return value !== undefined && values.length === 1 && isSessionToken(value) ? value : null
}

/** The header that no page of another origin can send without being asked about it first, and we never agree. */
const CONSOLE_HEADER = 'x-attune-console'

/** Whether the page says that it asks by itself, and nobody has been at it for a while. It only ever shortens a session. */
export const isUnattended = ({ headers }: Request): boolean => headers.get(UNATTENDED_HEADER) === '1'

const UNATTENDED_HEADER = 'x-attune-unattended'

/**
 * A browser sends the cookie along whichever page has made it ask. So what changes something has to come from a page of this very
 * origin, and what reads must not be fetched by another one: pages of the same host on another port have the same cookies.
 *
 * @throws Rejection `origin_refused`
 */
export function requireOwnPage(request: Request): void {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') {
    throw refused('the browser says that another site asks')
  }
  if (request.method === 'GET' || request.method === 'HEAD') return
  if (request.headers.get(CONSOLE_HEADER) !== '1') throw refused('the header X-Attune-Console is missing')
  if (!isOwnOrigin(request.headers)) throw refused('Origin is not that of Host')
}

const refused = (reason: string): Rejection => new Rejection('origin_refused', reason)

/** The scheme is not compared: a proxy may speak TLS for us. Two origins, `null` and whatever is no origin are nobody's. */
function isOwnOrigin(headers: Headers): boolean {
  const text = headers.get('origin')
  const origin = text === null ? null : URL.parse(text)
  if (origin === null || !/^https?:$/.test(origin.protocol) || text?.toLowerCase() !== origin.origin)
    return false
  const host = headers.get('host') ?? ''
  // A port that the scheme implies may be written or not. What has more than a host and a port in it is none.
  const own = /^[^\s/\\?#@,]+$/.test(host) ? URL.parse(`${origin.protocol}//${host}`) : null
  return own !== null && own.host === origin.host
}
