import { describe, expect, test } from 'bun:test'
import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { DIAGNOSES_MAX } from '../../../src/core/limits.ts'
import type { DiagnosisCause } from '../../../src/core/verification/diagnosis.ts'
import { type DoctorCase, diagnose } from '../../../src/core/verification/doctor.ts'
import { SIGNERS } from '../../support/signers.ts'
import { bytes, NOW_MS, preset, requestOf, URL_DEFAULT } from './support.ts'

const SECRET = 'correct-horse-battery-staple'
const KEY = Buffer.from('0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef0123456789abcdef', 'hex')
const WHSEC = `whsec_${KEY.toString('base64')}`
const BODY = '{"id": 12, "text": "a/b, wörtlich", "amount": 1.0}'
const NOW_S = NOW_MS / 1_000

const mac = (
  text: string | Uint8Array,
  key: string | Uint8Array = SECRET,
  hash = 'sha256',
  encoding: 'hex' | 'base64' | 'base64url' = 'hex',
): string => createHmac(hash, key).update(text).digest(encoding)

interface Planted {
  readonly fault: string
  readonly cause: DiagnosisCause
  /** What is true too. */
  readonly besides?: readonly DiagnosisCause[]
  readonly scheme?: string
  readonly secret?: string
  readonly expired?: string
  readonly config?: Record<string, string>
  readonly url?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly nowMs?: number
  readonly hasBody?: boolean
}

const github = (signature: string) => ({ 'x-hub-signature-256': signature })
const stripe = (time: number | string, body = BODY) => ({
  'stripe-signature': `t=${time},v1=${mac(`${time}.${body}`)}`,
})
const svix = (key: string | Uint8Array) => ({
  'svix-id': 'msg_1',
  'svix-timestamp': `${NOW_S}`,
  'svix-signature': `v1,${mac(`msg_1.${NOW_S}.${BODY}`, key, 'sha256', 'base64')}`,
})
const hubspot = (url: string, body = BODY) => ({
  'x-hubspot-request-timestamp': `${NOW_MS}`,
  'x-hubspot-signature-v3': mac(`POST${url}${body}${NOW_MS}`, SECRET, 'sha256', 'base64'),
})

const COMPACT = '{"id":12,"text":"a/b, wörtlich","amount":1.0}'
const SORTED = '{"amount":2,"id":12}'
const FORM = 'payload=%7B%22a%22%3A1%7D'

const PLANTED: readonly Planted[] = [
  { fault: 'settings mended since', cause: 'verifies_now', headers: github(`sha256=${mac(BODY)}`) },
  {
    fault: 'signed with a secret that has expired',
    cause: 'expired_secret',
    expired: 'the-old-one-of-last-year',
    headers: github(`sha256=${mac(BODY, 'the-old-one-of-last-year')}`),
  },
  {
    fault: 'a line end behind the stored secret',
    cause: 'secret_whitespace',
    secret: `${SECRET} `,
    headers: github(`sha256=${mac(BODY)}`),
  },
  {
    fault: 'the sender keyed with a line end',
    cause: 'secret_whitespace',
    headers: github(`sha256=${mac(BODY, `${SECRET}\n`)}`),
  },
  { fault: 'whsec_ used as text', cause: 'secret_rule', scheme: 'svix', secret: WHSEC, headers: svix(WHSEC) },
  {
    fault: 'whsec_ decoded where it is text',
    cause: 'secret_rule',
    scheme: 'stripe',
    secret: WHSEC,
    headers: { 'stripe-signature': `t=${NOW_S},v1=${mac(`${NOW_S}.${BODY}`, KEY)}` },
  },
  {
    fault: 'a secret in hexadecimal digits that is decoded by the sender',
    cause: 'secret_rule',
    secret: KEY.toString('hex'),
    headers: github(`sha256=${mac(BODY, KEY)}`),
  },
  {
    fault: 'a delivery ten minutes late',
    cause: 'clock_skew',
    scheme: 'stripe',
    headers: stripe(NOW_S - 600),
  },
  {
    fault: 'a delivery ten minutes late of compact JSON',
    cause: 'clock_skew',
    scheme: 'stripe',
    headers: stripe(NOW_S - 600, COMPACT),
    body: COMPACT,
  },
  {
    fault: 'a delivery ten minutes late with a secret that has expired',
    cause: 'expired_secret',
    besides: ['clock_skew'],
    scheme: 'stripe',
    secret: 'the-new-one-of-this-year',
    expired: SECRET,
    headers: stripe(NOW_S - 600),
  },
  { fault: 'a clock ahead', cause: 'clock_skew', scheme: 'stripe', headers: stripe(NOW_S + 3_600) },
  { fault: 'milliseconds for seconds', cause: 'timestamp_unit', scheme: 'stripe', headers: stripe(NOW_MS) },
  {
    fault: 'base64 for hexadecimal digits',
    cause: 'signature_encoding',
    headers: github(`sha256=${mac(BODY, SECRET, 'sha256', 'base64')}`),
  },
  {
    fault: 'hexadecimal digits for base64',
    cause: 'signature_encoding',
    scheme: 'shopify',
    headers: { 'x-shopify-hmac-sha256': mac(BODY) },
  },
  {
    fault: 'no prefix',
    cause: 'signature_prefix',
    // There are senders that write it so.
    besides: ['other_scheme'],
    headers: github(mac(BODY)),
  },
  { fault: 'another prefix', cause: 'signature_prefix', headers: github(`v0=${mac(BODY)}`) },
  {
    fault: 'SHA-512 for SHA-256',
    cause: 'signature_algorithm',
    headers: github(`sha256=${mac(BODY, SECRET, 'sha512')}`),
  },
  {
    fault: 'SHA-1 for SHA-256, named so, with the generic scheme',
    cause: 'signature_algorithm',
    besides: ['other_scheme'],
    scheme: 'generic',
    headers: { 'x-hub-signature': `sha1=${mac(BODY, SECRET, 'sha1')}` },
  },
  {
    fault: 'base64 with the generic scheme',
    cause: 'signature_encoding',
    scheme: 'generic',
    headers: { 'x-webhook-signature': mac(BODY, SECRET, 'sha256', 'base64') },
  },
  {
    fault: 'a header of their own',
    cause: 'signature_header',
    scheme: 'generic',
    headers: { 'x-acme-digest': mac(BODY) },
  },
  {
    fault: 'a line end that was added',
    cause: 'body_whitespace',
    headers: github(`sha256=${mac(BODY)}`),
    body: `${BODY}\n`,
  },
  {
    fault: 'a line end that was taken away',
    cause: 'body_whitespace',
    headers: github(`sha256=${mac(`${BODY}\n`)}`),
  },
  {
    fault: 'CR LF made of LF',
    cause: 'body_line_ends',
    headers: github(`sha256=${mac('a\nb\nc')}`),
    body: 'a\r\nb\r\nc',
  },
  {
    fault: 'LF made of CR LF',
    cause: 'body_line_ends',
    headers: github(`sha256=${mac('a\r\nb\r\nc')}`),
    body: 'a\nb\nc',
  },
  ...[
    COMPACT,
    '{"id": 12, "text": "a/b, w\\u00f6rtlich", "amount": 1.0}',
    '{"id":12,"text":"a\\/b, w\\u00f6rtlich","amount":1.0}',
    '{\n  "id": 12,\n  "text": "a/b, wörtlich",\n  "amount": 1.0\n}',
    '{\n    "id": 12,\n    "text": "a/b, wörtlich",\n    "amount": 1.0\n}\n',
  ].map((signed, index) => ({
    fault: `JSON written anew, way ${index + 1}`,
    cause: 'body_reserialised' as const,
    headers: github(`sha256=${mac(signed)}`),
  })),
  {
    fault: 'JSON with its names sorted',
    cause: 'body_reserialised',
    headers: github(`sha256=${mac(SORTED)}`),
    body: '{"id": 12, "amount": 2}',
  },
  {
    fault: 'signed the field and not the form',
    cause: 'body_form_field',
    headers: { ...github(`sha256=${mac('{"a":1}')}`), 'content-type': 'application/x-www-form-urlencoded' },
    body: FORM,
  },
  {
    fault: 'signed the form and not the field',
    cause: 'body_form_field',
    scheme: 'gitea',
    headers: { 'x-gitea-signature': mac(FORM), 'content-type': 'application/x-www-form-urlencoded' },
    body: FORM,
  },
  {
    fault: 'signed what was decoded with loss',
    cause: 'body_decoded',
    headers: github(`sha256=${mac('\ufffda\ufffd')}`),
    body: new Uint8Array([0xff, 0x61, 0xfe]),
  },
  {
    fault: 'another character set',
    cause: 'body_decoded',
    headers: github(`sha256=${mac(Buffer.from('wörtlich', 'latin1'))}`),
    body: 'wörtlich',
  },
  ...[
    URL_DEFAULT.replace('https', 'http'),
    `${URL_DEFAULT}/`,
    URL_DEFAULT.replace('hooks.example.test', 'hooks.example.test:8080'),
    URL_DEFAULT.replace('hooks.example.test', 'inner.example.test'),
  ].map((signed) => ({
    fault: `the URL ${signed}`,
    cause: 'url_changed' as const,
    scheme: 'hubspot-v3',
    headers: { ...hubspot(signed), host: 'inner.example.test' },
  })),
  {
    fault: 'a query that was added',
    cause: 'url_changed',
    scheme: 'hubspot-v3',
    url: `${URL_DEFAULT}?a=1`,
    headers: hubspot(URL_DEFAULT),
  },
  { fault: 'sent by Stripe', cause: 'other_scheme', headers: stripe(NOW_S) },
  {
    fault: 'sent by GitHub to a trigger of Shopify',
    cause: 'other_scheme',
    scheme: 'shopify',
    headers: github(`sha256=${mac(BODY)}`),
  },
  { fault: 'no secret', cause: 'settings_incomplete', secret: '', headers: github(`sha256=${mac(BODY)}`) },
  { fault: 'no header', cause: 'header_missing', headers: {} },
  {
    fault: 'no timestamp',
    cause: 'header_missing',
    scheme: 'slack',
    headers: { 'x-slack-signature': `v0=${mac(BODY)}` },
  },
  {
    fault: 'a token that is not kept',
    cause: 'proof_not_kept',
    scheme: 'gitlab',
    headers: { 'x-gitlab-token': '[redacted]' },
  },
  {
    fault: 'a digest of SHA-1, refused before its body was read',
    cause: 'signature_algorithm',
    besides: ['body_not_kept'],
    scheme: 'generic',
    headers: { 'x-hub-signature': `sha1=${mac(BODY, SECRET, 'sha1')}` },
    hasBody: false,
  },
  { fault: 'no body', cause: 'body_not_kept', headers: github(`sha256=${mac(BODY)}`), hasBody: false },
]

function caseOf(planted: Planted): DoctorCase {
  const { scheme = 'github', secret = SECRET, expired, config = {}, url, headers, body = BODY } = planted
  return {
    schemeName: scheme,
    compiled: preset(scheme),
    live: [{ label: 'live', text: secret }],
    expired: expired === undefined ? [] : [{ label: 'old', text: expired }],
    config,
    request: requestOf({
      headers,
      body: typeof body === 'string' ? bytes(body) : body,
      ...(url === undefined ? {} : { url }),
    }),
    hasBody: planted.hasBody ?? true,
    nowMs: planted.nowMs ?? NOW_MS,
  }
}

describe('the signature doctor', () => {
  test.each([...PLANTED])('names $cause first, and nothing that is not so: $fault', async (planted) => {
    const found = await diagnose(caseOf(planted))
    const [first] = found
    expect(found.map(({ cause }) => cause)).toEqual([planted.cause, ...(planted.besides ?? [])])
    expect(first?.remedy).toMatch(/^[A-Z].*\.$/)
    expect(first?.detail).toMatch(/^[A-Z].*\.$/)
  })

  describe.each(Object.entries(SIGNERS))('of what %s signs', (name, signer) => {
    const { secret, publicKey, config = {}, body: own = BODY } = signer
    const { body, ...sent } = signer.sign(own, NOW_MS)
    const mine = secret === undefined ? [] : [{ label: 'mine', text: secret }]
    const causes = async (given: Pick<DoctorCase, 'live' | 'expired' | 'nowMs'>) => {
      const found = await diagnose({
        schemeName: name,
        compiled: preset(name),
        ...(publicKey !== undefined && { publicKey }),
        config,
        request: requestOf({ ...sent, body: bytes(body) }),
        hasBody: true,
        options: { fetchCertificate: () => signer.certificate ?? null },
        ...given,
      })
      return found.map(({ cause }) => cause)
    }
    const { ts, nextKey } = preset(name).scheme

    // Of a scheme with a next key, the signer uses that one, which stands in the configuration.
    if (secret !== undefined && nextKey === undefined) {
      test('an expired secret is the one cause', async () => {
        expect(await causes({ live: [], expired: mine, nowMs: NOW_MS })).toEqual(['expired_secret'])
      })
    }
    if (ts !== undefined) {
      test('a clock that is off is the one cause', async () => {
        const offMs = (ts.tolerance + 60) * 1_000
        for (const nowMs of [NOW_MS - offMs, NOW_MS + offMs]) {
          expect(await causes({ live: mine, expired: [], nowMs })).toEqual(['clock_skew'])
        }
      })
    }
  })

  test('says by how much a clock is off, and which way', async () => {
    const [late] = await diagnose(
      caseOf({ fault: '', cause: 'clock_skew', scheme: 'stripe', headers: stripe(NOW_S - 600) }),
    )
    const [early] = await diagnose(
      caseOf({ fault: '', cause: 'clock_skew', scheme: 'stripe', headers: stripe(NOW_S + 601) }),
    )
    expect(late?.detail).toContain('600 s behind')
    expect(early?.detail).toContain('601 s ahead of')
  })

  test.each(['github', 'generic', 'stripe', 'svix', 'hubspot-v3', 'gitea', 'shopify', 'slack', 'twilio'])(
    'names no cause for a random signature: %s',
    async (scheme) => {
      const hex = randomBytes(32).toString('hex')
      const base64 = randomBytes(32).toString('base64')
      const headers = {
        'x-hub-signature-256': `sha256=${hex}`,
        'x-webhook-signature': hex,
        'stripe-signature': `t=${NOW_S},v1=${hex}`,
        'svix-id': 'msg_1',
        'svix-timestamp': `${NOW_S}`,
        'svix-signature': `v1,${base64}`,
        'x-hubspot-request-timestamp': `${NOW_MS}`,
        'x-hubspot-signature-v3': base64,
        'x-gitea-signature': hex,
        'x-shopify-hmac-sha256': base64,
        'x-slack-request-timestamp': `${NOW_S}`,
        'x-slack-signature': `v0=${hex}`,
        'x-twilio-signature': randomBytes(20).toString('base64'),
        'content-type': 'application/x-www-form-urlencoded',
      }
      const found = await diagnose(
        caseOf({ fault: '', cause: 'verifies_now', scheme, headers, expired: 'older' }),
      )
      expect(found).toEqual([])
    },
  )

  test('never throws, and quotes neither secret nor digest nor body', async () => {
    const schemes = [
      'github',
      'generic',
      'stripe',
      'svix',
      'hubspot-v3',
      'gitea',
      'aws-sns',
      'twilio',
      'gitlab',
      'vonage',
    ]
    const canary = 'canary-secret-5f1c'
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...schemes),
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('sha256', 'sha1', 'sha512'),
        fc.constantFrom('hex' as const, 'base64' as const, 'base64url' as const),
        fc.string({ maxLength: 40 }),
        fc.boolean(),
        async (scheme, noise, hash, encoding, text, isExpired) => {
          const body = Buffer.concat([Buffer.from('canary-body-77 '), noise])
          const digest = mac(body, canary, hash, encoding)
          const headers = {
            'x-hub-signature-256': digest,
            'stripe-signature': `t=${text},v1=${digest}`,
            'svix-signature': digest,
            'x-custom': digest,
            authorization: text,
            'content-type': 'application/x-www-form-urlencoded',
          }
          const planted = { fault: '', cause: 'verifies_now' as const, scheme, headers, body, secret: canary }
          const found = await diagnose(
            caseOf(isExpired ? { ...planted, secret: 'x', expired: canary } : planted),
          )
          const said = JSON.stringify(found)
          expect(found.length).toBeLessThanOrEqual(DIAGNOSES_MAX)
          expect(said).not.toContain(canary)
          expect(said).not.toContain('canary-body')
          expect(said).not.toContain(digest)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('ends in time on a large body', async () => {
    const body = `[${'{"a":[1,2,3]},'.repeat(150_000)}1]`
    const startedAtMs = performance.now()
    const found = await diagnose(
      caseOf({ fault: '', cause: 'verifies_now', headers: github(`sha256=${mac('')}`), body }),
    )
    expect(found).toEqual([])
    expect(performance.now() - startedAtMs).toBeLessThan(10_000)
  })
})
