import { parsePlace } from './place.ts'
import type { Scheme } from './scheme.ts'
import { compileText, configurationIn } from './text.ts'

/**
 * Headers of a scheme, in lower case, whose values are credentials by themselves: whoever reads one can send in the sender's name. The proof of an
 * HMAC is none, since it fits one body only.
 */
export function credentialHeaders(scheme: Scheme): readonly string[] {
  if (scheme.scheme === 'basic') return ['authorization']
  return credentialPlaces(scheme, 'header')
}

/** Parameters of the query likewise. */
export const credentialQueryParameters = (scheme: Scheme): readonly string[] =>
  credentialPlaces(scheme, 'query')

const credentialPlaces = (scheme: Scheme, source: 'header' | 'query'): readonly string[] =>
  [scheme.at, scheme.token].flatMap((ref) => {
    const place = ref === undefined ? null : parsePlace(ref)
    return place?.source === source ? [place.name] : []
  })

/** What an operator has to give before a scheme can verify anything. */
export interface KeysNeeded {
  readonly secret: boolean
  readonly publicKey: boolean
  /** Names in the configuration: without the first ones everybody is refused, the others are further keys. */
  readonly config: readonly string[]
  readonly configOptional: readonly string[]
}

export function keysNeeded(scheme: Scheme): KeysNeeded {
  const texts = [
    scheme.signed,
    scheme.retryWith,
    scheme.sig?.take,
    ...Object.values(scheme.require ?? {}),
    ...Object.values(scheme.claims ?? {}).flat(),
  ]
  const named = texts.flatMap((text) => (text === undefined ? [] : configurationIn(compileText(text))))
  if (scheme.scheme === 'aws-sns') named.push('topicArn')
  if (scheme.jwk !== undefined) named.push('jwk')
  const further = [scheme.nextKey, ...(scheme.alt ?? []).map(({ keyFrom }) => keyFrom)]
  if (scheme.scheme === 'generic') further.push('algorithm')
  if (scheme.handshake === 'meta') further.push('verifyToken')
  return {
    secret:
      ['generic', 'hmac', 'hash', 'token', 'basic'].includes(scheme.scheme) ||
      (scheme.scheme === 'jwt' && scheme.jwk === undefined),
    publicKey: scheme.scheme === 'ed25519' || scheme.scheme === 'ecdsa-p256-sha256',
    config: [...new Set(named)],
    configOptional: further.filter((name) => name !== undefined),
  }
}
