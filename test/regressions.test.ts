/** What receivers of this kind got wrong in the wild; each test is named after the item that it refuses. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import examples from '@octokit/webhooks-examples'
import { engines, type TestEngine } from './support/database.ts'
import { eventually } from './support/eventually.ts'
import { chunk, head, openConnection, sendRaw } from './support/raw-http.ts'
import {
  startReceiver,
  type TestReceiver,
  type TestTrigger,
  type TriggerOptions,
} from './support/receiver.ts'

const SECRET = 'canary-secret-of-the-regressions'
const BODY = '{"canary":"body"}'
const PROXY = '10.1.2.3'
const STRANGER = '203.0.113.7'
const HOUR = 3600

describe.each(engines)('regressions ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  let peer: string | null = STRANGER
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine, {
      trustedProxies: ['10.0.0.0/8'],
      peerAddress: () => peer,
    })
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  async function send(
    { path }: TestTrigger,
    {
      from = STRANGER,
      headers = {},
      body = BODY,
    }: { from?: string | null; headers?: Record<string, string>; body?: string } = {},
  ) {
    peer = from
    const answer = await receiver.post(path, body, headers)
    return {
      status: answer.status,
      id: answer.headers.get('x-request-id'),
      text: await answer.text(),
      answer,
    }
  }

  const listed = (...ipWhitelist: string[]) => receiver.trigger({ ipWhitelist })
  const eventsOf = async ({ ref }: TestTrigger) =>
    (await receiver.sql`select 1 from attune.event where trigger_ref = ${ref}`).length

  test('regression 1: a whitelist that is on is never passed for want of a forwarding header', async () => {
    const trigger = await listed('198.51.100.0/24')
    expect((await send(trigger)).status).toBe(403)
    expect((await send(trigger, { from: PROXY })).status).toBe(403)
    expect((await send(trigger, { from: null })).status).toBe(403)
    expect((await send(trigger, { from: '198.51.100.9' })).status).toBe(200)
  })

  test('regression 1: a list of addresses in the header is walked, not passed', async () => {
    const trigger = await listed('198.51.100.9')
    const listing = (list: string) => send(trigger, { from: PROXY, headers: { 'x-forwarded-for': list } })
    expect((await listing('198.51.100.9, 203.0.113.7')).status).toBe(403)
    expect((await listing('203.0.113.7, 198.51.100.9')).status).toBe(200)
    expect((await listing('203.0.113.7, 198.51.100.9, 10.0.0.1')).status).toBe(200)
    expect((await listing('198.51.100.9 203.0.113.7')).status).toBe(403)
  })

  test('regression 1: a whitelist of IPv4 and IPv6 holds for both', async () => {
    const trigger = await listed('2001:db8::/32', '198.51.100.0/24')
    for (const from of ['2001:db8::1', '198.51.100.1', '::ffff:198.51.100.1']) {
      expect((await send(trigger, { from })).status).toBe(200)
    }
    for (const from of ['2001:db9::1', '198.51.101.1', '::ffff:198.51.101.1', '::1', 'nonsense']) {
      expect((await send(trigger, { from })).status).toBe(403)
    }
  })

  test('regression 2: a forwarding header of a stranger changes neither whitelist nor audit row', async () => {
    const trigger = await listed('198.51.100.9')
    for (const headers of [
      { 'x-forwarded-for': '198.51.100.9' },
      { 'x-real-ip': '198.51.100.9' },
      { forwarded: 'for=198.51.100.9' },
      { 'x-client-ip': '198.51.100.9', 'cf-connecting-ip': '198.51.100.9', 'true-client-ip': '198.51.100.9' },
    ]) {
      const { status, id } = await send(trigger, { headers })
      expect(status).toBe(403)
      expect((await receiver.logRow(id)).source_ip).toBe(STRANGER)
    }
  })

  test('regression 2: a rate limit is not escaped by forged addresses', async () => {
    const trigger = await receiver.trigger({ rateLimit: { requests: 3, window_seconds: HOUR } })
    const statuses = []
    for (let forged = 1; forged <= 6; forged++) {
      const headers = { 'x-forwarded-for': `198.51.100.${forged}` }
      statuses.push((await send(trigger, { from: forged % 2 === 0 ? PROXY : STRANGER, headers })).status)
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429, 429])
  })

  test('regression 3: a signature check without a secret refuses everybody', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
    const take = (secret: string) =>
      receiver.sql.unsafe(
        `update attune.trigger set webhook_hmac_secret = ${secret} where id = ${trigger.id}`,
      )
    // The database would not store this; a receiver that is handed it must not let anybody in either.
    await receiver.sql`alter table attune.trigger drop constraint trigger_webhook_hmac_enabled_has_secret`
    try {
      for (const secret of ['null', "''"]) {
        await take(secret)
        await receiver.store.triggerCache.poll()
        const forged = [
          createHash('sha256').update(BODY).digest('hex'),
          ...['', 'null', 'undefined', SECRET].map((key) =>
            createHmac('sha256', key).update(BODY).digest('hex'),
          ),
          '',
        ]
        for (const digest of forged) {
          for (const value of [digest, `sha256=${digest}`]) {
            const { status, id } = await send(trigger, { headers: { 'x-hub-signature-256': value } })
            expect(status).toBe(401)
            expect((await receiver.logRow(id)).error_message).toBe('the trigger has no secret')
          }
        }
        expect((await send(trigger)).status).toBe(401)
      }
      expect(await eventsOf(trigger)).toBe(0)
    } finally {
      await receiver.sql`delete from attune.trigger where id = ${trigger.id}`
      await receiver.sql`
        alter table attune.trigger add constraint trigger_webhook_hmac_enabled_has_secret check (
          not webhook_hmac_enabled or (webhook_hmac_secret is not null and webhook_hmac_secret <> ''))`
    }
  })

  test('regression 4: bodies of GitHub and Stripe are taken as they are', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
    const github = examples.slice(0, 10).flatMap(({ examples: payloads }) => payloads.slice(0, 1))
    const stripe = {
      id: 'evt_1',
      object: 'event',
      api_version: '2026-01-01',
      data: { object: { id: 'pi_1', object: 'payment_intent', amount: 1000 } },
      type: 'payment_intent.succeeded',
    }
    const bodies = [
      ...[...github, stripe].map((payload) => JSON.stringify(payload)),
      `payload=${encodeURIComponent('{"zen":"Half measures are as bad as nothing at all."}')}`,
      '[]',
      'null',
      '"text"',
    ]
    for (const body of bodies) {
      const digest = createHmac('sha256', SECRET).update(body).digest('hex')
      const { status, id } = await send(trigger, {
        body,
        headers: { 'x-hub-signature-256': `sha256=${digest}` },
      })
      expect(status).toBe(200)
      expect(Buffer.from((await receiver.eventRow(id)).body).toString()).toBe(body)
    }
    expect(bodies.length).toBe(15)
  })

  test('regression 5: nothing is parsed, neither before the key is known nor after', async () => {
    const headers = { 'content-type': 'application/json' }
    const unknown = { path: `/api/v1/webhooks/wh_${'z'.repeat(32)}` } as TestTrigger
    expect((await send(unknown, { body: '{"broken', headers })).status).toBe(404)
    const trigger = await receiver.trigger()
    const { status, id } = await send(trigger, { body: '{"broken', headers })
    expect(status).toBe(200)
    expect((await receiver.logRow(id)).event_id).toBe(id)
  })

  test('regression 5: the size is judged before the body is there', async () => {
    const { path } = await receiver.trigger({ payloadKb: 1 })
    const connection = await openConnection(receiver.port)
    connection.write(head(path, [['Content-Length', '20000000']]))
    expect((await connection.response(2_000)).status).toBe(413)
    connection.destroy()
  })

  test('regression 5: a malformed attempt leaves its row', async () => {
    const trigger = await receiver.trigger()
    for (const framing of [['Content-Length', '50'] as const, ['Transfer-Encoding', 'chunked'] as const]) {
      const connection = await openConnection(receiver.port)
      connection.write(`${head(trigger.path, [framing])}5\r\nhello\r\n`)
      connection.end()
      await connection.closed
      connection.destroy()
    }
    const rows = await receiver.logRowsOf(trigger, 2)
    expect(rows.map(({ error_code }) => error_code)).toEqual(['body_incomplete', 'body_incomplete'])
  })

  test('regression 6: the row has the status that was sent', async () => {
    const failing: TriggerOptions[] = [
      {},
      { enabled: false },
      { payloadKb: 1 },
      { ipWhitelist: [] },
      { rateLimit: { requests: 1, window_seconds: HOUR } },
      { hmac: { secret: SECRET } },
    ]
    const seen = new Set<number>()
    for (const options of failing) {
      const trigger = await receiver.trigger(options)
      await send(trigger, { body: 'x'.repeat(1025) })
      const { status, id, text } = await send(trigger, { body: 'x'.repeat(1025) })
      const row = await receiver.logRow(id)
      expect([row.status_code, row.error_code]).toEqual([status, JSON.parse(text).code ?? null])
      seen.add(status)
    }
    expect([...seen].sort()).toEqual([200, 401, 403, 413, 429])
  })

  test('regression 7: a window shorter than a minute ends', async () => {
    const trigger = await receiver.trigger({ rateLimit: { requests: 1, window_seconds: 1 } })
    for (let window = 0; window < 2; window++) {
      await eventually(async () => (await send(trigger)).status === 200, 1_500)
      await eventually(async () => (await send(trigger)).status === 429, 1_500)
    }
    await eventually(async () => (await send(trigger)).status === 200, 1_500)
  })

  test('regression 8: what is acknowledged is committed, event and row, when the answer arrives', async () => {
    const trigger = await receiver.trigger()
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const { status, id } = await send(trigger)
        // Asked once, on another connection, and not until it is there.
        const rows = await receiver.sql`
          select 1 from attune.event e join attune.webhook_event_log l on l.event_id = e.id where e.id = ${id}`
        expect([status, rows.length]).toEqual([200, 1])
      }),
    )
  })

  test('regression 9: a chunked body is not cut at the limit and accepted', async () => {
    const trigger = await receiver.trigger({ payloadKb: 1 })
    const chunks = [Buffer.alloc(1024, 'x'), Buffer.from('more'), Buffer.alloc(0)].map(chunk)
    const answer = await sendRaw(
      receiver.port,
      head(trigger.path, [['Transfer-Encoding', 'chunked']]),
      ...chunks,
    )
    expect(answer.status).toBe(413)
    expect(await eventsOf(trigger)).toBe(0)
  })

  test('regression 9: a bare IPv6 address is one address', async () => {
    const trigger = await listed('2001:db8::1')
    expect((await send(trigger, { from: '2001:db8::1' })).status).toBe(200)
    for (const from of ['2001:db8::2', '2001:db8:1::1', '2001:db8::1:1']) {
      expect((await send(trigger, { from })).status).toBe(403)
    }
  })

  test('regression 9: addresses are not compared as text', async () => {
    const trigger = await listed('10.0.0.1', '198.51.100.1/32')
    for (const from of ['110.0.0.1', '10.0.0.11', '10.0.0.10', '198.51.100.10', '98.51.100.1']) {
      expect((await send(trigger, { from })).status).toBe(403)
    }
  })

  /** Takes a table away, as a botched migration would, and puts it back. */
  async function without<T>(table: string, run: () => Promise<T>): Promise<T> {
    await receiver.sql.unsafe(`alter table attune.${table} rename to elsewhere`)
    try {
      return await run()
    } finally {
      await receiver.sql.unsafe(`alter table attune.elsewhere rename to ${table}`)
    }
  }

  test('regression 10: our own faults are 5xx, and no write that failed is a 2xx', async () => {
    const options = { rateLimit: { requests: 100, window_seconds: HOUR } }
    for (const table of ['event', 'webhook_event_log', 'webhook_rate_limit']) {
      const trigger = await receiver.trigger(options)
      expect((await send(trigger)).status).toBe(200)
      const { status } = await without(table, () => send(trigger))
      expect(status).toBeGreaterThanOrEqual(500)
      expect(await eventsOf(trigger)).toBe(1)
      // The writer finds out at its next try that the table is there again.
      await eventually(async () => (await send(trigger)).status === 200)
    }
    const trigger = await receiver.trigger(options)
    const { status } = await without('trigger', async () => {
      await receiver.store.triggerCache.poll()
      return send(trigger)
    })
    expect(status).toBeGreaterThanOrEqual(500)
    await eventually(async () => (await send(trigger)).status === 200)
  })

  test('regression 11: no text that leaves has SQL, parameters, a stack, a secret or a MAC', async () => {
    const mac = createHmac('sha256', SECRET).update(BODY).digest('hex')
    const leaving: string[] = []
    const keep = ({ text, answer }: Awaited<ReturnType<typeof send>>) =>
      leaving.push(text, JSON.stringify([...answer.headers]))
    const signed = await receiver.trigger({ hmac: { secret: SECRET } })
    const refused = [
      await send(signed),
      await send(signed, { headers: { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` } }),
      await send(signed, { headers: { 'x-hub-signature-256': `sha256=${mac.slice(0, -1)}` } }),
      await send(signed, { headers: { 'x-hub-signature-256': `sha512=${mac}` } }),
      await send(signed, { headers: { 'x-hub-signature-256': SECRET } }),
    ]
    const plain = await receiver.trigger({ rateLimit: { requests: 100, window_seconds: HOUR } })
    for (const table of ['event', 'webhook_event_log', 'webhook_rate_limit']) {
      refused.push(await without(table, () => send(plain)))
    }
    for (const one of refused) {
      expect(one.status).toBeGreaterThanOrEqual(400)
      keep(one)
    }
    // The tables are back, which the writer finds out at its next try.
    await eventually(async () => receiver.store.intakeWriter.available)
    for (const text of leaving) {
      expect(text).not.toMatch(/\b(select|insert|update|from|relation|constraint|postgres\w*)\b|attune\./i)
      expect(text).not.toMatch(/\n\s+at |node_modules|\.ts:\d/)
    }
    const rows = await receiver.sql`
      select error_message from attune.webhook_event_log where trigger_ref in (${signed.ref}, ${plain.ref})`
    const inside = [...leaving, JSON.stringify(rows), JSON.stringify(receiver.log.entries)]
    for (const text of inside) {
      expect(text).not.toContain(mac)
      expect(text).not.toContain(SECRET)
      expect(text).not.toContain('canary')
      expect(text).not.toContain('insert into')
    }
  })

  test('regression 12: every guard of the assembled receiver keeps an attempt from becoming an event', async () => {
    const guarded: [number, TriggerOptions][] = [
      [403, { enabled: false }],
      [413, { payloadKb: 1 }],
      [403, { ipWhitelist: ['198.51.100.0/24'] }],
      [401, { hmac: { secret: SECRET } }],
    ]
    for (const [status, options] of guarded) {
      const trigger = await receiver.trigger(options)
      expect((await send(trigger, { body: 'x'.repeat(1025) })).status).toBe(status)
      expect(await eventsOf(trigger)).toBe(0)
    }
    const limited = await receiver.trigger({ rateLimit: { requests: 1, window_seconds: HOUR } })
    expect([(await send(limited)).status, (await send(limited)).status]).toEqual([200, 429])
    expect(await eventsOf(limited)).toBe(1)
  })
})
