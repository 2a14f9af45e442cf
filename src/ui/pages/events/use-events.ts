import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useState } from 'react'
import type { EventSummary } from '../../../core/event.ts'
import { api, queryText } from '../../api/client.ts'
import { type LiveState, shownState, useLiveTail } from '../../api/live.ts'
import type { EventFilter, LogFilter } from '../../api/routes.ts'
import { useAtMostEach } from '../../parts/use-at-most-each.ts'

interface Page {
  readonly data: readonly EventSummary[]
  readonly next_cursor: string | null
}
type Pages = InfiniteData<Page, unknown>

const PAGE_ROWS = 100

/** However many events arrive, the newest page is asked for this often at most. */
const ASKED_EVERY_MS = 1_000

/** Beyond so many on one page the list begins anew with the newest; what is older can be loaded. */
const FIRST_PAGE_ROWS_MAX = 400

interface Given {
  readonly filter: EventFilter
  /** Events that arrive wait: the reader has asked for it, or reads further down. */
  readonly isHeld: boolean
}

export interface LiveEvents {
  readonly pages: ReturnType<typeof useEventPages>
  /** Events that have arrived and are not shown. */
  readonly waiting: number
  /** Shows what waits. */
  readonly release: () => void
  readonly state: LiveState
}

const readPage = (filter: EventFilter, cursor: string, signal?: AbortSignal) =>
  api('GET /api/v1/events', {
    query: { ...filter, view: 'summary', limit: PAGE_ROWS, ...(cursor !== '' && { cursor }) },
    ...(signal !== undefined && { signal }),
  })

const useEventPages = (filter: EventFilter) =>
  useInfiniteQuery({
    queryKey: ['events', filter],
    queryFn: ({ pageParam, signal }): Promise<Page> => readPage(filter, pageParam, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    // What is newer is asked for as it arrives; a list that is looked at anew is read anew.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })

/**
 * Events, page by page into the past. The log says when new ones arrive; then the newest page is asked for, since only that says which of them
 * fit a search in payloads.
 */
export function useEvents({ filter, isHeld }: Given): LiveEvents {
  const client = useQueryClient()
  const pages = useEventPages(filter)
  const [held, setHeld] = useState<Held | null>(null)
  const key = queryText(filter)
  const show = (newest: Page) => {
    setHeld(null)
    client.setQueryData<Pages>(['events', filter], (before) => before && withNewest(before, newest))
  }
  const take = useEffectEvent((newest: Page, ofKey: string) => {
    if (ofKey !== key) return
    if (isHeld) setHeld({ key, newest })
    else show(newest)
  })
  const askSoon = useAtMostEach(ASKED_EVERY_MS, async () => take(await readPage(filter, ''), key))
  const state = useLiveTail({
    filter: logFilterOf(filter),
    isPaused: !pages.isSuccess,
    onRows: (rows) => {
      if (rows.some(({ event_id }) => event_id !== null)) askSoon()
    },
    onGap: askSoon,
    after: () => null,
  })
  // What came between the list and the stream, or while the machine slept, is in the newest page by now.
  const catchUp = useEffectEvent(askSoon)
  useEffect(() => {
    if (state === 'live') catchUp()
  }, [state])

  const waits = held?.key === key ? held.newest : null
  const release = useEffectEvent(() => {
    if (waits !== null) show(waits)
  })
  useEffect(() => {
    if (!isHeld) release()
  }, [isHeld])
  const known = new Set(idsOf(pages.data))
  return {
    pages,
    waiting: waits?.data.filter(({ id }) => !known.has(id)).length ?? 0,
    release: () => {
      if (waits !== null) show(waits)
    },
    state: shownState(state, pages),
  }
}

interface Held {
  /** Of the filter. */
  readonly key: string
  readonly newest: Page
}

/** What became an event was answered 200; so was a duplicate, which is none. */
const logFilterOf = ({ trigger, ip, since, until }: EventFilter): LogFilter => ({
  status: 200,
  ...(trigger !== undefined && { trigger }),
  ...(ip !== undefined && { ip }),
  ...(since !== undefined && { since }),
  ...(until !== undefined && { until }),
})

const idsOf = (pages: Pages | undefined): string[] =>
  pages?.pages.flatMap(({ data }) => data.map(({ id }) => id)) ?? []

/**
 * Puts what is new of the newest page on top. Where it has nothing of what is there, others may lie between, so that the list begins anew with it.
 */
export function withNewest(before: Pages, newest: Page): Pages {
  const known = new Set(idsOf(before))
  const fresh = newest.data.filter(({ id }) => !known.has(id))
  const [first, ...older] = before.pages
  if (fresh.length === 0 || first === undefined) return before
  const isApart = fresh.length === newest.data.length && (known.size === 0 || newest.next_cursor !== null)
  const isLong = older.length === 0 && first.data.length + fresh.length > FIRST_PAGE_ROWS_MAX
  if (isApart || isLong) return { pages: [newest], pageParams: [''] }
  // One that was stored later can have begun earlier than others.
  const data = [...fresh, ...first.data].sort((one, other) => (one.id < other.id ? 1 : -1))
  return { ...before, pages: [{ ...first, data }, ...older] }
}
