import type { Scheme } from '../../../admin/models.ts'
import { titleOf } from '../../parts/schemes.ts'

/** By how many installations of this kind use them, as far as that is known. */
const MOST_USED: readonly string[] = [
  'github',
  'stripe',
  'shopify',
  'gitlab',
  'slack',
  'paypal',
  'twilio',
  'sendgrid',
  'grafana',
]

const OWN: readonly string[] = ['generic', 'standard-webhooks', 'none']

/** What else somebody may type who looks for one of these. */
const FURTHER_WORDS: Readonly<Record<string, string>> = {
  generic: 'own custom other hmac sha256 any',
  'standard-webhooks': 'own custom other hmac any',
  none: 'unsigned none any other no verification',
}

export interface SenderGroup {
  readonly title: string
  readonly schemes: readonly Scheme[]
}

/** All senders, or those that fit what is looked for: the most used ones first, then those of one's own, then all others by title. */
export function senderGroups(schemes: readonly Scheme[], search: string): readonly SenderGroup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (scheme: Scheme): boolean => {
    const text = `${titleOf(scheme)} ${scheme.name} ${FURTHER_WORDS[scheme.name] ?? ''}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
  const named = (names: readonly string[]) =>
    names.flatMap((name) => schemes.find((scheme) => scheme.name === name) ?? []).filter(fits)
  const others = schemes
    .filter(({ name }) => !MOST_USED.includes(name) && !OWN.includes(name))
    .filter(fits)
    .toSorted((one, other) => titleOf(one).localeCompare(titleOf(other)))
  return [
    { title: 'Most used', schemes: named(MOST_USED) },
    { title: 'Not in the list', schemes: named(OWN) },
    { title: 'All others', schemes: others },
  ].filter((group) => group.schemes.length > 0)
}
