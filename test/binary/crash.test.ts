/** What has been acknowledged is there after the process is gone, whenever it went. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask, engineName, type Installation, install, readAll, type Server } from '../support/binary.ts'

const CRASHES = 20
const SENDERS = 8
const ACKNOWLEDGED_MAX = 200
const BODY_BYTES_MAX = 6_000

/** Some bodies are large enough for the embedded database to write checkpoints in between. */
const LARGE_BODY_BYTES = 300_000

let installation: Installation
beforeAll(async () => {
  installation = await install()
})
afterAll(() => installation.dispose())

/** What the senders of one round know. */
interface Load {
  /** Every body that was posted, acknowledged or not; its place is in its first four bytes. */
  readonly bodies: Buffer<ArrayBuffer>[]
  /** Places of the bodies by the ids that were acknowledged. */
  readonly acknowledged: Map<string, number>
}

describe(`SIGKILL in mid-load, ${engineName}`, () => {
  test(`${CRASHES} times: every acknowledged event is there exactly once, with its row, byte for byte`, async () => {
    const acknowledged = new Map<string, string[]>()
    let server = await installation.serve()
    for (let crash = 1; crash <= CRASHES; crash += 1) {
      const ref = `crash.c${crash}`
      const load = await loadUntilCrash(server, ref, randomInt(1, ACKNOWLEDGED_MAX))
      if (crash % 6 === 0) await crashWhileStarting()
      server = await installation.serve()
      await checkRound(server, ref, load)
      acknowledged.set(ref, [...load.acknowledged.keys()])
    }
    for (const [ref, ids] of acknowledged) {
      const stored = (await readAll(server, `/api/v1/events?trigger=${ref}`)).map(({ id }) => id)
      expect(ids.filter((id) => !stored.includes(id))).toEqual([])
    }
    const stats = await server.api('GET', '/api/v1/stats')
    expect(stats.json.data.events_created).toBe((await readAll(server, '/api/v1/events')).length)
    expect(await server.stop()).toBe(0)
  }, 240_000)
})

/** Posts from several senders at once and kills the server after so many answers. */
async function loadUntilCrash(server: Server, ref: string, acknowledgedMin: number): Promise<Load> {
  const { url } = await server.createTrigger(ref)
  const load: Load = { bodies: [], acknowledged: new Map() }
  let crashed: Promise<void> | null = null
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      while (crashed === null) {
        const place = load.bodies.length
        const body = newBody(place)
        load.bodies.push(body)
        const id = await post(url, body)
        if (id !== null) load.acknowledged.set(id, place)
        if (load.acknowledged.size >= acknowledgedMin) crashed ??= server.kill()
      }
    }),
  )
  await crashed
  return load
}

function newBody(place: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(randomBytes(place % 40 === 39 ? LARGE_BODY_BYTES : randomInt(4, BODY_BYTES_MAX)))
  bytes.writeUInt32BE(place)
  return bytes
}

/** Returns the id of an acknowledged event, and `null` when the server went away instead. */
async function post(url: string, body: Buffer<ArrayBuffer>): Promise<string | null> {
  try {
    const response = await fetch(url, { method: 'POST', body })
    if (response.status !== 200) throw new Refused(`${response.status} ${await response.text()}`)
    const { data } = (await response.json()) as { data: { event_id: string } }
    return data.event_id
  } catch (error) {
    if (error instanceof Refused) throw error
    return null
  }
}

class Refused extends Error {}

/** The next start recovers what the crash left; this one dies at some moment of it. */
async function crashWhileStarting(): Promise<void> {
  const program = installation.launch(['serve'])
  await Promise.race([program.logged('listening'), Bun.sleep(randomInt(50, 800))])
  program.signal('SIGKILL')
  await program.exited
}

async function checkRound(server: Server, ref: string, { bodies, acknowledged }: Load): Promise<void> {
  const events = await readAll(server, `/api/v1/events?trigger=${ref}`)
  const ids = events.map(({ id }) => id as string)
  expect([ref, new Set(ids).size]).toEqual([ref, ids.length])
  expect([ref, [...acknowledged.keys()].filter((id) => !ids.includes(id))]).toEqual([ref, []])

  const rows = await readAll(server, `/api/v1/webhook-event-log?trigger=${ref}`)
  expect([ref, rows.map(({ event_id }) => event_id).sort()]).toEqual([ref, ids.toSorted()])
  expect(rows.every(({ status_code }) => status_code === 200)).toBe(true)

  // One that was not acknowledged may be there, but whole, and not twice.
  const places = new Set<number>()
  for (const id of ids) {
    const stored = await server.body(id)
    const place = stored.readUInt32BE()
    places.add(place)
    expect([id, stored.equals(bodies[place] ?? Buffer.alloc(0))]).toEqual([id, true])
    expect([id, acknowledged.get(id) ?? place]).toEqual([id, place])
  }
  expect(places.size).toBe(ids.length)
}

const straceMissing = whyNoStrace()

describe('the embedded database on disk', () => {
  const title = 'a webhook is acknowledged after a sync of the write-ahead log'
  const webhooks = 30

  test.skipIf(straceMissing !== null)(
    straceMissing === null ? title : `${title} (skipped: ${straceMissing})`,
    async () => {
      const traced = await install()
      try {
        const trace = join(traced.folder, '..', 'trace')
        const strace = ['strace', '-D', '-f', '-y', '-e', 'trace=fsync,fdatasync', '-o', trace]
        const server = await traced.serve({}, strace)
        const { url } = await server.createTrigger('github.push')
        const syncs = () =>
          readFileSync(trace, 'utf8')
            .split('\n')
            .filter((line) => /\b(fsync|fdatasync)\(\d+<[^>]*\/pg_wal\//.test(line)).length
        for (let webhook = 0; webhook < webhooks; webhook += 1) {
          const before = syncs()
          expect((await ask(url, { method: 'POST', body: `{"webhook":${webhook}}` })).status).toBe(200)
          expect(syncs()).toBeGreaterThan(before)
        }
        expect(await server.stop()).toBe(0)
      } finally {
        await traced.dispose()
      }
    },
  )
})

function whyNoStrace(): string | null {
  if (engineName !== 'embedded') return 'the files are those of a PostgreSQL server'
  if (Bun.which('strace') === null) return 'strace is not installed'
  const { success } = Bun.spawnSync(['strace', '-D', '-o', '/dev/null', 'true'], { stderr: 'ignore' })
  return success ? null : 'strace may not trace processes here'
}
