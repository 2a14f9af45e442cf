/**
 * HTTP/1.1 by hand: what a well-behaved client would never send, such as a body that stops half-way, and what it would
 * hide, such as an answer that comes before the body has gone out.
 */
import { connect, type Socket } from 'node:net'

export interface RawResponse {
  readonly status: number
  /** Names in lower case; of a repeated header, the last one. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export interface RawConnection {
  write(data: string | Uint8Array): void
  /** Settles when what was written has left this process. */
  flushed(): Promise<void>
  /** Says that nothing more will come, and goes on reading. */
  end(): void
  /** Cuts the connection off. */
  destroy(): void
  /** The next answer. @throws Error when the connection ends before it is whole, or the deadline passes */
  response(msMax?: number): Promise<RawResponse>
  /** Settles when the other side has closed the connection. */
  readonly closed: Promise<void>
}

const RESPONSE_MS_MAX = 5_000

export async function openConnection(port: number, host = '127.0.0.1'): Promise<RawConnection> {
  const socket = connect({ port, host, allowHalfOpen: true })
  const incoming = new Incoming(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return {
    write: (data) => void socket.write(data),
    flushed: () => new Promise((resolve) => void socket.write('', () => resolve())),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    response: (msMax = RESPONSE_MS_MAX) => incoming.response(msMax),
    closed: incoming.closed,
  }
}

/** Sends one request as it is written and returns its answer. */
export async function sendRaw(port: number, ...parts: (string | Uint8Array)[]): Promise<RawResponse> {
  const connection = await openConnection(port)
  try {
    for (const part of parts) connection.write(part)
    return await connection.response()
  } finally {
    connection.destroy()
  }
}

/** The head of a POST, with the empty line behind it. */
export const head = (
  path: string,
  headers: readonly (readonly [string, string])[],
  method = 'POST',
): string =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n')

/** One chunk of a chunked body; an empty one is the last. */
export const chunk = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`${bytes.byteLength.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

class Incoming {
  readonly closed: Promise<void>
  #bytes = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    socket.on('data', (data: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, data])
      this.#wake()
    })
    const end = () => {
      this.#ended = true
      this.#wake()
    }
    this.closed = new Promise((resolve) => {
      for (const name of ['end', 'close', 'error'] as const) {
        socket.on(name, () => {
          end()
          resolve()
        })
      }
    })
  }

  async response(msMax: number): Promise<RawResponse> {
    const deadlineMs = performance.now() + msMax
    for (;;) {
      const whole = this.#take()
      if (whole !== null) return whole
      const leftMs = deadlineMs - performance.now()
      if (this.#ended) throw new Error('the connection ended before the answer was whole')
      if (leftMs <= 0) throw new Error(`no whole answer within ${msMax} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** The first answer, when it is whole; informational ones are skipped. */
  #take(): RawResponse | null {
    const headEnd = this.#bytes.indexOf('\r\n\r\n')
    if (headEnd === -1) return null
    const [statusLine = '', ...lines] = this.#bytes.subarray(0, headEnd).toString('latin1').split('\r\n')
    const status = Number(statusLine.split(' ')[1])
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const bodyStart = headEnd + 4
    if (status < 200) {
      this.#bytes = this.#bytes.subarray(bodyStart)
      return this.#take()
    }
    const length = Number(headers.get('content-length') ?? 0)
    if (this.#bytes.byteLength < bodyStart + length) return null
    const body = this.#bytes.subarray(bodyStart, bodyStart + length).toString('utf8')
    this.#bytes = this.#bytes.subarray(bodyStart + length)
    return { status, headers, body }
  }
}
