import { DRAIN_GRACE_MS, DRAIN_MS_MAX, IDLE_SECONDS_MAX, LAST_ANSWER_MS } from '../core/limits.ts'
import { OperatorError } from '../core/operator-error.ts'
import { refuseNewConnections } from './accept-backlog.ts'

/** A plane that listens. */
export interface Listener {
  readonly port: number
  /**
   * Takes no more connections, answers what is in flight and on its way, and closes. Who is not done after `DRAIN_MS_MAX` is cut off.
   */
  drain(): Promise<void>
  /** Closes at once, whatever is in flight. */
  cut(): Promise<void>
}

export interface ListenOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Shares the port with other processes that say so too. Otherwise two of them would each take half of the requests without a word. */
  readonly isShared: boolean
  /** Called when no more connections are taken: what would never end by itself has to be ended. */
  readonly onDrain?: () => void
  /** Called when those in flight have had their time: whoever can still be answered is, before all are cut off. */
  readonly onCutOff?: () => void
}

interface BunServer {
  readonly port?: number | undefined
  stop(now?: boolean): Promise<void>
  reload(options: { fetch: (request: Request) => Promise<Response>; routes: object }): unknown
}

/** What this needs of an Elysia app. */
interface App {
  readonly fetch: (request: Request) => Response | Promise<Response>
  listen(options: object): { readonly server: BunServer | null }
}

/** @throws OperatorError when the address cannot be listened on */
export function listen(app: App, { host, port, isShared, onDrain, onCutOff }: ListenOptions): Listener {
  const options = {
    hostname: host,
    port,
    reusePort: isShared,
    // Bun would answer a longer body before any of our code runs, so no token would be asked for and no row written. Both planes count
    // bytes themselves and take none in that they have not asked for.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    idleTimeout: IDLE_SECONDS_MAX,
    development: false,
  }
  let server: BunServer | null
  try {
    server = app.listen(options).server
  } catch (error) {
    throw unusable(host, port, error)
  }
  if (server?.port === undefined) throw new OperatorError(`Listening on ${host}:${port} did not succeed.`)
  return listenerOf(app, server, server.port, { onDrain, onCutOff })
}

/**
 * The port that several processes are to share, which the system chooses when it is 0. They could not tell that a stranger has it
 * already, so it is asked for alone first.
 *
 * @throws OperatorError when it cannot be listened on
 */
export async function probePort(host: string, port: number): Promise<number> {
  let probe: { readonly port: number; stop(now?: boolean): unknown }
  try {
    probe = Bun.listen({ hostname: host, port, socket: { data() {} } })
  } catch (error) {
    throw unusable(host, port, error)
  }
  const chosen = probe.port
  await probe.stop(true)
  return chosen
}

type Calls = { readonly [Name in 'onDrain' | 'onCutOff']: (() => void) | undefined }

function listenerOf(app: App, server: BunServer, port: number, { onDrain, onCutOff }: Calls): Listener {
  return {
    port,
    async drain() {
      // Bun's stop resets what waits to be accepted, and connections on which the next request is just arriving.
      // So for a while nobody new is let in, everyone else is answered, and each answer is a connection's last.
      refuseNewConnections(port)
      onDrain?.()
      server.reload({ fetch: async (request) => asLastAnswer(await app.fetch(request)), routes: {} })
      await Bun.sleep(DRAIN_GRACE_MS)
      const stopped = server.stop().then(() => true)
      if ((await Promise.race([stopped, Bun.sleep(DRAIN_MS_MAX)])) !== true) {
        onCutOff?.()
        await Promise.race([stopped, Bun.sleep(LAST_ANSWER_MS)])
      }
      await server.stop(true)
    },
    async cut() {
      await server.stop(true)
    },
  }
}

function asLastAnswer(response: Response): Response {
  response.headers.set('connection', 'close')
  return response
}

function unusable(host: string, port: number, error: unknown): OperatorError {
  const code = (error as { code?: unknown }).code
  return new OperatorError(
    code === 'EADDRINUSE'
      ? `Another process listens on ${host}:${port}. Stop it, or choose another port.`
      : `Listening on ${host}:${port} did not succeed (${String(code ?? 'unknown fault')}). Is it an address of this host?`,
  )
}
