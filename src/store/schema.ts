/**
 * The tables and the view as drizzle sees them, for statistics, audit and list queries. The DDL in `drizzle/` is the
 * truth; a test compares the two.
 */
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  inet,
  integer,
  jsonb,
  pgSchema,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import type { ChangedVia, Role } from '../core/administrator.ts'
import type { AttemptOutcome } from '../core/attempt.ts'
import type { HeaderPair } from '../core/event.ts'
import type { HmacAlgorithm, StoredVerification } from '../core/trigger.ts'

export const attune = pgSchema('attune')

const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })

const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' })

/** 64-bit numbers stay text: a JavaScript number would round them. */
const id64 = (name: string) => bigint(name, { mode: 'bigint' })

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const trigger = attune.table('trigger', {
  id: id64('id').primaryKey().generatedAlwaysAsIdentity(),
  ref: text('ref').notNull().unique(),
  label: text('label'),
  description: text('description'),
  webhookEnabled: boolean('webhook_enabled').notNull().default(false),
  webhookKey: text('webhook_key').unique(),
  webhookHmacEnabled: boolean('webhook_hmac_enabled').notNull().default(false),
  webhookHmacSecret: text('webhook_hmac_secret'),
  webhookHmacAlgorithm: text('webhook_hmac_algorithm').$type<HmacAlgorithm>().notNull().default('sha256'),
  webhookRateLimitEnabled: boolean('webhook_rate_limit_enabled').notNull().default(false),
  webhookRateLimitRequests: integer('webhook_rate_limit_requests').notNull().default(100),
  webhookRateLimitWindowSeconds: integer('webhook_rate_limit_window_seconds').notNull().default(60),
  webhookIpWhitelistEnabled: boolean('webhook_ip_whitelist_enabled').notNull().default(false),
  webhookIpWhitelist: text('webhook_ip_whitelist').array().notNull().default([]),
  webhookPayloadSizeLimitKb: integer('webhook_payload_size_limit_kb').notNull().default(1024),
  webhookDeduplicationEnabled: boolean('webhook_deduplication_enabled').notNull().default(false),
  webhookDeduplicationFields: text('webhook_deduplication_fields').array().notNull().default([]),
  webhookDeduplicationWindowSeconds: integer('webhook_deduplication_window_seconds')
    .notNull()
    .default(86_400),
  webhookVerification: jsonb('webhook_verification').$type<StoredVerification>(),
  webhookHandshakeArmedUntil: instant('webhook_handshake_armed_until'),
  webhookHandshakeSecretId: id64('webhook_handshake_secret_id'),
  webhookRejectedBodyBytesMax: integer('webhook_rejected_body_bytes_max').notNull().default(1_048_576),
  created: instant('created').notNull().defaultNow(),
  updated: instant('updated').notNull().defaultNow(),
})

export const webhookSecret = attune.table('webhook_secret', {
  id: id64('id').primaryKey().generatedAlwaysAsIdentity(),
  triggerId: id64('trigger_id').notNull(),
  label: text('label').notNull(),
  /** `null`: the secret is in `trigger.webhook_hmac_secret`. */
  secret: text('secret'),
  created: instant('created').notNull().defaultNow(),
  expires: instant('expires'),
  lastUsed: instant('last_used'),
})

export const adminAuditLog = attune.table('admin_audit_log', {
  id: id64('id').primaryKey().generatedAlwaysAsIdentity(),
  created: instant('created').notNull(),
  actor: text('actor').notNull(),
  role: text('role').$type<Role>(),
  via: text('via').$type<ChangedVia>().notNull(),
  sourceIp: inet('source_ip'),
  requestId: uuid('request_id'),
  action: text('action').notNull(),
  target: text('target').notNull(),
  old: jsonb('old').$type<Record<string, unknown>>(),
  new: jsonb('new').$type<Record<string, unknown>>(),
  xact: xid8('xact').notNull(),
})

export const webhookDelivery = attune.table('webhook_delivery', {
  triggerId: id64('trigger_id').notNull(),
  deliveryDigest: bytea('delivery_digest').notNull(),
  bodyDigest: bytea('body_digest').notNull(),
  eventId: uuid('event_id').notNull(),
  claimedAt: instant('claimed_at').notNull(),
  expires: instant('expires').notNull(),
})

export const event = attune.table('event', {
  id: uuid('id').notNull(),
  triggerId: id64('trigger_id').notNull(),
  triggerRef: text('trigger_ref').notNull(),
  contentType: text('content_type'),
  payloadSizeBytes: integer('payload_size_bytes').notNull(),
  body: bytea('body').notNull(),
  headers: jsonb('headers').$type<HeaderPair[]>().notNull(),
  sourceIp: inet('source_ip'),
  receivedAt: instant('received_at').notNull(),
})

export const webhookEventLog = attune.table('webhook_event_log', {
  id: uuid('id').notNull(),
  triggerId: id64('trigger_id').notNull(),
  triggerRef: text('trigger_ref').notNull(),
  webhookKey: text('webhook_key').notNull(),
  eventId: uuid('event_id'),
  sourceIp: inet('source_ip'),
  userAgent: text('user_agent'),
  payloadSizeBytes: integer('payload_size_bytes'),
  headers: jsonb('headers').$type<HeaderPair[]>().notNull(),
  statusCode: integer('status_code').notNull(),
  errorCode: text('error_code'),
  errorMessage: text('error_message'),
  processingTimeMs: doublePrecision('processing_time_ms'),
  hmacVerified: boolean('hmac_verified'),
  rateLimited: boolean('rate_limited').notNull(),
  ipAllowed: boolean('ip_allowed'),
  attempts: integer('attempts').notNull(),
  created: instant('created').notNull(),
  verifiedBy: text('verified_by'),
  outcome: text('outcome').$type<AttemptOutcome>(),
  checks: text('checks'),
})

const count = (name: string) => bigint(name, { mode: 'number' })

export const webhookStatsHourly = attune.table('webhook_stats_hourly', {
  triggerId: id64('trigger_id').notNull(),
  hour: instant('hour').notNull(),
  shard: smallint('shard').notNull(),
  totalRequests: count('total_requests').notNull(),
  successfulRequests: count('successful_requests').notNull(),
  rateLimitedRequests: count('rate_limited_requests').notNull(),
  hmacFailures: count('hmac_failures').notNull(),
  ipBlockedRequests: count('ip_blocked_requests').notNull(),
  eventsCreated: count('events_created').notNull(),
  timedRequests: count('timed_requests').notNull(),
  processingTimeMsSum: doublePrecision('processing_time_ms_sum').notNull(),
  lastRequestAt: instant('last_request_at').notNull(),
})

export const webhookStatsDetailed = attune
  .view('webhook_stats_detailed', {
    triggerId: id64('trigger_id').notNull(),
    triggerRef: text('trigger_ref').notNull(),
    webhookEnabled: boolean('webhook_enabled').notNull(),
    totalRequests: count('total_requests').notNull(),
    successfulRequests: count('successful_requests').notNull(),
    failedRequests: count('failed_requests').notNull(),
    rateLimitedRequests: count('rate_limited_requests').notNull(),
    hmacFailures: count('hmac_failures').notNull(),
    ipBlockedRequests: count('ip_blocked_requests').notNull(),
    eventsCreated: count('events_created').notNull(),
    avgProcessingTimeMs: doublePrecision('avg_processing_time_ms'),
    lastRequestAt: instant('last_request_at'),
  })
  .existing()
