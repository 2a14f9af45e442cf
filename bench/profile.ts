/** How long everything takes: the more rounds and seconds, the less a figure depends on chance. */
export interface Profile {
  readonly name: 'short' | 'full' | 'long'
  readonly connections: readonly number[]
  readonly rounds: number
  readonly seconds: number
  /** The same in the sections rejected and scale. */
  readonly sideSeconds: number
  readonly warmSeconds: number
  readonly openLoopSeconds: number
  readonly latencyEngines: readonly ('PostgreSQL' | 'embedded')[]
  readonly memorySeconds: number
  readonly starts: number
  /** The size of the database of the sections scale, pages and retention. */
  readonly triggers: number
  readonly auditRows: number
  /** Rows of the partitions that retention drops. */
  readonly expiredRows: number
  readonly repetitions: number
}

const FULL: Profile = {
  name: 'full',
  connections: [16, 64, 256],
  rounds: 3,
  seconds: 8,
  sideSeconds: 6,
  warmSeconds: 4,
  openLoopSeconds: 20,
  latencyEngines: ['PostgreSQL', 'embedded'],
  memorySeconds: 60,
  starts: 5,
  triggers: 100_000,
  auditRows: 10_000_000,
  expiredRows: 1_000_000,
  repetitions: 20,
}

export const PROFILES: Readonly<Record<Profile['name'], Profile>> = {
  full: FULL,
  /** Ten minutes of load show whether memory stays where it is. */
  long: { ...FULL, name: 'long', memorySeconds: 600 },
  /** Says that everything works, and roughly how fast, within 90 seconds. */
  short: {
    name: 'short',
    connections: [64, 256],
    rounds: 1,
    seconds: 2,
    sideSeconds: 1,
    warmSeconds: 1,
    openLoopSeconds: 2,
    latencyEngines: ['PostgreSQL'],
    memorySeconds: 2,
    starts: 1,
    triggers: 1_000,
    auditRows: 100_000,
    expiredRows: 20_000,
    repetitions: 3,
  },
}
