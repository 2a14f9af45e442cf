import { useInfiniteQuery } from '@tanstack/react-query'
import { History } from 'lucide-react'
import { useSearchParams } from 'wouter'
import type { AdminAuditRow } from '../../../core/administrator.ts'
import { api } from '../../api/client.ts'
import { Button } from '../../kit/button.tsx'
import { Badge, EmptyState, ErrorState, LoadingRows } from '../../kit/feedback.tsx'
import { Card } from '../../kit/layout.tsx'
import { type Column, Table } from '../../kit/table.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { SettledInput } from '../../parts/filters/settled-input.tsx'

/** Who changed what, from where, and what it was before. */
export function AdminAuditLog() {
  const [search, setSearch] = useSearchParams()
  const filter = { actor: search.get('actor') ?? '', target: search.get('target') ?? '' }
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['admin-audit-log', filter],
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/admin-audit-log', {
        query: { ...filter, ...(pageParam !== '' && { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
  })
  const set = (name: string, value: string) =>
    setSearch(
      (params) => {
        const next = new URLSearchParams(params)
        if (value === '') next.delete(name)
        else next.set(name, value)
        return next
      },
      { replace: true },
    )
  const rows = data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Card
      title="Admin audit log"
      isFlush
      actions={
        <div className="flex gap-2">
          <SettledInput
            label="Who"
            placeholder="Who"
            value={filter.actor}
            onSettled={(actor) => set('actor', actor)}
            className="min-w-0 max-w-40"
          />
          <SettledInput
            label="Trigger or token"
            placeholder="Trigger or token"
            value={filter.target}
            onSettled={(target) => set('target', target)}
            className="min-w-0 max-w-48"
          />
        </div>
      }
    >
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {data === undefined && error === null && <LoadingRows />}
      {data !== undefined && rows.length === 0 && (
        <EmptyState icon={<History aria-hidden />} title="No changes here">
          {filter.actor === '' && filter.target === ''
            ? 'Every change that somebody makes is written down here together with the change itself.'
            : 'No change fits this filter. Who and target are compared as a whole.'}
        </EmptyState>
      )}
      {rows.length > 0 && <Table label="Changes" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} />}
      {hasNextPage && (
        <div className="border-t border-line p-3 text-center">
          <Button isBusy={isFetchingNextPage} onClick={() => fetchNextPage()}>
            Load older
          </Button>
        </div>
      )}
    </Card>
  )
}

const COLUMNS: readonly Column<AdminAuditRow>[] = [
  { key: 'created', title: 'When', cell: ({ created }) => <Time at={created} /> },
  {
    key: 'actor',
    title: 'Who',
    cell: ({ actor, via, source_ip }) => (
      <>
        <Foreign text={actor} className="font-medium" />
        <span className="block text-sm text-muted">
          {via}
          {source_ip !== null && ` from ${source_ip}`}
        </span>
      </>
    ),
  },
  { key: 'action', title: 'What', cell: ({ action }) => <Badge>{action}</Badge> },
  {
    key: 'target',
    title: 'Trigger or token',
    className: 'min-w-36',
    cell: ({ target }) => <Foreign text={target} />,
  },
  { key: 'change', title: 'Change', cell: (row) => <Change row={row} /> },
]

const text = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')

/** Longer values are cut here; the API has all of them. */
const VALUE_LENGTH_MAX = 160

/** A new trigger comes with a value for each of its settings: these are in sight, the others are unfolded. */
const FIELDS_SHOWN = 4

function Change({ row }: { readonly row: AdminAuditRow }) {
  const fields = [...new Set([...Object.keys(row.old ?? {}), ...Object.keys(row.new ?? {})])]
  if (fields.length === 0) return <span className="text-muted">–</span>
  const folded = fields.slice(FIELDS_SHOWN)
  return (
    <div className="space-y-0.5 font-mono text-sm">
      <FieldList row={row} fields={fields.slice(0, FIELDS_SHOWN)} />
      {folded.length > 0 && (
        <details>
          <summary className="w-fit cursor-pointer rounded text-muted hover:text-ink">
            {folded.length} more
          </summary>
          <FieldList row={row} fields={folded} />
        </details>
      )}
    </div>
  )
}

function FieldList({ row, fields }: { readonly row: AdminAuditRow; readonly fields: readonly string[] }) {
  return (
    <ul className="space-y-0.5">
      {fields.map((field) => (
        <li key={field}>
          <span className="text-muted">{field}: </span>
          {row.old !== null && field in row.old && (
            <>
              <del className="text-bad no-underline">
                <Foreign text={text(row.old[field])} lengthMax={VALUE_LENGTH_MAX} />
              </del>
              {row.new !== null && ' → '}
            </>
          )}
          {row.new !== null && field in row.new && (
            <ins className="text-good no-underline">
              <Foreign text={text(row.new[field])} lengthMax={VALUE_LENGTH_MAX} />
            </ins>
          )}
        </li>
      ))}
    </ul>
  )
}
