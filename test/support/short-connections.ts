/** Senders that open a connection for each request, as most webhook senders do: what they see when a listener closes. */
import { connect } from 'node:net'
import { head } from './raw-http.ts'

export interface ShortConnections {
  /** Ids of the events that were acknowledged. */
  readonly acknowledged: readonly string[]
  /** How often each status was answered. */
  readonly statuses: ReadonlyMap<number, number>
  /** Nobody listened: the sender has sent nothing, and knows it. */
  readonly refused: number
  /** The connection stood, and ended without a whole answer. */
  readonly cutOff: number
  /** Goes on until then; who is told by a refusal that nobody listens gives up before. */
  stop(): Promise<void>
}

export interface ShortConnectionOptions {
  readonly senders: number
  /** Ends a sender that is refused; otherwise it tries again. */
  readonly endsWhenRefused?: boolean
}

export function startShortConnections(
  port: number,
  path: string,
  { senders, endsWhenRefused = false }: ShortConnectionOptions,
): ShortConnections {
  const acknowledged: string[] = []
  const statuses = new Map<number, number>()
  const seen = { refused: 0, cutOff: 0 }
  let stopped = false
  const sender = async (): Promise<void> => {
    while (!stopped) {
      const outcome = await sendAlone(port, path, '{"short":true}')
      if (outcome === 'refused') {
        seen.refused += 1
        if (endsWhenRefused) return
      } else if (outcome === 'cut off') {
        seen.cutOff += 1
      } else {
        statuses.set(outcome.status, (statuses.get(outcome.status) ?? 0) + 1)
        if (outcome.status === 200) acknowledged.push(JSON.parse(outcome.body).data.event_id)
      }
    }
  }
  const done = Promise.all(Array.from({ length: senders }, sender))
  return {
    acknowledged,
    statuses,
    get refused() {
      return seen.refused
    },
    get cutOff() {
      return seen.cutOff
    },
    async stop() {
      stopped = true
      await done
    },
  }
}

type Outcome = { readonly status: number; readonly body: string } | 'refused' | 'cut off'

/** Sends one request on a connection of its own. */
export function sendAlone(port: number, path: string, body: string): Promise<Outcome> {
  return new Promise((resolve) => {
    let isConnected = false
    let received = ''
    const end = () => {
      const answer = wholeAnswer(received)
      resolve(answer ?? (isConnected ? 'cut off' : 'refused'))
      socket.destroy()
    }
    const socket = connect({ port, host: '127.0.0.1' })
    socket.setEncoding('utf8')
    socket.on('connect', () => {
      isConnected = true
      const headers = [
        ['Content-Length', String(Buffer.byteLength(body))],
        ['Connection', 'close'],
      ] as const
      socket.write(head(path, headers) + body)
    })
    socket.on('data', (text: string) => {
      received += text
      if (wholeAnswer(received) !== null) end()
    })
    socket.on('error', end)
    socket.on('close', end)
  })
}

function wholeAnswer(text: string): { status: number; body: string } | null {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? 0)
  const body = text.slice(headEnd + 4)
  return Buffer.byteLength(body) < length ? null : { status: Number(text.slice(9, 12)), body }
}
