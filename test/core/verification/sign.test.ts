import { describe, expect, test } from 'bun:test'
import type { HeaderPair } from '../../../src/core/event.ts'
import { verificationRequest } from '../../../src/core/kept-request.ts'
import {
  compileScheme,
  PRESETS,
  SCHEME_KINDS,
  type Scheme,
  type VerificationKeys,
  verify,
} from '../../../src/core/verification/index.ts'
import { SAMPLED_SENDERS, sampleRequest } from '../../../src/core/verification/samples/index.ts'
import { type Signing, sign } from '../../../src/core/verification/sign.ts'
import { SIGNERS } from '../../support/signers.ts'
import { NOW_MS, preset, URL_DEFAULT } from './support.ts'

const NEW_ID = '01a20998-3eb9-7711-a1d9-d65e9efc3e71'
const MOMENT = { nowMs: NOW_MS, newId: NEW_ID }

const keysOf = (name: string): VerificationKeys => {
  const { secret, publicKey, config = {} } = SIGNERS[name] ?? {}
  return {
    secrets: secret === undefined ? [] : [secret],
    config,
    ...(publicKey !== undefined && { publicKey }),
  }
}

const composed = (headers: readonly HeaderPair[], body: string, url = URL_DEFAULT) => ({
  method: 'POST',
  url,
  headers,
  body: Buffer.from(body),
})

const signSample = (name: string, keys = keysOf(name)): Signing => {
  const found = PRESETS.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no scheme ${name}`)
  const sample = sampleRequest(found, MOMENT)
  const request = composed([['content-type', sample.content_type], ...sample.headers], sample.body)
  return sign({ compiled: preset(name), keys, request, ...MOMENT })
}

const judge = async (name: string, signing: Signing, keys = keysOf(name)): Promise<string> => {
  if (!signing.signed) return signing.note
  const verdict = await verify(preset(name), keys, verificationRequest(signing.request), NOW_MS)
  return verdict.verified ? 'verified' : `${verdict.reason}: ${verdict.detail}`
}

/** The sender alone has the key, or nothing is asked for. */
const UNSIGNED = [
  'aws-sns',
  'discord',
  'none',
  'paypal',
  'plaid',
  'sendgrid',
  'standard-webhooks-asymmetric',
  'telnyx',
]

describe.each(PRESETS.map(({ name }) => name))('the sample of %s', (name) => {
  if (UNSIGNED.includes(name)) {
    test('is not signed, and the note says why', () => {
      const signing = signSample(name)
      expect(signing.signed).toBe(false)
      expect(signing.note).toMatch(/private key|no proof/)
    })
    return
  }

  test('is accepted by the engine when it is signed, and not when it is not', async () => {
    const signing = signSample(name)
    expect(await judge(name, signing)).toBe('verified')
    const found = PRESETS.find((each) => each.name === name)
    if (found === undefined || !signing.signed) throw new Error('it was signed')
    const sample = sampleRequest(found, MOMENT)
    const bare = composed([['content-type', sample.content_type], ...sample.headers], sample.body)
    const verdict = await verify(preset(name), keysOf(name), verificationRequest(bare), NOW_MS)
    expect(verdict.verified).toBe(false)
  })

  test('signed with another secret is refused', async () => {
    const { secret = '' } = keysOf(name).secrets.length > 0 ? { secret: keysOf(name).secrets[0] } : {}
    const other = /^whsec_|^[0-9A-F]{64}$|^[A-Za-z0-9+/]{43}=$/.test(secret ?? '')
      ? (secret ?? '').replace(/[0-9](?=[^0-9]*$)/, (digit) => (digit === '1' ? '2' : '1'))
      : `${secret}x`
    const signing = signSample(name, { ...keysOf(name), secrets: [other], config: configWithout(name) })
    expect(signing.signed).toBe(true)
    expect(await judge(name, signing)).not.toBe('verified')
  })

  test('says where the proof is, so that nobody has to see it', () => {
    const signing = signSample(name)
    if (!signing.signed) throw new Error('it was signed')
    const inBody = signing.note?.includes('body') === true
    expect(signing.proofHeaders.size > 0 || signing.proofQuery !== null || inBody).toBe(true)
  })
})

/** Without the further keys that would verify in the place of the secret. */
function configWithout(name: string): VerificationKeys['config'] {
  const { nextSigningKey: _, ...config } = keysOf(name).config
  return config
}

test('at least 25 senders have a sample of their own, and each of them is a sender', () => {
  const names = new Set(PRESETS.map(({ name }) => name))
  expect(SAMPLED_SENDERS.filter((name) => !names.has(name))).toEqual([])
  expect(SAMPLED_SENDERS.length).toBeGreaterThanOrEqual(25)
})

test('no sample has a placeholder left in it, and those of JSON are JSON', () => {
  for (const each of PRESETS) {
    const { body, content_type, headers } = sampleRequest(each, MOMENT)
    expect(`${each.name} ${body} ${JSON.stringify(headers)}`).not.toMatch(/\{(?:uuid|unix|iso)\}/)
    if (content_type.includes('json')) expect(() => JSON.parse(body)).not.toThrow()
  }
})

test('two samples of one sender are two deliveries', () => {
  const github = PRESETS.find(({ name }) => name === 'github')
  if (github === undefined) throw new Error('there is no github')
  const again = { ...MOMENT, newId: '01a20998-3eb9-7711-a1d9-d65e9efc3e72' }
  expect(sampleRequest(github, MOMENT).headers).not.toEqual(sampleRequest(github, again).headers)
})

describe('what cannot be signed says so, and throws nothing', () => {
  const of = (scheme: Scheme | string, keys: VerificationKeys, body: string, type = 'application/json') =>
    sign({
      compiled: typeof scheme === 'string' ? preset(scheme) : compileScheme(scheme),
      keys,
      request: composed([['content-type', type]], body),
      ...MOMENT,
    })
  const KEY: VerificationKeys = { secrets: ['secret-0123456789'], config: {} }

  test.each([
    ['no secret', 'github', { secrets: [], config: {} }, '{}', /no secret/],
    ['an empty secret', 'github', { secrets: [''], config: {} }, '{}', /no secret/],
    ['no secret of the generic scheme', 'generic', { secrets: [], config: {} }, '{}', /no secret/],
    ['a secret that is no base64', 'svix', { secrets: ['whsec_!'], config: {} }, '{}', /base64/],
    ['no configuration', 'pusher', KEY, '{}', /keyId/],
    ['a body that is no form', 'mandrill', KEY, '{}', /form/],
    [
      'a form without the field that is signed',
      'braintree',
      { ...KEY, config: { publicKey: 'p' } },
      '{}',
      /missing/,
    ],
    ['a body that is no JSON', 'mailgun', KEY, 'x=1', /JSON/],
    ['JSON that is a text', 'figma', KEY, '"x"', /JSON/],
    ['JSON with a text in the way', 'mailgun', KEY, '{"signature":"x"}', /JSON/],
    ['an empty list', 'ms-graph', KEY, '{"value":[]}', /list/],
    [
      'a list of other things',
      'adyen-standard',
      { secrets: ['ab'], config: {} },
      '{"notificationItems":[1]}',
      /element/,
    ],
  ])('%s', (_, scheme, keys, body, note) => {
    const signing = of(scheme, keys, body)
    expect(signing.signed).toBe(false)
    expect(signing.note).toMatch(note)
    expect(signing.note).not.toContain('0123456789')
  })

  test('every kind of scheme is signed or says why not, whatever the body is', () => {
    for (const { name } of PRESETS) {
      for (const body of ['', '{', '[]', 'null', 'a=1&a=2', '{"__proto__":{"x":1}}', '\u0000\u00ff']) {
        for (const type of [
          'application/json',
          'application/x-www-form-urlencoded',
          'multipart/form-data; boundary=b',
        ]) {
          const signing = of(name, keysOf(name), body, type)
          if (!signing.signed) expect(signing.note).not.toBe('')
        }
      }
    }
    expect(new Set(PRESETS.map(({ scheme }) => scheme.scheme)).size).toBe(SCHEME_KINDS.length)
  })
})

describe('what the administrator has composed', () => {
  test('stays, but for what the scheme needs', () => {
    const headers: HeaderPair[] = [
      ['Content-Type', 'application/json'],
      ['X-Twice', 'a'],
      ['X-Twice', 'b'],
      ['X-Hub-Signature-256', 'sha256=00'],
    ]
    const request = composed(headers, '{"a": 1}', `${URL_DEFAULT}?x=1`)
    const signing = sign({ compiled: preset('github'), keys: keysOf('github'), request, ...MOMENT })
    if (!signing.signed) throw new Error(signing.note)
    expect(signing.request.headers.slice(0, 3)).toEqual(headers.slice(0, 3))
    expect(signing.request.headers.map(([name]) => name.toLowerCase())).toEqual([
      'content-type',
      'x-twice',
      'x-twice',
      'x-hub-signature-256',
    ])
    expect(signing.request.url).toBe(`${URL_DEFAULT}?x=1`)
    expect(Buffer.from(signing.request.body).toString()).toBe('{"a": 1}')
    expect(signing.note).toBeNull()
  })

  test('keeps its message id, so that a repeated delivery can be tried', () => {
    const headers: HeaderPair[] = [['webhook-id', 'msg_again']]
    const request = composed(headers, '{}')
    const signing = sign({
      compiled: preset('standard-webhooks'),
      keys: keysOf('standard-webhooks'),
      request,
      ...MOMENT,
    })
    if (!signing.signed) throw new Error(signing.note)
    expect(signing.request.headers).toContainEqual(['webhook-id', 'msg_again'])
  })

  test('a token in the URL takes the place of one that is there', async () => {
    const request = composed([], '{}', `${URL_DEFAULT}?token=old&x=1`)
    const signing = sign({ compiled: preset('docker-hub'), keys: keysOf('docker-hub'), request, ...MOMENT })
    if (!signing.signed) throw new Error(signing.note)
    expect(signing.request.url).toBe(`${URL_DEFAULT}?x=1&token=to%26ken`)
    expect(await judge('docker-hub', signing)).toBe('verified')
  })

  test('JSON under Twilio is signed by a digest in the URL', async () => {
    const request = composed([['content-type', 'application/json']], '{"a":1}')
    const signing = sign({ compiled: preset('twilio'), keys: keysOf('twilio'), request, ...MOMENT })
    if (!signing.signed) throw new Error(signing.note)
    expect(signing.request.url).toMatch(/\?bodySHA256=[0-9a-f]{64}$/)
    expect(await judge('twilio', signing)).toBe('verified')
  })
})
