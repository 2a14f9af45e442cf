import { afterEach, beforeEach, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogFields } from '../../../src/core/log.ts'
import { openEmbeddedDatabase } from '../../../src/store/embedded/index.ts'
import { Child, WRITER } from './child.ts'
import { clientOf, SILENT_LOG, temporaryDirectory } from './support.ts'

let directory: ReturnType<typeof temporaryDirectory>
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(async () => {
  await Child.killAll()
  directory.remove()
})

const canTrace =
  Bun.which('strace') !== null && Bun.spawnSync(['strace', '-o', '/dev/null', 'true']).exitCode === 0

/** A database that was shut down in order, with or without the table of the writer. */
async function prepare(name: string, hasTable: boolean): Promise<string> {
  const dataDirectory = join(directory.path, name)
  const database = await openEmbeddedDatabase({ dataDirectory, log: SILENT_LOG })
  const sql = clientOf(database)
  if (hasTable) await sql`create table written (id bigint primary key, body bytea)`
  await sql.end()
  await database.close()
  return dataDirectory
}

/** Counts the syncs of one run of the writer, all of them and those of directories of tables. */
async function countSyncs(
  dataDirectory: string,
  rows: number,
): Promise<{ all: number; ofDirectories: number }> {
  const traceFile = `${dataDirectory}.trace`
  const strace = ['strace', '-f', '-y', '-e', 'trace=fsync', '-o', traceFile]
  const child = new Child([...strace, ...WRITER, dataDirectory, String(rows)])
  await child.line((line) => line === 'done', 60_000)
  // The writer is the child of strace, which ends with it and by then has written all.
  process.kill(Number(readFileSync(join(dataDirectory, 'lock.pid'), 'utf8')), 'SIGKILL')
  await child.process.exited

  const calls = readFileSync(traceFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('fsync('))
  return { all: calls.length, ofDirectories: calls.filter((line) => /\/base\/\d+>/.test(line)).length }
}

test.skipIf(!canTrace)(
  'every one of 50 commits waits for a sync, a new table for that of its directory (needs strace)',
  async () => {
    const withNewTable = await countSyncs(await prepare('new-table', false), 0)
    const withoutRows = await countSyncs(await prepare('without-rows', true), 0)
    const withRows = await countSyncs(await prepare('with-rows', true), 50)
    expect(withNewTable.ofDirectories).toBeGreaterThan(withoutRows.ofDirectories)
    expect(withRows.all - withoutRows.all).toBeGreaterThanOrEqual(50)
  },
  120_000,
)

test('SIGKILL in mid-write, five times over, loses no row whose insert was answered', async () => {
  const dataDirectory = join(directory.path, 'data')
  const answered = new Set<number>()
  for (let round = 1; round <= 5; round++) {
    const child = new Child([...WRITER, dataDirectory, 'forever'])
    await child.line((line) => line === 'open')
    const count = 20 + round * 13
    await child.line(() => child.lines.length > count)
    await child.kill()
    for (const line of child.lines) if (/^\d+$/.test(line)) answered.add(Number(line))
  }

  const database = await openEmbeddedDatabase({ dataDirectory, log: SILENT_LOG })
  const sql = clientOf(database)
  const rows = await sql<{ id: string; body: Buffer }[]>`select id, body from written order by id`
  const stored = new Map(rows.map((row) => [Number(row.id), row.body]))
  expect(answered.size).toBeGreaterThan(5 * 20)
  for (const id of answered) {
    expect(stored.get(id)?.equals(Buffer.alloc(1 + ((id * 7919) % 30_000), id % 251))).toBe(true)
  }
  await sql.end()
  await database.close()
}, 120_000)

test('what was committed before an orderly close is there after it, and nothing has to be recovered', async () => {
  const lines: string[] = []
  const note = (_message: string, fields?: LogFields): void => {
    lines.push(JSON.stringify(fields))
  }
  const log = { debug: note, info: note, warn: note, error: note }
  for (let opening = 1; opening <= 3; opening++) {
    const database = await openEmbeddedDatabase({ dataDirectory: directory.path, log })
    const sql = clientOf(database)
    await sql`create table if not exists kept (id int)`
    await sql`insert into kept values (${opening})`
    const [row] = await sql<{ count: number }[]>`select count(*)::int as count from kept`
    expect(row?.count).toBe(opening)
    await sql.end()
    await database.close()
  }
  expect(lines.filter((line) => line.includes('recovery'))).toEqual([])
  expect(lines.filter((line) => line.includes('database system is shut down'))).toHaveLength(3)
}, 60_000)
