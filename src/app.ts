import { createAdmin } from './admin/index.ts'
import { loadAdminToken } from './admin-token.ts'
import { type Config, publicUrlOf } from './config.ts'
import {
  ADMIN_BODY_BYTES_MAX,
  BODY_BYTES_MARGIN,
  DRAIN_MS_MAX,
  FLUSH_MS_MAX,
  IDLE_SECONDS_MAX,
} from './core/limits.ts'
import type { Log } from './core/log.ts'
import { OperatorError } from './core/operator-error.ts'
import { socketPeer } from './http/client-address.ts'
import { createMetrics } from './http/metrics.ts'
import { createReceiver } from './receiver/index.ts'
import { type Engine, embeddedEngine, postgresqlEngine } from './store/connection.ts'
import { openStore, type Store } from './store/index.ts'
import { type MigrationResult, migrate as migrateSchema } from './store/migrate.ts'
import { waitForDatabase } from './store/wait-for-database.ts'
import { VERSION } from './version.ts'

export interface RunningApp {
  readonly receiverUrl: string
  readonly adminUrl: string
  /** Where the admin token is, when it was not given as a setting. */
  readonly adminTokenPath: string | null
  /** Stops accepting, finishes what is in flight, flushes the audit queue and closes the database. */
  stop(): Promise<void>
  /** Settles when the process can no longer do its work and has to be started anew. */
  readonly failed: Promise<Error>
}

/**
 * Wires the rooms together, and listens when all of them stand.
 *
 * @param signal - ends the wait for a database that is not up yet; what it then throws is the signal's reason
 */
export async function startApp(config: Config, log: Log, signal: AbortSignal): Promise<RunningApp> {
  const admin = loadAdminToken(config)
  const engine = await openEngine(config, log, signal)
  let stopping = false
  const isReady = () => !stopping && store.triggerCache.available && store.intakeWriter.available
  const metrics = createMetrics({ queues: () => queueLengths(store), isReady })
  const store = await openStore({
    engine,
    log,
    retentionDays: config.retentionDays,
    onBatch: metrics.observeBatch,
  }).catch(async (error) => {
    await engine.close()
    throw error
  })
  const receiver = createReceiver({
    log,
    triggerCache: store.triggerCache,
    rateLimitCounter: store.rateLimitCounter,
    intakeWriter: store.intakeWriter,
    metrics,
    trustedProxies: config.trustedProxies,
    bodyBytesMax: config.bodyBytesMax,
    peerAddress: socketPeer,
  })
  const servers: Listener[] = []
  try {
    const receiverServer = listen(receiver, config.host, config.port, Number.MAX_SAFE_INTEGER)
    servers.push(receiverServer)
    const adminApp = createAdmin({
      store,
      token: admin.token,
      publicUrl: publicUrlOf(config, receiverServer.port),
      log,
      metrics,
      version: VERSION,
      isReady,
    })
    const adminServer = listen(
      adminApp,
      config.adminHost,
      config.adminPort,
      ADMIN_BODY_BYTES_MAX + BODY_BYTES_MARGIN,
    )
    servers.push(adminServer)
    return {
      receiverUrl: urlOf(config.host, receiverServer.port),
      adminUrl: urlOf(config.adminHost, adminServer.port),
      adminTokenPath: admin.path,
      failed: engine.failed,
      async stop() {
        stopping = true
        await Promise.all(servers.map((server) => drain(server)))
        await store.close(FLUSH_MS_MAX)
      },
    }
  } catch (error) {
    for (const server of servers) await server.stop(true)
    await store.close(FLUSH_MS_MAX)
    throw error
  }
}

/** Brings the schema up to date and does nothing else. */
export async function migrate(config: Config, log: Log): Promise<MigrationResult> {
  const engine = await openEngine(config, log)
  const sql = engine.createPool({ name: 'migrate', connectionsMax: 1, statementMsMax: 0 })
  try {
    return await migrateSchema(sql)
  } finally {
    await sql.end({ timeout: 1 })
    await engine.close()
  }
}

async function openEngine(config: Config, log: Log, signal?: AbortSignal): Promise<Engine> {
  if (config.databaseUrl === null) return embeddedEngine(config.dataDir, log)
  const engine = postgresqlEngine(config.databaseUrl)
  await waitForDatabase(engine, log, signal)
  return engine
}

const queueLengths = ({ intakeWriter, triggerCache, rateLimitCounter }: Store) => ({
  intake: intakeWriter.queueLength,
  audit: intakeWriter.auditQueueLength,
  lookups: triggerCache.lookupQueueLength,
  rateLimit: rateLimitCounter.queueLength,
})

interface Listener {
  readonly port: number
  stop(now?: boolean): Promise<void>
}

interface Listening {
  listen(options: object): {
    server: { port?: number | undefined; stop(now?: boolean): Promise<void> } | null
  }
}

/**
 * @param bodyBytesMax - Bun answers a declared length above this before any of our code runs, so no row would be written; the
 *   receiver counts bytes itself and lets none in that it has not asked for
 */
function listen(app: Listening, hostname: string, port: number, bodyBytesMax: number): Listener {
  const options = {
    hostname,
    port,
    // A second process on the same port would take half of the requests without a word.
    reusePort: false,
    maxRequestBodySize: bodyBytesMax,
    idleTimeout: IDLE_SECONDS_MAX,
    development: false,
  }
  let server: ReturnType<Listening['listen']>['server']
  try {
    server = app.listen(options).server
  } catch (error) {
    const code = (error as { code?: unknown }).code
    throw new OperatorError(
      code === 'EADDRINUSE'
        ? `Another process listens on ${hostname}:${port}. Stop it, or choose another port.`
        : `Listening on ${hostname}:${port} did not succeed (${String(code ?? 'unknown fault')}). Is it an address of this host?`,
    )
  }
  if (server?.port === undefined) throw new OperatorError(`Listening on ${hostname}:${port} did not succeed.`)
  return { port: server.port, stop: (now) => server.stop(now) }
}

/** Requests in flight are finished; who is not done by then is cut off. */
async function drain(server: Listener): Promise<void> {
  await Promise.race([server.stop(), Bun.sleep(DRAIN_MS_MAX)])
  await server.stop(true)
}

const urlOf = (host: string, port: number): string => {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}
