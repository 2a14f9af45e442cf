/** The PostgreSQL server is there and does not answer: it is frozen, or waits for somebody's lock. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ACCEPT_MS_MAX, AUDIT_ROWS_BURST_PER_TRIGGER } from '../../src/core/limits.ts'
import { ask } from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'
import {
  acknowledgedMore,
  createDurableCluster,
  openScene,
  resumed,
  type Scene,
  settle,
  shortOrLong,
} from '../support/faults.ts'
import { type Load, startLoad } from '../support/load.ts'
import { type Cluster, clusterMissing } from '../support/postgresql-cluster.ts'

const SECRET = 'a secret of ours'

const FROZEN_MS = shortOrLong(12_000, 20_000)

/**
 * Beyond the deadline of an attempt, and well within it. In the short form the statements of attempts that have been refused are
 * still waiting when the lock goes, and store them late; in the long form the server has given them up by then.
 */
const LONG_LOCK_SECONDS = ACCEPT_MS_MAX / 1000 + shortOrLong(2, 15)
const SHORT_LOCK_SECONDS = 3

/** Attempts that are given up leave their statement waiting in the server; there must not be ever more of them. */
const WAITING_BACKENDS_MAX = 8

let cluster: Cluster
let scene: Scene
let load: Load
let flood: Load
beforeAll(async () => {
  if (clusterMissing === null) cluster = await createDurableCluster()
})
afterAll(() => cluster?.dispose())

const isReady = async () => (await ask(`${scene.server.adminUrl}/readyz`)).status === 200

/** Locks a table as a careless operator does, for so long, and meanwhile counts the intake's connections. */
async function lock(table: string, seconds: number): Promise<number> {
  let backendsMax = 0
  let unlocked = false
  const locking = scene.sql
    .begin(async (tx) => {
      await tx.unsafe(`lock table attune.${table} in access exclusive mode`)
      await tx`select pg_sleep(${seconds})`
    })
    .finally(() => {
      unlocked = true
    })
  while (!unlocked) {
    const [row] = await scene.sql<{ count: number }[]>`
      select count(*)::int from pg_stat_activity
      where datname = current_database() and application_name = 'attune-webhooks intake'`
    backendsMax = Math.max(backendsMax, row?.count ?? 0)
    await Bun.sleep(100)
  }
  await locking
  return backendsMax
}

describe.skipIf(clusterMissing !== null)('the server under load', () => {
  beforeEach(async () => {
    scene = await openScene(cluster, { secret: SECRET })
    // From here on a refusal is merged with others, unless it must not be.
    flood = startLoad(scene.webhook.url, scene.webhook.ref, {
      senders: 16,
      secret: 'of somebody else',
      refusedPauseMs: 5,
    })
    await eventually(() => (flood.statuses.get(401) ?? 0) > 2 * AUDIT_ROWS_BURST_PER_TRIGGER, 15_000)
    await flood.stop()
    load = startLoad(scene.webhook.url, scene.webhook.ref, { senders: 250, secret: SECRET })
    await acknowledgedMore(load, 500)
  })
  afterEach(async () => {
    await load?.stop()
    await scene?.dispose()
  })

  test('is frozen: 503 with Retry-After in time, and service resumes by itself', async () => {
    const frozenAtMs = performance.now()
    await cluster.signal('SIGSTOP')
    try {
      await eventually(() => (load.statuses.get(503) ?? 0) > 100, FROZEN_MS)
      expect(await isReady()).toBe(false)
      await Bun.sleep(FROZEN_MS - (performance.now() - frozenAtMs))
    } finally {
      await cluster.signal('SIGCONT')
    }
    await resumed(load)
    await eventually(isReady)
    await settle(scene, load, flood)
  })

  test.each(['event', 'webhook_event_log'])(
    'has the table %s locked for longer than a sender waits: 503, and no pile of statements',
    async (table) => {
      expect(await lock(table, LONG_LOCK_SECONDS)).toBeLessThan(WAITING_BACKENDS_MAX)
      expect(load.statuses.get(503)).toBeGreaterThanOrEqual(load.senders)
      await resumed(load)
      await settle(scene, load, flood)
    },
  )

  test('has the table event locked for a moment: senders wait, and nobody is turned away', async () => {
    await lock('event', SHORT_LOCK_SECONDS)
    await resumed(load)
    await settle(scene, load, flood)
    expect([...load.statuses.keys()]).toEqual([200])
  })
})
