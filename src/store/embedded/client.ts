import { FrontendMessages } from './frontend-messages.ts'

/** Bytes are gathered to pieces of this size before they cross to the main thread. */
const PIECE_BYTES = 64 * 1024

/** What a client needs of the channel to the main thread. Buffers that it sends are transferred. */
export interface ClientChannel {
  data(bytes: Uint8Array<ArrayBuffer>): void
  taken(byteCount: number): void
  closed(): void
}

/** One connection as the Worker sees it: what it has asked for, and the way back. */
export class Client {
  readonly requests = new FrontendMessages()
  /** It has run LISTEN, so it gets what NOTIFY sends. */
  listens = false
  /** It stands in the queue for a turn. */
  queued = false
  closed = false
  readonly #channel: ClientChannel
  readonly #piece = new Uint8Array(PIECE_BYTES)
  #filled = 0
  #untaken = 0

  constructor(channel: ClientChannel) {
    this.#channel = channel
  }

  receive(bytes: Uint8Array): void {
    this.#untaken += bytes.length
    this.requests.push(bytes)
  }

  /** Tells the other side that what it has sent no longer waits, so that it may send more. */
  acknowledge(): void {
    if (this.#untaken === 0) return
    this.#channel.taken(this.#untaken)
    this.#untaken = 0
  }

  write(bytes: Uint8Array): void {
    if (this.closed) return
    if (this.#filled + bytes.length > this.#piece.length) this.flush()
    if (bytes.length > this.#piece.length) {
      // A copy, which `slice` of a Buffer is not: the bytes may lie in the engine's memory.
      this.#channel.data(new Uint8Array(bytes))
      return
    }
    this.#piece.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  flush(): void {
    if (this.#filled === 0) return
    this.#channel.data(this.#piece.slice(0, this.#filled))
    this.#filled = 0
  }

  /** Says a last word, if there is one, and ends the connection. */
  close(lastWord?: Uint8Array): void {
    if (this.closed) return
    if (lastWord !== undefined) this.write(lastWord)
    this.flush()
    this.closed = true
    this.#channel.closed()
  }
}
