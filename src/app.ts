import { createAdmin } from './admin/index.ts'
import { loadAdminToken } from './admin-token.ts'
import { type Config, publicUrlOf } from './config.ts'
import type { EffectiveSetting } from './core/administrator.ts'
import { FLUSH_MS_MAX } from './core/limits.ts'
import type { Log } from './core/log.ts'
import type { Sealing } from './core/sealing.ts'
import { createCertificateFetcher } from './http/certificates.ts'
import { socketPeer } from './http/client-address.ts'
import { createConfirmer } from './http/confirmations.ts'
import { type Listener, listen, probePort } from './http/listener.ts'
import { createMetrics, type Metrics, renderSnapshots } from './http/metrics.ts'
import { loadSealing } from './master-keys.ts'
import { loadPages } from './pages.ts'
import type { RunningReceiver } from './processes/receiver-process.ts'
import { Supervisor, type SupervisorOptions } from './processes/supervisor.ts'
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

/** How a process that receives is started, and where its log goes. */
export type ReceiverProcesses = Pick<SupervisorOptions, 'startChild' | 'writeLine'>

/**
 * Wires the rooms together, and listens when all of them stand: in this one process, or with several that receive.
 *
 * @param signal - ends the wait for a database that is not up yet; what it then throws is the signal's reason
 * @param processes - how to start a receiver process
 * @param settings - as they are shown to administrators, without secrets
 */
export function startApp(
  config: Config,
  log: Log,
  signal: AbortSignal,
  processes: ReceiverProcesses,
  settings: readonly EffectiveSetting[],
): Promise<RunningApp> {
  return config.processes === 1
    ? startWhole(config, log, signal, settings)
    : startSupervised(config, log, signal, processes, settings)
}

/** Receiver and admin in this process. */
async function startWhole(
  config: Config,
  log: Log,
  signal: AbortSignal,
  settings: readonly EffectiveSetting[],
): Promise<RunningApp> {
  const admin = loadAdminToken(config)
  const pages = await loadPages()
  const sealing = sealingOf(config, log)
  const engine = await openEngine(config, log, signal)
  let stopping = false
  const isReady = () => !stopping && canStore(store)
  const metrics = createMetrics({ queues: () => queueLengths(store), isReady })
  const store = await open({ engine, config, log, metrics, maintains: true, sealing })
  const listeners: Listener[] = []
  try {
    const receiver = listenForWebhooks({ config, log, store, metrics, port: config.port, isShared: false })
    listeners.push(receiver)
    const { port } = receiver
    const adminListener = listenForAdmins({
      config,
      log,
      store,
      metrics,
      token: admin.token,
      port,
      isReady,
      pages,
      settings,
    })
    listeners.push(adminListener)
    return {
      receiverUrl: urlOf(config.host, port),
      adminUrl: urlOf(config.adminHost, adminListener.port),
      adminTokenPath: admin.path,
      failed: engine.failed,
      async stop() {
        stopping = true
        await Promise.all(listeners.map((listener) => listener.drain()))
        await store.close(FLUSH_MS_MAX)
      },
    }
  } catch (error) {
    for (const listener of listeners) await listener.cut()
    await store.close(FLUSH_MS_MAX)
    throw error
  }
}

/** Admin, migrations and maintenance in this process; webhooks are received by others that it starts. */
async function startSupervised(
  config: Config,
  log: Log,
  signal: AbortSignal,
  processes: ReceiverProcesses,
  settings: readonly EffectiveSetting[],
): Promise<RunningApp> {
  const admin = loadAdminToken(config)
  const pages = await loadPages()
  const sealing = sealingOf(config, log)
  const engine = await openEngine(config, log, signal)
  let stopping = false
  const isReady = () => !stopping && canStore(store) && supervisor?.isReady === true
  const metrics = createMetrics({
    queues: () => queueLengths(store),
    isReady,
    supervision: {
      processes: () => supervisor?.listening ?? 0,
      restarts: () => supervisor?.restarts ?? 0,
    },
  })
  const allMetrics = {
    contentType: metrics.contentType,
    render: async () => renderSnapshots([await metrics.snapshot(), ...((await supervisor?.measure()) ?? [])]),
  }
  const store = await open({ engine, config, log, metrics, maintains: true, sealing })
  let adminListener: Listener | null = null
  let supervisor: Supervisor | null = null
  const stop = async () => {
    stopping = true
    await Promise.all([supervisor?.stop(), adminListener?.drain()])
    await store.close(FLUSH_MS_MAX)
  }
  try {
    const port = await probePort(config.host, config.port)
    adminListener = listenForAdmins({
      config,
      log,
      store,
      metrics: allMetrics,
      token: admin.token,
      port,
      isReady,
      pages,
      settings,
    })
    supervisor = new Supervisor({ config, port, log, ...processes })
    await Promise.race([supervisor.started, whenAborted(signal)])
    signal.throwIfAborted()
    return {
      receiverUrl: urlOf(config.host, port),
      adminUrl: urlOf(config.adminHost, adminListener.port),
      adminTokenPath: admin.path,
      failed: engine.failed,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * The receiver alone, in a process that another has started and that shares its port with others like it.
 *
 * @param signal - ends the wait for a database that is not up yet; what it then throws is the signal's reason
 */
export async function startReceiver(
  config: Config,
  log: Log,
  port: number,
  signal: AbortSignal,
): Promise<RunningReceiver> {
  const sealing = loadSealing(config)
  const engine = await openEngine(config, log, signal)
  let stopping = false
  const metrics = createMetrics({ queues: () => queueLengths(store) })
  const store = await open({ engine, config, log, metrics, maintains: false, sealing })
  try {
    const listener = listenForWebhooks({ config, log, store, metrics, port, isShared: true })
    return {
      isReady: () => !stopping && canStore(store),
      metrics: metrics.snapshot,
      async stop() {
        stopping = true
        await listener.drain()
        await store.close(FLUSH_MS_MAX)
      },
    }
  } catch (error) {
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

function sealingOf(config: Config, log: Log): Sealing {
  const sealing = loadSealing(config)
  if (!sealing.isOn) {
    log.warn('no master key is set: the secrets of triggers are stored in plain; see ATTUNE_MASTER_KEY')
  }
  return sealing
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

interface Opening {
  readonly engine: Engine
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly maintains: boolean
  readonly sealing: Sealing
}

const open = ({ engine, config, log, metrics, maintains, sealing }: Opening): Promise<Store> =>
  openStore({
    engine,
    log,
    retentionDays: config.retentionDays,
    payloadSearch: config.payloadSearch,
    onBatch: metrics.observeBatch,
    maintains,
    sealing,
  }).catch(async (error) => {
    await engine.close()
    throw error
  })

const canStore = ({ triggerCache, intakeWriter }: Store): boolean =>
  triggerCache.available && intakeWriter.available

interface ReceiverListening {
  readonly config: Config
  readonly log: Log
  readonly store: Store
  readonly metrics: Metrics
  readonly port: number
  readonly isShared: boolean
}

function listenForWebhooks({ config, log, store, metrics, port, isShared }: ReceiverListening): Listener {
  const cutOff = new AbortController()
  const receiver = createReceiver({
    log,
    secretUses: store.secretUses,
    rejectedBodyWriter: store.rejectedBodyWriter,
    handshakes: store.handshakes,
    publicUrl: () => publicUrlOf(config, listener.port),
    fetchCertificate: createCertificateFetcher(),
    confirm: createConfirmer(),
    triggerCache: store.triggerCache,
    rateLimitCounter: store.rateLimitCounter,
    intakeWriter: store.intakeWriter,
    metrics,
    trustedProxies: config.trustedProxies,
    bodyBytesMax: config.bodyBytesMax,
    peerAddress: socketPeer,
    cutOff: cutOff.signal,
  })
  const listener: Listener = listen(receiver, {
    host: config.host,
    port,
    isShared,
    onCutOff: () => cutOff.abort(),
  })
  return listener
}

interface AdminListening {
  readonly config: Config
  readonly log: Log
  readonly store: Store
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>
  readonly token: string
  /** Of the receiver. */
  readonly port: number
  readonly isReady: () => boolean
  readonly pages: Awaited<ReturnType<typeof loadPages>>
  readonly settings: readonly EffectiveSetting[]
}

function listenForAdmins({
  config,
  log,
  store,
  metrics,
  token,
  port,
  isReady,
  pages,
  settings,
}: AdminListening): Listener {
  const draining = new AbortController()
  const admin = createAdmin({
    draining: draining.signal,
    queues: () => queueLengths(store),
    store,
    token,
    publicUrl: publicUrlOf(config, port),
    receiverUrl: () => loopbackUrlOf(config.host, port),
    log,
    metrics,
    version: VERSION,
    pages,
    isReady,
    trustedProxies: config.trustedProxies,
    peerAddress: socketPeer,
    nowMs: () => performance.now(),
    installation: {
      settings,
      runtime: `Bun ${Bun.version}`,
      started: new Date().toISOString(),
      receiver_url: urlOf(config.host, port),
      body_bytes_max: config.bodyBytesMax,
    },
  })
  return listen(admin, {
    host: config.adminHost,
    port: config.adminPort,
    isShared: false,
    onDrain: () => draining.abort(),
  })
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const urlOf = (host: string, port: number): string => {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}

/** Where a listener is reached from this host: one for all addresses by the loopback one. */
const loopbackUrlOf = (host: string, port: number): string => {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}
