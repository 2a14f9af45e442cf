import { LOG_TEXT_LENGTH_MAX } from './core/limits.ts'
import type { Log, LogFields } from './core/log.ts'
import { OperatorError } from './core/operator-error.ts'
import { visibleJson } from './core/visible-text.ts'

/** From the most talkative to the most silent. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

interface LogSettings {
  /** The least level that is written. */
  readonly level: LogLevel
  /** Takes one line, its line feed included. What it throws is swallowed: a full disk must not stop intake. */
  readonly write: (line: string) => void
  readonly now?: () => Date
  /** In every entry, such as the number of the process. */
  readonly fields?: LogFields
}

/**
 * The one implementation of `Log`: a JSON object on a line for each entry, `{"time", "level", "message", …fields}`.
 *
 * It never throws, and no text in it is longer than `LOG_TEXT_LENGTH_MAX` characters. A field whose name
 * an entry uses itself is written as `field_<name>`, so that no caller can forge a level or a time.
 */
export function createLog({ level, write, now = () => new Date(), fields: common = {} }: LogSettings): Log {
  const least = LOG_LEVELS.indexOf(level)

  const at = (entryLevel: LogLevel) => {
    if (LOG_LEVELS.indexOf(entryLevel) < least) return () => undefined
    return (message: string, fields: LogFields = {}): void => {
      try {
        write(`${line(now(), entryLevel, message, { ...common, ...fields })}\n`)
      } catch {
        // There is no place left to say so.
      }
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

const OWN_NAMES = new Set(['time', 'level', 'message'])

function line(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  const entry: Record<string, unknown> = { time: time.toISOString(), level, message: bounded(message) }
  for (const [name, value] of Object.entries(fields)) {
    entry[OWN_NAMES.has(name) ? `field_${name}` : name] = bounded(value)
  }
  return visibleJson(JSON.stringify(entry))
}

function bounded(value: LogFields[string]): LogFields[string] {
  if (value === null || value === undefined) return value
  if (typeof value === 'number' || typeof value === 'boolean') return value
  const text = String(value)
  return text.length <= LOG_TEXT_LENGTH_MAX ? text : `${text.slice(0, LOG_TEXT_LENGTH_MAX - 1)}…`
}

/** Errors whose message quotes the statement, its parameters or the value that was refused, by name. */
const QUOTING_ERRORS = new Set(['PostgresError', 'DrizzleQueryError', 'DrizzleError'])

/**
 * What may be logged of an error that nobody expected: its name, its code, where it was thrown, and its
 * message unless it comes from a database client, whose messages quote SQL and the parameters in it.
 */
export function faultFields(fault: unknown): LogFields {
  if (!(fault instanceof Error)) return { error: typeof fault }
  if (fault instanceof OperatorError) return { reason: fault.message }
  return {
    error: fault.name,
    error_code: textOf(fault, 'code'),
    error_constraint: textOf(fault, 'constraint_name'),
    error_message: quotes(fault) ? undefined : fault.message,
    error_cause: fault.cause instanceof Error ? causeText(fault.cause) : undefined,
    error_stack: frames(fault),
  }
}

const quotes = (fault: Error): boolean =>
  QUOTING_ERRORS.has(fault.name) || QUOTING_ERRORS.has(fault.constructor.name) || 'query' in fault

const causeText = (cause: Error): string =>
  [cause.name, textOf(cause, 'code'), quotes(cause) ? undefined : cause.message]
    .filter((part) => part !== undefined)
    .join(': ')

function textOf(fault: Error, property: string): string | undefined {
  const value: unknown = Reflect.get(fault, property)
  return typeof value === 'string' ? value : undefined
}

/** The frames without the first line, which repeats the message. */
const frames = (fault: Error): string | undefined =>
  fault.stack
    ?.split('\n')
    .filter((frame) => /^\s+at /.test(frame))
    .map((frame) => frame.trim())
    .join(' | ')
