import type { AttemptOutcome } from './attempt.ts'

/** What became of an attempt, each row being one of them: `accepted` is a new event, `refused` was turned away. */
export const LOG_OUTCOMES = [
  'accepted',
  'refused',
  'duplicate',
  'conflict',
  'handshake',
  'readmitted',
] as const
export type LogOutcome = (typeof LOG_OUTCOMES)[number]

/** Which rows of the webhook event log are asked for. */
export interface LogFilter {
  readonly triggerRef?: string | undefined
  readonly statusCode?: number | undefined
  readonly errorCode?: string | undefined
  /** A canonical address. */
  readonly sourceIp?: string | undefined
  readonly outcome?: LogOutcome | undefined
  /** Somewhere in the trigger's ref, the user agent, the message, the address or the ids; letters of ASCII in either case. */
  readonly text?: string | undefined
  /** Inclusive. */
  readonly since?: Date | undefined
  /** Exclusive. */
  readonly until?: Date | undefined
}

/** What a filter looks at. */
export interface FilteredRow {
  readonly id: string
  readonly eventId: string | null
  readonly triggerRef: string
  readonly statusCode: number
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly sourceIp: string | null
  readonly userAgent: string | null
  readonly outcome: AttemptOutcome | null
  readonly created: Date
}

/** Below it an attempt was answered, from it on turned away. */
export const REJECTED_STATUS_MIN = 400

/** Whether a row that has been read is one of the filter's. */
export function matchesLogFilter(row: FilteredRow, filter: LogFilter): boolean {
  const { triggerRef, statusCode, errorCode, sourceIp, outcome, text, since, until } = filter
  return (
    (triggerRef === undefined || row.triggerRef === triggerRef) &&
    (statusCode === undefined || row.statusCode === statusCode) &&
    (errorCode === undefined || row.errorCode === errorCode) &&
    (sourceIp === undefined || row.sourceIp === sourceIp) &&
    (outcome === undefined || outcomeOf(row) === outcome) &&
    (text === undefined || searchedText(row).includes(lowerAscii(text))) &&
    (since === undefined || row.created >= since) &&
    (until === undefined || row.created < until)
  )
}

const outcomeOf = ({ outcome, statusCode }: FilteredRow): LogOutcome =>
  outcome ?? (statusCode < REJECTED_STATUS_MIN ? 'accepted' : 'refused')

function searchedText(row: FilteredRow): string {
  const { triggerRef, userAgent, errorMessage, sourceIp, id, eventId } = row
  const texts = [triggerRef, userAgent, errorMessage, sourceIp, id, eventId].filter((text) => text !== null)
  return lowerAscii(texts.join('\n'))
}

/** What `lower` does under the collation C, whatever the database was made with. */
export const lowerAscii = (text: string): string =>
  text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
