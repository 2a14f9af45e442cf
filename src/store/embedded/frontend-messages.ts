import { EMBEDDED_GROUP_BYTES_MAX } from '../../core/limits.ts'

/** What a client asks for: messages of the wire protocol, gathered to what has to run together. */
export type ClientRequest =
  | { kind: 'startup' | 'encryption' | 'terminate' }
  /** Messages up to a Sync, Flush or Query. All but Flush are answered with a ReadyForQuery. */
  | { kind: 'group'; bytes: Uint8Array; endsWithFlush: boolean }

/** A client that does not speak the protocol; it is told so and cut off. */
export class ProtocolViolation extends Error {}

const SSL_REQUEST = 80_877_103
const GSS_REQUEST = 80_877_104
const CANCEL_REQUEST = 80_877_102

const BIND = 0x42
const CLOSE = 0x43
const COPY_DATA = 0x64
const COPY_DONE = 0x63
const COPY_FAIL = 0x66
const DESCRIBE = 0x44
const EXECUTE = 0x45
const FLUSH = 0x48
const PARSE = 0x50
const QUERY = 0x51
const SYNC = 0x53
const TERMINATE = 0x58
const STATEMENT = 0x53

/**
 * Follows every group. A COPY FROM STDIN would go on reading, and end the engine when it finds nothing; this
 * makes it an error of SQL. The engine ignores the message after anything else.
 */
const COPY_REFUSAL = message(COPY_FAIL, 'COPY FROM STDIN is not available on the embedded database\0')

/** Cuts the bytes of one client into requests. Bytes may come in any pieces; they are joined once per request. */
export class FrontendMessages {
  /** The prepared statements that the client has made and not closed, to be dropped when it goes. */
  readonly statements = new Set<string>()
  #started = false
  #pieces: Uint8Array[] = []
  #length = 0
  /** Start of the first message that has not been looked at, and the length at which looking makes sense. */
  #position = 0
  #wanted = 8

  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#length += bytes.length
  }

  /** The next whole request, or undefined until more bytes come. Throws `ProtocolViolation`. */
  next(): ClientRequest | undefined {
    if (this.#length < this.#wanted) return undefined
    const bytes = this.#joined()
    return this.#started ? this.#nextGroup(bytes) : this.#nextStartup(bytes)
  }

  #joined(): Buffer {
    const [only] = this.#pieces
    const joined =
      this.#pieces.length === 1 && only !== undefined
        ? Buffer.from(only.buffer, only.byteOffset, only.byteLength)
        : Buffer.concat(this.#pieces)
    this.#pieces = [joined]
    return joined
  }

  /** Before the first message with a type come requests that have only a length and a code. */
  #nextStartup(bytes: Buffer): ClientRequest | undefined {
    const length = bytes.readUInt32BE(0)
    if (length < 8 || length > 10_000) throw new ProtocolViolation('The startup message has no valid length.')
    if (bytes.length < length) {
      this.#wanted = length
      return undefined
    }
    const code = bytes.readUInt32BE(4)
    this.#drop(bytes, length)
    this.#wanted = 5
    if (code === CANCEL_REQUEST) return { kind: 'terminate' }
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      this.#wanted = 8
      return { kind: 'encryption' }
    }
    if (code >>> 16 !== 3) throw new ProtocolViolation('Only version 3 of the protocol is spoken here.')
    this.#started = true
    return { kind: 'startup' }
  }

  #nextGroup(bytes: Buffer): ClientRequest | undefined {
    while (bytes.length - this.#position >= 5) {
      const start = this.#position
      const end = start + 1 + bytes.readUInt32BE(start + 1)
      if (end < start + 5) throw new ProtocolViolation('A message has no valid length.')
      if (end > EMBEDDED_GROUP_BYTES_MAX) throw new ProtocolViolation('The messages are too long.')
      if (end > bytes.length) {
        this.#wanted = end
        return undefined
      }
      const type = bytes[start]
      this.#position = end
      switch (type) {
        case TERMINATE:
          return { kind: 'terminate' }
        case SYNC:
        case FLUSH:
        case QUERY:
          return { kind: 'group', bytes: this.#takeGroup(bytes, end), endsWithFlush: type === FLUSH }
        case PARSE:
          this.#noteStatement(bytes, start + 5, true)
          break
        case CLOSE:
          if (bytes[start + 5] === STATEMENT) this.#noteStatement(bytes, start + 6, false)
          break
        case BIND:
        case DESCRIBE:
        case EXECUTE:
        case COPY_DATA:
        case COPY_DONE:
        case COPY_FAIL:
          break
        default:
          throw new ProtocolViolation('A message has an unknown type.')
      }
    }
    this.#wanted = this.#position + 5
    return undefined
  }

  #takeGroup(bytes: Buffer, end: number): Uint8Array {
    const group = new Uint8Array(end + COPY_REFUSAL.length)
    group.set(bytes.subarray(0, end))
    group.set(COPY_REFUSAL, end)
    this.#drop(bytes, end)
    return group
  }

  #drop(bytes: Buffer, end: number): void {
    this.#pieces = end === bytes.length ? [] : [bytes.subarray(end)]
    this.#length = bytes.length - end
    this.#position = 0
    this.#wanted = 5
  }

  #noteStatement(bytes: Buffer, start: number, made: boolean): void {
    const name = bytes.toString('latin1', start, bytes.indexOf(0, start))
    if (name === '') return
    if (made) this.statements.add(name)
    else this.statements.delete(name)
  }
}

/** Ends whatever a client has left open and drops its prepared statements. */
export function farewell(inTransaction: boolean, statements: Iterable<string>): Uint8Array {
  const closes = [...statements].map((name) => message(CLOSE, `S${name}\0`))
  const rollback = inTransaction ? [message(QUERY, 'ROLLBACK\0')] : []
  return Buffer.concat([message(SYNC, ''), ...rollback, ...closes, message(SYNC, '')])
}

/** Asks for a ReadyForQuery; after a failed message it is also what makes the engine listen again. */
export const SYNC_MESSAGE: Uint8Array = message(SYNC, '')

export const CHECKPOINT_MESSAGE: Uint8Array = message(QUERY, 'CHECKPOINT\0')

/** The one session has this user and database, whatever a client asks for. */
export const STARTUP_MESSAGE: Uint8Array = startup(
  'user\0postgres\0database\0postgres\0client_encoding\0UTF8\0\0',
)

function message(type: number, body: string): Uint8Array {
  const bytes = Buffer.alloc(5 + Buffer.byteLength(body, 'latin1'))
  bytes[0] = type
  bytes.writeUInt32BE(bytes.length - 1, 1)
  bytes.write(body, 5, 'latin1')
  return bytes
}

function startup(parameters: string): Uint8Array {
  const bytes = Buffer.alloc(8 + parameters.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(3 << 16, 4)
  bytes.write(parameters, 8, 'latin1')
  return bytes
}
