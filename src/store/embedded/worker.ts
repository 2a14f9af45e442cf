import { join } from 'node:path'
import { Client } from './client.ts'
import { type Engine, openEngine } from './engine.ts'
import { ensureCluster } from './template.ts'
import { Turns } from './turns.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

/** The Worker that holds the embedded database. It is an entry point of its own and imports nothing of the app. */
declare const self: {
  onmessage: (event: MessageEvent<ToWorker>) => void
  postMessage(message: FromWorker, transfer?: ArrayBuffer[]): void
}

const clients = new Map<number, Client>()
let engine: Engine | undefined
let turns: Turns | undefined

self.onmessage = ({ data: message }) => {
  switch (message.kind) {
    case 'open':
      open(message.dataDirectory).catch(fail)
      break
    case 'connect':
      connect(message.connection)
      break
    case 'data': {
      const client = clients.get(message.connection)
      if (client !== undefined) turns?.receive(client, message.bytes)
      break
    }
    case 'disconnect':
      disconnect(message.connection)
      break
    case 'close':
      close().catch(fail)
  }
}

async function open(dataDirectory: string): Promise<void> {
  const startedAt = performance.now()
  const cluster = join(dataDirectory, 'postgres')
  const origin = await ensureCluster(dataDirectory, cluster)
  engine = await openEngine(cluster, (line) => self.postMessage({ kind: 'log', line }))
  turns = new Turns(engine, fail)
  const elapsedMs = Math.round(performance.now() - startedAt)
  self.postMessage({ kind: 'opened', made: origin === 'made', elapsedMs })
}

function connect(connection: number): void {
  const client = new Client({
    data: (bytes) => self.postMessage({ kind: 'data', connection, bytes }, [bytes.buffer]),
    taken: (byteCount) => self.postMessage({ kind: 'taken', connection, byteCount }),
    closed: () => {
      clients.delete(connection)
      self.postMessage({ kind: 'disconnected', connection })
    },
  })
  clients.set(connection, client)
  turns?.join(client)
}

function disconnect(connection: number): void {
  const client = clients.get(connection)
  if (client === undefined) return
  clients.delete(connection)
  turns?.leave(client)
}

async function close(): Promise<void> {
  await turns?.stop()
  await engine?.close()
  self.postMessage({ kind: 'closed' })
}

function fail(error: unknown): void {
  self.postMessage({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
}
