import { type Static, Type as t } from '@sinclair/typebox'
import type { Deduplication } from './deduplication.ts'
import {
  DEDUPLICATION_FIELD_LENGTH_MAX,
  DEDUPLICATION_FIELDS_MAX,
  DEDUPLICATION_WINDOW_SECONDS_MAX,
  DEDUPLICATION_WINDOW_SECONDS_MIN,
  HMAC_SECRET_LENGTH_MAX,
  HMAC_SECRET_LENGTH_MIN,
  IP_WHITELIST_ENTRIES_MAX,
  RATE_LIMIT_REQUESTS_MAX,
  RATE_LIMIT_WINDOW_SECONDS_MAX,
  TRIGGER_DESCRIPTION_LENGTH_MAX,
  TRIGGER_LABEL_LENGTH_MAX,
  TRIGGER_REF_LENGTH_MAX,
} from './limits.ts'
import type { SignatureCheck } from './signature-check.ts'

/**
 * The words of this house, each with one meaning:
 *
 * - trigger: the named thing that a webhook fires, e.g. `github.push`; holds the security settings
 * - webhook key: the unguessable token in the URL; it identifies a trigger
 * - sender: whoever posts to the URL
 * - attempt: one request to a webhook URL, accepted or not
 * - event: what an accepted attempt becomes; immutable, exact bytes kept
 * - webhook event log: the audit trail, one row for each attempt
 * - check: one step of the receiver that can turn an attempt away
 * - rejection: a check's decision, from the closed catalogue in `rejection.ts`
 */
export const TriggerRef = t.String({
  pattern: '^[a-z0-9_-]+(\\.[a-z0-9_-]+)*$',
  minLength: 1,
  maxLength: TRIGGER_REF_LENGTH_MAX,
  description: 'Lower-case words of letters, digits, _ and -, joined by dots, e.g. github.push',
})

export const HmacAlgorithm = t.Union([t.Literal('sha256'), t.Literal('sha512'), t.Literal('sha1')])
export type HmacAlgorithm = Static<typeof HmacAlgorithm>

/** What a signature is made with unless a trigger says otherwise. */
export const HMAC_ALGORITHM_DEFAULT: HmacAlgorithm = 'sha256'

const Label = t.Union([t.String({ maxLength: TRIGGER_LABEL_LENGTH_MAX }), t.Null()])
const Description = t.Union([t.String({ maxLength: TRIGGER_DESCRIPTION_LENGTH_MAX }), t.Null()])

export const NewTrigger = t.Object(
  { ref: TriggerRef, label: t.Optional(Label), description: t.Optional(Description) },
  { additionalProperties: false },
)
export type NewTrigger = Static<typeof NewTrigger>

export const TriggerChange = t.Object(
  { label: t.Optional(Label), description: t.Optional(Description) },
  { additionalProperties: false, minProperties: 1 },
)
export type TriggerChange = Static<typeof TriggerChange>

export const HmacSettings = t.Object(
  {
    algorithm: t.Optional(HmacAlgorithm),
    secret: t.Optional(t.String({ minLength: HMAC_SECRET_LENGTH_MIN, maxLength: HMAC_SECRET_LENGTH_MAX })),
  },
  { additionalProperties: false },
)
export type HmacSettings = Static<typeof HmacSettings>

export const RateLimitSettings = t.Object(
  {
    requests: t.Integer({ minimum: 1, maximum: RATE_LIMIT_REQUESTS_MAX }),
    window_seconds: t.Integer({ minimum: 1, maximum: RATE_LIMIT_WINDOW_SECONDS_MAX }),
  },
  { additionalProperties: false },
)
export type RateLimitSettings = Static<typeof RateLimitSettings>

export const IpWhitelistSettings = t.Object(
  { cidrs: t.Array(t.String({ maxLength: 64 }), { maxItems: IP_WHITELIST_ENTRIES_MAX }) },
  { additionalProperties: false },
)
export type IpWhitelistSettings = Static<typeof IpWhitelistSettings>

export const DeduplicationInput = t.Object(
  {
    on: t.Optional(
      t.Array(t.String({ maxLength: DEDUPLICATION_FIELD_LENGTH_MAX }), {
        minItems: 1,
        maxItems: DEDUPLICATION_FIELDS_MAX,
        description:
          'places such as header:x-id or json:data.id, together the id; left out: that of the scheme',
      }),
    ),
    window_seconds: t.Optional(
      t.Integer({ minimum: DEDUPLICATION_WINDOW_SECONDS_MIN, maximum: DEDUPLICATION_WINDOW_SECONDS_MAX }),
    ),
  },
  { additionalProperties: false },
)
export type DeduplicationInput = Static<typeof DeduplicationInput>

/** A scheme of verification as the column `webhook_verification` holds it; values of `config` may be sealed. */
export interface StoredVerification {
  /** The name of a preset, or a scheme of the operator's own. */
  readonly scheme: string | Readonly<Record<string, unknown>>
  readonly config?: Readonly<Record<string, string>>
  readonly public_key?: string
  readonly tolerance_seconds?: number
}

/** What administrators see of a trigger. The secret is not among it: it is write-only. */
export const Trigger = t.Object({
  ref: t.String(),
  label: t.Union([t.String(), t.Null()]),
  description: t.Union([t.String(), t.Null()]),
  webhook_enabled: t.Boolean(),
  webhook_key: t.Union([t.String(), t.Null()]),
  webhook_url: t.Union([t.String(), t.Null()]),
  webhook_hmac_enabled: t.Boolean(),
  webhook_hmac_algorithm: HmacAlgorithm,
  webhook_verification_scheme: t.Union([t.String(), t.Null()], {
    description: 'generic, the name of another scheme, or custom; null when no signature is asked for',
  }),
  webhook_rate_limit_enabled: t.Boolean(),
  webhook_rate_limit_requests: t.Integer(),
  webhook_rate_limit_window_seconds: t.Integer(),
  webhook_ip_whitelist_enabled: t.Boolean(),
  webhook_ip_whitelist: t.Array(t.String()),
  webhook_payload_size_limit_kb: t.Integer(),
  webhook_deduplication_enabled: t.Boolean(),
  webhook_deduplication_fields: t.Array(t.String(), { description: 'empty: the id of the scheme' }),
  webhook_deduplication_window_seconds: t.Integer(),
  created: t.String({ format: 'date-time' }),
  updated: t.String({ format: 'date-time' }),
})
export type Trigger = Static<typeof Trigger>

/** What the receiver needs to know of a trigger; the secret stays inside the process. */
export interface WebhookSettings {
  readonly triggerId: string
  readonly triggerRef: string
  readonly webhookKey: string
  readonly enabled: boolean
  readonly payloadBytesMax: number
  /** `null` when the check is off; an empty list refuses everyone. */
  readonly ipWhitelist: readonly string[] | null
  readonly rateLimit: { readonly requests: number; readonly windowSeconds: number } | null
  /** `null` when the check is off. */
  readonly signature: SignatureCheck | null
  /** `null`: every verified delivery is new. */
  readonly deduplication: Deduplication | null
  /** Until when a handshake is expected that changes something, on the clock of `performance.now()`; -Infinity: none is. */
  readonly handshakeArmedUntilMs: number
}
