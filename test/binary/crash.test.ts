/** What has been acknowledged is there after the process is gone, whenever it went. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask, engineName, type Installation, install, readAll, type Server } from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'
import { expectStoredOnce, type Load, startLoad, storedByApi } from '../support/load.ts'

const { ATTUNE_TEST_CRASHES = '20' } = process.env
const CRASHES = Number(ATTUNE_TEST_CRASHES)
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

describe(`SIGKILL in mid-load, ${engineName}`, () => {
  test(
    `${CRASHES} times: every acknowledged event is there exactly once, with its row, byte for byte`,
    async () => {
      const acknowledged = new Map<string, string[]>()
      let server = await installation.serve()
      for (let crash = 1; crash <= CRASHES; crash += 1) {
        const ref = `crash.c${crash}`
        const load = await loadUntilCrash(server, ref, randomInt(1, ACKNOWLEDGED_MAX))
        if (crash % 6 === 0) await crashWhileStarting()
        server = await installation.serve()
        expectStoredOnce(load, await storedByApi(server, ref))
        acknowledged.set(ref, [...load.acknowledged.keys()])
      }
      for (const [ref, ids] of acknowledged) {
        const stored = (await readAll(server, `/api/v1/events?trigger=${ref}`)).map(({ id }) => id)
        expect(ids.filter((id) => !stored.includes(id))).toEqual([])
      }
      const stats = await server.api('GET', '/api/v1/stats')
      expect(stats.json.data.events_created).toBe((await readAll(server, '/api/v1/events')).length)
      expect(await server.stop()).toBe(0)
    },
    CRASHES * 12_000,
  )
})

/** Posts from several senders at once and kills the server after so many answers. */
async function loadUntilCrash(server: Server, ref: string, acknowledgedMin: number): Promise<Load> {
  const { url } = await server.createTrigger(ref)
  const load = startLoad(url, ref, {
    senders: SENDERS,
    pauseMs: 0,
    bodyBytesMax: BODY_BYTES_MAX,
    largeBodyBytes: LARGE_BODY_BYTES,
  })
  await eventually(() => load.acknowledged.size >= acknowledgedMin, 20_000)
  await server.kill()
  await load.stop()
  expect([ref, [...load.statuses.keys()]]).toEqual([ref, [200]])
  return load
}

/** The next start recovers what the crash left; this one dies at some moment of it. */
async function crashWhileStarting(): Promise<void> {
  const program = installation.launch(['serve'])
  await Promise.race([program.logged('listening'), Bun.sleep(randomInt(50, 800))])
  program.signal('SIGKILL')
  await program.exited
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
