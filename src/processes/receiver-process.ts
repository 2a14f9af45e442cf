import { setTimeout as sleep } from 'node:timers/promises'
import {
  METRICS_REPORT_MS,
  PROCESS_ORDER_MS_MAX,
  PROCESS_READY_MS,
  PROCESS_STOP_MS_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { MetricSnapshot } from '../http/metrics.ts'
import type { Order, ParentChannel, Report } from './messages.ts'

/** A receiver that listens. */
export interface RunningReceiver {
  isReady(): boolean
  metrics(): Promise<MetricSnapshot>
  /** Takes no more connections, finishes what is in flight, flushes the audit queue and closes the database. */
  stop(): Promise<void>
}

export type StartOrder = Extract<Order, { kind: 'start' }>

export interface ReceiverProcess {
  readonly parent: ParentChannel
  readonly createLog: (order: StartOrder) => Log
  /** @param signal - ends the wait for a database that is not up yet; what is thrown then is its reason */
  readonly start: (order: StartOrder, log: Log, signal: AbortSignal) => Promise<RunningReceiver>
  readonly onStopSignal: (listener: (signal: string) => void) => void
  readonly faultFields: (fault: unknown) => Parameters<Log['error']>[1]
}

/**
 * The life of a receiver process: it waits for its order, receives, and ends when its parent says so, when its parent is gone, or at a
 * signal, after which the parent starts another in its place.
 *
 * @returns the exit code: 0 stopped, 1 failed, 2 nobody gave it an order
 */
export async function runReceiverProcess(process: ReceiverProcess): Promise<number> {
  const { parent } = process
  const stopping = new AbortController()
  const report = (message: Report) => parent.send(message)
  let measure = (_id: number) => {}
  const ordered = new Promise<StartOrder>((resolve) => {
    parent.onMessage((message) => {
      // The parent is the same executable, and nobody else has the other end of this channel.
      const order = message as Order
      if (order.kind === 'start') resolve(order)
      else if (order.kind === 'measure') measure(order.id)
      else stopping.abort('order')
    })
  })
  parent.onGone(() => stopping.abort('parent gone'))
  process.onStopSignal((name) => stopping.abort(name))
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true })
  })

  await report({ kind: 'started' })
  const order = await Promise.race([ordered, stopped, sleep(PROCESS_ORDER_MS_MAX)])
  if (order === undefined) return stopping.signal.aborted ? 0 : 2
  const log = process.createLog(order)
  let receiver: RunningReceiver
  try {
    receiver = await process.start(order, log, stopping.signal)
  } catch (fault) {
    if (stopping.signal.aborted && fault === stopping.signal.reason) return 0
    log.error('cannot start', process.faultFields(fault))
    return 1
  }
  const sendMetrics = async (id: number | null): Promise<void> => {
    const metrics = await receiver.metrics()
    await report({ kind: 'measured', id, metrics })
  }
  measure = (id) => void sendMetrics(id)
  const endReports = startReports(receiver, report, sendMetrics)
  await report({ kind: 'listening' })
  log.debug('a receiver process listens')

  await stopped
  log.debug('a receiver process is stopping', { reason: String(stopping.signal.reason) })
  await report({ kind: 'stopping' })
  const outcome = await Promise.race([
    receiver.stop().then(
      () => null,
      (fault: unknown) => ({ fault }),
    ),
    // When the parent is gone, nobody else ends a process that does not come to its end.
    sleep(PROCESS_STOP_MS_MAX, 'late' as const),
  ])
  endReports()
  await sendMetrics(null)
  if (outcome === null) return 0
  if (outcome === 'late') log.error('not stopped in time', { ms: PROCESS_STOP_MS_MAX })
  else log.error('cannot stop', process.faultFields(outcome.fault))
  return 1
}

/** Says now and then how it stands. Returns what ends that. */
function startReports(
  receiver: RunningReceiver,
  report: (message: Report) => Promise<void>,
  sendMetrics: (id: null) => Promise<void>,
): () => void {
  let wasReady: boolean | null = null
  const sendReady = () => {
    const isReady = receiver.isReady()
    if (isReady === wasReady) return
    wasReady = isReady
    void report({ kind: 'ready', isReady })
  }
  sendReady()
  const timers = [
    setInterval(sendReady, PROCESS_READY_MS),
    setInterval(() => void sendMetrics(null), METRICS_REPORT_MS),
  ]
  return () => {
    for (const timer of timers) clearInterval(timer)
  }
}
