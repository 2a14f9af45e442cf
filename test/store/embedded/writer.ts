/**
 * A process of its own for the tests that kill one: `bun writer.ts DIRECTORY ROWS`. Opens the database, inserts
 * so many rows one after the other, or until it is killed when ROWS is `forever`, and prints the number of each
 * row once its insert has been answered. It then waits to be killed: nothing is shut down.
 */
import { openEmbeddedDatabase } from '../../../src/store/embedded/index.ts'
import { clientOf, SILENT_LOG } from './support.ts'

const [dataDirectory = '', rows = ''] = process.argv.slice(2)
const print = (line: string): boolean => process.stdout.write(`${line}\n`)

const database = await openEmbeddedDatabase({ dataDirectory, log: SILENT_LOG }).catch((error: Error) => {
  print(`refused: ${error.message}`)
  process.exit(1)
})
const sql = clientOf(database)
await sql`create table if not exists written (id bigint primary key, body bytea)`
const [last] = await sql<{ id: string }[]>`select coalesce(max(id), 0) as id from written`
print('open')

const first = Number(last?.id ?? 0) + 1
const end = rows === 'forever' ? Number.POSITIVE_INFINITY : first + Number(rows)
const insert = async (id: number): Promise<void> => {
  await sql`insert into written values (${id}, ${Buffer.alloc(1 + ((id * 7919) % 30_000), id % 251)})`
  print(String(id))
}
for (let id = first; id < end; id++) await insert(id)
print('done')
setInterval(() => {}, 1_000)
