import { afterEach, beforeEach, expect, test } from 'bun:test'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEmbeddedDatabase } from '../../../src/store/embedded/index.ts'
import { Child, WRITER } from './child.ts'
import { clientOf, rejection, SILENT_LOG, temporaryDirectory } from './support.ts'

let directory: ReturnType<typeof temporaryDirectory>
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(async () => {
  await Child.killAll()
  directory.remove()
})

const open = (dataDirectory: string) => openEmbeddedDatabase({ dataDirectory, log: SILENT_LOG })

test('a second process is refused with the directory and the pid of the first, and let in once that is killed', async () => {
  const dataDirectory = join(directory.path, 'data')
  const first = new Child([...WRITER, dataDirectory, '1'])
  await first.line((line) => line === 'done')

  const second = new Child([...WRITER, dataDirectory, '1'])
  const refusal = await second.line((line) => line.startsWith('refused'))
  expect(refusal).toContain(dataDirectory)
  expect(refusal).toContain(`pid ${first.process.pid}`)
  expect(await second.process.exited).toBe(1)

  await first.kill()
  const third = new Child([...WRITER, dataDirectory, '1'])
  await third.line((line) => line === 'done')
  expect(third.lines).toContain('2')
  await third.kill()
}, 60_000)

test('a second opening in the same process is refused, and does not cost the first its lock', async () => {
  const database = await open(directory.path)
  expect((await rejection(open(directory.path))).message).toContain(`pid ${process.pid}`)
  const other = new Child([...WRITER, directory.path, '1'])
  await other.line((line) => line.startsWith('refused'))
  await database.close()
  await (await open(directory.path)).close()
}, 60_000)

test('the data directory and all in it are for the owner only, whatever the umask', async () => {
  const before = process.umask(0)
  try {
    const dataDirectory = join(directory.path, 'deep', 'data')
    const database = await open(dataDirectory)
    const sql = clientOf(database)
    await sql`create table made (id int primary key, body text)`
    await sql`insert into made select n, repeat('x', 3000) from generate_series(1, 1000) n`
    await sql`vacuum analyze made`
    await sql.end()
    await database.close()

    expect(statSync(dataDirectory).mode & 0o777).toBe(0o700)
    const entries = readdirSync(dataDirectory, { recursive: true }) as string[]
    expect(entries.length).toBeGreaterThan(500)
    const readable = entries.filter((entry) => (lstatSync(join(dataDirectory, entry)).mode & 0o077) !== 0)
    expect(readable).toEqual([])
  } finally {
    process.umask(before)
  }
}, 60_000)

test.each([0o770, 0o777, 0o702])(
  'a data directory of mode %o, which others may write, is refused',
  async (mode) => {
    const dataDirectory = join(directory.path, 'data')
    mkdirSync(dataDirectory)
    chmodSync(dataDirectory, mode)
    expect((await rejection(open(dataDirectory))).message).toContain(
      `may be written by others (mode 0${mode.toString(8)})`,
    )
    expect(readdirSync(dataDirectory)).toEqual([])
  },
)

test('an unpacking that was cut short is thrown away and done again', async () => {
  const unfinished = join(directory.path, 'postgres.unfinished')
  mkdirSync(join(unfinished, 'base'), { recursive: true })
  writeFileSync(join(unfinished, 'PG_VERSION'), '18\n')
  const database = await open(directory.path)
  const sql = clientOf(database)
  expect(await sql`select 1 as one`).toHaveLength(1)
  await sql.end()
  await database.close()
  expect(existsSync(unfinished)).toBe(false)
}, 30_000)

test('a database of another version of PostgreSQL is refused and left as it is', async () => {
  const cluster = join(directory.path, 'postgres')
  mkdirSync(cluster)
  writeFileSync(join(cluster, 'PG_VERSION'), '17\n')
  expect((await rejection(open(directory.path))).message).toContain('holds a database of PostgreSQL 17')
  expect(readdirSync(cluster)).toEqual(['PG_VERSION'])
})

test('a directory that is no database is refused, and the lock is given up', async () => {
  mkdirSync(join(directory.path, 'postgres'))
  expect((await rejection(open(directory.path))).message).toContain('PostgreSQL unknown')
  expect((await rejection(open(directory.path))).message).toContain('PostgreSQL unknown')
})
