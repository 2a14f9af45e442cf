import type { AcceptedAttempt, AttemptWithoutEvent } from '../core/attempt.ts'
import type { Log } from '../core/log.ts'
import type { PeerAddress } from '../http/client-address.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Handshakes } from '../store/handshakes.ts'
import type { IntakeWriter } from '../store/intake-writer.ts'
import type { RateLimitCounter } from '../store/rate-limit-counter.ts'
import type { RejectedBodyWriter } from '../store/rejected-bodies.ts'
import type { SecretUses } from '../store/secret-uses.ts'
import type { TriggerCache } from '../store/trigger-cache.ts'

/** What the receiver is given. It asks the store five things, and knows no SQL. */
export interface ReceiverDeps {
  readonly log: Log
  readonly triggerCache: Pick<TriggerCache, 'byKey'>
  readonly rateLimitCounter: Pick<RateLimitCounter, 'count'>
  readonly intakeWriter: {
    readonly accept: (attempt: AcceptedAttempt) => ReturnType<IntakeWriter['accept']>
    /** Whether it has a row of its own. */
    readonly record: (attempt: AttemptWithoutEvent) => boolean
  }
  readonly secretUses: Pick<SecretUses, 'note'>
  readonly rejectedBodyWriter: Pick<RejectedBodyWriter, 'hasRoom' | 'keep'>
  /** Base of the webhook URLs, without a slash at its end: some senders sign the URL. Asked for at the first request or later. */
  readonly publicUrl: () => string
  /** Gets the certificate of a sender as PEM from a URL that its scheme allows; `null` when there is none to be had. */
  readonly fetchCertificate: (url: string) => Promise<string | null>
  readonly handshakes: Pick<Handshakes, 'remember'>
  /** Fetches a URL that confirms a subscription; whether that worked. */
  readonly confirm: (url: string) => Promise<boolean>
  readonly metrics: Pick<Metrics, 'countAttempt' | 'countUnknownKey' | 'countUnavailable'>
  /** Canonical addresses and CIDRs whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[]
  /** The hard ceiling over every trigger's own limit. */
  readonly bodyBytesMax: number
  readonly peerAddress: PeerAddress
  /** Aborted when the process ends and has waited for bodies as long as it can. */
  readonly cutOff: AbortSignal
}
