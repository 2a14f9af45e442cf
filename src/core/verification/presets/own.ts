import type { Preset } from './preset.ts'

/** What belongs to no sender. */
export const OWN: readonly Preset[] = [
  {
    name: 'generic',
    title: 'Generic HMAC',
    certainty: 'A',
    scheme: { scheme: 'generic' },
  },
  {
    name: 'none',
    title: 'No verification',
    certainty: 'A',
    notSigned: 'Nothing is verified: whoever knows the URL can send anything.',
    scheme: { scheme: 'none' },
  },
]
