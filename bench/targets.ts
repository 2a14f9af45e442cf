/** What the figures have to reach, on two cores that the server shares with its database and the load generator. */
interface Target {
  readonly name: string
  readonly bound: 'least' | 'most'
  readonly limit: number
  /** Empty for a ratio. */
  readonly unit: string
}

const atLeast = (limit: number, name: string): Target => ({ name, bound: 'least', limit, unit: '' })
const atMost = (limit: number, unit: string, name: string): Target => ({ name, bound: 'most', limit, unit })

export const TARGETS = {
  acceptedToBaseline: atLeast(12, 'accepted, PostgreSQL, 64 connections: A/B'),
  acceptedToCeiling: atLeast(0.5, 'accepted, PostgreSQL, 256 connections: A/C'),
  embeddedToBaseline: atLeast(10, 'accepted, embedded, 64 connections: A/B (B on PostgreSQL)'),
  rejectedToCeiling: atLeast(0.8, 'rejected at steps 3, 5, 6, 7: A/C (the lowest)'),
  schemeToGeneric: atLeast(0.9, 'accepted, PostgreSQL, 64 connections: scheme of a sender / generic HMAC'),
  tail: atMost(5, '', 'p99 / p50 at half of the peak rate, open-loop, PostgreSQL'),
  memoryPostgresql: atMost(150, 'MB', 'resident memory under load, PostgreSQL'),
  memoryEmbedded: atMost(450, 'MB', 'resident memory under load, embedded'),
  growthPostgresql: atMost(1.1, '', 'resident memory, last minute of ten / first, PostgreSQL'),
  growthEmbedded: atMost(1.1, '', 'resident memory, last minute of ten / first, embedded'),
  startPostgresql: atMost(0.4, 's', 'start to first 200, PostgreSQL'),
  startEmbeddedAgain: atMost(0.9, 's', 'start to first 200, embedded again'),
  startEmbeddedFirst: atMost(1.6, 's', 'start to first 200, embedded first time'),
  scale: atLeast(0.9, 'throughput with 100,000 triggers and 10 million audit rows / empty database'),
  page: atMost(50, 'ms', 'event log page at 10 million audit rows (the slowest filter)'),
  console: atMost(150, 'ms', 'any answer to a page of the console at 10 million audit rows (the slowest)'),
  statistics: atMost(100, 'ms', 'statistics at 10 million audit rows'),
  retention: atMost(1, 's', 'retention: dropping a million rows, intake unaffected'),
} as const satisfies Record<string, Target>

export type TargetName = keyof typeof TARGETS
