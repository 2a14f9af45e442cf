import { afterEach, beforeEach, expect, test } from 'bun:test'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { openEmbeddedDatabase } from '../../../src/store/embedded/index.ts'
import { clientOf, eventually, frame, rejection, SILENT_LOG, startup, temporaryDirectory } from './support.ts'

let directory: ReturnType<typeof temporaryDirectory>
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(() => directory.remove())

const open = () => openEmbeddedDatabase({ dataDirectory: directory.path, log: SILENT_LOG })

test('an engine that stops fails every query at once, and comes back with all that was committed', async () => {
  const database = await open()
  const sql = clientOf(database, 3)
  await sql`create table kept (n int)`
  await sql`insert into kept select generate_series(1, 100)`

  // Without its log PostgreSQL cannot go on: it stops itself with a PANIC, as it does when the disk is full.
  const wal = join(directory.path, 'postgres', 'pg_wal')
  renameSync(wal, `${wal}.away`)
  const fatal = sql
    .unsafe('select pg_switch_wal(); insert into kept values (101); select pg_switch_wal()')

    .simple()
    .execute()
  const others = Array.from({ length: 5 }, () =>
    sql`insert into kept values (102)`.then(
      () => 'ok',
      () => 'failed',
    ),
  )
  expect((await rejection(fatal)).message).toContain('The embedded database has stopped')
  expect(new Set(await Promise.all(others))).toEqual(new Set(['failed']))

  renameSync(`${wal}.away`, wal)
  await eventually(async () => (await sql`select 1`).length === 1)
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from kept where n <= 100`
  expect(row?.n).toBe(100)
  await sql.end({ timeout: 1 })
  await database.close()
  await (await open()).close()
}, 60_000)

test('an engine that does not stay up is given up: `failed` settles and the lock is released', async () => {
  const database = await openEmbeddedDatabase({
    dataDirectory: directory.path,
    log: SILENT_LOG,
    reopenDelaysMs: [10, 10],
  })
  const sql = clientOf(database, 2)
  await sql`select 1`
  const wal = join(directory.path, 'postgres', 'pg_wal')
  renameSync(wal, `${wal}.away`)
  await sql
    .unsafe('select pg_switch_wal(); create table lost (); select pg_switch_wal()')
    .simple()
    .catch(() => {})
  expect((await database.failed).message).not.toBe('')
  expect((await rejection(sql`select 1`)).message).not.toBe('')
  await sql.end({ timeout: 1 })
  await database.close()

  renameSync(`${wal}.away`, wal)
  await (await open()).close()
}, 60_000)

test('a close while clients are at work fails their queries and leaves a database that opens', async () => {
  const database = await open()
  const sql = clientOf(database, 1)
  await sql`create table kept (n int)`
  const queries = Array.from({ length: 500 }, (_, n) =>
    sql`insert into kept values (${n})`.then(
      () => n,
      () => -1,
    ),
  )
  await Promise.race(queries)
  const holder = database.connect()
  holder.on('error', () => {})
  holder.write(startup())
  holder.write(frame('Q', 'begin; insert into kept values (1000)\0'))
  await database.close()
  const answered = (await Promise.all(queries)).filter((n) => n >= 0)
  expect((await rejection(sql`select 1`)).message).toContain('closed')
  await sql.end({ timeout: 1 })

  const again = await open()
  const reader = clientOf(again)
  const rows = await reader<{ n: number }[]>`select n from kept`
  expect(rows.map(({ n }) => n)).toEqual(expect.arrayContaining(answered))
  expect(rows.map(({ n }) => n)).not.toContain(1000)
  await reader.end()
  await again.close()
}, 60_000)
