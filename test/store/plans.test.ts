/**
 * How PostgreSQL answers the questions of administrators when the tables are large. What is explained is what the modules
 * send, statement by statement, with its parameters.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'
import type { Database } from '../../bench/database.ts'
import { fillDay } from '../../bench/large.ts'
import { decodeCursor, type Page } from '../../src/core/cursor.ts'
import { LOG_SEARCH_ROWS_FIRST } from '../../src/core/limits.ts'
import { queryTerms, triggerTerm } from '../../src/core/payload-terms.ts'
import { leastRequestId } from '../../src/core/request-id.ts'
import { AdminDatabase } from '../../src/store/admin-database.ts'
import { type Engine, postgresqlEngine } from '../../src/store/connection.ts'
import { type EventFilter, Events } from '../../src/store/events.ts'
import { migrate } from '../../src/store/migrate.ts'
import { Stats } from '../../src/store/stats.ts'
import { type LogFilter, WebhookEventLog } from '../../src/store/webhook-event-log.ts'
import { createTestDatabase, postgresqlMissing } from '../support/database.ts'

const DAYS = 4
const ROWS_PER_DAY = 40_000
const TRIGGERS = 1_000
const DAY_MS = 86_400_000
const LIMIT = 50

/** The first slice of a search is a quarter of an hour, and the only one when there is no time for more. */
const QUARTERS_PER_DAY = 96

/**
 * Rows that are fetched for one page, of 160,000: by one filter, whatever it finds, and by several, which no index has together. The 13,000
 * refused rows are more than that: a plan that walks through all of them has not put the indexes together.
 */
const PAGE_ROWS_READ_MAX = 3_000
const COMBINED_ROWS_READ_MAX = 8_000

/** A table of a few pages, such as that of a day that has just begun, is best read as a whole. */
const SMALL_TABLE_ROWS = 1_000

const END_MS = Date.now()
const daysAgo = (days: number): Date => new Date(END_MS - days * DAY_MS)

/** Fills the tables and lets the planner know. */
async function fill(sql: Sql): Promise<void> {
  await migrate(sql)
  await sql`insert into attune.trigger (ref) select 'fill.' || n from generate_series(1, ${TRIGGERS}::int) n order by n`
  for (let ago = DAYS - 1; ago >= 0; ago -= 1) {
    // It asks nothing else of the database of a benchmark.
    const day = { firstId: 1, triggers: TRIGGERS, rows: ROWS_PER_DAY, endMs: END_MS - ago * DAY_MS }
    await fillDay({ sql } as Database, day)
  }
  await sql`
    insert into attune.event (id, trigger_id, trigger_ref, payload_size_bytes, body, source_ip, received_at)
    select id, trigger_id, trigger_ref, 2, '{}'::bytea, source_ip, created
    from attune.webhook_event_log where event_id is not null`
  await sql`select attune.maintain(90, 7)`
  await sql`select attune.maintain_event_search(90)`
  await fillSearch(sql)
  await sql`vacuum (analyze)`
}

/** A payload with a value of each of these at its key: how many of a thousand events have it. */
const FREQUENCIES = { each: 1_000, half: 500, tenth: 100, hundredth: 10, rare: 0.05, none: 0 }

/** The term of `{"<name>": true}`, as the index has it. */
const termOf = (name: string): number => queryTerms({ path: [name], value: 'true' })[1] ?? 0

/** As the index would be, were the payloads what their numbers say; their bodies are `{}`, so nothing is confirmed. */
async function fillSearch(sql: Sql): Promise<void> {
  const terms = Object.entries(FREQUENCIES).map(
    ([name, share]) => `case when n % 1000000 < ${share * 1000} then ${termOf(name)} end`,
  )
  const triggers = Array.from(
    { length: TRIGGERS },
    (_, at) => `(${at + 1}, ${triggerTerm(`fill.${at + 1}`)})`,
  )
  await sql.unsafe(
    `insert into attune.event_search (event_id, received_at, terms)
     select e.id, e.received_at,
       array_remove(array[t.term, ${terms.join(',')}], null)
         || array(select (e.n * 7919 + k * 104729) % 1000000 from generate_series(1, 20) k)
     from (
       select id, received_at, trigger_ref, abs(hashtextextended(id::text, 0)) % 1000000 as n from attune.event
     ) e join (values ${triggers.join(',')}) t (number, term) on e.trigger_ref = 'fill.' || t.number`,
  )
  await sql`update attune.event_search_state set mark = (select id from attune.event order by id desc limit 1)`
}

interface Statement {
  readonly text: string
  readonly parameters: readonly unknown[]
}

/** The database of administrators, which remembers what it was asked. */
class RecordingDatabase extends AdminDatabase {
  readonly statements: Statement[] = []
  readonly #database: PostgresJsDatabase

  constructor(engine: Engine, sql: Sql) {
    super(engine, POOL)
    const logQuery = (text: string, parameters: unknown[]) => void this.statements.push({ text, parameters })
    this.#database = drizzle(sql, { logger: { logQuery } })
  }

  override async query<T>(run: (database: PostgresJsDatabase) => PromiseLike<T>): Promise<T> {
    return run(this.#database)
  }
}

const POOL = { name: 'test', connectionsMax: 1, statementMsMax: 60_000 }

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly PlanNode[]
}

/** What was read of a table to answer a question. */
interface Scan {
  readonly kind: string
  readonly table: string
  /** Fetched, whether they were of use or not. */
  readonly rows: number
}

function scansOf(node: PlanNode): Scan[] {
  const inner = (node.Plans ?? []).flatMap(scansOf)
  const { 'Relation Name': table, 'Actual Loops': loops } = node
  if (table === undefined || loops === 0) return inner
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return [...inner, { kind: node['Node Type'], table, rows: (node['Actual Rows'] + removed) * loops }]
}

const isSetting = (text: string): boolean => text.startsWith('set local ')

/** The most rows that a node of the plan put into order. */
function rowsSorted(node: PlanNode): number {
  const own = node['Node Type'] === 'Sort' ? (node.Plans?.[0]?.['Actual Rows'] ?? 0) : 0
  return Math.max(own, ...(node.Plans ?? []).map(rowsSorted))
}

describe.skipIf(postgresqlMissing !== null)(
  `the plans of PostgreSQL${postgresqlMissing === null ? '' : ' (skipped: there is none)'}`,
  () => {
    let testDatabase: Awaited<ReturnType<typeof createTestDatabase>>
    let sql: Sql
    let drizzleSql: Sql
    let database: RecordingDatabase
    beforeAll(async () => {
      testDatabase = await createTestDatabase()
      const engine = postgresqlEngine(testDatabase.url)
      sql = engine.createPool(POOL)
      drizzleSql = engine.createPool(POOL)
      database = new RecordingDatabase(engine, drizzleSql)
      await fill(sql)
    }, 120_000)
    afterAll(async () => {
      await sql?.end({ timeout: 1 })
      await drizzleSql?.end({ timeout: 1 })
      await database?.close(1)
      await testDatabase?.dispose()
    }, 30_000)

    /** What the database did for a question: of all statements it took together. */
    async function explain(ask: () => Promise<unknown>) {
      database.statements.length = 0
      await ask()
      const scans: Scan[] = []
      let sorted = 0
      const statements = database.statements.filter(({ text }) => !isSetting(text))
      // What a transaction sets for a statement of its own would be set for the next ones too, which are by id.
      await sql.begin(async (tx) => {
        for (const { text, parameters } of [...database.statements]) {
          if (isSetting(text)) {
            await tx.unsafe(text)
            continue
          }
          const [row] = await tx.unsafe<{ 'QUERY PLAN': { Plan: PlanNode }[] }[]>(
            `explain (analyze, format json) ${text}`,
            parameters as never[],
          )
          const plan = row?.['QUERY PLAN'][0]?.Plan
          if (plan === undefined) throw new Error('there is no plan')
          scans.push(...scansOf(plan))
          sorted = Math.max(sorted, rowsSorted(plan))
        }
      })
      const tables = [...new Set(scans.filter(({ rows }) => rows > 0).map(({ table }) => table))].sort()
      const scanned = scans.filter(({ kind, rows }) => kind === 'Seq Scan' && rows > SMALL_TABLE_ROWS)
      const rows = scans.reduce((sum, scan) => sum + scan.rows, 0)
      return { statements: statements.length, scanned, sorted, rows, tables }
    }

    /** Of a page, and of the one behind it. */
    async function expectIndexed<Row>(
      list: (cursorId: string | null) => Promise<Page<Row>>,
      rowsReadMax = PAGE_ROWS_READ_MAX,
    ): Promise<void> {
      let cursorId: string | null = null
      for (let page = 1; page <= 2; page += 1) {
        let next: string | null = null
        const { scanned, sorted, rows } = await explain(async () => {
          next = (await list(cursorId)).nextCursor
        })
        expect(scanned).toEqual([])
        expect(sorted).toBeLessThanOrEqual(rowsReadMax)
        expect(rows).toBeLessThanOrEqual(rowsReadMax)
        if (next === null) return
        cursorId = decodeCursor(next)
      }
    }

    /** Common values and rare ones, and some that are not there: a filter that finds little is the one that reads much. */
    const LOG_FILTERS: readonly (readonly [string, LogFilter])[] = [
      ['no filter', {}],
      ['a busy trigger', { triggerRef: 'fill.1' }],
      ['a quiet trigger', { triggerRef: 'fill.900' }],
      ['an unknown trigger', { triggerRef: 'no.such' }],
      ['a success that no attempt is answered with', { statusCode: 202 }],
      ['a common rejection', { statusCode: 401 }],
      ['a rare rejection', { statusCode: 408 }],
      ['a rejection that never was', { statusCode: 503 }],
      ['a common code', { errorCode: 'signature_invalid' }],
      ['a rare code', { errorCode: 'body_timeout' }],
      ['a busy address', { sourceIp: '10.0.0.1' }],
      ['a quiet address', { sourceIp: '10.0.150.7' }],
      ['one hour', { since: daysAgo(2), until: new Date(daysAgo(2).getTime() + 3_600_000) }],
      ['a code since a day', { since: daysAgo(2), errorCode: 'rate_limited' }],
      ['a trigger and a rejection', { triggerRef: 'fill.1', statusCode: 401 }],
      ['a trigger and a rare rejection', { triggerRef: 'fill.1', statusCode: 408 }],
      ['a trigger and a code', { triggerRef: 'fill.2', errorCode: 'rate_limited' }],
      ['a quiet trigger and a rare code', { triggerRef: 'fill.900', errorCode: 'body_timeout' }],
      ['a trigger and an address', { triggerRef: 'fill.2', sourceIp: '10.0.0.2' }],
      ['a trigger and a quiet address', { triggerRef: 'fill.1', sourceIp: '10.0.150.7' }],
      ['an address and a rejection', { sourceIp: '10.0.0.1', statusCode: 401 }],
      ['an address and a code', { sourceIp: '10.0.0.3', errorCode: 'rate_limited' }],
      ['a code and its status', { errorCode: 'signature_invalid', statusCode: 401 }],
      ['a code and a success', { errorCode: 'signature_invalid', statusCode: 200 }],
      ['three at once', { triggerRef: 'fill.1', statusCode: 401, sourceIp: '10.0.0.1' }],
      [
        'all of them',
        {
          triggerRef: 'fill.1',
          statusCode: 401,
          errorCode: 'signature_invalid',
          sourceIp: '10.0.0.1',
          since: daysAgo(3),
          until: daysAgo(1),
        },
      ],
    ]

    test.each(LOG_FILTERS)('a page of the log by index: %s', async (_, filter) => {
      const log = new WebhookEventLog(database)
      const isCombined = Object.keys(filter).length > 1
      await expectIndexed(
        (cursorId) => log.list(filter, LIMIT, cursorId),
        isCombined ? COMBINED_ROWS_READ_MAX : PAGE_ROWS_READ_MAX,
      )
    })

    /** What no index helps to find: of the commonest and of nothing at all. */
    const WALKED: readonly (readonly [string, LogFilter])[] = [
      ['new events', { outcome: 'accepted' }],
      ['success', { statusCode: 200 }],
      ['a trigger and a success', { triggerRef: 'fill.1', statusCode: 200 }],
      ['a quiet trigger and a success', { triggerRef: 'fill.900', statusCode: 200 }],
      ['an address and a success', { sourceIp: '10.0.0.1', statusCode: 200 }],
      ['new events of a trigger', { outcome: 'accepted', triggerRef: 'fill.2' }],
      ['a text that many have', { text: 'FILL.1' }],
      ['a text that none has', { text: 'no such text' }],
      ['a text of a trigger', { text: '10.0.0', triggerRef: 'fill.2' }],
      ['a text of an address', { text: 'fill.3', sourceIp: '10.0.0.3' }],
      ['a text of refused ones', { text: 'fill.1', outcome: 'refused' }],
      ['a text between two times', { text: '10.0.1', since: daysAgo(3), until: daysAgo(2) }],
    ]

    test.each(WALKED)('a search reads so many rows at once, whatever it finds: %s', async (_, filter) => {
      const log = new WebhookEventLog(database, 0)
      for (const cursorId of [null, leastRequestId(daysAgo(2.5).getTime())]) {
        const { rows, statements } = await explain(() => log.list(filter, LIMIT, cursorId))
        expect(statements).toBeLessThanOrEqual(2)
        // Three nodes of a plan count the same rows, and which indexes they use is decided by a sample that differs from run to run.
        expect(rows).toBeLessThanOrEqual(3 * LOG_SEARCH_ROWS_FIRST * 1.25)
      }
    })

    test.each<readonly [string, LogFilter]>([
      ['refused', { outcome: 'refused' }],
      ['duplicates, of which there are none', { outcome: 'duplicate' }],
      ['handshakes of a trigger', { outcome: 'handshake', triggerRef: 'fill.1' }],
      ['refused of a trigger', { outcome: 'refused', triggerRef: 'fill.1' }],
      ['refused with a code', { outcome: 'refused', errorCode: 'body_timeout' }],
    ])('a page of an outcome by index: %s', async (_, filter) => {
      const log = new WebhookEventLog(database)
      await expectIndexed((cursorId) => log.list(filter, LIMIT, cursorId), COMBINED_ROWS_READ_MAX)
    })

    test.each<readonly [LogFilter]>([
      [{ outcome: 'duplicate', errorCode: 'rate_limited' }],
      [{ outcome: 'accepted', statusCode: 401 }],
      [{ outcome: 'refused', statusCode: 200 }],
    ])('an outcome that cannot be is not looked for: %j', async (filter) => {
      const log = new WebhookEventLog(database)
      expect((await explain(() => log.list(filter, LIMIT, null))).statements).toBe(0)
    })

    test('a status that its code cannot have is not looked for', async () => {
      const log = new WebhookEventLog(database)
      const filter = { errorCode: 'rate_limited', statusCode: 401 }
      expect((await explain(() => log.list(filter, LIMIT, null))).statements).toBe(0)
      expect(await log.list(filter, LIMIT, null)).toEqual({ rows: [], nextCursor: null })
    })

    test('the status of a handshake that has no content is looked for', async () => {
      const log = new WebhookEventLog(database)
      expect((await explain(() => log.list({ statusCode: 204 }, LIMIT, null))).statements).toBeGreaterThan(0)
    })

    test('what is found among the newest rows is not looked for among older ones', async () => {
      const log = new WebhookEventLog(database)
      for (const filter of [
        { triggerRef: 'fill.1', statusCode: 401 },
        { triggerRef: 'fill.1', sourceIp: '10.0.0.1' },
        { triggerRef: 'fill.1', outcome: 'refused' as const },
      ]) {
        const { statements, tables } = await explain(() => log.list(filter, 10, null))
        // Slices of a quarter, one, four and sixteen hours, and the rows.
        expect(statements).toBeLessThanOrEqual(5)
        // The 24 hours before now are in two days.
        expect(tables.length).toBeLessThanOrEqual(2)
      }
    })

    test('a page between two times reads their days and no other', async () => {
      const log = new WebhookEventLog(database)
      const until = daysAgo(2)
      for (const filter of [{}, { sourceIp: '10.0.0.1', statusCode: 401 }]) {
        const { tables } = await explain(() =>
          log.list({ ...filter, since: new Date(until.getTime() - 3_600_000), until }, LIMIT, null),
        )
        expect(tables.length).toBeLessThanOrEqual(2)
      }
    })

    test.each<readonly [string, EventFilter]>([
      ['no filter', {}],
      // A day that has just begun is read whole, which costs less than its index.
      ['a busy trigger until yesterday', { triggerRef: 'fill.1', until: daysAgo(1) }],
      ['a quiet trigger', { triggerRef: 'fill.900' }],
      ['an unknown trigger', { triggerRef: 'no.such' }],
      ['one hour', { since: daysAgo(2), until: new Date(daysAgo(2).getTime() + 3_600_000) }],
      ['a trigger until two days ago', { triggerRef: 'fill.2', until: daysAgo(2) }],
    ])('a page of events by index: %s', async (_, filter) => {
      const events = new Events(database)
      await expectIndexed((cursorId) => events.list(filter, LIMIT, cursorId))
    })

    const having = (name: string) => ({ payload: { path: [name], value: 'true' } })

    /** Nothing is confirmed here, so a search goes through all candidates: the longest that a page can be. */
    test.each<readonly [string, EventFilter, number]>([
      ['a value that no event has', having('none'), 0],
      ['a value that few have', having('rare'), 0.05],
      ['a value that one in a hundred has', having('hundredth'), 10],
      ['a trigger and a value that half have', { triggerRef: 'fill.900', ...having('half') }, 5],
      ['a trigger without events', { triggerRef: 'no.such', ...having('each') }, 0],
      ['an address that no event has', { sourceIp: '198.51.100.1' }, 0],
    ])('a search reads what it is about, by index: %s', async (_, filter, share) => {
      const events = new Events(database)
      const { scanned, rows, statements } = await explain(() => events.summaries(filter, LIMIT, null))
      expect(scanned).toEqual([])
      const [count] = await sql<{ n: number }[]>`select count(*)::int as n from attune.event`
      // Each candidate is a row of the index, one of the events, and is put into order.
      expect(rows).toBeLessThanOrEqual(1_500 + 6 * (share / 1_000) * (count?.n ?? 0))
      expect(statements).toBeLessThanOrEqual(100)
    })

    test.each(Object.keys(FREQUENCIES))(
      'no statement of a search reads more than a slice: %s',
      async (name) => {
        // The shortest search: one slice, of the newest minute.
        const events = new Events(database, true, 0)
        const { rows } = await explain(() => events.summaries(having(name), LIMIT, null))
        expect(rows).toBeLessThanOrEqual(1_000)
      },
    )

    test('one row by its id reads one row', async () => {
      const { rows } = await new WebhookEventLog(database).list({ statusCode: 200 }, 1, null)
      const { id } = rows[0] ?? { id: '' }
      for (const source of [new WebhookEventLog(database), new Events(database)]) {
        const { rows: rowsRead, scanned } = await explain(() => source.read(id))
        expect([rowsRead, scanned]).toEqual([1, []])
      }
    })

    test('statistics are read from the roll-up by index, and never from the log', async () => {
      const stats = new Stats(database)
      const hours = DAYS * 24 + 1
      const total = await explain(() => stats.total())
      expect(total).toMatchObject({ tables: ['webhook_stats_hourly'], scanned: [] })
      // Of each process one row an hour, whatever the number of triggers.
      expect(total.rows).toBeLessThanOrEqual(hours)
      const ofTrigger = await explain(() => stats.ofTrigger('fill.1'))
      expect(ofTrigger).toMatchObject({ tables: ['trigger', 'webhook_stats_hourly'], scanned: [] })
      expect(ofTrigger.rows).toBeLessThanOrEqual(hours + 1)
      const [row] = await sql<{ n: number }[]>`select count(*)::int as n from attune.webhook_stats_hourly`
      expect(row?.n).toBeGreaterThan(100 * hours)
    })

    test('the total of the statistics is the sum over all triggers', async () => {
      const { lastRequestAt, avgProcessingTimeMs, ...counts } = await new Stats(database).total()
      const [row] = await sql`
        select count(*)::int as "totalRequests", count(event_id)::int as "eventsCreated",
          count(*) filter (where status_code < 400)::int as "successfulRequests",
          count(*) filter (where status_code >= 400)::int as "failedRequests",
          count(*) filter (where rate_limited)::int as "rateLimitedRequests",
          count(*) filter (where not hmac_verified)::int as "hmacFailures",
          count(*) filter (where not ip_allowed)::int as "ipBlockedRequests",
          max(created) as last, avg(processing_time_ms) as "averageMs"
        from attune.webhook_event_log`
      const { last, averageMs, ...expected } = row ?? {}
      expect(counts).toEqual(expected as typeof counts)
      expect(lastRequestAt).toEqual(last)
      expect(avgProcessingTimeMs).toBeCloseTo(averageMs, 3)
    })

    const idsOf = async (filter: LogFilter): Promise<string[]> => {
      const { triggerRef = null, statusCode = null, errorCode = null, sourceIp = null } = filter
      const { outcome = null, text = null } = filter
      const rows = await sql<{ id: string }[]>`
        select id from attune.webhook_event_log
        where (${triggerRef}::text is null or trigger_ref = ${triggerRef})
          and (${statusCode}::int is null or status_code = ${statusCode})
          and (${errorCode}::text is null or error_code = ${errorCode})
          and (${sourceIp}::text is null or source_ip = ${sourceIp}::inet)
          and (${outcome}::text is null
            or coalesce(outcome, case when status_code < 400 then 'accepted' else 'refused' end) = ${outcome})
          and (${text}::text is null or concat_ws(E'\\n', trigger_ref, user_agent, error_message, host(source_ip), id, event_id)
            ilike '%' || ${text} || '%')
          and created >= ${(filter.since ?? new Date(0)).toISOString()}::timestamptz
          and created < ${(filter.until ?? new Date(END_MS + DAY_MS)).toISOString()}::timestamptz
        order by id desc`
      return rows.map(({ id }) => id)
    }

    describe.each([
      ['with time to search', undefined],
      ['that ends early', 0],
    ])('a page %s', (_, searchMsMax) => {
      test.each([...LOG_FILTERS.filter(([, filter]) => Object.keys(filter).length > 1), ...WALKED])(
        'leaves out no row and shows none twice: %s',
        async (_title, filter) => {
          const log = new WebhookEventLog(database, searchMsMax)
          const expected = (await idsOf(filter)).slice(0, 1_000)
          const ids: string[] = []
          let pages = 0
          for (let cursorId: string | null = null; ids.length < expected.length || pages === 0; pages += 1) {
            const { rows, nextCursor } = await log.list(filter, 500, cursorId)
            ids.push(...rows.map(({ id }) => id))
            if (nextCursor === null) break
            cursorId = decodeCursor(nextCursor)
          }
          expect(ids.slice(0, 1_000)).toEqual(expected)
        },
      )
    })

    test('a search that has run out of time says where it has come to, and ends', async () => {
      const log = new WebhookEventLog(database, 0)
      const filter = { triggerRef: 'no.such', statusCode: 401 }
      const first = await log.list(filter, LIMIT, null)
      expect(first.rows).toEqual([])
      expect(first.nextCursor).not.toBeNull()
      let pages = 1
      for (let cursor = first.nextCursor; cursor !== null; pages += 1) {
        cursor = (await log.list({ ...filter, since: daysAgo(DAYS) }, LIMIT, decodeCursor(cursor))).nextCursor
      }
      expect(pages).toBeLessThanOrEqual(DAYS * QUARTERS_PER_DAY + 2)
    })
  },
)
