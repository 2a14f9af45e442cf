/** How long an acknowledgement takes while there is room to spare: at half of the peak rate, by the clock. */
import { type Bench, openOurs } from '../bench.ts'
import { scoped } from '../cleanup.ts'
import { oursEmbedded, oursOnPostgresql } from '../contestant.ts'
import type { OpenLoopResult } from '../open-loop.ts'
import { peakRate, runOpenLoop } from '../open-loop-run.ts'
import { createTriggers, TRIGGERS } from '../ours.ts'
import { number, table } from '../report.ts'
import { signedRequests } from '../webhook-request.ts'

const WARM_SECONDS = 1

interface Latency extends OpenLoopResult {
  readonly label: string
  readonly peakPerSecond: number
  readonly ratePerSecond: number
}

export async function latency(bench: Bench): Promise<void> {
  const { report, profile } = bench
  const results: Latency[] = []
  for (const engine of profile.latencyEngines) results.push(await measureLatency(bench, engine))
  table(
    'latency at half of the peak rate, open loop, from the moment at which a request was due',
    ['engine', 'requests/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p99/p50', 'generator late p50 ms', 'p99 ms'],
    results.map((result) => [
      result.label,
      ...[result.ratePerSecond, result.p50Ms, result.p99Ms, result.p999Ms].map(number),
      ...[result.p99Ms / result.p50Ms, result.lateP50Ms, result.lateP99Ms].map(number),
    ]),
  )
  report.addRaw('latency', results)
  const [postgresql] = results
  if (postgresql !== undefined) report.addFigure('tail', postgresql.p99Ms / postgresql.p50Ms)
}

const measureLatency = (bench: Bench, label: 'PostgreSQL' | 'embedded'): Promise<Latency> =>
  scoped(async (defer) => {
    const { databases, profile } = bench
    const database = label === 'PostgreSQL' ? await databases.createDatabase() : null
    const server = await openOurs(bench, database, defer)
    const requests = signedRequests(await createTriggers(server, 'bench', TRIGGERS))
    const contestant =
      database === null
        ? oursEmbedded(label, server, requests)
        : oursOnPostgresql(label, server, requests, database, databases)
    const peakPerSecond = await peakRate(bench, contestant)
    const ratePerSecond = peakPerSecond / 2
    const seconds = profile.openLoopSeconds + WARM_SECONDS
    const result = await runOpenLoop(bench, contestant, { ratePerSecond, seconds, warmSeconds: WARM_SECONDS })
    return { label, peakPerSecond, ratePerSecond, ...result }
  })
