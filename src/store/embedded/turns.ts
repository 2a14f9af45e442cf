import { EMBEDDED_CHECKPOINT_WAL_BYTES, EMBEDDED_TURN_IDLE_MS_MAX } from '../../core/limits.ts'
import { BackendMessages, fatalError, NO_ENCRYPTION, type TransactionStatus } from './backend-messages.ts'
import type { Client } from './client.ts'
import type { Engine } from './engine.ts'
import {
  CHECKPOINT_MESSAGE,
  type ClientRequest,
  farewell,
  ProtocolViolation,
  SYNC_MESSAGE,
} from './frontend-messages.ts'

/** What is left of a client that has gone: whether it held the session, and its prepared statements. */
interface Estate {
  heldSession: boolean
  statements: Iterable<string>
}

/**
 * Gives the engine's one session to one client at a time.
 *
 * A client's group runs alone, and the session stays with that client until the engine says that it is idle,
 * so transactions and half-sent exchanges never mix. Otherwise the turn goes round: first come, first served,
 * one group each. What a session keeps (settings, temporary tables, advisory locks) is shared by all clients.
 */
export class Turns {
  readonly #engine: Engine
  readonly #onDeath: (error: Error) => void
  readonly #clients = new Set<Client>()
  readonly #queue: Client[] = []
  readonly #estates: Estate[] = []
  #holder: Client | undefined
  #holderTimer: ReturnType<typeof setTimeout> | undefined
  #running = false
  #checkpointedAt = 0

  readonly #idleMsMax: number

  constructor(engine: Engine, onDeath: (error: Error) => void, idleMsMax = EMBEDDED_TURN_IDLE_MS_MAX) {
    this.#engine = engine
    this.#onDeath = onDeath
    this.#idleMsMax = idleMsMax
  }

  join(client: Client): void {
    this.#clients.add(client)
  }

  receive(client: Client, bytes: Uint8Array): void {
    client.receive(bytes)
    if (client === this.#holder) this.#schedule()
    else this.#enqueue(client)
  }

  /** The client is gone: what it had begun is rolled back before anybody else has a turn. */
  leave(client: Client): void {
    if (!this.#clients.delete(client)) return
    const heldSession = client === this.#holder
    if (heldSession) this.#release()
    client.closed = true
    if (heldSession || client.requests.statements.size > 0) {
      this.#estates.push({ heldSession, statements: client.requests.statements })
    }
    this.#schedule()
  }

  /** Resolves when nothing runs and nothing will: no client has another turn. */
  async stop(): Promise<void> {
    for (const client of this.#clients) {
      client.close(fatalError('57P01', 'The embedded database is shutting down.'))
      this.leave(client)
    }
    while (this.#running || this.#estates.length > 0) await nextTick()
  }

  #enqueue(client: Client): void {
    if (client.queued || client.closed) return
    client.queued = true
    this.#queue.push(client)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#running) return
    this.#running = true
    void this.#runAll().catch((error: unknown) => {
      this.#onDeath(error instanceof Error ? error : new Error(String(error)))
    })
  }

  /** Between two steps messages are received, so that whoever is destroyed has no further turn. */
  async #runAll(): Promise<void> {
    while (await this.#step()) await nextTick()
    this.#running = false
  }

  async #step(): Promise<boolean> {
    const estate = this.#estates.shift()
    if (estate !== undefined) {
      await this.#run(farewell(estate.heldSession, estate.statements))
      return true
    }
    if (this.#holder === undefined && this.#checkpointIsDue()) return this.#checkpoint()
    const client = this.#holder ?? this.#shiftQueue()
    if (client === undefined) return false
    const served = await this.#serve(client)
    // To the end of the queue: it may have sent more, of which another client's turn comes first.
    if (served && client !== this.#holder) this.#enqueue(client)
    return served || this.#holder === undefined
  }

  #shiftQueue(): Client | undefined {
    const client = this.#queue.shift()
    if (client !== undefined) client.queued = false
    return client
  }

  #checkpointIsDue(): boolean {
    return this.#engine.walBytes() - this.#checkpointedAt > EMBEDDED_CHECKPOINT_WAL_BYTES
  }

  /** Keeps the log short, and with it the recovery after a crash. Small and often, as everybody waits for it. */
  async #checkpoint(): Promise<boolean> {
    await this.#run(CHECKPOINT_MESSAGE)
    this.#checkpointedAt = this.#engine.walBytes()
    return true
  }

  /** Deals with the next request of the client; false when there is none yet. */
  async #serve(client: Client): Promise<boolean> {
    if (client.closed) return true
    clearTimeout(this.#holderTimer)
    let request: ClientRequest | undefined
    try {
      request = client.requests.next()
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      this.#cutOff(client, '08P01', error.message)
      return true
    }
    if (request === undefined) {
      client.acknowledge()
      if (client === this.#holder) this.#limitIdleness(client)
      return false
    }
    await this.#answer(client, request)
    client.flush()
    return true
  }

  async #answer(client: Client, request: ClientRequest): Promise<void> {
    switch (request.kind) {
      case 'encryption':
        client.write(NO_ENCRYPTION)
        return
      case 'startup':
        client.write(this.#engine.greeting)
        return
      case 'terminate':
        client.close()
        this.leave(client)
        return
      case 'group': {
        let status = await this.#run(request.bytes, client)
        // A COPY that has swallowed the Sync behind it.
        if (status === undefined && !request.endsWithFlush) status = await this.#run(SYNC_MESSAGE, client)
        this.#holder = status === 'I' ? undefined : client
      }
    }
  }

  async #run(group: Uint8Array, client?: Client): Promise<TransactionStatus | undefined> {
    const messages = new BackendMessages({
      output: (bytes) => client?.write(bytes),
      notification: (bytes) => this.#notify(bytes, client),
      listening: () => {
        if (client !== undefined) client.listens = true
      },
    })
    await this.#engine.run(group, (bytes) => messages.push(bytes))
    return messages.status
  }

  /** Everybody who listens gets everything: the one session does not say which channel is whose. */
  #notify(bytes: Uint8Array, running: Client | undefined): void {
    for (const client of this.#clients) {
      if (!client.listens) continue
      client.write(bytes)
      if (client !== running) client.flush()
    }
  }

  #limitIdleness(client: Client): void {
    this.#holderTimer = setTimeout(() => {
      this.#cutOff(
        client,
        '25P03',
        'The connection held the embedded database for too long without a message.',
      )
    }, this.#idleMsMax)
  }

  #cutOff(client: Client, code: string, text: string): void {
    client.close(fatalError(code, text))
    this.leave(client)
  }

  #release(): void {
    clearTimeout(this.#holderTimer)
    this.#holder = undefined
  }
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
