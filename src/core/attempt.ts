import type { Delivery } from './deduplication.ts'
import type { HeaderPair } from './event.ts'
import type { RejectionCode } from './rejection.ts'

/** What an attempt was when it was neither a plain event nor turned away. */
export type AttemptOutcome = 'handshake' | 'duplicate' | 'conflict' | 'readmitted'

/** What the audit trail keeps of one attempt; `webhook_event_log` has a column for each field. */
export interface AuditRecord {
  /** The request id; the row's `created` is the instant inside it. */
  readonly id: string
  readonly triggerId: string
  readonly triggerRef: string
  readonly webhookKey: string
  readonly sourceIp: string | null
  readonly userAgent: string | null
  readonly payloadSizeBytes: number | null
  readonly headers: readonly HeaderPair[]
  /** `null`: the check did not run. */
  readonly hmacVerified: boolean | null
  /** The label of the secret that verified; `null`: none did. */
  readonly verifiedBy: string | null
  /** `null`: a new event, or a rejection. */
  readonly outcome: AttemptOutcome | null
  readonly rateLimited: boolean
  /** `null`: the check did not run. */
  readonly ipAllowed: boolean | null
  /** By `encodeChecks`; `null` or left out: they were not recorded. */
  readonly checks?: string | null
  /** On the clock of `performance.now()`. */
  readonly startedAtMs: number
}

/** What became of one request when it was counted against the limit of its webhook key. */
export interface RateLimitVerdict {
  readonly allowed: boolean
  /** Until the window ends, by the database's clock. */
  readonly resetMs: number
}

/**
 * One request on its way through the rate limit. Far below the limit it is let on before it is counted; then the verdict
 * is `null` until the intake writer has counted it, with the batch that stores it.
 */
export interface RateLimitCount {
  readonly webhookKey: string
  /** What it is counted against; a setting that changes meanwhile changes nothing of that. */
  readonly requests: number
  readonly windowSeconds: number
  verdict: RateLimitVerdict | null
  /** How often the connection to the database had been lost when it was counted: the count may have been lost with it. */
  epoch: number
}

/** An attempt that passed every check, on its way to the store. */
export interface AcceptedAttempt extends AuditRecord {
  /** `null`: the trigger has no rate limit. */
  readonly rateLimitCount: RateLimitCount | null
  /** What its sender calls it, to be claimed with its event; `null` or left out: it is new whatever has come before. */
  readonly delivery?: Delivery | null
  readonly contentType: string | null
  /** The exact bytes. */
  readonly body: Uint8Array
}

/** An attempt that was turned away. Its headers may be worked out when they are asked for, while its request lives. */
export interface RejectedAttempt extends AuditRecord {
  readonly statusCode: number
  readonly errorCode: RejectionCode
  /** The exact reason, for administrators; never a secret, never a computed MAC. */
  readonly errorMessage: string
  readonly elapsedMs: number
}

/** A handshake that was answered: it is in the audit trail, and is neither an event nor turned away. */
export interface AnsweredHandshake extends AuditRecord {
  readonly outcome: 'handshake'
  readonly statusCode: number
  readonly errorCode: null
  /** What is left for the administrator to do; `null`: nothing. */
  readonly errorMessage: string | null
  readonly elapsedMs: number
}

/** What the audit trail alone keeps. */
export type AttemptWithoutEvent = RejectedAttempt | AnsweredHandshake
