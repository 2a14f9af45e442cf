import { write, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { createInterface } from 'node:readline/promises'
import type { CommandContext } from './cli/command.ts'
import { runCommand } from './cli/index.ts'
import { LOG_FLUSH_MS_MAX, PROCESS_LINE_LENGTH_MAX } from './core/limits.ts'
import { newRequestId } from './core/request-id.ts'
import { createLog, faultFields } from './log.ts'
import { createLogSink } from './log-sink.ts'
import type { ChildOptions, ChildProcess, ParentChannel } from './processes/messages.ts'

const STDOUT = 1
const STDERR = 2

/** The reader of our output has gone, as with `| head`: there is nothing left to do, and nothing is wrong. */
class OutputClosed extends Error {}

/** These let whoever sets them run code in this process before any of ours, or attach a debugger to it. */
const REFUSED_VARIABLES = /^BUN_(OPTIONS|INSPECT.*)$/

async function main(args: readonly string[]): Promise<number> {
  const refused = Object.keys(process.env).filter((name) => REFUSED_VARIABLES.test(name))
  if (refused.length > 0) {
    say(
      `attune-webhooks: ${refused.join(', ')} in the environment can load code into this process or attach a debugger to it: unset it`,
    )
    return 2
  }
  try {
    return await runCommand(args, context)
  } catch (error) {
    if (error instanceof OutputClosed) return 0
    return crash(error)
  }
}

/** A thread of the runtime does the writing, so that it may block. */
const logSink = createLogSink({
  writeSome: (bytes) =>
    new Promise((resolve, reject) => {
      write(STDERR, bytes, (error, written) => (error === null ? resolve(written) : reject(error)))
    }),
  droppedLine: (lines) => {
    let report = ''
    const log = createLog({
      level: 'warn',
      write: (line) => {
        report = line
      },
    })
    log.warn('lines of the log were dropped, because nobody took them', { lines })
    return report
  },
})

let isExiting = false

/** The one way out: what was logged is written before, if it is taken in time. Who calls first decides on the code. */
async function exit(code: number): Promise<void> {
  if (isExiting) return
  isExiting = true
  await logSink.flush(LOG_FLUSH_MS_MAX)
  process.exit(code)
}

const context: CommandContext = {
  env: process.env,
  print: (text) => writeOut(`${text}\n`),
  printBytes: writeOut,
  say,
  printsToTerminal: process.stdout.isTTY === true,
  // A terminal without a size says 0.
  terminalColumns: () => (process.stdout.isTTY && process.stdout.columns) || null,
  readInput: () => Bun.stdin.bytes(),
  inputChunks: () => Bun.stdin.stream(),
  confirm,
  createLog: (level, fields = {}) => createLog({ level, fields, write: logSink.write }),
  writeLogLine: (line) => logSink.write(`${line}\n`),
  onStopSignal,
  platform: process.platform,
  startChild,
  openParent,
}

function writeOut(data: string | Uint8Array): void {
  try {
    writeAll(STDOUT, data)
  } catch (error) {
    if (codeOf(error) === 'EPIPE') throw new OutputClosed()
    throw error
  }
}

function say(text: string): void {
  try {
    writeAll(STDERR, `${text}\n`)
  } catch {
    // Talk that nobody reads changes neither the result nor the exit code.
  }
}

/** A pipe that another process made non-blocking is full for a moment, and is tried again after this. */
const FULL_PIPE_WAIT_MS = 5

/** A result waits for its reader; talk that nobody takes is dropped. */
const TRIES_MAX = { [STDOUT]: Number.POSITIVE_INFINITY, [STDERR]: 3 } as const

/** Writes at once, so that nothing is lost when the process exits right after. */
function writeAll(descriptor: typeof STDOUT | typeof STDERR, data: string | Uint8Array): void {
  let rest = typeof data === 'string' ? new TextEncoder().encode(data) : data
  for (let tries = 1; rest.byteLength > 0; ) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' || tries >= TRIES_MAX[descriptor]) throw error
      tries += 1
      Bun.sleepSync(FULL_PIPE_WAIT_MS)
    }
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : undefined)

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`${question} [y/N] `)
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

/** A shell reports a process that a signal ended as this much above the number of the signal. */
const SIGNAL_EXIT_BASE = 128

/**
 * Ctrl-C under `bun run` arrives twice: from the terminal, which signals its whole group, and from the runner, which hands it on. Nobody
 * presses a key twice in this time.
 */
const ECHO_MS = 300

function onStopSignal(listener: (signal: string) => void): void {
  let stoppingSinceMs: number | null = null
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const nowMs = performance.now()
      if (stoppingSinceMs === null) {
        stoppingSinceMs = nowMs
        listener(signal)
      } else if (signal !== 'SIGINT' || nowMs - stoppingSinceMs >= ECHO_MS) {
        for (const child of children) child.kill('SIGKILL')
        void exit(SIGNAL_EXIT_BASE + constants.signals[signal])
      }
    })
  }
}

/**
 * This executable, as it was when this process was started: on Linux the name leads to the file that runs, even if an upgrade has put
 * another in its place since. From source, the program follows.
 */
const SELF = [
  process.platform === 'linux' ? '/proc/self/exe' : process.execPath,
  ...process.argv.slice(1, 2).filter((program) => !program.startsWith('/$bunfs/')),
]

/** Ended with this process when it does not take the time to stop them. */
const children = new Set<Bun.Subprocess>()

function startChild({ args, env, onMessage, onLine }: ChildOptions): ChildProcess {
  const child = Bun.spawn([...SELF, ...args], {
    // What `ps` shows.
    argv0: process.execPath,
    env: { ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    ipc: onMessage,
  })
  children.add(child)
  const reading = readLines(child.stderr, onLine)
  return {
    pid: child.pid,
    // Its last words come before its end.
    ended: Promise.all([child.exited, reading]).then(() => {
      children.delete(child)
      return { code: child.exitCode, signal: child.signalCode === null ? null : String(child.signalCode) }
    }),
    send(message) {
      try {
        child.send(message)
      } catch {
        // It has ended, which its end tells.
      }
    },
    kill: () => child.kill('SIGKILL'),
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > PROCESS_LINE_LENGTH_MAX) {
      lines.push(rest)
      rest = ''
    }
    for (const line of lines) onLine(line)
  }
  if (rest !== '') onLine(rest)
}

function openParent(): ParentChannel | null {
  if (process.send === undefined) return null
  return {
    send: (message) =>
      new Promise((resolve) => {
        try {
          process.send?.(message, undefined, undefined, () => resolve())
        } catch {
          // The parent is gone, which its own event tells.
          resolve()
        }
      }),
    onMessage: (listener) => void process.on('message', listener),
    onGone: (listener) => void process.on('disconnect', listener),
  }
}

/** A fault of our own that nothing has caught. The id leads from what an operator reports to the entry. */
function crash(fault: unknown): number {
  const log = createLog({ level: 'error', write: logSink.write })
  log.error('unexpected fault', { id: newRequestId(), ...faultFields(fault) })
  return 1
}

process.on('uncaughtException', (fault) => void exit(crash(fault)))
process.on('unhandledRejection', (fault) => void exit(crash(fault)))

// argv is the same under `bun src/main.ts` and in the compiled binary: runtime, program, arguments.
void main(process.argv.slice(2)).then(exit)
