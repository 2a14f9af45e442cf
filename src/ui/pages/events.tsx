import { Inbox } from 'lucide-react'
import { useCallback, useMemo, useRef, useState } from 'react'
import { Link, useSearchParams } from 'wouter'
import type { EventSummary } from '../../core/event.ts'
import { buttonClass } from '../kit/button.tsx'
import { EmptyState, ErrorState, LoadingRows } from '../kit/feedback.tsx'
import { isAtFields } from '../kit/form.tsx'
import { formatBytes } from '../kit/format.ts'
import { Card, PageHead } from '../kit/layout.tsx'
import { type Column, Table } from '../kit/table.tsx'
import { Foreign, Time } from '../kit/text.tsx'
import { AttemptDrawer } from '../parts/attempt-drawer.tsx'
import { ExportMenu } from '../parts/filters/export-menu.tsx'
import { useFilters, useTimes } from '../parts/filters/filter-state.ts'
import { FilterWrong } from '../parts/filters/filter-wrong.tsx'
import { LiveControl, useIsScrolledInto, WaitingButton } from '../parts/live-bar.tsx'
import { LoadOlder } from '../parts/load-older.tsx'
import {
  EVENT_FIELDS_WITH_PROBLEMS,
  EVENT_FILTER_NAMES,
  EventFilters,
  eventFilterOf,
} from './events/filters.tsx'
import { useEvents } from './events/use-events.ts'

/** What was accepted and stored, found by where it came from and what is in it. */
export function Events() {
  const [search, setSearch] = useSearchParams()
  const filters = useFilters(EVENT_FILTER_NAMES)
  const times = useTimes(filters.values)
  const filter = useMemo(() => eventFilterOf(filters.values, times), [filters.values, times])
  const [isPaused, setPaused] = useState(false)
  const list = useRef<HTMLDivElement>(null)
  const isScrolled = useIsScrolledInto(list)
  const openId = search.get('event')
  const isHeld = isPaused || isScrolled || openId !== null
  const { pages, waiting, release, state } = useEvents({ filter, isHeld })
  const rows = pages.data?.pages.flatMap((page) => page.data) ?? []
  const open = useCallback(
    (id: string | null, isReplacing = false) =>
      setSearch(
        (before) => {
          const after = new URLSearchParams(before)
          if (id === null) after.delete('event')
          else after.set('event', id)
          return after
        },
        { replace: isReplacing },
      ),
    [setSearch],
  )
  const place = rows.findIndex(({ id }) => id === openId)
  const stepTo = (row: EventSummary | undefined) => row && (() => open(row.id, true))
  return (
    <>
      <PageHead
        title="Events"
        actions={
          <>
            <LiveControl
              state={state}
              isPaused={isPaused}
              waiting={waiting}
              onPause={setPaused}
              noun="event"
            />
            <ExportMenu route="GET /api/v1/events/export" filter={filter} />
          </>
        }
      >
        What was accepted, stored exactly as it was received.
      </PageHead>
      <EventFilters filters={filters} error={pages.error} />
      <WaitingButton
        count={isPaused || openId !== null ? 0 : waiting}
        noun="event"
        onShow={() => {
          release()
          scrollTo({ top: 0 })
        }}
      />
      <div ref={list}>
        <Card isFlush>
          {isAtFields(pages.error, EVENT_FIELDS_WITH_PROBLEMS) ? (
            <FilterWrong />
          ) : (
            pages.error !== null && <ErrorState error={pages.error} retry={pages.refetch} />
          )}
          {pages.isPending && <LoadingRows />}
          {pages.data !== undefined && rows.length === 0 && !pages.hasNextPage && (
            <NothingHere isFiltered={Object.keys(filters.values).length > 0} />
          )}
          {rows.length > 0 && (
            <Table
              label="Events"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ id }) => id}
              onOpen={({ id }) => open(id)}
              isOpen={({ id }) => id === openId}
            />
          )}
          {pages.error === null && <LoadOlder pages={pages} />}
        </Card>
      </div>
      <AttemptDrawer
        id={openId}
        row={undefined}
        onClose={() => open(null)}
        onPrevious={place > 0 ? stepTo(rows[place - 1]) : undefined}
        onNext={place >= 0 ? stepTo(rows[place + 1]) : undefined}
        onFilter={(name, value) =>
          (name === 'trigger' || name === 'ip') && filters.set({ [name]: value, event: '' })
        }
      />
    </>
  )
}

const COLUMNS: readonly Column<EventSummary>[] = [
  { key: 'received', title: 'Received', cell: ({ received_at }) => <Time at={received_at} /> },
  {
    key: 'trigger',
    title: 'Trigger',
    className: 'min-w-28',
    cell: ({ trigger_ref }) => <Foreign text={trigger_ref} lengthMax={120} />,
  },
  {
    key: 'ip',
    title: 'Address',
    isExtra: true,
    cell: ({ source_ip }) => <span className="numbers whitespace-nowrap">{source_ip ?? '–'}</span>,
  },
  {
    key: 'type',
    title: 'Content type',
    isExtra: true,
    cell: ({ content_type }) => <Foreign text={content_type ?? '–'} lengthMax={80} className="text-muted" />,
  },
  {
    key: 'size',
    title: 'Size',
    isNumber: true,
    className: 'whitespace-nowrap',
    cell: ({ payload_size_bytes }) => formatBytes(payload_size_bytes),
  },
]

const NothingHere = ({ isFiltered }: { readonly isFiltered: boolean }) =>
  isFiltered ? (
    <EmptyState icon={<Inbox aria-hidden />} title="No event fits these filters">
      Take a filter away. A value is compared as a whole, and a path names every key on the way to it.
    </EmptyState>
  ) : (
    <EmptyState
      icon={<Inbox aria-hidden />}
      title="No events yet"
      action={
        <Link href="/triggers" className={buttonClass('primary')}>
          Go to the triggers
        </Link>
      }
    >
      Each accepted webhook becomes an event. Give a sender the URL of a trigger.
    </EmptyState>
  )
