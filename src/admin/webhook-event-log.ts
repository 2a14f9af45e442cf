import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { decodeChecks } from '../core/check.ts'
import type { WebhookEventLogRow } from '../core/event.ts'
import { PAGE_ROWS_DEFAULT } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import type { Store } from '../store/index.ts'
import type { StoredLogRow } from '../store/webhook-event-log.ts'
import { describe } from './describe.ts'
import { attachedBody } from './events.ts'
import { queryOf } from './input.ts'
import { cursorId, isRequestIdCursor, pageFields } from './lists.ts'
import { logFilterFields, logFilterOf, logFilterRules } from './log-filter.ts'
import { logRowIdInPath } from './path-parameters.ts'

const ListQuery = t.Object({ ...logFilterFields, ...pageFields }, { additionalProperties: false })

/** The audit trail, with the exact reason of each rejection. */
export const webhookEventLog = ({ store }: { readonly store: Store }) =>
  new Elysia({ name: 'admin.webhook-event-log' })
    .get(
      '/api/v1/webhook-event-log',
      async ({ query: { limit = PAGE_ROWS_DEFAULT, cursor, ...filter } }) => {
        const page = await store.webhookEventLog.list(logFilterOf(filter), limit, cursorId(cursor))
        return { data: page.rows.map(rowView), next_cursor: page.nextCursor }
      },
      {
        ...queryOf(ListQuery, { ...logFilterRules, cursor: isRequestIdCursor }),
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
    .get(
      '/api/v1/webhook-event-log/:id/body',
      async ({ params: { id } }) => attachedBody(id, await keptBody(id, store)),
      {
        ...logRowIdInPath,
        ...describe({
          id: 'readRejectedBody',
          role: 'viewer',
          summary: 'The exact bytes of an attempt that was refused for its signature, while they are kept',
          answer: { types: ['application/octet-stream'] },
          codes: ['body_not_kept'],
        }),
      },
    )

/** @throws Rejection `body_not_kept`, `log_row_unknown` */
async function keptBody(id: string, { rejectedBodies, webhookEventLog: log }: Store): Promise<Uint8Array> {
  const kept = await rejectedBodies.read(id)
  if (kept !== null && kept.body !== null) return kept.body
  const { errorCode } = await log.read(id)
  throw new Rejection(
    'body_not_kept',
    errorCode === null
      ? 'the attempt was not refused'
      : `the body of an attempt with ${errorCode} is not kept`,
  )
}

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
