import type { Log, LogFields } from '../../src/core/log.ts'

const silent = (): void => {}

/** For tests that are not about the log. */
export const silentLog: Log = { debug: silent, info: silent, warn: silent, error: silent }

export interface LogEntry {
  readonly level: keyof Log
  readonly message: string
  readonly fields: LogFields
}

/** A log that remembers what it was told. */
export function recordingLog(): Log & { readonly entries: LogEntry[] } {
  const entries: LogEntry[] = []
  const at =
    (level: keyof Log) =>
    (message: string, fields: LogFields = {}) => {
      entries.push({ level, message, fields })
    }
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
