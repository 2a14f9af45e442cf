/**
 * The compiled binary as an operator has it: started in an empty folder of its own, told what to do by arguments and
 * environment, known by its exit code, its output and its two listeners.
 *
 * `ATTUNE_TEST_BINARY` names the binary. With `ATTUNE_TEST_DATABASE_URL` it runs on a database of its own on that
 * PostgreSQL server, whose user must be allowed to create databases; without it on the embedded database.
 */
import { setDefaultTimeout } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { webhookPath } from '../../src/core/webhook-key.ts'
import { eventually } from './eventually.ts'

const {
  ATTUNE_TEST_BINARY: binary = 'dist/attune-webhooks',
  ATTUNE_TEST_DATABASE_URL: postgresqlServer = '',
  PATH = '/usr/bin:/bin',
} = process.env

export const BINARY = resolve(import.meta.dir, '../..', binary)

export const engineName: 'postgresql' | 'embedded' = postgresqlServer === '' ? 'embedded' : 'postgresql'

/** A first start, a crash recovery and a slow machine all fit into this. */
const START_MS_MAX = 30_000
const END_MS_MAX = 30_000

/** Longer than anything in here waits for by itself, so that a failure says what it waited for. */
setDefaultTimeout(60_000)

/** Environment variables of the binary. `undefined` takes one away that would be set otherwise. */
export type Settings = Readonly<Record<string, string | undefined>>

export interface LogLine {
  readonly time: string
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

/** A process of the binary; it may have ended. */
export interface Program {
  readonly pid: number
  /** The exit code; after a signal, 128 and its number. */
  readonly exited: Promise<number>
  stdout(): string
  stderr(): string
  /** What it has logged so far. @throws Error when a line of stderr is no JSON object */
  logLines(): LogLine[]
  /** Waits for a log line. */
  logged(message: string, msMax?: number): Promise<LogLine>
  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, parsed; `null` when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the binary answers, a test looks into it.
  readonly json: any
}

/** A process that listens. */
export interface Server extends Program {
  readonly receiverUrl: string
  readonly receiverPort: number
  readonly adminUrl: string
  readonly adminPort: number
  /** Asks the admin API, with the token. */
  api(method: string, path: string, json?: unknown): Promise<Answer>
  /** The exact bytes of an event. */
  body(eventId: string): Promise<Buffer>
  /** Makes a trigger with an enabled webhook. */
  createTrigger(ref: string, settings?: TriggerSettings): Promise<Webhook>
  /** Ends it as a crash does, without a chance to put anything in order. */
  kill(): Promise<void>
  /** Ends it as an operator does, and returns its exit code. */
  stop(): Promise<number>
}

export interface TriggerSettings {
  readonly secret?: string
  readonly algorithm?: string
  readonly rateLimit?: { readonly requests: number; readonly windowSeconds: number }
  readonly cidrs?: readonly string[]
  readonly payloadKb?: number
}

export interface Webhook {
  readonly ref: string
  readonly key: string
  readonly path: string
  readonly url: string
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Uint8Array
}

interface RunOptions {
  readonly settings?: Settings
  readonly input?: string | Uint8Array<ArrayBuffer>
}

export interface Installation {
  /** Where the binary is started; empty at first. */
  readonly folder: string
  /** Inside `folder`, at its default place. */
  readonly dataDirectory: string
  /** `null` on the embedded database. */
  readonly databaseUrl: string | null
  /**
   * Starts `serve` and waits until it listens.
   *
   * @param under - a program that runs the binary in its own place, such as `strace -D`, with its arguments
   * @throws Error with what it said when it does not
   */
  serve(settings?: Settings, under?: readonly string[]): Promise<Server>
  /** Starts something that goes on by itself. */
  launch(args: readonly string[], settings?: Settings): Program
  /** Waits until a `serve` that was launched with these settings listens. */
  listening(program: Program, settings?: Settings): Promise<Server>
  /** Runs a command to its end; it knows the server that was started last. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>
  /** Ends every process that was started here, and removes the folder and the database. */
  dispose(): Promise<void>
}

export async function install(): Promise<Installation> {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: \`bun run build\` makes it`)
  const home = mkdtempSync(join(tmpdir(), 'attune-binary-'))
  const folder = join(home, 'folder')
  mkdirSync(folder)
  const database = engineName === 'embedded' ? null : await createDatabase(postgresqlServer)
  const databaseUrl = database?.url ?? null
  const programs: Program[] = []
  let adminUrl: string | undefined

  const environment = (settings: Settings): Record<string, string> => {
    const all = {
      PATH,
      ATTUNE_HOST: '127.0.0.1',
      ATTUNE_PORT: '0',
      ATTUNE_ADMIN_PORT: '0',
      DATABASE_URL: databaseUrl ?? undefined,
      ...settings,
    }
    return Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    )
  }
  const launch = (command: readonly string[], settings: Settings): Program => {
    const program = start({ command, folder, home, env: environment(settings), number: programs.length })
    programs.push(program)
    return program
  }
  const whenListening = async (program: Program, settings: Settings): Promise<Server> => {
    const server = await listening(program, () => {
      const { ATTUNE_ADMIN_TOKEN: given, ATTUNE_DATA_DIR: directory = 'attune-data' } = settings
      return given ?? readFileSync(join(resolve(folder, directory), 'admin-token'), 'utf8').trim()
    })
    adminUrl = server.adminUrl
    return server
  }

  return {
    folder,
    dataDirectory: join(folder, 'attune-data'),
    databaseUrl,
    launch: (args, settings) => launch([BINARY, ...args], { ATTUNE_ADMIN_URL: adminUrl, ...settings }),
    serve: (settings = {}, under = []) =>
      whenListening(launch([...under, BINARY, 'serve'], settings), settings),
    listening: (program, settings = {}) => whenListening(program, settings),
    async run(args, { settings = {}, input } = {}) {
      const child = Bun.spawn([BINARY, ...args], {
        cwd: folder,
        env: environment({ ATTUNE_ADMIN_URL: adminUrl, ...settings }),
        stdin: input === undefined ? 'ignore' : new Blob([input]),
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [bytes, stderr, code] = await Promise.all([
        new Response(child.stdout).bytes(),
        new Response(child.stderr).text(),
        child.exited,
      ])
      return { code, stdout: new TextDecoder().decode(bytes), stderr, bytes }
    },
    async dispose() {
      for (const program of programs) program.signal('SIGKILL')
      await Promise.all(programs.map(({ exited }) => exited))
      rmSync(home, { recursive: true, force: true })
      await database?.dispose()
    },
  }
}

interface Start {
  readonly command: readonly string[]
  readonly folder: string
  readonly home: string
  readonly env: Record<string, string>
  readonly number: number
}

/**
 * Output goes to files: a pipe that the test reads late would make the program wait. A shell keeps watch: when the test
 * process ends before the program does, in whatever way, the shell ends the program and removes the folder.
 */
function start({ command, folder, home, env, number }: Start): Program {
  const paths = { stdout: join(home, `stdout-${number}`), stderr: join(home, `stderr-${number}`) }
  const stdout = openSync(paths.stdout, 'a')
  const stderr = openSync(paths.stderr, 'a')
  const child = Bun.spawn([...command], { cwd: folder, env, stdin: 'ignore', stdout, stderr })
  closeSync(stdout)
  closeSync(stderr)
  const watch = Bun.spawn(
    ['sh', '-c', 'read -r word || { kill -KILL "$0" && rm -rf -- "$1"; }', String(child.pid), home],
    { stdin: 'pipe', stdout: 'ignore', stderr: 'ignore', detached: true },
  )
  watch.unref()
  let hasEnded = false
  const exited = child.exited.then((code) => {
    hasEnded = true
    watch.stdin.write('ended\n')
    watch.stdin.end()
    return code
  })
  const program: Program = {
    pid: child.pid,
    exited,
    stdout: () => readFileSync(paths.stdout, 'utf8'),
    stderr: () => readFileSync(paths.stderr, 'utf8'),
    logLines: () => logLines(program.stderr()),
    async logged(message, msMax = START_MS_MAX) {
      try {
        return await eventually(
          () => program.logLines().find((line) => line.message === message) ?? hasEnded,
          msMax,
        ).then((line) => {
          if (line === true) throw new Error('it has ended')
          return line
        })
      } catch (error) {
        throw new Error(
          `"${message}" was not logged: ${error instanceof Error ? error.message : ''}\n${program.stderr()}`,
        )
      }
    },
    signal(name) {
      if (!hasEnded) child.kill(name)
    },
  }
  return program
}

/** Whole lines only: the last one may still be on its way. */
function logLines(text: string): LogLine[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const entry: unknown = JSON.parse(line)
      if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
        throw new Error(`a log line is no object: ${line}`)
      }
      return entry as LogLine
    })
}

async function listening(program: Program, readToken: () => string): Promise<Server> {
  const { receiver_url, admin_url } = await program.logged('listening')
  const receiverUrl = String(receiver_url)
  const adminUrl = String(admin_url)
  const token = readToken()
  const authorization = `Bearer ${token}`
  const api = (method: string, path: string, json?: unknown) =>
    ask(`${adminUrl}${path}`, {
      method,
      headers: {
        authorization,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
  return {
    ...program,
    receiverUrl,
    receiverPort: Number(new URL(receiverUrl).port),
    adminUrl,
    adminPort: Number(new URL(adminUrl).port),
    api,
    async body(eventId) {
      const url = `${adminUrl}/api/v1/events/${eventId}/body`
      const response = await fetch(url, { headers: { authorization } })
      if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
      return Buffer.from(await response.arrayBuffer())
    },
    createTrigger: (ref, settings = {}) => createTrigger(api, receiverUrl, ref, settings),
    async kill() {
      program.signal('SIGKILL')
      await program.exited
    },
    async stop() {
      program.signal('SIGTERM')
      const code = await Promise.race([program.exited, Bun.sleep(END_MS_MAX)])
      if (code === undefined) throw new Error(`it did not stop within ${END_MS_MAX} ms\n${program.stderr()}`)
      return code
    },
  }
}

/** Asks on a connection of its own, so that no answer depends on what an earlier one left behind. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, keepalive: false, redirect: 'manual' })
  const text = await response.text()
  const { status, headers } = response
  const isJson = /^application\/(problem\+)?json/.test(headers.get('content-type') ?? '')
  return { status, headers, text, json: isJson && text !== '' ? JSON.parse(text) : null }
}

async function createTrigger(
  api: Server['api'],
  receiverUrl: string,
  ref: string,
  settings: TriggerSettings,
): Promise<Webhook> {
  const path = `/api/v1/triggers/${ref}`
  const done = async (method: string, rest: string, json?: unknown) => {
    const answer = await api(method, `${path}/webhooks${rest}`, json)
    if (answer.status !== 200) throw new Error(`${method} ${rest} answered ${answer.status}: ${answer.text}`)
    return answer.json.data
  }
  const created = await api('POST', '/api/v1/triggers', { ref })
  if (created.status !== 201) throw new Error(`no trigger: ${created.status} ${created.text}`)
  const { webhook_key: key } = await done('POST', '/enable')
  const { secret, algorithm = 'sha256', rateLimit, cidrs, payloadKb } = settings
  if (secret !== undefined) await done('PUT', '/hmac', { secret, algorithm })
  if (cidrs !== undefined) await done('PUT', '/ip-whitelist', { cidrs })
  if (payloadKb !== undefined) await done('PUT', '/payload-limit', { kb: payloadKb })
  if (rateLimit !== undefined) {
    const { requests, windowSeconds } = rateLimit
    await done('PUT', '/rate-limit', { requests, window_seconds: windowSeconds })
  }
  return { ref, key, path: webhookPath(key), url: receiverUrl + webhookPath(key) }
}

/** Reads a list to its end, newest first. */
// biome-ignore lint/suspicious/noExplicitAny: rows are what the binary answers.
export async function readAll(server: Server, path: string): Promise<any[]> {
  const rows: unknown[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const mark = path.includes('?') ? '&' : '?'
    const from = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { status, text, json } = await server.api('GET', `${path}${mark}limit=500${from}`)
    if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`)
    rows.push(...json.data)
    cursor = json.next_cursor
  }
  return rows
}

/** Rate-limit windows are aligned to their length: one that does not end while a test runs. */
export function longWindowSeconds(): number {
  const nowSeconds = Date.now() / 1000
  return [3600, 3499].find((seconds) => seconds - (nowSeconds % seconds) > 120) ?? 3600
}

async function createDatabase(server: string): Promise<{ readonly url: string; dispose(): Promise<void> }> {
  const name = `attune_binary_${randomBytes(8).toString('hex')}`
  await maintain(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    dispose: () => maintain(server, `drop database if exists ${name} with (force)`),
  }
}

async function maintain(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
