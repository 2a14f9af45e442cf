import type { HeaderPair } from './event.ts'

/** What stands in place of a value that is itself a credential. */
const REDACTED = '[redacted]'

/**
 * Headers whose value is a credential as it stands: whoever reads it can use it. Signatures are none,
 * they hold for one body only, and the audit trail needs them.
 */
const CREDENTIALS: ReadonlySet<string> = new Set([
  // HTTP itself, and what proxies make of it.
  'authorization',
  'proxy-authorization',
  'x-authorization',
  'x-forwarded-authorization',
  'x-original-authorization',
  'x-serverless-authorization',
  'cookie',
  'set-cookie',
  // Azure Event Grid and Functions, Cloudflare notifications.
  'aeg-sas-key',
  'x-functions-key',
  'cf-webhook-auth',
  // Identity-aware proxies hand on a token that is good for more than this request.
  'cf-access-jwt-assertion',
  'x-goog-iap-jwt-assertion',
  'x-amzn-oidc-accesstoken',
  'x-amzn-oidc-data',
  'x-ms-token-aad-access-token',
  'x-sentry-auth',
])

/**
 * Token headers of schemes, those that operators name themselves among them: `X-Gitlab-Token`,
 * `X-Goog-Channel-Token`, `X-Telegram-Bot-Api-Secret-Token`, `X-Buildkite-Token`, `X-Amz-Security-Token`,
 * `X-Hook-Secret` (Asana), `X-Auth-Token`, `X-Access-Token`, `X-Api-Key`, `Api-Key`, …
 */
const CREDENTIAL_WORD =
  /(?:^|[-_])(?:token|secret|password|passcode|passwd|api[-_]?key|access[-_]key|auth[-_]key|subscription[-_]key)$/

/** Ends like a credential, but only tells one delivery from another. */
const NO_CREDENTIALS: ReadonlySet<string> = new Set(['i-twilio-idempotency-token', 'idempotency-token'])

const NONE: ReadonlySet<string> = new Set()

/**
 * The headers of a request as they are kept with the event and the audit row: in order, repeated ones
 * too, without credentials. Their number and length are bounded by the HTTP server (16 KiB).
 *
 * @param further - names in lower case whose values are credentials to the scheme of this trigger
 */
export function keptHeaders(
  entries: Iterable<[string, string]>,
  further: ReadonlySet<string> = NONE,
): HeaderPair[] {
  const kept: HeaderPair[] = []
  for (const [name, value] of entries) {
    const isHidden = isCredential(name) || further.has(name.toLowerCase())
    kept.push([storable(name), isHidden ? REDACTED : storable(value)])
  }
  return kept
}

/**
 * The first headers, as many as fit. Rejected attempts come from anyone, so what each may leave in the audit trail is bounded.
 *
 * @param bytesMax - of names and values together, in UTF-16 units
 */
export function firstHeaders(headers: readonly HeaderPair[], bytesMax: number): HeaderPair[] {
  const kept: HeaderPair[] = []
  let left = bytesMax
  for (const [name, value] of headers) {
    left -= name.length + value.length
    if (left < 0) {
      kept.push(['…', `${headers.length - kept.length} more`])
      break
    }
    kept.push([name, value])
  }
  return kept
}

/**
 * Text of a sender, made such that the columns text and jsonb take it, and cut.
 *
 * @param lengthMax - in UTF-16 units, as `length` counts; a character that does not fit whole is left out
 */
export function sanitiseText(value: string, lengthMax: number): string {
  if (value.length <= lengthMax) return storable(value)
  const cut = value.slice(0, lengthMax)
  return storable(endsInHalf(cut) ? cut.slice(0, -1) : cut)
}

function isCredential(name: string): boolean {
  const lower = name.toLowerCase()
  return CREDENTIALS.has(lower) || (CREDENTIAL_WORD.test(lower) && !NO_CREDENTIALS.has(lower))
}

/** PostgreSQL refuses NUL and half a surrogate pair in text and jsonb; U+FFFD tells that one was there. */
function storable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\ufffd') : whole
}

/** The first half of a surrogate pair at the very end. */
function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}
