/** The database is away for a while, or busy with somebody else: what the process holds stays bounded, and intake goes first. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ADMIN_QUERY_MS_MAX } from '../../src/core/limits.ts'
import { eventually } from '../support/eventually.ts'
import {
  acknowledgedMore,
  createDurableCluster,
  openScene,
  residentMib,
  resumed,
  type Scene,
  settle,
  shortOrLong,
} from '../support/faults.ts'
import { type Load, startLoad } from '../support/load.ts'
import { type Cluster, clusterMissing } from '../support/postgresql-cluster.ts'

const AWAY_MS = shortOrLong(8_000, 120_000)

/** What the process may grow by while nothing can be stored. */
const GROWTH_MIB_MAX = 100

/** At once from administrators: as many as they have connections, or more than they have. */
const QUERIES = shortOrLong(4, 20)

/** Of an accepted webhook, on a busy machine that syncs. */
const INTAKE_MS_MAX = 2_000

let cluster: Cluster
let scene: Scene
let load: Load
beforeAll(async () => {
  if (clusterMissing === null) cluster = await createDurableCluster()
})
afterAll(() => cluster?.dispose())

describe.skipIf(clusterMissing !== null)('the database', () => {
  beforeEach(async () => {
    scene = await openScene(cluster)
    load = startLoad(scene.webhook.url, scene.webhook.ref, {
      senders: 64,
      bodyBytesMax: 8_000,
      refusedPauseMs: 5,
    })
    await acknowledgedMore(load, 1_000)
  })
  afterEach(async () => {
    await load?.stop()
    await scene?.dispose()
  })

  test('is away under load: memory stays bounded, the log says it once, and service resumes', async () => {
    const before = residentMib(scene.server.pid)
    const lines = scene.server.logLines().length
    await cluster.stop()
    const endMs = performance.now() + AWAY_MS
    let most = 0
    while (performance.now() < endMs) {
      most = Math.max(most, residentMib(scene.server.pid))
      await Bun.sleep(200)
    }
    expect(load.statuses.get(503)).toBeGreaterThan(AWAY_MS / 100)
    expect(most - before).toBeLessThan(GROWTH_MIB_MAX)
    expect(scene.server.logLines().length - lines).toBeLessThan(10)
    await cluster.start()
    await resumed(load)
    await settle(scene, load)
  })

  test('is asked for long by administrators: intake does not slow down, and the queries are ended', async () => {
    // What a statistics page would be without its roll-up, to the letter.
    await scene.sql.unsafe(`
      alter view attune.webhook_stats_detailed rename to webhook_stats_quick;
      create view attune.webhook_stats_detailed as
      select q.* from attune.webhook_stats_quick q, (select pg_sleep(60)) as long (nothing)`)
    const running = async () => {
      const [row] = await scene.sql<{ count: number }[]>`
        select count(*)::int from pg_stat_activity
        where datname = current_database() and application_name = 'attune-webhooks admin' and state = 'active'`
      return row?.count ?? 0
    }
    const startedAtMs = performance.now()
    const path = `/api/v1/triggers/${load.ref}/stats`
    const asked = Promise.all(Array.from({ length: QUERIES }, () => scene.server.api('GET', path)))
    await eventually(async () => (await running()) >= 4)
    load.forgetSlowest()
    const answers = await asked
    expect(performance.now() - startedAtMs).toBeLessThan(3 * ADMIN_QUERY_MS_MAX)
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.code}`))).toEqual(
      new Set(['503 store_unavailable']),
    )
    expect(load.slowestMs).toBeLessThan(INTAKE_MS_MAX)
    expect([...load.statuses.keys()]).toEqual([200])
    // Those that waited behind others have only begun, and the server ends them in their turn.
    await eventually(async () => (await running()) === 0, ADMIN_QUERY_MS_MAX + 5_000)
    await scene.sql.unsafe(`
      drop view attune.webhook_stats_detailed;
      alter view attune.webhook_stats_quick rename to webhook_stats_detailed`)
    await settle(scene, load)
  })

  test('has the table trigger locked: administrators wait, and webhooks whose trigger is known go on', async () => {
    const locked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const locking = scene.sql.begin(async (tx) => {
      await tx`lock table attune.trigger in access exclusive mode`
      locked.resolve()
      await release.promise
    })
    await locked.promise
    load.forgetSlowest()
    const list = scene.server.api('GET', '/api/v1/triggers')
    await acknowledgedMore(load, 2_000)
    const admin = await list
    expect([admin.status, admin.json.code]).toEqual([503, 'store_unavailable'])
    expect(load.slowestMs).toBeLessThan(INTAKE_MS_MAX)
    expect([...load.statuses.keys()]).toEqual([200])
    release.resolve()
    await locking
    expect((await scene.server.api('GET', '/api/v1/triggers')).status).toBe(200)
    await settle(scene, load)
  })
})
