import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Sql } from 'postgres'
import type { AcceptedAttempt } from '../../src/core/attempt.ts'
import { decodeCursor } from '../../src/core/cursor.ts'
import type { HeaderPair } from '../../src/core/event.ts'
import { PAYLOAD_SEARCH_BYTES_MAX } from '../../src/core/limits.ts'
import { parsePayloadPath } from '../../src/core/payload-terms.ts'
import { requestIdTimeMs } from '../../src/core/request-id.ts'
import { AdminDatabase } from '../../src/store/admin-database.ts'
import { Pool } from '../../src/store/connection.ts'
import { type EventFilter, Events } from '../../src/store/events.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { encodeBatch, INTAKE } from '../../src/store/intake-statement.ts'
import { PayloadIndexer } from '../../src/store/payload-indexer.ts'
import { acceptedAttempt } from '../support/attempts.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { recordingLog } from '../support/log.ts'

const DAY_MS = 86_400_000
const INDEXED_MS_MAX = 20_000
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const idAt = (timeMs: number): string => Bun.randomUUIDv7('hex', timeMs)

function where(path: string, value: string): EventFilter {
  const parsed = parsePayloadPath(path)
  if ('problem' in parsed) throw new Error(parsed.problem)
  return { payload: { path: parsed, value } }
}

describe.each(engines)('the search in payloads ($name)', ({ name: engineName, open }) => {
  let database: TestEngine
  let store: Store
  let sql: Sql
  let admin: AdminDatabase
  let log: ReturnType<typeof recordingLog>
  const indexers: PayloadIndexer[] = []

  beforeAll(async () => {
    database = await open()
    log = recordingLog()
    const { engine } = database
    // Its own indexing is off, so that a test decides when there is one.
    store = await openStore({ engine, log, retentionDays: 90, onBatch: () => {}, payloadSearch: false })
    sql = engine.createPool({ name: 'test', connectionsMax: 2, statementMsMax: 20_000 })
    admin = new AdminDatabase(engine, { name: 'test', connectionsMax: 2, statementMsMax: 20_000 })
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await admin.close(1)
    await store.close(5_000)
    await database.dispose()
  }, 30_000)
  beforeEach(async () => {
    await sql`truncate attune.event, attune.webhook_event_log, attune.event_search`
    await sql`update attune.event_search_state
      set mark = '00000000-0000-7000-8000-000000000000', holder = null, held_until = '-infinity'`
  })

  const events = (isOn = true, searchMsMax?: number) => new Events(admin, isOn, searchMsMax)

  async function accept(given: Partial<AcceptedAttempt>): Promise<string> {
    const attempt = acceptedAttempt(given)
    await sql.unsafe(INTAKE, [...encodeBatch({ accepted: [attempt], rejected: [] }, performance.now()), ''])
    return attempt.id
  }

  function indexer(isPressed = () => false): PayloadIndexer {
    const { engine } = database
    const pool = new Pool(engine, { name: 'indexer', connectionsMax: 1, statementMsMax: 20_000 })
    const made = new PayloadIndexer({ engine, pool, log, isPressed })
    const stop = made.stop.bind(made)
    made.stop = async () => {
      await stop()
      await pool.close(1)
    }
    indexers.push(made)
    made.start()
    return made
  }

  const indexed = async (ids: readonly string[]) =>
    (
      await sql<{ id: string }[]>`
        select event_id::text as id from attune.event_search
        where event_id = any(${`{${ids.join(',')}}`}::text::uuid[]) order by event_id desc`
    ).map(({ id }) => id)

  const sorted = (ids: readonly string[]): string[] => [...ids].sort().reverse()

  /** Runs an indexer until it has come to all of these. */
  async function index(ids: readonly string[]): Promise<void> {
    const running = indexer()
    try {
      await eventually(async () => (await indexed(ids)).length === ids.length, INDEXED_MS_MAX)
    } finally {
      await running.stop()
    }
  }

  async function find(filter: EventFilter, limit = 500, from = events()): Promise<string[]> {
    const found: string[] = []
    for (let cursorId: string | null = null; ; ) {
      const { rows, nextCursor } = await from.summaries(filter, limit, cursorId)
      found.push(...rows.map(({ id }) => id))
      if (nextCursor === null) return found
      cursorId = decodeCursor(nextCursor)
    }
  }

  const long = Date.now() - 5 * DAY_MS

  test('finds an event at once, before it is indexed', async () => {
    const id = await accept({ body: bytes('{"a":{"b":1}}') })
    expect(await find(where('a.b', '1'))).toEqual([id])
    expect(await find(where('a.b', '2'))).toEqual([])
    expect(await indexed([id])).toEqual([])
  })

  test('finds the same events when they are indexed, and none twice while some are', async () => {
    const old: string[] = []
    for (let at = 0; at < 120; at += 1) {
      old.push(
        await accept({ id: idAt(long + at * 1_000), body: bytes(`{"n":${at},"even":${at % 2 === 0}}`) }),
      )
    }
    const even = sorted(old.filter((_, at) => at % 2 === 0))
    expect(await find(where('even', 'true'))).toEqual(even)
    await index(old)
    expect(await find(where('even', 'true'))).toEqual(even)
    expect(await find(where('n', '17'))).toEqual([old[17] ?? ''])
    const fresh = await accept({ body: bytes('{"even":true}') })
    expect(await find(where('even', 'true'))).toEqual([fresh, ...even])
    expect(await find(where('even', 'true'), 7)).toEqual([fresh, ...even])
  })

  test('by an index that knows nothing of other events: what is indexed is not read', async () => {
    const id = await accept({ id: idAt(long), body: bytes('{"a":"x"}') })
    await index([id])
    await sql`update attune.event_search set terms = '{}' where event_id = ${id}::uuid`
    expect(await find(where('a', 'x'))).toEqual([])
    expect(await find(where('a', 'x'), 500, new Events(admin, true))).toEqual([])
  })

  test('a hash that two values share finds only the one that is there', async () => {
    const ids = [
      await accept({ id: idAt(long), body: bytes('{"a":"x"}') }),
      await accept({ id: idAt(long + 1), body: bytes('{"a":"y"}') }),
    ]
    await index(ids)
    await sql`update attune.event_search set terms = (
      select array_agg(distinct term) from attune.event_search s, unnest(s.terms) term
    )`
    expect(await find(where('a', 'x'))).toEqual(ids.slice(0, 1))
  })

  test('is combined with trigger, address and time', async () => {
    const body = bytes('{"a":1}')
    const ids = [
      await accept({ id: idAt(long), body, triggerRef: 'one', sourceIp: '192.0.2.1' }),
      await accept({ id: idAt(long + 1_000), body, triggerRef: 'one', sourceIp: '2001:db8::1' }),
      await accept({ id: idAt(long + 2_000), body, triggerRef: 'two', sourceIp: '192.0.2.1' }),
      await accept({ id: idAt(long + 3_000), body, triggerRef: 'two', sourceIp: null }),
    ]
    const [first = '', second = '', third = '', fourth = ''] = ids
    const expectAll = async () => {
      const asked = where('a', '1')
      expect(await find(asked)).toEqual(sorted(ids))
      expect(await find({ ...asked, triggerRef: 'one' })).toEqual([second, first])
      expect(await find({ ...asked, sourceIp: '192.0.2.1' })).toEqual([third, first])
      expect(await find({ ...asked, sourceIp: '2001:db8::1' })).toEqual([second])
      expect(await find({ ...asked, triggerRef: 'two', sourceIp: '192.0.2.1' })).toEqual([third])
      expect(await find({ ...asked, triggerRef: 'one', sourceIp: '192.0.2.9' })).toEqual([])
      expect(await find({ ...asked, since: new Date(long + 1_000) })).toEqual([fourth, third, second])
      expect(await find({ ...asked, until: new Date(long + 1_000) })).toEqual([first])
      expect(await find({ ...asked, since: new Date(long + 1), until: new Date(long + 1_001) })).toEqual([
        second,
      ])
      expect(await find({ ...asked, since: new Date(long + 9_000), until: new Date(long) })).toEqual([])
      expect(await find({ sourceIp: '192.0.2.1' })).toEqual([third, first])
      expect(await find({ sourceIp: '192.0.2.1', triggerRef: 'two' })).toEqual([third])
      expect(await find({ sourceIp: '192.0.2.1' }, 1)).toEqual([third, first])
    }
    await expectAll()
    await index(ids)
    await expectAll()
  })

  test('a text is found in headers, ref, address, content type and id, in either case, whatever is indexed', async () => {
    const headers: HeaderPair[] = [
      ['X-GitHub-Event', 'push'],
      ['x-quoted', '"Zoë" 100%_'],
    ]
    const one = await accept({ id: idAt(long), headers, triggerRef: 'text.one', sourceIp: '192.0.2.1' })
    const two = await accept({
      id: idAt(long + 1_000),
      headers: [],
      sourceIp: '2001:db8::1',
      contentType: 'text/CSV',
    })
    const three = await accept({
      id: idAt(long + 2_000),
      headers: [['x-github-event', 'pull_request']],
      sourceIp: null,
    })
    const expectAll = async () => {
      expect(await find({ text: 'x-github-event: push' })).toEqual([one])
      expect(await find({ text: 'X-GITHUB-EVENT' })).toEqual([three, one])
      expect(await find({ text: '"Zoë" 100%_' })).toEqual([one])
      expect(await find({ text: '100%%' })).toEqual([])
      expect(await find({ text: 'text.ONE' })).toEqual([one])
      expect(await find({ text: '2001:db8::1' })).toEqual([two])
      expect(await find({ text: 'csv' })).toEqual([two])
      expect(await find({ text: three.slice(4, 30).toUpperCase() })).toEqual([three])
      expect(await find({ text: 'x-github-event', sourceIp: '192.0.2.1' })).toEqual([one])
      expect(await find({ text: 'x-github-event', triggerRef: 'text.one' })).toEqual([one])
      expect(await find({ text: 'x-github-event', since: new Date(long + 1) })).toEqual([three])
      expect(await find({ text: 'x-github-event' }, 1)).toEqual([three, one])
      expect(await find({ text: 'nowhere' })).toEqual([])
    }
    await expectAll()
    await index([one, two, three])
    await expectAll()
    expect(await find({ text: 'push' }, 500, events(false))).toEqual([one])
  })

  test('a text and a value in the payload are both there', async () => {
    const body = bytes('{"a":1}')
    const both = await accept({ id: idAt(long), body, headers: [['x-kind', 'sought']] })
    const valueOnly = await accept({ id: idAt(long + 1), body, headers: [] })
    await accept({ id: idAt(long + 2), body: bytes('{"a":2}'), headers: [['x-kind', 'sought']] })
    expect(await find({ ...where('a', '1'), text: 'sought' })).toEqual([both])
    await index([both, valueOnly])
    expect(await find({ ...where('a', '1'), text: 'sought' })).toEqual([both])
  })

  test('a search that has run out of time says where it has come to, and goes on from there', async () => {
    // Near enough that a walk of single minutes ends soon.
    const startMs = Date.now() - 60 * 60_000
    const ids: string[] = []
    for (let at = 0; at < 90; at += 1) {
      ids.push(await accept({ id: idAt(startMs + at * 30_000), body: bytes(`{"third":${at % 3 === 0}}`) }))
    }
    const third = sorted(ids.filter((_, at) => at % 3 === 0))
    const hasty = events(true, 0)
    const first = await hasty.summaries(where('third', 'none'), 50, null)
    expect(first.rows).toEqual([])
    expect(first.nextCursor).not.toBeNull()
    expect(await find(where('third', 'true'), 50, hasty)).toEqual(third)
    await index(ids)
    expect(await find(where('third', 'true'), 50, hasty)).toEqual(third)
    expect(await find(where('third', 'true'), 4, hasty)).toEqual(third)
    const [sought = ''] = third
    expect((await hasty.summaries({ text: 'nowhere' }, 50, null)).nextCursor).not.toBeNull()
    expect(await find({ text: sought }, 50, hasty)).toEqual([sought])
  })

  test('finds nothing where there is nothing', async () => {
    expect(await events().summaries(where('a', '1'), 50, null)).toEqual({ rows: [], nextCursor: null })
  })

  test('is refused when it is off; an address is looked for all the same', async () => {
    const id = await accept({ id: idAt(long), body: bytes('{"a":1}'), sourceIp: '192.0.2.1' })
    await expect(events(false).summaries(where('a', '1'), 50, null)).rejects.toMatchObject({
      code: 'payload_search_off',
    })
    await expect(events(false).list(where('a', '1'), 50, null)).rejects.toMatchObject({
      code: 'payload_search_off',
    })
    expect(await find({ sourceIp: '192.0.2.1' }, 50, events(false))).toEqual([id])
    // What was indexed before it was switched off is not believed: nobody has gone on with it.
    await index([id])
    const later = await accept({ id: idAt(long - 1_000), sourceIp: '192.0.2.1' })
    expect(await find({ sourceIp: '192.0.2.1' }, 50, events(false))).toEqual([id, later])
  })

  test('hostile payloads are indexed as far as they can be, and none stops those behind it', async () => {
    const bodies = [
      bytes(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
      bytes(`{${Array.from({ length: 10_000 }, (_, at) => `"k${at}":${at}`).join(',')}}`),
      Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
      bytes('{"a":"\0"}'),
      bytes('{"a":"\\u0000\\ud800"}'),
      bytes('{"a":'),
      new Uint8Array(),
      new Uint8Array(PAYLOAD_SEARCH_BYTES_MAX * 2),
      bytes('{"__proto__":{"a":1},"constructor":{"prototype":2}}'),
      bytes(`{"a":${'9'.repeat(10_000)}}`),
    ]
    const ids: string[] = []
    for (const [at, body] of bodies.entries()) ids.push(await accept({ id: idAt(long + at), body }))
    ids.push(await accept({ id: idAt(long + 100), body: bytes('{"last":"yes"}') }))
    await index(ids)
    expect(await find(where('last', 'yes'))).toEqual([ids.at(-1) ?? ''])
    // It has more values than terms, so it is read whenever something is looked for.
    expect(await find(where('k9999', '9999'))).toEqual([ids[1] ?? ''])
    expect(await find(where('__proto__.a', '1'))).toEqual([ids[8] ?? ''])
    expect(log.entries.filter(({ message }) => message.includes('passed over'))).toEqual([])
  })

  // No row of the embedded database can be damaged from within.
  test.if(engineName === 'postgresql')(
    'a body that the database cannot read any more is stepped over',
    async () => {
      const [before, damaged, behind] = [
        await accept({ id: idAt(long), body: bytes('{"a":1}') }),
        await accept({ id: idAt(long + 1), body: bytes(`{"a":1,"b":"${'x'.repeat(20_000)}"}`) }),
        await accept({ id: idAt(long + 2), body: bytes('{"a":1}') }),
      ]
      // As a failing disk would: the bytes, which are kept beside their row, are gone.
      await sql.begin(async (tx) => {
        const [toast] = await tx<{ oid: string; name: string }[]>`
        select t.oid::text, t.relname as name from pg_class c join pg_class t on t.oid = c.reltoastrelid
        where c.oid = (select tableoid from attune.event where id = ${damaged}::text::uuid)`
        const { oid = '', name = '' } = toast ?? {}
        await tx`set local allow_system_table_mods = on`
        await tx`update pg_class set relkind = 'r' where oid = ${oid}::text::oid`
        await tx.unsafe(`delete from pg_toast.${name}`)
        await tx`update pg_class set relkind = 't' where oid = ${oid}::text::oid`
      })
      const read = sql.unsafe('select body from attune.event where id = $1::text::uuid', [damaged])
      expect(await read.catch(({ code }: { code: string }) => code)).toBe('XX001')
      await index([before, damaged, behind])
      expect(await find(where('a', '1'))).toEqual([behind, before])
      const passedOver = log.entries.filter(({ message }) => message.includes('passed over'))
      expect(passedOver).toMatchObject([{ fields: { event_id: damaged } }])
    },
  )

  test('what was stored after younger events is indexed too', async () => {
    const nowMs = Date.now()
    const young = await accept({ id: idAt(nowMs - 3_000), body: bytes('{"a":1}') })
    const running = indexer()
    await eventually(async () => (await indexed([young])).length === 1, INDEXED_MS_MAX)
    const late = await accept({ id: idAt(nowMs - 20_000), body: bytes('{"a":1}') })
    await eventually(async () => (await indexed([late])).length === 1, INDEXED_MS_MAX)
    await running.stop()
    expect(await find(where('a', '1'))).toEqual([young, late])
  })

  test('of several processes one indexes, and another goes on when it is gone', async () => {
    const first = indexer()
    const ids = [await accept({ id: idAt(long) })]
    await eventually(async () => (await indexed(ids)).length === 1, INDEXED_MS_MAX)
    const holder = async () =>
      (await sql<{ holder: string }[]>`select holder::text from attune.event_search_state`)[0]?.holder
    const held = await holder()
    const second = indexer()
    ids.push(await accept({ id: idAt(long + 1) }))
    await eventually(async () => (await indexed(ids)).length === 2, INDEXED_MS_MAX)
    expect(await holder()).toBe(held)
    await first.stop()
    await sql`update attune.event_search_state set held_until = now() - interval '1 second'`
    ids.push(await accept({ id: idAt(long + 2) }))
    await eventually(async () => (await indexed(ids)).length === 3, INDEXED_MS_MAX)
    expect(await holder()).not.toBe(held)
    await second.stop()
  })

  test('nothing is indexed while attempts wait to be stored', async () => {
    let isPressed = true
    let asked = 0
    const running = indexer(() => {
      asked += 1
      return isPressed
    })
    const id = await accept({ id: idAt(long) })
    await eventually(async () => asked >= 4, INDEXED_MS_MAX)
    expect(await indexed([id])).toEqual([])
    isPressed = false
    await eventually(async () => (await indexed([id])).length === 1, INDEXED_MS_MAX)
    await running.stop()
  })

  test('an event of a clock that is ahead is found, and hides none behind it', async () => {
    const ahead = await accept({ id: idAt(Date.now() + 3_600_000), body: bytes('{"a":1}') })
    const old = await accept({ id: idAt(long), body: bytes('{"a":1}') })
    await index([old])
    const [state] = await sql<{ mark: string }[]>`select mark::text from attune.event_search_state`
    expect(requestIdTimeMs(state?.mark ?? '')).toBeLessThan(Date.now())
    expect(await find(where('a', '1'))).toEqual([ahead, old])
  })

  test('the index goes with its events, by partition', async () => {
    const day = new Date(Date.now() - 3 * DAY_MS)
    const name = `event_search_${day.toISOString().slice(0, 10).replaceAll('-', '')}`
    const exists = async () =>
      (await sql<{ is: boolean }[]>`select to_regclass(${`attune.${name}`}) is not null as is`)[0]?.is
    await sql`select attune.create_day_partition('event', 'received_at', ${day.toISOString().slice(0, 10)}::text::date)`
    const id = await accept({ id: idAt(day.getTime()) })
    await index([id])
    await sql`select attune.maintain_event_search(90)`
    expect(await exists()).toBe(true)
    expect(await indexed([id])).toEqual([id])
    await sql`select attune.maintain(1, 7)`
    await sql`select attune.maintain_event_search(1)`
    expect(await exists()).toBe(false)
    expect(await indexed([id])).toEqual([])
  })
})
