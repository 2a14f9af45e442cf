/**
 * A PostgreSQL cluster that lives as long as the test process: made by `initdb` in a temporary folder, on a port of its
 * own, without a socket. A shell keeps watch over it with a pipe: however the test process ends, the pipe closes, and
 * the shell stops the cluster and removes the folder.
 */
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

export interface Cluster {
  /** Of a database on it; `postgres` is there from the beginning. */
  url(database: string): string
  /** Ends all connections at once, as an operator in a hurry does; `fast` lets the server finish what it has, and write it down. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  start(): Promise<void>
  /** Signals every process of the server. After SIGKILL it returns when all of them have gone. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): Promise<void>
  /** Stops it and removes every file of it. */
  dispose(): Promise<void>
}

/** Where the programs of PostgreSQL are, and as whom they can be run; or why neither is known. */
type Programs =
  | { readonly directory: string; readonly asUser: readonly string[]; readonly userId: number | null }
  | { readonly missing: string }

const programs: Programs = findPrograms()

/** Why no cluster can be made here, or `null` when one can. */
export const clusterMissing: string | null = 'missing' in programs ? programs.missing : null

/** Tests start often and lose nothing that matters: no fsync, and little memory. */
const FORGETFUL = ['fsync=off', 'full_page_writes=off', 'shared_buffers=32MB']

/** As a server is run whose data matters. */
export const DURABLE = ['fsync=on', 'full_page_writes=on', 'synchronous_commit=on', 'shared_buffers=32MB']

/** @param settings - of the server, each `name=value` */
export async function createCluster(settings: readonly string[] = FORGETFUL): Promise<Cluster> {
  if ('missing' in programs) throw new Error(programs.missing)
  const { directory, asUser, userId } = programs
  const home = mkdtempSync(join(tmpdir(), 'attune-postgresql-'))
  if (userId !== null) chownSync(home, userId, -1)
  const data = join(home, 'data')
  const port = await freePort()
  const options = [
    `-p ${port}`,
    '-c listen_addresses=127.0.0.1',
    '-c unix_socket_directories=',
    '-c max_connections=200',
    '-c log_min_messages=fatal',
    ...settings.map((setting) => `-c ${setting}`),
  ].join(' ')
  const run = (...command: string[]) => execute([...asUser, ...command])
  const pgCtl = (...words: string[]) =>
    run(join(directory, 'pg_ctl'), '-D', data, '-s', '-w', '-l', join(home, 'log'), ...words)
  const start = () => pgCtl('-o', options, 'start')
  const stop = (mode: 'fast' | 'immediate' = 'immediate') => pgCtl('-m', mode, 'stop')

  await run(
    join(directory, 'initdb'),
    '-D',
    data,
    '-N',
    '--no-instructions',
    '-E',
    'UTF8',
    '--locale=C',
    '-A',
    'trust',
    '-U',
    'postgres',
  )
  await start()
  const stopCommand = [...asUser, join(directory, 'pg_ctl'), '-D', data, '-s', '-m', 'immediate', 'stop']
  const watch = Bun.spawn(
    ['sh', '-c', 'cat >/dev/null; "$@" 2>/dev/null; rm -rf -- "$0"', home, ...stopCommand],
    { stdin: 'pipe', stdout: 'ignore', stderr: 'ignore', detached: true },
  )
  watch.unref()
  watches.push(watch)

  return {
    url: (database) => `postgres://postgres@127.0.0.1:${port}/${database}`,
    start,
    stop,
    signal: (name) => signalServer(join(data, 'postmaster.pid'), name),
    async dispose() {
      // Or nothing would keep this process from ending before the cluster has.
      watch.ref()
      watch.stdin.end()
      await watch.exited
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** The first process first, so that it starts no other behind our back. */
async function signalServer(pidFile: string, name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): Promise<void> {
  const first = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  process.kill(first, name === 'SIGCONT' ? name : 'SIGSTOP')
  const children = readFileSync(`/proc/${first}/task/${first}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number)
  if (name === 'SIGSTOP') thawLater([first, ...children])
  for (const pid of [...children, first]) {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended by itself.
    }
  }
  if (name !== 'SIGKILL') return
  await eventually(() => [...children, first].every(hasEnded), KILLED_MS_MAX)
  // In a container whose first process reaps nobody, the next server would take the dead one of this file for alive.
  rmSync(pidFile, { force: true })
}

/** A server that nobody wakes cannot be stopped either: should the test process die meanwhile, a shell wakes it. */
function thawLater(pids: readonly number[]): void {
  const command = [
    'sh',
    '-c',
    `sleep ${FROZEN_SECONDS_MAX}; kill -CONT "$@" 2>/dev/null`,
    'sh',
    ...pids.map(String),
  ]
  Bun.spawn(command, { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', detached: true }).unref()
}

const FROZEN_SECONDS_MAX = 60

/** A kernel needs a while to take the memory of a server apart. */
const KILLED_MS_MAX = 10_000

/** One that nobody has reaped yet is no longer at work either. */
function hasEnded(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}

/** Held, so that no pipe is closed by the garbage collector. */
const watches: unknown[] = []

function findPrograms(): Programs {
  const directory = findDirectory()
  if (directory === null) return { missing: 'no PostgreSQL programs (initdb, pg_ctl) were found' }
  if (process.getuid?.() !== 0) return { directory, asUser: [], userId: null }
  // PostgreSQL refuses to run as root.
  for (const user of ['postgres', 'nobody']) {
    const userId = Number(output(['id', '-u', user]))
    if (!(userId > 0)) continue
    if (Bun.which('setpriv') !== null) {
      const group = output(['id', '-g', user])
      return {
        directory,
        userId,
        asUser: ['setpriv', `--reuid=${userId}`, `--regid=${group}`, '--clear-groups'],
      }
    }
    if (Bun.which('runuser') !== null) return { directory, userId, asUser: ['runuser', '-u', user, '--'] }
  }
  return { missing: 'PostgreSQL refuses to run as root, and no other user can be taken' }
}

function findDirectory(): string | null {
  const shared = '/usr/lib/postgresql'
  const versions = existsSync(shared) ? readdirSync(shared).sort((a, b) => Number(b) - Number(a)) : []
  const candidates = [
    output(['pg_config', '--bindir']),
    ...versions.map((version) => join(shared, version, 'bin')),
    '/usr/local/bin',
    '/usr/bin',
  ]
  const found = candidates.find(
    (path) => path !== '' && existsSync(join(path, 'initdb')) && existsSync(join(path, 'pg_ctl')),
  )
  return found ?? null
}

function output([program = '', ...words]: string[]): string {
  if (Bun.which(program) === null) return ''
  return Bun.spawnSync([program, ...words], { stderr: 'ignore' })
    .stdout.toString()
    .trim()
}

/** From a directory that every user may enter; `pg_ctl` leaves the server behind, so no pipe of ours may stay open in it. */
async function execute(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { cwd: tmpdir(), stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
  const code = await child.exited
  if (code !== 0)
    throw new Error(`${command.find((word) => word.includes('/')) ?? 'a program'} exited with ${code}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port is free'))
        else resolve(address.port)
      })
    })
  })
}
