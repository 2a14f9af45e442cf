import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { migrationList } from '../../deploy/generate-migrations.ts'
import journal from '../../drizzle/meta/_journal.json'
import { MIGRATIONS } from '../../drizzle/migrations.ts'
import { MigrationError, migrate } from '../../src/store/migrate.ts'
import { engines, type TestEngine } from '../support/database.ts'

const FOLDER = join(import.meta.dir, '../../drizzle')

const ALL = MIGRATIONS.map(({ name }) => name)

describe.each(engines)('migrations ($name)', ({ open }) => {
  let database: TestEngine
  let sql: Sql
  beforeAll(async () => {
    database = await open()
    sql = database.engine.createPool({ name: 'test', connectionsMax: 2, statementMsMax: 20_000 })
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await database.dispose()
  }, 30_000)
  beforeEach(async () => {
    await sql`drop schema if exists attune cascade`
  })

  const ledger = async () =>
    (await sql<{ name: string }[]>`select name from attune.schema_migration order by version`).map(
      ({ name }) => name,
    )
  const tableNames = async () =>
    (
      await sql<{ name: string }[]>`
        select table_name as name from information_schema.tables where table_schema = 'attune'`
    ).map(({ name }) => name)

  async function refusal(migrations: typeof MIGRATIONS): Promise<string> {
    const before = [await ledger(), (await tableNames()).sort()]
    const error = await migrate(sql, migrations).then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(MigrationError)
    expect([await ledger(), (await tableNames()).sort()]).toEqual(before)
    return (error as Error).message
  }

  test('an empty database gets all of them, one that has them none', async () => {
    expect(await migrate(sql)).toEqual({ applied: ALL, version: ALL.length })
    expect(await ledger()).toEqual(ALL)
    expect(await migrate(sql)).toEqual({ applied: [], version: ALL.length })
  })

  test('a database of an older release gets what it lacks', async () => {
    await migrate(sql, MIGRATIONS.slice(0, 2))
    expect(await migrate(sql)).toEqual({ applied: ALL.slice(2), version: ALL.length })
  })

  test('a schema newer than the binary is refused, and the message says what to do', async () => {
    await migrate(sql)
    const message = await refusal(MIGRATIONS.slice(0, -1))
    expect(message).toBe(
      `The database has ${ALL.length} migrations (the newest is ${ALL.at(-1)}), this binary knows ${ALL.length - 1}. ` +
        'It was migrated by a newer release: run that release or a later one.',
    )
  })

  test('a file that was changed after it was applied is refused', async () => {
    await migrate(sql)
    const changed = MIGRATIONS.map((migration, index) =>
      index === 1 ? { ...migration, sql: `${migration.sql}\n` } : migration,
    )
    expect(await refusal(changed)).toStartWith(`Migration ${ALL[1]} was applied with another content`)
  })

  test('a file of another name is refused', async () => {
    await migrate(sql)
    const renamed = MIGRATIONS.map((migration, index) =>
      index === 2 ? { ...migration, name: '0002_other' } : migration,
    )
    expect(await refusal(renamed)).toStartWith(
      `Migration 2 of the database is ${ALL[2]}, this binary has 0002_other`,
    )
  })

  test('a ledger with a gap is refused', async () => {
    await migrate(sql)
    await sql`delete from attune.schema_migration where version = 1`
    expect(await refusal(MIGRATIONS)).toContain('another line of releases')
  })

  test('of a file that fails nothing stays, and the files before it do', async () => {
    const bad = {
      name: '0005_bad',
      sql: 'create table attune.half (a integer);\n--> statement-breakpoint\nselect 1 / 0;',
    }
    const error = await migrate(sql, [...MIGRATIONS, bad]).then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(MigrationError)
    expect(String(error)).toContain(
      'Migration 0005_bad did not succeed, and nothing of it stays: database fault 22012.',
    )
    expect(await ledger()).toEqual(ALL)
    expect(await tableNames()).not.toContain('half')
    const good = { ...bad, sql: bad.sql.replace('/ 0', '/ 1') }
    expect(await migrate(sql, [...MIGRATIONS, good])).toEqual({
      applied: ['0005_bad'],
      version: ALL.length + 1,
    })
    expect(await tableNames()).toContain('half')
  })

  test('several that migrate at once all succeed, and each file is applied once', async () => {
    const pools = Array.from({ length: 3 }, () =>
      database.engine.createPool({ name: 'migrate', connectionsMax: 1, statementMsMax: 20_000 }),
    )
    const results = await Promise.all(pools.map((pool) => migrate(pool)))
    await Promise.all(pools.map((pool) => pool.end({ timeout: 1 })))
    expect(results.map(({ version }) => version)).toEqual([ALL.length, ALL.length, ALL.length])
    expect(results.flatMap(({ applied }) => applied).sort()).toEqual(ALL)
    expect(await ledger()).toEqual(ALL)
  })
})

describe('the files of drizzle/', () => {
  const tags = journal.entries.map(({ tag }) => tag)

  test('the generated list is what the generator writes', async () => {
    expect(await Bun.file(join(FOLDER, 'migrations.ts')).text()).toBe(migrationList(tags))
  })

  test('the journal names each file of the folder, in order', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.sql'))
    expect(tags.map((tag) => `${tag}.sql`)).toEqual(files.sort())
    expect(journal.entries.map(({ idx }) => idx)).toEqual(tags.map((_, index) => index))
    for (const [index, tag] of tags.entries()) expect(tag).toStartWith(`${String(index).padStart(4, '0')}_`)
  })

  test('what travels in the binary is what the folder holds', async () => {
    for (const { name, sql } of MIGRATIONS) {
      expect(sql).toBe(await Bun.file(join(FOLDER, `${name}.sql`)).text())
    }
  })
})
