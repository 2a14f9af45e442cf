/** Whoever reads the log may stop to read: the server goes on, and says afterwards what it had no room for. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { BINARY, engineName, type Installation, install, type LogLine } from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'

const { PATH = '/usr/bin:/bin' } = process.env

const TOKEN = 'a-token-of-the-operator-0123456789'

/** A pipe holds 64 KiB, and about two megabytes of lines are more than the server keeps. */
const FLOOD_REQUESTS = 4_000
/** These it does keep. */
const FEW_REQUESTS = 200

const isSkipped = engineName !== 'postgresql'

let installation: Installation
beforeEach(async () => {
  installation = await install()
})
afterEach(() => installation.dispose())

/** A server whose stderr is a named pipe, which is read when the test says so. */
async function serveIntoPipe(processes: number) {
  const pipe = join(installation.folder, 'stderr')
  Bun.spawnSync(['mkfifo', pipe])
  const descriptor = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  const child = Bun.spawn(['sh', '-c', 'exec "$@" 2>"$0"', pipe, BINARY, 'serve'], {
    cwd: installation.folder,
    env: {
      PATH,
      ATTUNE_HOST: '127.0.0.1',
      ATTUNE_PORT: '0',
      ATTUNE_ADMIN_PORT: '0',
      ATTUNE_ADMIN_TOKEN: TOKEN,
      ATTUNE_PROCESSES: String(processes),
      DATABASE_URL: installation.databaseUrl ?? '',
    },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  let text = ''
  const buffer = Buffer.alloc(65_536)
  /** Takes what is there, and returns all lines so far. */
  const read = (): LogLine[] => {
    for (;;) {
      try {
        const bytes = readSync(descriptor, buffer)
        if (bytes === 0) break
        text += buffer.toString('utf8', 0, bytes)
      } catch {
        // It is empty just now.
        break
      }
    }
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine)
  }
  const listening = await eventually(() => read().find(({ message }) => message === 'listening'), 30_000)
  const { admin_url: adminUrl, receiver_url: receiverUrl } = listening
  const call = async (method: string, path: string, json?: object) => {
    const response = await fetch(`${String(adminUrl)}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
    const body = (await response.json()) as { data: { webhook_key: string } }
    return { status: response.status, data: body.data }
  }
  await call('POST', '/api/v1/triggers', { ref: 'github.push' })
  const { data } = await call('POST', '/api/v1/triggers/github.push/webhooks/enable')
  return {
    child,
    read,
    webhookUrl: `${String(receiverUrl)}/api/v1/webhooks/${data.webhook_key}`,
    /** Each makes a line of the log, with a stack. */
    async fail(requests: number) {
      for (let done = 0; done < requests; done += 20) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => call('GET', '/api/v1/triggers/github.push/stats')),
        )
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([500]))
      }
    },
    async dispose() {
      child.kill('SIGKILL')
      await child.exited
      closeSync(descriptor)
    },
  }
}

/** A fault that nobody expects, whenever the statistics of a trigger are asked for. */
async function breakStatistics(): Promise<void> {
  const sql = postgres(installation.databaseUrl ?? '', { max: 1, onnotice: () => {} })
  await sql.unsafe('alter view attune.webhook_stats_detailed rename to unbroken')
  await sql.unsafe(`create view attune.webhook_stats_detailed as
    select * from attune.unbroken where 1 / (trigger_id - trigger_id) > 0`)
  await sql.end()
}

const failuresIn = (lines: readonly LogLine[]): number =>
  lines.filter(({ message }) => message === 'a request failed').length

const droppedIn = (lines: readonly LogLine[]): number =>
  lines
    .filter(({ message }) => message.startsWith('lines of the log were dropped'))
    .reduce((sum, { lines: dropped }) => sum + Number(dropped), 0)

describe.skipIf(isSkipped)(
  `a reader of the log${isSkipped ? ' (skipped: the fault that fills the log is made with SQL)' : ''}`,
  () => {
    test.each([1, 2])('that stops does not stop a server of %d processes', async (processes) => {
      const server = await serveIntoPipe(processes)
      try {
        await breakStatistics()
        await server.fail(FLOOD_REQUESTS)
        for (let sent = 0; sent < 20; sent += 1) {
          const { status } = await fetch(server.webhookUrl, { method: 'POST', body: '{}' })
          expect(status).toBe(200)
        }
        const lines = await eventually(() => {
          const soFar = server.read()
          return failuresIn(soFar) + droppedIn(soFar) >= FLOOD_REQUESTS ? soFar : null
        }, 20_000)
        expect(droppedIn(lines)).toBeGreaterThan(0)
        expect(failuresIn(lines) + droppedIn(lines)).toBe(FLOOD_REQUESTS)
        server.child.kill('SIGTERM')
        await eventually(() => server.read().at(-1)?.message === 'stopped', 20_000)
        expect(await server.child.exited).toBe(0)
      } finally {
        await server.dispose()
      }
    })

    test('that is late for the end gets every line of it', async () => {
      const server = await serveIntoPipe(1)
      try {
        await breakStatistics()
        await server.fail(FEW_REQUESTS)
        server.child.kill('SIGTERM')
        await eventually(() => server.read().at(-1)?.message === 'stopped', 20_000)
        expect(await server.child.exited).toBe(0)
        const lines = server.read()
        expect([failuresIn(lines), droppedIn(lines)]).toEqual([FEW_REQUESTS, 0])
      } finally {
        await server.dispose()
      }
    })

    test('that never comes back does not keep the server from ending', async () => {
      const server = await serveIntoPipe(2)
      try {
        await breakStatistics()
        await server.fail(FLOOD_REQUESTS)
        server.child.kill('SIGTERM')
        expect(await Promise.race([server.child.exited, Bun.sleep(20_000)])).toBe(0)
      } finally {
        await server.dispose()
      }
    })
  },
)
