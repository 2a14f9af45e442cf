import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { Event, WebhookEventLogRow } from '../../src/core/event.ts'
import { EXPORT_ROWS_MAX, EXPORTS_MAX } from '../../src/core/limits.ts'
import { postgresqlEngine } from '../../src/store/connection.ts'
import { engines } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { clusterMissing, createCluster } from '../support/postgresql-cluster.ts'
import { signedIn, withSql } from './console.ts'
import { type EventContents, parseCsv } from './csv.ts'
import {
  type AdminUnderTest,
  accept,
  fieldsOf,
  idAt,
  reject,
  startAdmin,
  TOKEN,
  triggerWithKey,
} from './support.ts'

const LOG = '/api/v1/webhook-event-log/export'
const EVENTS = '/api/v1/events/export'
const bytes = (text: string) => new TextEncoder().encode(text)
const linesOf = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)

/** What senders may write where a spreadsheet would run it, or a reader of lines stumble. */
const HOSTILE = [
  "=cmd|' /C calc'!A0",
  '+1+1',
  '-2+3',
  '@SUM(1+1)',
  '\u202egnp.exe',
  'a "quoted", b; c',
  '<img src=x onerror=alert(1)>',
]

const BODIES: readonly { body: Uint8Array<ArrayBuffer>; content: Partial<EventContents> }[] = [
  { body: bytes('{"n": 12345678901234567890,\r\n "s": "a\\nb"}'), content: { encoding: 'json' } },
  { body: bytes('\ufeff[1]'), content: { encoding: 'json', payload: '[1]' } },
  { body: bytes('-5'), content: { encoding: 'json', payload: '-5' } },
  { body: bytes('null'), content: { encoding: 'json', payload: 'null' } },
  { body: bytes('=1+1\r\n"x",y'), content: { encoding: 'utf-8', body: '=1+1\r\n"x",y' } },
  { body: bytes("'=1"), content: { encoding: 'utf-8', body: "'=1" } },
  { body: bytes('\ufeffno JSON \u202e'), content: { encoding: 'utf-8', body: '\ufeffno JSON \u202e' } },
  { body: bytes(''), content: { encoding: 'utf-8', body: '' } },
  { body: bytes('a\0b'), content: { encoding: 'base64' } },
  { body: new Uint8Array([0xfb, 0xff, 0xfe, 0]), content: { encoding: 'base64' } },
]

describe.each([...engines])('an export on $name', (engine) => {
  let admin: AdminUnderTest
  let origin: Awaited<ReturnType<typeof triggerWithKey>>
  let other: typeof origin
  const contentIds: string[] = []

  beforeAll(async () => {
    admin = await startAdmin(engine)
    origin = await triggerWithKey(admin.store, 'github.push')
    other = await triggerWithKey(admin.store, 'stripe.invoice')
    const things = await triggerWithKey(admin.store, 'things')
    await accept(admin.store, other, { sourceIp: '2001:db8::7' })
    const nowMs = Date.now()
    contentIds.push(
      ...(await Promise.all(
        BODIES.map(({ body }, at) => accept(admin.store, things, { id: idAt(nowMs + at), body })),
      )),
    )
    // Behind what is accepted: the flush of a rejection is one of the end of a process.
    for (const userAgent of HOSTILE) {
      await reject(admin.store, origin, { userAgent, headers: [['x-hostile', userAgent]] })
    }
  }, 60_000)
  afterAll(() => admin.close())

  const listed = async (query = '') =>
    (await admin.call('GET', `/api/v1/webhook-event-log?limit=500${query}`)).data<WebhookEventLogRow[]>()

  test('of the log as NDJSON is the rows of the list, as an attachment', async () => {
    const answer = await admin.call('GET', LOG)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson;charset=utf-8')
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="webhook-event-log-\d{8}T\d{6}Z\.ndjson"$/,
    )
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-attune-export-rows-max')).toBe(String(EXPORT_ROWS_MAX))
    expect(linesOf<WebhookEventLogRow>(answer.text)).toEqual(await listed())
  })

  test('of the log as CSV says the same, a record a row, and no cell begins like a formula', async () => {
    const answer = await admin.call('GET', `${LOG}?format=csv`)
    expect(answer.headers.get('content-type')).toBe('text/csv;charset=utf-8;header=present')
    expect(answer.headers.get('content-disposition')).toEndWith('.csv"')
    const [columns = [], ...records] = parseCsv(answer.text)
    const rows = await listed()
    expect(columns).toEqual(Object.keys(rows[0] ?? {}))
    expect(
      records.map((record) => Object.fromEntries(columns.map((name, at) => [name, record[at]]))),
    ).toEqual(
      rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [
            name,
            value === null ? null : typeof value === 'string' ? value : JSON.stringify(value),
          ]),
        ),
      ),
    )
    const refused = records.filter((record) => record[columns.indexOf('trigger_ref')] === 'github.push')
    expect(refused.map((record) => record[columns.indexOf('user_agent')])).toEqual(HOSTILE.toReversed())
    for (const cell of answer.text.split(/[,\r\n]+/)) expect(cell).not.toMatch(/^"?[=+\-@\t\r＝]/)
  })

  test.each([
    ['trigger=stripe.invoice', 1],
    ['outcome=refused', HOSTILE.length],
    ['code=signature_invalid&trigger=github.push', HOSTILE.length],
    ['status=200', 1 + BODIES.length],
    ['ip=2001:db8::7', 1],
    ['text=quoted', 1],
    ['until=2001-01-01T00:00:00Z', 0],
  ])('of the log takes %s as the list does', async (query, count) => {
    const { text } = await admin.call('GET', `${LOG}?${query}`)
    expect(linesOf<WebhookEventLogRow>(text)).toEqual(await listed(`&${query}`))
    expect(linesOf(text).length).toBe(count)
    expect(parseCsv((await admin.call('GET', `${LOG}?format=csv&${query}`)).text).length).toBe(1 + count)
  })

  test.each([
    [LOG, 'format=xlsx', ['format']],
    [LOG, 'format=', ['format']],
    [LOG, 'status=99', ['status']],
    [LOG, 'since=yesterday&ip=x', ['ip', 'since']],
    [LOG, 'cursor=x', ['cursor']],
    [LOG, 'limit=5', ['limit']],
    [EVENTS, 'format=json', ['format']],
    [EVENTS, 'trigger=%20', ['trigger']],
    [EVENTS, 'text=', ['text']],
    [EVENTS, `text=${'a'.repeat(257)}`, ['text']],
    [EVENTS, 'path=a', ['value']],
    [EVENTS, 'value=a', ['path']],
    [EVENTS, 'view=summary', ['view']],
  ])('%s?%s is 422', async (path, query, fields) => {
    const answer = await admin.call('GET', `${path}?${query}`)
    expect([answer.status, fieldsOf(answer)]).toEqual([422, fields])
    expect(answer.headers.get('content-disposition')).toBeNull()
  })

  describe('of events', () => {
    const expected = () =>
      BODIES.map(({ body, content }, at) => ({
        id: contentIds[at],
        payload: content.encoding === 'json' ? (content.payload ?? new TextDecoder().decode(body)) : null,
        body:
          content.encoding === 'json'
            ? null
            : content.encoding === 'base64'
              ? Buffer.from(body).toString('base64')
              : content.body,
        body_encoding: content.encoding,
      })).toReversed()

    test('as CSV has each body as it was sent: JSON, text, or base64', async () => {
      const { text } = await admin.call('GET', `${EVENTS}?format=csv&trigger=things`)
      const [columns = [], ...records] = parseCsv(text)
      const cellOf = (record: readonly (string | null)[], name: string) =>
        record[columns.indexOf(name)] ?? null
      expect(
        records.map((record) => ({
          id: cellOf(record, 'id') ?? '',
          payload: cellOf(record, 'payload'),
          body: cellOf(record, 'body'),
          body_encoding: cellOf(record, 'body_encoding'),
        })),
      ).toEqual(expected() as never)
      expect(text).toContain(",'-5,")
    })

    test('as NDJSON is an event a line, its payload as it was written but for line ends', async () => {
      const { text } = await admin.call('GET', `${EVENTS}?format=ndjson&trigger=things`)
      expect(text).toContain('"payload":{"n": 12345678901234567890,  "s": "a\\nb"}}\n')
      const events = linesOf<Event & { body: string | null; body_encoding: string }>(text)
      expect(events.map(({ id, body, body_encoding }) => ({ id, body, body_encoding }))).toEqual(
        expected().map(({ id, body, body_encoding }) => ({
          id: id ?? '',
          body: body ?? null,
          body_encoding: body_encoding ?? '',
        })),
      )
      const { data } = (await admin.call('GET', '/api/v1/events?trigger=things')).json<{ data: Event[] }>()
      expect(events.map(({ body, body_encoding, ...event }) => event)).toEqual(data)
    })

    test('looks for a text as the list does', async () => {
      const query = `text=${(contentIds[0] ?? '').toUpperCase()}`
      const { text } = await admin.call('GET', `${EVENTS}?${query}`)
      expect(linesOf<Event>(text).map(({ id }) => id)).toEqual([contentIds[0] ?? ''])
      const { data } = (await admin.call('GET', `/api/v1/events?${query}`)).json<{ data: Event[] }>()
      expect(data.map(({ id }) => id)).toEqual([contentIds[0] ?? ''])
      expect(linesOf((await admin.call('GET', `${EVENTS}?text=nowhere`)).text)).toEqual([])
    })

    test('searches payloads as the list does', async () => {
      const { text } = await admin.call('GET', `${EVENTS}?path=s&value=${encodeURIComponent('a\nb')}`)
      expect(linesOf<Event>(text).map(({ id }) => id)).toEqual([contentIds[0] ?? ''])
    })
  })

  test('is downloaded by a link of the console, and by no other page', async () => {
    const cookie = await signedIn(admin)
    const statusFrom = async (site: string) =>
      (await admin.call('GET', LOG, { token: null, headers: { cookie, 'sec-fetch-site': site } })).status
    expect(await statusFrom('same-origin')).toBe(200)
    expect(await statusFrom('none')).toBe(200)
    expect(await statusFrom('same-site')).toBe(403)
    expect(await statusFrom('cross-site')).toBe(403)
    expect((await admin.call('GET', LOG, { token: null })).status).toBe(401)
  })

  test('has the same head for HEAD, and asks for nothing', async () => {
    const { status, headers } = await admin.call('HEAD', `${EVENTS}?format=csv`)
    expect([status, headers.get('content-type')]).toEqual([200, 'text/csv;charset=utf-8;header=present'])
  })
})

describe.each([...engines])('a long export on $name', (engine) => {
  let admin: AdminUnderTest

  beforeAll(async () => {
    admin = await startAdmin(engine)
  })
  afterAll(() => admin.close())

  test('of more than a page has every row once, newest first', async () => {
    const many = await triggerWithKey(admin.store, 'many')
    const ids = Array.from({ length: 1_203 }, (_, at) => idAt(Date.now() - 5_000 + at))
    await Promise.all(ids.map((id) => accept(admin.store, many, { id })))
    for (const path of [LOG, EVENTS]) {
      const { text } = await admin.call('GET', `${path}?trigger=many`)
      expect(linesOf<{ id: string }>(text).map(({ id }) => id)).toEqual(ids.toReversed())
    }
  }, 60_000)

  test('of more rows than its bound says so at its end, and where to go on', async () => {
    const few = admin.withExports(500)
    const ask = async (path: string) => {
      const request = new Request(`http://localhost${path}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      })
      const response = await few.handle(request)
      expect([response.status, response.headers.get('x-attune-export-rows-max')]).toEqual([200, '500'])
      return response.text()
    }
    const all: string[] = []
    let cursor = ''
    for (const rows of [500, 500, 203]) {
      const lines = linesOf<{ id: string; export_cut_off?: { rows: number; next_cursor: string } }>(
        await ask(`${LOG}?trigger=many${cursor}`),
      )
      all.push(...lines.slice(0, rows).map(({ id }) => id))
      expect(lines.length).toBe(rows === 500 ? 501 : 203)
      const said = lines[500]?.export_cut_off
      expect(said?.rows).toBe(rows === 500 ? 500 : undefined)
      cursor = `&cursor=${said?.next_cursor}`
    }
    expect(new Set(all).size).toBe(1_203)
    const records = parseCsv(await ask(`${LOG}?trigger=many&format=csv`))
    expect(records.length).toBe(502)
    expect(records.at(-1)?.[0]).toMatch(/^# export_cut_off after 500 rows, next_cursor [\w-]+$/)
    expect(new Set(records.map(({ length }) => length)).size).toBe(1)
  }, 30_000)

  test('of exactly as many rows as its bound is whole', async () => {
    const request = new Request(`http://localhost${LOG}?trigger=many`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    const text = await (await admin.withExports(1_203).handle(request)).text()
    expect([linesOf(text).length, text.includes('export_cut_off')]).toEqual([1_203, false])
  })

  describe('that is read slowly', () => {
    const BODY_BYTES = 1024 * 1024
    const COUNT = 48
    const ids: string[] = []

    beforeAll(async () => {
      const large = await triggerWithKey(admin.store, 'large')
      const startMs = Date.now() - 60_000
      const accepting = Array.from({ length: COUNT }, (_, at) => {
        const body = bytes(JSON.stringify(randomBytes(BODY_BYTES / 2).toString('hex')))
        return accept(admin.store, large, { id: idAt(startMs + at), body })
      })
      ids.push(...(await Promise.all(accepting)))
    }, 120_000)

    const begin = () => beginExport(admin.origin, `${EVENTS}?trigger=large`)

    test('is not read ahead of', async () => {
      const reading = await begin()
      await withSql(admin, `delete from attune.event where id = '${ids[0]}'`)
      const text = await reading.rest()
      expect(linesOf<Event>(text).map(({ id }) => id)).toEqual(ids.slice(1).toReversed())
    }, 60_000)

    test(`goes on beside ${EXPORTS_MAX - 1} others; one more is 503 until one has ended`, async () => {
      const [first, ...others] = await Promise.all(Array.from({ length: EXPORTS_MAX }, begin))
      const answer = await admin.call('GET', LOG)
      expect([answer.status, answer.problem().code]).toEqual([503, 'exports_exceeded'])
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      first?.leave()
      await eventually(async () => (await admin.call('GET', LOG)).status === 200)
      for (const reading of others) reading.leave()
      const both = async () => {
        const answers = await Promise.all([admin.call('GET', LOG), admin.call('GET', LOG)])
        return answers.every(({ status }) => status === 200)
      }
      await eventually(both)
      expect(JSON.stringify(admin.log.entries)).not.toContain('broke off')
    }, 60_000)

    test('breaks off when the process begins to end', async () => {
      const under = await startAdmin(engine)
      const sender = await triggerWithKey(under.store, 'large')
      for (let at = 0; at < COUNT; at += 1) {
        await accept(under.store, sender, { body: bytes(`"${'x'.repeat(BODY_BYTES)}"`) })
      }
      const reading = await beginExport(under.origin, EVENTS)
      under.drain()
      await expect(reading.rest()).rejects.toThrow()
      await eventually(() => JSON.stringify(under.log.entries).includes('an export broke off'))
      await under.close()
    }, 120_000)
  })
})

describe.skipIf(clusterMissing !== null)('an export whose database fails', () => {
  test('midway breaks off, and does not end as if it were whole', async () => {
    const cluster = await createCluster()
    const engine = postgresqlEngine(cluster.url('postgres'))
    const admin = await startAdmin({
      name: 'postgresql',
      open: async () => ({ engine, dispose: async () => {} }),
    })
    try {
      const origin = await triggerWithKey(admin.store, 'large')
      for (let at = 0; at < 48; at += 1) {
        await accept(admin.store, origin, { body: bytes(`"${'x'.repeat(1024 * 1024)}"`) })
      }
      const reading = await beginExport(admin.origin, `${EVENTS}?format=csv`)
      await cluster.stop()
      await expect(reading.rest()).rejects.toThrow()
      await eventually(() => JSON.stringify(admin.log.entries).includes('an export broke off'))
      expect(JSON.stringify(admin.log.entries)).not.toMatch(/select |attune\./i)
      // Before anything was sent it is an answer as any other.
      const answer = await admin.call('GET', EVENTS)
      expect([answer.status, answer.problem().code]).toEqual([503, 'store_unavailable'])
    } finally {
      await admin.close()
      await cluster.dispose()
    }
  }, 120_000)
})

/** Begins to read an export, and reads no more of it until `rest` is called. */
async function beginExport(origin: string, path: string) {
  const leaving = new AbortController()
  const response = await fetch(`${origin}${path}`, {
    headers: { authorization: `Bearer ${TOKEN}` },
    signal: leaving.signal,
  })
  const reader = response.body?.getReader()
  if (response.status !== 200 || reader === undefined) throw new Error(`answered ${response.status}`)
  const decoder = new TextDecoder()
  let text = decoder.decode((await reader.read()).value, { stream: true })
  return {
    leave: () => leaving.abort(),
    async rest(): Promise<string> {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += decoder.decode(part.value, { stream: true })
      }
      return text
    },
  }
}
