/** Where a session stands after a group, as ReadyForQuery says: idle, in a transaction, or in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E'

/** What the engine's output is cut into. Views are valid only during the call. */
export interface BackendSink {
  /** Bytes for the client whose group runs; may end in the middle of a message. */
  output(bytes: Uint8Array): void
  /** A whole NotificationResponse, which belongs to whoever listens. */
  notification(bytes: Uint8Array): void
  /** The client's LISTEN has succeeded. */
  listening(): void
}

const COMMAND_COMPLETE = 0x43
const COPY_IN_RESPONSE = 0x47
const NOTIFICATION_RESPONSE = 0x41
const READY_FOR_QUERY = 0x5a
const HEADER_BYTES = 5

/**
 * Follows the engine's output from message to message. All but a few kinds pass by their length alone, so a
 * large row costs no more than a small one.
 */
export class BackendMessages {
  /** What the last ReadyForQuery of the group said; undefined when there was none. */
  status: TransactionStatus | undefined
  readonly #sink: BackendSink
  /** Bytes to come of a message that is being passed on. */
  #passing = 0
  /** The beginning of a message that is looked at as a whole. */
  #kept: Buffer | undefined

  constructor(sink: BackendSink) {
    this.#sink = sink
  }

  push(piece: Uint8Array): void {
    const bytes = this.#joined(piece)
    let position = Math.min(this.#passing, bytes.length)
    this.#passing -= position
    // The bytes from here to the position are for the client and have not been handed on.
    let start = 0

    while (position < bytes.length) {
      const end = endOfMessage(bytes, position)
      const isWhole = end !== undefined && end <= bytes.length
      if (end === undefined || (!isWhole && isLookedAt(bytes[position]))) {
        this.#kept = Buffer.from(bytes.subarray(position))
        break
      }
      if (isWhole && this.#isForOthers(bytes, position, end)) {
        if (start < position) this.#sink.output(bytes.subarray(start, position))
        start = end
      }
      if (!isWhole) this.#passing = end - bytes.length
      position = Math.min(end, bytes.length)
    }
    if (start < position) this.#sink.output(bytes.subarray(start, position))
  }

  #joined(piece: Uint8Array): Buffer {
    if (this.#kept === undefined) return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    const bytes = Buffer.concat([this.#kept, piece])
    this.#kept = undefined
    return bytes
  }

  /** Looks at one whole message; true when the client must not see it. */
  #isForOthers(bytes: Buffer, start: number, end: number): boolean {
    switch (bytes[start]) {
      case READY_FOR_QUERY:
        this.status = String.fromCharCode(bytes[start + HEADER_BYTES] ?? 0) as TransactionStatus
        return false
      case COMMAND_COMPLETE:
        if (bytes.toString('latin1', start + HEADER_BYTES, end - 1) === 'LISTEN') this.#sink.listening()
        return false
      case NOTIFICATION_RESPONSE:
        this.#sink.notification(bytes.subarray(start, end))
        return true
      // Every COPY FROM STDIN is refused; a client that saw this would begin to send.
      case COPY_IN_RESPONSE:
        return true
      default:
        return false
    }
  }
}

function endOfMessage(bytes: Buffer, start: number): number | undefined {
  if (bytes.length - start < HEADER_BYTES) return undefined
  return start + 1 + bytes.readUInt32BE(start + 1)
}

function isLookedAt(type: number | undefined): boolean {
  return (
    type === READY_FOR_QUERY ||
    type === COMMAND_COMPLETE ||
    type === NOTIFICATION_RESPONSE ||
    type === COPY_IN_RESPONSE
  )
}

/** The answer to a request for encryption: none, and none needed inside one process. */
export const NO_ENCRYPTION: Uint8Array = Uint8Array.of(0x4e)

/** An ErrorResponse after which the connection is closed. */
export function fatalError(code: string, text: string): Uint8Array {
  const body = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`)
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = 0x45
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}
