/** Retention on a large database, while webhooks come in: how long it takes, and whether they feel it. */
import type { Bench } from '../bench.ts'
import { fillDay, type Large } from '../large.ts'
import type { OpenLoopResult } from '../open-loop.ts'
import { peakRate, runOpenLoop } from '../open-loop-run.ts'
import { number, table } from '../report.ts'

/** Rows that are older than all others, and older than the retention that is asked for. */
const EXPIRED_DAYS_AGO = 40
const RETENTION_DAYS = 35
const DAYS_AHEAD = 7
const WARM_SECONDS = 1

const TRIES_MAX = 10
const LOCK_NOT_AVAILABLE = '55P03'

/** Intake counts as unaffected when its longest silence grows by no more than this. */
const GAP_MS_MAX = 100

export async function retention(bench: Bench, large: Large): Promise<void> {
  const { profile, report } = bench
  const { contestant, database } = large
  const rows = profile.expiredRows
  const endMs = startOfDayMs(EXPIRED_DAYS_AGO - 1)
  await fillDay(database, { firstId: large.firstId, triggers: profile.triggers, rows, endMs })
  await database.sql.unsafe('vacuum (analyze)')

  const ratePerSecond = (await peakRate(bench, contestant)) / 2
  const seconds = profile.openLoopSeconds / 2 + WARM_SECONDS
  const load = { ratePerSecond, seconds, warmSeconds: WARM_SECONDS }
  const quiet = await runOpenLoop(bench, contestant, load)
  const running = runOpenLoop(bench, contestant, load)
  await Bun.sleep((seconds * 1000) / 2)
  const dropped = await maintain(large)
  const busy = await running

  const shown = (name: string, { p50Ms, p99Ms, maxMs, worstGapMs }: OpenLoopResult): string[] => [
    name,
    ...[p50Ms, p99Ms, maxMs, worstGapMs].map(number),
  ]
  table(
    `retention: ${number(rows)} rows in ${dropped.partitions} partitions went in ${number(dropped.ms)} ms, try ${dropped.tries}`,
    ['intake at half of its peak rate', 'p50 ms', 'p99 ms', 'slowest ms', 'longest silence ms'],
    [shown('without', quiet), shown('with retention', busy)],
  )
  report.addRaw('retention', { rows, dropped, quiet, busy })
  const isUnaffected = busy.failures === 0 && busy.worstGapMs <= quiet.worstGapMs + GAP_MS_MAX
  if (profile.name !== 'short') report.addFigure('retention', dropped.ms / 1000, isUnaffected)
}

/** It gives way to whoever holds the tables for long, and is then tried again; its time is that of all tries. */
async function maintain({
  database: { sql },
}: Large): Promise<{ partitions: number; tries: number; ms: number }> {
  const startedAtMs = performance.now()
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const [row] = await sql
      .unsafe<{ partitions_dropped: number }[]>('select partitions_dropped from attune.maintain($1, $2)', [
        RETENTION_DAYS,
        DAYS_AHEAD,
      ])
      .catch((error: { code?: string }) => {
        if (error.code === LOCK_NOT_AVAILABLE) return []
        throw error
      })
    const partitions = row?.partitions_dropped ?? 0
    if (partitions > 0) return { partitions, tries, ms: performance.now() - startedAtMs }
  }
  throw new Error(`Retention dropped nothing in ${TRIES_MAX} tries.`)
}

const startOfDayMs = (daysAgo: number): number => Math.floor(Date.now() / 86_400_000 - daysAgo) * 86_400_000
