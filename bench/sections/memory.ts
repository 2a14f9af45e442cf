/** Resident memory while the server is busy all the time. */
import { type Bench, openOurs } from '../bench.ts'
import { scoped } from '../cleanup.ts'
import { oursEmbedded, oursOnPostgresql } from '../contestant.ts'
import { measure, median } from '../measure.ts'
import { createTriggers, TRIGGERS } from '../ours.ts'
import { type Memory, memory } from '../proc.ts'
import { number, table } from '../report.ts'
import { signedRequests } from '../webhook-request.ts'

const CONNECTIONS = 64
const SAMPLE_MS = 1_000
const SAMPLES_PER_MINUTE = 60_000 / SAMPLE_MS
/** From so many samples on, it is worth comparing the last minute with the first. */
const FLAT_SAMPLES_MIN = 9 * SAMPLES_PER_MINUTE

interface MemoryUse {
  readonly label: string
  readonly accepted: number
  /** The most of all samples. */
  readonly most: Memory
  /** Median of the last minute over that of the first; `null` when the load was too short to tell. */
  readonly growth: number | null
  readonly samples: readonly Memory[]
}

export async function memoryUnderLoad(bench: Bench): Promise<void> {
  const { report } = bench
  const postgresql = await watch(bench, 'PostgreSQL')
  const embedded = await watch(bench, 'embedded')
  table(
    `resident memory under ${bench.profile.memorySeconds} s of load, ${CONNECTIONS} connections`,
    ['engine', 'accepted', 'resident MB', 'of it anonymous', 'peak MB', 'last minute / first'],
    [postgresql, embedded].map(({ label, accepted, most, growth }) => [
      label,
      ...[accepted, most.residentMb, most.anonymousMb, most.peakMb, growth].map(number),
    ]),
  )
  report.addRaw('memory', [postgresql, embedded])
  report.addFigure('memoryPostgresql', postgresql.most.residentMb)
  report.addFigure('memoryEmbedded', embedded.most.residentMb)
  if (postgresql.growth !== null) report.addFigure('growthPostgresql', postgresql.growth)
  if (embedded.growth !== null) report.addFigure('growthEmbedded', embedded.growth)
}

const watch = (bench: Bench, label: 'PostgreSQL' | 'embedded'): Promise<MemoryUse> =>
  scoped(async (defer) => {
    const { databases, generator, folder, profile, report } = bench
    const database = label === 'PostgreSQL' ? await databases.createDatabase() : null
    const server = await openOurs(bench, database, defer)
    const requests = signedRequests(await createTriggers(server, 'bench', TRIGGERS))
    const contestant =
      database === null
        ? oursEmbedded(label, server, requests)
        : oursOnPostgresql(label, server, requests, database, databases)
    const samples: Memory[] = []
    const sampler = setInterval(() => {
      const sample = memory(server.pid)
      if (sample !== null) samples.push(sample)
    }, SAMPLE_MS)
    defer(() => clearInterval(sampler))
    const seconds = profile.memorySeconds
    const run = await measure(contestant, { generator, connections: CONNECTIONS, round: 1, seconds, folder })
    report.addProblems(run.problems)
    return { label, accepted: run.successes, most: mostOf(samples), growth: growthOf(samples), samples }
  })

const mostOf = (samples: readonly Memory[]): Memory => ({
  residentMb: Math.max(...samples.map(({ residentMb }) => residentMb)),
  anonymousMb: Math.max(...samples.map(({ anonymousMb }) => anonymousMb)),
  peakMb: Math.max(...samples.map(({ peakMb }) => peakMb)),
})

function growthOf(samples: readonly Memory[]): number | null {
  if (samples.length < FLAT_SAMPLES_MIN) return null
  const resident = samples.map(({ residentMb }) => residentMb)
  return median(resident.slice(-SAMPLES_PER_MINUTE)) / median(resident.slice(0, SAMPLES_PER_MINUTE))
}
