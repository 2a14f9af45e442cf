/** `serve --processes N`: several processes of one host that receive as one. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import { PROCESS_RESTART_MS_MAX } from '../../src/core/limits.ts'
import {
  ask,
  engineName,
  type Installation,
  install,
  longWindowSeconds,
  readAll,
  type Server,
} from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'
import { expectOnlySuccessOr5xx, expectStoredOnce, startLoad, storedBySql } from '../support/load.ts'
import { head, openConnection } from '../support/raw-http.ts'
import { type ShortConnections, sendAlone, startShortConnections } from '../support/short-connections.ts'

/** A change in the admin API is in force everywhere within this; an answer under load is given some time more. */
const CHANGE_MS_MAX = 1_000 + 500

const TOKEN = 'canary-token-of-administrators-0123456789'

let installation: Installation
beforeEach(async () => {
  installation = await install()
})
afterEach(() => installation.dispose())

const serve = (processes: number): Promise<Server> =>
  installation.serve({ ATTUNE_PROCESSES: String(processes), ATTUNE_ADMIN_TOKEN: TOKEN })

/** The process that has each number now. */
function receiversOf(server: Server): Map<number, number> {
  const lines = server.logLines().filter(({ message }) => message === 'a receiver process listens')
  return new Map(lines.map(({ process: number, pid }) => [Number(number), Number(pid)]))
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The sum over the series of a metric. */
async function metric(server: Server, name: string): Promise<number> {
  const { text } = await server.api('GET', '/metrics')
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

const readyStatus = async ({ adminUrl }: Server) => (await ask(`${adminUrl}/readyz`)).status

async function eventIds(databaseUrl: string | null): Promise<string[]> {
  const sql = postgres(databaseUrl ?? '', { max: 1, onnotice: () => {} })
  try {
    const rows = await sql<{ id: string }[]>`select id::text from attune.event`
    return rows.map(({ id }) => id)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Nobody was cut off, whoever was answered was accepted, and what was acknowledged is stored, once. */
function expectUnharmed(load: ShortConnections, stored: readonly string[]): void {
  expect({ cutOff: load.cutOff, statuses: [...load.statuses.keys()] }).toEqual({ cutOff: 0, statuses: [200] })
  expect([...stored].sort()).toEqual([...load.acknowledged].sort())
}

describe('one process is what it was', () => {
  test(`SIGTERM under a load of short connections resets none of them, ${engineName}`, async () => {
    const server = await installation.serve()
    const { path, ref } = await server.createTrigger('short.push')
    const load = startShortConnections(server.receiverPort, path, { senders: 32, endsWhenRefused: true })
    await eventually(() => load.acknowledged.length > 500, 20_000)
    expect(await server.stop()).toBe(0)
    await load.stop()
    const next = await installation.serve()
    const events = await readAll(next, `/api/v1/events?trigger=${ref}`)
    expectUnharmed(
      load,
      events.map(({ id }) => id),
    )
    expect(await next.stop()).toBe(0)
  })

  test('while it stops, an answer is the last of its connection, and says so', async () => {
    const server = await installation.serve()
    const { path } = await server.createTrigger('short.push')
    const connection = await openConnection(server.receiverPort)
    connection.write(`${head(path, [['Content-Length', '2']])}{}`)
    expect((await connection.response()).headers.get('connection')).not.toBe('close')
    server.signal('SIGTERM')
    await server.logged('stopping')
    connection.write(`${head(path, [['Content-Length', '2']])}{}`)
    const last = await connection.response()
    expect([last.status, last.headers.get('connection')]).toEqual([200, 'close'])
    await connection.closed
    expect(await server.exited).toBe(0)
  })
})

describe('what is refused', () => {
  test('more than one process on the embedded database is a problem of the configuration', async () => {
    const { code, stderr, stdout } = await installation.run(['serve', '--processes', '2'], {
      settings: { DATABASE_URL: undefined },
    })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('ATTUNE_PROCESSES: must be 1 with the embedded database')
  })

  test('nobody starts a receiver process by hand, and no help speaks of it', async () => {
    const { code, stderr } = await installation.run(['receiver-process'])
    expect(code).toBe(2)
    expect(stderr).toContain('only `serve --processes N` starts a receiver process')
    expect((await installation.run(['help'])).stdout).not.toContain('receiver-process')
  })
})

const skipped = engineName === 'embedded' ? ' (skipped: the embedded database has one process)' : ''

describe.skipIf(skipped !== '')(`several processes of one host${skipped}`, () => {
  test('receive as one, know no more than they need, and end together', async () => {
    const server = await serve(3)
    const receivers = receiversOf(server)
    expect([...receivers.keys()].sort()).toEqual([1, 2, 3])
    expect(await readyStatus(server)).toBe(200)
    expect(await metric(server, 'attune_processes')).toBe(3)
    for (const pid of receivers.values()) {
      const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8')
      expect(read('cmdline').split('\0').at(-2)).toBe('receiver-process')
      expect(read('cmdline') + read('environ')).not.toMatch(/postgres:|canary|ATTUNE_/)
    }
    const { path, ref } = await server.createTrigger('all.push')
    const statuses = await Promise.all(
      Array.from({ length: 200 }, () => sendAlone(server.receiverPort, path, '{}')),
    )
    expect(statuses.every((outcome) => typeof outcome === 'object' && outcome.status === 200)).toBe(true)
    expect(await metric(server, `attune_attempts_total{trigger="${ref}",code="accepted"}`)).toBe(200)
    expect(await metric(server, 'attune_attempts_total')).toBe(200)
    expect((await server.api('GET', `/api/v1/triggers/${ref}/stats`)).json.data.total_requests).toBe(200)
    expect(await server.stop()).toBe(0)
    expect([...receivers.values()].filter(isRunning)).toEqual([])
    const numbers = new Set(server.logLines().map(({ process: number }) => number ?? null))
    expect(numbers).toEqual(new Set([null, 1, 2, 3]))
    expect(server.stderr()).not.toContain(TOKEN)
  })

  test('of 10,000 simultaneous requests exactly 5,000 pass a limit of 5,000', async () => {
    const server = await serve(4)
    const { path, ref } = await server.createTrigger('limited.push', {
      rateLimit: { requests: 5_000, windowSeconds: longWindowSeconds() },
    })
    let left = 10_000
    const counts = new Map<unknown, number>()
    const sender = async () => {
      while (left > 0) {
        left -= 1
        const outcome = await sendAlone(server.receiverPort, path, '{}')
        const key = typeof outcome === 'object' ? outcome.status : outcome
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: 500 }, sender))
    expect(Object.fromEntries(counts)).toEqual({ 200: 5_000, 429: 5_000 })
    expect(await eventIds(installation.databaseUrl)).toHaveLength(5_000)
    await eventually(async () => {
      const { json } = await server.api('GET', `/api/v1/triggers/${ref}/stats`)
      return json.data.total_requests === 10_000 && json.data.rate_limited_requests === 5_000
    }, 15_000)
    expect(await server.stop()).toBe(0)
  })

  test('a change through the admin API is in force in all of them within a second', async () => {
    const server = await serve(3)
    const { path, ref } = await server.createTrigger('changing.push')
    const everyStatusIs = (status: number) => async () => {
      // Each connection meets one of the three by chance: 40 of them miss none.
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, () => sendAlone(server.receiverPort, path, '{}')),
      )
      return outcomes.every((outcome) => typeof outcome === 'object' && outcome.status === status)
    }
    expect(await everyStatusIs(200)()).toBe(true)
    for (const [verb, status] of [
      ['disable', 403],
      ['enable', 200],
      ['regenerate', 404],
    ] as const) {
      expect((await server.api('POST', `/api/v1/triggers/${ref}/webhooks/${verb}`)).status).toBe(200)
      await eventually(everyStatusIs(status), CHANGE_MS_MAX)
    }
    expect(await server.stop()).toBe(0)
  })

  test('one that is killed under load is started anew, and what was acknowledged is stored once', async () => {
    const server = await serve(3)
    const { url, ref } = await server.createTrigger('killed.push')
    const load = startLoad(url, ref, { senders: 12 })
    await eventually(() => load.acknowledged.size > 300, 20_000)
    const counted = await metric(server, 'attune_attempts_total')
    expect(counted).toBeGreaterThanOrEqual(300)
    const victim = receiversOf(server).get(2) ?? 0
    process.kill(victim, 'SIGKILL')
    await eventually(() => receiversOf(server).get(2) !== victim, 10_000)
    expect(await metric(server, 'attune_attempts_total')).toBeGreaterThanOrEqual(counted)
    const before = load.acknowledged.size
    await eventually(() => load.acknowledged.size > before + 300, 20_000)
    await load.stop()
    expectOnlySuccessOr5xx(load)
    expect(await metric(server, 'attune_processes')).toBe(3)
    expect(await metric(server, 'attune_process_restarts_total')).toBe(1)
    const entry = await server.logged('a receiver process has ended and is started anew')
    expect(entry).toMatchObject({ level: 'error', process: 2, signal: 'SIGKILL', delay_ms: 100 })
    const sql = postgres(installation.databaseUrl ?? '', { max: 1, onnotice: () => {} })
    expectStoredOnce(load, await storedBySql(sql, ref))
    await sql.end({ timeout: 1 })
    expect(await server.stop()).toBe(0)
  })

  test('one that is told to end under load is replaced, and no connection is reset or refused', async () => {
    const server = await serve(3)
    const { path } = await server.createTrigger('rolling.push')
    const load = startShortConnections(server.receiverPort, path, { senders: 32 })
    await eventually(() => load.acknowledged.length > 300, 20_000)
    for (const [number, pid] of receiversOf(server)) {
      process.kill(pid, 'SIGTERM')
      await eventually(() => receiversOf(server).get(number) !== pid, 10_000)
    }
    const before = load.acknowledged.length
    await eventually(() => load.acknowledged.length > before + 300, 20_000)
    await load.stop()
    expect(load.refused).toBe(0)
    expectUnharmed(load, await eventIds(installation.databaseUrl))
    // Nothing of what the three had counted is lost: they said so before they ended.
    expect(await metric(server, 'attune_attempts_total')).toBe(load.acknowledged.length)
    expect(await server.stop()).toBe(0)
  })

  test('SIGTERM under load: what was accepted is answered, none is reset, exit 0', async () => {
    const server = await serve(3)
    const { path } = await server.createTrigger('ending.push')
    const load = startShortConnections(server.receiverPort, path, { senders: 32, endsWhenRefused: true })
    await eventually(() => load.acknowledged.length > 500, 20_000)
    const pids = [...receiversOf(server).values()]
    expect(await server.stop()).toBe(0)
    await load.stop()
    expectUnharmed(load, await eventIds(installation.databaseUrl))
    expect(pids.filter(isRunning)).toEqual([])
  })

  test('a second signal ends all of them at once, whatever is in flight', async () => {
    const server = await serve(2)
    const { path } = await server.createTrigger('slow.push')
    const pids = [...receiversOf(server).values()]
    const slow = await openConnection(server.receiverPort)
    slow.write(`${head(path, [['Content-Length', '2']])}{`)
    server.signal('SIGTERM')
    await server.logged('stopping')
    // Those without a request end by themselves; the one that has it waits for ten seconds.
    await eventually(() => pids.filter(isRunning).length === 1)
    server.signal('SIGTERM')
    expect(await server.exited).toBe(143)
    await eventually(() => !pids.some(isRunning), 2_000)
    await slow.closed
  })

  test('when the one that started them is killed they end by themselves, and the port is free', async () => {
    const server = await serve(3)
    const { path } = await server.createTrigger('orphaned.push')
    const pids = [...receiversOf(server).values()]
    const load = startShortConnections(server.receiverPort, path, { senders: 8, endsWhenRefused: true })
    await eventually(() => load.acknowledged.length > 100, 20_000)
    await server.kill()
    await eventually(() => !pids.some(isRunning), 15_000)
    await load.stop()
    expectUnharmed(load, await eventIds(installation.databaseUrl))
    const next = await installation.serve({ ATTUNE_PORT: String(server.receiverPort) })
    expect(await next.stop()).toBe(0)
  })

  test('while they die all the time it is not ready and stays up, and is ready again when they stay', async () => {
    const server = await serve(2)
    let killing = true
    const killer = (async () => {
      while (killing) {
        for (const pid of receiversOf(server).values()) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
        await Bun.sleep(20)
      }
    })()
    await eventually(async () => {
      const delays = server.logLines().map(({ delay_ms: ms }) => Number(ms ?? 0))
      // One that has just come up may live for a moment between the two questions.
      return (
        Math.max(...delays) >= 800 &&
        (await readyStatus(server)) === 503 &&
        (await metric(server, 'attune_ready')) === 0
      )
    }, 30_000)
    expect((await server.api('GET', '/api/v1/triggers')).status).toBe(200)
    killing = false
    await killer
    await eventually(async () => (await readyStatus(server)) === 200, 3 * PROCESS_RESTART_MS_MAX)
    expect(await server.stop()).toBe(0)
  })

  test('a port that another process has is exit 1, whoever has it', async () => {
    const server = await serve(2)
    for (const processes of ['1', '2']) {
      const second = installation.launch(['serve', '--processes', processes, '--admin-port', '0'], {
        ATTUNE_PORT: String(server.receiverPort),
      })
      expect(await second.exited).toBe(1)
      const { reason } = await second.logged('cannot start')
      expect(String(reason)).toContain(`Another process listens on 127.0.0.1:${server.receiverPort}`)
    }
    expect(await server.stop()).toBe(0)
  })
})
