import { afterAll, beforeAll, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type postgres from 'postgres'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../../src/store/embedded/index.ts'
import { clientOf, eventually, frame, rejection, SILENT_LOG, startup, temporaryDirectory } from './support.ts'

const directory = temporaryDirectory()
let database: EmbeddedDatabase
let sql: postgres.Sql

beforeAll(async () => {
  database = await openEmbeddedDatabase({ dataDirectory: directory.path, log: SILENT_LOG })
  sql = clientOf(database, 8)
})
afterAll(async () => {
  await sql.end()
  await database.close()
  directory.remove()
})

/** A client on one connection whose socket is at hand. */
async function exposed(): Promise<{ sql: postgres.Sql; socket: Duplex }> {
  const socket = database.connect()
  const client = clientOf({ connect: () => socket }, 1)
  await client`select 1`
  return { sql: client, socket }
}

test('many connections at once with parameters of 1 MB get back exactly what each has sent', async () => {
  const exchange = async (): Promise<void> => {
    const body = randomBytes(1024 * 1024)
    const [row] = await sql<{ body: Buffer }[]>`select ${body}::bytea as body`
    expect(row?.body.equals(body)).toBe(true)
  }
  await Promise.all(Array.from({ length: 40 }, exchange))
})

test('a parameter of 20 MB and a row of 20 MB pass', async () => {
  const body = randomBytes(20 * 1024 * 1024)
  const [row] = await sql<{ body: Buffer }[]>`select ${body}::bytea as body`
  expect(row?.body.equals(body)).toBe(true)
}, 30_000)

test('queries pipelined on one connection are answered in order, those that fail among them', async () => {
  const { sql: client } = await exposed()
  const asked = Array.from({ length: 200 }, (_, index) => index)
  const answers = await Promise.all(
    asked.map((index) => {
      const query =
        index % 7 === 0
          ? client<{ n: number }[]>`select 1 / (${index}::int - ${index}::int) as n`
          : client<{ n: number }[]>`select ${index}::int as n`
      return query.then(
        ([row]) => row?.n,
        (error: postgres.PostgresError) => error.code,
      )
    }),
  )
  expect(answers).toEqual(asked.map((index) => (index % 7 === 0 ? '22012' : index)))
  await client.end()
})

test('statements, simple and extended, prepared and not, with arrays, nulls and several results', async () => {
  const prepared = await sql.unsafe(
    'select $1::text[] as texts, $2::int as number',
    [['a', 'b,"c"'], null] as never[],
    {
      prepare: true,
    },
  )
  expect(JSON.stringify(prepared)).toBe('[{"texts":["a","b,\\"c\\""],"number":null}]')
  const several = await sql.unsafe('select 1 as n; select 2 as n').simple()
  expect(JSON.stringify(several)).toBe('[[{"n":1}],[{"n":2}]]')
  expect(await sql.unsafe('select $1::int + 1 as n', [1])).toEqual([{ n: 2 }] as never)
  const pages: number[] = []
  await sql<{ n: number }[]>`select n from generate_series(1, 25) n`.cursor(10, (rows) => {
    pages.push(rows.length)
  })
  expect(pages).toEqual([10, 10, 5])
})

test('transactions of many connections that read, wait and write lose no update', async () => {
  await sql`create table counter (n int)`
  await sql`insert into counter values (0)`
  const increment = (): Promise<unknown> =>
    sql.begin(async (transaction) => {
      const [row] = await transaction<{ n: number }[]>`select n from counter`
      await Promise.resolve()
      await transaction`update counter set n = ${(row?.n ?? 0) + 1}`
    })
  const reads = Array.from({ length: 100 }, () => sql`select n from counter`)
  await Promise.all([...Array.from({ length: 100 }, increment), ...reads])
  expect(await sql`select n from counter`).toEqual([{ n: 100 }] as never)
})

test('a transaction that fails is rolled back and leaves the others alone', async () => {
  await sql`create table half (n int primary key)`
  const failing = sql.begin(async (transaction) => {
    await transaction`insert into half values (1)`
    await transaction`insert into half values (1)`
  })
  const others = Array.from({ length: 20 }, (_, index) => sql`insert into half values (${index + 10})`)
  expect(await rejection(failing)).toMatchObject({ code: '23505' })
  await Promise.all(others)
  expect(await sql`select count(*)::int as n from half`).toEqual([{ n: 20 }] as never)
})

test('a connection destroyed in mid-transaction is rolled back, its statements go, and the others go on', async () => {
  await sql`create table abandoned (n int)`
  const { sql: client, socket } = await exposed()
  const begun = Promise.withResolvers<void>()
  const transaction = client.begin(async (inside) => {
    await inside`insert into abandoned values (${1})`
    begun.resolve()
    await inside`select pg_sleep(0.1)`
    await inside`select 'abandoned' as mark`
  })
  await begun.promise
  const waiting = sql`select count(*)::int as n from abandoned`
  socket.destroy()
  expect(await rejection(transaction)).toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await waiting).toEqual([{ n: 0 }] as never)
  const statements =
    await sql`select name from pg_prepared_statements where statement like 'insert into abandoned%'`
  expect(statements).toHaveLength(0)
})

test('a connection that goes without good-bye in a failed exchange leaves the session usable', async () => {
  const socket = database.connect()
  socket.write(startup())
  socket.write(frame('P', '\0nonsense\0\0\0'))
  socket.write(frame('H', ''))
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  expect(await sql`select 1 as n`).toEqual([{ n: 1 }] as never)
})

test('a client whose connection was destroyed connects again, idle or not', async () => {
  const sockets: Duplex[] = []
  const connect = (): Duplex => {
    const socket = database.connect()
    sockets.push(socket)
    return socket
  }
  const client = clientOf({ connect }, 1)
  await client`select 1`
  await new Promise((resolve) => sockets[0]?.once('close', resolve).destroy())
  expect(await client`select 2 as n`).toEqual([{ n: 2 }] as never)
  const running = client`select pg_sleep(0.2)`.execute()
  // postgres.js builds the query in one turn of the event loop and writes it in the next.
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  sockets[1]?.destroy()
  expect(await rejection(running)).toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await client`select 3 as n`).toEqual([{ n: 3 }] as never)
  await client.end()
})

test('NOTIFY reaches whoever listens, from any connection, and no other stream', async () => {
  const heard: string[] = []
  const listening = await sql.listen('news', (payload) => heard.push(payload))
  const notes = Array.from(
    { length: 20 },
    (_, index) => sql<{ n: number }[]>`select pg_notify('news', ${String(index)}), ${index}::int as n`,
  )
  const answers = await Promise.all(notes)
  expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: 20 }, (_, index) => index))
  await eventually(() => heard.length === 20)
  expect(heard.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index))
  await listening.unlisten()
})

test('COPY FROM STDIN is refused, simple and extended, and COPY TO STDOUT works', async () => {
  await sql`create table copied (n int)`
  const refusal = {
    code: '57014',
    message: expect.stringContaining('not available on the embedded database'),
  }
  expect(await rejection(sql.unsafe('copy copied from stdin').simple())).toMatchObject(refusal)
  expect(await rejection(sql`copy copied from stdin`)).toMatchObject(refusal)
  let text = ''
  for await (const piece of await sql`copy (select generate_series(1, 3)) to stdout`.readable()) text += piece
  expect(text).toBe('1\n2\n3\n')
  expect(await sql`select count(*)::int as n from copied`).toEqual([{ n: 0 }] as never)
})

test.each([
  { title: 'an unknown type', bytes: () => frame('z', 'x') },
  { title: 'a length below its own header', bytes: () => Buffer.from([0x51, 0, 0, 0, 3, 0]) },
  { title: 'a length of two gigabytes', bytes: () => Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff, 0]) },
])('a message with $title ends its connection with an error, and no other', async ({ bytes }) => {
  const socket = database.connect()
  const received: Buffer[] = []
  socket.on('data', (piece: Buffer) => received.push(piece))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(startup())
  socket.write(bytes())
  await closed
  expect(Buffer.concat(received).toString('latin1')).toContain('C08P01')
  expect(await sql`select 1 as n`).toEqual([{ n: 1 }] as never)
})

test('a request for encryption is declined and the connection goes on', async () => {
  const socket = database.connect()
  const received: Buffer[] = []
  socket.on('data', (piece: Buffer) => received.push(piece))
  socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]))
  socket.write(startup())
  await eventually(() => Buffer.concat(received).toString('latin1').endsWith('I'))
  expect(received[0]?.[0]).toBe('N'.charCodeAt(0))
  socket.destroy()
})

test('writes wait while another connection holds the session, and all are answered in the end', async () => {
  const release = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  const holding = sql.begin(async (transaction) => {
    await transaction`select 1`
    held.resolve()
    await release.promise
  })
  await held.promise
  const { socket } = { socket: database.connect() }
  let received = 0
  socket.on('data', (piece: Buffer) => {
    received += piece.length
  })
  socket.write(startup())
  for (let index = 0; index < 24; index++) {
    socket.write(frame('Q', `select length('${'x'.repeat(1024 * 1024)}')\0`))
  }
  await eventually(() => socket.writableNeedDrain)
  expect(socket.writableLength).toBeGreaterThan(8 * 1024 * 1024)
  release.resolve()
  await holding
  await eventually(() => socket.writableLength === 0 && received > 24 * 30)
  socket.destroy()
})
