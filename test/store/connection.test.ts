import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Sql } from 'postgres'
import { Rejection } from '../../src/core/rejection.ts'
import { describeFault, isTransient, Pool, postgresqlEngine } from '../../src/store/connection.ts'
import { createTestDatabase, engines, postgresqlMissing, type TestEngine } from '../support/database.ts'

describe.each(engines)('arrays ($name)', ({ open }) => {
  let database: TestEngine
  let sql: Sql
  beforeAll(async () => {
    database = await open()
    sql = database.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 10_000 })
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await database.dispose()
  }, 30_000)

  test.each([
    [[]],
    [['a']],
    [['']],
    [
      [
        '',
        ' ',
        'NULL',
        'null',
        '{}',
        '{',
        '}',
        ',',
        '"',
        '\\',
        '\\"',
        "'",
        '\n',
        '\t',
        'é\u{1f600}',
        '[1:2]={a}',
      ],
    ],
  ])('of texts go and come back as they are: %j', async (texts) => {
    const rows = await sql.unsafe<{ back: string[]; size: number }[]>(
      'select $1::text[] as back, cardinality($1::text[]) as size',
      [texts],
      { prepare: true },
    )
    expect([...rows]).toEqual([{ back: texts, size: texts.length }])
  })

  test('of numbers go and come back', async () => {
    const numbers = [0, -1, 2_147_483_647]
    const rows = await sql.unsafe<{ back: number[] }[]>('select $1::integer[] as back', [numbers], {
      prepare: true,
    })
    expect(rows[0]?.back).toEqual(numbers)
  })

  test('a null in one is no text', async () => {
    const [row] =
      await sql`select array[null, 'NULL', 'a']::text[] as texts, array[null, 1]::integer[] as numbers`
    expect(row).toEqual({ texts: [null, 'NULL', 'a'], numbers: [null, 1] })
  })

  test('of several dimensions or with other bounds are their elements in order', async () => {
    const [row] = await sql`select '{{a,b},{"c d",e}}'::text[] as square, '[5:6]={a,"b,"}'::text[] as shifted`
    expect(row).toEqual({ square: ['a', 'b', 'c d', 'e'], shifted: ['a', 'b,'] })
  })
})

describe.skipIf(postgresqlMissing !== null)('a connection that is lost', () => {
  /** A way to the server that is cut when the client has sent so many bytes. */
  async function cutAfter(url: string, bytesMax: number) {
    const target = new URL(url)
    const server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname)
      let bytes = 0
      client.on('data', (data) => {
        bytes += data.length
        if (bytes <= bytesMax) return void upstream.write(data)
        client.resetAndDestroy()
        upstream.destroy()
      })
      upstream.on('data', (data) => void client.write(data))
      for (const socket of [client, upstream]) {
        socket.on('error', () => {})
        socket.on('close', () => {
          client.destroy()
          upstream.destroy()
        })
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    target.port = String((server.address() as AddressInfo).port)
    return { url: target.href, close: () => server.close() }
  }

  test('at any moment is a refusal to whoever asked, and to nobody else', async () => {
    const { url, dispose } = await createTestDatabase()
    try {
      let refused = 0
      for (let bytesMax = 0; bytesMax < 400; bytesMax += 50) {
        const way = await cutAfter(url, bytesMax)
        const pool = new Pool(postgresqlEngine(way.url), {
          name: 'cut',
          connectionsMax: 1,
          statementMsMax: 1_000,
        })
        // A rejection that nobody awaits would end this test, as it would end the process.
        const outcome = await pool
          .run(300, (sql) => sql.unsafe('select $1::text[] as a', [['x'.repeat(60)]], { prepare: true }))
          .then(
            () => null,
            (error: unknown) => error,
          )
        if (outcome !== null) {
          expect(outcome).toBeInstanceOf(Rejection)
          expect((outcome as Rejection).code).toBe('store_unavailable')
          refused += 1
        }
        await pool.close(0)
        way.close()
      }
      expect(refused).toBeGreaterThan(4)
    } finally {
      await dispose()
    }
  }, 20_000)

  test('a statement that is not answered in time is given up, and the next one gets a fresh connection', async () => {
    const { url, dispose } = await createTestDatabase()
    const pool = new Pool(postgresqlEngine(url), { name: 'slow', connectionsMax: 1, statementMsMax: 0 })
    try {
      const slow = pool.run(200, (sql) => sql.unsafe('select pg_sleep(30)'))
      expect(slow).rejects.toMatchObject({
        code: 'store_unavailable',
        reason: 'the database did not answer within 200 ms',
        headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
      })
      await slow.catch(() => {})
      const rows = await pool.run(2_000, (sql) => sql.unsafe<{ one: number }[]>('select 1 as one'))
      expect(rows[0]?.one).toBe(1)
    } finally {
      await pool.close(1)
      await dispose()
    }
  }, 20_000)
})

const fault = (code: string, more: object = {}) => Object.assign(new Error('quotes data'), { code, ...more })

test.each([
  ['08006', true],
  ['40001', true],
  ['40P01', true],
  ['53300', true],
  ['53100', true],
  ['55P03', true],
  ['57014', true],
  ['57P01', true],
  ['57P03', true],
  ['58030', true],
  ['25006', true],
  ['ECONNREFUSED', true],
  ['ECONNRESET', true],
  ['EPIPE', true],
  ['CONNECTION_CLOSED', true],
  ['CONNECT_TIMEOUT', true],
  ['23505', false],
  ['23514', false],
  ['22P05', false],
  ['42P01', false],
  ['42501', false],
  ['25001', false],
])('whether %s may pass by itself: %p', (code, transient) => {
  expect(isTransient(fault(code))).toBe(transient)
  expect(isTransient(new Error('outer', { cause: fault(code) }))).toBe(transient)
})

test('a fault without a code does not pass by itself', () => {
  for (const error of [new Error('x'), 'x', null, undefined, { code: 1 }])
    expect(isTransient(error)).toBe(false)
})

test('what is told of a fault is its code and constraint, never its text', () => {
  expect(describeFault(fault('23505', { constraint_name: 'c', detail: 'quotes data' }))).toBe(
    'database fault 23505 (c)',
  )
  expect(describeFault(fault('42P01'))).toBe('database fault 42P01')
  expect(describeFault(new Error('SQL', { cause: fault('57P01') }))).toBe('database fault 57P01')
  expect(describeFault(new TypeError('quotes data'))).toBe('TypeError')
  expect(describeFault('quotes data')).toBe('unknown fault')
})
