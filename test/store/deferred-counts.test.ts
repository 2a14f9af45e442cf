/** Requests that were let on before they were counted: what goes wrong between the count and the store lets nobody past a limit. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import type { AcceptedAttempt } from '../../src/core/attempt.ts'
import type { Rejection } from '../../src/core/rejection.ts'
import { postgresqlEngine } from '../../src/store/connection.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { acceptedAttempt } from '../support/attempts.ts'
import { eventually } from '../support/eventually.ts'
import { silentLog } from '../support/log.ts'
import { type Cluster, clusterMissing, createCluster, DURABLE } from '../support/postgresql-cluster.ts'

const HOUR = 3_600

describe.skipIf(clusterMissing !== null)('a request that is let on uncounted', () => {
  let cluster: Cluster
  let store: Store
  let sql: Sql
  let keys = 0
  beforeAll(async () => {
    cluster = await createCluster(DURABLE)
    store = await openStore({
      engine: postgresqlEngine(cluster.url('postgres')),
      log: silentLog,
      retentionDays: 90,
      onBatch() {},
    })
    sql = postgres(cluster.url('postgres'), { max: 4, onnotice() {} })
    // A window that ends while a test counts would make two of it.
    await eventually(async () => {
      const [row] = await sql<{ away: boolean }[]>`
        select ${HOUR}::int - extract(epoch from clock_timestamp()) % ${HOUR}::int > 45 as away`
      return row?.away === true
    }, 60_000)
  }, 90_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await store.close(2_000)
    await cluster.dispose()
  }, 30_000)

  /** A key whose window is known to the process. */
  async function knownKey(requests: number): Promise<string> {
    keys += 1
    const key = `wh_${String(keys).padStart(32, '0')}`
    await store.rateLimitCounter.count(key, requests, HOUR)
    return key
  }

  /** Counts as the receiver does, and stores what the limit lets on. */
  async function send(key: string, requests: number, delayMs = 0): Promise<string> {
    try {
      const rateLimitCount = await store.rateLimitCounter.count(key, requests, HOUR)
      if (rateLimitCount.verdict?.allowed === false) return 'over_limit'
      if (delayMs > 0) await Bun.sleep(delayMs)
      return await outcome(acceptedAttempt({ triggerRef: key.slice(3), webhookKey: key, rateLimitCount }))
    } catch (error) {
      return (error as Rejection).code
    }
  }

  const outcome = (attempt: AcceptedAttempt): Promise<string> =>
    store.intakeWriter.accept(attempt).then(
      ({ verdict }) => verdict,
      (error: Rejection) => error.code,
    )

  const eventsOf = async (key: string) =>
    (await sql`select 1 from attune.event where trigger_ref = ${key.slice(3)}`).length

  const setCount = (key: string, count: number) =>
    sql`update attune.webhook_rate_limit set request_count = ${count} where webhook_key = ${key}`

  const countOf = async (key: string) =>
    (await sql`select request_count from attune.webhook_rate_limit where webhook_key = ${key}`)[0]?.[
      'request_count'
    ]

  /** Nobody writes to the audit trail until what it returns is called. */
  async function stopWriting(): Promise<() => Promise<void>> {
    const session = await sql.reserve()
    await session`begin`
    await session`lock table attune.webhook_event_log in access exclusive mode`
    return async () => {
      await session`commit`
      session.release()
    }
  }

  test('and waits behind a batch whose count has refused it, is not stored', async () => {
    const key = await knownKey(10)
    const goOn = await stopWriting()
    await setCount(key, 10)
    const first = send(key, 10)
    const second = send(key, 10)
    const third = send(key, 10, 20)
    await eventually(async () => Number(await countOf(key)) > 10)
    await goOn()
    expect(await Promise.all([first, second, third])).toEqual(['over_limit', 'over_limit', 'over_limit'])
    expect(await eventsOf(key)).toBe(0)
  })

  test('and whose connection ends behind the count is not stored past the limit', async () => {
    const key = await knownKey(10)
    const goOn = await stopWriting()
    await setCount(key, 10)
    const sent = send(key, 10)
    await eventually(async () => Number(await countOf(key)) > 10)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'attune-webhooks intake'`
    await goOn()
    expect(['over_limit', 'store_unavailable']).toContain(await sent)
    expect(await eventsOf(key)).toBe(0)
  })

  test('in a crowd that comes bit by bit: never more than the limit', async () => {
    for (let round = 0; round < 20; round += 1) {
      const key = await knownKey(200)
      const outcomes = await Promise.all(
        Array.from({ length: 400 }, async (_, index) => {
          await Bun.sleep((index * 7) % 30)
          return send(key, 200, index % 7 === 0 ? (index * 3) % 20 : 0)
        }),
      )
      const stored = outcomes.filter((verdict) => verdict === 'stored').length
      // The request that made the window known is one of the two hundred.
      expect(stored).toBe(199)
      expect(await eventsOf(key)).toBe(stored)
    }
  }, 60_000)

  test('is counted later when a row of the counter is locked, and whoever has no limit is stored meanwhile', async () => {
    const key = await knownKey(100)
    const session = await sql.reserve()
    await session`begin`
    await session`select 1 from attune.webhook_rate_limit where webhook_key = ${key} for update`
    const limited = send(key, 100)
    const startedAtMs = performance.now()
    for (let request = 0; request < 5; request += 1) expect(await outcome(acceptedAttempt())).toBe('stored')
    expect(performance.now() - startedAtMs).toBeLessThan(5_000)
    expect(await limited).toBe('store_unavailable')
    await session`rollback`
    session.release()
    // The one that made it known, and the one that was refused.
    await eventually(async () => Number(await countOf(key)) === 2)
    await eventually(async () => (await send(key, 100)) === 'stored')
  }, 30_000)

  test('is refused while nothing can be counted, and counted afterwards although it was turned away', async () => {
    const key = await knownKey(100)
    for (let request = 0; request < 20; request += 1) await store.rateLimitCounter.count(key, 100, HOUR)
    await sql`alter table attune.webhook_rate_limit rename to elsewhere`
    expect(await send(key, 100)).toBe('store_unavailable')
    expect(await outcome(acceptedAttempt())).toBe('stored')
    await sql`alter table attune.elsewhere rename to webhook_rate_limit`
    await eventually(async () => Number(await countOf(key)) >= 22)
    await eventually(async () => (await send(key, 100)) === 'stored')
  }, 30_000)

  test('and whose count was lost with a crash of the server is counted again', async () => {
    const limit = 40
    const key = await knownKey(limit)
    // A commit that is synced takes the count before it along.
    await sql`create table marker (x integer)`
    const goOn = await stopWriting()
    const sent = Array.from({ length: 19 }, () => send(key, limit))
    await eventually(async () => Number(await countOf(key)) === 20)
    await cluster.signal('SIGKILL')
    await goOn().catch(() => {})
    await cluster.start()
    const outcomes = await Promise.all(sent)
    expect(outcomes).toContain('stored')
    await sql.end({ timeout: 1 })
    sql = postgres(cluster.url('postgres'), { max: 4, onnotice() {} })
    for (let request = 0; request < 2 * limit; request += 1) {
      await eventually(async () => (await send(key, limit)) !== 'store_unavailable')
    }
    expect(await eventsOf(key)).toBeLessThanOrEqual(limit)
    expect(await eventsOf(key)).toBeGreaterThan(10)
  }, 60_000)
})
