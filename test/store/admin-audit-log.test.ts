/** The admin audit log as the database keeps it: what fills it, what does not, how it is read and how it ends. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'
import { AdminAuditLog, type AuditFilter } from '../../src/store/admin-audit-log.ts'
import { AdminDatabase } from '../../src/store/admin-database.ts'
import type { Engine } from '../../src/store/connection.ts'
import { migrate } from '../../src/store/migrate.ts'
import { engines, type TestEngine } from '../support/database.ts'

const POOL = { name: 'test', connectionsMax: 1, statementMsMax: 60_000 }
const ROWS = 20_000
const LIMIT = 50

/** Remembers what it was asked last, and asks it of a client of its own. */
class RecordingDatabase extends AdminDatabase {
  last: { readonly text: string; readonly parameters: readonly unknown[] } | null = null
  readonly #database: PostgresJsDatabase

  constructor(engine: Engine, sql: Sql) {
    super(engine, POOL)
    const logQuery = (text: string, parameters: unknown[]) => {
      this.last = { text, parameters }
    }
    this.#database = drizzle(sql, { logger: { logQuery } })
  }

  override async query<T>(run: (database: PostgresJsDatabase) => PromiseLike<T>): Promise<T> {
    return run(this.#database)
  }
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Actual Rows': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly PlanNode[]
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]

describe.each(engines)('the admin audit log ($name)', ({ name, open }) => {
  let database: TestEngine
  let sql: Sql
  beforeAll(async () => {
    database = await open()
    sql = database.engine.createPool(POOL)
    await migrate(sql)
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await database.dispose()
  }, 30_000)

  /** As if nothing had ever been changed. */
  beforeEach(async () => {
    await sql`delete from attune.trigger`
    await sql.begin(async (tx) => {
      await tx`select set_config('attune.pruning', 'on', true)`
      await tx`delete from attune.admin_audit_log`
    })
  })

  const actions = async (): Promise<string[]> => {
    const rows = await sql<{ action: string }[]>`select action from attune.admin_audit_log order by id`
    return rows.map(({ action }) => action)
  }

  /** One row each, the oldest first; so many of an actor, an action and a target that a page of them is a small part. */
  async function fill(): Promise<void> {
    await sql`
      insert into attune.admin_audit_log (created, actor, via, action, target, old, new)
      select
        date_trunc('milliseconds', now()) - make_interval(secs => ${ROWS}::int - n), 'actor' || n % 20, 'api', 'noun.verb' || n % 10,
        'target.' || n % 400, '{"webhook_payload_size_limit_kb": 1024}', '{"webhook_payload_size_limit_kb": 2048}'
      from generate_series(1, ${ROWS}::int) n`
    await sql`vacuum (analyze) attune.admin_audit_log`
  }

  test.each([
    ['nothing', {}],
    ['actor', { actor: 'actor7' }],
    ['action', { action: 'noun.verb3' }],
    ['target', { target: 'target.7' }],
    ['a target that is not there', { target: 'target.none' }],
    ['a time long ago', { until: new Date(Date.now() - 15_000_000) }],
    ['actor and time', { actor: 'actor7', until: new Date(Date.now() - 10_000_000) }],
  ] as const)(
    'a page filtered by %s reads hardly more rows than it shows',
    async (_, filter: AuditFilter) => {
      await fill()
      const drizzleSql = database.engine.createPool(POOL)
      const recording = new RecordingDatabase(database.engine, drizzleSql)
      try {
        const log = new AdminAuditLog(recording)
        const first = await log.list(filter, LIMIT, null)
        const after = first.rows.at(-1)
        for (const position of [null, after ?? null]) {
          await log.list(filter, LIMIT, position)
          const { text = '', parameters = [] } = recording.last ?? {}
          const [row] = await sql.unsafe<{ 'QUERY PLAN': { Plan: PlanNode }[] }[]>(
            `explain (analyze, format json) ${text}`,
            parameters as never[],
          )
          const plan = row?.['QUERY PLAN'][0]?.Plan
          const nodes = plan === undefined ? [] : nodesOf(plan)
          expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan')
          const read = nodes.map((node) => node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0))
          expect(nodes.length).toBeGreaterThan(1)
          expect(Math.max(...read)).toBeLessThanOrEqual(2 * LIMIT)
        }
      } finally {
        await drizzleSql.end({ timeout: 1 })
        await recording.close(1)
      }
    },
    30_000,
  )

  test('rows older than the bound go, and of the others the latest stay', async () => {
    await sql`
      insert into attune.admin_audit_log (created, actor, via, action, target)
      select now() - make_interval(days => 10 - n), 'a', 'api', 'noun.verb' || n, 't' from generate_series(1, 10) n`
    await sql`select attune.prune_admin_audit_log(5, 1000)`
    expect(await actions()).toEqual(
      ['noun.verb6', 'noun.verb7', 'noun.verb8', 'noun.verb9', 'noun.verb10'].slice(-5),
    )
    await sql`select attune.prune_admin_audit_log(365, 2)`
    expect(await actions()).toEqual(['noun.verb9', 'noun.verb10'])
    // The door is open to that function alone.
    expect(
      await sql`delete from attune.admin_audit_log`.then(
        () => 'deleted',
        (error: { code?: string }) => error.code,
      ),
    ).toBe('55000')
  })

  test('a row of a transaction that has ended is not taken for one of this, whatever its number', async () => {
    await sql`insert into attune.trigger (ref) values ('a.b')`
    await sql.begin(async (tx) => {
      await tx`
        insert into attune.admin_audit_log (created, actor, via, action, target, old, new, xact)
        values (now() - interval '1 day', 'restored', 'api', 'trigger.change', 'a.b', '{}', '{"label": "x"}', pg_current_xact_id())`
      await tx`update attune.trigger set label = 'y' where ref = 'a.b'`
    })
    expect(await actions()).toEqual(['trigger.create', 'trigger.change', 'trigger.change'])
  })

  test('what is taken back to a savepoint is not told of', async () => {
    await sql`insert into attune.trigger (ref) values ('a.b')`
    await sql.begin(async (tx) => {
      await tx`update attune.trigger set label = 'kept' where ref = 'a.b'`
      await tx
        .savepoint(async (inner) => {
          await inner`update attune.trigger set description = 'taken back' where ref = 'a.b'`
          throw new Error('back')
        })
        .catch(() => {})
    })
    const [row] = await sql<
      { new: object }[]
    >`select new from attune.admin_audit_log where action = 'trigger.change'`
    expect(row?.new).toEqual({ label: 'kept' })
  })

  test('a table that is emptied at once leaves one row, though its secrets go with it', async () => {
    await sql`insert into attune.trigger (ref) values ('a.b'), ('c.d')`
    await sql`select attune.enable_trigger_webhook_hmac(id) from attune.trigger`
    await sql`truncate attune.trigger`
    expect((await actions()).slice(-1)).toEqual(['trigger.truncate'])
    expect(await actions()).toHaveLength(5)
  })

  test('a column that nobody has thought of shows as set or changed', async () => {
    await sql`insert into attune.trigger (ref) values ('a.b')`
    await sql`alter table attune.trigger add column webhook_new_thing text`
    try {
      await sql`update attune.trigger set webhook_new_thing = 'canary-one'`
      await sql`update attune.trigger set webhook_new_thing = 'canary-two'`
    } finally {
      await sql`alter table attune.trigger drop column webhook_new_thing`
    }
    const rows = await sql<{ old: object; new: object }[]>`
      select old, new from attune.admin_audit_log where action = 'trigger.change' order by id`
    expect([...rows]).toEqual([
      { old: { webhook_new_thing: null }, new: { webhook_new_thing: '[set]' } },
      { old: { webhook_new_thing: '[set]' }, new: { webhook_new_thing: '[changed]' } },
    ])
  })

  test('the largest whitelist fits into a row', async () => {
    await sql`insert into attune.trigger (ref) values ('a.b')`
    const cidrs = Array.from(
      { length: 1_000 },
      (_, n) => `2001:db8:ffff:ffff:ffff:ffff:ffff:${(n + 4_096).toString(16)}`,
    )
    await sql`select attune.configure_trigger_webhook_ip_whitelist(id, true, ${cidrs}::text[]) from attune.trigger`
    const [row] = await sql<{ new: { webhook_ip_whitelist: string[] } }[]>`
      select new from attune.admin_audit_log where action = 'ip-whitelist.set'`
    expect(row?.new.webhook_ip_whitelist).toEqual(cidrs)
  })

  test.each([
    ["select attune.act_as('deployer', 'owner')", '23514'],
    ["select attune.act_as('deployer', 'admin', 'telephone')", '23514'],
  ])('a change by nobody who can be is refused: %s', async (statement, code) => {
    await sql`insert into attune.trigger (ref) values ('a.b')`
    const refusal = await sql
      .begin(async (tx) => {
        await tx.unsafe(statement)
        await tx`update attune.trigger set label = 'x'`
      })
      .then(
        () => null,
        (error: { code?: string }) => error.code,
      )
    expect(refusal).toBe(code)
  })

  if (name === 'postgresql') {
    test('a role that may change triggers, and no more, is written down and cannot touch the log', async () => {
      const role = `audited_${process.pid}`
      await sql`insert into attune.trigger (ref) values ('a.b')`
      await sql.unsafe(`create role ${role}; grant usage on schema attune to ${role};
        grant select, update on attune.trigger to ${role}; grant insert on attune.trigger_change to ${role}`)
      try {
        await sql.begin(async (tx) => {
          await tx.unsafe(`set local role ${role}`)
          await tx`update attune.trigger set label = 'x'`
        })
        const [row] = await sql<{ actor: string }[]>`
          select actor from attune.admin_audit_log where action = 'trigger.change'`
        expect(row?.actor).toBe(role)
        for (const statement of [
          "update attune.admin_audit_log set actor = ''",
          'delete from attune.admin_audit_log',
        ]) {
          const refusal = await sql
            .begin(async (tx) => {
              await tx.unsafe(`set local role ${role}`)
              await tx.unsafe(statement)
            })
            .then(
              () => null,
              (error: { code?: string }) => error.code,
            )
          expect(refusal).toBe('42501')
        }
      } finally {
        await sql.unsafe(`drop owned by ${role}; drop role ${role}`)
      }
    })
  }
})

test('no statement of the receiver updates what is audited, but for the secret of a handshake', () => {
  const intake = [
    'intake-statement.ts',
    'intake-writer.ts',
    'rate-limit-counter.ts',
    'trigger-cache.ts',
    'audit-queue.ts',
  ]
  for (const file of intake) {
    const text = readFileSync(join(import.meta.dir, '../../src/store', file), 'utf8')
    expect(text).not.toMatch(
      /(?:update|insert into|delete from)\s+attune\.(?:trigger|webhook_secret|api_token)\b/i,
    )
  }
})
