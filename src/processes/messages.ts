import type { Config } from '../config.ts'
import type { MetricSnapshot } from '../http/metrics.ts'

/** What the process that was started as `serve` tells a receiver process. */
export type Order =
  | { readonly kind: 'start'; readonly number: number; readonly port: number; readonly config: Config }
  | { readonly kind: 'measure'; readonly id: number }
  | { readonly kind: 'stop' }

/** What a receiver process tells it. */
export type Report =
  /** It has been started and waits for its order. */
  | { readonly kind: 'started' }
  | { readonly kind: 'listening' }
  /** Whether it can store webhooks; sent when that changes. */
  | { readonly kind: 'ready'; readonly isReady: boolean }
  /** Its metrics, with the number of the order that asked for them, or `null` when none did. */
  | { readonly kind: 'measured'; readonly id: number | null; readonly metrics: MetricSnapshot }
  /** It takes no more connections. */
  | { readonly kind: 'stopping' }

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** A process that was started, as the one that did so has it. */
export interface ChildProcess {
  readonly pid: number
  readonly ended: Promise<ProcessEnd>
  /** What is sent to a process that has ended is lost. */
  send(message: unknown): void
  /** Ends it without a chance to put anything in order. */
  kill(): void
}

export interface ChildOptions {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onMessage: (message: unknown) => void
  /** Called with each line of its stderr, without the line feed. */
  readonly onLine: (line: string) => void
}

/** Starts this same executable once more. */
export type StartChild = (options: ChildOptions) => ChildProcess

/** The process that has started this one. */
export interface ParentChannel {
  /** Settles when it has been handed over. What is sent to a parent that is gone is lost. */
  send(message: unknown): Promise<void>
  onMessage(listener: (message: unknown) => void): void
  /** Called when the parent has ended, in whatever way. */
  onGone(listener: () => void): void
}
