import { type Static, Type as t } from '@sinclair/typebox'
import { CheckResult } from './check.ts'

/** One header as it was received, `[name, value]`; a list of them keeps order and repetition. */
export const HeaderPair = t.Tuple([t.String(), t.String()])
export type HeaderPair = Static<typeof HeaderPair>

const Nullable = <T extends ReturnType<typeof t.String> | ReturnType<typeof t.Integer>>(schema: T) =>
  t.Union([schema, t.Null()])

/** What an accepted attempt becomes; `payload` is the body as JSON, or null when it is none. */
export const Event = t.Object({
  id: t.String({ format: 'uuid' }),
  trigger_ref: t.String(),
  content_type: Nullable(t.String()),
  payload_size_bytes: t.Integer(),
  payload: t.Unknown(),
  headers: t.Array(HeaderPair),
  source_ip: Nullable(t.String()),
  received_at: t.String({ format: 'date-time' }),
})
export type Event = Static<typeof Event>

/** An event in a list that does not ask for what its sender wrote. */
export const EventSummary = t.Omit(Event, ['payload', 'headers'])
export type EventSummary = Static<typeof EventSummary>

/** One row of the audit trail: the columns of `attune.webhook_event_log`. */
export const WebhookEventLogRow = t.Object({
  id: t.String({ format: 'uuid' }),
  trigger_id: t.String({ description: 'a 64-bit number, as text' }),
  trigger_ref: t.String(),
  webhook_key: t.String(),
  event_id: Nullable(t.String({ format: 'uuid' })),
  source_ip: Nullable(t.String()),
  user_agent: Nullable(t.String()),
  payload_size_bytes: Nullable(t.Integer()),
  headers: t.Array(HeaderPair),
  status_code: t.Integer(),
  error_code: Nullable(t.String()),
  error_message: Nullable(t.String()),
  processing_time_ms: t.Union([t.Number(), t.Null()]),
  hmac_verified: t.Union([t.Boolean(), t.Null()]),
  rate_limited: t.Boolean(),
  ip_allowed: t.Union([t.Boolean(), t.Null()]),
  verified_by: Nullable(t.String({ description: 'the label of the secret that verified' })),
  outcome: Nullable(
    t.String({
      enum: ['handshake', 'duplicate', 'conflict', 'readmitted'],
      description: 'what an accepted attempt was, where it was more than a new event',
    }),
  ),
  checks: t.Union([t.Array(CheckResult), t.Null()], {
    description: 'in the order in which they run; null: the row is older than their record, or is merged',
  }),
  attempts: t.Integer({ description: 'more than 1 when rejections of a flood were merged into this row' }),
  created: t.String({ format: 'date-time' }),
})
export type WebhookEventLogRow = Static<typeof WebhookEventLogRow>

/** One row of the view `attune.webhook_stats_detailed`. */
export const WebhookStats = t.Object({
  trigger_ref: t.String(),
  webhook_enabled: t.Boolean(),
  total_requests: t.Integer(),
  successful_requests: t.Integer(),
  failed_requests: t.Integer(),
  rate_limited_requests: t.Integer(),
  hmac_failures: t.Integer(),
  ip_blocked_requests: t.Integer(),
  events_created: t.Integer(),
  avg_processing_time_ms: t.Union([t.Number(), t.Null()]),
  last_request_at: t.Union([t.String({ format: 'date-time' }), t.Null()]),
})
export type WebhookStats = Static<typeof WebhookStats>
