/** Every preset against a signer that was written apart from the engine. */
import { describe, expect, test } from 'bun:test'
import { PRESETS, type VerificationKeys } from '../../../src/core/verification/index.ts'
import { type Delivery, SIGNERS, type Signer, tampered } from '../../support/signers.ts'
import { bytes, NOW_MS, outcome } from './support.ts'

const BODY = '{"id":"evt_1","type":"a.b","note":"Zoë \\u00e9 😀\\r\\n"}\n'

test('every preset has a signer, and the other way round', () => {
  const names = PRESETS.map(({ name }) => name).filter((name) => name !== 'none')
  expect(Object.keys(SIGNERS).sort()).toEqual(names.sort())
})

const keysOf = (
  { secret, publicKey, config = {} }: Signer,
  others: readonly string[] = [],
): VerificationKeys => ({
  secrets: [...others, ...(secret === undefined ? [] : [secret])],
  config,
  ...(publicKey !== undefined && { publicKey }),
})

const judged = (name: string, signer: Signer, sent: Delivery, keys = keysOf(signer), nowMs = NOW_MS) =>
  outcome(
    name,
    keys,
    { ...sent, body: bytes(sent.body) },
    {
      nowMs,
      fetchCertificate: () => signer.certificate ?? null,
    },
  )

describe.each(Object.entries(SIGNERS))('%s', (name, signer) => {
  const sent = signer.sign(signer.body ?? BODY, NOW_MS)

  test('what the sender signs is verified', async () => {
    expect(await judged(name, signer, sent)).toBe('verified')
  })

  test('one changed byte of what is signed is refused', async () => {
    expect(await judged(name, signer, tampered(signer, sent))).toMatch(
      /mismatch|required_value_mismatch|timestamp_outside_tolerance/,
    )
  })

  test('without its signature it is refused', async () => {
    const headers = Object.fromEntries(
      Object.entries(sent.headers).filter(([header]) => header === 'Content-Type'),
    )
    const bare = { url: sent.url.replace(/\?.*/, ''), headers, body: '{}' }
    expect(await judged(name, signer, bare)).not.toBe('verified')
  })

  test('without a key everybody is refused', async () => {
    const keys: VerificationKeys = { secrets: [], config: {} }
    const expected = name === 'generic' ? 'secret_missing' : /secret_missing|configuration_missing/
    const reason = await judged(name, signer, sent, keys)
    typeof expected === 'string' ? expect(reason).toBe(expected) : expect(reason).toMatch(expected)
    expect(await judged(name, signer, sent, { secrets: [''], config: {}, publicKey: '' })).toMatch(
      /secret_missing|configuration_missing/,
    )
  })

  test('a second live secret verifies, too', async () => {
    const others = signer.secret === undefined ? [] : ['another:secret']
    expect(await judged(name, signer, sent, keysOf(signer, others))).toBe('verified')
  })
})

describe('a scheme with a timestamp', () => {
  const withTime = PRESETS.flatMap(({ name, scheme }) =>
    scheme.ts === undefined ? [] : [[name, scheme.ts.tolerance] as const],
  )

  test.each(withTime)('%s takes %i s into the past and the future, and no more', async (name, tolerance) => {
    const signer = SIGNERS[name]
    if (signer === undefined) throw new Error('there is no signer')
    const sent = signer.sign(signer.body ?? BODY, NOW_MS)
    for (const direction of [-1, 1]) {
      const at = (seconds: number) => NOW_MS + direction * seconds * 1_000
      expect(await judged(name, signer, sent, keysOf(signer), at(tolerance - 1))).toBe('verified')
      expect(await judged(name, signer, sent, keysOf(signer), at(tolerance + 1))).toBe(
        'timestamp_outside_tolerance',
      )
    }
  })
})

test('the preset none verifies everybody', async () => {
  expect(await outcome('none', { secrets: [], config: {} }, { headers: {}, body: bytes('') })).toBe(
    'verified',
  )
})
