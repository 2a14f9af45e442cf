import { timingSafeEqual } from 'node:crypto'
import type { HmacAlgorithm } from './trigger.ts'

/** Where a signature may be. The first of them that is present decides, even when it is empty. */
export const SIGNATURE_HEADERS = ['x-webhook-signature', 'x-hub-signature-256', 'x-hub-signature'] as const

/** `reason` is for the audit row: exact, and without a secret, a digest or anything the sender wrote. */
export type SignatureVerdict =
  | { readonly verified: true }
  | { readonly verified: false; readonly reason: string }

/**
 * The signature of a request, or `null` when it has none.
 *
 * @param get - reads one header by its lower-case name; `null` when it is absent
 */
export function findSignature(get: (name: string) => string | null): string | null {
  for (const name of SIGNATURE_HEADERS) {
    const signature = get(name)
    if (signature !== null) return signature
  }
  return null
}

/** Digits of a digest, so that nothing reaches the decoder, which skips over what is not hexadecimal. */
const DIGEST: Record<HmacAlgorithm, { readonly pattern: RegExp; readonly fault: string }> = {
  sha1: { pattern: /^[0-9a-fA-F]{40}$/, fault: 'the value is not 40 hexadecimal digits' },
  sha256: { pattern: /^[0-9a-fA-F]{64}$/, fault: 'the value is not 64 hexadecimal digits' },
  sha512: { pattern: /^[0-9a-fA-F]{128}$/, fault: 'the value is not 128 hexadecimal digits' },
}

const VERIFIED: SignatureVerdict = { verified: true }

/**
 * Says whether `signature` signs exactly these bytes with this secret; never throws.
 *
 * The comparison takes the same time wherever two digests differ. What comes before it depends only
 * on what the sender wrote and on the algorithm, which a refusal may disclose.
 *
 * @param input.body - raw bytes as received, before any parsing or decoding
 * @param input.signature - hexadecimal digest, bare or after the name of its algorithm: `sha256=ab12…`
 * @param input.secret - text whose UTF-8 bytes are the key; without one everybody is refused
 * @see RFC 2104 (HMAC); the prefixed form is that of GitHub's `X-Hub-Signature-256`
 */
export function verifySignature(input: {
  readonly body: Uint8Array
  readonly signature: string
  readonly secret: string | null
  readonly algorithm: HmacAlgorithm
}): SignatureVerdict {
  const { body, signature, secret, algorithm } = input
  if (!secret) return refuse('the trigger has no secret')

  const fault = signatureFault(signature, algorithm)
  if (fault !== null) return refuse(fault)
  const key = UTF_8.encode(secret)
  return isSignedWith(key, { body, signature, algorithm }) ? VERIFIED : refuse(DIGEST_MISMATCH)
}

export const DIGEST_MISMATCH = 'the digest does not match'

/** Compares digests, of a signature that `signatureFault` has found none in. */
export function isSignedWith(
  key: Uint8Array,
  input: { readonly body: Uint8Array; readonly signature: string; readonly algorithm: HmacAlgorithm },
): boolean {
  const { body, signature, algorithm } = input
  const digits = signature.slice(signature.indexOf('=') + 1)
  return timingSafeEqual(hmac(key, body, algorithm), Buffer.from(digits, 'hex'))
}

/**
 * Why a value can be no signature of this algorithm, whatever the body: asked before a body is read. `null` when it can be one.
 */
export function signatureFault(signature: string, algorithm: HmacAlgorithm): string | null {
  const equals = signature.indexOf('=')
  if (equals !== -1) {
    const named = signature.slice(0, equals)
    if (named !== algorithm) return foreignPrefix(named, algorithm)
  }
  const { pattern, fault } = DIGEST[algorithm]
  return pattern.test(signature.slice(equals + 1)) ? null : fault
}

const UTF_8 = new TextEncoder()

/**
 * The HMAC of RFC 2104 over bytes. Bun's hasher without a key makes a plain hash that anybody can
 * compute, and an empty key is as public, so both end here instead.
 *
 * @throws RangeError when the key is empty
 */
export function hmac(key: Uint8Array, body: Uint8Array, algorithm: HmacAlgorithm): Uint8Array {
  if (!(key.byteLength > 0)) throw new RangeError('An HMAC needs a key.')
  return new Bun.CryptoHasher(algorithm, key).update(body).digest()
}

function refuse(reason: string): SignatureVerdict {
  return { verified: false, reason }
}

/** Names the algorithms we know and quotes nothing: a confused sender may have put the secret there. */
function foreignPrefix(named: string, algorithm: HmacAlgorithm): string {
  return Object.hasOwn(DIGEST, named)
    ? `the prefix names ${named}, the trigger asks for ${algorithm}`
    : `the prefix is not ${algorithm}=, which the trigger asks for`
}
