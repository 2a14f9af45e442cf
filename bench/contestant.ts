/** Whoever takes part in a run, and how what it stored is counted. */
import type { Database, DatabaseServer } from './database.ts'
import type { Ours } from './ours.ts'
import type { Server } from './processes.ts'
import { until } from './until.ts'
import type { WebhookRequest } from './webhook-request.ts'

export interface Contestant {
  readonly label: string
  readonly server: Server
  readonly requests: readonly WebhookRequest[]
  /** Whether every request is to be accepted, or none. */
  readonly expects: 'acceptance' | 'rejection'
  /** CPU time of its PostgreSQL; `null` when it has none of its own process. */
  readonly postgresqlCpu: () => number | null
  /** Starts counting; what it returns waits until nothing is under way, and says what came since. `null`: it stores nothing. */
  readonly startCounting: (() => Promise<() => Promise<Stored>>) | null
}

/** What one run left in the database. */
export interface Stored {
  readonly events: number
  /** Rows of the audit trail with status 200. */
  readonly logRows: number
  /** 200s that the server counts itself. */
  readonly answered: number
}

/** Long enough for a queue that is full, written a batch at a time. */
const SETTLE_MS_MAX = 20_000

export function oursOnPostgresql(
  label: string,
  server: Ours,
  requests: readonly WebhookRequest[],
  database: Database,
  databases: DatabaseServer,
): Contestant {
  const count = async (since: Date): Promise<Omit<Stored, 'answered'>> => {
    const [row] = await database.sql.unsafe<{ events: number; log_rows: number }[]>(
      `select
         (select count(*)::integer from attune.event where received_at >= $1) as events,
         (select count(*)::integer from attune.webhook_event_log where created >= $1 and status_code = 200) as log_rows`,
      [since],
    )
    return { events: row?.events ?? 0, logRows: row?.log_rows ?? 0 }
  }
  return {
    label,
    server,
    requests,
    expects: 'acceptance',
    postgresqlCpu: () => databases.cpuSeconds(),
    async startCounting() {
      await database.checkpoint()
      const before = await acceptedBy(server)
      const since = new Date()
      return () => settled(server, before, () => count(since))
    },
  }
}

/** Nobody else can look into the embedded database; its own statistics count rows in the transaction that writes them. */
export const oursEmbedded = (
  label: string,
  server: Ours,
  requests: readonly WebhookRequest[],
): Contestant => ({
  label,
  server,
  requests,
  expects: 'acceptance',
  postgresqlCpu: () => null,
  async startCounting() {
    const before = { accepted: await acceptedBy(server), ...(await embeddedTotals(server)) }
    return () =>
      settled(server, before.accepted, async () => {
        const now = await embeddedTotals(server)
        return { events: now.events - before.events, logRows: now.logRows - before.logRows }
      })
  },
})

export async function embeddedTotals({ admin }: Ours): Promise<Omit<Stored, 'answered'>> {
  const { data } = (await admin('GET', '/api/v1/stats')) as {
    data: { events_created: number; successful_requests: number }
  }
  return { events: data.events_created, logRows: data.successful_requests }
}

export const baseline = (
  server: Server,
  requests: readonly WebhookRequest[],
  database: Database,
  databases: DatabaseServer,
): Contestant => ({
  label: 'B',
  server,
  requests,
  expects: 'acceptance',
  postgresqlCpu: () => databases.cpuSeconds(),
  async startCounting() {
    await database.sql.unsafe('truncate baseline.event, baseline.log, baseline.rate_limit')
    await database.checkpoint()
    const progress = async () =>
      (await (await fetch(`${server.url}/progress`)).json()) as { in_flight: number; accepted: number }
    const before = (await progress()).accepted
    const count = async (): Promise<Stored> => {
      const [row] = await database.sql.unsafe<{ events: number; log_rows: number }[]>(
        `select (select count(*)::integer from baseline.event) as events,
                (select count(*)::integer from baseline.log) as log_rows`,
      )
      return {
        events: row?.events ?? 0,
        logRows: row?.log_rows ?? 0,
        answered: (await progress()).accepted - before,
      }
    }
    return () =>
      until(async () => ((await progress()).in_flight === 0 ? count() : null), SETTLE_MS_MAX, count)
  },
})

export const ceiling = (server: Server, requests: readonly WebhookRequest[]): Contestant => ({
  label: 'C',
  server,
  requests,
  expects: 'acceptance',
  postgresqlCpu: () => null,
  startCounting: null,
})

const acceptedBy = async (server: Ours): Promise<number> =>
  (await server.progress()).attempts.get('accepted') ?? 0

/** Two looks that are alike, between which nothing waited: what the generator left under way has been answered too. */
async function settled(
  server: Ours,
  acceptedBefore: number,
  count: () => Promise<Omit<Stored, 'answered'>>,
): Promise<Stored> {
  let last: Stored | null = null
  const look = async (): Promise<Stored | null> => {
    const { attempts, queued } = await server.progress()
    const now = { ...(await count()), answered: (attempts.get('accepted') ?? 0) - acceptedBefore }
    const isSettled =
      queued === 0 &&
      now.events === now.answered &&
      now.events === last?.events &&
      now.logRows === last.logRows
    last = now
    return isSettled ? now : null
  }
  return until(look, SETTLE_MS_MAX, () => last ?? { events: 0, logRows: 0, answered: 0 })
}
