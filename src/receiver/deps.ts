import type { AcceptedAttempt, RejectedAttempt } from '../core/attempt.ts'
import type { Log } from '../core/log.ts'
import type { PeerAddress } from '../http/client-address.ts'
import type { Metrics } from '../http/metrics.ts'
import type { IntakeWriter } from '../store/intake-writer.ts'
import type { RateLimitCounter } from '../store/rate-limit-counter.ts'
import type { TriggerCache } from '../store/trigger-cache.ts'

/** What the receiver is given. It asks the store four things, and knows no SQL. */
export interface ReceiverDeps {
  readonly log: Log
  readonly triggerCache: Pick<TriggerCache, 'byKey'>
  readonly rateLimitCounter: Pick<RateLimitCounter, 'count'>
  readonly intakeWriter: {
    readonly accept: (attempt: AcceptedAttempt) => ReturnType<IntakeWriter['accept']>
    readonly record: (attempt: RejectedAttempt) => void
  }
  readonly metrics: Pick<Metrics, 'countAttempt' | 'countUnknownKey' | 'countUnavailable'>
  /** Canonical addresses and CIDRs whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[]
  /** The hard ceiling over every trigger's own limit. */
  readonly bodyBytesMax: number
  readonly peerAddress: PeerAddress
}
