/**
 * A database as it looks after years of use: many triggers, and a month of audit rows. Rows are made by SQL, spread over
 * 30 days; which trigger a row is of follows Zipf's law, so that a few are busy and most are seldom called.
 */
import { type Bench, type Defer, openOurs } from './bench.ts'
import { type Contestant, oursOnPostgresql } from './contestant.ts'
import type { Database } from './database.ts'
import { fillEvents } from './large-events.ts'
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
const ADDRESSES = 50_000
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
  await fillEvents(database, profile.triggers)
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

/**
 * Ids are UUIDv7 of the instant of their row. Of 100 attempts 90 became events, two were duplicates and eight were refused; one in 100,000
 * is of a rare kind. One address in sixteen is of IPv6.
 */
const FILL = `
  insert into attune.webhook_event_log (
    id, created, trigger_id, trigger_ref, webhook_key, event_id, source_ip, user_agent, payload_size_bytes, headers,
    status_code, error_code, error_message, processing_time_ms, hmac_verified, rate_limited, ip_allowed, outcome, checks
  )
  select
    id, created, $1::bigint + k - 1, 'fill.' || k, 'wh_' || md5('fill.' || k),
    case when code is null and outcome is null then id end, source_ip, user_agent, 200 + k % 1000,
    jsonb_build_array(
      jsonb_build_array('content-type', 'application/json'), jsonb_build_array('user-agent', user_agent),
      jsonb_build_array('x-github-event', 'push'), jsonb_build_array('x-github-delivery', noise)
    ),
    case code
      when 'signature_invalid' then 401 when 'rate_limited' then 429 when 'ip_not_allowed' then 403
      when 'payload_too_large' then 413 when 'body_timeout' then 408 else 200
    end,
    code,
    case code
      when 'signature_invalid' then 'the signature is not that of this body under any of 1 secrets'
      when 'rate_limited' then 'more than 100 requests in 60 seconds'
      when 'ip_not_allowed' then host(source_ip) || ' is in none of 100 networks'
      when 'payload_too_large' then '1048577 bytes are declared, 1048576 are allowed'
      when 'body_timeout' then 'the body was not finished after 30 seconds'
      else case outcome when 'duplicate' then 'the same delivery as event ' || noise end
    end,
    1 + 40 * random() ^ 8,
    case when code is null then true when code = 'signature_invalid' then false end,
    code is not distinct from 'rate_limited',
    code is distinct from 'ip_not_allowed',
    outcome,
    case code
      when 'signature_invalid' then 'p3,p4,p41,p212,r87,n' when 'rate_limited' then 'p3,p4,p41,r212,n,n'
      when 'ip_not_allowed' then 'p3,p4,r41,n,n,n' when 'payload_too_large' then 'p3,r4,n,n,n,n'
      when 'body_timeout' then 'p3,n,p41,p212,n,n' else 'p3,p4,p41,p212,p87,p1840'
    end
  from (
    select
      (lpad(to_hex(ms), 12, '0') || '7' || left(noise, 3) || 'a' || substr(noise, 4, 15))::uuid as id, noise,
      to_timestamp(ms / 1000.0) as created, k,
      (case host % 16 when 15 then '2001:db8::'::inet else '10.0.0.0'::inet end) + host as source_ip,
      (array['GitHub-Hookshot/044aadd', 'Stripe/1.0 (+https://stripe.com/docs/webhooks)', 'Shopify-Captain-Hook',
        'python-requests/2.32.3', 'okhttp/4.12.0', 'Go-http-client/2.0'])[1 + k % 6] as user_agent,
      case
        when drawn < 0.00001 then 'body_timeout'
        when drawn < 0.04 then 'signature_invalid'
        when drawn < 0.06 then 'rate_limited'
        when drawn < 0.075 then 'ip_not_allowed'
        when drawn < 0.08 then 'payload_too_large'
      end as code,
      case when drawn > 0.98 then 'duplicate' when drawn > 0.97999 then 'conflict' end as outcome
    from (
      select
        $4::bigint + floor((n - 1) * (86400000.0 / $3::integer))::bigint as ms,
        md5(random()::text || n) as noise,
        floor(power($2::integer, random()))::bigint as k,
        floor(power(${ADDRESSES}, random()))::bigint as host,
        random() as drawn
      from generate_series(1, $3::integer) n
      offset 0
    ) drawn
  ) made`
