import { Duplex } from 'node:stream'
import { EMBEDDED_WAITING_BYTES_MAX } from '../../core/limits.ts'

/** The way to the Worker. A buffer that is sent is transferred, so it must not be used afterwards. */
export interface ConnectionChannel {
  send(bytes: Uint8Array<ArrayBuffer>): void
  disconnect(): void
}

/** A chunk of at least this size that has its buffer for itself is handed over rather than copied. */
const TRANSFER_BYTES_MIN = 16 * 1024

/**
 * A connection to the embedded database that looks like a socket to postgres.js, see its `socket` option.
 *
 * Large chunks written to it are transferred to the Worker and must not be read again by the writer. What is
 * read is not held back, as the engine cannot stop in the middle of an answer: bound what a query returns.
 */
export class EmbeddedConnection extends Duplex {
  readonly #channel: ConnectionChannel
  #waitingBytes = 0
  /** A write that waits until the Worker has taken what came before it. */
  #heldBack: (() => void) | undefined
  #ended = false

  constructor(channel: ConnectionChannel) {
    super({ writableHighWaterMark: EMBEDDED_WAITING_BYTES_MAX, readableHighWaterMark: 1024 * 1024 })
    this.#channel = channel
  }

  /** As of a socket: postgres.js says good-bye to an open one only, and waits for the end of any other than a closed one. */
  get readyState(): 'open' | 'closed' {
    return this.destroyed ? 'closed' : 'open'
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const deliver = (): void => {
      this.#waitingBytes += chunk.length
      this.#channel.send(ownBytes(chunk))
      done()
    }
    // A single chunk of any size goes when nothing waits, so that none can be stuck for ever.
    const fits = this.#waitingBytes === 0 || this.#waitingBytes + chunk.length <= EMBEDDED_WAITING_BYTES_MAX
    if (fits) deliver()
    else this.#heldBack = deliver
  }

  override _read(): void {}

  /** The writer is done, with or without the protocol's own good-bye; nobody half-closes a connection to PostgreSQL. */
  override _final(done: (error?: Error | null) => void): void {
    done()
    if (!this.destroyed) this.#channel.send(Uint8Array.of(0x58, 0, 0, 0, 4))
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#heldBack = undefined
    if (!this.#ended) this.#channel.disconnect()
    done(error)
  }

  /** The Worker sends. */
  receive(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.destroyed) this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  /** The Worker says that so many bytes no longer wait. */
  taken(byteCount: number): void {
    this.#waitingBytes -= byteCount
    if (this.#waitingBytes > 0) return
    const deliver = this.#heldBack
    this.#heldBack = undefined
    deliver?.()
  }

  /** The Worker has closed its side. What has been received can still be read. */
  closedByWorker(error?: Error): void {
    this.#ended = true
    if (error !== undefined) {
      this.destroy(away(error))
      return
    }
    this.push(null)
    this.destroy()
  }
}

function ownBytes(chunk: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = chunk
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  if (isAlone && byteLength >= TRANSFER_BYTES_MIN) return new Uint8Array(buffer)
  return new Uint8Array(chunk)
}

/** As the errors of sockets have one: by its code whoever asks knows that it was the connection that failed, and not the statement. */
const away = (error: Error): Error =>
  Object.assign(new Error(error.message), { code: 'EMBEDDED_DATABASE_AWAY' })

/**
 * A connection that fails at its first write. An exception from `socket` would cost postgres.js the connection
 * for good, and so would an end before that write: it forgets to schedule the next one.
 */
export function deadConnection(error: Error): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(away(error)) })
}
