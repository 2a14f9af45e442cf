import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { Sql } from 'postgres'
import type { AcceptedAttempt } from '../../src/core/attempt.ts'
import type { Delivery } from '../../src/core/deduplication.ts'
import {
  AUDIT_MERGED_ROWS_MAX,
  AUDIT_ROWS_BURST_PER_TRIGGER,
  AUDIT_ROWS_PER_SECOND_PER_TRIGGER,
  INTAKE_QUEUE_ROWS_MAX,
} from '../../src/core/limits.ts'
import { Rejection } from '../../src/core/rejection.ts'
import { newRequestId } from '../../src/core/request-id.ts'
import { postgresqlEngine } from '../../src/store/connection.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import {
  encodeBatch,
  INTAKE,
  type IntakeAnswer,
  type IntakeBatch,
  type VerdictRow,
} from '../../src/store/intake-statement.ts'
import { acceptedAttempt, rejectedAttempt } from '../support/attempts.ts'
import { createTestDatabase, engines, postgresqlMissing, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { recordingLog, silentLog } from '../support/log.ts'
import { type Cluster, clusterMissing, createCluster } from '../support/postgresql-cluster.ts'
import { startReceiver, type TestReceiver } from '../support/receiver.ts'

const RETENTION_DAYS = 90
const onBatch = () => {}

describe.each(engines)('intake ($name)', ({ open }) => {
  let database: TestEngine
  let store: Store
  let sql: Sql
  let log: ReturnType<typeof recordingLog>
  /** Rows of one test are found by its own ref. */
  let ref: string
  let tests = 0
  beforeAll(async () => {
    database = await open()
    log = recordingLog()
    store = await openStore({ engine: database.engine, log, retentionDays: RETENTION_DAYS, onBatch })
    sql = database.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 20_000 })
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await store.close(5_000)
    await database.dispose()
  }, 30_000)
  beforeEach(() => {
    ref = `intake.t${++tests}`
  })

  const accepted = (change = {}) => acceptedAttempt({ triggerRef: ref, ...change })
  const rejected = (change = {}) => rejectedAttempt({ triggerRef: ref, ...change })
  const events = () =>
    sql<{ id: string }[]>`select id from attune.event where trigger_ref = ${ref} order by id`
  const rows = () =>
    sql<
      {
        id: string
        event_id: string | null
        status_code: number
        error_message: string | null
        attempts: number
      }[]
    >`
      select id, event_id, status_code, error_message, attempts
      from attune.webhook_event_log where trigger_ref = ${ref} order by id`
  const ids = (attempts: readonly { id: string }[]) => attempts.map(({ id }) => id).sort()
  const writeBatch = (batch: IntakeBatch) =>
    sql.unsafe(INTAKE, [...encodeBatch(batch, performance.now()), ''])

  test('a batch whose count did not admit it, or that another session counted, stores nothing', async () => {
    const triggerRef = 'test.admitted'
    const batch: IntakeBatch = {
      accepted: [acceptedAttempt({ triggerRef, triggerId: '999' })],
      rejected: [{ attempt: rejectedAttempt({ triggerRef, triggerId: '999' }), attempts: 1 }],
    }
    const write = (admitted: string) =>
      sql.begin(async (session) => {
        await session`select set_config('attune.admitted', ${admitted}, false)`
        const parameters = [...encodeBatch(batch, performance.now()), 'of this batch']
        const [row] = await session.unsafe<IntakeAnswer[]>(INTAKE, parameters)
        const [stored] = await session<{ events: number; rows: number }[]>`
          select
            (select count(*)::int from attune.event where trigger_ref = ${triggerRef}) as events,
            (select count(*)::int from attune.webhook_event_log where trigger_ref = ${triggerRef}) as rows`
        return { ...row, ...stored }
      })
    for (const other of ['', 'of another batch']) {
      expect(await write(other)).toEqual({ admitted: false, verdicts: null, events: 0, rows: 0 })
    }
    expect(await write('of this batch')).toEqual({ admitted: true, verdicts: null, events: 1, rows: 2 })
  })

  test('a batch that is written again leaves one row of each, and is counted once', async () => {
    const { id: triggerId } = await store.triggers.create({ ref })
    const change = { triggerId: String(triggerId) }
    const batch = {
      accepted: [accepted(change), accepted({ ...change, body: Buffer.alloc(0) })],
      rejected: [{ attempt: rejected(change), attempts: 7 }],
    }
    await writeBatch(batch)
    await writeBatch(batch)
    // A retry can also hold more than the first try did.
    await writeBatch({ ...batch, accepted: [...batch.accepted, accepted(change)] })
    expect((await events()).length).toBe(3)
    expect((await rows()).map(({ attempts }) => attempts).sort()).toEqual([1, 1, 1, 7])
    expect(await store.stats.ofTrigger(ref)).toMatchObject({
      totalRequests: 10,
      successfulRequests: 3,
      failedRequests: 7,
      hmacFailures: 7,
      eventsCreated: 3,
    })
  })

  test('two that write the same batch at once leave one row of each', async () => {
    const batch = { accepted: Array.from({ length: 50 }, () => accepted()), rejected: [] }
    const pool = database.engine.createPool({ name: 'other', connectionsMax: 4, statementMsMax: 20_000 })
    await Promise.all(
      Array.from({ length: 4 }, () => pool.unsafe(INTAKE, [...encodeBatch(batch, performance.now()), ''])),
    )
    await pool.end({ timeout: 1 })
    expect(ids(await events())).toEqual(ids(batch.accepted))
    expect(ids(await rows())).toEqual(ids(batch.accepted))
  })

  test('when the row of a refusal was first, the late write of the event adds nothing', async () => {
    const attempt = accepted()
    await writeBatch({ accepted: [], rejected: [{ attempt: rejected({ id: attempt.id }), attempts: 1 }] })
    await writeBatch({ accepted: [attempt], rejected: [] })
    expect((await events()).length).toBe(0)
    expect((await rows()).map(({ status_code }) => status_code)).toEqual([401])
  })

  describe('claims', () => {
    const delivery = (id: string, body = 'a'): Delivery => ({
      digest: createHash('sha256').update(`${ref} ${id}`).digest('hex'),
      bodyDigest: createHash('sha256').update(body).digest('hex'),
      windowSeconds: 60,
      isSingleUse: false,
    })
    const write = async (...attempts: AcceptedAttempt[]) => {
      const [answer] = (await writeBatch({ accepted: attempts, rejected: [] })) as unknown as IntakeAnswer[]
      return JSON.parse(answer?.verdicts ?? '[]') as VerdictRow[]
    }
    const claims = async (id: string) =>
      (
        await sql<{ event_id: string }[]>`
          select event_id from attune.webhook_delivery
          where delivery_digest = decode(${delivery(id).digest}, 'hex')`
      ).map(({ event_id }) => event_id)

    test('a batch that is written again finds its own claims, and gives the same verdicts', async () => {
      const [first, copy, conflict] = [
        accepted({ delivery: delivery('1') }),
        accepted({ delivery: delivery('1') }),
        accepted({ delivery: delivery('1', 'b') }),
      ] as const
      const verdicts = await write(first, copy, conflict)
      expect(verdicts.toSorted((one, two) => one.id.localeCompare(two.id))).toEqual([
        { id: copy.id, first_event_id: first.id, verdict: 'duplicate' },
        { id: conflict.id, first_event_id: first.id, verdict: 'conflict' },
      ])
      expect(await write(first, copy, conflict)).toEqual(verdicts)
      expect(await write(first)).toEqual([])
      expect(ids(await events())).toEqual(ids([first, conflict]))
      expect(ids(await rows())).toEqual(ids([first, copy, conflict]))
      expect(await claims('1')).toEqual([first.id])
    })

    test('when the row of a refusal was first, the late write of the event leaves no claim either', async () => {
      const attempt = accepted({ delivery: delivery('2') })
      await writeBatch({ accepted: [], rejected: [{ attempt: rejected({ id: attempt.id }), attempts: 1 }] })
      expect(await write(attempt).catch((error: { code: string }) => error.code)).toBe('23505')
      expect(await claims('2')).toEqual([])
      const retried = accepted({ delivery: delivery('2') })
      expect(await write(retried)).toEqual([])
      expect(ids(await events())).toEqual([retried.id])
    })

    test('a batch that is not admitted claims nothing', async () => {
      const batch = { accepted: [accepted({ delivery: delivery('3') })], rejected: [] }
      await sql.unsafe(INTAKE, [...encodeBatch(batch, performance.now()), 'of no count'])
      expect(await claims('3')).toEqual([])
    })

    test('what is good for one use leaves nothing when it comes with another body', async () => {
      const single = (body: string) => ({ ...delivery('4', body), isSingleUse: true })
      const first = accepted({ delivery: single('a') })
      const replayed = accepted({ delivery: single('b') })
      expect(await write(first, replayed)).toEqual([
        { id: replayed.id, first_event_id: first.id, verdict: 'replayed' },
      ])
      expect(ids(await rows())).toEqual([first.id])
    })
  })

  test('what accept has resolved is there, event and row together', async () => {
    const attempts = Array.from({ length: 500 }, () => accepted())
    await Promise.all(attempts.map((attempt) => store.intakeWriter.accept(attempt)))
    expect(ids(await events())).toEqual(ids(attempts))
    const log = await rows()
    expect(ids(log)).toEqual(ids(attempts))
    for (const { id, event_id, status_code } of log) expect([event_id, status_code]).toEqual([id, 200])
  })

  test('one row that the database refuses takes no other with it', async () => {
    await sql.unsafe(
      `alter table attune.event add constraint "${ref}" check (content_type <> 'refused ${ref}') not valid`,
    )
    const good = Array.from({ length: 20 }, () => accepted())
    const bad = accepted({ contentType: `refused ${ref}` })
    const outcomes = await Promise.allSettled(
      [...good.slice(0, 10), bad, ...good.slice(10)].map((attempt) => store.intakeWriter.accept(attempt)),
    )
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refused.map((reason) => (reason as Rejection).code)).toEqual(['store_unavailable'])
    expect(ids(await events())).toEqual(ids(good))
    // What is told of it has neither the text nor the parameters of the statement.
    const entry = log.entries.find(({ fields: { request_id: id } }) => id === bad.id)
    expect(entry?.fields).toEqual({ request_id: bad.id, reason: `database fault 23514 (${ref})` })
  })

  test('a body larger than a whole batch goes through, beside small ones', async () => {
    const sizes = [1, 5_000_000, 10, 5_000_000, 0]
    const attempts = sizes.map((size) => accepted({ body: Buffer.alloc(size, 'x') }))
    await Promise.all(attempts.map((attempt) => store.intakeWriter.accept(attempt)))
    const stored = await sql<{ id: string; n: number }[]>`
      select id, length(body) as n from attune.event where trigger_ref = ${ref}`
    const byId = new Map(stored.map(({ id, n }) => [id, n]))
    expect(attempts.map(({ id }) => byId.get(id))).toEqual(sizes)
  })

  test('past the bound of its queue it refuses at once, and forgets none of those before', async () => {
    const over = 10
    const attempts = Array.from({ length: INTAKE_QUEUE_ROWS_MAX + over }, () => accepted())
    const outcomes = await Promise.allSettled(attempts.map((attempt) => store.intakeWriter.accept(attempt)))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refused.length).toBe(over)
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(Rejection)
      expect(reason).toMatchObject({ status: 503, reason: 'the intake queue is full' })
      expect(Number((reason as Rejection).headers['retry-after'])).toBeGreaterThan(0)
    }
    const [count] = await sql<{ n: number }[]>`
      select count(*)::int as n from attune.event where trigger_ref = ${ref}`
    expect(count?.n).toBe(INTAKE_QUEUE_ROWS_MAX)
  }, 20_000)

  test('a rejection is in the trail although nobody waits for it', async () => {
    const attempts = Array.from({ length: 20 }, () => rejected())
    for (const attempt of attempts) store.intakeWriter.record(attempt)
    await eventually(async () => (await rows()).length === attempts.length)
    expect(ids(await rows())).toEqual(ids(attempts))
  })

  test('headers, texts and addresses come back as they went in', async () => {
    const attempt = accepted({
      headers: [
        ['x-b', '2'],
        ['x-a', ''],
        ['x-b', 'é "quoted" \\ \u{1f600} \t'],
      ],
      userAgent: 'quotes \' " \\ $1 \u2028',
      sourceIp: '2001:db8::7',
      contentType: 'text/plain; charset="x"',
    })
    await store.intakeWriter.accept(attempt)
    const [event] = await sql`select * from attune.event where id = ${attempt.id}`
    expect(event).toMatchObject({
      headers: attempt.headers,
      source_ip: '2001:db8::7',
      content_type: attempt.contentType,
    })
    const [row] = await sql`select * from attune.webhook_event_log where id = ${attempt.id}`
    expect(row).toMatchObject({ headers: attempt.headers, user_agent: attempt.userAgent })
  })
})

describe.each(engines)('a flood of rejections ($name)', ({ open }) => {
  test('leaves a bounded number of rows that count every attempt, and statistics agree', async () => {
    const FLOOD = 5_000
    const database = await open()
    const receiver = await startReceiver(database.engine)
    try {
      const trigger = await receiver.trigger({ hmac: { secret: 'a secret of the test' } })
      const startedAtMs = performance.now()
      const headers = { 'x-webhook-signature': '0'.repeat(64) }
      let sent = 0
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          while (sent++ < FLOOD) {
            const answer = await receiver.post(trigger.path, '{}', headers)
            await answer.arrayBuffer()
            if (answer.status !== 401) throw new Error(`answered ${answer.status}`)
          }
        }),
      )
      const elapsedSeconds = (performance.now() - startedAtMs) / 1_000
      await receiver.store.intakeWriter.flush(10_000)
      const rows = await receiver.logRowsOf(trigger, 1)
      expect(rows.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(FLOOD)
      const single = AUDIT_ROWS_BURST_PER_TRIGGER + elapsedSeconds * AUDIT_ROWS_PER_SECOND_PER_TRIGGER
      expect(rows.length).toBeLessThanOrEqual(single + AUDIT_MERGED_ROWS_MAX)
      expect(rows.length).toBeLessThan(FLOOD / 10)
      for (const row of rows) {
        expect(row).toMatchObject({
          error_code: 'signature_invalid',
          hmac_verified: false,
          source_ip: '127.0.0.1',
        })
      }
      const stats = await receiver.store.stats.ofTrigger(trigger.ref)
      expect(stats).toMatchObject({ totalRequests: FLOOD, failedRequests: FLOOD, hmacFailures: FLOOD })
      expect(stats).toMatchObject({ successfulRequests: 0, eventsCreated: 0, rateLimitedRequests: 0 })
      expect((await receiver.store.stats.total()).totalRequests).toBe(FLOOD)
      const metric = `attune_attempts_total{trigger="${trigger.ref}",code="signature_invalid"} ${FLOOD}`
      expect(await receiver.metrics.render()).toContain(metric)
    } finally {
      await receiver.close()
      await database.dispose()
    }
  }, 60_000)
})

/** Posts from many connections until told to stop; gives the ids that were acknowledged and every other status. */
function load(receiver: TestReceiver, path: string) {
  const acknowledged: string[] = []
  const refused: { status: number; retryAfter: string | null }[] = []
  let stopped = false
  const done = Promise.all(
    Array.from({ length: 32 }, async () => {
      while (!stopped) {
        const answer = await receiver.post(path, `{"id":"${newRequestId()}"}`)
        await answer.arrayBuffer()
        if (answer.status === 200) acknowledged.push(answer.headers.get('x-request-id') ?? '')
        else refused.push({ status: answer.status, retryAfter: answer.headers.get('retry-after') })
      }
    }),
  )
  return {
    acknowledged,
    refused,
    async stop() {
      stopped = true
      await done
    },
  }
}

describe.skipIf(postgresqlMissing !== null)('intake while its connection is killed', () => {
  test('every acknowledged event is there, exactly once', async () => {
    const { url, dispose } = await createTestDatabase()
    const receiver = await startReceiver(postgresqlEngine(url))
    try {
      const trigger = await receiver.trigger()
      const running = load(receiver, trigger.path)
      for (let killed = 0, before = 0; killed < 6; ) {
        await eventually(() => running.acknowledged.length > before + 100)
        const [row] = await receiver.sql<{ n: number }[]>`
          select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
          where datname = current_database() and application_name = 'attune-webhooks intake' and state = 'active'`
        killed += row?.n ?? 0
        if (row?.n === 1) before = running.acknowledged.length
      }
      await running.stop()
      expect(running.refused).toEqual([])
      const rows = await receiver.sql<
        { id: string }[]
      >`select id from attune.event where trigger_ref = ${trigger.ref}`
      const stored = rows.map(({ id }) => id)
      expect(new Set(stored).size).toBe(stored.length)
      expect(new Set(stored)).toEqual(new Set(running.acknowledged))
      const [audit] = await receiver.sql<{ rows: number; ids: number; events: number }[]>`
        select count(*)::int as rows, count(distinct id)::int as ids, count(event_id)::int as events
        from attune.webhook_event_log where trigger_ref = ${trigger.ref}`
      expect(audit).toEqual({ rows: stored.length, ids: stored.length, events: stored.length })
      expect((await receiver.store.stats.ofTrigger(trigger.ref)).eventsCreated).toBe(stored.length)
    } finally {
      await receiver.close()
      await dispose()
    }
  }, 30_000)
})

describe.skipIf(clusterMissing !== null)('while the database is stopped', () => {
  let cluster: Cluster
  let receiver: TestReceiver
  beforeAll(async () => {
    cluster = await createCluster()
    receiver = await startReceiver(postgresqlEngine(cluster.url('postgres')))
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await cluster.dispose()
  }, 30_000)

  test('webhooks get 503 with Retry-After and never 4xx, and service resumes by itself', async () => {
    const limited = await receiver.trigger({
      rateLimit: { requests: 10_000, window_seconds: 3600 },
      ipWhitelist: ['127.0.0.1'],
    })
    const plain = await receiver.trigger()
    const running = [load(receiver, plain.path), load(receiver, limited.path)]
    await eventually(() => running.every(({ acknowledged }) => acknowledged.length > 50))
    for (let round = 0; round < 2; round++) {
      await cluster.stop()
      await eventually(() => !receiver.store.triggerCache.available, 10_000)
      for (const path of [plain.path, limited.path]) {
        const answer = await receiver.post(path, '{}')
        expect([answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([503, true])
      }
      // A key that nobody knows cannot be told from one that somebody has.
      const unknown = await receiver.post(`/api/v1/webhooks/wh_${'u'.repeat(32)}`, '{}')
      expect([unknown.status, Number(unknown.headers.get('retry-after')) > 0]).toEqual([503, true])
      await cluster.start()
      await eventually(() => receiver.store.triggerCache.available, 10_000)
      const acceptedBefore = running.map(({ acknowledged }) => acknowledged.length)
      await eventually(
        () =>
          running.every(({ acknowledged }, index) => acknowledged.length > (acceptedBefore[index] ?? 0) + 20),
        10_000,
      )
    }
    await Promise.all(running.map(({ stop }) => stop()))
    for (const { refused } of running) {
      expect(refused.filter(({ status }) => status !== 503)).toEqual([])
      for (const { retryAfter } of refused) expect(Number(retryAfter)).toBeGreaterThan(0)
    }
    for (const [index, { ref }] of [plain, limited].entries()) {
      const rows = await receiver.sql<
        { id: string }[]
      >`select id from attune.event where trigger_ref = ${ref}`
      const stored = new Set(rows.map(({ id }) => id))
      expect(stored.size).toBe(rows.length)
      expect(running[index]?.acknowledged.filter((id) => !stored.has(id))).toEqual([])
    }
    const levels = receiver.log.entries.filter(({ message }) => message === 'the database is away')
    expect(levels.length).toBe(2)
  }, 60_000)
})

describe.skipIf(postgresqlMissing !== null)('the end of the process', () => {
  test('writes the rejections that wait, merged ones too', async () => {
    const { url, dispose } = await createTestDatabase()
    const sql = postgresqlEngine(url).createPool({ name: 'test', connectionsMax: 1, statementMsMax: 10_000 })
    try {
      const store = await openStore({
        engine: postgresqlEngine(url),
        log: silentLog,
        retentionDays: RETENTION_DAYS,
        onBatch,
      })
      for (let index = 0; index < 1_000; index++) store.intakeWriter.record(rejectedAttempt())
      await store.close(5_000)
      const [row] = await sql<{ n: number }[]>`select sum(attempts)::int as n from attune.webhook_event_log`
      expect(row?.n).toBe(1_000)
    } finally {
      await sql.end({ timeout: 1 })
      await dispose()
    }
  }, 20_000)
})
