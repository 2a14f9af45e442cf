/** A way through which connections can be made to fail as networks fail: without a word. */
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Forwards nothing more on any connection and closes none, as a firewall that has lost its memory. New ones are swallowed too. */
  blackhole(): void
  /** Ends every connection, and each new one at once, until it heals: as when a cable is pulled and the machine notices. */
  cut(): void
  /**
   * Goes on forwarding what the client sends, and swallows every answer: what was asked for is done, and nobody hears of it.
   *
   * @returns how many bytes the client had sent since, when asked
   */
  swallowAnswers(): () => number
  /** New connections get through again. Old ones stay dead, and are not closed. */
  heal(): void
  close(): Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

export async function startTcpProxy(toPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const dead = new Set<Pair>()
  const mute = new Set<Pair>()
  let state: 'open' | 'mute' | 'blackhole' | 'cut' = 'open'
  let forwardedBytes = 0

  const listener = createServer((client) => {
    if (state === 'cut') {
      client.on('error', () => {})
      client.destroy()
      return
    }
    const pair = { client, server: connect({ port: toPort, host: '127.0.0.1' }) }
    pairs.add(pair)
    if (state === 'blackhole') dead.add(pair)
    if (state === 'mute') mute.add(pair)
    pair.client.on('data', (bytes: Buffer) => {
      if (dead.has(pair)) return
      forwardedBytes += bytes.byteLength
      pair.server.write(bytes)
    })
    pair.server.on('data', (bytes) => {
      if (!dead.has(pair) && !mute.has(pair)) pair.client.write(bytes)
    })
    for (const [one, other] of [
      [pair.client, pair.server],
      [pair.server, pair.client],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => {
        if (!dead.has(pair) && !mute.has(pair)) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  return {
    port: address.port,
    cut() {
      state = 'cut'
      for (const { client, server } of pairs) {
        client.destroy()
        server.destroy()
      }
      pairs.clear()
    },
    blackhole() {
      state = 'blackhole'
      for (const pair of pairs) dead.add(pair)
    },
    swallowAnswers() {
      state = 'mute'
      for (const pair of pairs) mute.add(pair)
      const before = forwardedBytes
      return () => forwardedBytes - before
    },
    heal() {
      state = 'open'
      for (const pair of mute) dead.add(pair)
    },
    async close() {
      for (const { client, server } of pairs) {
        client.destroy()
        server.destroy()
      }
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
