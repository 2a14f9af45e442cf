/** The PostgreSQL server of a benchmark: a cluster of its own that loses nothing, or one that was given. */
import { randomBytes } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { createCluster } from '../test/support/postgresql-cluster.ts'
import { familyCpuSeconds, parentOf } from './proc.ts'

export interface DatabaseServer {
  readonly version: string
  /** CPU time of all its processes since its start; `null` when it runs on another host. */
  cpuSeconds(): number | null
  createDatabase(): Promise<Database>
  /** Drops its databases, and the cluster when it is our own. */
  dispose(): Promise<void>
}

export interface Database {
  readonly url: string
  /** For the benchmark's own questions, on a connection of its own. */
  readonly sql: Sql
  /** Writes out what earlier runs left in memory, so that no run pays for another one. */
  checkpoint(): Promise<void>
}

/** @param givenUrl - a server whose user may create databases; `null` makes a cluster with the settings of `initdb` */
export async function openDatabaseServer(givenUrl: string | null): Promise<DatabaseServer> {
  const cluster = givenUrl === null ? await createCluster([]) : null
  const serverUrl = givenUrl ?? cluster?.url('postgres') ?? ''
  const server = connect(serverUrl)
  const databases: { readonly name: string; readonly sql: Sql }[] = []
  const dispose = async (): Promise<void> => {
    await Promise.all(databases.map(({ sql }) => sql.end({ timeout: 1 })))
    if (cluster === null) {
      for (const { name } of databases) await server.unsafe(`drop database if exists ${name} with (force)`)
    }
    await server.end({ timeout: 1 })
    await cluster?.dispose()
  }
  try {
    const [row] = await server.unsafe<{ version: string; pid: number }[]>(
      "select current_setting('server_version') as version, pg_backend_pid() as pid",
    )
    if (row === undefined) throw new Error('The database server did not say its version.')
    const postmaster = isLoopback(serverUrl) ? parentOf(row.pid, 'postgres') : null
    return {
      version: row.version,
      cpuSeconds: () => (postmaster === null ? null : familyCpuSeconds(postmaster)),
      async createDatabase() {
        const name = `attune_bench_${randomBytes(6).toString('hex')}`
        await server.unsafe(`create database ${name}`)
        const url = new URL(serverUrl)
        url.pathname = `/${name}`
        const sql = connect(url.href)
        databases.push({ name, sql })
        return { url: url.href, sql, checkpoint: () => checkpoint(sql) }
      },
      dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

const connect = (url: string): Sql => postgres(url, { max: 1, onnotice: () => {} })

/** On a server that was given, its user may not be allowed to; then runs differ a little more. */
async function checkpoint(sql: Sql): Promise<void> {
  await sql.unsafe('checkpoint').catch(() => {})
}

/** A process id of another host would name some other process of this one. */
const isLoopback = (url: string): boolean =>
  ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(url).hostname)
