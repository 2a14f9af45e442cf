/** The PostgreSQL server goes away under load, in every way in which servers go, and comes back. */
import { afterEach, beforeEach, describe, test } from 'bun:test'
import {
  acknowledgedMore,
  createDurableCluster,
  openScene,
  resumed,
  type Scene,
  settle,
  shortOrLong,
} from '../support/faults.ts'
import { startLoad } from '../support/load.ts'
import { type Cluster, clusterMissing } from '../support/postgresql-cluster.ts'

const ROUNDS = shortOrLong(2, 10)

let cluster: Cluster
let scene: Scene
beforeEach(async () => {
  cluster = await createDurableCluster()
  scene = await openScene(cluster)
})
afterEach(async () => {
  await scene?.dispose()
  await cluster?.dispose()
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
    await settle(scene, load)
  })
})
