import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { parseAddress } from '../core/address.ts'
import { decodeChecks } from '../core/check.ts'
import type { WebhookEventLogRow } from '../core/event.ts'
import { PAGE_ROWS_DEFAULT } from '../core/limits.ts'
import { REJECTIONS, type RejectionCode } from '../core/rejection.ts'
import { TriggerRef } from '../core/trigger.ts'
import type { Store } from '../store/index.ts'
import type { StoredLogRow } from '../store/webhook-event-log.ts'
import { describe } from './describe.ts'
import { problemIf, queryOf, type Rule } from './input.ts'
import { cursorId, isRequestIdCursor, pageFields, timeFields, timeRules, timesOf } from './lists.ts'
import { logRowIdInPath } from './path-parameters.ts'

const Code = t.Union((Object.keys(REJECTIONS) as RejectionCode[]).map((code) => t.Literal(code)))

const ListQuery = t.Object(
  {
    trigger: t.Optional(TriggerRef),
    status: t.Optional(t.Integer({ minimum: 100, maximum: 599 })),
    code: t.Optional(Code),
    ip: t.Optional(t.String({ maxLength: 64, description: 'an IPv4 or IPv6 address' })),
    ...timeFields,
    ...pageFields,
  },
  { additionalProperties: false },
)

const isAddress: Rule = (ip, field) =>
  problemIf(parseAddress(String(ip)) === null, field, 'must be an IPv4 or IPv6 address')

/** The audit trail, with the exact reason of each rejection. */
export const webhookEventLog = ({ store }: { readonly store: Store }) =>
  new Elysia({ name: 'admin.webhook-event-log' })
    .get(
      '/api/v1/webhook-event-log',
      async ({ query: { trigger, status, code, ip, since, until, limit = PAGE_ROWS_DEFAULT, cursor } }) => {
        const filter = {
          triggerRef: trigger,
          statusCode: status,
          errorCode: code,
          sourceIp: ip === undefined ? undefined : (parseAddress(ip) ?? undefined),
          ...timesOf(since, until),
        }
        const page = await store.webhookEventLog.list(filter, limit, cursorId(cursor))
        return { data: page.rows.map(rowView), next_cursor: page.nextCursor }
      },
      {
        ...queryOf(ListQuery, { ...timeRules, ip: isAddress, cursor: isRequestIdCursor }),
        ...describe({
          id: 'listWebhookEventLog',
          role: 'viewer',
          summary: 'Lists attempts, accepted or not, newest first',
          answer: { list: 'WebhookEventLogRow' },
        }),
      },
    )
    .get(
      '/api/v1/webhook-event-log/:id',
      async ({ params: { id } }) => ({ data: rowView(await store.webhookEventLog.read(id)) }),
      {
        ...logRowIdInPath,
        ...describe({
          id: 'readWebhookEventLogRow',
          role: 'viewer',
          summary: 'Reads the row of one attempt, by the request id that its sender was told',
          answer: { one: 'WebhookEventLogRow' },
        }),
      },
    )

/** A row as the API shows it. */
export const rowView = (row: StoredLogRow): WebhookEventLogRow => ({
  id: row.id,
  trigger_id: String(row.triggerId),
  trigger_ref: row.triggerRef,
  webhook_key: row.webhookKey,
  event_id: row.eventId,
  source_ip: row.sourceIp,
  user_agent: row.userAgent,
  payload_size_bytes: row.payloadSizeBytes,
  headers: row.headers,
  status_code: row.statusCode,
  error_code: row.errorCode,
  error_message: row.errorMessage,
  processing_time_ms: row.processingTimeMs,
  hmac_verified: row.hmacVerified,
  rate_limited: row.rateLimited,
  ip_allowed: row.ipAllowed,
  verified_by: row.verifiedBy,
  outcome: row.outcome,
  checks: decodeChecks(row.checks),
  attempts: row.attempts,
  created: row.created.toISOString(),
})
