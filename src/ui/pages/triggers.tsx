import { keepPreviousData, useInfiniteQuery, useQueries } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Link, useSearchParams } from 'wouter'
import type { TriggerActivity } from '../../core/overview.ts'
import type { Trigger } from '../../core/trigger.ts'
import { api } from '../api/client.ts'
import { useMay } from '../api/session.tsx'
import { Button } from '../kit/button.tsx'
import { Dialog } from '../kit/dialog.tsx'
import { Badge, EmptyState, ErrorState, LoadingRows } from '../kit/feedback.tsx'
import { SearchInput, Select } from '../kit/form.tsx'
import { formatNumber } from '../kit/format.ts'
import { Card, PageHead } from '../kit/layout.tsx'
import { Sparkline } from '../kit/sparkline.tsx'
import { type Column, Table } from '../kit/table.tsx'
import { Foreign, Time } from '../kit/text.tsx'
import { Connect } from './connect/connect.tsx'
import { FirstTrigger } from './connect/first-trigger.tsx'
import { NameForm } from './connect/name-form.tsx'

const SORTS = [
  { value: 'created.desc', label: 'Newest first' },
  { value: 'created.asc', label: 'Oldest first' },
  { value: 'ref.asc', label: 'By ref, A to Z' },
  { value: 'ref.desc', label: 'By ref, Z to A' },
  { value: 'updated.desc', label: 'Changed last' },
] as const
type Sort = (typeof SORTS)[number]['value']

const SEARCH_PAUSE_MS = 250
const REFRESH_MS = 30_000

/** How many triggers one page has, and one call for their activity may name. */
const ROWS_MAX = 50

/** All triggers, or the path that connects one of them. */
export function Triggers() {
  const [search] = useSearchParams()
  const connected = search.get('connect')
  return connected === null ? <List /> : <Connect key={connected} triggerRef={connected} />
}

function List() {
  const [params, setParams] = useSearchParams()
  const mayCreate = useMay('operator')
  const search = params.get('search') ?? ''
  const sort = SORTS.find(({ value }) => value === params.get('sort'))?.value ?? 'created.desc'
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before)
        if (value === '') next.delete(name)
        else next.set(name, value)
        return next
      },
      { replace: name === 'search' },
    )
  const list = useTriggers(search, sort)
  const rows = list.data?.pages.flatMap(({ data }) => data) ?? []
  const isEmpty = list.data !== undefined && rows.length === 0 && search === ''
  return (
    <>
      <PageHead
        title="Triggers"
        actions={
          mayCreate &&
          !isEmpty && (
            <Button
              look="primary"
              icon={<Plus aria-hidden className="size-4" />}
              onClick={() => set('new', '1')}
            >
              New trigger
            </Button>
          )
        }
      />
      {isEmpty ? (
        <FirstTrigger />
      ) : (
        <Card isFlush>
          <div className="flex flex-wrap gap-3 border-b border-line p-3">
            <Search text={search} onChange={(text) => set('search', text)} />
            <Select<Sort>
              label="Order"
              value={sort}
              choices={SORTS}
              onChange={(next) => set('sort', next)}
              className="sm:w-44"
            />
          </div>
          {list.error !== null && <ErrorState error={list.error} retry={list.refetch} />}
          {list.isPending && <LoadingRows />}
          {list.data !== undefined && rows.length === 0 && (
            <EmptyState
              title="No trigger fits"
              action={<Button onClick={() => set('search', '')}>Show all</Button>}
            />
          )}
          {rows.length > 0 && <Rows pages={list.data?.pages.map(({ data }) => data) ?? []} />}
          {list.hasNextPage && (
            <div className="flex justify-center border-t border-line p-3">
              <Button isBusy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                Load more
              </Button>
            </div>
          )}
        </Card>
      )}
      <Dialog
        title="New trigger"
        description="The named thing that a webhook fires. Next you choose who sends."
        isOpen={mayCreate && !isEmpty && params.get('new') !== null}
        onOpenChange={(isOpen) => set('new', isOpen ? '1' : '')}
      >
        <NameForm />
      </Dialog>
    </>
  )
}

const useTriggers = (search: string, sort: Sort) =>
  useInfiniteQuery({
    queryKey: ['triggers', 'list', search, sort],
    queryFn: ({ signal, pageParam }) => {
      const [by, order] = sort.split('.') as ['created' | 'ref' | 'updated', 'asc' | 'desc']
      return api('GET /api/v1/triggers', {
        query: { search, sort: by, order, limit: ROWS_MAX, ...(pageParam !== '' && { cursor: pageParam }) },
        signal,
      })
    },
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: cursor }) => cursor,
    placeholderData: keepPreviousData,
  })

function Search({ text, onChange }: { readonly text: string; readonly onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text)
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed starts a search
  useEffect(() => {
    if (typed.trim() === text) return
    const timer = setTimeout(() => onChange(typed.trim()), SEARCH_PAUSE_MS)
    return () => clearTimeout(timer)
  }, [typed])
  return (
    <SearchInput
      label="Search triggers"
      placeholder="Search ref or label"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      className="sm:max-w-xs"
    />
  )
}

/** One table under one heading. Their activity is asked for a page at a time, since one call names no more than that. */
function Rows({ pages }: { readonly pages: readonly (readonly Trigger[])[] }) {
  const answers = useQueries({
    queries: pages.map((page) => {
      const refs = page.map(({ ref }) => ref).join(',')
      return {
        queryKey: ['trigger-activity', refs],
        queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
          api('GET /api/v1/trigger-activity', { query: { refs, window: 'day' }, signal }),
        enabled: refs !== '',
        refetchInterval: REFRESH_MS,
      }
    }),
  })
  const activities = new Map(
    answers.flatMap(({ data }) => data?.data ?? []).map((activity) => [activity.trigger_ref, activity]),
  )
  return (
    <Table
      label="Triggers"
      columns={columnsOf((ref) => activities.get(ref))}
      rows={pages.flat()}
      rowKey={({ ref }) => ref}
    />
  )
}

function columnsOf(activityOf: (ref: string) => TriggerActivity | undefined): readonly Column<Trigger>[] {
  const numbers = (ref: string) => {
    const totals = activityOf(ref)?.totals
    if (totals === undefined) return null
    const refused =
      totals.signature_refused + totals.ip_refused + totals.rate_limited + totals.otherwise_refused
    return { attempts: totals.accepted + refused, refused }
  }
  const shown = (count: number | undefined) => (count === undefined ? '–' : formatNumber(count))
  return [
    { key: 'ref', title: 'Trigger', cell: (trigger) => <Name trigger={trigger} /> },
    {
      key: 'webhook',
      title: 'Webhook',
      cell: ({ webhook_enabled: isOn }) => (
        <Badge tone={isOn ? 'good' : 'neutral'}>{isOn ? 'On' : 'Off'}</Badge>
      ),
    },
    { key: 'checks', title: 'Checks', isExtra: true, cell: (trigger) => <Checks trigger={trigger} /> },
    {
      key: 'activity',
      title: 'Last 24 hours',
      isExtra: true,
      cell: ({ ref }) => <Activity activity={activityOf(ref)} />,
    },
    {
      key: 'attempts',
      title: 'Attempts',
      isNumber: true,
      isExtra: true,
      cell: ({ ref }) => shown(numbers(ref)?.attempts),
    },
    { key: 'refused', title: 'Refused', isNumber: true, cell: ({ ref }) => shown(numbers(ref)?.refused) },
    {
      key: 'last',
      title: 'Last request',
      isExtra: true,
      cell: ({ ref }) => {
        const at = activityOf(ref)?.last_request_at ?? null
        return at === null ? '–' : <Time at={at} />
      },
    },
  ]
}

function Name({ trigger: { ref, label } }: { readonly trigger: Trigger }) {
  return (
    <>
      <Link href={`/triggers/${encodeURIComponent(ref)}`} className="font-medium hover:underline">
        <Foreign text={ref} lengthMax={80} />
      </Link>
      {label !== null && (
        <div className="text-sm text-muted">
          <Foreign text={label} lengthMax={80} />
        </div>
      )}
    </>
  )
}

function Checks({ trigger }: { readonly trigger: Trigger }) {
  const scheme = trigger.webhook_verification_scheme
  return (
    <div className="flex flex-wrap gap-1">
      {scheme === null || scheme === 'none' ? (
        <Badge tone="warn">No signature</Badge>
      ) : (
        <Badge tone="accent">{scheme}</Badge>
      )}
      {trigger.webhook_ip_whitelist_enabled && <Badge>IP whitelist</Badge>}
      {trigger.webhook_rate_limit_enabled && <Badge>Rate limit</Badge>}
      {trigger.webhook_deduplication_enabled && <Badge>Duplicates</Badge>}
    </div>
  )
}

function Activity({ activity }: { readonly activity: TriggerActivity | undefined }) {
  if (activity === undefined) return '–'
  const refused = activity.buckets.map(
    (bucket) => bucket.signature_refused + bucket.ip_refused + bucket.rate_limited + bucket.otherwise_refused,
  )
  return (
    <Sparkline
      accepted={activity.buckets.map((bucket) => bucket.accepted)}
      refused={refused}
      label={`Attempts of ${activity.trigger_ref} in the last 24 hours`}
    />
  )
}
