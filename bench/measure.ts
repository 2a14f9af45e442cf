/** One run of one contestant: its load, its cost, and whether all that it acknowledged is there. */
import type { Contestant, Stored } from './contestant.ts'
import type { Generator, LoadResult } from './generator.ts'
import { type Cost, costOf } from './processes.ts'

export interface Run extends LoadResult, Cost {
  readonly label: string
  readonly connections: number
  /** Runs of one round came right after each other. */
  readonly round: number
  /** `null` for who stores nothing. */
  readonly stored: Stored | null
  /** Whatever is not as it has to be, in words; empty when all is well. */
  readonly problems: readonly string[]
}

export interface RunOptions {
  readonly generator: Generator
  readonly connections: number
  readonly round: number
  readonly seconds: number
  readonly folder: string
}

/** Drives one contestant, and counts. */
export async function measure(contestant: Contestant, options: RunOptions): Promise<Run> {
  const { label, server, requests } = contestant
  const { generator, connections, round, seconds, folder } = options
  const stopCounting = await contestant.startCounting?.()
  const { result, cost } = await costOf({ pid: server.pid, postgresqlCpu: contestant.postgresqlCpu }, () =>
    generator.run({ url: server.url, requests, connections, seconds, folder }),
  )
  const stored = (await stopCounting?.()) ?? null
  const problems = [
    ...problemsOfLoad(contestant, result),
    ...(stored === null ? [] : problemsOfStored(stored, result.successes, connections)),
  ].map((problem) => `${label}, ${connections} connections: ${problem}`)
  return { label, connections, round, ...result, ...cost, stored, problems }
}

function problemsOfLoad({ server, expects }: Contestant, load: LoadResult): string[] {
  const { failures, answers, successes } = load
  const unexpected = expects === 'acceptance' ? answers - successes : successes
  return [
    ...(unexpected === 0 ? [] : [`${unexpected} requests did not end in ${expects}`]),
    ...(server.isAlive() ? [] : ['the server has ended']),
    ...(failures === 0 ? [] : [`${failures} requests got no answer`]),
    ...(answers > 0 ? [] : ['nothing was answered']),
  ]
}

/**
 * Events, audit rows and 200s have to be as many. The generator stops with up to one request under way on each connection,
 * whose answers it never reads: so many may be missing from its own count, and none may be too many.
 */
function problemsOfStored(
  { events, logRows, answered }: Stored,
  received: number,
  connections: number,
): string[] {
  const problems: string[] = []
  if (events !== answered) problems.push(`${events} events, but ${answered} answers of 200`)
  if (logRows !== events) problems.push(`${events} events, but ${logRows} audit rows of 200`)
  if (received > events) problems.push(`${received} senders have read a 200, but there are ${events} events`)
  if (events > received + connections) problems.push(`${events} events, but ${received} were acknowledged`)
  return problems
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = Math.floor(sorted.length / 2)
  const lower = Math.ceil(sorted.length / 2) - 1
  return ((sorted[lower] ?? Number.NaN) + (sorted[upper] ?? Number.NaN)) / 2
}
