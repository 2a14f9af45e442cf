/**
 * A database as it looks after years of use: many triggers, and a month of audit rows. Rows are made by SQL, spread over
 * 30 days; which trigger a row is of follows Zipf's law, so that a few are busy and most are seldom called.
 */
import { type Bench, type Defer, openOurs } from './bench.ts'
import { type Contestant, oursOnPostgresql } from './contestant.ts'
import type { Database } from './database.ts'
import { createTriggers, type Ours, TRIGGERS } from './ours.ts'
import { number, print } from './report.ts'
import { type SenderKey, signedRequests } from './webhook-request.ts'

export interface Large {
  readonly database: Database
  readonly server: Ours
  /** Of the first trigger that was made by SQL; the others follow it. */
  readonly firstId: number
  /** Ours on this database, driven through a few triggers of it with all checks on. */
  readonly contestant: Contestant
  /** The same through many triggers. */
  readonly spread: Contestant
}

const DAYS = 30
const SPREAD_TRIGGERS = 1_000
const DAY_MS = 86_400_000

export async function openLarge(bench: Bench, defer: Defer): Promise<Large> {
  const { databases, profile } = bench
  const startedAtMs = performance.now()
  const database = await databases.createDatabase()
  const server = await openOurs(bench, database, defer)
  const busy = await createTriggers(server, 'bench', TRIGGERS)
  const { firstId, some } = await fillTriggers(database, profile.triggers, busy)
  const nowMs = Date.now()
  for (let ago = DAYS - 1; ago >= 0; ago -= 1) {
    // The first and the last of them are whole days only together, but a few rows more or less on one change nothing.
    const rows = Math.floor(profile.auditRows / DAYS)
    await fillDay(database, { firstId, triggers: profile.triggers, rows, endMs: nowMs - ago * DAY_MS })
  }
  // What autovacuum would have done meanwhile.
  await database.sql.unsafe('vacuum (analyze)')
  await database.checkpoint()
  const seconds = number((performance.now() - startedAtMs) / 1000)
  print(
    `\n${number(profile.triggers)} triggers and ${number(profile.auditRows)} audit rows were made in ${seconds} s.`,
  )
  return {
    database,
    server,
    firstId,
    contestant: oursOnPostgresql('A, large database', server, signedRequests(busy), database, databases),
    spread: oursOnPostgresql('A, large, 1,000 triggers', server, signedRequests(some), database, databases),
  }
}

interface Filled {
  readonly firstId: number
  readonly some: readonly SenderKey[]
}

/** Triggers with the settings of one that was made by the API, so that loading them costs what it always does. */
async function fillTriggers(
  { sql }: Database,
  count: number,
  [model]: readonly SenderKey[],
): Promise<Filled> {
  const rows = await sql.unsafe<{ id: number; ref: string; key: string; secret: string }[]>(
    `with made as (
       insert into attune.trigger (
         ref, webhook_enabled, webhook_key, webhook_hmac_enabled, webhook_hmac_secret,
         webhook_rate_limit_enabled, webhook_rate_limit_requests, webhook_rate_limit_window_seconds
       )
       select
         'fill.' || n, true, 'wh_' || md5('fill.' || n), true, m.webhook_hmac_secret,
         true, m.webhook_rate_limit_requests, m.webhook_rate_limit_window_seconds
       from generate_series(1, $1::integer) n, attune.trigger m
       where m.ref = $2
       order by n
       returning id, ref, webhook_key, webhook_hmac_secret
     )
     select id::integer, ref, webhook_key as key, webhook_hmac_secret as secret from made order by id limit $3`,
    [count, model?.ref ?? '', SPREAD_TRIGGERS],
  )
  return { firstId: rows[0]?.id ?? 0, some: rows }
}

interface Day {
  readonly firstId: number
  readonly triggers: number
  readonly rows: number
  /** The rows are spread over the 24 hours before this. */
  readonly endMs: number
}

/** Makes the partitions where they are missing, and the rows of 24 hours in the order in which they would have come. */
export async function fillDay({ sql }: Database, { firstId, triggers, rows, endMs }: Day): Promise<void> {
  for (const ms of [endMs - DAY_MS, endMs]) {
    const day = new Date(ms).toISOString().slice(0, 10)
    await sql.unsafe(`select attune.create_day_partition('event', 'received_at', $1::date)`, [day])
    await sql.unsafe(`select attune.create_day_partition('webhook_event_log', 'created', $1::date)`, [day])
  }
  await sql.unsafe(FILL, [firstId, triggers, rows, String(endMs - DAY_MS)])
}

/** Ids are UUIDv7 of the instant of their row. 92 of 100 attempts were accepted; one in 100,000 is of a rare kind. */
const FILL = `
  insert into attune.webhook_event_log (
    id, created, trigger_id, trigger_ref, webhook_key, event_id, source_ip, user_agent, payload_size_bytes, headers,
    status_code, error_code, error_message, processing_time_ms, hmac_verified, rate_limited, ip_allowed
  )
  select
    id, created, $1::bigint + k - 1, 'fill.' || k, 'wh_' || md5('fill.' || k), case when code is null then id end,
    '10.0.0.0'::inet + host, 'GitHub-Hookshot/044aadd', 1024,
    '[["content-type", "application/json"], ["user-agent", "GitHub-Hookshot/044aadd"], ["x-github-event", "push"]]',
    case code
      when 'signature_invalid' then 401 when 'rate_limited' then 429 when 'ip_not_allowed' then 403
      when 'payload_too_large' then 413 when 'body_timeout' then 408 else 200
    end,
    code, case when code is not null then 'made by the benchmark' end, 3.5,
    case when code is null then true when code = 'signature_invalid' then false end,
    code is not distinct from 'rate_limited',
    code is distinct from 'ip_not_allowed'
  from (
    select
      (lpad(to_hex(ms), 12, '0') || '7' || left(noise, 3) || 'a' || substr(noise, 4, 15))::uuid as id,
      to_timestamp(ms / 1000.0) as created, k, host,
      case
        when outcome < 0.00001 then 'body_timeout'
        when outcome < 0.04 then 'signature_invalid'
        when outcome < 0.06 then 'rate_limited'
        when outcome < 0.075 then 'ip_not_allowed'
        when outcome < 0.08 then 'payload_too_large'
      end as code
    from (
      select
        $4::bigint + floor((n - 1) * (86400000.0 / $3::integer))::bigint as ms,
        md5(random()::text || n) as noise,
        floor(power($2::integer, random()))::bigint as k,
        floor(power(50000, random()))::bigint as host,
        random() as outcome
      from generate_series(1, $3::integer) n
      offset 0
    ) drawn
  ) made`
