/** Whether intake is as fast on a database that is full as on one that is empty. */
import { type Bench, openOurs } from '../bench.ts'
import { scoped } from '../cleanup.ts'
import { oursOnPostgresql } from '../contestant.ts'
import type { Large } from '../large.ts'
import { createTriggers, TRIGGERS } from '../ours.ts'
import { number, print } from '../report.ts'
import { measureByTurns, ratioOf, showRuns } from '../rounds.ts'
import { signedRequests } from '../webhook-request.ts'

const CONNECTIONS = 64

export const scale = (bench: Bench, { contestant, spread }: Large): Promise<void> =>
  scoped(async (defer) => {
    const { databases, report, profile } = bench
    const database = await databases.createDatabase()
    const server = await openOurs(bench, database, defer)
    const requests = signedRequests(await createTriggers(server, 'bench', TRIGGERS))
    const empty = oursOnPostgresql('A, empty database', server, requests, database, databases)

    const runs = await measureByTurns(bench, [empty, contestant, spread], [CONNECTIONS], profile.sideSeconds)
    showRuns('throughput and the size of the database', runs)
    const ratio = ratioOf(runs, contestant.label, empty.label, CONNECTIONS)
    const spreadRatio = ratioOf(runs, spread.label, empty.label, CONNECTIONS)
    print(`\nlarge / empty: ${number(ratio)}, through 1,000 triggers: ${number(spreadRatio)}`)
    report.addRaw('scale', { runs, ratio, spreadRatio })
    if (profile.name !== 'short') report.addFigure('scale', ratio)
  })
