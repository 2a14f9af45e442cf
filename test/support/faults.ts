/** The stage of the fault suite: the binary, a PostgreSQL server that syncs, and a way between them that can fail. */
import { expect, setDefaultTimeout } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import postgres, { type Sql } from 'postgres'
import { ACCEPT_MS_MAX, AUDIT_MERGE_INTERVAL_MS, QUERY_MS_MAX } from '../../src/core/limits.ts'
import { type Installation, install, type Server, type TriggerSettings, type Webhook } from './binary.ts'
import { eventually } from './eventually.ts'
import { expectOnlySuccessOr5xx, expectStoredOnce, type Load, storedBySql } from './load.ts'
import { type Cluster, createCluster, DURABLE } from './postgresql-cluster.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

const { FAULTS_LONG } = process.env

/** `bun run test:faults --long`: more of everything, and for longer. */
export const isLong = FAULTS_LONG === '1'

/** The value for the short form and the one for the long form. */
export const shortOrLong = <Value>(short: Value, long: Value): Value => (isLong ? long : short)

setDefaultTimeout(shortOrLong(120_000, 1_200_000))

export const createDurableCluster = (): Promise<Cluster> => createCluster(DURABLE)

export interface Scene {
  readonly installation: Installation
  readonly server: Server
  readonly webhook: Webhook
  /** Straight to the database, past the proxy. */
  readonly sql: Sql
  readonly proxy: TcpProxy
  dispose(): Promise<void>
}

/** The binary on a database of its own in this cluster, behind a proxy, with one trigger. */
export async function openScene(cluster: Cluster, trigger: TriggerSettings = {}): Promise<Scene> {
  const database = `faults_${randomBytes(6).toString('hex')}`
  const direct = new URL(cluster.url(database))
  await withSql(cluster.url('postgres'), (sql) => sql.unsafe(`create database ${database}`))
  const proxy = await startTcpProxy(Number(direct.port))
  const proxied = new URL(direct)
  proxied.port = String(proxy.port)
  const installation = await install()
  const server = await installation.serve({ DATABASE_URL: proxied.href })
  const sql = openSql(direct.href)
  return {
    installation,
    server,
    webhook: await server.createTrigger('faults.push', trigger),
    sql,
    proxy,
    async dispose() {
      await installation.dispose()
      await proxy.close()
      await sql.end({ timeout: 1 })
    },
  }
}

const openSql = (url: string): Sql =>
  postgres(url, {
    max: 4,
    onnotice: () => {},
    connection: { application_name: 'faults' },
    backoff: () => 0.1,
  })

async function withSql<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openSql(url)
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Takes longer than any of our own waits for a database that has come back. */
const RESUME_MS_MAX = 20_000

/** Webhooks are accepted again, and not just one. */
export async function resumed(load: Load): Promise<void> {
  const before = load.acknowledged.size
  await eventually(() => load.acknowledged.size > before + 50, RESUME_MS_MAX)
}

/** Runs until a load has so many more acknowledged events than now. */
export async function acknowledgedMore(load: Load, events: number): Promise<void> {
  const before = load.acknowledged.size
  await eventually(() => load.acknowledged.size >= before + events, RESUME_MS_MAX)
}

/** The metric, or 0 when it has not been counted yet. */
export async function metric(server: Server, name: string): Promise<number> {
  const { text } = await server.api('GET', '/metrics')
  const line = text.split('\n').find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`))
  return Number(line?.split(' ').at(-1) ?? 0)
}

/**
 * Waits until every attempt that was answered is in the trail, neither more nor less: as a row, as one of the attempts of a
 * merged row, or, when the database was away before its trigger was known, as a count.
 */
export async function expectTrailExact({ server, sql }: Scene, ...loads: Load[]): Promise<void> {
  const [ref] = loads.map((load) => load.ref)
  if (ref === undefined || loads.some((load) => load.ref !== ref)) throw new Error('loads of one trigger')
  const statuses = loads.map((load) => Object.fromEntries(load.statuses))
  const answered = loads.flatMap((load) => [...load.statuses.values()]).reduce((sum, count) => sum + count, 0)
  let trail = {}
  const counts = async () => {
    const unavailable = await metric(server, 'attune_unavailable_attempts_total')
    const [row] = await sql<{ attempts: number; counted: number }[]>`
      select
        (select coalesce(sum(attempts), 0)::int from attune.webhook_event_log where trigger_ref = ${ref}) as attempts,
        (select total_requests::int from attune.webhook_stats_detailed where trigger_ref = ${ref}) as counted`
    trail = { unavailable, ...row }
    return row !== undefined && row.attempts + unavailable === answered && row.counted === row.attempts
  }
  await eventually(counts, 3 * AUDIT_MERGE_INTERVAL_MS).catch(() => {
    throw new Error(`the trail is not exact: ${JSON.stringify({ answered, statuses, ...trail })}`)
  })
}

/** A look-up that waits behind another, a count, and the accept; then an answer on a busy machine. */
export const ANSWER_MS_MAX = 3 * QUERY_MS_MAX + ACCEPT_MS_MAX + 2_000

/**
 * The end of a fault: what was acknowledged is stored once, what was answered is in the trail, and every sender had a 200 or a 503
 * in time.
 *
 * @param others - what else was sent to the same trigger
 */
export async function settle(scene: Scene, load: Load, ...others: Load[]): Promise<void> {
  await load.stop()
  expectOnlySuccessOr5xx(load)
  expect(load.cutOff).toBe(0)
  expect(load.slowestMs).toBeLessThan(ANSWER_MS_MAX)
  await expectTrailExact(scene, load, ...others)
  expectStoredOnce(load, await storedBySql(scene.sql, load.ref))
  expect(await scene.server.stop()).toBe(0)
  // Throws when anything but log entries was written.
  scene.server.logLines()
}

/** Resident memory of a process, in MiB. */
export function residentMib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1]) / 1024
}
