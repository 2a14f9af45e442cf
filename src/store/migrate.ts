import { createHash } from 'node:crypto'
import type { Sql } from 'postgres'
import { MIGRATIONS } from '../../drizzle/migrations.ts'
import { OperatorError } from '../core/operator-error.ts'
import { explainFault } from './connection.ts'

/** One file of `drizzle/`: the number it starts with, its name, its statements. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

export interface MigrationResult {
  /** Names of the files that this call applied; empty when the schema was up to date. */
  readonly applied: readonly string[]
  /** How many files the schema has behind it now. */
  readonly version: number
}

/** Why a schema cannot be brought to what this binary needs; the message is for the operator. */
export class MigrationError extends OperatorError {
  override readonly name = 'MigrationError'
}

const STATEMENT_BREAKPOINT = '--> statement-breakpoint'

/** Any two processes that migrate one database agree on this number, and on nothing else. */
const ADVISORY_LOCK = 7_265_318_041

interface AppliedMigration {
  version: number
  name: string
  checksum: string
}

/**
 * Brings the schema `attune` to what this binary needs: one transaction a file, one process at a time, each file
 * compared with the checksum it was applied under.
 *
 * @throws MigrationError when the schema is newer than the binary, an applied file has changed since, or the database refuses
 */
export async function migrate(
  sql: Sql,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<MigrationResult> {
  const applied: string[] = []
  await explained('The schema attune cannot be used', () =>
    sql.begin(async (tx) => {
      await tx.unsafe(`select pg_advisory_xact_lock(${ADVISORY_LOCK})`)
      await createLedger(tx as unknown as Sql)
    }),
  )
  for (const [version, migration] of migrations.entries()) {
    const done = await explained(`Migration ${migration.name} did not succeed, and nothing of it stays`, () =>
      sql.begin((tx) => applyOne(tx as unknown as Sql, migrations, version, migration)),
    )
    if (done) applied.push(migration.name)
  }
  return { applied, version: migrations.length }
}

/** What the database refuses becomes a sentence for the operator. */
async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof MigrationError) throw error
    throw new MigrationError(`${what}: ${explainFault(error)}`)
  }
}

async function createLedger(tx: Sql): Promise<void> {
  // Looked for first: making what is there asks for rights that a role which only serves need not have.
  const [ledger] = await tx.unsafe<{ found: boolean }[]>(
    "select to_regclass('attune.schema_migration') is not null as found",
  )
  if (ledger?.found === true) return
  await tx.unsafe('create schema if not exists attune')
  await tx.unsafe(`
    create table if not exists attune.schema_migration (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied timestamptz not null default now()
    )`)
}

/** The lock is taken again for each file, and the ledger read behind it: another process may have come first. */
async function applyOne(
  tx: Sql,
  migrations: readonly Migration[],
  version: number,
  migration: Migration,
): Promise<boolean> {
  await tx.unsafe(`select pg_advisory_xact_lock(${ADVISORY_LOCK})`)
  const ledger = await tx.unsafe<AppliedMigration[]>(
    'select version, name, checksum from attune.schema_migration order by version',
  )
  checkLedger(ledger, migrations)
  if (ledger.length > version) return false
  for (const statement of migration.sql.split(STATEMENT_BREAKPOINT)) {
    await tx.unsafe(statement)
  }
  await tx.unsafe('insert into attune.schema_migration (version, name, checksum) values ($1, $2, $3)', [
    version,
    migration.name,
    checksum(migration.sql),
  ])
  return true
}

function checkLedger(ledger: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  if (ledger.length > migrations.length) {
    const newest = ledger.at(-1)
    throw new MigrationError(
      `The database has ${ledger.length} migrations (the newest is ${newest?.name}), this binary knows ` +
        `${migrations.length}. It was migrated by a newer release: run that release or a later one.`,
    )
  }
  for (const [index, row] of ledger.entries()) {
    const known = migrations[index]
    if (known === undefined || row.version !== index || row.name !== known.name) {
      throw new MigrationError(
        `Migration ${index} of the database is ${row.name}, this binary has ${known?.name ?? 'none'} there. ` +
          'The database belongs to another line of releases.',
      )
    }
    if (row.checksum !== checksum(known.sql)) {
      throw new MigrationError(
        `Migration ${row.name} was applied with another content than this binary has. Restore the database ` +
          'from a backup, or run the release that applied it.',
      )
    }
  }
}

const checksum = (text: string): string => createHash('sha256').update(text).digest('hex')
