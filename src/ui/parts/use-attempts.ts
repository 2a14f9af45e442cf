import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useMemo, useRef, useState } from 'react'
import type { WebhookEventLogRow } from '../../core/event.ts'
import { api, queryText } from '../api/client.ts'
import { type LiveState, shownState, useLiveTail } from '../api/live.ts'
import type { LogFilter } from '../api/routes.ts'
import { toast } from '../kit/feedback.tsx'
import { Arrivals, type Gap, type LiveRows, NO_ROWS, withArrived, withFilled } from './live-rows.ts'

/** Rows are shown as often as this, however many arrive in between. */
const SHOWN_EVERY_MS = 250

const PAGE_ROWS = 100

interface Given {
  readonly filter: LogFilter
  /** Rows that arrive wait: the reader has asked for it, or reads further down. */
  readonly isHeld: boolean
}

export interface Attempts {
  readonly rows: readonly WebhookEventLogRow[]
  readonly gaps: ReadonlyMap<string, Gap>
  readonly loadGap: (aboveId: string) => Promise<void>
  /** Attempts that have arrived and are not shown. */
  readonly waiting: number
  /** Shows what waits. */
  readonly release: () => void
  readonly state: LiveState
  /** The pages that were read, without what arrived since. */
  readonly pages: ReturnType<typeof useLogPages>
}

const readPage = (filter: LogFilter, cursor: string, signal?: AbortSignal) =>
  api('GET /api/v1/webhook-event-log', {
    query: { ...filter, limit: PAGE_ROWS, ...(cursor !== '' && { cursor }) },
    ...(signal !== undefined && { signal }),
  })

const useLogPages = (filter: LogFilter) =>
  useInfiniteQuery({
    queryKey: ['log', filter],
    queryFn: ({ pageParam, signal }) => readPage(filter, pageParam, signal),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
    // What is newer arrives by the stream; a list that is looked at anew is read anew.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })

/** The event log, page by page into the past, and on top of it what arrives. */
export function useAttempts({ filter, isHeld }: Given): Attempts {
  const pages = useLogPages(filter)
  const [live, setLive] = useState<LiveRows>(NO_ROWS)
  const [waiting, setWaiting] = useState(0)
  const arrivals = useRef(new Arrivals())
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const paged = useMemo(() => pages.data?.pages.flatMap(({ data }) => data) ?? [], [pages.data])
  const known = () => [...arrivals.current.ids, ...[...live.rows, ...paged].map(({ id }) => id)]
  const key = queryText(filter)

  const release = () => {
    const { rows, isHoled } = arrivals.current.take()
    setWaiting(0)
    if (rows.length > 0) setLive((before) => withArrived(before, rows, isHoled))
  }
  const show = useEffectEvent(() => {
    timer.current = undefined
    if (isHeld) setWaiting(arrivals.current.count)
    else release()
  })
  const showSoon = () => {
    timer.current ??= setTimeout(show, SHOWN_EVERY_MS)
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter begins with nothing
  useEffect(() => {
    arrivals.current.clear()
    setLive(NO_ROWS)
    setWaiting(0)
    return () => {
      clearTimeout(timer.current)
      timer.current = undefined
    }
  }, [key])
  useEffect(() => {
    if (!isHeld) show()
  }, [isHeld])

  const state = useLiveTail({
    filter,
    isPaused: !pages.isSuccess,
    onRows: (rows) => {
      arrivals.current.add(rows)
      showSoon()
    },
    onGap: () => {
      arrivals.current.addGap()
      showSoon()
    },
    after: () => known().reduce<string | null>((newest, id) => (id > (newest ?? '') ? id : newest), null),
  })
  const wanted = useRef(key)
  wanted.current = key
  /** What is newer comes by the stream. */
  const missedOf = useEffectEvent((page: readonly WebhookEventLogRow[]) => {
    const ids = new Set(known())
    return page.filter((row, place) => !ids.has(row.id) && page.slice(0, place).some(({ id }) => ids.has(id)))
  })
  useCatchUp(state, async () => {
    if (known().length === 0) {
      await pages.refetch()
      return
    }
    const { data } = await readPage(filter, '')
    const missed = wanted.current === key ? missedOf(data) : []
    if (missed.length === 0) return
    arrivals.current.addLate(missed)
    showSoon()
  })

  const rows = useMemo(() => {
    const shown = new Set(live.rows.map(({ id }) => id))
    return [...live.rows, ...paged.filter(({ id }) => !shown.has(id))]
  }, [live.rows, paged])

  const loadGap = async (aboveId: string): Promise<void> => {
    const gap = live.gaps.get(aboveId)
    if (gap === undefined) return
    const belowId = rows[rows.findIndex(({ id }) => id === aboveId) + 1]?.id ?? null
    try {
      const page = await api('GET /api/v1/webhook-event-log', {
        query: {
          ...filter,
          limit: PAGE_ROWS,
          ...(gap.cursor === null ? { until: justAfter(gap.created) } : { cursor: gap.cursor }),
        },
      })
      setLive((before) => withFilled(before, aboveId, belowId, page))
    } catch (error) {
      toast.failed(error as Error)
    }
  }
  return { rows, gaps: live.gaps, loadGap, waiting, release, state: shownState(state, pages), pages }
}

/** A bound leaves out its own millisecond, in which other rows may lie. */
const justAfter = (instant: string): string => new Date(Date.parse(instant) + 1).toISOString()

/**
 * Reads the newest page again whenever the stream has opened, at first or after a sleep. The stream goes on from the newest row that is known; where
 * there was none, or where a row was stored after one that began later, it would be missed.
 */
function useCatchUp(state: LiveState, readAgain: () => Promise<void>): void {
  const catchUp = useEffectEvent(readAgain)
  useEffect(() => {
    // What fails here fails in the stream too, which says so.
    if (state === 'live') catchUp().catch(() => {})
  }, [state])
}
