import { ACTIVITY_ENTRIES_MAX, OVERVIEW_ROWS_MAX } from '../core/limits.ts'
import type { OutcomeBucket, OutcomeCounts, Overview, TriggerActivity, Window } from '../core/overview.ts'
import { leastRequestId } from '../core/request-id.ts'
import type { AdminDatabase } from './admin-database.ts'

const HOUR_SECONDS = 3_600
const MINUTE_SECONDS = 60

/** How each span is divided; the last bucket is the one that is not over yet. */
const DIVISIONS: Readonly<Record<Window, { readonly seconds: number; readonly buckets: number }>> = {
  hour: { seconds: MINUTE_SECONDS, buckets: 60 },
  day: { seconds: HOUR_SECONDS, buckets: 24 },
  week: { seconds: HOUR_SECONDS, buckets: 168 },
  month: { seconds: 24 * HOUR_SECONDS, buckets: 30 },
}

/** Of a single trigger no minutes are kept: its last hour is the one that runs and the one before. */
const HOUR_OF_TRIGGER = { seconds: HOUR_SECONDS, buckets: 2 }

interface SumRow {
  readonly trigger_ref: string
  readonly at: number
  readonly total: number
  readonly accepted: number
  readonly rate_limited: number
  readonly signature_refused: number
  readonly ip_refused: number
  readonly last_request_at: Date | null
}

const SUMS = `sum(total_requests)::double precision as total, sum(successful_requests)::double precision as accepted,
  sum(rate_limited_requests)::double precision as rate_limited, sum(hmac_failures)::double precision as signature_refused,
  sum(ip_blocked_requests)::double precision as ip_refused`

const bucketOf = (column: string) =>
  `(floor(extract(epoch from ${column}) / $2::integer) * $2::integer)::double precision`

const MINUTES = `
  select '' as trigger_ref, ${bucketOf('minute')} as at, ${SUMS}, null::timestamptz as last_request_at
  from attune.webhook_stats_minutely where minute >= to_timestamp($1::double precision) group by 2`

const HOURS = `
  select '' as trigger_ref, ${bucketOf('hour')} as at, ${SUMS}, max(last_request_at) as last_request_at
  from attune.webhook_stats_hourly
  where trigger_id = 0 and hour >= to_timestamp($1::double precision) group by 2`

const HOURS_OF_TRIGGERS = `
  select t.ref as trigger_ref, ${bucketOf('h.hour')} as at, ${SUMS}, max(h.last_request_at) as last_request_at
  from attune.trigger t
  left join attune.webhook_stats_hourly h on h.trigger_id = t.id and h.hour >= to_timestamp($1::double precision)
  where t.ref = any($3::text[]) group by 1, 2`

/** The newest rows of a span, and what can be said of them: bounded, however many there are. */
const LATEST = `
  with latest as materialized (
    select trigger_ref, host(source_ip) as source_ip, status_code, attempts, processing_time_ms, created
    from attune.webhook_event_log
    where id >= $1::uuid and created >= to_timestamp($2::double precision)
    order by id desc limit ${OVERVIEW_ROWS_MAX}
  )
  select
    (select coalesce(sum(attempts), 0)::double precision from latest) as attempts,
    (select min(created) from latest) as since,
    (select percentile_cont(0.5) within group (order by processing_time_ms) from latest) as p50_ms,
    (select percentile_cont(0.95) within group (order by processing_time_ms) from latest) as p95_ms,
    (select coalesce(json_agg(b), '[]')::text from (
      select trigger_ref, sum(attempts) as attempts,
        coalesce(sum(attempts) filter (where status_code >= 400), 0) as refused
      from latest group by 1 order by 2 desc, 1 limit ${ACTIVITY_ENTRIES_MAX}
    ) b) as triggers,
    (select coalesce(json_agg(b), '[]')::text from (
      select source_ip, sum(attempts) as attempts,
        coalesce(sum(attempts) filter (where status_code >= 400), 0) as refused
      from latest where source_ip is not null group by 1 order by 2 desc, 1 limit ${ACTIVITY_ENTRIES_MAX}
    ) b) as addresses`

interface LatestRow {
  readonly attempts: number
  readonly since: Date | null
  readonly p50_ms: number | null
  readonly p95_ms: number | null
  readonly triggers: string
  readonly addresses: string
}

/** The numbers of the log over time. */
export class Activity {
  readonly #database: AdminDatabase
  readonly #nowMs: () => number

  constructor(database: AdminDatabase, nowMs: () => number = Date.now) {
    this.#database = database
    this.#nowMs = nowMs
  }

  /** Of all triggers together. */
  async overview(window: Window): Promise<Omit<Overview, 'health'>> {
    const nowMs = this.#nowMs()
    const { seconds, buckets } = DIVISIONS[window]
    const sinceSeconds = firstBucket(nowMs, seconds, buckets)
    const [rows, latest] = await Promise.all([
      this.#database.statement((sql) =>
        sql.unsafe<SumRow[]>(window === 'hour' ? MINUTES : HOURS, [sinceSeconds, seconds]),
      ),
      this.#latest(sinceSeconds),
    ])
    const filled = fill(rows, sinceSeconds, seconds, buckets)
    return {
      window,
      since: instant(sinceSeconds),
      until: new Date(nowMs).toISOString(),
      bucket_seconds: seconds,
      buckets: filled,
      totals: totalOf(filled),
      latest,
    }
  }

  /** Of each of these triggers; one that is not there is left out. */
  async ofTriggers(refs: readonly string[], window: Window): Promise<TriggerActivity[]> {
    const { seconds, buckets } = window === 'hour' ? HOUR_OF_TRIGGER : DIVISIONS[window]
    const sinceSeconds = firstBucket(this.#nowMs(), seconds, buckets)
    const rows = await this.#database.statement((sql) =>
      sql.unsafe<SumRow[]>(HOURS_OF_TRIGGERS, [sinceSeconds, seconds, [...refs]]),
    )
    const byRef = Map.groupBy(rows, ({ trigger_ref }) => trigger_ref)
    return [...new Set(refs)].flatMap((ref) => {
      const own = byRef.get(ref)
      if (own === undefined) return []
      const filled = fill(own, sinceSeconds, seconds, buckets)
      const times = own.flatMap(({ last_request_at: at }) => (at === null ? [] : [at.getTime()]))
      return {
        trigger_ref: ref,
        bucket_seconds: seconds,
        buckets: filled,
        totals: totalOf(filled),
        last_request_at: times.length === 0 ? null : new Date(Math.max(...times)).toISOString(),
      }
    })
  }

  /** How long the database takes to answer, and how large it is. */
  async database(): Promise<{ readonly answerMs: number; readonly sizeBytes: number }> {
    const startedAtMs = performance.now()
    await this.#database.statement((sql) => sql.unsafe('select 1'))
    const answerMs = performance.now() - startedAtMs
    const [row] = await this.#database.statement((sql) =>
      sql.unsafe<{ size: number }[]>('select pg_database_size(current_database())::double precision as size'),
    )
    return { answerMs: Math.round(answerMs * 1000) / 1000, sizeBytes: row?.size ?? 0 }
  }

  async #latest(sinceSeconds: number): Promise<Overview['latest']> {
    const [row] = await this.#database.statement((sql) =>
      sql.unsafe<LatestRow[]>(LATEST, [leastRequestId(sinceSeconds * 1000), sinceSeconds]),
    )
    if (row === undefined) throw new Error('the latest attempts returned no row')
    const { since, triggers, addresses, ...figures } = row
    return {
      ...figures,
      since: since?.toISOString() ?? null,
      triggers: JSON.parse(triggers),
      addresses: JSON.parse(addresses),
    }
  }
}

const firstBucket = (nowMs: number, seconds: number, buckets: number): number =>
  (Math.floor(nowMs / 1000 / seconds) - buckets + 1) * seconds

const instant = (seconds: number): string => new Date(seconds * 1000).toISOString()

function fill(rows: readonly SumRow[], since: number, seconds: number, buckets: number): OutcomeBucket[] {
  const byTime = new Map(rows.map((row) => [row.at, row]))
  return Array.from({ length: buckets }, (_, index) => {
    const at = since + index * seconds
    return { at: instant(at), ...countsOf(byTime.get(at)) }
  })
}

function countsOf(row: SumRow | undefined): OutcomeCounts {
  const { total = 0, accepted = 0, rate_limited = 0, signature_refused = 0, ip_refused = 0 } = row ?? {}
  const known = accepted + rate_limited + signature_refused + ip_refused
  return {
    accepted,
    signature_refused,
    ip_refused,
    rate_limited,
    otherwise_refused: Math.max(0, total - known),
  }
}

function totalOf(buckets: readonly OutcomeBucket[]): OutcomeCounts {
  const sum = (name: keyof OutcomeCounts) => buckets.reduce((total, bucket) => total + bucket[name], 0)
  return {
    accepted: sum('accepted'),
    signature_refused: sum('signature_refused'),
    ip_refused: sum('ip_refused'),
    rate_limited: sum('rate_limited'),
    otherwise_refused: sum('otherwise_refused'),
  }
}
