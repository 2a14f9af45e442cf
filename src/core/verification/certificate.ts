import { type KeyObject, X509Certificate } from 'node:crypto'
import { CERTIFICATE_PEM_LENGTH_MAX, CERTIFICATE_URL_LENGTH_MAX } from '../limits.ts'
import type { VerificationOptions } from './request.ts'
import { refusal, type Unverified } from './verdict.ts'

/** RSA keys below this are within reach of factoring. */
const RSA_BITS_MIN = 2_048

const UNTRUSTED_URL = refusal(
  'certificate_untrusted',
  'The URL of the certificate is not one that the sender serves certificates from.',
)
const UNAVAILABLE = refusal('certificate_unavailable', 'The certificate could not be fetched.')
const UNUSABLE = refusal(
  'certificate_untrusted',
  'The certificate has no RSA key of 2,048 bits or more, or has expired.',
)

/**
 * Whether a certificate may be fetched from a URL that a request names: https, one of the hosts to the letter, and nothing between scheme and
 * host or host and path, so that no parser can take it for another.
 */
export function isCertificateUrl(url: string, hosts: readonly string[]): boolean {
  if (url.length > CERTIFICATE_URL_LENGTH_MAX || !/^[A-Za-z0-9:/._~?=&%-]+$/.test(url)) return false
  return hosts.some((host) => url.startsWith(`https://${host}/`))
}

const SNS_URL = /^https:\/\/sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?\/[A-Za-z0-9_~/-]+\.pem$/

export const isSnsCertificateUrl = (url: string): boolean =>
  url.length <= CERTIFICATE_URL_LENGTH_MAX && SNS_URL.test(url)

/** The key of the certificate at a URL that has been judged, or why there is none. */
export async function certificateKey(
  url: string | null,
  fetchCertificate: VerificationOptions['fetchCertificate'],
  nowMs: number,
): Promise<KeyObject | Unverified> {
  if (url === null) return UNTRUSTED_URL
  try {
    const pem = (await fetchCertificate?.(url)) ?? null
    if (pem === null) return UNAVAILABLE
    return keyOf(pem, nowMs) ?? UNUSABLE
  } catch {
    return UNAVAILABLE
  }
}

function keyOf(pem: string, nowMs: number): KeyObject | null {
  if (pem.length > CERTIFICATE_PEM_LENGTH_MAX) return null
  try {
    const certificate = new X509Certificate(pem)
    const { publicKey, validToDate } = certificate
    const isRsa =
      publicKey.asymmetricKeyType === 'rsa' &&
      (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_MIN
    // A delivery may be judged again later, and a certificate may be newer than it; one that has run out is not served any more.
    return isRsa && nowMs <= validToDate.getTime() ? publicKey : null
  } catch {
    return null
  }
}
