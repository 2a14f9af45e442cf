import type { HeaderPair } from './event.ts'
import { sanitiseText } from './headers.ts'
import { KEPT_QUERY_LENGTH_MAX } from './limits.ts'
import type { SignatureSettings } from './signature-check.ts'
import type { DoctorCase, NamedSecret } from './verification/doctor.ts'
import {
  type CompiledScheme,
  compileScheme,
  credentialQueryParameters,
  type VerificationRequest,
} from './verification/index.ts'

/** The query of a URL as it is kept, with its question mark: values that are credentials to the scheme are left out. */
export function keptQuery(url: string, compiled: CompiledScheme | null): string {
  const mark = url.indexOf('?')
  if (mark === -1) return ''
  const names = new Set(compiled === null ? [] : credentialQueryParameters(compiled.scheme))
  const query = url.slice(mark + 1)
  const kept =
    names.size === 0
      ? query
      : query
          .split('&')
          .map((field) => keptField(field, names))
          .join('&')
  return sanitiseText(`?${kept}`, KEPT_QUERY_LENGTH_MAX)
}

function keptField(field: string, names: ReadonlySet<string>): string {
  const [name = ''] = field.split('=', 1)
  return names.has(decoded(name)) ? `${name}=[redacted]` : field
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}

/** A request as far as it was kept. */
export interface KeptRequest {
  readonly method: string
  readonly url: string
  readonly headers: readonly HeaderPair[]
  readonly body: Uint8Array | null
}

/** Puts a kept request together again; repeated headers are joined as the runtime joins them. */
export function verificationRequest({ method, url, headers, body }: KeptRequest): VerificationRequest {
  const byName = new Map<string, string>()
  for (const [name, value] of headers) {
    const before = byName.get(name.toLowerCase())
    byName.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
  }
  return {
    method,
    url,
    header: (name) => byName.get(name) ?? null,
    headerNames: () => byName.keys(),
    body: body ?? NO_BODY,
  }
}

const NO_BODY = new Uint8Array(0)

/** What the signature doctor is given of a rejected attempt. */
export function doctorCase(
  settings: SignatureSettings,
  expired: readonly NamedSecret[],
  kept: KeptRequest,
  nowMs: number,
): DoctorCase {
  const { scheme, compiled, algorithm, secrets, publicKey, config, toleranceSeconds } = settings
  return {
    schemeName: scheme,
    compiled: compiled ?? GENERIC,
    live: secrets.map(({ label, text }) => ({ label, text })),
    expired,
    ...(publicKey === null ? {} : { publicKey }),
    config: compiled === null ? { algorithm } : config,
    request: verificationRequest(kept),
    hasBody: kept.body !== null,
    nowMs,
    ...(toleranceSeconds === null ? {} : { options: { toleranceSeconds } }),
  }
}

const GENERIC = compileScheme({ scheme: 'generic' })
