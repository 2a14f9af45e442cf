/**
 * The events of a large database, and by what they are found: made by SQL, since the job that indexes payloads would take hours for ten
 * million of them. What their payloads say is drawn from lists, whose terms are worked out once.
 */
import { addressTerm, queryTerms, triggerTerm } from '../src/core/payload-terms.ts'
import type { Database } from './database.ts'

const SERVICES = 5_000
const SENDERS = 200_000

/** What to look for, and how many events of a million have it. */
export const PAYLOAD_VALUES = {
  common: { path: 'action', value: 'opened', perMillion: 250_000 },
  usual: { path: 'repository.full_name', value: 'acme/service-7', perMillion: 1_000_000 / SERVICES },
  rare: { path: 'sender.login', value: 'user-77', perMillion: 1_000_000 / SENDERS },
  rarest: { path: 'priority', value: 'urgent', perMillion: 1 },
  absent: { path: 'priority', value: 'none', perMillion: 0 },
} as const

const ACTIONS = ['opened', 'closed', 'edited', 'labeled']

/** An event for each row of the log that says it has one, in the partition of its day, with what it is found by. */
export async function fillEvents({ sql }: Database, triggers: number): Promise<void> {
  const days = await sql.unsafe<{ day: string }[]>(
    `select to_char(day, 'YYYY-MM-DD') as day from (
       select to_date(right(c.relname, 8), 'YYYYMMDD') as day from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'attune.webhook_event_log'::regclass and c.relname ~ '_[0-9]{8}$'
     ) d where day <= now() order by 1`,
  )
  await sql.unsafe('select attune.maintain_event_search(3650)')
  // Sorted in at once instead of one by one.
  const [index] = await sql.unsafe<{ definition: string }[]>(
    `select pg_get_indexdef('attune.event_search_terms'::regclass) as definition`,
  )
  await sql.unsafe('drop index attune.event_search_terms')
  const terms = termsOf(triggers)
  for (const { day } of days) {
    await sql.unsafe(EVENTS, [day])
    await sql.unsafe(SEARCH, [day, ...terms])
  }
  await sql.unsafe(`set maintenance_work_mem = '512MB'`)
  await sql.unsafe((index?.definition ?? '').replace(' ON ONLY ', ' ON '))
  await sql.unsafe('reset maintenance_work_mem')
  await sql.unsafe(
    `update attune.event_search_state
     set mark = coalesce((select id from attune.event order by id desc limit 1), mark)`,
  )
}

const NUMBER_OF_EVENT = 'abs(hashtextextended(l.id::text, 0)) as n'

/** As many as GitHub sends, since a text is looked for in each. */
const HEADERS = JSON.stringify([
  ['host', 'hooks.example.test'],
  ['user-agent', 'GitHub-Hookshot/044aadd'],
  ['content-length', '7324'],
  ['accept', '*/*'],
  ['content-type', 'application/json'],
  ['x-github-delivery', '72d3162e-cc78-11e3-81ab-4c9367dc0958'],
  ['x-github-event', 'issues'],
  ['x-github-hook-id', '292430182'],
  ['x-github-hook-installation-target-id', '79929171'],
  ['x-github-hook-installation-target-type', 'repository'],
  ['x-hub-signature-256', '[redacted]'],
  ['accept-encoding', 'gzip'],
])

const EVENTS = `
  insert into attune.event (
    id, trigger_id, trigger_ref, content_type, payload_size_bytes, body, headers, source_ip, received_at
  )
  select
    id, trigger_id, trigger_ref, 'application/json', length(body), body, '${HEADERS}', source_ip, created
  from (
    select l.*, convert_to(
      '{"action":"' || (array['${ACTIONS.join("','")}'])[1 + n % 4] || '","number":' || n % 1000003
        || ',"repository":{"full_name":"acme/service-' || n % ${SERVICES} || '"},"sender":{"login":"user-' || n % ${SENDERS}
        || '"},"ref":"refs/heads/main","after":"' || md5(n::text) || '","priority":"'
        || case n % 1000000 when 0 then 'urgent' else 'normal' end || '"}',
      'UTF8') as body
    from (
      select l.id, l.trigger_id, l.trigger_ref, l.source_ip, l.created, ${NUMBER_OF_EVENT}
      from attune.webhook_event_log l
      where l.event_id is not null and l.created >= $1::date::timestamp at time zone 'UTC'
        and l.created < ($1::date + 1)::timestamp at time zone 'UTC'
      order by l.id
    ) l
  ) made
  on conflict do nothing`

/** What is of one event alone has the term of nothing that anybody asks for. */
const SEARCH = `
  insert into attune.event_search (event_id, received_at, terms)
  select id, received_at, array[
    ($2::integer[])[coalesce(substring(trigger_ref from '^fill[.]([0-9]+)$')::integer, 0) + 1],
    case family(source_ip) when 4 then ($3::integer[])[source_ip - '10.0.0.0' + 1] else ($4::integer[])[source_ip - '2001:db8::' + 1] end,
    ($5::integer[])[1 + n % 4], ($6::integer[])[1 + n % ${SERVICES}], ($7::integer[])[1 + n % ${SENDERS}],
    ($8::integer[])[case n % 1000000 when 0 then 1 else 2 end], ($8::integer[])[3],
    hashint8(n), hashint8(n + 1)
  ]
  from (
    select l.id, l.received_at, l.trigger_ref, l.source_ip, ${NUMBER_OF_EVENT}
    from attune.event l
    where l.received_at >= $1::date::timestamp at time zone 'UTC'
      and l.received_at < ($1::date + 1)::timestamp at time zone 'UTC'
    order by l.id
  ) made
  on conflict do nothing`

/** The lists of terms that `SEARCH` takes, each from number 0 on. */
function termsOf(triggers: number): string[] {
  const each = (count: number, term: (number: number) => number): number[] =>
    Array.from({ length: count }, (_, number) => term(number))
  const having = (path: readonly string[], value: string): number => queryTerms({ path, value })[1] ?? 0
  return [
    each(triggers + 1, (number) => triggerTerm(`fill.${number}`)),
    each(65_536, (host) => addressTerm(`10.0.${host >> 8}.${host & 255}`)),
    each(65_536, (host) => addressTerm(`2001:db8::${host.toString(16)}`)),
    ACTIONS.map((action) => having(['action'], action)),
    each(SERVICES, (number) => having(['repository', 'full_name'], `acme/service-${number}`)),
    each(SENDERS, (number) => having(['sender', 'login'], `user-${number}`)),
    [having(['priority'], 'urgent'), having(['priority'], 'normal'), having(['ref'], 'refs/heads/main')],
  ].map((terms) => `{${terms.join(',')}}`)
}
