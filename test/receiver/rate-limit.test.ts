import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresqlEngine } from '../../src/store/connection.ts'
import { createTestDatabase, engines, postgresqlMissing, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver, type TestReceiver } from '../support/receiver.ts'

/** So long that no test sees the end of it by accident, except in the last seconds of an hour. */
const HOUR = 3600

/** A window that ends while a test counts would make two of it. */
async function awayFromWindowEnd({ sql }: TestReceiver, windowSeconds: number, marginSeconds: number) {
  await eventually(async () => {
    const [row] = await sql<{ away: boolean }[]>`
      select ${windowSeconds}::int - extract(epoch from clock_timestamp()) % ${windowSeconds}::int > ${marginSeconds}::int as away`
    return row?.away === true
  }, 30_000)
}

describe.each(engines)('rate limit ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine)
    await awayFromWindowEnd(receiver, HOUR, 25)
  }, 60_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  const send = async (path: string): Promise<Response> => {
    const answer = await receiver.post(path, '{}')
    await answer.arrayBuffer()
    return answer
  }
  const statuses = (path: string, count: number) =>
    Promise.all(Array.from({ length: count }, async () => (await send(path)).status))
  const countOf = async (key: string) => {
    const rows = await receiver.sql<{ n: number | null }[]>`
      select sum(request_count)::int as n from attune.webhook_rate_limit where webhook_key = ${key}`
    return rows[0]?.n
  }

  test('the eleventh request of ten is 429 and says when to come back', async () => {
    const { path } = await receiver.trigger({ rateLimit: { requests: 10, window_seconds: HOUR } })
    for (let request = 1; request <= 10; request++) expect((await send(path)).status).toBe(200)
    for (let request = 11; request <= 13; request++) {
      const answer = await send(path)
      expect(answer.status).toBe(429)
      const retryAfter = Number(answer.headers.get('retry-after'))
      expect(retryAfter).toBeGreaterThanOrEqual(1)
      expect(retryAfter).toBeLessThanOrEqual(HOUR)
      expect(answer.headers.get('ratelimit')).toBe(`"default";r=0;t=${retryAfter}`)
      expect(answer.headers.get('ratelimit-policy')).toBe(`"default";q=10;w=${HOUR}`)
      expect((await receiver.logRow(answer.headers.get('x-request-id'))).rate_limited).toBe(true)
    }
  })

  test('Retry-After ends with the window of the clock of the database', async () => {
    const { path } = await receiver.trigger({ rateLimit: { requests: 1, window_seconds: HOUR } })
    await send(path)
    const [row] = await receiver.sql<{ left: number }[]>`
      select ceil(${HOUR}::int - extract(epoch from clock_timestamp()) % ${HOUR}::int)::int as left`
    const retryAfter = Number((await send(path)).headers.get('retry-after'))
    expect(Math.abs(retryAfter - Number(row?.left))).toBeLessThanOrEqual(1)
  })

  test('of 1,000 requests at once exactly 100 are accepted', async () => {
    const trigger = await receiver.trigger({ rateLimit: { requests: 100, window_seconds: HOUR } })
    const all = await statuses(trigger.path, 1_000)
    expect(all.filter((status) => status === 200).length).toBe(100)
    expect(all.filter((status) => status === 429).length).toBe(900)
    const events = await receiver.sql`select 1 from attune.event where trigger_ref = ${trigger.ref}`
    expect(events.length).toBe(100)
  }, 20_000)

  test('rejected requests count too, until the key is turned away from memory', async () => {
    const { path, key } = await receiver.trigger({ rateLimit: { requests: 2, window_seconds: HOUR } })
    for (let request = 0; request < 3; request++) await send(path)
    expect(await countOf(key)).toBe(3)
    for (let request = 0; request < 20; request++) expect((await send(path)).status).toBe(429)
    expect(await countOf(key)).toBe(3)
  })

  test('requests that fail a later check count, those that fail an earlier one do not', async () => {
    const signed = await receiver.trigger({
      rateLimit: { requests: 2, window_seconds: HOUR },
      hmac: { secret: 'a secret of the test' },
    })
    expect([(await send(signed.path)).status, (await send(signed.path)).status]).toEqual([401, 401])
    expect((await send(signed.path)).status).toBe(429)
    const listed = await receiver.trigger({
      rateLimit: { requests: 1, window_seconds: HOUR },
      ipWhitelist: ['10.0.0.0/8'],
    })
    expect(await statuses(listed.path, 3)).toEqual([403, 403, 403])
    expect(await countOf(listed.key)).toBeNull()
  })

  test('keys are counted apart', async () => {
    const rateLimit = { requests: 1, window_seconds: HOUR }
    const [first, second] = [await receiver.trigger({ rateLimit }), await receiver.trigger({ rateLimit })]
    expect((await statuses(first.path, 3)).sort()).toEqual([200, 429, 429])
    expect((await statuses(second.path, 3)).sort()).toEqual([200, 429, 429])
  })

  test('a regenerated key starts afresh, and the old one is unknown', async () => {
    const { ref, path } = await receiver.trigger({ rateLimit: { requests: 1, window_seconds: HOUR } })
    expect((await statuses(path, 2)).sort()).toEqual([200, 429])
    const { webhookKey } = await receiver.store.triggers.regenerateWebhookKey(ref)
    expect((await send(path)).status).toBe(404)
    expect((await statuses(`/api/v1/webhooks/${webhookKey}`, 2)).sort()).toEqual([200, 429])
  })

  test('a changed limit is in force at once, and what was counted stays counted', async () => {
    const { ref, path } = await receiver.trigger({ rateLimit: { requests: 2, window_seconds: HOUR } })
    expect((await statuses(path, 3)).sort()).toEqual([200, 200, 429])
    await receiver.store.triggers.setRateLimit(ref, { requests: 5, window_seconds: HOUR })
    expect((await statuses(path, 3)).sort()).toEqual([200, 200, 429])
    await receiver.store.triggers.disableRateLimit(ref)
    expect(await statuses(path, 3)).toEqual([200, 200, 200])
    await receiver.store.triggers.setRateLimit(ref, { requests: 1, window_seconds: HOUR })
    expect((await send(path)).status).toBe(429)
  })

  test.each([1, 2])('a window of %d s ends, and the next one counts from the beginning', async (seconds) => {
    const { path } = await receiver.trigger({ rateLimit: { requests: 1, window_seconds: seconds } })
    for (let window = 0; window < 2; window++) {
      await eventually(async () => (await send(path)).status === 200, seconds * 1_000 + 500)
      const limited = await eventually(async () => {
        const answer = await send(path)
        return answer.status === 429 ? answer : null
      })
      expect(limited.headers.get('ratelimit-policy')).toBe(`"default";q=1;w=${seconds}`)
      expect(Number(limited.headers.get('retry-after'))).toBeLessThanOrEqual(seconds)
    }
  })

  describe('far below its limit, when others count on the same key', () => {
    const limit = { requests: 100, window_seconds: HOUR }
    const set = (key: string, count: number) => receiver.sql`
      update attune.webhook_rate_limit set request_count = ${count} where webhook_key = ${key}`

    test('a request is refused when the window turns out to be used up, and nothing is stored', async () => {
      const { ref, path, key } = await receiver.trigger({ rateLimit: limit })
      expect((await send(path)).status).toBe(200)
      await set(key, 100)
      const answers = await Promise.all(Array.from({ length: 10 }, () => send(path)))
      for (const answer of answers) {
        expect(answer.status).toBe(429)
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
        const row = await receiver.logRow(answer.headers.get('x-request-id'))
        expect([row.rate_limited, row.error_code, row.event_id]).toEqual([true, 'rate_limited', null])
      }
      const events = await receiver.sql`select 1 from attune.event where trigger_ref = ${ref}`
      expect(events.length).toBe(1)
    })

    test('exactly as many of a batch are accepted as the window has left', async () => {
      const { ref, path, key } = await receiver.trigger({ rateLimit: limit })
      expect((await send(path)).status).toBe(200)
      await set(key, 93)
      const all = await statuses(path, 30)
      expect(all.filter((status) => status === 200).length).toBe(7)
      expect(all.filter((status) => status === 429).length).toBe(23)
      const events = await receiver.sql`select 1 from attune.event where trigger_ref = ${ref}`
      expect(events.length).toBe(8)
    })

    test('another trigger of the same batch is accepted', async () => {
      const [full, free] = [
        await receiver.trigger({ rateLimit: limit }),
        await receiver.trigger({ rateLimit: limit }),
      ]
      for (const { path } of [full, free]) expect((await send(path)).status).toBe(200)
      await set(full.key, 100)
      const [ofFull, ofFree] = await Promise.all([statuses(full.path, 20), statuses(free.path, 20)])
      expect(new Set(ofFull)).toEqual(new Set([429]))
      expect(new Set(ofFree)).toEqual(new Set([200]))
      expect(await countOf(free.key)).toBe(21)
    })

    test('requests that are turned away behind the limit are counted all the same', async () => {
      const { path, key } = await receiver.trigger({
        rateLimit: limit,
        hmac: { secret: 'a secret of the test' },
      })
      expect(new Set(await statuses(path, 40))).toEqual(new Set([401]))
      await eventually(async () => (await countOf(key)) === 40)
    })
  })

  test('check_webhook_rate_limit of SQL shares the counts', async () => {
    const { path, key } = await receiver.trigger({ rateLimit: { requests: 3, window_seconds: HOUR } })
    const check = async () => {
      const [row] = await receiver.sql<
        { allowed: boolean }[]
      >`select attune.check_webhook_rate_limit(${key}, 3, ${HOUR}) as allowed`
      return row?.allowed
    }
    expect(await check()).toBe(true)
    expect((await send(path)).status).toBe(200)
    expect(await check()).toBe(true)
    expect((await send(path)).status).toBe(429)
    expect(await check()).toBe(false)
  })

  test('a count that cannot be made refuses, and the attempt leaves its row', async () => {
    const { path } = await receiver.trigger({ rateLimit: { requests: 10, window_seconds: HOUR } })
    await receiver.sql`alter table attune.webhook_rate_limit rename to elsewhere`
    const answer = await send(path).finally(
      () => receiver.sql`alter table attune.elsewhere rename to webhook_rate_limit`,
    )
    expect(answer.status).toBeGreaterThanOrEqual(500)
    const row = await receiver.logRow(answer.headers.get('x-request-id'))
    expect([row.status_code, row.event_id]).toEqual([answer.status, null])
    expect((await send(path)).status).toBe(200)
  })
})

describe.skipIf(postgresqlMissing !== null)('rate limit of two processes on one database', () => {
  let receivers: TestReceiver[]
  let dispose: () => Promise<void>
  beforeAll(async () => {
    const database = await createTestDatabase()
    dispose = database.dispose
    const [first, second] = [postgresqlEngine(database.url), postgresqlEngine(database.url)]
    receivers = [await startReceiver(first), await startReceiver(second)]
  }, 30_000)
  afterAll(async () => {
    for (const receiver of receivers) await receiver.close()
    await dispose()
  }, 30_000)

  test('of 1,000 requests at once to both exactly 100 are accepted', async () => {
    const [first, second] = receivers as [TestReceiver, TestReceiver]
    await awayFromWindowEnd(first, HOUR, 25)
    const { path, ref } = await first.trigger({ rateLimit: { requests: 100, window_seconds: HOUR } })
    const all = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const answer = await (index % 2 === 0 ? first : second).post(path, '{}')
        await answer.arrayBuffer()
        return answer.status
      }),
    )
    expect(all.filter((status) => status === 200).length).toBe(100)
    expect(all.filter((status) => status === 429).length).toBe(900)
    expect((await first.sql`select 1 from attune.event where trigger_ref = ${ref}`).length).toBe(100)
  }, 20_000)
})
