/** The PostgreSQL server goes away under load, in every way in which servers go, and comes back. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  acknowledgedMore,
  createDurableCluster,
  expectTrailExact,
  openScene,
  resumed,
  type Scene,
  shortOrLong,
} from '../support/faults.ts'
import { expectOnlySuccessOr5xx, expectStoredOnce, startLoad, storedBySql } from '../support/load.ts'
import { type Cluster, clusterMissing } from '../support/postgresql-cluster.ts'

const ROUNDS = shortOrLong(2, 10)

let cluster: Cluster
let scene: Scene
beforeEach(async () => {
  cluster = await createDurableCluster()
  scene = await openScene(cluster)
})
afterEach(async () => {
  await scene.dispose()
  await cluster.dispose()
})

describe.skipIf(clusterMissing !== null)('the server under load', () => {
  test.each([
    ['is stopped fast', () => cluster.stop('fast')],
    ['is stopped immediately', () => cluster.stop('immediate')],
    ['is killed', () => cluster.signal('SIGKILL')],
  ])('%s and started again: acknowledged is stored once', async (_, stop) => {
    const load = startLoad(scene.webhook.url, scene.webhook.ref, { senders: 16 })
    for (let round = 0; round < ROUNDS; round += 1) {
      await acknowledgedMore(load, 300)
      await stop()
      await cluster.start()
      await resumed(load)
    }
    await load.stop()
    expectOnlySuccessOr5xx(load)
    expect(load.cutOff).toBe(0)
    await expectTrailExact(scene, load)
    expectStoredOnce(load, await storedBySql(scene.sql, load.ref))
    expect(await scene.server.stop()).toBe(0)
  })
})
