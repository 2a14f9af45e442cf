/** Servers under test, each a process of its own on a port of its own. */
import { cpuSeconds, memory } from './proc.ts'

export interface Server {
  readonly pid: number
  readonly url: string
  /** The line by which it said that it is ready. */
  readonly announcement: Readonly<Record<string, unknown>>
  /** From the start of the process to that line. */
  readonly readyMs: number
  /** Whether it still runs; one that has ended by itself has failed. */
  isAlive(): boolean
  /** Asks it to end and waits until it has; kills it when it does not. */
  stop(): Promise<void>
}

interface ServerOptions {
  readonly name: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Where it writes its lines of JSON. */
  readonly talksOn: 'stdout' | 'stderr'
  /** Under which name one of those lines has its address. */
  readonly urlField: string
}

const { PATH = '' } = process.env

const START_MS_MAX = 60_000
const STOP_MS_MAX = 30_000

/** @throws Error when it ends, or says nothing for too long, before it is ready */
export async function startServer({ name, command, env, talksOn, urlField }: ServerOptions): Promise<Server> {
  const startedAtMs = performance.now()
  const child = Bun.spawn([...command], {
    // Nothing of the caller's own settings: a variable of theirs would be measured too.
    env: { PATH, ...env },
    stdin: 'ignore',
    stdout: talksOn === 'stdout' ? 'pipe' : 'ignore',
    stderr: talksOn === 'stderr' ? 'pipe' : 'inherit',
  })
  const kill = (): void => child.kill('SIGKILL')
  // Whatever way this process takes to its end, even while the server is still starting.
  process.once('exit', kill)
  void child.exited.then(() => process.off('exit', kill))
  const lines: string[] = []
  const output = (talksOn === 'stdout' ? child.stdout : child.stderr) as ReadableStream<Uint8Array>
  const announced = firstLineWith(urlField, output, lines)
  const timer = setTimeout(kill, START_MS_MAX)
  const announcement = await announced.finally(() => clearTimeout(timer))
  if (announcement === null) {
    throw new Error(`${name} did not start; it said: ${lines.slice(-5).join(' ') || 'nothing'}`)
  }
  return {
    pid: child.pid,
    url: String(announcement[urlField]).replace('//localhost', '//127.0.0.1'),
    announcement,
    readyMs: performance.now() - startedAtMs,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      child.kill('SIGTERM')
      const patience = setTimeout(kill, STOP_MS_MAX)
      await child.exited
      clearTimeout(patience)
    },
  }
}

/** Reads on behind that line, or the process would stand still before a full pipe. */
function firstLineWith(
  field: string,
  output: ReadableStream<Uint8Array>,
  lines: string[],
): Promise<Readonly<Record<string, unknown>> | null> {
  return new Promise((resolve) => {
    const read = async (): Promise<void> => {
      let rest = ''
      const decoder = new TextDecoder()
      for await (const bytes of output) {
        const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n')
        rest = parts.pop() ?? ''
        for (const line of parts) {
          lines.push(line)
          if (lines.length > LINES_KEPT) lines.shift()
          const entry = parseLine(line)
          if (typeof entry[field] === 'string') resolve(entry)
        }
      }
      resolve(null)
    }
    void read()
  })
}

const LINES_KEPT = 100

function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return {}
  }
}

export interface Cost {
  /** CPU time that the server used. */
  readonly serverCpuSeconds: number | null
  /** CPU time that PostgreSQL used, all its processes together; `null` also when it is in the server. */
  readonly postgresqlCpuSeconds: number | null
  /** The most that was resident in the server at a sample. */
  readonly residentMb: number | null
}

const SAMPLE_MS = 250

/** What `work` cost the server and its database. */
export async function costOf<T>(
  { pid, postgresqlCpu }: { readonly pid: number; readonly postgresqlCpu: () => number | null },
  work: () => Promise<T>,
): Promise<{ result: T; cost: Cost }> {
  const before = { server: cpuSeconds(pid), postgresql: postgresqlCpu() }
  let residentMb: number | null = null
  const sample = (): void => {
    const now = memory(pid)
    if (now !== null) residentMb = Math.max(residentMb ?? 0, now.residentMb)
  }
  const sampler = setInterval(sample, SAMPLE_MS)
  try {
    const result = await work()
    sample()
    const cost = {
      serverCpuSeconds: difference(cpuSeconds(pid), before.server),
      postgresqlCpuSeconds: difference(postgresqlCpu(), before.postgresql),
      residentMb,
    }
    return { result, cost }
  } finally {
    clearInterval(sampler)
  }
}

const difference = (after: number | null, before: number | null): number | null =>
  after === null || before === null ? null : after - before
