import { type SQL, sql } from 'drizzle-orm'
import { encodeCursor } from '../core/cursor.ts'
import {
  PAGE_SEARCH_MS_MAX,
  PAGE_SEARCH_QUICK_MS,
  PAGE_SEARCH_SLOW_MS,
  PAYLOAD_SEARCH_BYTES_MAX,
} from '../core/limits.ts'
import { lowerAscii } from '../core/log-filter.ts'
import { addressTerm, hasValue, type PayloadQuery, queryTerms, triggerTerm } from '../core/payload-terms.ts'
import { leastRequestId, requestIdTimeMs } from '../core/request-id.ts'
import type { AdminDatabase } from './admin-database.ts'

/** Which events are asked for. */
export interface EventFilter {
  readonly triggerRef?: string | undefined
  /** A canonical address. */
  readonly sourceIp?: string | undefined
  /** Inclusive. */
  readonly since?: Date | undefined
  /** Exclusive. */
  readonly until?: Date | undefined
  readonly payload?: PayloadQuery | undefined
  /**
   * Somewhere in the trigger's ref, the address, the content type, the id, or the headers, of which each is a line such as
   * `x-github-event: push`; letters of ASCII in either case.
   */
  readonly text?: string | undefined
}

/** An event that was found. Its time is in its id. */
export interface FoundEvent {
  readonly id: string
  readonly payloadSizeBytes: number
}

export interface Found {
  readonly rows: readonly FoundEvent[]
  readonly nextCursor: string | null
}

/** What was found among some events, the newest first, and where the search has come to. */
interface Step {
  readonly found: readonly FoundEvent[]
  readonly reachedId: string
}

/** Ids from `low` on and before `high`; their times lead to the partitions. */
interface Range {
  readonly low: string
  /** `null`: no bound. */
  readonly high: string | null
}

interface ReadRow extends Record<string, unknown> {
  readonly id: string
  readonly payload_size_bytes: number
  readonly content_type: string | null
  readonly body: Uint8Array | null
  readonly has_text: boolean
}

/** The first slice; it is short, since nobody knows how many events a minute has. */
const SLICE_MS = 60_000
const SLICE_GROWTH = 4
const SLICE_MS_MAX = 16 * 86_400_000

/** Ids that the index names at once, and bodies that are read at once. */
const CANDIDATES_MAX = 512
const BODIES_MAX = 32

/** Events whose texts are looked through at once, so that no statement takes long however many a slice has. */
const TEXTS_MAX = 2_000

/**
 * Finds events by what no index of theirs has: a value in the payload, the address of the sender, or a text. What `attune.event_search` names is
 * looked at again in the event itself, and the newest ones, which are not in there yet, are all looked at; for a text alone all of them are.
 *
 * It goes back in time slice by slice, so that no statement reads more than one slice however frequent a value is; slices grow while they are
 * read quickly. After `searchMsMax` the page ends where the search has come to.
 */
export class EventSearch {
  readonly #database: AdminDatabase
  readonly #isIndexed: boolean
  readonly #searchMsMax: number

  /** @param isIndexed - false: nobody goes on with the index, so all events are looked at */
  constructor(database: AdminDatabase, isIndexed: boolean, searchMsMax = PAGE_SEARCH_MS_MAX) {
    this.#database = database
    this.#isIndexed = isIndexed
    this.#searchMsMax = searchMsMax
  }

  /** Newest first. A page can be shorter than `limit`, and empty, although others follow: `nextCursor` alone says whether they do. */
  async find(filter: EventFilter, limit: number, cursorId: string | null): Promise<Found> {
    const startedAtMs = performance.now()
    const rows: FoundEvent[] = []
    for await (const { found, reachedId } of this.#walk(filter, limit, cursorId)) {
      rows.push(...found)
      const last = rows[limit - 1]
      if (rows.length > limit && last !== undefined) {
        return { rows: rows.slice(0, limit), nextCursor: encodeCursor(last.id) }
      }
      if (performance.now() - startedAtMs >= this.#searchMsMax) {
        return { rows, nextCursor: encodeCursor(reachedId) }
      }
    }
    return { rows, nextCursor: null }
  }

  async *#walk(filter: EventFilter, limit: number, cursorId: string | null): AsyncGenerator<Step> {
    const { mark: indexedTo, oldestMs } = await this.#extent()
    if (oldestMs === null) return
    const mark = filter.payload === undefined && filter.sourceIp === undefined ? null : indexedTo
    const endMs = Math.max(oldestMs, filter.since?.getTime() ?? oldestMs)
    const { until } = filter
    const cursorMs = cursorId === null ? null : requestIdTimeMs(cursorId)
    let fromMs = Math.min(Date.now(), until?.getTime() ?? Date.now(), cursorMs ?? Date.now())
    let high = least(cursorId, until === undefined ? null : leastRequestId(Math.max(0, until.getTime())))
    for (let lengthMs = SLICE_MS; ; ) {
      const startedAtMs = performance.now()
      fromMs = Math.max(endMs, fromMs - lengthMs)
      const range = { low: leastRequestId(fromMs), high }
      yield* this.#readSlice(filter, limit, range, mark)
      if (fromMs <= endMs) return
      yield { found: [], reachedId: range.low }
      high = range.low
      const tookMs = performance.now() - startedAtMs
      if (tookMs < PAGE_SEARCH_QUICK_MS) lengthMs = Math.min(SLICE_MS_MAX, lengthMs * SLICE_GROWTH)
      else if (tookMs > PAGE_SEARCH_SLOW_MS) lengthMs = Math.max(SLICE_MS, lengthMs / SLICE_GROWTH)
    }
  }

  /** Up to which id events are indexed, `null` for none, and when the oldest event came. */
  async #extent(): Promise<{ mark: string | null; oldestMs: number | null }> {
    const [row] = await this.#database.query((database) =>
      database.execute<{ mark: string | null; oldest: string | null }>(sql`
        select (select mark::text from attune.event_search_state) as mark,
          (select e.id::text from attune.event e order by e.id limit 1) as oldest`),
    )
    const oldest = row?.oldest ?? null
    return {
      mark: this.#isIndexed ? (row?.mark ?? null) : null,
      oldestMs: oldest === null ? null : requestIdTimeMs(oldest),
    }
  }

  async *#readSlice(
    filter: EventFilter,
    limit: number,
    { low, high }: Range,
    mark: string | null,
  ): AsyncGenerator<Step> {
    const notIndexed = mark === null || mark < low ? low : after(mark)
    if (high === null || notIndexed < high) yield* this.#readEvents(filter, limit, { low: notIndexed, high })
    if (mark === null || mark < low) return
    yield* this.#readCandidates(filter, { low, high: least(high, after(mark)) })
  }

  /** All events of a range. */
  async *#readEvents(filter: EventFilter, limit: number, { low, high }: Range): AsyncGenerator<Step> {
    const unread = filter.text === undefined ? limit + 1 : TEXTS_MAX
    const rowsMax = filter.payload === undefined ? unread : BODIES_MAX
    for (let before = high; ; ) {
      const rows = await this.#read(filter, sql`${within({ low, high: before })}`, rowsMax)
      const last = rows.at(-1)
      if (last === undefined) return
      yield { found: confirmed(rows, filter.payload), reachedId: last.id }
      if (rows.length < rowsMax) return
      before = last.id
    }
  }

  /** Those events of a range that the index names. */
  async *#readCandidates(filter: EventFilter, { low, high }: Range): AsyncGenerator<Step> {
    for (let before = high; ; ) {
      const ids = await this.#candidates(filter, { low, high: before })
      for (let start = 0; start < ids.length; start += BODIES_MAX) {
        const some = ids.slice(start, start + BODIES_MAX)
        const [newest = '', oldest = newest] = [some[0], some.at(-1)]
        const range = { low: oldest, high: after(newest) }
        const rows = await this.#read(filter, sql`${within(range)} and id = any(${uuids(some)})`, BODIES_MAX)
        yield { found: confirmed(rows, filter.payload), reachedId: oldest }
      }
      const last = ids.at(-1)
      if (last === undefined || ids.length < CANDIDATES_MAX) return
      before = last
    }
  }

  /**
   * The matches of the range are put into order after they were found. In the order of the ids, which a limit would tempt the database to,
   * it would read all of the range for a value that is rare.
   */
  async #candidates({ triggerRef, sourceIp, payload }: EventFilter, range: Range): Promise<string[]> {
    const all = [
      ...(triggerRef === undefined ? [] : [triggerTerm(triggerRef)]),
      ...(sourceIp === undefined ? [] : [addressTerm(sourceIp)]),
    ]
    const any = payload === undefined ? sql`` : sql`and terms && ${integers(queryTerms(payload))}`
    const every = all.length === 0 ? sql`` : sql`and terms @> ${integers(all)}`
    const rows = await this.#database.query((database) =>
      database.execute<{ event_id: string }>(sql`
        with candidate as materialized (
          select event_id from attune.event_search
          where ${within(range, sql`event_id`)} ${any} ${every}
        )
        select c.event_id::text from candidate c order by c.event_id desc limit ${CANDIDATES_MAX}`),
    )
    return Array.from(rows, ({ event_id }) => event_id)
  }

  async #read(
    { triggerRef, sourceIp, since, until, payload, text }: EventFilter,
    where: SQL,
    rowsMax: number,
  ): Promise<ReadRow[]> {
    const body = payload === undefined ? sql`null::bytea` : BODY
    const hasText = text === undefined ? sql`true` : sql`strpos(${TEXTS}, ${lowerAscii(text)}) > 0`
    const rows = await this.#database.query((database) =>
      database.execute<ReadRow>(sql`
        select e.id::text, payload_size_bytes, content_type, ${body} as body, ${hasText} as has_text
        from attune.event e
        where ${where}
          ${triggerRef === undefined ? sql`` : sql`and trigger_ref = ${triggerRef}`}
          ${sourceIp === undefined ? sql`` : sql`and source_ip = ${sourceIp}::inet`}
          ${since === undefined ? sql`` : sql`and received_at >= ${instant(since)}`}
          ${until === undefined ? sql`` : sql`and received_at < ${instant(until)}`}
        order by e.id desc limit ${rowsMax}`),
    )
    return [...rows]
  }
}

/** Credentials are not among the headers that are kept. */
const TEXTS = sql`lower(concat_ws(chr(10), trigger_ref, host(source_ip), content_type, e.id::text,
  (select string_agg((header ->> 0) || ': ' || (header ->> 1), chr(10)) from jsonb_array_elements(headers) header)) collate "C")`

/** Nothing is found in a larger one, so it is not read. */
const BODY = sql`case when payload_size_bytes <= ${PAYLOAD_SEARCH_BYTES_MAX}::integer then body end`

function confirmed(rows: readonly ReadRow[], payload: PayloadQuery | undefined): FoundEvent[] {
  return rows
    .filter(
      ({ body, content_type, has_text }) =>
        has_text && (payload === undefined || (body !== null && hasValue(payload, body, content_type))),
    )
    .map(({ id, payload_size_bytes }) => ({ id, payloadSizeBytes: payload_size_bytes }))
}

function within({ low, high }: Range, id: SQL = sql`id`): SQL {
  const from = sql`${id} >= ${low}::uuid and received_at >= ${instantIn(low)}`
  return high === null ? from : sql`${from} and ${id} < ${high}::uuid and received_at <= ${instantIn(high)}`
}

const instant = (time: Date): SQL => sql`${time.toISOString()}::timestamptz`
/** Also of an id that is only a bound. */
const instantIn = (id: string): SQL =>
  instant(new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)))
const integers = (numbers: readonly number[]): SQL => sql`${`{${numbers.join(',')}}`}::text::integer[]`
const uuids = (ids: readonly string[]): SQL => sql`${`{${ids.join(',')}}`}::text::uuid[]`

/** The id before which `id` is the last. */
function after(id: string): string {
  const next = (BigInt(`0x${id.replaceAll('-', '')}`) + 1n).toString(16).padStart(32, '0')
  return next.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const least = (one: string | null, other: string | null): string | null =>
  one === null || (other !== null && other < one) ? other : one
