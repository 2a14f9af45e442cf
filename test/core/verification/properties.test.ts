/** What holds for any request, header or scheme, tried with many. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  compileScheme,
  duplicateId,
  eventType,
  PRESETS,
  parseScheme,
  timestampMs,
  VERIFICATION_REASONS,
  type Verdict,
  verify,
} from '../../../src/core/verification/index.ts'
import { type Delivery, SIGNERS } from '../../support/signers.ts'
import { bytes, NOW_MS, preset, requestOf, type Sent, URL_DEFAULT } from './support.ts'

const SEED = 20_260_101
const RUNS = { seed: SEED, numRuns: 60 }

/** Headers that some scheme looks at, so that most of what is made gets past the first question. */
const KNOWN_HEADERS = [
  ...new Set(
    Object.values(SIGNERS).flatMap((signer) =>
      Object.keys(signer.sign(signer.body ?? '{}', NOW_MS).headers).map((name) => name.toLowerCase()),
    ),
  ),
]

const headerValue = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    '',
    't=1,v1=',
    'v1,',
    'sha256=',
    String(NOW_MS / 1_000),
    'Basic ',
    'JWT a.b.c',
    'Bearer ..',
    '=,=,=',
  ),
  fc.base64String({ maxLength: 88 }),
)
const headers = fc.dictionary(fc.constantFrom(...KNOWN_HEADERS), headerValue, { maxKeys: 12 })
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.json({ maxDepth: 4 }).map(bytes),
  fc.webQueryParameters().map(bytes),
)
const sent: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom('POST', 'GET', 'PUT', 'weird'),
  url: fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string({ maxLength: 40 })),
  headers,
  body,
})
const keys = fc.record({
  secrets: fc.array(fc.string({ maxLength: 40 }), { maxLength: 3 }),
  publicKey: fc.string({ maxLength: 80 }),
  config: fc.dictionary(
    fc.constantFrom(
      'keyId',
      'apiKey',
      'topicArn',
      'jwk',
      'webhookId',
      'publicKey',
      'secondarySecret',
      'nextSigningKey',
    ),
    fc.oneof(fc.string(), fc.jsonValue()),
  ),
})

/** A refusal of the closed list that is no fault of ours. */
function expectRefusal(verdict: Verdict): void {
  if (verdict.verified) throw new Error('what nobody has signed was verified')
  expect(VERIFICATION_REASONS).toContain(verdict.reason)
  expect(verdict.detail).toMatch(/^[A-Z][^\n]*\.$/)
}

describe('any request', () => {
  const schemes = PRESETS.filter(({ name }) => name !== 'none').map(
    ({ name }) => [name, preset(name)] as const,
  )

  test.each(schemes)('%s refuses it and does not throw', async (_, compiled) => {
    await fc.assert(
      fc.asyncProperty(sent, keys, async (given, withKeys) => {
        const request = requestOf(given)
        expectRefusal(await verify(compiled, withKeys, request, NOW_MS, { fetchCertificate: () => 'x' }))
        for (const read of [eventType, duplicateId]) {
          const text = read(compiled, request)
          expect(text === null || typeof text === 'string').toBe(true)
        }
        expect(Number.isNaN(timestampMs(compiled, request) ?? 0)).toBe(false)
      }),
      RUNS,
    )
  })
})

describe('any scheme that is accepted', () => {
  const place = fc.constantFrom(
    'header:x-a',
    'header:x-*',
    'json:a.0',
    'form:a',
    'query:a',
    'sig:t',
    'cfg:a',
    'x',
  )
  const text = fc
    .array(
      fc.constantFrom(
        '{body}',
        '{ts}',
        '{id}',
        '{url}',
        '{params}',
        '{json:a}',
        '{form:a}',
        '{code:plivo}',
        '{crc32}',
        '.',
        '{',
        '}',
        '{sha256:hex}',
        '{header:x-a}',
        '{method}',
        '{secret}',
        '{url:hubspot}',
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join(''))
  const sig = fc.record(
    {
      from: fc.array(place, { minLength: 1, maxLength: 2 }),
      enc: fc.constantFrom('hex', 'base64', 'base64url'),
      prefix: fc.constantFrom('v0=', '='),
      list: fc.constantFrom(',', ' '),
      kv: fc.constantFrom('=', ','),
      take: fc.constantFrom('v1', '{cfg:a}'),
      trim: fc.boolean(),
    },
    { requiredKeys: ['from', 'enc'] },
  )
  const further = fc.record(
    {
      retryWith: text,
      id: place,
      ts: fc.record({
        from: place,
        unit: fc.constantFrom('s', 'ms', 'iso'),
        tolerance: fc.integer({ min: 1, max: 900 }),
      }),
      each: fc.constantFrom('a', 'a.b'),
      urlVariants: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  const scheme = fc
    .tuple(fc.constantFrom('hmac', 'hash', 'ed25519', 'ecdsa-p256-sha256'), sig, text, further)
    .map(([kind, sig, signed, more]) => ({
      scheme: kind,
      ...(kind.startsWith('h') && { hash: 'sha256' }),
      sig,
      signed: kind === 'hash' ? `{secret}${signed}` : signed,
      ...more,
    }))

  test('refuses any request and does not throw', async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(scheme, sent, keys, async (json, given, withKeys) => {
        const parsed = parseScheme(json)
        if (parsed.scheme === undefined) return expect(parsed.problems?.length).toBeGreaterThan(0)
        accepted += 1
        const withHeader = { ...given, headers: { ...given.headers, 'x-a': 'v1=00,t=1767268800' } }
        expectRefusal(await verify(compileScheme(parsed.scheme), withKeys, requestOf(withHeader), NOW_MS))
      }),
      { seed: SEED, numRuns: 4_000 },
    )
    expect(accepted).toBeGreaterThan(50)
  })

  test('any JSON is a scheme or a list of problems', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const { scheme: found, problems } = parseScheme(json)
        expect((found === undefined) === (problems?.length ?? 0) > 0).toBe(true)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})

describe('any changed byte of a body that is signed as a whole', () => {
  const whole = PRESETS.filter(
    ({ scheme, notSigned }) => notSigned === undefined && /\{body\}|\{sha256:/.test(JSON.stringify(scheme)),
  ).map(({ name }) => name)

  test('is tried with most schemes', () => expect(whole.length).toBeGreaterThan(80))

  test.each(whole)('%s refuses it', async (name) => {
    const signer = SIGNERS[name]
    if (signer === undefined) throw new Error('there is no signer')
    const compiled = preset(name)
    const original: Delivery = signer.sign(signer.body ?? '{"type":"a","n":[1,2,{"é":null}]}', NOW_MS)
    const bare = bytes(original.body)
    const withKeys = {
      secrets: signer.secret === undefined ? [] : [signer.secret],
      config: signer.config ?? {},
      ...(signer.publicKey !== undefined && { publicKey: signer.publicKey }),
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(bare.byteLength - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const changed = Uint8Array.from(bare, (byte, index) => (index === at ? byte ^ mask : byte))
        const request = requestOf({ ...original, body: changed })
        expectRefusal(await verify(compiled, withKeys, request, NOW_MS))
      }),
      { seed: SEED, numRuns: 30 },
    )
  })
})

describe('the cost is linear', () => {
  /** Bodies and headers that make careless parsers slow. */
  const heavy: Readonly<Record<string, (size: number) => Sent>> = {
    'escapes in a form': (size) => ({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: bytes('%41+'.repeat(size / 4)),
    }),
    'fields of a form': (size) => ({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: bytes('a&'.repeat(size / 2)),
    }),
    'parts of a form': (size) => ({
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: bytes('--b\r\ncontent-disposition: form-data; name="\r\n\r\n'.repeat(size / 50)),
    }),
    'members of JSON': (size) => ({ headers: {}, body: bytes(`{${'"a":1,'.repeat(size / 6)}"b":1}`) }),
    'lists of JSON': (size) => ({
      headers: {},
      body: bytes(`{"value":[${'{},'.repeat(size / 3)}{}],"notificationItems":[${'{},'.repeat(10)}{}]}`),
    }),
    'quotes in JSON': (size) => ({ headers: {}, body: bytes(JSON.stringify({ a: '"\\'.repeat(size / 6) })) }),
    blanks: (size) => ({
      headers: { 'stripe-signature': ' '.repeat(size / 100), authorization: ' '.repeat(size / 100) },
      body: bytes(' '.repeat(size)),
      url: `${URL_DEFAULT}?${'&'.repeat(size / 100)}`,
    }),
  }
  const signatures = Object.fromEntries(
    KNOWN_HEADERS.filter((name) => /sig|hmac|mac|auth|token/.test(name)).map((name) => [
      name,
      'AAAA'.repeat(16),
    ]),
  )
  const all = PRESETS.filter(({ name }) => name !== 'none').map(({ name }) => preset(name))

  async function elapsedMs(made: Sent): Promise<number> {
    const request = requestOf({ ...made, headers: { ...signatures, ...made.headers } })
    const withKeys = { secrets: ['00112233445566778899aabbccddeeff'], config: { keyId: 'k', topicArn: '*' } }
    const startedMs = performance.now()
    for (const compiled of all) await verify(compiled, withKeys, request, NOW_MS)
    return performance.now() - startedMs
  }

  test.each(Object.keys(heavy))('%s', async (name) => {
    const make = heavy[name]
    if (make === undefined) throw new Error('there is no such input')
    await elapsedMs(make(60_000))
    const small = Math.max(await elapsedMs(make(60_000)), 5)
    const large = await elapsedMs(make(960_000))
    // Sixteen times the size; a square would be 256 times. Machines are busy at times, so there is room.
    expect(large / small).toBeLessThan(80)
  })
})
