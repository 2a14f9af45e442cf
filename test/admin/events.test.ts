import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Sql } from 'postgres'
import { encodeCursor } from '../../src/core/cursor.ts'
import type { Event, EventSummary } from '../../src/core/event.ts'
import { PAGE_BODY_BYTES_MAX, PAYLOAD_SEARCH_BYTES_MAX } from '../../src/core/limits.ts'
import { engines } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type AdminUnderTest, accept, fieldsOf, idAt, startAdmin, TOKEN, triggerWithKey } from './support.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

describe.each([...engines])('events on $name', (engine) => {
  let admin: AdminUnderTest
  let origin: Awaited<ReturnType<typeof triggerWithKey>>

  beforeAll(async () => {
    admin = await startAdmin(engine)
    origin = await triggerWithKey(admin.store, 'github.push')
  })
  afterAll(() => admin.close())

  const read = (id: string) => admin.call('GET', `/api/v1/events/${id}`)

  test('an event is shown as it was accepted', async () => {
    const id = await accept(admin.store, origin, {
      body: bytes('{"a":[1,null,"x"]}'),
      contentType: 'application/json; charset=utf-8',
      sourceIp: '2001:db8::1',
      headers: [
        ['x-a', '1'],
        ['x-a', '2'],
        ['x-b', '"quotes" <b> \u00ff'],
      ],
    })
    expect((await read(id)).data<Event>()).toEqual({
      id,
      trigger_ref: 'github.push',
      content_type: 'application/json; charset=utf-8',
      payload_size_bytes: 18,
      payload: { a: [1, null, 'x'] },
      headers: [
        ['x-a', '1'],
        ['x-a', '2'],
        ['x-b', '"quotes" <b> \u00ff'],
      ],
      source_ip: '2001:db8::1',
      received_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
    })
  })

  test('an event without address and content type shows null', async () => {
    const id = await accept(admin.store, origin, { sourceIp: null, contentType: null })
    expect((await read(id)).data<Event>()).toMatchObject({ source_ip: null, content_type: null })
  })

  test.each([
    ['an IPv4 address', '192.0.2.7'],
    ['an IPv6 address', '2001:db8::7'],
  ])('%s has no prefix length', async (_, sourceIp) => {
    const id = await accept(admin.store, origin, { sourceIp })
    expect((await read(id)).data<Event>().source_ip).toBe(sourceIp)
  })

  test.each([
    ['numbers beyond a double', '{"big":12345678901234567890,"inf":1e400,"tiny":-1E-400,"z":1.000}'],
    ['a repeated key', '{"a":1,"a":2}'],
    ['white space', ' \n{ "a" :\t1 }\r\n'],
    ['escapes', '{"\\u0000":"\\ud800","\\u2028":"</script>"}'],
    ['a prototype', '{"__proto__":{"x":1},"constructor":1}'],
    ['a bare number', '0'],
    ['a bare text', '"x"'],
    ['null', 'null'],
    ['a list', '[]'],
  ])('the payload stands as its sender wrote it: %s', async (_, text) => {
    const id = await accept(admin.store, origin, { body: bytes(text) })
    const answer = await read(id)
    expect(answer.text).toEndWith(`,"payload":${text}}}`)
    expect(answer.data<Event>().payload).toEqual(JSON.parse(text))
  })

  test('JSON of 10,000 levels comes through, in the list as well', async () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
    const id = await accept(admin.store, origin, { body: bytes(deep) })
    expect((await read(id)).text).toContain(deep)
    expect((await admin.call('GET', '/api/v1/events?limit=1')).text).toContain(deep)
  })

  test('a byte order mark before JSON is ignored in the payload and kept in the body', async () => {
    const body = new Uint8Array([0xef, 0xbb, 0xbf, ...bytes('{"a":1}')])
    const id = await accept(admin.store, origin, { body })
    expect((await read(id)).data<Event>().payload).toEqual({ a: 1 })
    expect(await bodyOf(id)).toEqual(body)
  })

  test.each([
    ['empty', new Uint8Array()],
    ['a form', bytes('payload=%7B%7D')],
    ['text with quotes', bytes('"},"id":"forged"')],
    ['half of JSON', bytes('{"a":')],
    ['JSON twice', bytes('{} {}')],
    ['NaN', bytes('NaN')],
    ['a comment', bytes('{}//')],
    ['NUL', bytes('{"a":"\0"}')],
    ['invalid UTF-8', new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])],
    ['two byte order marks', new Uint8Array([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, 0x7b, 0x7d])],
    ['every byte', Uint8Array.from({ length: 256 }, (_, byte) => byte)],
  ])('a body that is not JSON has no payload, and is kept byte for byte: %s', async (_, body) => {
    const id = await accept(admin.store, origin, { body })
    expect((await read(id)).data<Event>()).toMatchObject({
      payload: null,
      payload_size_bytes: body.byteLength,
    })
    expect(await bodyOf(id)).toEqual(body)
  })

  async function bodyOf(id: string): Promise<Uint8Array> {
    const response = await fetch(`${admin.origin}/api/v1/events/${id}/body`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    expect(response.status).toBe(200)
    return response.bytes()
  }

  test.each([
    'text/html',
    'image/svg+xml',
    'application/javascript',
    'text/html\r\nx-injected: 1',
    '../../etc',
  ])('a stored page is never shown or run by a browser, whatever it calls itself %#', async (contentType) => {
    const body = bytes('<script>fetch("/api/v1/triggers")</script>')
    const id = await accept(admin.store, origin, { body, contentType })
    const { headers } = await admin.call('GET', `/api/v1/events/${id}/body`)
    expect(headers.get('content-type')).toBe('application/octet-stream')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${id}.bin"`)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('x-injected')).toBeNull()
  })

  test.each([
    ['an id that no event has', idAt(Date.now())],
    ['an id of long ago', idAt(1_000)],
    ['another kind of UUID', '6ba7b810-9dad-41d1-80b4-00c04fd430c8'],
    ['capitals', idAt(Date.now()).toUpperCase().replace(/^0/, 'A')],
    ['no id', 'x'],
    ['broken percent-encoding', '%ff'],
    ['SQL', "'%20or%201=1--"],
    ['a traversal', '..%2f..%2fhealthz'],
  ])('%s is 404', async (_, id) => {
    for (const path of [`/api/v1/events/${id}`, `/api/v1/events/${id}/body`]) {
      const answer = await admin.call('GET', path)
      expect(answer.status).toBe(404)
      expect(answer.problem().code).toBe('event_unknown')
    }
  })

  test('events outlive their trigger', async () => {
    const gone = await triggerWithKey(admin.store, 'gone')
    const id = await accept(admin.store, gone)
    await admin.call('DELETE', '/api/v1/triggers/gone')
    expect((await read(id)).data<Event>().trigger_ref).toBe('gone')
    expect((await admin.call('GET', '/api/v1/events?trigger=gone')).data<Event[]>()).toHaveLength(1)
  })
})

describe.each([...engines])('the list of events on $name', (engine) => {
  let admin: AdminUnderTest
  /** Newest first. */
  const ids: string[] = []
  const nowMs = Date.UTC(2026, 5, 15, 12)

  beforeAll(async () => {
    admin = await startAdmin(engine)
    const origins = [
      await triggerWithKey(admin.store, 'even.numbers'),
      await triggerWithKey(admin.store, 'odd.numbers'),
    ]
    for (let index = 0; index < 7; index++) {
      const origin = origins[index % 2]
      if (origin === undefined) throw new Error('there are two triggers')
      // Two days, and for the last two one and the same millisecond.
      const id = idAt(nowMs - 86_400_000 + Math.min(index, 5) * 20_000_000)
      ids.unshift(await accept(admin.store, origin, { id, body: bytes(String(index)) }))
    }
    ids.sort().reverse()
  })
  afterAll(() => admin.close())

  const list = (query: string) => admin.call('GET', `/api/v1/events${query}`)
  const idsOf = async (query: string) => (await list(query)).data<Event[]>().map(({ id }) => id)

  async function walk(query: string): Promise<string[]> {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const answer = await list(`?${query}${cursor === null ? '' : `&cursor=${cursor}`}`)
      seen.push(...answer.data<Event[]>().map(({ id }) => id))
      cursor = answer.json<{ next_cursor: string | null }>().next_cursor
    } while (cursor !== null)
    return seen
  }

  test('has the newest first', async () => {
    expect(await idsOf('')).toEqual(ids)
  })

  test.each([1, 2, 3, 7, 500])('walked by pages of %d yields each once', async (limit) => {
    expect(await walk(`limit=${limit}`)).toEqual(ids)
  })

  test('walked within one trigger yields its own', async () => {
    const odd = await walk('limit=2&trigger=odd.numbers')
    expect(odd).toHaveLength(3)
    expect(await walk('limit=2&trigger=even.numbers')).toEqual(ids.filter((id) => !odd.includes(id)))
    expect(await walk('trigger=no.such')).toEqual([])
  })

  test('a cursor goes on where its page ended, whatever came in between', async () => {
    const first = await list('?limit=3')
    const cursor = first.json<{ next_cursor: string }>().next_cursor
    const newer = await accept(admin.store, await triggerWithKey(admin.store, 'late.comer'))
    expect(await idsOf(`?cursor=${cursor}`)).toEqual(ids.slice(3))
    expect(await idsOf('?limit=1')).toEqual([newer])
    ids.unshift(newer)
  })

  test('since is inclusive and until exclusive, to the millisecond', async () => {
    const { received_at } = (await list('?trigger=odd.numbers&limit=1')).data<[Event]>()[0]
    const at = new Date(received_at).getTime()
    const iso = (ms: number) => new Date(ms).toISOString()
    const odd = await idsOf('?trigger=odd.numbers')
    expect(await idsOf(`?trigger=odd.numbers&since=${iso(at)}`)).toEqual(odd.slice(0, 1))
    expect(await idsOf(`?trigger=odd.numbers&since=${iso(at + 1)}`)).toEqual([])
    expect(await idsOf(`?trigger=odd.numbers&until=${iso(at)}`)).toEqual(odd.slice(1))
    expect(await idsOf(`?trigger=odd.numbers&until=${iso(at + 1)}`)).toEqual(odd)
    expect(await walk(`limit=1&since=${iso(0)}&until=${iso(at)}&trigger=odd.numbers`)).toEqual(odd.slice(1))
  })

  test.each([
    ['since=yesterday', ['since']],
    ['since=2026-06-15', ['since']],
    ['since=2026-06-15T12:00:00', ['since']],
    ['since=2026-06-15T12:00:00+02:00', ['since']],
    ['since=2026-02-30T00:00:00Z', ['since']],
    ['since=0000-01-01T00:00:00Z', ['since']],
    ['until=9999-12-31T23:59:59-01:00', ['until']],
    ['since=2026-06-15T12:00:00Z&since=2026-06-16T12:00:00Z', ['since']],
    ['until=', ['until']],
    ['since[]=2026-06-15T12:00:00Z', ['since[]']],
    ['trigger=Not%20A%20Ref', ['trigger']],
    ['trigger=a,b', ['trigger']],
    ['trigger=', ['trigger']],
    ['limit=0', ['limit']],
    ['limit=501', ['limit']],
    ['cursor=x', ['cursor']],
    [`cursor=${encodeCursor('6ba7b810-9dad-41d1-80b4-00c04fd430c8')}`, ['cursor']],
    [`cursor=${encodeCursor('12')}`, ['cursor']],
    ['status=200', ['status']],
    ['limit=x&cursor=x&trigger=X&since=x&until=x&x=x', ['cursor', 'limit', 'since', 'trigger', 'until', 'x']],
  ])('with the query %s is 422', async (query, fields) => {
    const answer = await list(`?${query}`)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test.each(['2026-06-15T12:00:00%2B02:00', '2026-06-15t12:00:00z', '2026-06-15T12:00:00.123456789-11:30'])(
    'a time with any zone and fraction is read: %s',
    async (since) => {
      expect((await list(`?since=${since}`)).status).toBe(200)
    },
  )

  test('a page ends early when its bodies grow large, and the walk misses none', async () => {
    const origin = await triggerWithKey(admin.store, 'large.bodies')
    const body = bytes(`"${'x'.repeat(PAGE_BODY_BYTES_MAX / 2)}"`)
    const large: string[] = []
    for (let index = 0; index < 3; index++) large.unshift(await accept(admin.store, origin, { body }))
    expect(await idsOf('?trigger=large.bodies')).toHaveLength(1)
    expect(await walk('trigger=large.bodies')).toEqual(large.sort().reverse())
  })
})

describe.each([...engines])('events by what is in them on $name', (engine) => {
  let admin: AdminUnderTest
  let sql: Sql
  let ids: string[]
  const nowMs = Date.now()

  beforeAll(async () => {
    admin = await startAdmin({
      name: engine.name,
      open: async () => {
        const opened = await engine.open()
        sql = opened.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 20_000 })
        return opened
      },
    })
    const push = await triggerWithKey(admin.store, 'github.push')
    const paid = await triggerWithKey(admin.store, 'stripe.paid')
    const at = (index: number) => idAt(nowMs - 3_600_000 + index * 60_000)
    ids = [
      await accept(admin.store, push, {
        id: at(0),
        body: bytes('{"repository":{"full_name":"a/b"},"items":[{"id":1},{"id":12345678901234567890}]}'),
      }),
      await accept(admin.store, push, {
        id: at(1),
        sourceIp: '2001:db8::1',
        body: bytes('{"repository":{"full_name":"a/c"},"forced":false,"x.y":{"":null}}'),
      }),
      await accept(admin.store, paid, {
        id: at(2),
        contentType: 'application/x-www-form-urlencoded',
        body: bytes('repository=a%2Fb&amount=10'),
      }),
      await accept(admin.store, paid, {
        id: at(3),
        body: bytes(`{"repository":{"full_name":"a/b"},"x":"${'x'.repeat(PAYLOAD_SEARCH_BYTES_MAX)}"}`),
      }),
    ]
  })
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await admin.close()
  })

  const list = (query: Record<string, string>) =>
    admin.call('GET', `/api/v1/events?${new URLSearchParams(query)}`)
  const idsOf = async (query: Record<string, string>) =>
    (await list(query)).data<EventSummary[]>().map(({ id }) => id)

  const FOUND: readonly (readonly [Record<string, string>, readonly number[]])[] = [
    [{ path: 'repository.full_name', value: 'a/b' }, [0]],
    [{ path: 'repository.full_name', value: 'a/B' }, []],
    [{ path: 'items[].id', value: '1.0' }, [0]],
    [{ path: 'items[].id', value: '12345678901234567890' }, [0]],
    [{ path: 'items[].id', value: '12345678901234567891' }, []],
    [{ path: 'items.id', value: '1' }, []],
    [{ path: 'forced', value: 'false' }, [1]],
    [{ path: '"x.y".""', value: 'null' }, [1]],
    [{ path: 'forced', value: '' }, []],
    [{ path: 'repository', value: 'a/b' }, [2]],
    [{ path: 'amount', value: '10' }, [2]],
    [{ path: 'repository.full_name', value: 'a/c', ip: '2001:DB8::1' }, [1]],
    [{ path: 'repository.full_name', value: 'a/c', trigger: 'stripe.paid' }, []],
    [{ ip: '2001:db8:0::1' }, [1]],
    [{ ip: '192.0.2.1', trigger: 'github.push' }, [0]],
    [{ ip: '192.0.2.99' }, []],
  ]

  test.each(FOUND)('%j finds %j, in full and in short', async (query, found) => {
    const expected = found.map((index) => ids[index] ?? '')
    expect(await idsOf(query)).toEqual(expected)
    expect(await idsOf({ ...query, view: 'summary' })).toEqual(expected)
  })

  test('the same is found once they are indexed', async () => {
    // The newest second is not indexed, so the mark ends with the youngest of these.
    await eventually(async () => {
      const [row] = await sql<{ mark: string }[]>`select mark::text from attune.event_search_state`
      return row?.mark === ids.at(-1)
    }, 20_000)
    for (const [query, found] of FOUND) {
      expect([query, await idsOf(query)]).toEqual([query, found.map((index) => ids[index] ?? '')])
    }
  })

  test('an event is found the moment it is stored', async () => {
    const push = { ...(await triggerWithKey(admin.store, 'github.new')) }
    const id = await accept(admin.store, push, { body: bytes('{"fresh":"yes"}') })
    expect(await idsOf({ path: 'fresh', value: 'yes' })).toEqual([id])
    expect(await idsOf({ path: 'fresh', value: 'no' })).toEqual([])
  })

  test('a summary has neither payload nor headers', async () => {
    const [summary] = (await list({ view: 'summary', trigger: 'stripe.paid' })).data<EventSummary[]>()
    expect(summary).toEqual({
      id: ids[3] ?? '',
      trigger_ref: 'stripe.paid',
      content_type: expect.any(String),
      payload_size_bytes: expect.any(Number),
      source_ip: '192.0.2.1',
      received_at: expect.stringMatching(/Z$/),
    })
    const [full] = (await list({ view: 'full', trigger: 'stripe.paid' })).data<Event[]>()
    expect(full).toHaveProperty('payload')
    expect(full).toHaveProperty('headers')
  })

  test.each<readonly [Record<string, string>, readonly string[]]>([
    [{ path: 'a' }, ['value']],
    [{ value: 'a' }, ['path']],
    [{ path: '', value: 'a' }, ['path']],
    [{ path: 'a..b', value: 'a' }, ['path']],
    [{ path: 'a[0]', value: 'a' }, ['path']],
    [{ path: '"a', value: 'a' }, ['path']],
    [{ path: 'x'.repeat(513), value: 'a' }, ['path']],
    [{ path: Array.from({ length: 13 }, () => 'a').join('.'), value: 'a' }, ['path']],
    [{ path: 'a', value: 'x'.repeat(257) }, ['value']],
    [{ path: 'a\0', value: 'x\0' }, ['path', 'value']],
    [{ ip: '192.0.2' }, ['ip']],
    [{ ip: '192.0.2.0/24' }, ['ip']],
    [{ view: 'short' }, ['view']],
    [{ view: '' }, ['view']],
  ])('%j is 422', async (query, fields) => {
    const answer = await list(query)
    expect([answer.status, fieldsOf(answer)]).toEqual([422, [...fields]])
  })
})
