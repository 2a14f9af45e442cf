import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { HeaderPair } from '../../src/core/event.ts'
import type { Preview } from '../../src/core/preview.ts'
import { engines } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type AdminUnderTest, accept, fieldsOf, idAt, reject, startAdmin, triggerWithKey } from './support.ts'

const SECRET = 'canary-secret-0123456789'
const signature = (body: string, secret = SECRET): HeaderPair => [
  'x-hub-signature-256',
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
]

describe.each([...engines])('previews on $name', (engine) => {
  let admin: AdminUnderTest
  beforeAll(async () => {
    admin = await startAdmin(engine)
  }, 30_000)
  afterAll(() => admin.close())

  const ask = (ref: string, json: unknown) => admin.call('POST', `/api/v1/triggers/${ref}/preview`, { json })
  const preview = async (ref: string, json: unknown): Promise<Preview> => {
    const answer = await ask(ref, json)
    expect([answer.status, answer.text]).toEqual([200, answer.text])
    expect(answer.text).not.toContain('canary')
    return answer.data<Preview>()
  }
  const bytes = (text: string) => new TextEncoder().encode(text)

  test('of a trigger without attempts say nothing', async () => {
    await triggerWithKey(admin.store, 'fresh')
    expect(await preview('fresh', { payload_limit: { kb: 1 } })).toMatchObject({ considered: 0, since: null })
  })

  test('of a payload limit, a rate limit and a whitelist go by the rows', async () => {
    const origin = await triggerWithKey(admin.store, 'rows')
    const other = await triggerWithKey(admin.store, 'other')
    const startedMs = Math.floor(Date.now() / 3_600_000) * 3_600_000
    for (const [at, size] of [10, 20, 3_000].entries()) {
      await accept(admin.store, origin, {
        id: idAt(startedMs + at),
        body: bytes('x'.repeat(size)),
        sourceIp: at === 0 ? '10.0.0.1' : '192.0.2.1',
      })
    }
    await accept(admin.store, other, { body: bytes('x'.repeat(5_000)) })
    expect(await preview('rows', { payload_limit: { kb: 1 } })).toMatchObject({
      considered: 3,
      would_pass: 2,
      would_be_refused: 1,
      newly_refused: 1,
      examples: [{ source_ip: '192.0.2.1' }],
    })
    const limit = { requests: 1, window_seconds: 3_600 }
    expect(await preview('rows', { rate_limit: limit })).toMatchObject({ would_pass: 1, newly_refused: 2 })
    expect(await preview('rows', { rate_limit: null })).toMatchObject({ would_pass: 3, newly_refused: 0 })
    const list = await preview('rows', { ip_whitelist: { cidrs: ['10.0.0.0/8'] } })
    expect(list).toMatchObject({
      would_pass: 1,
      would_be_refused: 2,
      locked_out: [{ source_ip: '192.0.2.1', attempts: 2 }],
    })
    expect(await preview('rows', { ip_whitelist: null })).toMatchObject({ would_pass: 3, locked_out: [] })
    const trigger = await admin.store.triggers.read('rows')
    expect([trigger.webhookIpWhitelistEnabled, trigger.webhookRateLimitEnabled]).toEqual([false, false])
  })

  test('of a verification judge what was kept, with the secret that is given', async () => {
    const origin = await triggerWithKey(admin.store, 'judged')
    await accept(admin.store, origin, {
      body: bytes('{"a":1}'),
      headers: [signature('{"a":1}')],
    })
    await accept(admin.store, origin, { body: bytes('{"a":2}'), headers: [signature('{"a":3}')] })
    const given = { verification: { scheme: 'github', secret: SECRET } }
    expect(await preview('judged', given)).toMatchObject({
      considered: 2,
      would_pass: 1,
      would_be_refused: 1,
      unknown: 0,
      newly_refused: 1,
    })
    const other = { verification: { scheme: 'github', secret: 'another-canary' } }
    const refused = await preview('judged', other)
    expect(refused.examples).toMatchObject([{ attempts: 2, reason: expect.stringContaining('signature') }])
    expect(await preview('judged', { verification: null })).toMatchObject({ would_pass: 2, unknown: 0 })
    expect((await admin.store.verifications.read('judged')).scheme).toBeNull()
  })

  test('of a verification use the secrets that are stored, when none is given', async () => {
    const origin = await triggerWithKey(admin.store, 'stored')
    await admin.call('PUT', '/api/v1/triggers/stored/webhooks/verification', {
      json: { scheme: 'github', secret: SECRET },
    })
    await accept(admin.store, origin, { body: bytes('{}'), headers: [signature('{}')] })
    expect(await preview('stored', { verification: { scheme: 'github' } })).toMatchObject({ would_pass: 1 })
  })

  test('of a verification whose secret would be made anew refuse what the former one signed', async () => {
    const origin = await triggerWithKey(admin.store, 'anew')
    await admin.store.triggers.enableHmac('anew', 'sha256', SECRET, [])
    await accept(admin.store, origin, { body: bytes('{}'), headers: [signature('{}')] })
    const judged = (verification: object) => preview('anew', { verification })
    expect(await judged({ scheme: 'generic' })).toMatchObject({ would_pass: 0, newly_refused: 1 })
    expect(await judged({ scheme: 'github' })).toMatchObject({ would_pass: 0, newly_refused: 1 })
    expect(await judged({ scheme: 'github', secret: SECRET })).toMatchObject({ would_pass: 1 })
    // Its sender makes the secret, so that it could not be saved without.
    const answer = await admin.call('POST', '/api/v1/triggers/anew/preview', {
      json: { verification: { scheme: 'stripe' } },
    })
    expect([answer.status, fieldsOf(answer)]).toEqual([422, ['verification.secret']])
  })

  test('of a token that was not kept are unknown, and so is a query', async () => {
    const origin = await triggerWithKey(admin.store, 'redacted')
    await accept(admin.store, origin, { headers: [['x-gitlab-token', '[redacted]']] })
    const gitlab = { verification: { scheme: 'gitlab', secret: SECRET } }
    expect(await preview('redacted', gitlab)).toMatchObject({ unknown: 1, newly_refused: 0 })
    const hub = { verification: { scheme: 'docker-hub', secret: SECRET } }
    expect(await preview('redacted', hub)).toMatchObject({ unknown: 1, newly_refused: 0 })
    const github = { verification: { scheme: 'github', secret: SECRET } }
    expect(await preview('redacted', github)).toMatchObject({ unknown: 0, newly_refused: 1 })
  })

  test('of a signed time judge it by the time of arrival', async () => {
    const origin = await triggerWithKey(admin.store, 'timed')
    // Beyond the tolerance by now, and of today: partitions are made for the days to come.
    const todayMs = Math.floor(Date.now() / 86_400_000) * 86_400_000
    const agoMs = Math.max(todayMs, Date.now() - 400_000)
    const sign = (ts: number): HeaderPair => [
      'stripe-signature',
      `t=${ts},v1=${createHmac('sha256', SECRET).update(`${ts}.{}`).digest('hex')}`,
    ]
    const then = Math.floor(agoMs / 1_000)
    await accept(admin.store, origin, { id: idAt(agoMs), headers: [sign(then)] })
    await accept(admin.store, origin, { id: idAt(agoMs + 1), headers: [sign(then - 1_000)] })
    const given = { verification: { scheme: 'stripe', secret: SECRET } }
    expect(await preview('timed', given)).toMatchObject({ would_pass: 1, newly_refused: 1 })
  })

  test.each([
    ['nothing', {}, ['body']],
    ['two settings', { rate_limit: null, ip_whitelist: null }, ['body']],
    ['an unknown setting', { hmac: {} }, ['hmac']],
    ['no payload limit at all', { payload_limit: null }, ['payload_limit']],
    ['a payload limit of 0', { payload_limit: { kb: 0 } }, ['payload_limit.kb']],
    ['a rate limit of 0', { rate_limit: { requests: 0, window_seconds: 1 } }, ['rate_limit']],
    ['a wrong entry', { ip_whitelist: { cidrs: ['::1', '10.0.0.1/8'] } }, ['ip_whitelist.cidrs[1]']],
    ['an unknown scheme', { verification: { scheme: 'githab' } }, ['verification.scheme']],
    [
      'both secrets',
      { verification: { scheme: 'github', secret: 'canary-1', secrets: ['canary-2'] } },
      ['verification.secrets'],
    ],
    ['a missing key', { verification: { scheme: 'discord' } }, ['verification.public_key']],
    [
      'a secret that cannot be decoded',
      { verification: { scheme: 'svix', secret: 'canary!' } },
      ['verification.secret'],
    ],
    [
      'a line end in a secret',
      { verification: { scheme: 'github', secret: 'canary\n' } },
      ['verification.secret'],
    ],
  ])('of %s are 422, and quote nothing', async (_, json, fields) => {
    await admin.store.triggers.create({ ref: 'wrong' }).catch(() => {})
    const answer = await ask('wrong', json)
    expect([answer.status, fieldsOf(answer)]).toEqual([422, fields])
    expect(answer.text).not.toContain('canary')
  })

  test('of no trigger are 404', async () => {
    expect((await ask('no.such', { rate_limit: null })).problem().code).toBe('trigger_unknown')
  })

  test('of a verification say that what was refused for its signature would pass, and nothing of what came no further than the rate limit', async () => {
    const origin = await triggerWithKey(admin.store, 'mended')
    // From here on nothing is accepted: waiting for the rows of refusals ends the intake.
    await reject(admin.store, origin, { errorCode: 'rate_limited', statusCode: 429, rateLimited: true })
    const body = bytes('{"b":1}')
    const id = await reject(admin.store, origin, { payloadSizeBytes: body.byteLength })
    const headers = [signature('{"b":1}')]
    const { triggerId } = origin
    admin.store.rejectedBodyWriter.keep({ id, triggerId, method: 'POST', query: '', headers, body })
    await admin.store.rejectedBodyWriter.flush()
    await eventually(async () => (await admin.store.rejectedBodies.read(id)) !== null)
    expect(await preview('mended', { verification: { scheme: 'github', secret: SECRET } })).toMatchObject({
      would_pass: 1,
      unknown: 1,
      newly_passed: 1,
    })
  })

  test('leave no secret in the log', () => {
    expect(JSON.stringify(admin.log.entries)).not.toContain('canary')
  })
})
