import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import {
  METRICS_WAIT_MS_MAX,
  PROCESS_RESTART_MS_MAX,
  PROCESS_RESTART_MS_MIN,
  PROCESS_STEADY_MS,
  PROCESS_STOP_MS_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { addUpCounts, type MetricSnapshot } from '../http/metrics.ts'
import type { ChildProcess, Order, ProcessEnd, Report } from './messages.ts'

export interface SupervisorOptions {
  /** Its `processes` is how many are kept running. */
  readonly config: Config
  /** On which they all listen. */
  readonly port: number
  readonly log: Log
  /** Starts a receiver process. */
  readonly startChild: (events: {
    readonly onMessage: (message: unknown) => void
    readonly onLine: (line: string) => void
  }) => ChildProcess
  /** Writes a line to stderr as it is. */
  readonly writeLine: (line: string) => void
}

/** One of the receiver processes; when it ends, another takes its place and its number. */
interface Slot {
  readonly number: number
  child: ChildProcess | null
  isListening: boolean
  isReady: boolean
  /** On the clock of `performance.now()`. */
  listeningSinceMs: number | null
  restartDelayMs: number
  /** The last metrics of the process that is running. */
  metrics: MetricSnapshot | null
}

/** Keeps the receiver processes running, hands them their orders, and knows how they are. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #slots: readonly Slot[]
  readonly #lives: readonly Promise<void>[]
  readonly #stop = new AbortController()
  readonly #measuring = new Map<number, (slot: Slot) => void>()
  #lastMeasureId = 0
  #restarts = 0
  /** What processes that have ended had counted. */
  #ended: MetricSnapshot = []
  #tried = new Set<Slot>()
  readonly #started = Promise.withResolvers<void>()

  /** Starts them all. */
  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.config.processes }, (_, index) => ({
      number: index + 1,
      child: null,
      isListening: false,
      isReady: false,
      listeningSinceMs: null,
      restartDelayMs: PROCESS_RESTART_MS_MIN,
      metrics: null,
    }))
    this.#lives = this.#slots.map((slot) => this.#keepRunning(slot))
  }

  /** Settles when one process listens and each of the others does too or has failed to. */
  get started(): Promise<void> {
    return this.#started.promise
  }

  /** How many listen. */
  get listening(): number {
    return this.#slots.filter(({ isListening }) => isListening).length
  }

  /** How often one was started in the place of another. */
  get restarts(): number {
    return this.#restarts
  }

  /** Whether one of them at least accepts webhooks. */
  get isReady(): boolean {
    return this.#slots.some(({ isListening, isReady }) => isListening && isReady)
  }

  /** The metrics of each process that runs, and what those had counted that do not. Of one that does not answer in time, the last ones. */
  async measure(): Promise<readonly MetricSnapshot[]> {
    await Promise.all(this.#slots.filter(({ isListening }) => isListening).map((slot) => this.#measure(slot)))
    return [this.#ended, ...this.#slots.flatMap(({ metrics }) => (metrics === null ? [] : [metrics]))]
  }

  /** Tells all to stop, and kills who has not done so within `PROCESS_STOP_MS_MAX`. */
  async stop(): Promise<void> {
    this.#stop.abort()
    for (const { child } of this.#slots) send(child, { kind: 'stop' })
    const done = new AbortController()
    const kill = async (): Promise<void> => {
      await sleep(PROCESS_STOP_MS_MAX, undefined, { signal: done.signal }).catch(() => {})
      if (done.signal.aborted) return
      for (const { child, number } of this.#slots) {
        if (child === null) continue
        this.#options.log.error('a receiver process did not stop in time', { process: number })
        child.kill()
      }
    }
    void kill()
    await Promise.all(this.#lives)
    done.abort()
  }

  async #keepRunning(slot: Slot): Promise<void> {
    const { log } = this.#options
    for (;;) {
      const end = await this.#runOnce(slot)
      if (this.#stop.signal.aborted) return
      const delayMs = this.#delayMs(slot, end)
      log[end.code === 0 ? 'info' : 'error']('a receiver process has ended and is started anew', {
        process: slot.number,
        exit_code: end.code,
        signal: end.signal,
        delay_ms: delayMs,
      })
      this.#noteTry(slot)
      await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => {})
      if (this.#stop.signal.aborted) return
      this.#restarts += 1
    }
  }

  async #runOnce(slot: Slot): Promise<ProcessEnd> {
    slot.listeningSinceMs = null
    const child = this.#startChild(slot)
    if (child === null) return { code: null, signal: null }
    slot.child = child
    const end = await child.ended
    slot.child = null
    slot.isListening = false
    slot.isReady = false
    if (slot.metrics !== null) this.#ended = addUpCounts([this.#ended, slot.metrics])
    slot.metrics = null
    return end
  }

  /** `null` when the system has no room for another process just now. */
  #startChild(slot: Slot): ChildProcess | null {
    try {
      const child = this.#options.startChild({
        onMessage: (message) => {
          // It is the same executable, and nobody else has the other end of this channel.
          if (slot.child === child) this.#hear(slot, message as Report)
        },
        onLine: (line) => this.#writeLine(slot, line),
      })
      return child
    } catch (error) {
      this.#options.log.error('a receiver process cannot be started', {
        process: slot.number,
        reason: String((error as { code?: unknown }).code ?? 'unknown fault'),
      })
      return null
    }
  }

  #hear(slot: Slot, report: Report): void {
    const { config, port, log } = this.#options
    switch (report.kind) {
      case 'started':
        // Strangers talk to a receiver process; the token of administrators is nothing that it needs.
        send(slot.child, {
          kind: 'start',
          number: slot.number,
          port,
          config: { ...config, adminToken: null, webhookSecret: null },
        })
        if (this.#stop.signal.aborted) send(slot.child, { kind: 'stop' })
        break
      case 'listening':
        slot.isListening = true
        slot.listeningSinceMs = performance.now()
        log.info('a receiver process listens', { process: slot.number, pid: slot.child?.pid })
        this.#noteTry(slot)
        break
      case 'ready':
        slot.isReady = report.isReady
        break
      case 'measured':
        slot.metrics = report.metrics
        if (report.id !== null) this.#measuring.get(report.id)?.(slot)
        break
      case 'stopping':
        slot.isListening = false
    }
  }

  /** Whoever was asked to end is replaced at once; whoever has not been steady waits longer each time. */
  #delayMs(slot: Slot, end: ProcessEnd): number {
    const listenedMs = slot.listeningSinceMs === null ? 0 : performance.now() - slot.listeningSinceMs
    if (listenedMs >= PROCESS_STEADY_MS) slot.restartDelayMs = PROCESS_RESTART_MS_MIN
    if (end.code === 0 && slot.listeningSinceMs !== null) return 0
    const delayMs = slot.restartDelayMs
    slot.restartDelayMs = Math.min(2 * delayMs, PROCESS_RESTART_MS_MAX)
    return delayMs
  }

  #noteTry(slot: Slot): void {
    this.#tried.add(slot)
    if (this.#tried.size === this.#slots.length && this.listening > 0) this.#started.resolve()
  }

  async #measure(slot: Slot): Promise<void> {
    this.#lastMeasureId += 1
    const id = this.#lastMeasureId
    const answered = new Promise<void>((resolve) => {
      this.#measuring.set(id, (from) => {
        if (from === slot) resolve()
      })
    })
    const done = new AbortController()
    send(slot.child, { kind: 'measure', id })
    const late = sleep(METRICS_WAIT_MS_MAX, undefined, { signal: done.signal }).catch(() => {})
    await Promise.race([answered, late, slot.child?.ended])
    done.abort()
    this.#measuring.delete(id)
  }

  /** The log of a process is handed on by the line; whatever the runtime itself may say in its last moment becomes an entry. */
  #writeLine(slot: Slot, line: string): void {
    if (line.startsWith('{') && line.endsWith('}')) this.#options.writeLine(line)
    else if (line.trim() !== '') this.#options.log.error(line, { process: slot.number })
  }
}

const send = (child: ChildProcess | null, order: Order): void => child?.send(order)
