/** Accepted webhooks: A on both engines, B and C. */
import { type Bench, openBaseline, openCeiling, openOurs } from '../bench.ts'
import { scoped } from '../cleanup.ts'
import { baseline, ceiling, oursEmbedded, oursOnPostgresql } from '../contestant.ts'
import { problemsOnDisk } from '../embedded-count.ts'
import type { Run } from '../measure.ts'
import { createTriggers, TRIGGERS, WHITELIST } from '../ours.ts'
import { number, table } from '../report.ts'
import { measureByTurns, ratioOf, showRuns } from '../rounds.ts'
import { signedRequests } from '../webhook-request.ts'

export const accepted = (bench: Bench): Promise<void> =>
  scoped(async (defer) => {
    const { report, databases, profile } = bench
    const database = await databases.createDatabase()
    const postgresql = await openOurs(bench, database, defer)
    const senders = await createTriggers(postgresql, 'bench', TRIGGERS)
    const requests = signedRequests(senders)
    const baselineDatabase = await databases.createDatabase()
    const textbook = await openBaseline(bench, baselineDatabase, senders, WHITELIST, defer)
    const embedded = await openOurs(bench, null, defer)
    const embeddedRequests = signedRequests(await createTriggers(embedded, 'bench', TRIGGERS))

    const contestants = [
      oursOnPostgresql('A', postgresql, requests, database, databases),
      baseline(textbook, requests, baselineDatabase, databases),
      ceiling(await openCeiling(bench, senders, defer), requests),
      oursEmbedded('A embedded', embedded, embeddedRequests),
    ]
    const runs = await measureByTurns(bench, contestants, profile.connections, profile.seconds)
    report.addProblems(await problemsOnDisk(embedded))
    showRuns('accepted: A ours, B one statement for each step, C nothing stored', runs)
    reportRatios(bench, runs)
  })

function reportRatios({ report, profile }: Bench, runs: readonly Run[]): void {
  const ratios = profile.connections.map((connections) => ({
    connections,
    a_b: ratioOf(runs, 'A', 'B', connections),
    a_c: ratioOf(runs, 'A', 'C', connections),
    embedded_b: ratioOf(runs, 'A embedded', 'B', connections),
    embedded_c: ratioOf(runs, 'A embedded', 'C', connections),
  }))
  table(
    'ratios of requests/s, the middle of all rounds',
    ['connections', 'A/B', 'A/C', 'A embedded/B', 'A embedded/C'],
    ratios.map((row) => [
      String(row.connections),
      ...[row.a_b, row.a_c, row.embedded_b, row.embedded_c].map(number),
    ]),
  )
  report.addRaw('accepted', { runs, ratios })
  report.addFigure('acceptedToBaseline', ratioOf(runs, 'A', 'B', 64))
  report.addFigure('acceptedToCeiling', ratioOf(runs, 'A', 'C', 256))
  report.addFigure('embeddedToBaseline', ratioOf(runs, 'A embedded', 'B', 64))
}
