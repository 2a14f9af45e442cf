/** A: the compiled server, as an operator would run it, and its admin API. */
import { type Server, startServer } from './processes.ts'
import type { SenderKey } from './webhook-request.ts'

export interface Ours extends Server {
  readonly dataDirectory: string
  /** @throws Error when the answer is no success */
  admin(method: string, path: string, body?: object): Promise<unknown>
  /** Attempts since the start of the process by outcome, as `/metrics` tells them, and what still waits in its queues. */
  progress(): Promise<Progress>
}

export interface Progress {
  /** By `accepted` or the code of the rejection. */
  readonly attempts: ReadonlyMap<string, number>
  readonly queued: number
}

interface OursOptions {
  readonly binary: string
  /** `null` is the embedded database. */
  readonly databaseUrl: string | null
  readonly dataDirectory: string
  readonly env?: Readonly<Record<string, string>>
}

const ADMIN_TOKEN = 'benchmark-'.repeat(4)

export async function startOurs({ binary, databaseUrl, dataDirectory, env }: OursOptions): Promise<Ours> {
  const server = await startServer({
    name: 'attune-webhooks',
    command: [binary, 'serve', '--host', '127.0.0.1', '--port', '0', '--admin-port', '0'],
    env: {
      ...(databaseUrl !== null && { DATABASE_URL: databaseUrl }),
      ATTUNE_DATA_DIR: dataDirectory,
      ATTUNE_ADMIN_TOKEN: ADMIN_TOKEN,
      ...env,
    },
    talksOn: 'stderr',
    urlField: 'receiver_url',
  })
  const { admin_url: adminUrl } = server.announcement
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${adminUrl}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...init.headers },
    })
  return {
    ...server,
    dataDirectory,
    async admin(method, path, body) {
      const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      const response = await ask(path, { method, ...json })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return JSON.parse(text)
    },
    async progress() {
      return readMetrics(await (await ask('/metrics')).text())
    },
  }
}

function readMetrics(text: string): Progress {
  const attempts = new Map<string, number>()
  for (const [, code = '', count] of text.matchAll(
    /^attune_attempts_total\{[^}]*code="(\w+)"[^}]*\} (\S+)$/gm,
  )) {
    attempts.set(code, (attempts.get(code) ?? 0) + Number(count))
  }
  const queues = [...text.matchAll(/^attune_queue_length\{[^}]*\} (\S+)$/gm)]
  return { attempts, queued: queues.reduce((total, [, length]) => total + Number(length), 0) }
}

export interface TriggerSettings {
  readonly whitelist: readonly string[]
  readonly rateLimit: { readonly requests: number; readonly window_seconds: number }
  readonly enabled: boolean
}

/** A hundred networks, of which the last one is ours: the longest way to a yes. */
export const WHITELIST = [
  ...Array.from({ length: 49 }, (_, index) => `203.0.${index}.0/24`),
  ...Array.from({ length: 50 }, (_, index) => `2001:db8:${(index + 1).toString(16)}::/48`),
  '127.0.0.1/32',
]

/** Every check is on, and none turns a signed request away: nobody sends so many requests in a second. */
export const ALL_CHECKS: TriggerSettings = {
  whitelist: WHITELIST,
  rateLimit: { requests: 10_000, window_seconds: 1 },
  enabled: true,
}

/** How many triggers a load is spread over. */
export const TRIGGERS = 10

/** Makes triggers `<name>.0`, `<name>.1`, … */
export async function createTriggers(
  { admin }: Pick<Ours, 'admin'>,
  name: string,
  count: number,
  { whitelist, rateLimit, enabled }: TriggerSettings = ALL_CHECKS,
): Promise<SenderKey[]> {
  const senders: SenderKey[] = []
  for (let index = 0; index < count; index += 1) {
    const ref = `${name}.${index}`
    const path = `/api/v1/triggers/${ref}/webhooks`
    await admin('POST', '/api/v1/triggers', { ref })
    const made = (await admin('POST', `${path}/enable`)) as { data: { webhook_key: string } }
    const hmac = (await admin('PUT', `${path}/hmac`, {})) as { data: { secret: string } }
    await admin('PUT', `${path}/ip-whitelist`, { cidrs: whitelist })
    await admin('PUT', `${path}/rate-limit`, rateLimit)
    if (!enabled) await admin('POST', `${path}/disable`)
    senders.push({ ref, key: made.data.webhook_key, secret: hmac.data.secret })
  }
  return senders
}
