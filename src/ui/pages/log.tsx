import { Activity } from 'lucide-react'
import { useCallback, useMemo, useRef, useState } from 'react'
import { Link, useSearchParams } from 'wouter'
import type { WebhookEventLogRow } from '../../core/event.ts'
import { Button, buttonClass } from '../kit/button.tsx'
import { EmptyState, ErrorState, LoadingRows } from '../kit/feedback.tsx'
import { isAtFields } from '../kit/form.tsx'
import { Card, PageHead } from '../kit/layout.tsx'
import { Table } from '../kit/table.tsx'
import { useIsNarrow } from '../kit/use-is-narrow.ts'
import { AttemptDrawer } from '../parts/attempt-drawer.tsx'
import { ExportMenu } from '../parts/filters/export-menu.tsx'
import { useFilters, useTimes } from '../parts/filters/filter-state.ts'
import { FilterWrong } from '../parts/filters/filter-wrong.tsx'
import { LiveControl, useIsScrolledInto, WaitingButton } from '../parts/live-bar.tsx'
import { LoadOlder } from '../parts/load-older.tsx'
import { type Attempts, useAttempts } from '../parts/use-attempts.ts'
import { COLUMNS, NARROW_COLUMNS } from './log/columns.tsx'
import { LOG_FIELDS_WITH_PROBLEMS, LOG_FILTER_NAMES, LogFilters, logFilterOf } from './log/filters.tsx'

/** Every attempt as it arrives, and why it was refused. */
export function Log() {
  const [search, setSearch] = useSearchParams()
  const filters = useFilters(LOG_FILTER_NAMES)
  const times = useTimes(filters.values)
  const filter = useMemo(() => logFilterOf(filters.values, times), [filters.values, times])
  const [isPaused, setPaused] = useState(false)
  const list = useRef<HTMLDivElement>(null)
  const isScrolled = useIsScrolledInto(list)
  const openId = search.get('row')
  const attempts = useAttempts({ filter, isHeld: isPaused || isScrolled || openId !== null })
  const { rows, waiting, release, state } = attempts

  const open = useCallback(
    (id: string | null, isReplacing = false) =>
      setSearch(
        (before) => {
          const after = new URLSearchParams(before)
          if (id === null) after.delete('row')
          else after.set('row', id)
          return after
        },
        { replace: isReplacing },
      ),
    [setSearch],
  )
  const place = rows.findIndex(({ id }) => id === openId)
  const stepTo = (row: WebhookEventLogRow | undefined) => row && (() => open(row.id, true))
  return (
    <>
      <PageHead
        title="Event log"
        actions={
          <>
            <LiveControl
              state={state}
              isPaused={isPaused}
              waiting={waiting}
              onPause={setPaused}
              noun="attempt"
            />
            <ExportMenu route="GET /api/v1/webhook-event-log/export" filter={filter} />
          </>
        }
      >
        Every attempt on a webhook URL, with the exact reason where it was refused.
      </PageHead>
      <LogFilters filters={filters} error={attempts.pages.error} />
      <WaitingButton
        count={isPaused || openId !== null ? 0 : waiting}
        noun="attempt"
        onShow={() => {
          release()
          scrollTo({ top: 0 })
        }}
      />
      <div ref={list}>
        <Card isFlush>
          <LogList
            attempts={attempts}
            openId={openId}
            onOpen={open}
            isFiltered={Object.keys(filters.values).length > 0}
          />
        </Card>
      </div>
      <AttemptDrawer
        id={openId}
        row={rows[place]}
        onClose={() => open(null)}
        onPrevious={place > 0 ? stepTo(rows[place - 1]) : undefined}
        onNext={place >= 0 ? stepTo(rows[place + 1]) : undefined}
        onFilter={(name, value) => filters.set({ [name]: value, row: '' })}
      />
    </>
  )
}

function LogList({
  attempts: { rows, gaps, loadGap, pages },
  openId,
  onOpen,
  isFiltered,
}: {
  readonly attempts: Attempts
  readonly openId: string | null
  readonly onOpen: (id: string) => void
  readonly isFiltered: boolean
}) {
  const isNarrow = useIsNarrow()
  const openRow = useCallback(({ id }: WebhookEventLogRow) => onOpen(id), [onOpen])
  if (isAtFields(pages.error, LOG_FIELDS_WITH_PROBLEMS)) return <FilterWrong />
  if (pages.error !== null && rows.length === 0)
    return <ErrorState error={pages.error} retry={pages.refetch} />
  if (pages.isPending) return <LoadingRows />
  return (
    <>
      {rows.length === 0 && !pages.hasNextPage && <NothingHere isFiltered={isFiltered} />}
      {rows.length > 0 && (
        <Table
          label="Attempts"
          columns={isNarrow ? NARROW_COLUMNS : COLUMNS}
          rows={rows}
          rowKey={({ id }) => id}
          onOpen={openRow}
          isOpen={({ id }) => id === openId}
          below={({ id }) => gaps.has(id) && <GapRow key={id} load={() => loadGap(id)} />}
        />
      )}
      <LoadOlder pages={pages} />
    </>
  )
}

const NothingHere = ({ isFiltered }: { readonly isFiltered: boolean }) =>
  isFiltered ? (
    <EmptyState icon={<Activity aria-hidden />} title="No attempt fits these filters">
      Take a filter away, or wait: what fits is shown as it arrives.
    </EmptyState>
  ) : (
    <EmptyState
      icon={<Activity aria-hidden />}
      title="No attempts yet"
      action={
        <Link href="/triggers" className={buttonClass('primary')}>
          Go to the triggers
        </Link>
      }
    >
      Give a sender the URL of a trigger, or send a request with the test tool. It is shown here as it
      arrives.
    </EmptyState>
  )

/** Where rows were left out, since more came than can be shown. */
function GapRow({ load }: { readonly load: () => Promise<void> }) {
  const [isBusy, setBusy] = useState(false)
  const press = async () => {
    setBusy(true)
    await load()
    setBusy(false)
  }
  return (
    <div className="flex flex-wrap items-center justify-center gap-3 bg-sunken px-4 py-2 text-sm text-muted">
      Rows were left out here
      <Button isSmall isBusy={isBusy} onClick={press}>
        Load them
      </Button>
    </div>
  )
}
