import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Sql } from 'postgres'
import { newRequestId } from '../../src/core/request-id.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { encodeBatch, INTAKE } from '../../src/store/intake-statement.ts'
import { acceptedAttempt } from '../support/attempts.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { recordingLog } from '../support/log.ts'

const RETENTION_DAYS = 90
const DAYS_AHEAD = 7
const DAY_MS = 86_400_000
const TABLES = ['event', 'webhook_event_log'] as const

const dayOf = (days: number): Date => new Date(Date.now() + days * DAY_MS)
const suffix = (day: Date): string => day.toISOString().slice(0, 10).replaceAll('-', '')

/** An id as it would have been made on another day. */
function idOf(day: Date): string {
  const time = day.getTime().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}${newRequestId().slice(13)}`
}

describe.each(engines)('partitions ($name)', ({ name, open }) => {
  let database: TestEngine
  let store: Store
  let sql: Sql
  let log: ReturnType<typeof recordingLog>
  beforeAll(async () => {
    database = await open()
    log = recordingLog()
    const onBatch = () => {}
    store = await openStore({ engine: database.engine, log, retentionDays: RETENTION_DAYS, onBatch })
    sql = database.engine.createPool({ name: 'test', connectionsMax: 2, statementMsMax: 20_000 })
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await store.close(5_000)
    await database.dispose()
  }, 30_000)

  beforeEach(async () => {
    await maintain()
    await sql`truncate attune.event, attune.webhook_event_log, attune.webhook_stats_hourly`
  })

  const maintain = async (retentionDays = RETENTION_DAYS, daysAhead = DAYS_AHEAD) => {
    const [row] = await sql<{ partitions_created: number; partitions_dropped: number }[]>`
      select * from attune.maintain(${retentionDays}, ${daysAhead})`
    return { created: row?.partitions_created ?? 0, dropped: row?.partitions_dropped ?? 0 }
  }
  const partitions = async (parent: string) =>
    (
      await sql<{ name: string }[]>`
        select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = ${`attune.${parent}`}::regclass order by 1`
    ).map((row) => row.name)
  /** Which partition holds what. */
  const placesOf = async (table: string) =>
    (
      await sql.unsafe<{ id: string; place: string }[]>(
        `select t.id, c.relname as place from attune.${table} t join pg_class c on c.oid = t.tableoid order by t.id`,
      )
    ).map(({ id, place }) => [id, place])
  const store1 = async (day: Date) => {
    const attempt = acceptedAttempt({ id: idOf(day) })
    await sql.unsafe(INTAKE, [...encodeBatch({ accepted: [attempt], rejected: [] }, performance.now()), ''])
    return attempt.id
  }
  const dropDay = async (day: Date) => {
    for (const table of TABLES) await sql.unsafe(`drop table attune.${table}_${suffix(day)}`)
  }

  test('are made when the store opens: yesterday, today and a week ahead, and a default', async () => {
    for (const table of TABLES) {
      const days = Array.from(
        { length: DAYS_AHEAD + 2 },
        (_, index) => `${table}_${suffix(dayOf(index - 1))}`,
      )
      expect(await partitions(table)).toEqual(expect.arrayContaining([...days, `${table}_default`]))
    }
    expect(log.entries.map(({ message }) => message)).toContain('partitions were brought up to date')
  })

  test('are made and dropped once', async () => {
    expect(await maintain()).toEqual({ created: 0, dropped: 0 })
  })

  test('an attempt is stored in the partition of the instant inside of its id', async () => {
    for (const days of [-1, 0, DAYS_AHEAD]) {
      const id = await store1(dayOf(days))
      for (const table of TABLES) {
        expect(await placesOf(table)).toContainEqual([id, `${table}_${suffix(dayOf(days))}`])
      }
    }
  })

  test('midnight in UTC belongs to the day that begins', async () => {
    const midnight = new Date(`${dayOf(1).toISOString().slice(0, 10)}T00:00:00.000Z`)
    const after = await store1(midnight)
    const before = await store1(new Date(midnight.getTime() - 1))
    expect(await placesOf('event')).toEqual([
      [before, `event_${suffix(dayOf(0))}`],
      [after, `event_${suffix(dayOf(1))}`],
    ])
  })

  test('a day without one does not stop intake; the next maintenance moves its rows, and counts none twice', async () => {
    await dropDay(dayOf(0))
    const attempts = Array.from({ length: 20 }, () => acceptedAttempt())
    await Promise.all(attempts.map((attempt) => store.intakeWriter.accept(attempt)))
    for (const table of TABLES) {
      const places = await placesOf(table)
      expect(places.length).toBe(20)
      for (const [, place] of places) expect(place).toBe(`${table}_default`)
    }
    expect(await maintain()).toEqual({ created: 2, dropped: 0 })
    for (const table of TABLES) {
      const places = await placesOf(table)
      expect(places.map(([id]) => id ?? '')).toEqual(attempts.map(({ id }) => id).sort())
      for (const [, place] of places) expect(place).toBe(`${table}_${suffix(dayOf(0))}`)
    }
    const [stats] = await sql<{ n: number }[]>`
      select sum(total_requests)::int as n from attune.webhook_stats_hourly where trigger_id <> 0`
    expect(stats?.n).toBe(20)
    // A write that is repeated after the move still finds its row.
    const again = attempts.slice(0, 5)
    await sql.unsafe(INTAKE, [...encodeBatch({ accepted: again, rejected: [] }, performance.now()), ''])
    expect((await placesOf('event')).length).toBe(20)
  })

  test('a clock far ahead does not stop intake', async () => {
    const id = await store1(dayOf(20))
    expect(await placesOf('event')).toEqual([[id, 'event_default']])
    await maintain(RETENTION_DAYS, 20)
    expect(await placesOf('event')).toEqual([[id, `event_${suffix(dayOf(20))}`]])
    for (let days = DAYS_AHEAD + 1; days <= 20; days++) await dropDay(dayOf(days))
  })

  test('those older than the retention limit are dropped, and no other', async () => {
    const ages = [RETENTION_DAYS - 1, RETENTION_DAYS, RETENTION_DAYS + 1, RETENTION_DAYS + 30]
    for (const age of ages) {
      const day = dayOf(-age).toISOString().slice(0, 10)
      await sql`select attune.create_day_partition('event', 'received_at', ${day}::date)`
      await sql`select attune.create_day_partition('webhook_event_log', 'created', ${day}::date)`
      await store1(dayOf(-age))
    }
    expect(await maintain()).toEqual({ created: 0, dropped: 4 })
    for (const table of TABLES) {
      const kept = ages.slice(0, 2).map((age) => `${table}_${suffix(dayOf(-age))}`)
      expect((await placesOf(table)).map(([, place]) => place ?? '').sort()).toEqual(kept.sort())
      const names = await partitions(table)
      expect(names).toEqual(expect.arrayContaining(kept))
      for (const age of ages.slice(2)) expect(names).not.toContain(`${table}_${suffix(dayOf(-age))}`)
    }
    for (const age of ages.slice(0, 2)) await dropDay(dayOf(-age))
  })

  test('rows that are older than the limit leave the default partition too', async () => {
    const old = await store1(dayOf(-RETENTION_DAYS - 2))
    const kept = await store1(dayOf(-RETENTION_DAYS + 1))
    expect((await placesOf('event')).map(([id]) => id)).toEqual([old, kept])
    await maintain()
    for (const table of TABLES) expect((await placesOf(table)).map(([id]) => id)).toEqual([kept])
    const hours = await sql`select 1 from attune.webhook_stats_hourly where trigger_id <> 0`
    expect(hours.length).toBe(1)
  })

  test('counts of windows that are over and old entries of the feed go, younger ones stay', async () => {
    await sql`truncate attune.webhook_rate_limit, attune.trigger_change`
    await sql`insert into attune.webhook_rate_limit (webhook_key, window_start, request_count) values
      ('old', now() - interval '61 minutes', 1), ('young', now() - interval '59 minutes', 1)`
    await sql`insert into attune.trigger_change (webhook_key, created) values
      ('old', now() - interval '11 minutes'), ('young', now() - interval '9 minutes')`
    await maintain()
    for (const table of ['webhook_rate_limit', 'trigger_change']) {
      const rows = await sql.unsafe<{ webhook_key: string }[]>(`select webhook_key from attune.${table}`)
      expect(rows.map((row) => row.webhook_key)).toEqual(['young'])
    }
  })

  test('a look-up by id reads one partition', async () => {
    const id = await store1(dayOf(0))
    expect((await store.events.read(id)).id).toBe(id)
    const explained = await sql.unsafe(
      `explain select * from attune.event where id = '${id}' and received_at = timestamptz 'epoch' + interval '1 ms' * ${Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)}`,
    )
    const scans = explained.filter((row) => / on event_/.test(String(row['QUERY PLAN'])))
    expect(scans.length).toBeLessThanOrEqual(1)
  })

  if (name === 'postgresql') {
    test('a reader of an old partition is waited for only shortly, and intake goes on meanwhile', async () => {
      const day = dayOf(-RETENTION_DAYS - 5)
      const text = day.toISOString().slice(0, 10)
      await sql`select attune.create_day_partition('event', 'received_at', ${text}::date)`
      const reader = database.engine.createPool({ name: 'reader', connectionsMax: 1, statementMsMax: 20_000 })
      await reader.begin(async (tx) => {
        await tx.unsafe(`select * from attune.event_${suffix(day)}`)
        const startedAtMs = performance.now()
        const [outcome] = await Promise.all([
          maintain().then(
            () => null,
            (error: { code: string }) => error.code,
          ),
          store.intakeWriter.accept(acceptedAttempt()),
        ])
        expect(outcome).toBe('55P03')
        expect(performance.now() - startedAtMs).toBeLessThan(4_000)
      })
      await reader.end()
      expect((await maintain()).dropped).toBe(1)
    })

    test('maintenance moves the rows of a day while others of it arrive, and harms none', async () => {
      await dropDay(dayOf(0))
      let stopped = false
      const ids: string[] = []
      const load = Promise.all(
        Array.from({ length: 16 }, async () => {
          while (!stopped) {
            const attempt = acceptedAttempt()
            await store.intakeWriter.accept(attempt)
            ids.push(attempt.id)
          }
        }),
      )
      while (ids.length < 500) await Bun.sleep(5)
      const outcome = await maintain().catch((error: { code: string }) => error.code)
      stopped = true
      await load
      expect(outcome).toEqual({ created: 2, dropped: 0 })
      for (const table of TABLES) {
        const places = await placesOf(table)
        expect(places.map(([id]) => id ?? '')).toEqual(ids.toSorted())
        expect(new Set(places.map(([, place]) => place))).toEqual(new Set([`${table}_${suffix(dayOf(0))}`]))
      }
    })

    test('of several that maintain at once one does the work', async () => {
      await dropDay(dayOf(0))
      const results = await Promise.all(Array.from({ length: 2 }, () => maintain()))
      expect(results.map(({ created }) => created).sort()).toEqual([0, 2])
    })
  }
})
