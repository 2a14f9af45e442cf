import { Elysia } from 'elysia'
import { type CompiledCidrs, compileCidrs } from '../core/address.ts'
import type { AttemptOutcome, AuditRecord, RateLimitCount } from '../core/attempt.ts'
import type { ClientAddress } from '../core/client-address.ts'
import type { HeaderPair } from '../core/event.ts'
import { keptHeaders, sanitiseText } from '../core/headers.ts'
import { CONTENT_TYPE_LENGTH_MAX, USER_AGENT_LENGTH_MAX } from '../core/limits.ts'
import type { WebhookSettings } from '../core/trigger.ts'
import { clientAddress } from '../http/client-address.ts'
import { REQUEST_ID_HEADER } from '../http/errors.ts'
import { type BodyDeadlines, createBodyDeadlines } from './body-deadlines.ts'
import { CheckTrail } from './check-trail.ts'
import type { ReceiverDeps } from './deps.ts'

/** One request to a webhook URL on its way through the steps; each adds what it found out. */
export class Attempt {
  readonly id: string
  readonly request: Request
  readonly client: ClientAddress
  /** Those of all attempts. */
  readonly bodyDeadlines: BodyDeadlines
  readonly startedAtMs = performance.now()
  readonly checks = new CheckTrail()
  /** Set by the look-up. */
  settings: WebhookSettings | null = null
  /** Set when the body has been read. */
  body: Uint8Array | null = null
  /** The length that was declared, or `null` for a chunked body. */
  declaredBytes: number | null = null
  /** Set by the checks, when they ran. */
  ipAllowed: boolean | null = null
  rateLimited = false
  rateLimitCount: RateLimitCount | null = null
  hmacVerified: boolean | null = null
  verifiedBy: string | null = null
  outcome: AttemptOutcome | null = null
  /** Gives back the share of memory that the body took. */
  release: (() => void) | null = null

  constructor(id: string, request: Request, client: ClientAddress, bodyDeadlines: BodyDeadlines) {
    this.id = id
    this.request = request
    this.client = client
    this.bodyDeadlines = bodyDeadlines
  }

  /** The trigger's settings, for every step behind the look-up. */
  get trigger(): WebhookSettings {
    if (this.settings === null) throw new Error('a step ran before the trigger was looked up')
    return this.settings
  }

  get contentType(): string | null {
    return sanitised(this.request.headers.get('content-type'), CONTENT_TYPE_LENGTH_MAX)
  }

  /** The headers as they are kept with the event and the audit row. */
  keptHeaders(): HeaderPair[] {
    return keptHeaders(this.request.headers, this.trigger.signature?.credentialHeaders)
  }

  /** What the audit trail keeps of this attempt, beside its headers and checks. */
  auditRecord(): Omit<AuditRecord, 'headers' | 'checks'> {
    const { triggerId, triggerRef, webhookKey } = this.trigger
    return {
      id: this.id,
      triggerId,
      triggerRef,
      webhookKey,
      sourceIp: this.client.address,
      userAgent: sanitised(this.request.headers.get('user-agent'), USER_AGENT_LENGTH_MAX),
      payloadSizeBytes: this.body?.byteLength ?? storableSize(this.declaredBytes),
      hmacVerified: this.hmacVerified,
      verifiedBy: this.verifiedBy,
      outcome: this.outcome,
      rateLimited: this.rateLimited,
      ipAllowed: this.ipAllowed,
      startedAtMs: this.startedAtMs,
    }
  }
}

/**
 * Step 1: who sends, and when. It turns nobody away.
 *
 * The chain of steps is built on the instance that this returns, so that every hook is local to it and knows the attempt.
 */
export const attempt = ({ trustedProxies, peerAddress, cutOff }: ReceiverDeps) => {
  const bodyDeadlines = createBodyDeadlines(cutOff)
  const trusted: CompiledCidrs = compileCidrs(trustedProxies)
  return new Elysia().derive(({ request, server, set }) => ({
    attempt: new Attempt(
      String(set.headers[REQUEST_ID_HEADER]),
      request,
      clientAddress(request, peerAddress(request, server), trusted),
      bodyDeadlines,
    ),
  }))
}

/** What the steps hang on. */
export type Chain = ReturnType<typeof attempt>

const sanitised = (text: string | null, lengthMax: number): string | null =>
  text === null ? null : sanitiseText(text, lengthMax)

/** A declared length can be any number; the column holds 32 bits. */
const INT32_MAX = 2_147_483_647
const storableSize = (bytes: number | null): number | null =>
  bytes === null ? null : Math.min(bytes, INT32_MAX)
