import { PGlite } from '@electric-sql/pglite'
import fsBundleFile from '@electric-sql/pglite/pglite.data' with { type: 'file' }
import wasmFile from '@electric-sql/pglite/pglite.wasm' with { type: 'file' }
import { DurableFileSystem } from './durable-file-system.ts'
import { STARTUP_MESSAGE } from './frontend-messages.ts'

/** PostgreSQL itself: one session, which runs one group of messages at a time. */
export interface Engine {
  /** What a new connection is told: that it is authenticated, the session's settings, ready for a query. */
  readonly greeting: Uint8Array
  /**
   * Runs a group of wire-protocol messages to its end. `onOutput` gets views of the engine's memory, which
   * are valid only during the call. Throws when the engine is dead; errors of SQL are part of the output.
   */
  run(group: Uint8Array, onOutput: (bytes: Uint8Array) => void): Promise<void>
  /** Bytes of write-ahead log written since the engine was opened. */
  walBytes(): number
  /** Makes a last checkpoint and ends the engine, so that the next start has nothing to recover. */
  close(): Promise<void>
}

/** What is used of PGlite's module; its types are not exported. */
interface EngineModule {
  stackRestore(pointer: number): void
  _PostgresMainLoopOnce(): void
  _PostgresSendReadyForQueryIfNecessary(): void
  _pgl_pq_flush(): void
}

/** The exit status by which the main loop reports an error of SQL, see PGlite's `POSTGRES_MAIN_LONGJMP`. */
const SQL_ERROR_STATUS = 100

/**
 * The parameters of the command line win over postgresql.conf and ALTER SYSTEM, so durability cannot be
 * switched off from inside. The log has no errors of SQL: their text may hold what a sender posted.
 */
const START_PARAMETERS = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
  ...[
    'fsync=on',
    'wal_sync_method=fsync',
    'synchronous_commit=on',
    'full_page_writes=on',
    'max_wal_size=64MB',
    'min_wal_size=32MB',
    'log_min_messages=log',
    'log_min_error_statement=panic',
    'log_error_verbosity=terse',
    'log_line_prefix=',
  ].flatMap((setting) => ['-c', setting]),
]

/** Opens the data directory `cluster`; recovers first when it was not shut down. `onLog` gets PostgreSQL's log lines. */
export async function openEngine(cluster: string, onLog: (line: string) => void): Promise<Engine> {
  const files = new DurableFileSystem(cluster)
  const [pgliteWasmModule, fsBundle] = await Promise.all([
    Bun.file(wasmFile).bytes().then(WebAssembly.compile),
    // PGlite compares the size of the buffer it gets, so the bundle must be a Blob of exactly the file.
    Promise.resolve(Bun.file(fsBundleFile)),
  ])
  const database = await PGlite.create({
    fs: files,
    pgliteWasmModule,
    fsBundle,
    startParams: START_PARAMETERS,
    onStderr: (line) => {
      onLog(line)
      return false
    },
  })
  const watch = watchForDeath(database.Module as unknown as EngineModule)
  const greeting = await greet(database)

  return {
    greeting,
    async run(group, onOutput) {
      watch.throwIfDead()
      await database.execProtocolRawStream(group, { syncToFs: false, onRawData: onOutput })
      watch.throwIfDead()
    },
    walBytes: () => files.walBytes,
    async close() {
      watch.throwIfDead()
      await database.close()
    },
  }
}

/** Asked for once, because the engine never frees what it allocates for a startup message. */
async function greet(database: PGlite): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  await database.execProtocolRawStream(STARTUP_MESSAGE, {
    syncToFs: false,
    onRawData: (bytes) => pieces.push(new Uint8Array(bytes)),
  })
  return Buffer.concat(pieces)
}

/**
 * PGlite swallows whatever the main loop throws and calls it again until the input is consumed, also after a
 * PANIC, when it never will be. So the end of the engine is noted where it happens, and every later call of
 * that loop throws it.
 */
function watchForDeath(module: EngineModule): { throwIfDead(): void } {
  let death: Error | undefined
  const throwIfDead = (): void => {
    if (death !== undefined) throw death
  }

  const mainLoopOnce = module._PostgresMainLoopOnce
  module._PostgresMainLoopOnce = () => {
    throwIfDead()
    try {
      mainLoopOnce()
    } catch (error) {
      if (!isSqlError(error)) death = new Error(`The embedded database has stopped: ${String(error)}`)
      throw error
    }
  }
  const { stackRestore, _PostgresSendReadyForQueryIfNecessary, _pgl_pq_flush } = module
  module.stackRestore = (pointer) => {
    throwIfDead()
    stackRestore(pointer)
  }
  module._PostgresSendReadyForQueryIfNecessary = () => {
    throwIfDead()
    _PostgresSendReadyForQueryIfNecessary()
  }
  module._pgl_pq_flush = () => {
    throwIfDead()
    _pgl_pq_flush()
  }
  return { throwIfDead }
}

function isSqlError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === SQL_ERROR_STATUS
}
