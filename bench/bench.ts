/** What every section is given. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Programs } from './build.ts'
import type { Database, DatabaseServer } from './database.ts'
import type { Generator } from './generator.ts'
import { type Ours, startOurs } from './ours.ts'
import { type Server, startServer } from './processes.ts'
import type { Profile } from './profile.ts'
import type { Report } from './report.ts'
import type { SenderKey } from './webhook-request.ts'

export interface Bench {
  readonly profile: Profile
  readonly programs: Programs
  readonly databases: DatabaseServer
  readonly generator: Generator
  readonly report: Report
  /** For files that are gone at the end. */
  readonly folder: string
}

/** Takes what has to be undone at the end of a scope. */
export type Defer = (step: () => Promise<unknown> | unknown) => void

/** Starts ours until the end of the scope, in a data directory of its own; `null` is the embedded database. */
export async function openOurs(
  { programs, folder }: Bench,
  database: Database | null,
  defer: Defer,
  env: Readonly<Record<string, string>> = {},
): Promise<Ours> {
  const home = mkdtempSync(join(folder, 'data-'))
  defer(() => rmSync(home, { recursive: true, force: true }))
  const dataDirectory = join(home, 'attune-data')
  const databaseUrl = database?.url ?? null
  const server = await startOurs({ binary: programs.ours, databaseUrl, dataDirectory, env })
  defer(() => server.stop())
  return server
}

/** Starts B on a schema of its own in the given database, with the triggers of ours. */
export async function openBaseline(
  { programs }: Bench,
  database: Database,
  senders: readonly SenderKey[],
  whitelist: readonly string[],
  defer: Defer,
): Promise<Server> {
  const { default: schema } = await import('./baseline.sql', { with: { type: 'text' } })
  await database.sql.unsafe(schema)
  await database.sql.unsafe(
    `insert into baseline.trigger (
       ref, webhook_key, hmac_secret, rate_limit_requests, rate_limit_window_seconds, ip_whitelist
     )
     select s.ref, s.key, s.secret, 10000, 1, $2::text[]::inet[]
     from json_to_recordset($1::text::json) as s (ref text, key text, secret text)`,
    [JSON.stringify(senders), [...whitelist]],
  )
  const server = await startServer({
    name: 'baseline',
    command: [programs.baseline],
    env: { DATABASE_URL: database.url },
    talksOn: 'stdout',
    urlField: 'url',
  })
  defer(() => server.stop())
  return server
}

/** Starts C, which knows the secrets of the given triggers. */
export async function openCeiling(
  { programs }: Bench,
  senders: readonly SenderKey[],
  defer: Defer,
): Promise<Server> {
  const secrets = Object.fromEntries(senders.map(({ key, secret }) => [key, secret]))
  const server = await startServer({
    name: 'ceiling',
    command: [programs.ceiling],
    env: { SECRETS: JSON.stringify(secrets) },
    talksOn: 'stdout',
    urlField: 'url',
  })
  defer(() => server.stop())
  return server
}
