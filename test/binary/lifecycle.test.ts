/** How the process begins and ends, and what it does while its database is away. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DRAIN_MS_MAX, SHUTDOWN_MS_MAX } from '../../src/core/limits.ts'
import {
  ask,
  engineName,
  type Installation,
  install,
  type Program,
  readAll,
  type Server,
} from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'
import { type Cluster, clusterMissing, createCluster } from '../support/postgresql-cluster.ts'
import { head, openConnection, type RawConnection } from '../support/raw-http.ts'

/** A process that has nothing to wait for ends within this, on a slow machine too. */
const PROMPT_MS_MAX = 8_000

const BODY = '{"half":"and half"}'
const [FIRST_HALF, SECOND_HALF] = [BODY.slice(0, 9), BODY.slice(9)]

let installation: Installation
beforeEach(async () => {
  installation = await install()
})
afterEach(() => installation.dispose())

describe(`the start, ${engineName}`, () => {
  test('the data directory is 0700, the token in it 0600, whatever the umask', async () => {
    const before = process.umask(0)
    const server = await installation.serve().finally(() => process.umask(before))
    const { dataDirectory } = installation
    expect((statSync(dataDirectory).mode & 0o777).toString(8)).toBe('700')
    expect((statSync(join(dataDirectory, 'admin-token')).mode & 0o777).toString(8)).toBe('600')
    expect(readdirSync(installation.folder)).toEqual(['attune-data'])
    expect(await server.stop()).toBe(0)
  })

  test('the log says where the token is, and never what it is', async () => {
    const server = await installation.serve({ ATTUNE_LOG_LEVEL: 'debug' })
    const token = readFileSync(join(installation.dataDirectory, 'admin-token'), 'utf8').trim()
    expect(token).toMatch(/^[0-9a-f]{64}$/)
    const { admin_token_path: path, admin_url: url, console } = await server.logged('listening')
    expect(String(path)).toEndWith('admin-token')
    expect(console).toBe(`open ${url} and sign in with the token in ${path}`)
    expect(await server.stop()).toBe(0)
    expect(server.stderr()).not.toContain(token)
    expect(server.stdout()).toBe('')
  })

  test('a token that is given is not written down', async () => {
    const token = 'a-token-of-the-operator-0123456789'
    const server = await installation.serve({ ATTUNE_ADMIN_TOKEN: token })
    expect((await server.api('GET', '/api/v1/triggers')).status).toBe(200)
    expect(await server.logged('listening')).toMatchObject({
      admin_token_path: null,
      console: `open ${server.adminUrl} and sign in with ATTUNE_ADMIN_TOKEN`,
    })
    expect(await server.stop()).toBe(0)
    expect(server.stderr()).not.toContain(token)
    expect(() => statSync(join(installation.dataDirectory, 'admin-token'))).toThrow()
  })

  test('the token outlives a restart', async () => {
    const read = () => readFileSync(join(installation.dataDirectory, 'admin-token'), 'utf8')
    await (await installation.serve()).kill()
    const first = read()
    await (await installation.serve()).stop()
    expect(read()).toBe(first)
  })

  test('every line of stderr is one JSON object with time, level and message', async () => {
    const server = await installation.serve({ ATTUNE_LOG_LEVEL: 'debug' })
    await ask(`${server.receiverUrl}/api/v1/webhooks/wh_${'b'.repeat(32)}`, { method: 'POST' })
    expect(await server.stop()).toBe(0)
    expect(server.stderr()).toEndWith('\n')
    const lines = server.logLines()
    expect(lines.length).toBeGreaterThanOrEqual(3)
    for (const line of lines) {
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      expect(['debug', 'info', 'warn', 'error']).toContain(line.level)
      expect(line.message).toBeString()
    }
  })

  test.each(['receiver', 'admin'] as const)(
    'a port of the %s that is taken is exit 1, and the message names it',
    async (plane) => {
      const server = await installation.serve()
      const other = await install()
      try {
        const port = plane === 'receiver' ? server.receiverPort : server.adminPort
        const variable = plane === 'receiver' ? 'ATTUNE_PORT' : 'ATTUNE_ADMIN_PORT'
        const second = other.launch(['serve'], { [variable]: String(port) })
        expect(await endOf(second)).toBe(1)
        const { reason } = await second.logged('cannot start')
        expect(String(reason)).toContain(`Another process listens on 127.0.0.1:${port}`)
        expect((await ask(`${server.receiverUrl}/healthz`)).status).toBe(200)
      } finally {
        await other.dispose()
      }
    },
  )

  test.skipIf(engineName !== 'embedded')(
    `a second process on a data directory is refused and told why, and the first goes on${
      engineName === 'embedded' ? '' : ' (skipped: processes may share a PostgreSQL server)'
    }`,
    async () => {
      const server = await installation.serve()
      const { url } = await server.createTrigger('github.push')
      const second = installation.launch(['serve'])
      expect(await endOf(second)).toBe(1)
      const { reason } = await second.logged('cannot start')
      expect(String(reason)).toContain(`is in use by another process (pid ${server.pid})`)
      const migration = await installation.run(['migrate'])
      expect(migration.code).toBe(1)
      expect(migration.stderr).toContain('is in use by another process')
      expect((await ask(url, { method: 'POST', body: BODY })).status).toBe(200)
    },
  )
})

describe(`the end, ${engineName}`, () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: what is in flight is answered and stored, what comes later is refused, exit 0',
    async (signal) => {
      const server = await installation.serve()
      const { path, ref } = await server.createTrigger('github.push')
      const inFlight = await sendHalf(server, path)
      const idle = await openConnection(server.receiverPort)
      idle.write(head('/healthz', [], 'GET'))
      expect((await idle.response()).status).toBe(200)

      server.signal(signal)
      await server.logged('stopping')
      await eventually(async () => !(await isListening(server.receiverPort)))
      await eventually(async () => !(await isListening(server.adminPort)))
      idle.write(head(path, [['Content-Length', '2']]))
      idle.write('{}')
      inFlight.write(SECOND_HALF)
      const answer = await inFlight.response()
      expect(answer.status).toBe(200)
      const late = await idle.response().then(
        ({ status }) => status,
        () => 'closed',
      )
      expect(['closed', 503]).toContain(late)
      expect(await endOf(server)).toBe(0)

      const next = await installation.serve()
      const events = await readAll(next, `/api/v1/events?trigger=${ref}`)
      expect(events.map(({ id }) => id)).toEqual([JSON.parse(answer.body).data.event_id])
      expect((await next.body(events[0].id)).toString()).toBe(BODY)
    },
  )

  test('rejections that wait to be written are written first, merged ones too', async () => {
    const server = await installation.serve()
    const { url, ref } = await server.createTrigger('github.push', { secret: 'a secret of ours' })
    const attempts = 400
    await Promise.all(
      Array.from({ length: attempts }, async () => {
        expect((await ask(url, { method: 'POST', body: BODY })).status).toBe(401)
      }),
    )
    expect(await server.stop()).toBe(0)
    const next = await installation.serve()
    const rows = await readAll(next, `/api/v1/webhook-event-log?trigger=${ref}`)
    expect(rows.reduce((sum, row) => sum + row.attempts, 0)).toBe(attempts)
    const { json } = await next.api('GET', `/api/v1/triggers/${ref}/stats`)
    expect(json.data).toMatchObject({ total_requests: attempts, hmac_failures: attempts })
  })

  test('connections that ask nothing do not hold it up', async () => {
    const server = await installation.serve()
    const connections = await Promise.all(
      Array.from({ length: 50 }, () => openConnection(server.receiverPort)),
    )
    const startedAtMs = performance.now()
    expect(await server.stop()).toBe(0)
    expect(performance.now() - startedAtMs).toBeLessThan(PROMPT_MS_MAX)
    for (const connection of connections) connection.destroy()
  })

  test('a sender that does not come to an end is cut off within the deadline, with a 503 that is recorded', async () => {
    const server = await installation.serve()
    const { path, ref } = await server.createTrigger('github.push')
    const slow = await sendHalf(server, path)
    const startedAtMs = performance.now()
    expect(await server.stop()).toBe(0)
    const elapsedMs = performance.now() - startedAtMs
    expect(elapsedMs).toBeGreaterThan(DRAIN_MS_MAX - 1_000)
    expect(elapsedMs).toBeLessThan(SHUTDOWN_MS_MAX)
    // It did nothing wrong: it is asked to send again.
    expect((await slow.response()).status).toBe(503)
    await slow.closed
    const next = await installation.serve()
    const rows = await readAll(next, `/api/v1/webhook-event-log?trigger=${ref}`)
    expect(rows.map(({ status_code, error_code }) => [status_code, error_code])).toEqual([
      [503, 'store_unavailable'],
    ])
  })

  test('a second signal ends it at once', async () => {
    const server = await installation.serve()
    const { path } = await server.createTrigger('github.push')
    const slow = await sendHalf(server, path)
    server.signal('SIGTERM')
    await server.logged('stopping')
    const startedAtMs = performance.now()
    server.signal('SIGTERM')
    expect(await endOf(server)).toBe(143)
    expect(performance.now() - startedAtMs).toBeLessThan(2_000)
    slow.destroy()
  })
})

const awayMissing = engineName === 'embedded' ? 'the database is inside the process' : clusterMissing
const whyAway = awayMissing === null ? '' : ` (skipped: ${awayMissing})`

describe.skipIf(awayMissing !== null)(`while the database is away${whyAway}`, () => {
  let cluster: Cluster
  let settings: { readonly DATABASE_URL: string }
  beforeEach(async () => {
    cluster = await createCluster()
    settings = { DATABASE_URL: cluster.url('postgres') }
  })
  afterEach(() => cluster.dispose())

  test('a start waits for it', async () => {
    await cluster.stop()
    const program = installation.launch(['serve'], settings)
    await program.logged('waiting for the database')
    await cluster.start()
    const server = await installation.listening(program, settings)
    expect((await ask(`${server.adminUrl}/readyz`)).status).toBe(200)
    expect(await server.stop()).toBe(0)
  })

  test('a start that waits ends at a signal', async () => {
    await cluster.stop()
    const program = installation.launch(['serve'], settings)
    await program.logged('waiting for the database')
    const startedAtMs = performance.now()
    program.signal('SIGTERM')
    expect(await endOf(program)).toBe(0)
    expect(performance.now() - startedAtMs).toBeLessThan(PROMPT_MS_MAX)
  })

  test('webhooks get 503 with Retry-After and never 4xx, and service resumes by itself', async () => {
    const server = await installation.serve(settings)
    const open = await server.createTrigger('open.push')
    const guarded = await server.createTrigger('guarded.push', {
      secret: 'a secret of ours',
      cidrs: ['192.0.2.1'],
      rateLimit: { requests: 1, windowSeconds: 3600 },
      payloadKb: 1,
    })
    const seldom = await server.createTrigger('seldom.push')
    const ready = async () => (await ask(`${server.adminUrl}/readyz`)).status
    const send = (url: string) => ask(url, { method: 'POST', body: BODY })
    expect([await ready(), (await send(open.url)).status]).toEqual([200, 200])
    const traffic = startTraffic(open.url)

    await cluster.stop()
    await eventually(async () => (await ready()) === 503, 15_000)
    const urls = [
      open.url,
      guarded.url,
      seldom.url,
      `${server.receiverUrl}/api/v1/webhooks/wh_${'c'.repeat(32)}`,
    ]
    for (const answer of await Promise.all(urls.map(send))) {
      expect([answer.status, answer.json.code]).toEqual([503, 'store_unavailable'])
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect((await installation.run(['healthcheck'])).code).toBe(1)
    expect((await ask(`${server.receiverUrl}/healthz`)).status).toBe(200)
    const admin = await server.api('GET', '/api/v1/triggers')
    expect([admin.status, admin.json.code]).toEqual([503, 'store_unavailable'])

    await cluster.start()
    await eventually(async () => (await ready()) === 200, 15_000)
    await eventually(async () => (await send(seldom.url)).status === 200, 15_000)
    expect((await installation.run(['healthcheck'])).code).toBe(0)
    const { acknowledged, statuses } = await traffic.stop()
    expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([])
    const ids = (await readAll(server, '/api/v1/events?trigger=open.push')).map(({ id }) => id)
    expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
    expect(await server.stop()).toBe(0)
    server.logLines()
  })

  test('SIGTERM ends it within the deadline, and what is in flight gets its 503', async () => {
    const server = await installation.serve(settings)
    const { url } = await server.createTrigger('github.push')
    await cluster.stop()
    const inFlight = Promise.all(
      Array.from({ length: 5 }, () =>
        ask(url, { method: 'POST', body: BODY }).then(
          ({ status }) => status,
          () => 'cut off',
        ),
      ),
    )
    const startedAtMs = performance.now()
    await server.stop()
    expect(performance.now() - startedAtMs).toBeLessThan(SHUTDOWN_MS_MAX + 1_000)
    for (const status of await inFlight) expect([503, 'cut off']).toContain(status)
  })
})

/** Waits for the end of a program. */
async function endOf(program: Program): Promise<number> {
  const code = await Promise.race([program.exited, Bun.sleep(SHUTDOWN_MS_MAX + 10_000)])
  if (code === undefined) throw new Error(`it goes on\n${program.stderr()}`)
  return code
}

/** Sends the first half of a webhook and waits until the server has seen it: what comes behind it has been answered. */
async function sendHalf({ receiverPort, receiverUrl }: Server, path: string): Promise<RawConnection> {
  const connection = await openConnection(receiverPort)
  connection.write(head(path, [['Content-Length', String(BODY.length)]]) + FIRST_HALF)
  for (let request = 0; request < 3; request += 1) await ask(`${receiverUrl}/healthz`)
  return connection
}

async function isListening(port: number): Promise<boolean> {
  try {
    const connection = await openConnection(port)
    connection.destroy()
    return true
  } catch {
    return false
  }
}

/** A few senders that never rest. */
function startTraffic(url: string) {
  const acknowledged: string[] = []
  const statuses = new Set<number>()
  let stopped = false
  const senders = Array.from({ length: 3 }, async () => {
    while (!stopped) {
      const answer = await ask(url, { method: 'POST', body: BODY })
      statuses.add(answer.status)
      if (answer.status === 200) acknowledged.push(answer.json.data.event_id)
    }
  })
  return {
    async stop() {
      stopped = true
      await Promise.all(senders)
      return { acknowledged, statuses }
    },
  }
}
