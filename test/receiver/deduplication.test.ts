import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { Deduplication } from '../../src/core/deduplication.ts'
import type { StoredVerification } from '../../src/core/trigger.ts'
import { postgresqlEngine } from '../../src/store/connection.ts'
import { createTestDatabase, engines, postgresqlMissing, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'

const SECRET = 'canary-secret-of-the-sender'
const BODY = '{"zen":"Design for failure.","id":7}'
const COPIES = 100
const WINDOW_SECONDS = 3_600

const hex = (text: string) => createHmac('sha256', SECRET).update(text).digest('hex')

const github = (id: string | null, body = BODY) => ({
  'x-hub-signature-256': `sha256=${hex(body)}`,
  ...(id === null ? {} : { 'x-github-delivery': id }),
})

function mailgun(token: string, event = 'delivered'): string {
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signature = { timestamp, token, signature: hex(timestamp + token) }
  return JSON.stringify({ signature, 'event-data': { event } })
}

interface Answer {
  readonly event_id: string
  readonly duplicate?: boolean
  readonly conflict?: boolean
}

const answerOf = async (response: Response): Promise<Answer> => {
  expect(response.status).toBe(200)
  return ((await response.json()) as { data: Answer }).data
}

async function recognising(
  { store }: TestReceiver,
  trigger: TestTrigger,
  scheme: StoredVerification['scheme'] = 'github',
  fields: readonly string[] = [],
): Promise<TestTrigger> {
  await store.verifications.set(trigger.ref, { scheme }, [{ label: 'default', text: SECRET }])
  await store.triggers.setDeduplication(trigger.ref, fields, WINDOW_SECONDS)
  return trigger
}

const count = async ({ sql }: TestReceiver, { ref }: TestTrigger) => {
  const [row] = await sql<{ events: number; claims: number }[]>`
    select
      (select count(*)::int from attune.event where trigger_ref = ${ref}) as events,
      (select count(*)::int from attune.webhook_delivery d
       join attune.trigger t on t.id = d.trigger_id where t.ref = ${ref}) as claims`
  return row
}

describe.each(engines)('deliveries that come again ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine)
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  const send = async (trigger: TestTrigger, headers: Record<string, string>, body = BODY) =>
    answerOf(await receiver.post(trigger.path, body, headers))

  test('a duplicate is answered with the first event, and leaves its row and no event', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    const first = await send(trigger, github('a'))
    expect(first).not.toHaveProperty('duplicate')
    const response = await receiver.post(trigger.path, BODY, github('a'))
    const id = response.headers.get('x-request-id')
    const second = await answerOf(response)
    expect(second).toMatchObject({ event_id: first.event_id, duplicate: true })
    expect(second).not.toHaveProperty('conflict')
    expect(id).not.toBe(first.event_id)
    expect(await receiver.logRow(id)).toMatchObject({
      outcome: 'duplicate',
      event_id: null,
      status_code: 200,
      error_code: null,
      error_message: `the same delivery as event ${first.event_id}`,
      hmac_verified: true,
    })
    expect(await count(receiver, trigger)).toEqual({ events: 1, claims: 1 })
    expect(await receiver.store.stats.ofTrigger(trigger.ref)).toMatchObject({
      totalRequests: 2,
      successfulRequests: 2,
      eventsCreated: 1,
    })
    expect(await receiver.metrics.render()).toContain(
      `attune_attempts_total{trigger="${trigger.ref}",code="duplicate"} 1`,
    )
  })

  test('a hundred copies at once make one event', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    const answers = await Promise.all(Array.from({ length: COPIES }, () => send(trigger, github('copied'))))
    const first = answers.filter(({ duplicate }) => duplicate !== true)
    expect(first).toHaveLength(1)
    expect(new Set(answers.map(({ event_id }) => event_id))).toEqual(
      new Set(first.map(({ event_id }) => event_id)),
    )
    expect(await count(receiver, trigger)).toEqual({ events: 1, claims: 1 })
    const rows = await receiver.logRowsOf(trigger, COPIES)
    expect(rows.filter(({ event_id }) => event_id !== null)).toHaveLength(1)
  })

  test('another body under the same id is an event of its own, and says so', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    const other = '{"zen":"Another."}'
    const first = await send(trigger, github('a'))
    const response = await receiver.post(trigger.path, other, github('a', other))
    const id = response.headers.get('x-request-id')
    expect(await answerOf(response)).toMatchObject({ event_id: id, conflict: true })
    expect(await receiver.logRow(id)).toMatchObject({
      outcome: 'conflict',
      event_id: id,
      error_message: `another body under the id of event ${first.event_id}`,
    })
    expect(Buffer.from((await receiver.eventRow(id)).body).toString()).toBe(other)
    expect(await count(receiver, trigger)).toEqual({ events: 2, claims: 1 })
    // The claim stays that of the first body.
    expect(await send(trigger, github('a'))).toMatchObject({ event_id: first.event_id, duplicate: true })
    // Each time it comes, since of two events under one id nobody can say which the third repeats.
    expect(await send(trigger, github('a', other), other)).toMatchObject({ conflict: true })
  })

  test('copies and conflicts at once have one verdict each', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    const bodies = Array.from({ length: 40 }, (_, index) => (index % 4 === 0 ? '{"n":1}' : BODY))
    const answers = await Promise.all(bodies.map((body) => send(trigger, github('mixed', body), body)))
    const fresh = answers.filter(({ duplicate, conflict }) => !duplicate && !conflict)
    expect(fresh).toHaveLength(1)
    const conflicts = answers.filter(({ conflict }) => conflict).length
    expect(await count(receiver, trigger)).toEqual({ events: 1 + conflicts, claims: 1 })
    expect([10, 30]).toContain(conflicts)
  })

  test('an attempt without the id is new each time, and claims nothing', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    const answers = [await send(trigger, github(null)), await send(trigger, github(null))]
    for (const answer of answers) expect(answer).not.toHaveProperty('duplicate')
    expect(await count(receiver, trigger)).toEqual({ events: 2, claims: 0 })
  })

  test('who cannot sign neither claims an id nor learns whose it is', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    const forged = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}`, 'x-github-delivery': 'a' }
    expect((await receiver.post(trigger.path, BODY, forged)).status).toBe(401)
    expect((await receiver.post(trigger.path, BODY, { 'x-github-delivery': 'a' })).status).toBe(401)
    expect(await count(receiver, trigger)).toEqual({ events: 0, claims: 0 })
    const first = await send(trigger, github('a'))
    expect(first).not.toHaveProperty('duplicate')
    const again = await receiver.post(trigger.path, BODY, forged)
    expect(again.status).toBe(401)
    expect(await again.text()).not.toContain(first.event_id)
  })

  test.each([['no scheme'], ['none']])(
    'without a signature check (%s) nothing is recognised, whatever SQL has set',
    async (scheme) => {
      const trigger = await receiver.trigger()
      if (scheme === 'none')
        await receiver.store.verifications.set(
          trigger.ref,
          { scheme: { scheme: 'none', dedup: 'header:x-github-delivery' } },
          [],
        )
      await receiver.sql`update attune.trigger set webhook_deduplication_enabled = true,
      webhook_deduplication_fields = '{header:x-github-delivery}' where ref = ${trigger.ref}`
      await eventually(async () => (await receiver.store.triggerCache.byKey(trigger.key)) !== null)
      receiver.store.triggerCache.forget(trigger.key)
      for (let copy = 0; copy < 2; copy += 1) {
        expect(await send(trigger, github('a'))).not.toHaveProperty('duplicate')
      }
      expect(await count(receiver, trigger)).toEqual({ events: 2, claims: 0 })
    },
  )

  test('fields of one’s own are the id, all of them together', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
    await receiver.store.triggers.setDeduplication(trigger.ref, ['header:x-id', 'json:data.id'], 60)
    const post = (id: string, body: string) =>
      send(trigger, { 'x-webhook-signature': hex(body), 'x-id': id }, body)
    const body = '{"data":{"id":12345678901234567890}}'
    const first = await post('a', body)
    expect(await post('a', body)).toMatchObject({ duplicate: true, event_id: first.event_id })
    expect(await post('b', body)).not.toHaveProperty('duplicate')
    // A parser of the runtime would round both numbers to one.
    expect(await post('a', '{"data":{"id":12345678901234567891}}')).not.toHaveProperty('conflict')
    // One of the two is not there, or there twice.
    for (const partial of ['{"data":{}}', '{"data":{"id":""}}', '{"data":{"id":1,"id":2}}', 'text']) {
      expect(await post('c', partial)).not.toHaveProperty('duplicate')
      expect(await post('c', partial)).not.toHaveProperty('duplicate')
    }
    expect(await count(receiver, trigger)).toEqual({ events: 11, claims: 3 })
  })

  test('the same id of another trigger, or read elsewhere, is another delivery', async () => {
    const [one, two] = [
      await recognising(receiver, await receiver.trigger()),
      await recognising(receiver, await receiver.trigger()),
    ]
    for (const trigger of [one, two]) expect(await send(trigger, github('a'))).not.toHaveProperty('duplicate')
    await receiver.store.triggers.setDeduplication(one.ref, ['header:x-github-delivery'], 60)
    expect(await send(one, github('a'))).not.toHaveProperty('duplicate')
    expect(await send(one, github('a'))).toMatchObject({ duplicate: true })
  })

  test('behind its window an id is free again, whether or not the ledger was pruned', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    const claims = () => receiver.sql<{ event_id: string; seconds: number }[]>`
      select event_id, extract(epoch from expires - claimed_at)::int as seconds
      from attune.webhook_delivery where trigger_id = ${trigger.id}`
    const first = await send(trigger, github('a'))
    expect([...(await claims())]).toEqual([{ event_id: first.event_id, seconds: WINDOW_SECONDS }])
    const expire = () =>
      receiver.sql`update attune.webhook_delivery set expires = now() where trigger_id = ${trigger.id}`
    await expire()
    const other = '{"zen":"Another."}'
    const second = await send(trigger, github('a', other), other)
    expect(second).not.toHaveProperty('conflict')
    expect([...(await claims())]).toEqual([{ event_id: second.event_id, seconds: WINDOW_SECONDS }])
    expect(await send(trigger, github('a', other), other)).toMatchObject({ event_id: second.event_id })
    await expire()
    await receiver.sql`select attune.prune_webhook_deliveries(1000)`
    expect(await claims()).toHaveLength(0)
    expect(await send(trigger, github('a'))).not.toHaveProperty('duplicate')
  })

  test('the ledger is pruned some rows at a time, by its own time and not by that of events', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    await receiver.sql`
      insert into attune.webhook_delivery
      select ${trigger.id}, sha256(n::text::bytea), sha256(''), gen_random_uuid(), now(),
        now() + case when n > 7 then interval '1 hour' else interval '-1 second' end
      from generate_series(1, 10) n`
    const prune = async () => {
      const [row] = await receiver.sql<
        { pruned: number }[]
      >`select attune.prune_webhook_deliveries(5) as pruned`
      return row?.pruned
    }
    expect([await prune(), await prune(), await prune()]).toEqual([5, 2, 0])
    // The event of a claim may go first; the delivery is known all the same.
    const { event_id } = await send(trigger, github('a'))
    await receiver.sql`delete from attune.event where id = ${event_id}`
    expect(await send(trigger, github('a'))).toMatchObject({ event_id, duplicate: true })
    expect(await count(receiver, trigger)).toEqual({ events: 0, claims: 4 })
  })

  test('an event that the database refuses leaves no claim, and its next try is new', async () => {
    const trigger = await recognising(receiver, await receiver.trigger())
    await receiver.sql.unsafe(`
      create function attune.refuse_test() returns trigger language plpgsql as $$
      begin raise exception 'no' using errcode = 'check_violation'; end $$`)
    await receiver.sql.unsafe(`
      create trigger refuse_test before insert on attune.event for each row
      when (new.trigger_ref = '${trigger.ref}') execute function attune.refuse_test()`)
    const responses = await Promise.all(
      Array.from({ length: 5 }, () => receiver.post(trigger.path, BODY, github('a'))),
    )
    expect(responses.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503])
    expect(await count(receiver, trigger)).toEqual({ events: 0, claims: 0 })
    await receiver.sql.unsafe('drop trigger refuse_test on attune.event; drop function attune.refuse_test()')
    const retried = await eventually(async () => {
      const response = await receiver.post(trigger.path, BODY, github('a'))
      return response.status === 200 ? answerOf(response) : null
    })
    expect(retried).not.toHaveProperty('duplicate')
    expect(await count(receiver, trigger)).toEqual({ events: 1, claims: 1 })
  })

  test('a token that is good for one use is, without being asked for', async () => {
    const trigger = await receiver.trigger()
    await receiver.store.verifications.set(trigger.ref, { scheme: 'mailgun' }, [
      { label: 'default', text: SECRET },
    ])
    const body = mailgun('token-1')
    const first = await send(trigger, {}, body)
    expect(await send(trigger, {}, body)).toMatchObject({ event_id: first.event_id, duplicate: true })
    const forged = body.replace('delivered', 'complained')
    const refused = await receiver.post(trigger.path, forged)
    expect(refused.status).toBe(401)
    const row = await receiver.logRow(refused.headers.get('x-request-id'))
    expect(row).toMatchObject({ error_code: 'signature_invalid', hmac_verified: false, event_id: null })
    expect(row.error_message).toContain(first.event_id)
    expect(await send(trigger, {}, mailgun('token-2', 'complained'))).not.toHaveProperty('duplicate')
    expect(await count(receiver, trigger)).toEqual({ events: 2, claims: 2 })
  })
})

describe.skipIf(postgresqlMissing !== null)('deliveries at several processes', () => {
  test('a hundred copies at once, half of them to another process, make one event', async () => {
    const { url, dispose } = await createTestDatabase()
    const one = await startReceiver(postgresqlEngine(url))
    const two = await startReceiver(postgresqlEngine(url))
    try {
      const trigger = await recognising(one, await one.trigger())
      for (let round = 0; round < 10; round += 1) {
        // Two ids in opposite order at the two, so that they would wait for each other in a circle.
        const sends = Array.from({ length: COPIES }, (_, index) => {
          const [receiver, ids] = index % 2 === 0 ? [one, ['a', 'b']] : [two, ['b', 'a']]
          return Promise.all(
            ids.map(async (id) => ({
              id,
              answer: await answerOf(await receiver.post(trigger.path, BODY, github(`${round}${id}`))),
            })),
          )
        })
        const answers = (await Promise.all(sends)).flat()
        for (const wanted of ['a', 'b']) {
          const ofId = answers.filter(({ id }) => id === wanted).map(({ answer }) => answer)
          expect(ofId.filter(({ duplicate }) => duplicate !== true)).toHaveLength(1)
          expect(new Set(ofId.map(({ event_id }) => event_id)).size).toBe(1)
        }
        expect(await count(one, trigger)).toEqual({ events: 2 * (round + 1), claims: 2 * (round + 1) })
      }
    } finally {
      await one.close()
      await two.close()
      await dispose()
    }
  }, 60_000)

  test('while its connection is killed, each id makes one event, and nothing acknowledged is missing', async () => {
    const { url, dispose } = await createTestDatabase()
    const receiver = await startReceiver(postgresqlEngine(url))
    try {
      const trigger = await recognising(receiver, await receiver.trigger())
      const acknowledged = new Map<string, Set<string>>()
      let next = 0
      let stopped = false
      const running = Promise.all(
        Array.from({ length: 16 }, async () => {
          while (!stopped) {
            const id = `id-${Math.floor(next++ / 3)}`
            const response = await receiver.post(trigger.path, BODY, github(id))
            const { event_id } = await answerOf(response)
            acknowledged.set(id, (acknowledged.get(id) ?? new Set()).add(event_id))
          }
        }),
      )
      for (let killed = 0, before = 0; killed < 4; ) {
        await eventually(() => acknowledged.size > before + 50)
        const [row] = await receiver.sql<{ n: number }[]>`
          select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
          where datname = current_database() and application_name = 'attune-webhooks intake' and state = 'active'`
        killed += row?.n ?? 0
        if (row?.n === 1) before = acknowledged.size
      }
      stopped = true
      await running
      const events = await receiver.sql<
        { id: string }[]
      >`select id from attune.event where trigger_ref = ${trigger.ref}`
      for (const ids of acknowledged.values()) expect(ids.size).toBe(1)
      const told = new Set([...acknowledged.values()].flatMap((ids) => [...ids]))
      expect(new Set(events.map(({ id }) => id))).toEqual(told)
    } finally {
      await receiver.close()
      await dispose()
    }
  }, 60_000)
})

test('an id is remembered for at least as long as its timestamp is believed', () => {
  const request = {
    method: 'POST',
    url: 'https://hooks.example.test/',
    header: (name: string) => (name === 'x-id' ? 'a' : null),
    headerNames: () => ['x-id'],
    body: Buffer.from('{}'),
  }
  const settings = { isEnabled: true, fields: ['header:x-id'], windowSeconds: 60 }
  const signature = {
    scheme: 'generic',
    compiled: null,
    algorithm: 'sha256',
    secrets: [],
    publicKey: null,
    config: {},
    fault: null,
    secretFault: null,
  } as const
  const windowOf = (toleranceSeconds: number | null) =>
    new Deduplication(settings, { ...signature, toleranceSeconds }).deliveryOf(request)?.windowSeconds
  expect([windowOf(null), windowOf(10), windowOf(300)]).toEqual([60, 60, 600])
})
