import type { HeaderPair } from '../core/event.ts'
import { PREVIEW_ADDRESS_ROWS_MAX } from '../core/limits.ts'
import type { AcceptedAddress, PastAttempt } from '../core/preview-verdicts.ts'
import type { AdminDatabase } from './admin-database.ts'

/** A request as far as it was kept: with the event that it became, or because it was refused for its signature. */
export interface KeptAttempt {
  /** Of its row in the log. */
  readonly id: string
  readonly method: string
  /** With its question mark, or empty; `null`: it was not kept. */
  readonly query: string | null
  readonly headers: readonly HeaderPair[]
  readonly body: Uint8Array
}

/** A row of the log, and where its request is kept, if anywhere. */
export interface LoggedAttempt extends PastAttempt {
  readonly eventId: string | null
}

/** What previews of settings are made of. It only reads. */
export class Previews {
  readonly #database: AdminDatabase

  constructor(database: AdminDatabase) {
    this.#database = database
  }

  /** The latest rows of a trigger, newest first. */
  async latest(triggerId: string, triggerRef: string, rowsMax: number): Promise<LoggedAttempt[]> {
    const rows = await this.#database.statement((sql) =>
      sql.unsafe<LoggedRow[]>(
        `select id::text, event_id::text, host(source_ip) as source_ip, payload_size_bytes, error_code, attempts,
           (extract(epoch from created) * 1000)::double precision as created_ms
         from attune.webhook_event_log
         where trigger_ref = $1 and trigger_id = $2::bigint
         order by id desc limit $3::integer`,
        [triggerRef, triggerId, rowsMax],
      ),
    )
    return rows.map((row) => ({
      id: row.id,
      eventId: row.event_id,
      createdMs: Math.floor(row.created_ms),
      sourceIp: row.source_ip,
      payloadSizeBytes: row.payload_size_bytes,
      errorCode: row.error_code,
      attempts: row.attempts,
    }))
  }

  /** Addresses of attempts that were accepted since then, of the latest ones. */
  async acceptedAddresses(triggerId: string, triggerRef: string, since: Date): Promise<AcceptedAddress[]> {
    const rows = await this.#database.statement((sql) =>
      sql.unsafe<{ source_ip: string; attempts: number; last_seen_ms: number }[]>(
        `select host(source_ip) as source_ip, count(*)::integer as attempts,
           (extract(epoch from max(created)) * 1000)::double precision as last_seen_ms
         from (
           select source_ip, created from attune.webhook_event_log
           where trigger_ref = $1 and trigger_id = $2::bigint and created >= $3::text::timestamptz
             and error_code is null and source_ip is not null
           order by id desc limit ${PREVIEW_ADDRESS_ROWS_MAX}
         ) as accepted
         group by source_ip`,
        [triggerRef, triggerId, since.toISOString()],
      ),
    )
    return rows.map((row) => ({
      sourceIp: row.source_ip,
      attempts: row.attempts,
      lastSeenMs: Math.floor(row.last_seen_ms),
    }))
  }

  /** The requests of these rows that are kept, in no order. */
  async kept(rows: readonly LoggedAttempt[]): Promise<KeptAttempt[]> {
    const times = rows.map(({ createdMs }) => createdMs)
    // The times lead to the partitions; an event has that of its row.
    const from = new Date(Math.min(...times) - PARTITION_MARGIN_MS).toISOString()
    const to = new Date(Math.max(...times) + PARTITION_MARGIN_MS).toISOString()
    const eventIds = rows.flatMap(({ eventId }) => eventId ?? [])
    const rejectedIds = rows.flatMap(({ id, eventId }) => (eventId === null ? id : []))
    const [events, rejected] = await Promise.all([
      eventIds.length === 0
        ? []
        : this.#database.statement((sql) =>
            sql.unsafe<KeptRow[]>(
              `select id::text, 'POST' as method, null as query, headers::text, body from attune.event
               where id = any ($1::text[]::uuid[]) and received_at between $2::text::timestamptz and $3::text::timestamptz`,
              [eventIds, from, to],
            ),
          ),
      rejectedIds.length === 0
        ? []
        : this.#database.statement((sql) =>
            sql.unsafe<KeptRow[]>(
              `select id::text, method, query, headers::text, body from attune.webhook_rejected_body
               where id = any ($1::text[]::uuid[]) and body is not null`,
              [rejectedIds],
            ),
          ),
    ])
    const rowIds = new Map(rows.map(({ id, eventId }) => [eventId ?? id, id]))
    return [...events, ...rejected].map((row) => ({
      id: rowIds.get(row.id) ?? row.id,
      method: row.method,
      query: row.query,
      headers: JSON.parse(row.headers) as HeaderPair[],
      body: row.body,
    }))
  }
}

const PARTITION_MARGIN_MS = 60_000

interface LoggedRow {
  readonly id: string
  readonly event_id: string | null
  readonly source_ip: string | null
  readonly payload_size_bytes: number | null
  readonly error_code: string | null
  readonly attempts: number
  readonly created_ms: number
}

interface KeptRow {
  readonly id: string
  readonly method: string
  readonly query: string | null
  readonly headers: string
  readonly body: Uint8Array
}
