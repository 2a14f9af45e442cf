import type { Duplex } from 'node:stream'
import type { Log } from '../../core/log.ts'
import { deadConnection, EmbeddedConnection } from './connection.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

// A binary has the Worker under its path from the entry points' common directory, `src`, and this module in its root.
const WORKER_PATH = Bun.isStandaloneExecutable ? './store/embedded/worker.ts' : './worker.ts'

/** One life of the engine: a Worker from its start to its end, and the connections to it. */
export class WorkerDatabase {
  /** Settles when the Worker has ended, and so no longer touches the files; with an error unless it was closed. */
  readonly ended: Promise<Error | undefined>
  readonly #worker: Worker
  readonly #log: Log
  readonly #connections = new Map<number, EmbeddedConnection>()
  readonly #opened = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<Error | undefined>()
  #connectionCount = 0
  #state: 'alive' | 'closing' | 'ending' = 'alive'
  #failure: Error | undefined

  constructor(log: Log) {
    this.#log = log
    this.ended = this.#ended.promise
    this.#worker = new Worker(new URL(WORKER_PATH, import.meta.url).href, { name: 'embedded-database' })
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data)
    this.#worker.onerror = (event) =>
      this.#end(new Error(`The embedded database has stopped: ${event.message}`))
    this.#worker.addEventListener('close', () => {
      this.#end(new Error('The embedded database has stopped: its thread has ended.'))
      this.#ended.resolve(this.#failure)
    })
  }

  /** Opens the database in a directory that exists and is locked. Once. */
  open(dataDirectory: string): Promise<void> {
    this.#send({ kind: 'open', dataDirectory })
    return this.#opened.promise
  }

  connect(): Duplex {
    if (this.#state !== 'alive')
      return deadConnection(this.#failure ?? new Error('The embedded database is closed.'))
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

  close(): Promise<Error | undefined> {
    if (this.#state === 'alive') {
      this.#state = 'closing'
      this.#send({ kind: 'close' })
    }
    return this.ended
  }

  #send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.#state !== 'ending') this.#worker.postMessage(message, transfer)
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
        if (connection !== undefined) cutOff([connection])
        break
      }
      case 'log':
        logLine(this.#log, message.line)
        break
      case 'opened':
        this.#log.info('embedded database opened', { made: message.made, elapsed_ms: message.elapsedMs })
        this.#opened.resolve()
        break
      case 'closed':
        this.#end()
        break
      case 'failed':
        this.#end(new Error(message.message))
    }
  }

  /** Cuts off every connection at once; `ended` settles when the thread is gone. */
  #end(failure?: Error): void {
    if (this.#state === 'ending') return
    this.#state = 'ending'
    this.#failure = failure
    cutOff([...this.#connections.values()], failure)
    this.#connections.clear()
    if (failure !== undefined) this.#opened.reject(failure)
    this.#worker.terminate()
  }
}

/**
 * Ends connections together, after what their clients have already scheduled to be written: postgres.js 3.4.9
 * does not write again on a connection that ends between the two.
 */
function cutOff(connections: readonly EmbeddedConnection[], failure?: Error): void {
  setImmediate(() => {
    for (const connection of connections) connection.closedByWorker(failure)
  })
}

/** PostgreSQL's own lines about the server as a whole. Those about a statement are left out: they may quote a sender. */
function logLine(log: Log, line: string): void {
  if (/^(PANIC|FATAL):/.test(line)) log.error('embedded database', { line })
  else if (line.startsWith('WARNING:')) log.warn('embedded database', { line })
  else if (line.startsWith('LOG:')) log.info('embedded database', { line })
}
