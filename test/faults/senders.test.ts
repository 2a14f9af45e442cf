/** Senders that are slow, hang up, guess keys or forge signatures, beside others that behave. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import {
  AUDIT_MERGE_INTERVAL_MS,
  AUDIT_MERGED_ROWS_MAX,
  AUDIT_ROWS_BURST_PER_TRIGGER,
  AUDIT_ROWS_PER_SECOND_PER_TRIGGER,
  BODY_BYTES_IN_FLIGHT_MAX,
  BODY_READ_MS_MAX,
  UNKNOWN_KEY_LOG_LINES_PER_MINUTE,
} from '../../src/core/limits.ts'
import { webhookPath } from '../../src/core/webhook-key.ts'
import {
  engineName,
  type Installation,
  install,
  readAll,
  type Server,
  type Webhook,
} from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'
import { acknowledgedMore, metric, residentMib, shortOrLong } from '../support/faults.ts'
import {
  expectOnlySuccessOr5xx,
  expectStoredOnce,
  type Load,
  startLoad,
  storedByApi,
} from '../support/load.ts'
import { head, openConnection, type RawConnection } from '../support/raw-http.ts'

const SECRET = 'a secret of ours'

/** What strangers may make the process grow by: caches that fill, and what the runtime keeps for later. */
const GROWTH_MIB_MAX = 120

let installation: Installation
let server: Server
let webhook: Webhook
let load: Load
beforeEach(async () => {
  installation = await install()
  server = await installation.serve()
  webhook = await server.createTrigger('faults.push')
  load = startLoad(webhook.url, webhook.ref, { senders: 8, pauseMs: 50 })
  await acknowledgedMore(load, 100)
})
afterEach(async () => {
  await load?.stop()
  await installation?.dispose()
})

/** Those who behaved have seen nothing but success, and what they sent is stored. */
async function expectUnharmed(): Promise<void> {
  await load.stop()
  expectOnlySuccessOr5xx(load)
  expect([[...load.statuses.keys()], load.cutOff]).toEqual([[200], 0])
  expectStoredOnce(load, await storedByApi(server, load.ref))
}

/** All rows of a trigger, once they stand for so many attempts. */
async function rowsOf(ref: string, attempts: number) {
  const path = `/api/v1/webhook-event-log?trigger=${ref}`
  const total = async () =>
    (await server.api('GET', `/api/v1/triggers/${ref}/stats`)).json.data.total_requests
  await eventually(async () => (await total()) === attempts, 3 * AUDIT_MERGE_INTERVAL_MS).catch(async () => {
    throw new Error(`the trail has ${await total()} of ${attempts} attempts`)
  })
  const rows = await readAll(server, path)
  expect(rows.reduce((sum, row) => sum + row.attempts, 0)).toBe(attempts)
  return rows
}

describe(`strangers and careless senders, ${engineName}`, () => {
  test('one byte a second, from many at once: 408 in the end, and the fast ones do not notice', async () => {
    const senders = shortOrLong(200, 500)
    const slow = await server.createTrigger('slow.push')
    const connections = await Promise.all(
      Array.from({ length: senders }, () => openConnection(server.receiverPort)),
    )
    for (const [place, connection] of connections.entries()) {
      const framing = place % 2 === 0 ? ['Content-Length', '1000'] : ['Transfer-Encoding', 'chunked']
      connection.write(head(slow.path, [framing as [string, string]]))
    }
    const byte = (place: number) => (place % 2 === 0 ? 'x' : '1\r\nx\r\n')
    const dripping = setInterval(() => {
      for (const [place, connection] of connections.entries()) connection.write(byte(place))
    }, 1_000)
    try {
      const ends = await Promise.all(
        connections.map((connection) =>
          connection.response(BODY_READ_MS_MAX + 15_000).then(({ status }) => status),
        ),
      )
      expect(new Set(ends)).toEqual(new Set([408]))
      await Promise.all(connections.map(({ closed }) => closed))
    } finally {
      clearInterval(dripping)
      for (const connection of connections) connection.destroy()
    }
    const rows = await rowsOf(slow.ref, senders)
    expect(new Set(rows.map(({ error_code }) => error_code))).toEqual(new Set(['body_timeout']))
    await expectUnharmed()
  })

  test('hung up half-way, declared and chunked: each has its row, and the memory for bodies comes back', async () => {
    const rounds = shortOrLong(20, 200)
    const perRound = 50
    // Large enough that shares which do not come back would soon use up the whole budget.
    const half = randomBytes(Math.ceil((2 * BODY_BYTES_IN_FLIGHT_MAX) / (rounds * perRound)))
    const careless = await server.createTrigger('careless.push', { payloadKb: 8 * 1024 })
    const before = residentMib(server.pid)
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(
        Array.from({ length: perRound }, async (_, place) => {
          const connection = await openConnection(server.receiverPort)
          await sendHalf(connection, careless.path, half, place % 2 === 0)
          connection.destroy()
        }),
      )
      // The kernel holds more of what was sent than the budget allows for; the next ones come when these have been read.
      const counted = `attune_attempts_total{trigger="${careless.ref}",code="body_incomplete"}`
      await eventually(async () => (await metric(server, counted)) === (round + 1) * perRound, 15_000)
    }
    const rows = await rowsOf(careless.ref, rounds * perRound)
    expect(new Set(rows.map(({ error_code }) => error_code))).toEqual(new Set(['body_incomplete']))
    const large = randomBytes(8 * 1024 * 1024)
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => fetch(careless.url, { method: 'POST', body: large })),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    await eventually(() => residentMib(server.pid) - before < 2 * GROWTH_MIB_MAX, 10_000)
    await expectUnharmed()
  })

  test('ever new unknown keys: counted, few lines in the log, bounded memory, known keys served', async () => {
    const guesses = shortOrLong(20_000, 100_000)
    const before = residentMib(server.pid)
    const lines = server.logLines().length
    let left = guesses
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (left-- > 0) {
          const key = `wh_${randomBytes(16).toString('hex')}`
          const answer = await fetch(server.receiverUrl + webhookPath(key), { method: 'POST', body: 'x' })
          await answer.arrayBuffer()
          if (answer.status !== 404) throw new Error(`a guess was answered ${answer.status}`)
        }
      }),
    )
    expect(await metric(server, 'attune_unknown_key_attempts_total')).toBe(guesses)
    expect(server.logLines().length - lines).toBeLessThan(3 * UNKNOWN_KEY_LOG_LINES_PER_MINUTE)
    expect(residentMib(server.pid) - before).toBeLessThan(GROWTH_MIB_MAX)
    await expectUnharmed()
  })

  test('a flood of bad signatures: few rows that count every attempt, and other triggers keep theirs', async () => {
    const floodMs = shortOrLong(10_000, 60_000)
    const guarded = await server.createTrigger('guarded.push', { secret: SECRET })
    const other = await server.createTrigger('other.push', { secret: SECRET })
    const startedAtMs = performance.now()
    const flood = startLoad(guarded.url, guarded.ref, {
      senders: 32,
      secret: 'of somebody else',
      refusedPauseMs: 0,
    })
    const singles = 20
    for (let single = 0; single < singles; single += 1) {
      const { status } = await fetch(other.url, { method: 'POST', body: `{"single":${single}}` })
      expect(status).toBe(401)
    }
    await eventually(() => performance.now() - startedAtMs > floodMs, floodMs + 1_000)
    await flood.stop()
    const elapsedMs = performance.now() - startedAtMs + AUDIT_MERGE_INTERVAL_MS
    expect([...flood.statuses.keys()]).toEqual([401])
    const attempts = flood.statuses.get(401) ?? 0
    expect(attempts).toBeGreaterThan(floodMs)

    const rows = await rowsOf(guarded.ref, attempts)
    const singlesMax = AUDIT_ROWS_BURST_PER_TRIGGER + (elapsedMs / 1_000) * AUDIT_ROWS_PER_SECOND_PER_TRIGGER
    const mergedMax = Math.ceil(elapsedMs / AUDIT_MERGE_INTERVAL_MS) + 1
    expect(rows.filter((row) => row.attempts === 1).length).toBeLessThanOrEqual(singlesMax)
    // One address and one code: one merged row in each interval, of however many that are allowed.
    expect(rows.filter((row) => row.attempts > 1).length).toBeLessThanOrEqual(
      Math.min(mergedMax, AUDIT_MERGED_ROWS_MAX),
    )
    expect(JSON.stringify(rows).length / rows.length).toBeLessThan(2_000)
    const ofOther = await rowsOf(other.ref, singles)
    expect(ofOther.map((row) => row.attempts)).toEqual(Array.from({ length: singles }, () => 1))
    await expectUnharmed()
  })
})

/** Half of a body, and as much time as the kernel needs to hand it over. */
async function sendHalf(
  connection: RawConnection,
  path: string,
  half: Uint8Array,
  isDeclared: boolean,
): Promise<void> {
  if (isDeclared) {
    connection.write(head(path, [['Content-Length', String(2 * half.byteLength)]]))
    connection.write(half)
  } else {
    connection.write(head(path, [['Transfer-Encoding', 'chunked']]))
    connection.write(`${(2 * half.byteLength).toString(16)}\r\n`)
    connection.write(half)
  }
  await connection.flushed()
}
