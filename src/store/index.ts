import type { Administrator } from '../core/administrator.ts'
import { ADMIN_QUERY_MS_MAX, PAYLOAD_INDEX_PRESSED_ROWS, QUERY_MS_MAX } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Sealing } from '../core/sealing.ts'
import { Activity } from './activity.ts'
import { AdminAuditLog } from './admin-audit-log.ts'
import { AdminDatabase } from './admin-database.ts'
import { AdminSessions } from './admin-sessions.ts'
import { ApiTokens } from './api-tokens.ts'
import { type Engine, Pool } from './connection.ts'
import { Events } from './events.ts'
import { Handshakes } from './handshakes.ts'
import { type BatchFigures, IntakeWriter } from './intake-writer.ts'
import { LogTail } from './log-tail.ts'
import { Maintenance } from './maintenance.ts'
import { migrate } from './migrate.ts'
import { PayloadIndexer } from './payload-indexer.ts'
import { Previews } from './previews.ts'
import { RateLimitCounter } from './rate-limit-counter.ts'
import { RejectedBodies, RejectedBodyWriter } from './rejected-bodies.ts'
import { SecretUses } from './secret-uses.ts'
import { Stats } from './stats.ts'
import { TriggerCache } from './trigger-cache.ts'
import { Triggers } from './triggers.ts'
import { Verifications } from './verifications.ts'
import { WebhookEventLog } from './webhook-event-log.ts'

/** The only room that speaks SQL: what the two planes may do with it. */
export interface Store {
  readonly engine: Engine
  /** For the receiver. */
  readonly triggerCache: TriggerCache
  readonly rateLimitCounter: RateLimitCounter
  readonly intakeWriter: IntakeWriter
  readonly secretUses: SecretUses
  readonly rejectedBodyWriter: RejectedBodyWriter
  readonly handshakes: Handshakes
  /** For administrators. */
  readonly triggers: Triggers
  readonly verifications: Verifications
  readonly events: Events
  readonly webhookEventLog: WebhookEventLog
  readonly logTail: LogTail
  readonly activity: Activity
  readonly rejectedBodies: RejectedBodies
  readonly stats: Stats
  readonly previews: Previews
  readonly adminAuditLog: AdminAuditLog
  readonly apiTokens: ApiTokens
  readonly adminSessions: AdminSessions
  /** Engine and version, for people to read. */
  databaseVersion(): Promise<string>
  /** The same store, whose changes stand in the admin audit log as those of `administrator`, not of the database user. */
  as(administrator: Administrator): Store
  /** Flushes what waits, and closes the database. */
  close(deadlineMs: number): Promise<void>
}

export interface StoreOptions {
  readonly engine: Engine
  readonly log: Log
  readonly retentionDays: number
  readonly onBatch: (figures: BatchFigures) => void
  /** False where another process of this host migrates the schema and looks after it. */
  readonly maintains?: boolean
  /** False: payloads are neither indexed nor searched. */
  readonly payloadSearch?: boolean
  /** Without it secrets are stored in plain. */
  readonly sealing?: Sealing
}

/** Statements of the receiver are ended by the server a little after the receiver has given them up. */
const RECEIVER_STATEMENT_MS_MAX = 2 * QUERY_MS_MAX

const MAINTENANCE_STATEMENT_MS_MAX = 120_000

/**
 * Opens the store, whose database is migrated first. Pools are apart so that no admin query stands before an attempt: one
 * for intake, one for look-ups and counts, one for administrators, one for maintenance.
 *
 * @throws MigrationError when the schema cannot be brought to what this binary needs
 */
export async function openStore({
  engine,
  log,
  retentionDays,
  onBatch,
  maintains = true,
  payloadSearch = true,
  sealing = new Sealing(null),
}: StoreOptions): Promise<Store> {
  const maintenancePool = new Pool(engine, {
    name: 'maintenance',
    connectionsMax: 2,
    statementMsMax: MAINTENANCE_STATEMENT_MS_MAX,
  })
  if (maintains) await migrate(maintenancePool.sql)
  await warnOfNoSync(maintenancePool, log)
  const intakePool = new Pool(engine, {
    name: 'intake',
    onClose: () => rateLimitCounter.noteConnectionLost(),
    connectionsMax: 1,
    statementMsMax: 2 * RECEIVER_STATEMENT_MS_MAX,
  })
  const lookupPool = new Pool(engine, {
    name: 'checks',
    connectionsMax: 2,
    statementMsMax: RECEIVER_STATEMENT_MS_MAX,
  })
  const rateLimitCounter = new RateLimitCounter(lookupPool, () => intakeWriter.countSoon())
  const adminOptions = { name: 'admin', connectionsMax: 4, statementMsMax: ADMIN_QUERY_MS_MAX }
  const database = new AdminDatabase(engine, adminOptions)
  // Of their own, so that nobody who has just signed in waits behind what administrators are searching for.
  const signInPool = new Pool(engine, {
    name: 'sign-in',
    connectionsMax: 2,
    statementMsMax: ADMIN_QUERY_MS_MAX,
  })

  const webhookEventLog = new WebhookEventLog(database)
  const maintenance = new Maintenance(engine, maintenancePool, log, retentionDays)
  const triggerCache = new TriggerCache(lookupPool, sealing, log)
  const secretUses = new SecretUses(maintenancePool, log)
  const rejectedBodyWriter = new RejectedBodyWriter(maintenancePool, log)
  const intakeWriter: IntakeWriter = new IntakeWriter(intakePool, rateLimitCounter, log, onBatch)
  const payloadPool = new Pool(engine, {
    name: 'payload-search',
    connectionsMax: 1,
    statementMsMax: MAINTENANCE_STATEMENT_MS_MAX,
  })
  const payloadIndexer = new PayloadIndexer({
    engine,
    pool: payloadPool,
    log,
    isPressed: () => intakeWriter.queueLength >= PAYLOAD_INDEX_PRESSED_ROWS,
  })
  if (maintains) await maintenance.start()
  if (maintains && payloadSearch) payloadIndexer.start()
  await triggerCache.start()
  if (engine.kind === 'postgresql') await listen(maintenancePool, triggerCache, log)

  const changedBy = (owner: AdminDatabase) => ({
    triggers: new Triggers(owner, triggerCache, sealing),
    verifications: new Verifications(owner, triggerCache, sealing),
    handshakes: new Handshakes(owner, triggerCache, sealing),
    rejectedBodies: new RejectedBodies(owner, sealing),
    apiTokens: new ApiTokens(owner),
    adminAuditLog: new AdminAuditLog(owner),
  })
  const store: Store = {
    engine,
    triggerCache,
    rateLimitCounter,
    intakeWriter,
    secretUses,
    rejectedBodyWriter,
    ...changedBy(database),
    as: (administrator) => ({ ...store, ...changedBy(database.as(administrator)) }),
    events: new Events(database, payloadSearch),
    webhookEventLog,
    logTail: new LogTail(webhookEventLog, log),
    activity: new Activity(database),
    stats: new Stats(database),
    previews: new Previews(database),
    adminSessions: new AdminSessions(signInPool),
    async databaseVersion() {
      const [row] = await database.statement((sql) =>
        sql.unsafe<{ version: string }[]>("select current_setting('server_version') as version"),
      )
      return `${engine.kind === 'embedded' ? 'embedded PostgreSQL' : 'PostgreSQL'} ${row?.version ?? ''}`
    },
    async close(deadlineMs) {
      const closeSeconds = 2
      maintenance.stop()
      await payloadIndexer.stop()
      rateLimitCounter.stop()
      await intakeWriter.flush(deadlineMs)
      triggerCache.stop()
      await secretUses.stop()
      await rejectedBodyWriter.flush()
      await Promise.all([
        ...[maintenancePool, payloadPool, intakePool, lookupPool].map((pool) => pool.close(closeSeconds)),
        database.close(closeSeconds),
        signInPool.close(closeSeconds),
      ])
      await engine.close()
    },
  }
  return store
}

/** The intake statement sees to it that its commit waits for the disk; a server that never syncs can only be reported. */
async function warnOfNoSync(pool: Pool, log: Log): Promise<void> {
  const [row] = await pool.sql.unsafe<{ fsync: string }[]>("select current_setting('fsync') as fsync")
  if (row?.fsync === 'on') return
  log.error('the PostgreSQL server runs with fsync = off: a crash of its host can lose acknowledged webhooks')
}

/**
 * NOTIFY makes a change known at once instead of at the next poll. It is a hint: a lost one costs half a second. The embedded
 * database has only this process to change it, and needs none.
 */
async function listen(pool: Pool, cache: TriggerCache, log: Log): Promise<void> {
  try {
    await pool.sql.listen('attune_trigger', () => void cache.poll())
  } catch {
    log.warn('LISTEN is not available; changes made with psql take up to half a second')
  }
}
