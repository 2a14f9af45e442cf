/** Parts of an absolute URL as it is written; a parser would normalise them, and senders sign what they were given. */
interface UrlParts {
  readonly scheme: string
  readonly authority: string
  /** Path, query and fragment. */
  readonly rest: string
}

export function urlParts(url: string): UrlParts {
  const [, scheme = '', authority = '', rest = ''] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url) ?? []
  return { scheme, authority, rest }
}

/** Path and query of a URL as they are written, without a fragment. */
export function pathAndQuery(url: string): { readonly path: string; readonly query: string | null } {
  const [rest = ''] = urlParts(url).rest.split('#', 1)
  const mark = rest.indexOf('?')
  return mark === -1
    ? { path: rest, query: null }
    : { path: rest.slice(0, mark), query: rest.slice(mark + 1) }
}

/** The URL without its query. */
export const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, '')

/** What HubSpot decodes in a URL before it signs it; all other escapes stay. */
const HUBSPOT_ESCAPES: Readonly<Record<string, string>> = {
  '%3A': ':',
  '%2F': '/',
  '%3F': '?',
  '%40': '@',
  '%21': '!',
  '%24': '$',
  '%27': "'",
  '%28': '(',
  '%29': ')',
  '%2A': '*',
  '%2C': ',',
  '%3B': ';',
}

export const hubspotUrl = (url: string): string =>
  url.replace(/%[0-9a-f]{2}/gi, (found) => HUBSPOT_ESCAPES[found.toUpperCase()] ?? found)

/**
 * Every way in which Twilio may have written a URL: with its port, without, or with the one that its scheme implies; an apostrophe as it is or
 * escaped; or all of it as a URL parser writes it.
 */
export function twilioUrls(url: string): readonly string[] {
  const { scheme, authority, rest } = urlParts(url)
  if (scheme === '') return [url]
  const parsed = URL.parse(url)
  const bare = authority.replace(/:[0-9]*$/, '')
  const port = /:[0-9]+$/.test(authority) ? authority.slice(bare.length) : impliedPort(scheme)
  const authorities = [authority, bare, bare + port]
  const rests = [rest, rest.replaceAll("'", '%27'), rest.replaceAll('%27', "'")]
  const written = authorities.flatMap((host) => rests.map((path) => `${scheme}://${host}${path}`))
  if (parsed === null) return [...new Set(written)]
  const path = parsed.pathname + parsed.search
  const normalised = ['', parsed.port === '' ? impliedPort(scheme) : `:${parsed.port}`].map(
    (given) => `${parsed.protocol}//${parsed.hostname}${given}${path}`,
  )
  return [...new Set([...written, ...normalised])]
}

const impliedPort = (scheme: string): string => (scheme.toLowerCase() === 'https' ? ':443' : ':80')
