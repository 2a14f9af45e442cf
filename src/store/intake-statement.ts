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
 *
 * An attempt with the id of a delivery claims it, in one order for all processes so that no two of them wait for each other; of several in
 * a batch the first does. Whoever finds the claim of another has its verdict: a `duplicate` leaves its row and no event, a `conflict`, whose body is
 * another, leaves both, and the one that is `replayed` leaves nothing. A claim whose row is not there fails the statement, so that none
 * remains without its event. `verdicts` is a JSON list of `VerdictRow`, or null.
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
      ip_allowed boolean, verified_by text, outcome text, checks text, attempts integer, content_type text, body_start integer,
      delivery_digest bytea, body_digest bytea, window_seconds integer, single_use boolean
    )
  ), claim as (
    insert into attune.webhook_delivery as d (
      trigger_id, delivery_digest, body_digest, event_id, claimed_at, expires
    )
    select distinct on (trigger_id, delivery_digest)
      trigger_id, delivery_digest, body_digest, id, now(), now() + make_interval(secs => window_seconds)
    from attempt
    where delivery_digest is not null
    order by trigger_id, delivery_digest, id
    on conflict (trigger_id, delivery_digest) do update set
      body_digest = case when d.expires <= now() then excluded.body_digest else d.body_digest end,
      event_id = case when d.expires <= now() then excluded.event_id else d.event_id end,
      claimed_at = case when d.expires <= now() then excluded.claimed_at else d.claimed_at end,
      expires = case when d.expires <= now() then excluded.expires else d.expires end
    returning trigger_id, delivery_digest, body_digest, event_id, claimed_at = now() as is_made_now
  ), judged as materialized (
    select
      a.id, c.event_id as first_event_id,
      case
        when a.body_digest = c.body_digest then 'duplicate'
        when a.single_use then 'replayed'
        else 'conflict'
      end as verdict
    from attempt a
    join claim c on c.trigger_id = a.trigger_id and c.delivery_digest = a.delivery_digest
    where c.event_id <> a.id
  ), logged as (
    insert into attune.webhook_event_log (
      id, created, trigger_id, trigger_ref, webhook_key, event_id, source_ip, user_agent, payload_size_bytes, headers,
      status_code, error_code, error_message, processing_time_ms, hmac_verified, rate_limited, ip_allowed,
      verified_by, outcome, checks, attempts
    )
    select
      a.id, created, trigger_id, trigger_ref, webhook_key,
      case when body_start is not null and j.verdict is distinct from 'duplicate' then a.id end, source_ip,
      user_agent, payload_size_bytes, headers, status_code, error_code,
      case j.verdict
        when 'duplicate' then 'the same delivery as event ' || j.first_event_id
        when 'conflict' then 'another body under the id of event ' || j.first_event_id
        else error_message
      end,
      processing_time_ms, hmac_verified, rate_limited, ip_allowed, verified_by, coalesce(j.verdict, outcome), checks,
      attempts
    from attempt a
    left join judged j on j.id = a.id
    where j.verdict is distinct from 'replayed'
    on conflict do nothing
    returning id, event_id
  ), stored as (
    insert into attune.event (
      id, received_at, trigger_id, trigger_ref, content_type, payload_size_bytes, body, headers, source_ip
    )
    select
      a.id, a.created, a.trigger_id, a.trigger_ref, a.content_type, a.payload_size_bytes,
      substring($1::bytea from a.body_start for a.payload_size_bytes), a.headers, a.source_ip
    from attempt a
    join logged l on l.id = a.id
    where a.body_start is not null and l.event_id is not null
    on conflict do nothing
  )
  select
    exists (select from durable) as admitted,
    coalesce(
      (
        select attune.refuse_claim_without_event(c.event_id)
        from claim c
        where c.is_made_now and not exists (select from logged l where l.id = c.event_id)
        limit 1
      ),
      (select json_agg(j)::text from judged j)
    ) as verdicts`

/** What `INTAKE` answers. */
export interface IntakeAnswer {
  readonly admitted: boolean
  /** JSON of a list of `VerdictRow`. */
  readonly verdicts: string | null
}

/** Of an attempt whose delivery another one had claimed. */
export interface VerdictRow {
  readonly id: string
  readonly first_event_id: string
  readonly verdict: 'duplicate' | 'conflict' | 'replayed'
}

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
      ...deliveryColumns(attempt),
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
    checks: record.checks,
  }
}

const deliveryColumns = ({ delivery }: AcceptedAttempt): object | null =>
  delivery
    ? {
        delivery_digest: `\\x${delivery.digest}`,
        body_digest: `\\x${delivery.bodyDigest}`,
        window_seconds: delivery.windowSeconds,
        single_use: delivery.isSingleUse,
      }
    : null

/** Microseconds are more than a shared machine can tell apart. */
const roundMs = (elapsedMs: number): number => Math.round(elapsedMs * 1000) / 1000
