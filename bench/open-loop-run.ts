import { join } from 'node:path'
import type { Bench } from './bench.ts'
import type { Contestant } from './contestant.ts'
import { measure } from './measure.ts'
import type { OpenLoopOptions, OpenLoopResult } from './open-loop.ts'

/** The most requests in a second that a contestant accepts in a closed loop. */
export async function peakRate(bench: Bench, contestant: Contestant): Promise<number> {
  const { generator, folder, profile, report } = bench
  const rates: number[] = []
  for (const connections of profile.connections) {
    const seconds = profile.warmSeconds
    const run = await measure(contestant, { generator, connections, round: 0, seconds, folder })
    report.addProblems(run.problems)
    rates.push(run.requestsPerSecond)
  }
  return Math.max(...rates)
}

/** Drives a contestant by the clock, in a process of its own, which reads every answer: the counts have to be equal. */
export async function runOpenLoop(
  { report }: Bench,
  contestant: Contestant,
  options: Omit<OpenLoopOptions, 'url' | 'requests'>,
): Promise<OpenLoopResult> {
  const { server, requests, label } = contestant
  const stopCounting = await contestant.startCounting?.()
  const input = JSON.stringify({ ...options, url: server.url, requests } satisfies OpenLoopOptions)
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'open-loop.ts')], {
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const output = await child.stdout.text()
  if ((await child.exited) !== 0) throw new Error('The open-loop generator did not succeed.')
  const result = JSON.parse(output) as OpenLoopResult
  const stored = (await stopCounting?.()) ?? null
  if (result.failures > 0)
    report.addProblems([`${label}, open loop: ${result.failures} requests were not accepted`])
  if (stored !== null && !(stored.events === result.accepted && stored.logRows === result.accepted)) {
    report.addProblems([
      `${label}, open loop: ${result.accepted} answers of 200, but ${stored.events} events and ${stored.logRows} rows`,
    ])
  }
  return result
}
