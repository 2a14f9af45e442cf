/** Contestants by turns: each round drives all of them, so that whatever else the machine does hits all alike. */
import type { Bench } from './bench.ts'
import type { Contestant } from './contestant.ts'
import { measure, median, type Run } from './measure.ts'
import { number, table } from './report.ts'

const WARM_CONNECTIONS = 64

/** Warms everyone up, and then measures; what is wrong with a warm-up is wrong too. */
export async function measureByTurns(
  bench: Bench,
  contestants: readonly Contestant[],
  connectionCounts: readonly number[],
  seconds: number,
): Promise<Run[]> {
  const { generator, folder, profile, report } = bench
  const runs: Run[] = []
  const drive = async (contestant: Contestant, connections: number, runSeconds: number, round: number) => {
    const options = { generator, connections, round, seconds: runSeconds, folder }
    const run = await measure(contestant, options)
    report.addProblems(run.problems)
    return run
  }
  for (const contestant of contestants) await drive(contestant, WARM_CONNECTIONS, profile.warmSeconds, 0)
  for (const connections of connectionCounts) {
    for (let round = 1; round <= profile.rounds; round += 1) {
      for (const contestant of contestants) {
        runs.push(await drive(contestant, connections, seconds, round))
      }
    }
  }
  return runs
}

/** The middle of the ratios of all rounds. Both runs of a ratio are of one round, seconds apart. */
export function ratioOf(runs: readonly Run[], above: string, below: string, connections: number): number {
  const of = (label: string): readonly Run[] =>
    runs.filter((run) => run.label === label && run.connections === connections)
  const ratios = of(above).flatMap((run) =>
    of(below)
      .filter(({ round }) => round === run.round)
      .map((other) => run.requestsPerSecond / other.requestsPerSecond),
  )
  return median(ratios)
}

/** Prints the middle of all rounds for each contestant and number of connections. */
export function showRuns(title: string, runs: readonly Run[]): void {
  const groups = Map.groupBy(runs, ({ label, connections }) => `${connections} ${label}`)
  const rows = [...groups.values()].map((group) => {
    const middle = (value: (run: Run) => number | null): string => {
      const values = group.map(value).filter((one) => one !== null)
      return number(values.length === 0 ? null : median(values))
    }
    const [first] = group
    return [
      first?.label ?? '',
      String(first?.connections),
      middle((run) => run.requestsPerSecond),
      middle((run) => run.p50Ms),
      middle((run) => run.p99Ms),
      middle((run) => run.p999Ms),
      middle((run) => run.serverCpuSeconds),
      middle((run) => run.postgresqlCpuSeconds),
      middle((run) => run.residentMb),
      middle((run) => (run.stored === null ? null : run.stored.events + run.stored.logRows)),
      group.every(({ problems }) => problems.length === 0) ? 'yes' : 'NO',
    ]
  })
  table(title, HEAD, rows)
}

const HEAD = [
  'server',
  'connections',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'p99.9 ms',
  'CPU s',
  'PostgreSQL CPU s',
  'resident MB',
  'rows',
  'counts right',
]
