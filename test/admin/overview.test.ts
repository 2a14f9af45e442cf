import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Overview, TriggerActivity } from '../../src/core/overview.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, accept, fieldsOf, reject, startAdmin, triggerWithKey } from './support.ts'

describe.each([...engines])('the overview on $name', (engine) => {
  let admin: AdminUnderTest

  beforeAll(async () => {
    admin = await startAdmin(engine)
    const [github, stripe] = [
      await triggerWithKey(admin.store, 'github.push'),
      await triggerWithKey(admin.store, 'stripe'),
    ]
    await triggerWithKey(admin.store, 'silent')
    for (const _ of [1, 2, 3]) await accept(admin.store, github, { hmacVerified: true })
    await reject(admin.store, github)
    await reject(admin.store, stripe, {
      statusCode: 429,
      errorCode: 'rate_limited',
      hmacVerified: null,
      rateLimited: true,
    })
    await reject(admin.store, stripe, {
      statusCode: 403,
      errorCode: 'ip_not_allowed',
      hmacVerified: null,
      ipAllowed: false,
      sourceIp: '2001:db8::9',
    })
    await reject(admin.store, stripe, { statusCode: 413, errorCode: 'payload_too_large', hmacVerified: null })
  }, 30_000)
  afterAll(() => admin.close())

  const totals = {
    accepted: 3,
    signature_refused: 1,
    ip_refused: 1,
    rate_limited: 1,
    otherwise_refused: 1,
  }

  test.each([
    ['hour', 60, 60],
    ['day', 3_600, 24],
    ['week', 3_600, 168],
    ['month', 86_400, 30],
  ])('of a %s has every attempt once, in buckets without gaps', async (window, seconds, buckets) => {
    const overview = (await admin.call('GET', `/api/v1/overview?window=${window}`)).data<Overview>()
    expect(overview).toMatchObject({ window, bucket_seconds: seconds, totals })
    const times = overview.buckets.map(({ at }) => Date.parse(at))
    expect(times).toEqual(Array.from({ length: buckets }, (_, n) => (times[0] ?? 0) + n * seconds * 1000))
    expect(overview.since).toBe(overview.buckets[0]?.at ?? '')
    expect((times.at(-1) ?? 0) + seconds * 1000).toBeGreaterThan(Date.parse(overview.until))
    expect(overview.latest).toMatchObject({
      attempts: 7,
      triggers: [
        { trigger_ref: 'github.push', attempts: 4, refused: 1 },
        { trigger_ref: 'stripe', attempts: 3, refused: 3 },
      ],
      addresses: [
        { source_ip: '192.0.2.1', attempts: 6, refused: 3 },
        { source_ip: '2001:db8::9', attempts: 1, refused: 1 },
      ],
    })
    expect(overview.latest.p95_ms).toBeGreaterThanOrEqual(overview.latest.p50_ms ?? Infinity)
  })

  test('says whether all is well', async () => {
    const read = async () => (await admin.call('GET', '/api/v1/overview')).data<Overview>().health
    expect(await read()).toEqual({
      ready: true,
      database: {
        engine: engine.name,
        answer_ms: expect.any(Number),
        size_bytes: expect.any(Number),
      },
      queues: { intake: 1, audit: 2, lookups: 3, rate_limit: 4 },
    })
    admin.setReady(false)
    expect((await read()).ready).toBe(false)
    admin.setReady(true)
  })

  test.each(['hour', 'day', 'week', 'month'])(
    'of triggers over a %s, those that are there',
    async (window) => {
      const path = `/api/v1/trigger-activity?refs=stripe,no.such,silent,github.push&window=${window}`
      const answer = await admin.call('GET', path)
      expect([answer.status, answer.status === 200 || answer.text]).toEqual([200, true])
      const activities = answer.data<TriggerActivity[]>()
      expect(activities.map(({ trigger_ref }) => trigger_ref)).toEqual(['stripe', 'silent', 'github.push'])
      expect(activities.map(({ totals: { accepted, ip_refused } }) => [accepted, ip_refused])).toEqual([
        [0, 1],
        [0, 0],
        [3, 0],
      ])
      expect(activities.map(({ last_request_at }) => last_request_at !== null)).toEqual([true, false, true])
    },
  )

  test.each([
    ['overview?window=year', ['window']],
    ['overview?since=2026-01-01T00:00:00Z', ['since']],
    ['trigger-activity', ['refs']],
    ['trigger-activity?refs=', ['refs']],
    ['trigger-activity?refs=A', ['refs']],
    ['trigger-activity?refs=a,,b', ['refs']],
    [`trigger-activity?refs=${Array.from({ length: 51 }, (_, n) => `t${n}`).join(',')}`, ['refs']],
  ])('%s is 422', async (path, fields) => {
    const answer = await admin.call('GET', `/api/v1/${path}`)
    expect([answer.status, fieldsOf(answer)]).toEqual([422, fields])
  })
})
