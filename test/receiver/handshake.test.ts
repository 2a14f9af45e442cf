/** Handshakes through the assembled receiver: what is answered, what is turned away, what the trail keeps, and that none is an event. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { Sealing } from '../../src/core/sealing.ts'
import type { StoredVerification } from '../../src/core/trigger.ts'
import { makeCertificate } from '../support/certificate.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'

const SECRET = 'canary-secret-of-the-sender'
const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:MyTopic'
const TOKEN = 'qgg8vlvZRS6UYooatFL8Aw'
const LONG = 'a'.repeat(257)
const discord = generateKeyPairSync('ed25519')
const amazon = makeCertificate()

const hex = (text: string) => createHmac('sha256', SECRET).update(text).digest('hex')
const seconds = () => Math.floor(Date.now() / 1_000)

interface Sent {
  readonly method?: string
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

const json = (value: unknown): Pick<Sent, 'headers' | 'body'> => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

const slack = (body: string, secret = SECRET): Sent => {
  const ts = String(seconds())
  const mac = createHmac('sha256', secret).update(`v0:${ts}:${body}`).digest('hex')
  return { headers: { 'x-slack-request-timestamp': ts, 'x-slack-signature': `v0=${mac}` }, body }
}

const zoom = (body: string): Sent => {
  const ts = String(seconds())
  return {
    headers: { 'x-zm-request-timestamp': ts, 'x-zm-signature': `v0=${hex(`v0:${ts}:${body}`)}` },
    body,
  }
}

const twitch = (body: string, type = 'webhook_callback_verification'): Sent => {
  const ts = new Date().toISOString()
  const headers = {
    'twitch-eventsub-message-id': 'm1',
    'twitch-eventsub-message-timestamp': ts,
    'twitch-eventsub-message-type': type,
    'twitch-eventsub-message-signature': `sha256=${hex(`m1${ts}${body}`)}`,
  }
  return { headers, body }
}

const ping = (body: string): Sent => {
  const ts = String(seconds())
  const signature = sign(null, Buffer.from(ts + body), discord.privateKey).toString('hex')
  return { headers: { 'x-signature-ed25519': signature, 'x-signature-timestamp': ts }, body }
}

const SUBSCRIBE_URL = `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=2336412f37f`

function sns(change: Record<string, string> = {}): Sent {
  const message: Record<string, string> = {
    Type: 'SubscriptionConfirmation',
    MessageId: crypto.randomUUID(),
    TopicArn: TOPIC,
    Message: 'You have chosen to subscribe.',
    SubscribeURL: SUBSCRIBE_URL,
    Timestamp: new Date().toISOString(),
    Token: '2336412f37f',
    SignatureVersion: '2',
    SigningCertURL: 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem',
    ...change,
  }
  const names = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
  const text = names.map((name) => `${name}\n${message[name]}\n`).join('')
  const Signature = sign('sha256', Buffer.from(text), amazon.privateKey).toString('base64')
  return {
    headers: { 'content-type': 'text/plain; charset=UTF-8' },
    body: JSON.stringify({ ...message, Signature }),
  }
}

const eventGrid = (code: string): Sent => ({
  headers: { 'content-type': 'application/json', 'aeg-event-type': 'SubscriptionValidation' },
  body: JSON.stringify([
    { eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent', data: { validationCode: code } },
  ]),
})

interface Row {
  readonly title: string
  readonly scheme: string
  readonly with?: Partial<StoredVerification>
  readonly sent: () => Sent
  readonly status: number
  readonly text?: string
  readonly type?: string
  readonly headers?: Record<string, string>
  /** Of the row; left out: it is a handshake. */
  readonly code?: string
}

const META = { config: { verifyToken: 'meatyhamhock' } }
const DISCORD = {
  public_key: discord.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex'),
}
const SNS = { config: { topicArn: TOPIC } }
const refused = { status: 403, code: 'handshake_refused' }
const unsigned = { status: 401 }
const otherMethod = { status: 405, code: 'method_not_allowed' }
const meta = (token: string, challenge = '1158201444') =>
  `?hub.mode=subscribe&hub.challenge=${challenge}&hub.verify_token=${token}`

const ROWS: readonly Row[] = [
  {
    title: 'slack',
    scheme: 'slack',
    sent: () => slack(JSON.stringify({ token: 'x', challenge: TOKEN, type: 'url_verification' })),
    status: 200,
    text: TOKEN,
    type: 'text/plain',
  },
  {
    title: 'slack, unsigned',
    scheme: 'slack',
    sent: () => json({ challenge: TOKEN, type: 'url_verification' }),
    ...unsigned,
    code: 'signature_missing',
  },
  {
    title: 'slack, signed with another secret',
    scheme: 'slack',
    sent: () => slack(JSON.stringify({ challenge: TOKEN, type: 'url_verification' }), 'other'),
    ...unsigned,
    code: 'signature_invalid',
  },
  {
    title: 'slack, markup',
    scheme: 'slack',
    sent: () => slack('{"challenge":"<script>","type":"url_verification"}'),
    ...refused,
  },
  {
    title: 'slack, too long',
    scheme: 'slack',
    sent: () => slack(JSON.stringify({ challenge: LONG, type: 'url_verification' })),
    ...refused,
  },
  {
    title: 'slack, without a challenge',
    scheme: 'slack',
    sent: () => slack('{"type":"url_verification"}'),
    ...refused,
  },
  {
    title: 'zoom',
    scheme: 'zoom',
    sent: () => zoom(JSON.stringify({ event: 'endpoint.url_validation', payload: { plainToken: TOKEN } })),
    status: 200,
    text: JSON.stringify({ plainToken: TOKEN, encryptedToken: hex(TOKEN) }),
    type: 'application/json',
  },
  {
    title: 'zoom, unsigned',
    scheme: 'zoom',
    sent: () => json({ event: 'endpoint.url_validation', payload: { plainToken: TOKEN } }),
    ...unsigned,
    code: 'signature_missing',
  },
  {
    title: 'zoom, what a webhook signs',
    scheme: 'zoom',
    sent: () => zoom('{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1767268800:{}"}}'),
    ...refused,
  },
  {
    title: 'twitch',
    scheme: 'twitch',
    sent: () => twitch(JSON.stringify({ challenge: TOKEN })),
    status: 200,
    text: TOKEN,
    type: 'text/plain',
  },
  { title: 'twitch, markup', scheme: 'twitch', sent: () => twitch('{"challenge":"<b>"}'), ...refused },
  {
    title: 'discord, webhook events',
    scheme: 'discord',
    with: DISCORD,
    sent: () => ping('{"version":1,"application_id":"1","type":0}'),
    status: 204,
    text: '',
  },
  {
    title: 'discord, interactions',
    scheme: 'discord',
    with: DISCORD,
    sent: () => ping('{"version":1,"application_id":"1","type":1,"id":"2"}'),
    status: 200,
    text: '{"type":1}',
    type: 'application/json',
  },
  {
    title: 'discord, badly signed',
    scheme: 'discord',
    with: DISCORD,
    sent: () => ({ ...ping('{"type":0}'), body: '{"type":0 }' }),
    ...unsigned,
    code: 'signature_invalid',
  },
  {
    title: 'xero, badly signed',
    scheme: 'xero',
    sent: () => ({ headers: { 'x-xero-signature': 'AAAA' }, body: '{"events":[]}' }),
    ...unsigned,
    code: 'signature_invalid',
  },
  {
    title: 'xero',
    scheme: 'xero',
    sent: () => ({
      headers: { 'x-xero-signature': Buffer.from(hex('{"events":[]}'), 'hex').toString('base64') },
      body: '{"events":[]}',
    }),
    status: 200,
    text: '',
  },
  {
    title: 'meta',
    scheme: 'meta',
    with: META,
    sent: () => ({ method: 'GET', query: meta('meatyhamhock') }),
    status: 200,
    text: '1158201444',
    type: 'text/plain',
  },
  {
    title: 'meta, another token',
    scheme: 'meta',
    with: META,
    sent: () => ({ method: 'GET', query: meta('other') }),
    ...refused,
  },
  {
    title: 'meta, no token',
    scheme: 'meta',
    with: META,
    sent: () => ({ method: 'GET', query: meta('') }),
    ...refused,
  },
  {
    title: 'meta, none configured',
    scheme: 'whatsapp',
    sent: () => ({ method: 'GET', query: meta('') }),
    ...refused,
  },
  {
    title: 'meta, markup',
    scheme: 'meta',
    with: META,
    sent: () => ({ method: 'GET', query: meta('meatyhamhock', '%3Cscript%3E') }),
    ...refused,
  },
  {
    title: 'meta, a GET that asks nothing',
    scheme: 'meta',
    with: META,
    sent: () => ({ method: 'GET' }),
    ...otherMethod,
  },
  {
    title: 'meta, another method',
    scheme: 'meta',
    with: META,
    sent: () => ({ method: 'PUT', query: meta('meatyhamhock') }),
    ...otherMethod,
  },
  {
    title: 'x',
    scheme: 'x',
    sent: () => ({ method: 'GET', query: `?crc_token=${TOKEN}&nonce=1` }),
    status: 200,
    text: JSON.stringify({
      response_token: `sha256=${createHmac('sha256', SECRET).update(TOKEN).digest('base64')}`,
    }),
    type: 'application/json',
  },
  {
    title: 'x, a webhook body as token',
    scheme: 'x',
    sent: () => ({ method: 'GET', query: `?crc_token=${encodeURIComponent('{"a":1}')}` }),
    ...refused,
  },
  {
    title: 'x, an empty body as token',
    scheme: 'x',
    sent: () => ({ method: 'GET', query: '?crc_token=' }),
    ...refused,
  },
  {
    title: 'x, too long',
    scheme: 'x',
    sent: () => ({ method: 'GET', query: `?crc_token=${LONG}` }),
    ...refused,
  },
  {
    title: 'x, two tokens',
    scheme: 'x',
    sent: () => ({ method: 'GET', query: '?crc_token=a&crc_token=b' }),
    ...otherMethod,
  },
  {
    title: 'x, a token as body with the signature that anyone can have',
    scheme: 'x',
    sent: () => ({
      headers: {
        'x-twitter-webhooks-signature': `sha256=${createHmac('sha256', SECRET).update(TOKEN).digest('base64')}`,
      },
      body: TOKEN,
    }),
    ...unsigned,
    code: 'signature_invalid',
  },
  {
    title: 'dropbox',
    scheme: 'dropbox',
    sent: () => ({ method: 'GET', query: `?challenge=${TOKEN}` }),
    status: 200,
    text: TOKEN,
    type: 'text/plain',
  },
  {
    title: 'dropbox, markup',
    scheme: 'dropbox',
    sent: () => ({ method: 'GET', query: '?challenge=%3Cscript%3E' }),
    ...refused,
  },
  {
    title: 'dropbox, a line end',
    scheme: 'dropbox',
    sent: () => ({ method: 'GET', query: '?challenge=a%0Ab' }),
    ...refused,
  },
  {
    title: 'nylas',
    scheme: 'nylas',
    sent: () => ({ method: 'GET', query: '?challenge=bc609b38-c81f-47fb-a275-1d9bd61a968b' }),
    status: 200,
    text: 'bc609b38-c81f-47fb-a275-1d9bd61a968b',
    type: 'text/plain',
  },
  {
    title: 'ms-graph',
    scheme: 'ms-graph',
    sent: () => ({
      query: '?validationToken=Validation%3A+Testing+client+Request-Id%3A+1%2F2',
      headers: { 'content-type': 'text/plain' },
    }),
    status: 200,
    text: 'Validation: Testing client Request-Id: 1/2',
    type: 'text/plain',
  },
  {
    title: 'ms-graph, markup',
    scheme: 'ms-graph',
    sent: () => ({ query: '?validationToken=%3Cscript%3E' }),
    ...refused,
  },
  {
    title: 'ms-graph, too long',
    scheme: 'ms-graph',
    sent: () => ({ query: `?validationToken=${'a'.repeat(513)}` }),
    ...refused,
  },
  {
    title: 'okta',
    scheme: 'okta',
    sent: () => ({
      method: 'GET',
      headers: { 'x-okta-verification-challenge': 'my verification challenge' },
    }),
    status: 200,
    text: '{"verification":"my verification challenge"}',
    type: 'application/json',
  },
  {
    title: 'okta, quotes',
    scheme: 'okta',
    sent: () => ({ method: 'GET', headers: { 'x-okta-verification-challenge': 'a"b' } }),
    ...refused,
  },
  {
    title: 'monday',
    scheme: 'monday',
    sent: () => json({ challenge: TOKEN }),
    status: 200,
    text: JSON.stringify({ challenge: TOKEN }),
    type: 'application/json',
  },
  {
    title: 'monday, with more than the challenge',
    scheme: 'monday',
    sent: () => json({ challenge: TOKEN, event: {} }),
    ...unsigned,
    code: 'signature_missing',
  },
  { title: 'monday, markup', scheme: 'monday', sent: () => json({ challenge: '<script>' }), ...refused },
  {
    title: 'event grid',
    scheme: 'azure-event-grid',
    sent: () => eventGrid('512d38b6-c7b8-40c8-89fe-f46f9e9622b6'),
    status: 200,
    text: '{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}',
    type: 'application/json',
  },
  { title: 'event grid, markup', scheme: 'azure-event-grid', sent: () => eventGrid('<script>'), ...refused },
  {
    title: 'cloudevents',
    scheme: 'cloudevents',
    sent: () => ({
      method: 'OPTIONS',
      headers: { 'webhook-request-origin': 'eventgrid.azure.net', 'webhook-request-rate': '120' },
    }),
    status: 200,
    text: '',
    headers: { 'webhook-allowed-origin': 'eventgrid.azure.net', 'webhook-allowed-rate': '*', allow: 'POST' },
  },
  {
    title: 'cloudevents, no origin',
    scheme: 'cloudevents',
    sent: () => ({ method: 'OPTIONS' }),
    ...otherMethod,
  },
  {
    title: 'cloudevents, an origin that is none',
    scheme: 'cloudevents',
    sent: () => ({ method: 'OPTIONS', headers: { 'webhook-request-origin': '*, a' } }),
    ...refused,
  },
  { title: 'trello', scheme: 'trello', sent: () => ({ method: 'HEAD' }), status: 200, text: '' },
  { title: 'mandrill', scheme: 'mandrill', sent: () => ({ method: 'HEAD' }), status: 200, text: '' },
  { title: 'intercom', scheme: 'intercom', sent: () => ({ method: 'HEAD' }), status: 200, text: '' },
  { title: 'intercom, GET', scheme: 'intercom', sent: () => ({ method: 'GET' }), ...otherMethod },
  {
    title: 'github has no handshake, HEAD',
    scheme: 'github',
    sent: () => ({ method: 'HEAD' }),
    ...otherMethod,
  },
  {
    title: 'woocommerce',
    scheme: 'woocommerce',
    sent: () => ({ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'webhook_id=17' }),
    status: 200,
    text: '',
  },
  {
    title: 'woocommerce, more than the ping',
    scheme: 'woocommerce',
    sent: () => ({ body: 'webhook_id=17&a=1' }),
    ...unsigned,
    code: 'signature_missing',
  },
  {
    title: 'asana, not armed',
    scheme: 'asana',
    sent: () => ({ headers: { 'x-hook-secret': TOKEN } }),
    ...refused,
  },
  {
    title: 'notion, not armed',
    scheme: 'notion',
    sent: () => json({ verification_token: TOKEN }),
    ...refused,
  },
  {
    title: 'sns of another topic',
    scheme: 'aws-sns',
    with: { config: { topicArn: `${TOPIC}2` } },
    sent: () => sns(),
    ...unsigned,
    code: 'signature_invalid',
  },
  ...[
    SUBSCRIBE_URL.replace('https', 'http'),
    SUBSCRIBE_URL.replace('amazonaws.com', 'amazonaws.com.example.test'),
    SUBSCRIBE_URL.replace('https://', 'https://a@'),
    SUBSCRIBE_URL.replace('.com/', '.com:8443/'),
    SUBSCRIBE_URL.replace('ConfirmSubscription', 'Unsubscribe'),
    SUBSCRIBE_URL.replace('MyTopic', 'Other'),
    `${SUBSCRIBE_URL}&Action=Unsubscribe`,
    'http://169.254.169.254/',
  ].map(
    (SubscribeURL): Row => ({
      title: `sns with ${SubscribeURL}`,
      scheme: 'aws-sns',
      with: SNS,
      sent: () => sns({ SubscribeURL }),
      ...refused,
    }),
  ),
]

describe.each(engines)('handshakes ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  const confirmed: string[] = []
  let isConfirming = true
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine, {
      sealing: new Sealing(Buffer.alloc(32, 7)),
      publicUrl: 'https://hooks.example.test',
      fetchCertificate: async () => amazon.certificatePem,
      confirm: async (url) => {
        confirmed.push(url)
        return isConfirming
      },
    })
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  async function verifying(
    scheme: string,
    further: Partial<StoredVerification> = {},
    secrets: readonly string[] = ['asana', 'notion', 'aws-sns', 'discord'].includes(scheme) ? [] : [SECRET],
  ): Promise<TestTrigger> {
    const trigger = await receiver.trigger()
    await receiver.store.verifications.set(
      trigger.ref,
      { scheme, ...further },
      secrets.map((text) => ({ label: 'default', text })),
    )
    return trigger
  }

  async function send(trigger: TestTrigger, { method = 'POST', query = '', headers = {}, body }: Sent) {
    const response = await fetch(receiver.url + trigger.path + query, {
      method,
      headers,
      ...(body !== undefined && { body }),
    })
    const row = await receiver.logRow(response.headers.get('x-request-id'))
    return { status: response.status, headers: response.headers, text: await response.text(), row }
  }

  /** Bun's own matcher for rejections waits without giving the embedded database a turn. */
  const refusalOfReveal = ({ ref }: TestTrigger) =>
    receiver.store.handshakes.reveal(ref).then(
      () => null,
      (error: { code?: string }) => error.code,
    )

  const eventsOf = async ({ id }: TestTrigger) =>
    receiver.sql`select id from attune.event where trigger_id = ${id}`
  const secretsOf = async ({ id }: TestTrigger) =>
    receiver.sql<{ label: string; secret: string }[]>`
      select label, secret from attune.webhook_secret where trigger_id = ${id} order by id`

  test.each(ROWS.map((row) => [`${row.title} → ${row.status}`, row] as const))('%s', async (_, row) => {
    const trigger = await verifying(row.scheme, row.with)
    const answer = await send(trigger, row.sent())
    expect(answer.status).toBe(row.status)
    const isAnswered = row.code === undefined
    expect(answer.row).toMatchObject({
      status_code: row.status,
      error_code: row.code ?? null,
      outcome: isAnswered ? 'handshake' : null,
      event_id: null,
    })
    expect(await eventsOf(trigger)).toHaveLength(0)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    for (const [name, value] of Object.entries(row.headers ?? {}))
      expect(answer.headers.get(name)).toBe(value)
    if (row.text !== undefined) expect(answer.text).toBe(row.text)
    if (row.type !== undefined) expect(answer.headers.get('content-type')).toStartWith(row.type)
    // Neither the answer to a refused one nor its row says again what the stranger wanted to be said.
    if (!isAnswered) expect(answer.text + answer.row.error_message).not.toContain('<script>')
    if (row.code === 'method_not_allowed') expect(answer.headers.get('allow')).toBe('POST')
  })

  test('what is no handshake goes on as ever: it is verified, and becomes an event', async () => {
    const body = JSON.stringify({ type: 'event_callback', challenge: TOKEN })
    const { status, row } = await send(await verifying('slack'), slack(body))
    expect([status, row.outcome, row.event_id === row.id]).toEqual([200, null, true])
  })

  test('a handshake is a successful request of the statistics, and creates no event', async () => {
    const trigger = await verifying('dropbox')
    await send(trigger, { method: 'GET', query: `?challenge=${TOKEN}` })
    expect(await receiver.store.stats.ofTrigger(trigger.ref)).toMatchObject({
      totalRequests: 1,
      successfulRequests: 1,
      failedRequests: 0,
      eventsCreated: 0,
    })
  })

  test('a flood of handshakes is merged, and none of them is lost', async () => {
    const trigger = await verifying('trello')
    const count = 400
    await Promise.all(
      Array.from({ length: count }, () => fetch(receiver.url + trigger.path, { method: 'HEAD' })),
    )
    await receiver.store.intakeWriter.flush(10_000)
    const [sum] = await receiver.sql<{ rows: number; attempts: number }[]>`
      select count(*)::integer as rows, sum(attempts)::integer as attempts
      from attune.webhook_event_log where trigger_id = ${trigger.id} and outcome = 'handshake'`
    expect(sum?.attempts).toBe(count)
    expect(sum?.rows).toBeLessThan(count)
  })

  describe('the steps before it', () => {
    test('a disabled trigger answers none', async () => {
      const trigger = await verifying('dropbox')
      await receiver.store.triggers.disableWebhook(trigger.ref)
      const { status, row } = await send(trigger, { method: 'GET', query: `?challenge=${TOKEN}` })
      expect([status, row.error_code]).toEqual([403, 'webhook_disabled'])
    })

    test('an address that is not on the whitelist gets none', async () => {
      const trigger = await verifying('ms-graph')
      await receiver.store.triggers.setIpWhitelist(trigger.ref, ['192.0.2.1'])
      const { status, row } = await send(trigger, { query: `?validationToken=${TOKEN}` })
      expect([status, row.error_code]).toEqual([403, 'ip_not_allowed'])
    })

    test.each([
      ['GET', 'x', `?crc_token=${TOKEN}`],
      ['HEAD', 'trello', ''],
    ])('%s counts against the rate limit', async (method, scheme, query) => {
      const trigger = await verifying(scheme)
      await receiver.store.triggers.setRateLimit(trigger.ref, { requests: 2, window_seconds: 3_600 })
      const statuses: number[] = []
      for (let n = 0; n < 4; n++) statuses.push((await send(trigger, { method, query })).status)
      expect(statuses).toEqual([200, 200, 429, 429])
    })

    test('a trigger without verification has no handshake', async () => {
      const trigger = await receiver.trigger()
      expect((await send(trigger, { method: 'GET', query: `?challenge=${TOKEN}` })).status).toBe(405)
    })

    test('a body that is too long for a handshake is judged like every other', async () => {
      const trigger = await verifying('monday')
      const body = `{"challenge":"${TOKEN}"${' '.repeat(20_000)}}`
      expect((await send(trigger, { body })).row.error_code).toBe('signature_missing')
    })
  })

  describe('a secret that the sender hands over', () => {
    const asana = (secret = TOKEN): Sent => ({ headers: { 'x-hook-secret': secret }, body: '{}' })

    test('is taken while it is expected, echoed, sealed, and in force at once', async () => {
      const trigger = await verifying('asana')
      await receiver.store.handshakes.arm(trigger.ref, 5)
      const { status, headers, row } = await send(trigger, asana())
      expect([status, headers.get('x-hook-secret'), row.outcome]).toEqual([200, TOKEN, 'handshake'])
      expect(JSON.stringify(row)).not.toContain(TOKEN)
      const [stored] = await secretsOf(trigger)
      expect(stored?.label).toBe('handshake')
      expect(stored?.secret).toStartWith('sealed:')
      const body = '{"events":[]}'
      const signature = createHmac('sha256', TOKEN).update(body).digest('hex')
      const delivered = await send(trigger, { headers: { 'x-hook-signature': signature }, body })
      expect([delivered.status, delivered.row.verified_by]).toEqual([200, 'handshake'])
    })

    test('ends the expectation: the next one is refused', async () => {
      const trigger = await verifying('asana')
      await receiver.store.handshakes.arm(trigger.ref, 5)
      await send(trigger, asana())
      expect((await receiver.store.handshakes.read(trigger.ref)).armedUntil).toBeNull()
      const { status, row } = await send(trigger, asana('another'))
      expect([status, row.error_code]).toEqual([403, 'handshake_refused'])
      expect(await secretsOf(trigger)).toHaveLength(1)
    })

    test('never replaces one that is stored', async () => {
      const trigger = await verifying('asana', {}, [SECRET])
      await receiver.store.handshakes.arm(trigger.ref, 5)
      const { status, row } = await send(trigger, asana())
      expect([status, row.error_message]).toEqual([
        403,
        'the trigger has a secret already, which no handshake replaces',
      ])
      expect((await secretsOf(trigger)).map(({ label }) => label)).toEqual(['default'])
    })

    test('is taken in place of one that has expired', async () => {
      const trigger = await verifying('asana')
      await receiver.store.handshakes.arm(trigger.ref, 5)
      await send(trigger, asana())
      await receiver.store.verifications.expire(trigger.ref, 'handshake', 0)
      await receiver.store.handshakes.arm(trigger.ref, 5)
      expect((await send(trigger, asana('another'))).status).toBe(200)
    })

    test('of a hundred at once one is taken, and it alone is echoed', async () => {
      const trigger = await verifying('asana')
      await receiver.store.handshakes.arm(trigger.ref, 5)
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const response = await receiver.post(trigger.path, '{}', { 'x-hook-secret': `secret-${n}` })
          return response.headers.get('x-hook-secret')
        }),
      )
      expect(answers.filter((secret) => secret !== null)).toHaveLength(1)
      expect(await secretsOf(trigger)).toHaveLength(1)
    })

    test.each([
      ['too long', LONG],
      ['blanks', 'a b'],
      ['markup', '<b>'],
    ])('is refused: %s', async (_, secret) => {
      const trigger = await verifying('asana')
      await receiver.store.handshakes.arm(trigger.ref, 5)
      expect((await send(trigger, asana(secret))).row.error_code).toBe('handshake_refused')
      expect(await secretsOf(trigger)).toHaveLength(0)
    })

    test('is refused when the time is over, or was ended', async () => {
      const late = await verifying('asana')
      await receiver.store.handshakes.arm(late.ref, 5)
      await receiver.sql`
        update attune.trigger set webhook_handshake_armed_until = now() - interval '1 second' where id = ${late.id}`
      const ended = await verifying('asana')
      await receiver.store.handshakes.arm(ended.ref, 5)
      await receiver.store.handshakes.disarm(ended.ref)
      for (const trigger of [ended, late]) {
        expect((await send(trigger, asana())).row.error_code).toBe('handshake_refused')
        expect(await secretsOf(trigger)).toHaveLength(0)
      }
    })

    test('that its sender wants back is shown once, and never again', async () => {
      const trigger = await verifying('notion')
      await receiver.store.handshakes.arm(trigger.ref, 5)
      const { status, text, row } = await send(trigger, json({ verification_token: TOKEN }))
      expect([status, text, row.outcome]).toEqual([200, '', 'handshake'])
      expect(JSON.stringify(row)).not.toContain(TOKEN)
      expect(row.error_message).toContain('handshake reveal')
      expect((await receiver.store.handshakes.reveal(trigger.ref)).secret).toBe(TOKEN)
      expect(await refusalOfReveal(trigger)).toBe('secret_unknown')
    })

    test('that its sender does not want back is never shown', async () => {
      const trigger = await verifying('asana')
      await receiver.store.handshakes.arm(trigger.ref, 5)
      await send(trigger, asana())
      expect(await refusalOfReveal(trigger)).toBe('secret_unknown')
    })
  })

  describe('a subscription of SNS', () => {
    test('is confirmed while that is expected', async () => {
      const trigger = await verifying('aws-sns', SNS)
      await receiver.store.handshakes.arm(trigger.ref, 5)
      confirmed.length = 0
      const { status, row } = await send(trigger, sns())
      expect([status, row.outcome, row.error_message]).toEqual([
        200,
        'handshake',
        'the subscription was confirmed',
      ])
      expect(confirmed).toEqual([SUBSCRIBE_URL])
    })

    test('is left to the administrator otherwise, who finds the URL in the row', async () => {
      const trigger = await verifying('aws-sns', SNS)
      confirmed.length = 0
      const { status, row } = await send(trigger, sns())
      expect([status, row.outcome]).toEqual([200, 'handshake'])
      expect(row.error_message).toContain(SUBSCRIBE_URL)
      expect(confirmed).toEqual([])
    })

    test('that could not be confirmed is our fault, and the sender comes again', async () => {
      const trigger = await verifying('aws-sns', SNS)
      await receiver.store.handshakes.arm(trigger.ref, 5)
      isConfirming = false
      const { status, row } = await send(trigger, sns())
      isConfirming = true
      expect([status, row.error_code]).toEqual([503, 'store_unavailable'])
    })

    test('that is not signed confirms nothing', async () => {
      const trigger = await verifying('aws-sns', SNS)
      await receiver.store.handshakes.arm(trigger.ref, 5)
      confirmed.length = 0
      const { body = '' } = sns()
      const { status } = await send(trigger, { body: body.replace('You have', 'You had') })
      expect([status, confirmed]).toEqual([401, []])
    })
  })

  test('a secret that is being changed: the one that has signed a handshake answers it', async () => {
    const trigger = await verifying('zoom')
    await receiver.store.verifications.add(trigger.ref, { label: 'next', text: 'the next secret' }, null)
    const { text } = await send(
      trigger,
      zoom(JSON.stringify({ event: 'endpoint.url_validation', payload: { plainToken: TOKEN } })),
    )
    expect(text).toContain(hex(TOKEN))
  })
})
