import { setTimeout as sleep } from 'node:timers/promises'
import type { WebhookEventLogRow } from '../core/event.ts'
import { FOLLOW_IDS_MAX, FOLLOW_PAGES_MAX, FOLLOW_POLL_MS, PAGE_ROWS_MAX } from '../core/limits.ts'
import type { AdminClient, Body } from './admin-client.ts'
import type { CommandContext } from './command.ts'
import { ApiFailure } from './problem.ts'

type Row = WebhookEventLogRow
type Query = Readonly<Record<string, string | undefined>>
type ReadPage = (query: Query) => Promise<Body<readonly Row[]>>

interface Follow {
  /** The filter, and how many of the rows before now are printed. */
  readonly query: Query
  /** Takes rows oldest first. */
  readonly print: (rows: readonly Row[]) => void
}

/**
 * Prints the newest rows, then asks for new ones every `FOLLOW_POLL_MS` until a signal comes.
 *
 * A server that is away for a while, say for a restart, is waited for; one that refuses is not.
 *
 * @throws ApiFailure or Refused when the first call fails, or a later one for good
 */
export async function followLog(client: AdminClient, context: CommandContext, follow: Follow): Promise<void> {
  const stopping = new AbortController()
  context.onStopSignal(() => stopping.abort())
  const { signal } = stopping
  const readPage: ReadPage = async (query) =>
    (await client.call<readonly Row[]>('GET', '/api/v1/webhook-event-log', { query, signal })).body()

  try {
    const first = await readPage(follow.query)
    follow.print(first.data.toReversed())
    const printed = printedRows(first)
    let isAway = false
    while (true) {
      await sleep(FOLLOW_POLL_MS, undefined, { signal })
      const rows = await newRows(readPage, follow.query, printed, context).catch(waitThrough)
      if (rows instanceof ApiFailure && !isAway) context.say(`${rows.message}; waiting for it`)
      isAway = rows instanceof ApiFailure
      if (!(rows instanceof ApiFailure)) follow.print(rows)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }

  function waitThrough(error: unknown): ApiFailure {
    const isPassing = error instanceof ApiFailure && (error.status === null || error.status >= 500)
    if (!isPassing || signal.aborted) throw error
    return error
  }
}

/** Reads page after page, from the newest row back to one that was printed before. Oldest first. */
async function newRows(
  readPage: ReadPage,
  query: Query,
  printed: PrintedRows,
  context: CommandContext,
): Promise<readonly Row[]> {
  const fresh: Row[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < FOLLOW_PAGES_MAX; pages += 1) {
    const { data, next_cursor: next } = await readPage({ ...query, limit: String(PAGE_ROWS_MAX), cursor })
    const rows = data.filter(({ id }) => !printed.has(id))
    fresh.push(...rows)
    if (rows.length < data.length || !next) return printed.add(fresh.reverse())
    cursor = next
  }
  context.say('Rows come faster than they can be read; some are left out.')
  return printed.add(fresh.reverse())
}

interface PrintedRows {
  has(id: string): boolean
  /** @returns the rows it was given */
  add(rows: readonly Row[]): readonly Row[]
}

/**
 * Which rows were printed. A row may be stored a little after a newer one, so each id is remembered, up to
 * `FOLLOW_IDS_MAX` of them. Ids are ordered by time: all that are not above the `floor` count as printed.
 */
function printedRows(first: Body<readonly Row[]>): PrintedRows {
  const ids = new Set(first.data.map(({ id }) => id).reverse())
  // Without a further page there is nothing older that must not be printed later.
  let floor = first.next_cursor ? (first.data.at(-1)?.id ?? '') : ''

  return {
    has: (id) => id <= floor || ids.has(id),
    add(rows) {
      for (const { id } of rows) ids.add(id)
      for (const id of ids) {
        if (ids.size <= FOLLOW_IDS_MAX) break
        ids.delete(id)
        if (id > floor) floor = id
      }
      return rows
    },
  }
}
