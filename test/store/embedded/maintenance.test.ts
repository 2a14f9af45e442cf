import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type postgres from 'postgres'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../../src/store/embedded/index.ts'
import { clientOf, SILENT_LOG, temporaryDirectory } from './support.ts'

const MB = 1024 * 1024
const directory = temporaryDirectory()
let database: EmbeddedDatabase
let sql: postgres.Sql

beforeAll(async () => {
  database = await openEmbeddedDatabase({ dataDirectory: directory.path, log: SILENT_LOG })
  sql = clientOf(database)
})
afterAll(async () => {
  await sql.end()
  await database.close()
  directory.remove()
})

function walBytes(): number {
  const folder = join(directory.path, 'postgres', 'pg_wal')
  return readdirSync(folder).reduce((total, name) => total + statSync(join(folder, name)).size, 0)
}

test('the write-ahead log stays bounded without anybody asking for a checkpoint', async () => {
  await sql`create table stored (id int, body bytea)`
  await sql`alter table stored alter body set storage external`
  const before = await redoPosition()
  const body = Buffer.alloc(2 * MB, 7)
  let largest = 0
  for (let id = 0; id < 100; id++) {
    await sql`insert into stored values (${id}, ${body})`
    largest = Math.max(largest, walBytes())
  }
  expect(largest).toBeLessThan(128 * MB)
  // 200 MB were written, and all but the last of it need not be recovered after a crash.
  expect((await redoPosition()) - before).toBeGreaterThan(140 * MB)
}, 60_000)

test('CHECKPOINT, VACUUM and ANALYZE run through a connection', async () => {
  await sql`delete from stored where id < 90`
  await sql.unsafe('vacuum analyze stored')
  const before = await redoPosition()
  await sql.unsafe('checkpoint')
  expect(await redoPosition()).toBeGreaterThan(before)
  const [row] = await sql<{ n: number }[]>`select reltuples::int as n from pg_class where relname = 'stored'`
  expect(row?.n).toBe(10)
}, 60_000)

test('durability cannot be switched off by the settings that ALTER SYSTEM writes', async () => {
  await sql.unsafe('alter system set fsync = off')
  await sql.unsafe('alter system set synchronous_commit = off')
  await sql.unsafe('alter system set full_page_writes = off')
  await sql.end()
  await database.close()
  database = await openEmbeddedDatabase({ dataDirectory: directory.path, log: SILENT_LOG })
  sql = clientOf(database)
  const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method']
  const settings = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings where name = any(${names})`
  expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    wal_sync_method: 'fsync',
  })
}, 30_000)

test('the database is UTF8 in a locale that is the same everywhere, and belongs to postgres', async () => {
  const [row] = await sql`
    select current_user as "user", current_database() as database, pg_encoding_to_char(encoding) as encoding,
      datcollate as collate from pg_database where datname = current_database()`
  expect(JSON.stringify(row)).toBe(
    '{"user":"postgres","database":"postgres","encoding":"UTF8","collate":"C"}',
  )
})

/** The position in the log from which a recovery would begin, in bytes. */
async function redoPosition(): Promise<number> {
  const [row] = await sql<{ bytes: string }[]>`
    select pg_wal_lsn_diff(redo_lsn, '0/0')::text as bytes from pg_control_checkpoint()`
  return Number(row?.bytes)
}
