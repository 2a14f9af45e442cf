import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { WebhookEventLogRow, WebhookStats } from '../../src/core/event.ts'
import { requestIdTime } from '../../src/core/request-id.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, accept, fieldsOf, idAt, reject, startAdmin, triggerWithKey } from './support.ts'

describe.each([...engines])('the webhook event log on $name', (engine) => {
  let admin: AdminUnderTest
  let origin: Awaited<ReturnType<typeof triggerWithKey>>
  let accepted: string
  let refused: string
  let limited: string
  let blocked: string

  beforeAll(async () => {
    admin = await startAdmin(engine)
    origin = await triggerWithKey(admin.store, 'github.push')
    const at = Date.now()
    accepted = await accept(admin.store, origin, {
      id: idAt(at - 4_000),
      hmacVerified: true,
      verifiedBy: 'default',
      ipAllowed: true,
    })
    refused = await reject(admin.store, origin, { id: idAt(at - 3_000), userAgent: '\u001b[2J<b>' })
    limited = await reject(admin.store, origin, {
      id: idAt(at - 2_000),
      statusCode: 429,
      errorCode: 'rate_limited',
      errorMessage: '11 of 10 in this window',
      hmacVerified: null,
      rateLimited: true,
    })
    blocked = await reject(admin.store, await triggerWithKey(admin.store, 'stripe'), {
      id: idAt(at - 1_000),
      statusCode: 403,
      errorCode: 'ip_not_allowed',
      errorMessage: 'no entry of the whitelist holds 2001:db8::9',
      hmacVerified: null,
      ipAllowed: false,
      sourceIp: '2001:db8::9',
    })
  })
  afterAll(() => admin.close())

  const list = (query: string) => admin.call('GET', `/api/v1/webhook-event-log${query}`)
  const idsOf = async (query: string) => (await list(query)).data<WebhookEventLogRow[]>().map(({ id }) => id)

  test('has a row for each attempt, newest first', async () => {
    expect(await idsOf('')).toEqual([blocked, limited, refused, accepted])
  })

  test('a row has the columns of the table', async () => {
    const rows = (await list('')).data<WebhookEventLogRow[]>()
    expect(rows[3]).toEqual({
      id: accepted,
      trigger_id: origin.triggerId,
      trigger_ref: 'github.push',
      webhook_key: origin.webhookKey,
      event_id: accepted,
      source_ip: '192.0.2.1',
      user_agent: 'test',
      payload_size_bytes: 2,
      headers: [['x-test', '1']],
      status_code: 200,
      error_code: null,
      error_message: null,
      processing_time_ms: expect.any(Number),
      hmac_verified: true,
      rate_limited: false,
      ip_allowed: true,
      verified_by: 'default',
      outcome: null,
      checks: null,
      attempts: 1,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
    })
    expect(rows[2]).toMatchObject({
      event_id: null,
      status_code: 401,
      error_code: 'signature_invalid',
      error_message: 'the digest does not match',
      hmac_verified: false,
      user_agent: '\u001b[2J<b>',
    })
  })

  test('a row is read by the request id that its sender was told', async () => {
    const rows = (await list('')).data<WebhookEventLogRow[]>()
    expect(rows).toHaveLength(4)
    for (const row of rows) {
      const answer = await list(`/${row.id}`)
      expect({ status: answer.status, row: answer.data<WebhookEventLogRow>() }).toEqual({ status: 200, row })
    }
  })

  test.each([
    ['that no attempt has had', () => idAt(Date.now() - 5_000)],
    ['of the same moment and another attempt', () => idAt(requestIdTime(accepted).getTime())],
    ['of another version', () => crypto.randomUUID()],
    ['in capitals', () => accepted.toUpperCase()],
    ['that is none', () => 'latest'],
    ['with SQL in it', () => encodeURIComponent("' or 1=1 --")],
  ])('an id %s is 404', async (_, id) => {
    const answer = await list(`/${id()}`)
    expect([answer.status, answer.problem().code]).toEqual([404, 'log_row_unknown'])
  })

  test('each filter finds its rows, and all of them together', async () => {
    expect(await idsOf('?trigger=stripe')).toEqual([blocked])
    expect(await idsOf('?status=200')).toEqual([accepted])
    expect(await idsOf('?code=rate_limited')).toEqual([limited])
    expect(await idsOf('?ip=2001:db8::9')).toEqual([blocked])
    expect(await idsOf('?ip=2001:0DB8:0:0::9')).toEqual([blocked])
    expect(await idsOf('?ip=::ffff:192.0.2.1')).toEqual([limited, refused, accepted])
    expect(await idsOf('?trigger=github.push&status=401&code=signature_invalid&ip=192.0.2.1')).toEqual([
      refused,
    ])
    expect(await idsOf('?trigger=stripe&status=401')).toEqual([])
    expect(await idsOf('?outcome=accepted')).toEqual([accepted])
    expect(await idsOf('?outcome=refused')).toEqual([blocked, limited, refused])
    expect(await idsOf('?outcome=refused&trigger=github.push')).toEqual([limited, refused])
    expect(await idsOf('?outcome=duplicate')).toEqual([])
    expect(await idsOf('?outcome=accepted&code=rate_limited')).toEqual([])
    const { created } = (await list(`?code=rate_limited`)).data<[WebhookEventLogRow]>()[0]
    expect(await idsOf(`?since=${created}`)).toEqual([blocked, limited])
    expect(await idsOf(`?until=${created}`)).toEqual([refused, accepted])
  })

  test.each([
    ['GITHUB', () => [limited, refused, accepted]],
    ['11 of 10', () => [limited]],
    ['2001:DB8::9', () => [blocked]],
    ['192.0.2.1', () => [limited, refused, accepted]],
    ['\u001b[2J<B>', () => [refused]],
    // As they stand, and not as patterns.
    ['%', () => []],
    ['_', () => []],
    ['\\', () => []],
    ["' or 1=1 --", () => []],
    ['no such text', () => []],
  ])('the text %j is found wherever it is, in either case', async (text, expected) => {
    expect(await idsOf(`?text=${encodeURIComponent(text)}`)).toEqual(expected())
    expect(await idsOf(`?text=${encodeURIComponent(text)}&trigger=no.such`)).toEqual([])
  })

  test('an id is found by a part of it', async () => {
    const part = blocked.slice(-12).toUpperCase()
    expect(await idsOf(`?text=${part}`)).toEqual([blocked])
    expect(await idsOf(`?text=${part}&outcome=refused&trigger=stripe`)).toEqual([blocked])
    expect(await idsOf(`?text=${part}&outcome=accepted`)).toEqual([])
  })

  test.each([1, 2, 3])('walked by pages of %d yields each row once', async (limit) => {
    for (const [filter, expected] of [
      ['', [blocked, limited, refused, accepted]],
      ['&trigger=github.push', [limited, refused, accepted]],
    ] as const) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const answer = await list(`?limit=${limit}${filter}${cursor === null ? '' : `&cursor=${cursor}`}`)
        seen.push(...answer.data<WebhookEventLogRow[]>().map(({ id }) => id))
        cursor = answer.json<{ next_cursor: string | null }>().next_cursor
      } while (cursor !== null)
      expect(seen).toEqual([...expected])
    }
  })

  test.each([
    ['status=99', ['status']],
    ['status=600', ['status']],
    ['status=2xx', ['status']],
    ['code=no_such_code', ['code']],
    ['code=RATE_LIMITED', ['code']],
    ['ip=1.2.3', ['ip']],
    ['ip=010.0.0.1', ['ip']],
    ['ip=10.0.0.0/8', ['ip']],
    ['ip=', ['ip']],
    ['ip=localhost', ['ip']],
    ['ip=fe80::1%25eth0', ['ip']],
    ['trigger=X', ['trigger']],
    ['outcome=REFUSED', ['outcome']],
    ['text=', ['text']],
    [`text=${'x'.repeat(257)}`, ['text']],
    ['text=%00', ['text']],
    ['since=today', ['since']],
    ['until=1750000000', ['until']],
    ['cursor=*', ['cursor']],
    ['limit=501', ['limit']],
    ['error_code=rate_limited', ['error_code']],
  ])('with the query %s is 422', async (query, fields) => {
    const answer = await list(`?${query}`)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test('statistics add up, for one trigger and for all', async () => {
    const one = (await admin.call('GET', '/api/v1/triggers/github.push/stats')).data<WebhookStats>()
    expect(one).toEqual({
      trigger_ref: 'github.push',
      webhook_enabled: true,
      total_requests: 3,
      successful_requests: 1,
      failed_requests: 2,
      rate_limited_requests: 1,
      hmac_failures: 1,
      ip_blocked_requests: 0,
      events_created: 1,
      avg_processing_time_ms: expect.any(Number),
      last_request_at: expect.stringMatching(/Z$/),
    })
    const all = (await admin.call('GET', '/api/v1/stats')).data<WebhookStats>()
    expect(all).toEqual({
      total_requests: 4,
      successful_requests: 1,
      failed_requests: 3,
      rate_limited_requests: 1,
      hmac_failures: 1,
      ip_blocked_requests: 1,
      events_created: 1,
      avg_processing_time_ms: expect.any(Number),
      last_request_at: expect.stringMatching(/Z$/),
    } as unknown as WebhookStats)
  })

  test('statistics of a trigger that nobody has called are zero', async () => {
    await admin.store.triggers.create({ ref: 'silent' })
    const stats = (await admin.call('GET', '/api/v1/triggers/silent/stats')).data<WebhookStats>()
    expect(stats).toMatchObject({ total_requests: 0, avg_processing_time_ms: null, last_request_at: null })
  })
})
