import type { Preset } from './preset.ts'

/** What belongs to no sender. */
export const OWN: readonly Preset[] = [
  {
    name: 'generic',
    title: 'Generic HMAC',
    certainty: 'A',
    setup:
      'Give the URL and the secret to whatever sends. It puts the hexadecimal HMAC of the body into `X-Webhook-Signature`, bare or as `sha256=…`.',
    scheme: { scheme: 'generic' },
  },
  {
    name: 'none',
    title: 'No verification',
    certainty: 'A',
    setup:
      'Give the URL to the sender and keep it secret: nothing else stands between a stranger and your events.',
    notSigned: 'Nothing is verified: whoever knows the URL can send anything.',
    scheme: { scheme: 'none' },
  },
]
