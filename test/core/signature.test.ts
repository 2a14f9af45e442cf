import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { findSignature, hmac, SIGNATURE_HEADERS, verifySignature } from '../../src/core/signature.ts'
import type { HmacAlgorithm } from '../../src/core/trigger.ts'
import github from '../vectors/github.json' with { type: 'json' }

const bytes = (text: string) => new TextEncoder().encode(text)
const hex = (digest: Uint8Array) => Buffer.from(digest).toString('hex')
const filled = (byte: number, length: number) => new Uint8Array(length).fill(byte)
const counting = Uint8Array.from({ length: 25 }, (_, at) => at + 1)

const LARGER_KEY = 'Test Using Larger Than Block-Size Key - Hash Key First'
const LARGER_BOTH =
  'This is a test using a larger than block-size key and a larger than block-size data. ' +
  'The key needs to be hashed before being used by the HMAC algorithm.'

/** RFC 4231, section 4, and RFC 2202, section 3, as printed there; case 5 of RFC 4231 is truncated there. */
const RFC_VECTORS: {
  title: string
  key: Uint8Array
  body: Uint8Array
  digests: Partial<Record<HmacAlgorithm, string>>
}[] = [
  {
    title: 'RFC 4231 case 1',
    key: filled(0x0b, 20),
    body: bytes('Hi There'),
    digests: {
      sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
      sha512:
        '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
    },
  },
  {
    title: 'RFC 4231 case 2',
    key: bytes('Jefe'),
    body: bytes('what do ya want for nothing?'),
    digests: {
      sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
      sha512:
        '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    },
  },
  {
    title: 'RFC 4231 case 3',
    key: filled(0xaa, 20),
    body: filled(0xdd, 50),
    digests: {
      sha256: '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
      sha512:
        'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
    },
  },
  {
    title: 'RFC 4231 case 4',
    key: counting,
    body: filled(0xcd, 50),
    digests: {
      sha256: '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
      sha512:
        'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
    },
  },
  {
    title: 'RFC 4231 case 5',
    key: filled(0x0c, 20),
    body: bytes('Test With Truncation'),
    digests: {
      sha256: 'a3b6167473100ee06e0c796c2955552b',
      sha512: '415fad6271580a531d4179bc891d87a6',
    },
  },
  {
    title: 'RFC 4231 case 6',
    key: filled(0xaa, 131),
    body: bytes(LARGER_KEY),
    digests: {
      sha256: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
      sha512:
        '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
    },
  },
  {
    title: 'RFC 4231 case 7',
    key: filled(0xaa, 131),
    body: bytes(LARGER_BOTH),
    digests: {
      sha256: '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
      sha512:
        'e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58',
    },
  },
  {
    title: 'RFC 2202 case 1',
    key: filled(0x0b, 20),
    body: bytes('Hi There'),
    digests: { sha1: 'b617318655057264e28bc0b6fb378c8ef146be00' },
  },
  {
    title: 'RFC 2202 case 2',
    key: bytes('Jefe'),
    body: bytes('what do ya want for nothing?'),
    digests: { sha1: 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79' },
  },
  {
    title: 'RFC 2202 case 3',
    key: filled(0xaa, 20),
    body: filled(0xdd, 50),
    digests: { sha1: '125d7342b9ac11cd91a39af48aa17b4f63f175d3' },
  },
  {
    title: 'RFC 2202 case 4',
    key: counting,
    body: filled(0xcd, 50),
    digests: { sha1: '4c9007f4026250c6bc8414f9bf50c86c2d7235da' },
  },
  {
    title: 'RFC 2202 case 5',
    key: filled(0x0c, 20),
    body: bytes('Test With Truncation'),
    digests: { sha1: '4c1a03424b55e07fe7f27be1d58bb9324a9a5a04' },
  },
  {
    title: 'RFC 2202 case 6',
    key: filled(0xaa, 80),
    body: bytes(LARGER_KEY),
    digests: { sha1: 'aa4ae5e15272d00e95705637ce8a3b55ed402112' },
  },
  {
    title: 'RFC 2202 case 7',
    key: filled(0xaa, 80),
    body: bytes('Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data'),
    digests: { sha1: 'e8e99d0f45237d786d6bbaa7965c7808bbff1a91' },
  },
]

const rfcRows = RFC_VECTORS.flatMap(({ title, key, body, digests }) =>
  (Object.entries(digests) as [HmacAlgorithm, string][]).map(([algorithm, digest]) => ({
    title,
    key,
    body,
    algorithm,
    digest,
  })),
)

describe('hmac', () => {
  test.each(rfcRows)('$title, $algorithm: the published digest', ({ key, body, algorithm, digest }) => {
    expect(hex(hmac(key, body, algorithm)).slice(0, digest.length)).toBe(digest)
  })

  test('an empty key never makes a hash that anybody can compute', () => {
    expect(() => hmac(new Uint8Array(0), bytes('body'), 'sha256')).toThrow(RangeError)
  })

  test('a missing key never makes an unkeyed hash', () => {
    expect(() => hmac(undefined as unknown as Uint8Array, bytes('body'), 'sha256')).toThrow()
  })
})

const SECRET = 'canary-secret-2f8a7b'
const BODY = bytes('{"zen":"Keep it logically awesome."}')
const DIGITS = { sha1: 40, sha256: 64, sha512: 128 } as const
const sign = (algorithm: HmacAlgorithm, secret = SECRET, body: Uint8Array = BODY) =>
  createHmac(algorithm, secret).update(body).digest('hex')

/** A secret is text, so only keys of ASCII bytes can be told by one; truncated digests are refused. */
const rfcTextRows = rfcRows.filter(
  ({ key, algorithm, digest }) => key.every((byte) => byte < 0x80) && digest.length === DIGITS[algorithm],
)

describe('verifySignature: what is accepted', () => {
  test.each(rfcTextRows)('$title, $algorithm: as a header', ({ key, body, algorithm, digest }) => {
    const secret = new TextDecoder().decode(key)
    for (const signature of [digest, `${algorithm}=${digest}`, digest.toUpperCase()]) {
      expect(verifySignature({ body, signature, secret, algorithm })).toEqual({ verified: true })
    }
  })

  test("GitHub's published example", () => {
    const verdict = verifySignature({
      body: bytes('Hello, World!'),
      signature: 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
      secret: "It's a Secret to Everybody",
      algorithm: 'sha256',
    })
    expect(verdict).toEqual({ verified: true })
  })

  test.each(['sha1', 'sha256', 'sha512'] as const)(
    '%s: bare, prefixed, upper-case and mixed digits',
    (algorithm) => {
      const digest = sign(algorithm)
      const mixed = digest.slice(0, 20).toUpperCase() + digest.slice(20)
      for (const signature of [
        digest,
        `${algorithm}=${digest}`,
        digest.toUpperCase(),
        `${algorithm}=${mixed}`,
      ]) {
        expect(verifySignature({ body: BODY, signature, secret: SECRET, algorithm })).toEqual({
          verified: true,
        })
      }
    },
  )

  test('a secret beyond ASCII is its UTF-8 bytes', () => {
    const secret = 'schlüssel-鍵-🔑'
    const signature = createHmac('sha256', Buffer.from(secret, 'utf8')).update(BODY).digest('hex')
    expect(verifySignature({ body: BODY, signature, secret, algorithm: 'sha256' })).toEqual({
      verified: true,
    })
  })

  test.each([
    ['empty', new Uint8Array(0)],
    ['NUL bytes', filled(0, 100)],
    ['invalid UTF-8', Uint8Array.from([0xff, 0xfe, 0xc3, 0x28, 0x80])],
    ['a view into a larger buffer', new Uint8Array(bytes('xxhelloxx').buffer, 2, 5)],
  ])('a body of any bytes: %s', (_, body) => {
    const signature = sign('sha256', SECRET, body)
    expect(verifySignature({ body, signature, secret: SECRET, algorithm: 'sha256' })).toEqual({
      verified: true,
    })
  })
})

const GOOD = sign('sha256')
const NOT_64_DIGITS = 'the value is not 64 hexadecimal digits'
const NO_MATCH = 'the digest does not match'
const OTHER_PREFIX = 'the prefix is not sha256=, which the trigger asks for'
const flipped = Uint8Array.from(BODY, (byte, at) => (at === 7 ? byte ^ 1 : byte))

const REFUSALS: {
  title: string
  signature: string
  reason: string
  secret?: string | null
  body?: Uint8Array
  algorithm?: HmacAlgorithm
}[] = [
  { title: 'empty', signature: '', reason: NOT_64_DIGITS },
  { title: 'prefix alone', signature: 'sha256=', reason: NOT_64_DIGITS },
  {
    title: 'prefix of sha1 before a good digest',
    signature: `sha1=${GOOD}`,
    reason: 'the prefix names sha1, the trigger asks for sha256',
  },
  {
    title: 'prefix of sha512 before a good digest',
    signature: `sha512=${GOOD}`,
    reason: 'the prefix names sha512, the trigger asks for sha256',
  },
  {
    title: 'a true sha1 signature',
    signature: `sha1=${sign('sha1')}`,
    reason: 'the prefix names sha1, the trigger asks for sha256',
  },
  { title: 'a true bare sha1 digest', signature: sign('sha1'), reason: NOT_64_DIGITS },
  { title: 'a true bare sha512 digest', signature: sign('sha512'), reason: NOT_64_DIGITS },
  {
    title: 'sha256 prefix at a trigger of sha1',
    algorithm: 'sha1',
    signature: `sha256=${GOOD}`,
    reason: 'the prefix names sha256, the trigger asks for sha1',
  },
  {
    title: 'bare sha256 at a trigger of sha512',
    algorithm: 'sha512',
    signature: GOOD,
    reason: 'the value is not 128 hexadecimal digits',
  },
  {
    title: 'bare sha256 at a trigger of sha1',
    algorithm: 'sha1',
    signature: GOOD,
    reason: 'the value is not 40 hexadecimal digits',
  },
  { title: 'unknown prefix', signature: `md5=${GOOD}`, reason: OTHER_PREFIX },
  {
    title: 'prefix that is a property of every object',
    signature: `constructor=${GOOD}`,
    reason: OTHER_PREFIX,
  },
  { title: 'prefix __proto__', signature: `__proto__=${GOOD}`, reason: OTHER_PREFIX },
  { title: 'upper-case prefix', signature: `SHA256=${GOOD}`, reason: OTHER_PREFIX },
  { title: 'mixed-case prefix', signature: `Sha256=${GOOD}`, reason: OTHER_PREFIX },
  { title: 'prefix with a dash', signature: `sha-256=${GOOD}`, reason: OTHER_PREFIX },
  { title: 'empty prefix', signature: `=${GOOD}`, reason: OTHER_PREFIX },
  { title: 'blank before the prefix', signature: ` sha256=${GOOD}`, reason: OTHER_PREFIX },
  { title: 'blank before the equals sign', signature: `sha256 =${GOOD}`, reason: OTHER_PREFIX },
  { title: 'blank after the equals sign', signature: `sha256= ${GOOD}`, reason: NOT_64_DIGITS },
  { title: 'colon for the equals sign', signature: `sha256:${GOOD}`, reason: NOT_64_DIGITS },
  { title: 'prefix twice', signature: `sha256=sha256=${GOOD}`, reason: NOT_64_DIGITS },
  { title: 'blank in front', signature: ` ${GOOD}`, reason: NOT_64_DIGITS },
  { title: 'blank behind', signature: `${GOOD} `, reason: NOT_64_DIGITS },
  { title: 'line feed behind', signature: `${GOOD}\n`, reason: NOT_64_DIGITS },
  { title: 'NUL behind', signature: `${GOOD}\0`, reason: NOT_64_DIGITS },
  { title: 'truncated by one', signature: GOOD.slice(0, -1), reason: NOT_64_DIGITS },
  { title: 'truncated by a byte', signature: `sha256=${GOOD.slice(0, -2)}`, reason: NOT_64_DIGITS },
  { title: 'one more digit', signature: `${GOOD}0`, reason: NOT_64_DIGITS },
  { title: 'one more byte', signature: `sha256=${GOOD}00`, reason: NOT_64_DIGITS },
  { title: 'one that is no digit', signature: `${GOOD.slice(0, -1)}g`, reason: NOT_64_DIGITS },
  { title: 'nothing that is a digit', signature: 'z'.repeat(64), reason: NOT_64_DIGITS },
  { title: 'with 0x', signature: `0x${GOOD}`, reason: NOT_64_DIGITS },
  { title: 'full-width digits', signature: '１'.repeat(64), reason: NOT_64_DIGITS },
  { title: 'Arabic-Indic digits', signature: '٣'.repeat(64), reason: NOT_64_DIGITS },
  {
    title: 'base64 of the digest',
    signature: Buffer.from(GOOD, 'hex').toString('base64url'),
    reason: NOT_64_DIGITS,
  },
  { title: 'two headers joined, bare', signature: `${GOOD}, ${GOOD}`, reason: NOT_64_DIGITS },
  {
    title: 'two headers joined, prefixed',
    signature: `sha256=${GOOD}, sha256=${GOOD}`,
    reason: NOT_64_DIGITS,
  },
  {
    title: 'a bad and the good one joined',
    signature: `sha256=${'0'.repeat(64)},sha256=${GOOD}`,
    reason: NOT_64_DIGITS,
  },
  { title: 'quoted', signature: `"${GOOD}"`, reason: NOT_64_DIGITS },
  { title: 'the secret itself', signature: SECRET, reason: NOT_64_DIGITS },
  { title: 'the secret as prefix', signature: `${SECRET}=${GOOD}`, reason: OTHER_PREFIX },
  {
    title: 'first digit changed',
    signature: (GOOD.startsWith('0') ? '1' : '0') + GOOD.slice(1),
    reason: NO_MATCH,
  },
  {
    title: 'last digit changed',
    signature: GOOD.slice(0, -1) + (GOOD.endsWith('0') ? '1' : '0'),
    reason: NO_MATCH,
  },
  { title: 'zeros', signature: '0'.repeat(64), reason: NO_MATCH },
  { title: 'body with one bit flipped', body: flipped, signature: GOOD, reason: NO_MATCH },
  {
    title: 'body with a line feed more',
    body: Buffer.concat([BODY, bytes('\n')]),
    signature: GOOD,
    reason: NO_MATCH,
  },
  { title: 'empty body', body: new Uint8Array(0), signature: GOOD, reason: NO_MATCH },
  { title: 'digest of another secret', signature: sign('sha256', 'another secret'), reason: NO_MATCH },
  { title: 'secret in upper case', secret: SECRET.toUpperCase(), signature: GOOD, reason: NO_MATCH },
  {
    title: 'plain hash of the body',
    signature: new Bun.CryptoHasher('sha256').update(BODY).digest('hex'),
    reason: NO_MATCH,
  },
  { title: 'HMAC of an empty key', signature: sign('sha256', ''), reason: NO_MATCH },
  {
    title: 'empty secret, HMAC of an empty key',
    secret: '',
    signature: sign('sha256', ''),
    reason: 'the trigger has no secret',
  },
  {
    title: 'no secret, plain hash',
    secret: null,
    signature: new Bun.CryptoHasher('sha256').update(BODY).digest('hex'),
    reason: 'the trigger has no secret',
  },
  {
    title: 'undefined secret',
    secret: undefined as unknown as null,
    signature: sign('sha256', 'undefined'),
    reason: 'the trigger has no secret',
  },
]

/** Spelt out, because an explicit `undefined` in a row is one of the cases. */
const verifyRow = (row: (typeof REFUSALS)[number]) =>
  verifySignature({
    body: row.body ?? BODY,
    signature: row.signature,
    secret: 'secret' in row ? (row.secret as string | null) : SECRET,
    algorithm: row.algorithm ?? 'sha256',
  })

describe('verifySignature: what is refused, and with which reason', () => {
  test.each(REFUSALS)('$title', (row) => {
    expect(verifyRow(row)).toEqual({ verified: false, reason: row.reason })
  })

  test('no reason discloses the expected digest, the secret or what the sender wrote', () => {
    for (const row of REFUSALS) {
      const verdict = verifyRow(row)
      const reason = verdict.verified ? '' : verdict.reason.toLowerCase()
      expect(reason).not.toBe('')
      for (const algorithm of ['sha1', 'sha256', 'sha512'] as const) {
        const expected = sign(algorithm, SECRET, row.body ?? BODY)
        for (let at = 0; at + 8 <= expected.length; at++)
          expect(reason).not.toContain(expected.slice(at, at + 8))
      }
      expect(reason).not.toContain(SECRET)
      expect(reason).not.toMatch(/[0-9a-f]{8}/)
    }
  })

  test('every single bit of the digest counts', () => {
    for (let bit = 0; bit < 256; bit++) {
      const wrong = Buffer.from(GOOD, 'hex')
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const signature = `sha256=${wrong.toString('hex')}`
      expect(verifySignature({ body: BODY, signature, secret: SECRET, algorithm: 'sha256' }).verified).toBe(
        false,
      )
    }
  })
})

describe('findSignature', () => {
  const find = (headers: Record<string, string>) => findSignature((name) => headers[name] ?? null)

  test('asks for lower-case names in the order of the contract', () => {
    expect([...SIGNATURE_HEADERS]).toEqual(['x-webhook-signature', 'x-hub-signature-256', 'x-hub-signature'])
  })

  test.each([
    { title: 'none', headers: {}, found: null },
    { title: 'a header of another scheme', headers: { 'stripe-signature': 'a' }, found: null },
    { title: 'ours', headers: { 'x-webhook-signature': 'a' }, found: 'a' },
    { title: "GitHub's", headers: { 'x-hub-signature-256': 'b' }, found: 'b' },
    { title: "GitHub's old one", headers: { 'x-hub-signature': 'c' }, found: 'c' },
    { title: 'both of GitHub', headers: { 'x-hub-signature': 'c', 'x-hub-signature-256': 'b' }, found: 'b' },
    {
      title: 'all',
      headers: { 'x-hub-signature': 'c', 'x-hub-signature-256': 'b', 'x-webhook-signature': 'a' },
      found: 'a',
    },
    {
      title: 'an empty first one',
      headers: { 'x-webhook-signature': '', 'x-hub-signature-256': 'b' },
      found: '',
    },
  ] as { title: string; headers: Record<string, string>; found: string | null }[])(
    '$title',
    ({ headers, found }) => {
      expect(find(headers)).toBe(found)
    },
  )
})

describe(`GitHub's scheme as ${github.oracle} judges it`, () => {
  /** GitHub's own scheme asks for the prefix; the generic one takes the digits alone, too. */
  const isBare = (headers: object): boolean =>
    Object.values(headers).some((value) => /^[0-9a-f]{64}$/i.test(value))
  const vectors = github.vectors.filter(({ binding, headers }) => binding && !isBare(headers))

  test.each(vectors)('$id: $expect', ({ secret, headers, body, expect: expected }) => {
    const received = new Headers(Object.entries(headers))
    const signature = findSignature((name) => received.get(name))
    const verified =
      signature !== null &&
      verifySignature({ body: bytes(body), signature, secret, algorithm: 'sha256' }).verified
    expect(verified).toBe(expected === 'valid')
  })
})
