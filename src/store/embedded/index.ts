import { resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Log } from '../../core/log.ts'
import { EmbeddedConnection } from './connection.ts'
import { prepareDataDirectory } from './data-directory.ts'
import { lockDirectory } from './lock.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

/** PostgreSQL inside this process, on the files of one directory. */
export interface EmbeddedDatabase {
  /**
   * A new connection, for the `socket` option of postgres.js. It speaks the wire protocol as user `postgres` to
   * the database `postgres`. All connections take turns at one session, so settings made outside of a
   * transaction, temporary tables and advisory locks are shared.
   */
  connect(): Duplex
  /** Ends every connection, makes a last checkpoint, ends the Worker and gives up the lock. */
  close(): Promise<void>
  /** Settles, and never rejects, when the database has stopped without `close`: by then every connection is destroyed. */
  readonly failed: Promise<Error>
}

// A binary has the Worker under its path from the entry points' common directory, `src`, and this module in its root.
const WORKER_PATH = Bun.isStandaloneExecutable ? './store/embedded/worker.ts' : './worker.ts'

/**
 * Opens the database in `dataDirectory`, which is made if need be, and keeps other processes out of it.
 * Throws when the directory is in use, may be written by others, or cannot be read as a database.
 */
export async function openEmbeddedDatabase(options: {
  dataDirectory: string
  log: Log
}): Promise<EmbeddedDatabase> {
  const dataDirectory = resolve(options.dataDirectory)
  prepareDataDirectory(dataDirectory)
  const lock = lockDirectory(dataDirectory)
  try {
    const database = new WorkerDatabase(options.log)
    await database.open(dataDirectory)
    void database.ended.then(() => lock.release())
    return database
  } catch (error) {
    lock.release()
    throw error
  }
}

class WorkerDatabase implements EmbeddedDatabase {
  readonly failed: Promise<Error>
  /** Settles when the Worker has ended, in whatever way, and so no longer touches the files. */
  readonly ended: Promise<void>
  readonly #worker: Worker
  readonly #log: Log
  readonly #connections = new Map<number, EmbeddedConnection>()
  #connectionCount = 0
  #state: 'opening' | 'open' | 'closing' | 'ended' = 'opening'
  #opened = Promise.withResolvers<void>()
  #failed = Promise.withResolvers<Error>()
  #ended = Promise.withResolvers<void>()

  constructor(log: Log) {
    this.#log = log
    this.failed = this.#failed.promise
    this.ended = this.#ended.promise
    this.#worker = new Worker(new URL(WORKER_PATH, import.meta.url).href, { name: 'embedded-database' })
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data)
    this.#worker.onerror = (event) =>
      this.#fail(new Error(`The embedded database has stopped: ${event.message}`))
    this.#worker.addEventListener('close', () => {
      this.#fail(new Error('The embedded database has ended.'))
      this.#ended.resolve()
    })
  }

  open(dataDirectory: string): Promise<void> {
    this.#send({ kind: 'open', dataDirectory })
    return this.#opened.promise
  }

  connect(): Duplex {
    if (this.#state !== 'open') throw new Error('The embedded database is closed.')
    const number = ++this.#connectionCount
    const connection = new EmbeddedConnection({
      send: (bytes) => this.#send({ kind: 'data', connection: number, bytes }, [bytes.buffer]),
      disconnect: () => {
        this.#connections.delete(number)
        this.#send({ kind: 'disconnect', connection: number })
      },
    })
    this.#connections.set(number, connection)
    this.#send({ kind: 'connect', connection: number })
    return connection
  }

  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing'
      this.#send({ kind: 'close' })
    }
    return this.ended
  }

  #send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.#state !== 'ended') this.#worker.postMessage(message, transfer)
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'data':
        this.#connections.get(message.connection)?.receive(message.bytes)
        break
      case 'taken':
        this.#connections.get(message.connection)?.taken(message.byteCount)
        break
      case 'disconnected': {
        const connection = this.#connections.get(message.connection)
        this.#connections.delete(message.connection)
        connection?.closedByWorker()
        break
      }
      case 'log':
        this.#log.info('postgres', { line: message.line })
        break
      case 'opened':
        this.#state = 'open'
        this.#log.info('embedded database opened', { made: message.made, elapsed_ms: message.elapsedMs })
        this.#opened.resolve()
        break
      case 'closed':
        this.#end()
        break
      case 'failed':
        this.#fail(new Error(message.message))
    }
  }

  #fail(error: Error): void {
    if (this.#state === 'ended') return
    this.#log.error('embedded database failed', { reason: error.message })
    this.#end(error)
    this.#opened.reject(error)
    this.#failed.resolve(error)
  }

  #end(error?: Error): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    for (const connection of this.#connections.values()) connection.closedByWorker(error)
    this.#connections.clear()
    this.#worker.terminate()
  }
}
