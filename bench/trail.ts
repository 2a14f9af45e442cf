import type { Database } from './database.ts'
import type { Ours } from './ours.ts'
import { until } from './until.ts'

/** Rejections of a flood are merged and wait for the end of their interval, a few seconds each time. */
const TRAIL_MS_MAX = 30_000

interface Totals {
  readonly attempts: number
  readonly rateLimited: number
  readonly hmacFailures: number
  readonly ipBlocked: number
}

/**
 * Waits until the audit trail holds every attempt that the server has answered since it was started on this database.
 *
 * @param answers - attempts whose answers the load generator has read
 * @returns what does not agree, in words
 */
export async function problemsOfTrail(server: Ours, database: Database, answers: number): Promise<string[]> {
  const compare = async () => ({ told: await told(server), kept: await kept(database) })
  const agree = async () => {
    const both = await compare()
    return Bun.deepEquals(both.told, both.kept) ? both : null
  }
  const both = await until(agree, TRAIL_MS_MAX, compare)
  const [attempts, trail] = [JSON.stringify(both.told), JSON.stringify(both.kept)]
  return [
    ...(attempts === trail ? [] : [`the server has answered ${attempts}, and the audit trail has ${trail}`]),
    ...(both.kept.attempts >= answers ? [] : [`${answers} attempts were answered; the trail has ${trail}`]),
  ]
}

async function told(server: Ours): Promise<Totals> {
  const { attempts } = await server.progress()
  return {
    attempts: [...attempts.values()].reduce((sum, count) => sum + count, 0),
    rateLimited: attempts.get('rate_limited') ?? 0,
    hmacFailures: attempts.get('signature_invalid') ?? 0,
    ipBlocked: attempts.get('ip_not_allowed') ?? 0,
  }
}

async function kept({ sql }: Database): Promise<Totals> {
  const [row] = await sql.unsafe<Totals[]>(
    `select sum(total_requests)::integer as attempts, sum(rate_limited_requests)::integer as "rateLimited",
            sum(hmac_failures)::integer as "hmacFailures", sum(ip_blocked_requests)::integer as "ipBlocked"
     from attune.webhook_stats_detailed`,
  )
  if (row === undefined) throw new Error('The statistics returned no row.')
  return { ...row }
}
