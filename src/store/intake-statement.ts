import type { AcceptedAttempt, AuditRecord } from '../core/attempt.ts'
import { requestIdTime } from '../core/request-id.ts'
import type { AuditRow } from './audit-queue.ts'

/** What one statement of the intake writer stores. */
export interface IntakeBatch {
  readonly accepted: readonly AcceptedAttempt[]
  readonly rejected: readonly AuditRow[]
}

/**
 * One statement stores a batch: $1 is all bodies end to end, $2 everything else as one JSON document, $3 the token of the count
 * that went before it on the same connection, or empty when there was none. Without that token, nothing is stored and
 * `admitted` is false: some request of the batch is over its limit, or the count was made by another session or not at all. An event is
 * inserted only where its audit row is new, so the two can never disagree, and repeating the statement changes nothing.
 * Its commit waits for the disk, whatever the server, the database or the role are set to.
 */
export const INTAKE = `
  with durable as materialized (
    select set_config('synchronous_commit', case value when 'off' then 'on' else value end, true)
    from current_setting('synchronous_commit') as value
    where $3 = '' or current_setting('attune.admitted', true) = $3
  ), attempt as materialized (
    select a.* from durable, json_to_recordset($2::text::json) as a (
      id uuid, created timestamptz, trigger_id bigint, trigger_ref text, webhook_key text, source_ip inet,
      user_agent text, payload_size_bytes integer, headers jsonb, status_code integer, error_code text,
      error_message text, processing_time_ms double precision, hmac_verified boolean, rate_limited boolean,
      ip_allowed boolean, verified_by text, outcome text, attempts integer, content_type text, body_start integer
    )
  ), logged as (
    insert into attune.webhook_event_log (
      id, created, trigger_id, trigger_ref, webhook_key, event_id, source_ip, user_agent, payload_size_bytes, headers,
      status_code, error_code, error_message, processing_time_ms, hmac_verified, rate_limited, ip_allowed,
      verified_by, outcome, attempts
    )
    select
      id, created, trigger_id, trigger_ref, webhook_key, case when body_start is not null then id end, source_ip,
      user_agent, payload_size_bytes, headers, status_code, error_code, error_message, processing_time_ms,
      hmac_verified, rate_limited, ip_allowed, verified_by, outcome, attempts
    from attempt
    on conflict do nothing
    returning id
  ), stored as (
    insert into attune.event (
      id, received_at, trigger_id, trigger_ref, content_type, payload_size_bytes, body, headers, source_ip
    )
    select
      a.id, a.created, a.trigger_id, a.trigger_ref, a.content_type, a.payload_size_bytes,
      substring($1::bytea from a.body_start for a.payload_size_bytes), a.headers, a.source_ip
    from attempt a
    join logged l on l.id = a.id
    where a.body_start is not null
    on conflict do nothing
  )
  select exists (select from durable) as admitted`

/** The parameters of `INTAKE`. */
export function encodeBatch({ accepted, rejected }: IntakeBatch, nowMs: number): [Uint8Array, string] {
  const [only, ...others] = accepted
  // A large body goes alone; copying it would double what it takes.
  const bodies =
    only !== undefined && others.length === 0 ? only.body : Buffer.concat(accepted.map(({ body }) => body))
  // SQL counts bytes from one.
  let bodyStart = 1
  const rows: object[] = []
  for (const attempt of accepted) {
    rows.push({
      ...auditColumns(attempt),
      status_code: 200,
      processing_time_ms: roundMs(nowMs - attempt.startedAtMs),
      attempts: 1,
      content_type: attempt.contentType,
      body_start: bodyStart,
    })
    bodyStart += attempt.body.byteLength
  }
  for (const { attempt, attempts } of rejected) {
    rows.push({
      ...auditColumns(attempt),
      status_code: attempt.statusCode,
      error_code: attempt.errorCode,
      error_message: attempt.errorMessage,
      processing_time_ms: roundMs(attempt.elapsedMs),
      attempts,
    })
  }
  return [bodies, JSON.stringify(rows)]
}

function auditColumns(record: AuditRecord): object {
  return {
    id: record.id,
    created: requestIdTime(record.id).toISOString(),
    trigger_id: record.triggerId,
    trigger_ref: record.triggerRef,
    webhook_key: record.webhookKey,
    source_ip: record.sourceIp,
    user_agent: record.userAgent,
    payload_size_bytes: record.payloadSizeBytes,
    headers: record.headers,
    hmac_verified: record.hmacVerified,
    rate_limited: record.rateLimited,
    ip_allowed: record.ipAllowed,
    verified_by: record.verifiedBy,
    outcome: record.outcome,
  }
}

/** Microseconds are more than a shared machine can tell apart. */
const roundMs = (elapsedMs: number): number => Math.round(elapsedMs * 1000) / 1000
