/** Handshakes of senders: the values that they publish, and that nothing outside of the grammar is ever signed or echoed. */
import { describe, expect, test } from 'bun:test'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  isHandshakeText,
  isHandshakeToken,
  isTokenBody,
} from '../../../src/core/verification/handshake-token.ts'
import {
  HANDSHAKES,
  type HandshakeInput,
  type HandshakeOutcome,
  PRESETS,
  signedHandshake,
  unsignedHandshake,
  type VerificationKeys,
  verify,
} from '../../../src/core/verification/index.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { bytes, outcome, preset, requestOf, URL_DEFAULT, VECTOR_FOLDERS } from './support.ts'

interface HandshakeVector {
  readonly provider: string
  readonly id: string
  readonly secret?: string
  readonly verifyToken?: string
  readonly now: number
  readonly request: {
    readonly method: string
    readonly url?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly bodyRef?: string
  }
  readonly response: {
    readonly status: number
    readonly contentType?: string
    readonly body?: string
    readonly json?: unknown
    readonly headers?: Readonly<Record<string, string>>
  }
}

const handshakesIn = (folder: string): readonly HandshakeVector[] =>
  JSON.parse(readFileSync(join(folder, 'handshakes.json'), 'utf8')).handshakes

/** What the vectors leave to whoever reads them: Discord's has no signature. */
interface Completed {
  readonly request: ReturnType<typeof requestOf>
  readonly keys: VerificationKeys
  readonly pem: string | null
}

function completed(vector: HandshakeVector): Completed {
  const { provider, request, secret, verifyToken } = vector
  const sent = (headers: Readonly<Record<string, string>>, body: string) =>
    requestOf({ method: request.method, url: request.url ?? URL_DEFAULT, headers, body: bytes(body) })
  const secrets = [secret ?? 'any secret'].filter(() => provider !== 'discord')
  if (provider === 'discord') {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const body = request.body ?? ''
    const signature = sign(null, bytes(`${vector.now}${body}`), privateKey).toString('hex')
    const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
    return {
      request: sent({ 'x-signature-ed25519': signature, 'x-signature-timestamp': String(vector.now) }, body),
      keys: { secrets, publicKey: key, config: {} },
      pem: null,
    }
  }
  if (request.bodyRef !== undefined) {
    const { body, topicArn, pem } = subscription()
    return { request: sent(request.headers ?? {}, body), keys: { secrets, config: { topicArn } }, pem }
  }
  return {
    request: sent(request.headers ?? {}, request.body ?? ''),
    keys: { secrets, config: verifyToken === undefined ? {} : { verifyToken } },
    pem: null,
  }
}

/** The vectors refer to a confirmation that is not among them. */
function subscription() {
  const { privateKey, certificatePem } = makeCertificate()
  const topicArn = 'arn:aws:sns:eu-central-1:123456789012:MyTopic'
  const message: Record<string, string> = {
    Message: 'You have chosen to subscribe to the topic.',
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    SubscribeURL: `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${topicArn}&Token=2336412f37f`,
    Timestamp: '2026-01-01T12:00:00.000Z',
    Token: '2336412f37f',
    TopicArn: topicArn,
    Type: 'SubscriptionConfirmation',
  }
  const text = Object.entries(message)
    .map(([name, value]) => `${name}\n${value}\n`)
    .join('')
  const body = JSON.stringify({
    ...message,
    SignatureVersion: '2',
    Signature: sign('sha256', bytes(text), privateKey).toString('base64'),
    SigningCertURL: 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem',
  })
  return { body, topicArn, pem: certificatePem }
}

/** As the receiver goes through it: what may come unsigned, then the signature, then what has to be signed. */
async function answerOf(vector: HandshakeVector): Promise<HandshakeOutcome | 'unverified' | null> {
  const compiled = preset(vector.provider)
  const { request, keys, pem } = completed(vector)
  const input: HandshakeInput = { compiled, request, keys, isArmed: true, secretIndex: null }
  const first = unsignedHandshake(input)
  if (first !== null) return first
  const verdict = await verify(compiled, keys, request, vector.now * 1_000, { fetchCertificate: () => pem })
  return verdict.verified ? signedHandshake({ ...input, secretIndex: verdict.secretIndex }) : 'unverified'
}

describe.each(VECTOR_FOLDERS.map((folder, index) => [index === 0 ? 'own' : 'beside', folder]))(
  'vectors, %s',
  (_, folder) => {
    const rows = handshakesIn(folder).map((vector) => [`${vector.provider} ${vector.id}`, vector] as const)

    test.each(rows)('%s', async (_title, vector) => {
      const { response } = vector
      const answer = await answerOf(vector)
      if (response.status === 401) return expect(answer).toBe('unverified')
      if (answer === null || answer === 'unverified') throw new Error('it was not taken for a handshake')
      if (response.status === 403) return expect(answer.kind).toBe('refused')
      if (answer.kind !== 'answer') throw new Error(answer.reason)
      expect(answer.status as number).toBe(response.status)
      if (response.body !== undefined) expect(answer.body).toBe(response.body)
      if (response.json !== undefined) expect(JSON.parse(answer.body)).toEqual(response.json)
      if (response.contentType !== undefined) expect(answer.contentType).toStartWith(response.contentType)
      const names = Object.fromEntries(
        Object.entries(response.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
      )
      expect(answer.headers).toMatchObject(names)
      if (vector.provider === 'aws-sns') expect(answer.effect?.kind).toBe('confirm')
    })
  },
)

const SCHEMES = PRESETS.filter(({ scheme }) => scheme.handshake !== undefined)
const SECRET = 'the secret of the trigger'

test('every handshake belongs to a sender', () => {
  const used = new Set(SCHEMES.map(({ scheme }) => scheme.handshake))
  expect(HANDSHAKES.filter((name) => !used.has(name))).toEqual([])
})

/** Texts near the edge of the grammar as well as any. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.stringMatching(/^[A-Za-z0-9._~+/=-]{1,40}$/),
  fc.stringMatching(/^[A-Za-z0-9 :{}"<>&\r\n-]{1,40}$/),
  fc.constantFrom('a'.repeat(256), 'a'.repeat(257), 'a'.repeat(513), '', 'v0:1:{}', '{"a":1}', '<script>'),
)
const hostile = fc.record({
  preset: fc.constantFrom(...SCHEMES),
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS'),
  given: text,
  form: fc.constantFrom(
    'query',
    'slack',
    'zoom',
    'twitch',
    'challenge',
    'verification_token',
    'grid',
    'header',
    'raw',
  ),
  isArmed: fc.boolean(),
})

function inputOf({
  preset: { name },
  method,
  given,
  form,
  isArmed,
}: typeof hostile extends fc.Arbitrary<infer T> ? T : never): HandshakeInput {
  const value = encodeURIComponent(given.toWellFormed())
  const query = `?challenge=${value}&crc_token=${value}&validationToken=${value}&hub.mode=subscribe&hub.verify_token=right&hub.challenge=${value}`
  const bodies: Record<string, unknown> = {
    slack: { type: 'url_verification', challenge: given },
    zoom: { event: 'endpoint.url_validation', payload: { plainToken: given } },
    twitch: { challenge: given },
    challenge: { challenge: given },
    verification_token: { verification_token: given },
    grid: [{ eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent', data: { validationCode: given } }],
  }
  const headers = {
    'twitch-eventsub-message-type': 'webhook_callback_verification',
    'aeg-event-type': 'SubscriptionValidation',
    ...(form === 'header' && {
      'x-hook-secret': given,
      'x-okta-verification-challenge': given,
      'webhook-request-origin': given,
    }),
  }
  const body = form === 'raw' ? given : JSON.stringify(bodies[form] ?? {})
  const url = form === 'query' ? URL_DEFAULT + query : URL_DEFAULT
  return {
    compiled: preset(name),
    request: requestOf({ method, url, headers, body: bytes(body) }),
    keys: {
      // Asana's and Notion's begin without one.
      secrets: name === 'asana' || name === 'notion' ? [] : [SECRET],
      config: { verifyToken: 'right', topicArn: 'arn:aws:sns:eu-central-1:1:t' },
    },
    isArmed,
    secretIndex: 0,
  }
}

test('nothing is signed, echoed or remembered that is outside of the grammar, whatever a request has', () => {
  let answers = 0
  fc.assert(
    fc.property(hostile, (row) => {
      const input = inputOf(row)
      for (const handshake of [unsignedHandshake, signedHandshake]) {
        const found = handshake(input)
        if (found === null) continue
        if (found.kind === 'refused') {
          if (row.given.length > 3 && !isHandshakeText(row.given))
            expect(found.reason).not.toContain(row.given)
          continue
        }
        answers += 1
        const whole = [found.body, ...Object.values(found.headers)].join(' ')
        expect(whole).not.toMatch(/[<>&'\r\n\0]/)
        if (found.contentType?.startsWith('text/plain')) {
          expect(isHandshakeText(found.body) || isHandshakeToken(found.body)).toBe(true)
        }
        expect(whole).not.toContain(SECRET)
        const mac = createHmac('sha256', SECRET).update(row.given)
        const digest = mac.digest()
        const isSigned = whole.includes(digest.toString('hex')) || whole.includes(digest.toString('base64'))
        if (isSigned) expect(isHandshakeToken(row.given)).toBe(true)
        if (found.effect?.kind === 'remember') {
          expect([isHandshakeToken(found.effect.secret), row.isArmed]).toEqual([true, true])
        }
      }
    }),
    { numRuns: 5_000 },
  )
  expect(answers).toBeGreaterThan(100)
})

test('no body that is taken is a token, so that what X is answered is never the signature of a webhook', async () => {
  const token = fc.stringMatching(/^[A-Za-z0-9._~+/=-]{1,256}$/)
  await fc.assert(
    fc.asyncProperty(token, async (body) => {
      const mac = createHmac('sha256', SECRET).update(body).digest('base64')
      const sent = { headers: { 'x-twitter-webhooks-signature': `sha256=${mac}` }, body: bytes(body) }
      expect(await outcome('x', { secrets: [SECRET], config: {} }, sent)).toBe('body_not_covered')
    }),
    { numRuns: 300 },
  )
})

test('a webhook body, an object or list of JSON, is no token', () => {
  fc.assert(
    fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())), (value) => {
      expect(isTokenBody(bytes(JSON.stringify(value)))).toBe(false)
    }),
  )
})

test('a scheme of the operator that signs more or less than the body lends its secret to no challenge of X', () => {
  const scheme = { ...preset('x').scheme, signed: '{header:x-anything}' }
  const input = {
    compiled: { ...preset('x'), scheme, isPlain: false },
    request: requestOf({ method: 'GET', url: `${URL_DEFAULT}?crc_token=abc`, headers: {}, body: bytes('') }),
    keys: { secrets: [SECRET], config: {} },
    isArmed: true,
    secretIndex: null,
  }
  expect(unsignedHandshake(input)?.kind).toBe('refused')
})
