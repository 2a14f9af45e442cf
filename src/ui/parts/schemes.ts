import { useQuery } from '@tanstack/react-query'
import type { Scheme } from '../../admin/models.ts'
import { api } from '../api/client.ts'

/** They are the same in every installation of one version. */
export const useSchemes = () =>
  useQuery({
    queryKey: ['schemes'],
    queryFn: ({ signal }) => api('GET /api/v1/schemes', { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  })

/** Two schemes are no sender's: their titles say what they are for. */
const TITLES: Readonly<Record<string, string>> = {
  generic: 'Generic HMAC (your own service)',
  'standard-webhooks': 'Standard Webhooks (your own service)',
  none: 'No signature (not recommended)',
}

export const titleOf = ({ name, title }: Pick<Scheme, 'name' | 'title'>): string => TITLES[name] ?? title

/** Asana and Notion sign with a secret that they hand over in their first request. */
export const handsOverSecret = ({ handshake }: Pick<Scheme, 'handshake'>): boolean =>
  handshake === 'asana' || handshake === 'notion'

/** Senders that want their check of the URL answered before they show the secret. */
const CHECKS_URL_FIRST: ReadonlySet<string> = new Set(['mandrill', 'nylas'])

export const checksUrlFirst = ({ name }: Pick<Scheme, 'name'>): boolean => CHECKS_URL_FIRST.has(name)

/** Handshakes that change something here are taken only while they are expected; every other one is answered at any time. */
export const isToBeArmed = (scheme: Pick<Scheme, 'handshake'>): boolean =>
  handsOverSecret(scheme) || scheme.handshake === 'aws-sns'

/** How a sender proves itself, in a few words. */
export function proofOf(scheme: Scheme): string {
  const { kind, needs, may_generate_secret: isOurs } = scheme
  if (kind === 'none') return 'Anyone who knows the URL can send'
  if (kind === 'token' || kind === 'basic')
    return kind === 'basic' ? 'User name and password' : 'Secret token'
  if (handsOverSecret(scheme)) return 'Signed, hands its secret over'
  if (needs.includes('public_key')) return 'Signed, with a public key'
  if (!needs.includes('secret')) return 'Signed, with keys of its own'
  return isOurs ? 'Signed, secret made here' : 'Signed, secret from the sender'
}
