/** Real databases for tests: whatever holds for one engine has to hold for the other. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { type Engine, embeddedEngine, postgresqlEngine } from '../../src/store/connection.ts'
import { silentLog } from './log.ts'
import { type Cluster, clusterMissing, createCluster } from './postgresql-cluster.ts'

export interface TestEngine {
  readonly engine: Engine
  /** Closes the engine, as often as it is called, and removes its database. */
  dispose(): Promise<void>
}

export interface EngineUnderTest {
  readonly name: 'postgresql' | 'embedded'
  /** Opens the engine on an empty database of its own. */
  open(): Promise<TestEngine>
}

/** A server of the caller's own, e.g. another version of PostgreSQL; its user must be allowed to create databases. */
const { TEST_DATABASE_URL: givenUrl = '' } = process.env

/** Why there is no PostgreSQL to test on, or `null` when there is one. */
export const postgresqlMissing: string | null = givenUrl === '' ? clusterMissing : null

/** For `describe.each`: the embedded database always, PostgreSQL where there is one. */
export const engines: readonly EngineUnderTest[] = [
  ...(postgresqlMissing === null ? [{ name: 'postgresql', open: openPostgresql } as const] : []),
  { name: 'embedded', open: openEmbedded } as const,
]

if (postgresqlMissing !== null) {
  process.stderr.write(
    `PostgreSQL is not tested: ${postgresqlMissing}; TEST_DATABASE_URL can name a server\n`,
  )
}

/** A new, empty database on the PostgreSQL server under test. */
export async function createTestDatabase(): Promise<{ readonly url: string; dispose(): Promise<void> }> {
  const server = givenUrl === '' ? (await sharedCluster()).url('postgres') : givenUrl
  const name = `attune_test_${randomBytes(8).toString('hex')}`
  await maintain(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    dispose: () => maintain(server, `drop database if exists ${name} with (force)`),
  }
}

let cluster: Promise<Cluster> | null = null

/** One for all tests of a process; it goes with the process. */
function sharedCluster(): Promise<Cluster> {
  cluster ??= createCluster()
  return cluster
}

async function maintain(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function openPostgresql(): Promise<TestEngine> {
  const { url, dispose } = await createTestDatabase()
  return { engine: postgresqlEngine(url), dispose }
}

async function openEmbedded(): Promise<TestEngine> {
  const path = mkdtempSync(join(tmpdir(), 'attune-test-'))
  const engine = await embeddedEngine(path, silentLog)
  return {
    engine,
    async dispose() {
      await engine.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
}
