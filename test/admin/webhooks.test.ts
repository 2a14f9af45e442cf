import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { HmacState, WebhookState } from '../../src/admin/models.ts'
import { Deduplication } from '../../src/core/deduplication.ts'
import type { Trigger } from '../../src/core/trigger.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, fieldsOf, PUBLIC_URL, startAdmin } from './support.ts'

const SECRET = 'canary-secret-5f1d'

describe.each([...engines])('security settings on $name', (engine) => {
  let admin: AdminUnderTest
  let ref: string
  let made = 0

  beforeAll(async () => {
    admin = await startAdmin(engine)
  })
  afterAll(() => admin.close())
  beforeEach(async () => {
    ref = `trigger.${made++}`
    await admin.store.triggers.create({ ref })
  })

  const webhooks = (method: string, rest: string, json?: unknown) =>
    admin.call(method, `/api/v1/triggers/${ref}/webhooks/${rest}`, json === undefined ? {} : { json })
  const enabled = async () => (await webhooks('POST', 'enable')).data<WebhookState>()
  const inForce = (key: string | null) => admin.store.triggerCache.byKey(key ?? '')

  test('enabling makes the key and its URL, and enabling again keeps them', async () => {
    const first = await enabled()
    expect(first.webhook_enabled).toBe(true)
    expect(first.webhook_key).toMatch(/^wh_[A-Za-z0-9]{32}$/)
    expect(first.webhook_url).toBe(`${PUBLIC_URL}/api/v1/webhooks/${first.webhook_key}`)
    expect(await enabled()).toEqual(first)
    expect(await inForce(first.webhook_key)).toMatchObject({ enabled: true })
  })

  test('disabling keeps the key and is in force when the answer arrives', async () => {
    const { webhook_key } = await enabled()
    expect(await inForce(webhook_key)).toMatchObject({ enabled: true })
    const answer = await webhooks('POST', 'disable')
    expect(answer.data<WebhookState>()).toMatchObject({ webhook_enabled: false, webhook_key })
    expect(await inForce(webhook_key)).toMatchObject({ enabled: false })
  })

  test('a regenerated key ends the old one when the answer arrives', async () => {
    const { webhook_key: old } = await enabled()
    expect(await inForce(old)).not.toBeNull()
    const { webhook_key, webhook_url } = (await webhooks('POST', 'regenerate')).data<WebhookState>()
    expect(webhook_key).not.toBe(old)
    expect(webhook_url).toEndWith(String(webhook_key))
    expect(await inForce(old)).toBeNull()
    expect(await inForce(webhook_key)).toMatchObject({ enabled: true })
  })

  test('HMAC without a body makes a secret of 128 characters and asks for sha256', async () => {
    const { webhook_key } = await enabled()
    const answer = await webhooks('PUT', 'hmac')
    expect(answer.status).toBe(200)
    const state = answer.data<HmacState>()
    expect(state).toEqual({
      webhook_hmac_enabled: true,
      webhook_hmac_algorithm: 'sha256',
      secret: expect.stringMatching(/^[0-9a-f]{128}$/),
    })
    expect(await inForce(webhook_key)).toMatchObject({
      signature: { settings: { algorithm: 'sha256', secrets: [{ label: 'default', text: state.secret }] } },
    })
  })

  test('HMAC takes an own secret and algorithm', async () => {
    const { webhook_key } = await enabled()
    const secret = 'Ünïcödé 🙂 & "quotes" \\ $1'
    const answer = await webhooks('PUT', 'hmac', { algorithm: 'sha512', secret })
    expect(answer.data<HmacState>().secret).toBe(secret)
    expect(await inForce(webhook_key)).toMatchObject({
      signature: { settings: { algorithm: 'sha512', secrets: [{ label: 'default', text: secret }] } },
    })
  })

  test('HMAC again replaces the secret', async () => {
    const first = (await webhooks('PUT', 'hmac')).data<HmacState>()
    expect((await webhooks('PUT', 'hmac', {})).data<HmacState>().secret).not.toBe(first.secret)
  })

  test('HMAC off forgets the secret', async () => {
    const { webhook_key } = await enabled()
    await webhooks('PUT', 'hmac', { secret: SECRET })
    const answer = await webhooks('DELETE', 'hmac')
    expect(answer.data<Trigger>().webhook_hmac_enabled).toBe(false)
    expect(await inForce(webhook_key)).toMatchObject({ signature: null })
  })

  test.each([
    ['an algorithm that nobody should use', { algorithm: 'md5' }, ['algorithm']],
    ['an algorithm in capitals', { algorithm: 'SHA256' }, ['algorithm']],
    ['a secret that is too short', { secret: 'short' }, ['secret']],
    ['a secret that is too long', { secret: 'a'.repeat(513) }, ['secret']],
    ['a number for a secret', { secret: 1234567890 }, ['secret']],
    ['null for a secret', { secret: null }, ['secret']],
    ['NUL in a secret', { secret: `${SECRET}\0` }, ['secret']],
    ['a line end in a secret', { secret: `${SECRET}\n` }, ['secret']],
    ['half a surrogate pair in a secret', { secret: `${SECRET}\udc00` }, ['secret']],
    ['a secret under another name', { Secret: SECRET }, ['Secret']],
  ])('HMAC refuses %s, and never repeats it', async (_, json, fields) => {
    const answer = await webhooks('PUT', 'hmac', json)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
    expect(answer.text).not.toContain(SECRET)
    expect(answer.text).not.toContain('1234567890')
    expect((await admin.store.triggers.read(ref)).webhookHmacEnabled).toBe(false)
  })

  test('a secret is in no answer but the one that set it, and in no log entry', async () => {
    await enabled()
    await webhooks('PUT', 'hmac', { secret: SECRET })
    const made = (await webhooks('PUT', 'hmac')).data<HmacState>().secret
    await webhooks('PUT', 'hmac', { secret: SECRET })
    const attempts: [string, string, unknown?][] = admin.app.routes
      .filter(({ method, path }) => method !== 'ALL' && !(method === 'PUT' && path.endsWith('/hmac')))
      .filter(({ method, path }) => !(method === 'DELETE' && path.endsWith('/:ref')))
      .map(({ method, path }) => [method, path.replace(':ref', ref), method === 'GET' ? undefined : {}])
    attempts.push(
      ['PUT', `/api/v1/triggers/${ref}/webhooks/hmac`, { secret: SECRET, algorithm: 'md5' }],
      ['PUT', `/api/v1/triggers/${ref}/webhooks/hmac`, { secret: [SECRET] }],
      ['PUT', `/api/v1/triggers/${ref}/webhooks/hmac`, { secret: `${SECRET}\0` }],
      ['PUT', `/api/v1/triggers/no.such/webhooks/hmac`, { secret: SECRET }],
      ['PATCH', `/api/v1/triggers/${ref}`, { webhook_hmac_secret: SECRET }],
    )
    for (const [method, path, json] of attempts) {
      const answer = await admin.call(method, path, json === undefined ? {} : { json })
      const all = answer.text + JSON.stringify([...answer.headers])
      expect(`${path} ${all.includes(SECRET)} ${all.includes(made)}`).toBe(`${path} false false`)
    }
    const log = JSON.stringify(admin.log.entries)
    expect(log).not.toContain(SECRET)
    expect(log).not.toContain(made)
  })

  test('a rate limit is set and lifted', async () => {
    const { webhook_key } = await enabled()
    const set = await webhooks('PUT', 'rate-limit', { requests: 10_000, window_seconds: 3_600 })
    expect(set.data<Trigger>()).toMatchObject({
      webhook_rate_limit_enabled: true,
      webhook_rate_limit_requests: 10_000,
      webhook_rate_limit_window_seconds: 3_600,
    })
    expect(await inForce(webhook_key)).toMatchObject({
      rateLimit: { requests: 10_000, windowSeconds: 3_600 },
    })
    const lifted = await webhooks('DELETE', 'rate-limit')
    expect(lifted.data<Trigger>().webhook_rate_limit_enabled).toBe(false)
    expect(await inForce(webhook_key)).toMatchObject({ rateLimit: null })
  })

  test.each([
    [{}, ['requests', 'window_seconds']],
    [{ requests: 5 }, ['window_seconds']],
    [{ requests: '5', window_seconds: 60 }, ['requests']],
    [{ requests: 5, window_seconds: '60' }, ['window_seconds']],
    [{ requests: 0, window_seconds: 60 }, ['requests']],
    [{ requests: 10_001, window_seconds: 60 }, ['requests']],
    [{ requests: 5, window_seconds: 0 }, ['window_seconds']],
    [{ requests: 5, window_seconds: 3_601 }, ['window_seconds']],
    [{ requests: 1.5, window_seconds: 60 }, ['requests']],
    [{ requests: -1, window_seconds: 1e308 }, ['requests', 'window_seconds']],
    [{ requests: true, window_seconds: null }, ['requests', 'window_seconds']],
    [{ requests: 5, window_seconds: 60, enabled: false }, ['enabled']],
  ])('a rate limit of %j is 422', async (json, fields) => {
    const answer = await webhooks('PUT', 'rate-limit', json)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test('a whitelist is kept as it is given, and lifted', async () => {
    const { webhook_key } = await enabled()
    const cidrs = ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7', '::1', '192.0.2.0/24']
    const set = await webhooks('PUT', 'ip-whitelist', { cidrs })
    expect(set.data<Trigger>()).toMatchObject({
      webhook_ip_whitelist_enabled: true,
      webhook_ip_whitelist: cidrs,
    })
    expect(await inForce(webhook_key)).toMatchObject({ ipWhitelist: cidrs })
    const lifted = await webhooks('DELETE', 'ip-whitelist')
    expect(lifted.data<Trigger>()).toMatchObject({
      webhook_ip_whitelist_enabled: false,
      webhook_ip_whitelist: [],
    })
    expect(await inForce(webhook_key)).toMatchObject({ ipWhitelist: null })
  })

  test('an empty whitelist is on, and refuses everyone', async () => {
    const { webhook_key } = await enabled()
    const answer = await webhooks('PUT', 'ip-whitelist', { cidrs: [] })
    expect(answer.data<Trigger>().webhook_ip_whitelist_enabled).toBe(true)
    expect(await inForce(webhook_key)).toMatchObject({ ipWhitelist: [] })
  })

  test.each([
    [{}, ['cidrs']],
    [{ cidrs: '10.0.0.0/8' }, ['cidrs']],
    [{ cidrs: null }, ['cidrs']],
    [{ cidrs: ['10.0.0.0/8', '10.0.0.1/8', '::1', 'localhost'] }, ['cidrs[1]', 'cidrs[3]']],
    [
      { cidrs: ['010.0.0.1', '127.1', '1.2.3.4/33', '::1/129'] },
      ['cidrs[0]', 'cidrs[1]', 'cidrs[2]', 'cidrs[3]'],
    ],
    [
      { cidrs: ['::ffff:10.0.0.1', 'FE80::/10', 'fe80::1%eth0', ''] },
      ['cidrs[0]', 'cidrs[1]', 'cidrs[2]', 'cidrs[3]'],
    ],
    [{ cidrs: ['10.0.0.0/8', 5] }, ['cidrs[1]']],
    [{ cidrs: ['1'.repeat(65)] }, ['cidrs[0]']],
    [{ cidrs: ['10.0.0.0/8'], enabled: true }, ['enabled']],
    [{ cidrs: Array.from({ length: 1_001 }, () => '::1') }, ['cidrs']],
  ])('a whitelist names each wrong entry %#', async (json, fields) => {
    const answer = await webhooks('PUT', 'ip-whitelist', json)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
    expect((await admin.store.triggers.read(ref)).webhookIpWhitelistEnabled).toBe(false)
  })

  test('a thousand entries are taken, and a thousand wrong ones are named', async () => {
    const right = Array.from({ length: 1_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`)
    expect((await webhooks('PUT', 'ip-whitelist', { cidrs: right })).status).toBe(200)
    const answer = await webhooks('PUT', 'ip-whitelist', { cidrs: right.map((cidr) => `${cidr}9`) })
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toHaveLength(1_000)
  })

  test('no address is a fault of ours, however it may be written', async () => {
    for (const cidr of [
      '::1.2.3.4',
      '::102:304',
      '::fffe:0:1',
      '::ffff:0:0/96',
      '::ffff:0:0/95',
      '::/0',
      '::1:2',
    ]) {
      const { status } = await webhooks('PUT', 'ip-whitelist', { cidrs: [cidr] })
      expect([cidr, status === 200 || status === 422]).toEqual([cidr, true])
    }
  })

  test('a payload limit is set and goes back to 1024', async () => {
    const { webhook_key } = await enabled()
    const set = await webhooks('PUT', 'payload-limit', { kb: 65_536 })
    expect(set.data<Trigger>().webhook_payload_size_limit_kb).toBe(65_536)
    expect(await inForce(webhook_key)).toMatchObject({ payloadBytesMax: 67_108_864 })
    const reset = await webhooks('DELETE', 'payload-limit')
    expect(reset.data<Trigger>().webhook_payload_size_limit_kb).toBe(1_024)
    expect(await inForce(webhook_key)).toMatchObject({ payloadBytesMax: 1_048_576 })
  })

  test.each([{}, { kb: 0 }, { kb: 65_537 }, { kb: '5' }, { kb: 1.5 }, { kb: null }, { kb: 2 ** 53 }])(
    'a payload limit of %j is 422',
    async (json) => {
      const answer = await webhooks('PUT', 'payload-limit', json)
      expect(answer.status).toBe(422)
      expect(fieldsOf(answer)).toEqual(['kb'])
    },
  )

  const verifies = async (scheme: string, secret?: string) => {
    const answer = await webhooks('PUT', 'verification', {
      scheme,
      ...(secret === undefined ? {} : { secret }),
    })
    expect(answer.status).toBe(200)
  }

  test('deduplication is set by the id of the scheme, or by fields, and switched off', async () => {
    const { webhook_key } = await enabled()
    await verifies('github', SECRET)
    expect(await inForce(webhook_key)).toMatchObject({ deduplication: null })
    const set = await webhooks('PUT', 'deduplication')
    expect(set.data<Trigger>()).toMatchObject({
      webhook_deduplication_enabled: true,
      webhook_deduplication_fields: [],
      webhook_deduplication_window_seconds: 86_400,
    })
    expect(await inForce(webhook_key)).toMatchObject({ deduplication: expect.any(Deduplication) })
    const on = ['header:x-id', 'json:data.0.id']
    const changed = await webhooks('PUT', 'deduplication', { on, window_seconds: 2_592_000 })
    expect(changed.data<Trigger>()).toMatchObject({
      webhook_deduplication_fields: on,
      webhook_deduplication_window_seconds: 2_592_000,
    })
    const off = await webhooks('DELETE', 'deduplication')
    expect(off.data<Trigger>()).toMatchObject({
      webhook_deduplication_enabled: false,
      webhook_deduplication_fields: [],
      webhook_deduplication_window_seconds: 86_400,
    })
    expect(await inForce(webhook_key)).toMatchObject({ deduplication: null })
  })

  test('deduplication asks for a signature check, and for an id', async () => {
    const refused = async (json: object = {}) => {
      const answer = await webhooks('PUT', 'deduplication', json)
      expect([answer.status, fieldsOf(answer)]).toEqual([422, ['on']])
    }
    await refused()
    await refused({ on: ['header:x-id'] })
    await verifies('none')
    await refused({ on: ['header:x-id'] })
    // These two have no id of their own, but what an operator names can be one.
    for (const scheme of ['generic', 'cal-com']) {
      await verifies(scheme, SECRET)
      await refused()
      expect((await webhooks('PUT', 'deduplication', { on: ['json:id'] })).status).toBe(200)
    }
    await verifies('mailgun', SECRET)
    await refused({ on: ['json:id'] })
    expect((await webhooks('PUT', 'deduplication')).status).toBe(200)
    expect((await admin.call('PUT', '/api/v1/triggers/no.such/webhooks/deduplication')).status).toBe(404)
  })

  test.each([
    [{ on: [] }, 'on'],
    [{ on: Array.from({ length: 9 }, () => 'json:id') }, 'on'],
    [{ on: 'json:id' }, 'on'],
    [{ on: ['json:id', 'header:X-Id'] }, 'on[1]'],
    [{ on: ['header:x-*'] }, 'on[0]'],
    [{ on: ['query:id'] }, 'on[0]'],
    [{ on: ['json:a..b'] }, 'on[0]'],
    [{ on: ['json:'] }, 'on[0]'],
    [{ on: [''] }, 'on[0]'],
    [{ on: ['json:a\0'] }, 'on[0]'],
    [{ on: ['json:\ud800'] }, 'on[0]'],
    [{ on: [`json:${'a'.repeat(252)}`] }, 'on[0]'],
    [{ window_seconds: 59 }, 'window_seconds'],
    [{ window_seconds: 2_592_001 }, 'window_seconds'],
    [{ window_seconds: '60' }, 'window_seconds'],
    [{ windows: 60 }, 'windows'],
  ])('deduplication of %j is 422', async (json, field) => {
    await verifies('github', SECRET)
    const answer = await webhooks('PUT', 'deduplication', json)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual([field])
  })

  test('calls without a body take any content type and none', async () => {
    const path = `/api/v1/triggers/${ref}/webhooks`
    for (const headers of [{}, { 'content-type': 'text/plain' }]) {
      expect((await admin.call('POST', `${path}/enable`, { headers })).status).toBe(200)
      expect((await admin.call('PUT', `${path}/hmac`, { headers })).status).toBe(200)
      expect((await admin.call('DELETE', `${path}/rate-limit`, { headers })).status).toBe(200)
    }
  })
})
