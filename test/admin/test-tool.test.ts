import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { HeaderPair, WebhookEventLogRow } from '../../src/core/event.ts'
import { TEST_BODY_BYTES_MAX, TEST_HEADERS_LENGTH_MAX, TEST_HEADERS_MAX } from '../../src/core/limits.ts'
import type { SampleRequest } from '../../src/core/preview.ts'
import { PRESETS } from '../../src/core/verification/index.ts'
import { socketPeer } from '../../src/http/client-address.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { createReceiver } from '../../src/receiver/index.ts'
import { engines } from '../support/database.ts'
import { SIGNERS } from '../support/signers.ts'
import { type AdminUnderTest, type Answer, fieldsOf, PUBLIC_URL, startAdmin } from './support.ts'

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

interface Step {
  readonly step: string
  readonly url: string
  readonly headers: HeaderPair[]
  readonly signed: boolean
  readonly note: string | null
  readonly status: number
  readonly body: string
  readonly request_id: string
  readonly elapsed_ms: number
  readonly checks: unknown
  readonly row: WebhookEventLogRow
  readonly problem: string
}

let admin: AdminUnderTest
let receiverUrl = 'http://127.0.0.1:9'
let stopReceiver: () => Promise<void>

beforeAll(async () => {
  admin = await startAdmin(engine, undefined, () => receiverUrl)
  const { store, log } = admin
  const receiver = createReceiver({
    log,
    triggerCache: store.triggerCache,
    rateLimitCounter: store.rateLimitCounter,
    intakeWriter: store.intakeWriter,
    secretUses: store.secretUses,
    rejectedBodyWriter: store.rejectedBodyWriter,
    handshakes: store.handshakes,
    publicUrl: () => PUBLIC_URL,
    fetchCertificate: async () => null,
    confirm: async () => false,
    metrics: createMetrics({
      queues: () => ({ intake: 0, audit: 0, lookups: 0, rateLimit: 0 }),
      isReady: () => true,
    }),
    trustedProxies: [],
    bodyBytesMax: 25 * 1024 * 1024,
    peerAddress: socketPeer,
    cutOff: new AbortController().signal,
  })
  const { server } = receiver.listen({ hostname: '127.0.0.1', port: 0, reusePort: false, development: false })
  receiverUrl = `http://127.0.0.1:${server?.port}`
  stopReceiver = async () => {
    await server?.stop(true)
  }
})
afterAll(async () => {
  await stopReceiver()
  await admin.close()
})

let triggers = 0

async function triggerWith(verification?: object): Promise<string> {
  triggers += 1
  const ref = `tested.t${triggers}`
  await admin.call('POST', '/api/v1/triggers', { json: { ref } })
  await admin.call('POST', `/api/v1/triggers/${ref}/webhooks/enable`)
  if (verification !== undefined) {
    const path = `/api/v1/triggers/${ref}/webhooks/verification`
    const answer = await admin.call('PUT', path, { json: verification })
    expect([answer.status, answer.text]).toEqual([200, answer.text])
  }
  return ref
}

const run = (ref: string, json: object): Promise<Answer> =>
  admin.call('POST', `/api/v1/triggers/${ref}/test`, { json })

const stepsIn = (answer: Answer): Step[] =>
  answer.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Step)

async function steps(ref: string, json: object): Promise<Record<string, Step>> {
  const answer = await run(ref, json)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
  return Object.fromEntries(stepsIn(answer).map((step) => [step.step, step]))
}

const settingsOf = (name: string) => {
  const { secret, publicKey, config } = SIGNERS[name] ?? {}
  return {
    scheme: name,
    ...(secret !== undefined && { secret }),
    ...(publicKey !== undefined && { public_key: publicKey }),
    ...(config !== undefined && Object.keys(config).length > 0 && { config }),
  }
}

describe('a test webhook', () => {
  test('is accepted by the receiver when it is signed, step by step', async () => {
    const ref = await triggerWith({ scheme: 'github', secret: 'canary-secret-0123456789' })
    const answer = await run(ref, {
      sign: true,
      body: '{"zen":"canary"}',
      headers: [['X-GitHub-Event', 'ping']],
    })
    const found = stepsIn(answer)
    expect(found.map(({ step }) => step)).toEqual(['composed', 'sent', 'answered', 'checks', 'recorded'])
    const [composed, , answered, checks, recorded] = found
    const { webhookKey } = await admin.store.triggers.read(ref)
    expect(composed?.url).toBe(`${PUBLIC_URL}/api/v1/webhooks/${webhookKey}`)
    expect(composed?.signed).toBe(true)
    expect(composed?.headers).toContainEqual(['x-hub-signature-256', '[signature]'])
    expect(composed?.headers).toContainEqual(['user-agent', 'attune-webhooks-test/0.1.0'])
    expect(answered?.status).toBe(200)
    expect(answered?.elapsed_ms).toBeGreaterThan(0)
    expect(recorded?.row).toMatchObject({
      id: answered?.request_id,
      trigger_ref: ref,
      status_code: 200,
      hmac_verified: true,
      source_ip: '127.0.0.1',
      user_agent: 'attune-webhooks-test/0.1.0',
    })
    expect(checks?.checks).toEqual(recorded?.row.checks ?? null)
    expect(checks?.checks).toContainEqual({
      check: 'signature',
      verdict: 'passed',
      elapsed_us: expect.any(Number),
    })
    expect(recorded?.row.headers).toContainEqual(['x-hub-signature-256', '[signature]'])
    const { body } = await admin.store.events.read(recorded?.row.event_id ?? '')
    expect(Buffer.from(body).toString()).toBe('{"zen":"canary"}')
  })

  test('is refused when it is not signed, and the row says why', async () => {
    const ref = await triggerWith({ scheme: 'github', secret: 'canary-secret-0123456789' })
    const { composed, answered, recorded } = await steps(ref, { sign: false, body: '{}' })
    expect(composed).toMatchObject({ signed: false, note: null })
    expect(answered?.status).toBe(401)
    expect(JSON.parse(answered?.body ?? '')).toMatchObject({ code: 'signature_missing' })
    expect(recorded?.row).toMatchObject({ error_code: 'signature_missing', event_id: null })
  })

  test('is signed with the secret that is given, in place of the one that is kept', async () => {
    const ref = await triggerWith({ scheme: 'stripe', secret: 'whsec_canary-kept' })
    const wrong = await steps(ref, { sign: true, secret: 'whsec_canary-given' })
    expect(wrong['answered']?.status).toBe(401)
    expect(wrong['recorded']?.row.error_code).toBe('signature_invalid')
    const right = await steps(ref, { sign: true, secret: 'whsec_canary-kept' })
    expect(right['answered']?.status).toBe(200)
  })

  test('is signed as another scheme wants it, which the one of the trigger refuses', async () => {
    const ref = await triggerWith({ scheme: 'github', secret: 'canary-secret-0123456789' })
    const other = await steps(ref, { sign: true, scheme: 'stripe', body: '{}' })
    expect(other['composed']?.headers).toContainEqual(['stripe-signature', '[signature]'])
    expect(other['recorded']?.row.error_code).toBe('signature_missing')
    const own = await steps(ref, { sign: true, scheme: 'github', body: '{}' })
    expect(own['answered']?.status).toBe(200)
  })

  test('under a trigger that asks for no signature is signed when a scheme and a secret are given', async () => {
    const ref = await triggerWith()
    const { composed } = await steps(ref, {
      sign: true,
      scheme: 'github',
      secret: 'canary-given',
      body: '{}',
    })
    expect(composed?.headers).toContainEqual(['x-hub-signature-256', '[signature]'])
    const without = await steps(ref, { sign: true, scheme: 'github', body: '{}' })
    expect(without['composed']).toMatchObject({ signed: false, note: expect.stringContaining('no secret') })
  })

  test('as a scheme that nobody knows is 422', async () => {
    const answer = await run(await triggerWith(), { sign: true, scheme: 'no-such-scheme', body: '{}' })
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining('"field":"scheme"')])
  })

  test('without a body is the sample of the sender', async () => {
    const ref = await triggerWith({ scheme: 'stripe', secret: 'whsec_canary' })
    const { recorded } = await steps(ref, { sign: true })
    const { body } = await admin.store.events.read(recorded?.row.event_id ?? '')
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ type: 'invoice.paid' })
  })

  test('has the bytes that were given, also those that are no text', async () => {
    const ref = await triggerWith()
    const body = Buffer.from([0, 255, 13, 10, 128])
    const given = {
      sign: false,
      body_base64: body.toString('base64'),
      content_type: 'application/octet-stream',
    }
    const { recorded } = await steps(ref, given)
    const event = await admin.store.events.read(recorded?.row.event_id ?? '')
    expect(Buffer.from(event.body)).toEqual(body)
    expect(event.contentType).toBe('application/octet-stream')
  })

  test('under a trigger that asks for no signature says so, and is sent all the same', async () => {
    const { composed, answered } = await steps(await triggerWith(), { sign: true, body: '{}' })
    expect(composed).toMatchObject({ signed: false, note: expect.stringContaining('no signature') })
    expect(answered?.status).toBe(200)
  })

  test('of a sender that alone has its key says so, and is sent all the same', async () => {
    const ref = await triggerWith(settingsOf('discord'))
    const { composed, answered } = await steps(ref, { sign: true })
    expect(composed).toMatchObject({ signed: false, note: expect.stringContaining('private key') })
    expect(answered?.status).toBe(401)
  })

  test('meets the other checks: it comes from this host, whatever it says', async () => {
    const ref = await triggerWith()
    await admin.store.triggers.setIpWhitelist(ref, ['192.0.2.0/24'])
    const refused = await steps(ref, { sign: false, body: '{}' })
    expect(refused['recorded']?.row.error_code).toBe('ip_not_allowed')
    await admin.store.triggers.disableWebhook(ref)
    const disabled = await steps(ref, { sign: false, body: '{}' })
    expect(disabled['answered']?.status).toBe(403)
  })

  test('arrives as it happens: the first steps are there before the receiver has answered', async () => {
    const ref = await triggerWith()
    const late = Promise.withResolvers<Response>()
    const slow = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => late.promise,
    })
    const before = receiverUrl
    receiverUrl = `http://127.0.0.1:${slow.port}`
    try {
      const response = await fetch(`${admin.origin}/api/v1/triggers/${ref}/test`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer test-token-0123456789-0123456789-abcdef',
          'content-type': 'application/json',
        },
        body: JSON.stringify({ sign: false, body: '{}' }),
      })
      const reader = response.body?.getReader()
      let text = ''
      while (!text.includes('"sent"')) text += new TextDecoder().decode((await reader?.read())?.value)
      expect(text).not.toContain('"answered"')
      late.resolve(new Response('late'))
      while (!text.includes('"answered"')) text += new TextDecoder().decode((await reader?.read())?.value)
      await reader?.cancel()
    } finally {
      receiverUrl = before
      await slow.stop(true)
    }
  })
})

describe('of every sender that can be signed', () => {
  const signable = PRESETS.filter(({ name }) => SIGNERS[name]?.secret !== undefined).map(({ name }) => name)

  test.each(signable)('the sample of %s passes the receiver', async (name) => {
    const ref = await triggerWith(settingsOf(name))
    const sample = (await admin.call('GET', `/api/v1/schemes/${name}/sample`)).data<SampleRequest>()
    const answer = await run(ref, {
      sign: true,
      body: sample.body,
      content_type: sample.content_type,
      headers: sample.headers,
    })
    const found = Object.fromEntries(stepsIn(answer).map((step) => [step.step, step]))
    expect(found['composed']?.signed).toBe(true)
    expect([found['answered']?.status, found['recorded']?.row.error_message]).toEqual([200, null])
    expect(found['recorded']?.row.hmac_verified).toBe(true)
    const secret = SIGNERS[name]?.secret ?? ''
    const written = JSON.stringify(secret).slice(1, -1)
    for (const text of [
      secret,
      written,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
    ]) {
      expect(answer.text).not.toContain(text)
    }
  })
})

describe('a wrong test is 422 and sends nothing', () => {
  const many = (count: number, value = 'x') => Array.from({ length: count }, (_, i) => [`x-${i}`, value])
  test.each([
    ['no say in signing', {}, ['sign']],
    ['two bodies', { sign: false, body: '', body_base64: '' }, ['body_base64']],
    ['a body that is no base64', { sign: false, body_base64: '!' }, ['body_base64']],
    ['base64 without its padding', { sign: false, body_base64: 'YQ' }, ['body_base64']],
    ['a body that is too long', { sign: false, body: 'x'.repeat(TEST_BODY_BYTES_MAX + 1) }, ['body']],
    ['a body of too many bytes', { sign: false, body: '€'.repeat(TEST_BODY_BYTES_MAX / 2) }, ['body']],
    ['too many headers', { sign: false, headers: many(TEST_HEADERS_MAX + 1) }, ['headers']],
    [
      'headers that are too long',
      { sign: false, headers: many(2, 'x'.repeat(TEST_HEADERS_LENGTH_MAX / 2)) },
      ['headers'],
    ],
    ['a line end in a value', { sign: false, headers: [['x-a', 'b\r\nx-c: d']] }, ['headers[0]']],
    ['a line end in a name', { sign: false, headers: [['x-a: b\r\nx-c', 'd']] }, ['headers[0]']],
    ['an empty name', { sign: false, headers: [['', 'x']] }, ['headers[0]']],
    ['letters beyond latin1', { sign: false, headers: [['x-a', '€']] }, ['headers[0]']],
    ['NUL in a value', { sign: false, headers: [['x-a', 'b\u0000']] }, ['headers[0]']],
    ['three parts', { sign: false, headers: [['x-a', 'b', 'c']] }, ['headers[0]']],
    ['a content type with a line end', { sign: false, content_type: 'a\r\nx-b: c' }, ['content_type']],
    ['a control character in the secret', { sign: true, secret: 'a\n' }, ['secret']],
    ['a URL of its own', { sign: false, url: 'http://192.0.2.1/' }, ['url']],
    ['a host of its own', { sign: false, host: 'example.test' }, ['host']],
  ])('%s', async (_, json, fields) => {
    const answer = await run(await triggerWith(), json)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test.each([
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'CONNECTION',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Upgrade',
    'Expect',
    'Proxy-Connection',
    'Proxy-Authorization',
    'Content-Type',
    'User-Agent',
    'X-Forwarded-For',
    'X-Real-IP',
    'Forwarded',
    'X-Request-Id',
  ])('a header %s', async (name) => {
    const answer = await run(await triggerWith(), {
      sign: false,
      headers: [
        ['x-a', 'b'],
        [name, 'secret-canary'],
      ],
    })
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(['headers[1]'])
    expect(answer.text).not.toContain('canary')
  })

  test('a trigger without a URL', async () => {
    await admin.call('POST', '/api/v1/triggers', { json: { ref: 'keyless' } })
    const answer = await run('keyless', { sign: false })
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(['ref'])
  })

  test('a trigger that is not there is 404', async () => {
    expect((await run('no.such', { sign: false })).problem().code).toBe('trigger_unknown')
  })

  test('more than an admin body is 413', async () => {
    expect((await run(await triggerWith(), { sign: false, body: 'x'.repeat(1_100_000) })).status).toBe(413)
  })
})

describe('what answers in the place of the receiver', () => {
  const instead = async (fetch: (request: Request) => Response, json: object) => {
    const ref = await triggerWith()
    const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch })
    const before = receiverUrl
    receiverUrl = `http://127.0.0.1:${other.port}`
    try {
      return await steps(ref, json)
    } finally {
      receiverUrl = before
      await other.stop(true)
    }
  }

  test('a redirect is not followed', async () => {
    const paths: string[] = []
    const found = await instead(
      (request) => {
        paths.push(new URL(request.url).pathname)
        return Response.redirect('/elsewhere', 307)
      },
      { sign: false, body: '{}' },
    )
    expect(found['failed']?.problem).toContain('redirect')
    expect(paths).toEqual([expect.stringMatching(/^\/api\/v1\/webhooks\/wh_/)])
  })

  test('an endless answer is cut', async () => {
    const found = await instead(() => new Response('x'.repeat(1_000_000)), { sign: false, body: '{}' })
    expect(found['answered']?.body.length).toBe(64 * 1024)
    expect(found['checks']?.checks).toBeNull()
    expect(found['failed']?.problem).toContain('not in the log')
  })

  test('nobody: the last step says so', async () => {
    const before = receiverUrl
    const ref = await triggerWith()
    receiverUrl = 'http://127.0.0.1:9'
    try {
      const found = await steps(ref, { sign: false, body: '{}' })
      expect(found['failed']?.problem).toContain('Nobody listens')
    } finally {
      receiverUrl = before
    }
  })
})

test('the sample of an unknown scheme is 404', async () => {
  expect((await admin.call('GET', '/api/v1/schemes/nope/sample')).problem().code).toBe('scheme_unknown')
})

test('no secret was written to the log', () => {
  const text = JSON.stringify(admin.log.entries)
  expect(text).not.toContain('canary')
  expect(text).toContain('a test webhook was sent')
})
