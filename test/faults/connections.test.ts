/** Connections between the process and its database that end, fall silent, or wait for somebody else's lock. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomInt } from 'node:crypto'
import { eventually } from '../support/eventually.ts'
import {
  ANSWER_MS_MAX,
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

let cluster: Cluster
let scene: Scene
let load: Load
beforeAll(async () => {
  if (clusterMissing === null) cluster = await createDurableCluster()
})
afterAll(() => cluster?.dispose())

describe.skipIf(clusterMissing !== null)('a connection of the intake', () => {
  beforeEach(async () => {
    scene = await openScene(cluster)
    load = startLoad(scene.webhook.url, scene.webhook.ref, { senders: 32 })
  })
  afterEach(async () => {
    await load?.stop()
    await scene?.dispose()
  })

  test('is terminated in mid-batch, again and again: no sender notices', async () => {
    const kills = shortOrLong(15, 300)
    for (let killed = 0; killed < kills; ) {
      await acknowledgedMore(load, 40)
      killed += await eventually(async () => {
        const [row] = await scene.sql<{ count: number }[]>`
          select count(pg_terminate_backend(pid))::int as count from pg_stat_activity
          where datname = current_database() and application_name = 'attune-webhooks intake' and state = 'active'`
        return row?.count === 0 ? null : row?.count
      })
    }
    await resumed(load)
    await settle(scene, load)
    expect([...load.statuses.keys()]).toEqual([200])
  })

  test('all connections at once are terminated: service resumes by itself', async () => {
    for (let round = 0; round < shortOrLong(5, 100); round += 1) {
      await acknowledgedMore(load, 40)
      await scene.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name like 'attune-webhooks%'`
      await resumed(load)
    }
    await settle(scene, load)
  })

  test('falls silent at any moment: 503 in time, and fresh connections when the way is free again', async () => {
    for (let round = 0; round < shortOrLong(1, 10); round += 1) {
      await acknowledgedMore(load, randomInt(1, 300))
      // As many as to use every connection for administrators.
      const listEvents = () => {
        const path = `/api/v1/events?trigger=${load.ref}&limit=1`
        return Promise.all(
          Array.from({ length: 16 }, async () => (await scene.server.api('GET', path)).status),
        )
      }
      expect(new Set(await listEvents())).toEqual(new Set([200]))
      scene.proxy.blackhole()
      const admin = listEvents()
      await eventually(() => load.statuses.has(503), ANSWER_MS_MAX)
      scene.proxy.heal()
      await resumed(load)
      // Who waits on a dead connection is told so in time, and the next one finds a fresh one.
      expect(new Set(await admin)).toEqual(new Set([503]))
      expect(new Set(await listEvents())).toEqual(new Set([200]))
    }
    await settle(scene, load)
  })

  test('swallows the answer to a commit: what was stored is not stored again', async () => {
    for (let round = 0; round < shortOrLong(1, 10); round += 1) {
      await acknowledgedMore(load, randomInt(1, 300))
      const eventsOf = async () =>
        (await scene.sql<{ count: number }[]>`select count(*)::int from attune.event`)[0]?.count ?? 0
      const forwardedBytes = scene.proxy.swallowAnswers()
      const acknowledged = load.acknowledged.size
      // The statement has arrived and is committed, and nobody has heard of it.
      await eventually(async () => forwardedBytes() > 0 && (await eventsOf()) > acknowledged)
      scene.proxy.blackhole()
      scene.proxy.heal()
      await resumed(load)
    }
    await settle(scene, load)
  })
})
