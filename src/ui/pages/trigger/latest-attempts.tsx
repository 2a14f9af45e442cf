import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { WebhookEventLogRow } from '../../../core/event.ts'
import { api } from '../../api/client.ts'
import { Badge, ErrorState, LoadingRows } from '../../kit/feedback.tsx'
import { formatBytes } from '../../kit/format.ts'
import { Card } from '../../kit/layout.tsx'
import { type Column, Table } from '../../kit/table.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { triggerKey } from './queries.ts'

const ROWS = 10
const REFRESH_MS = 5_000
const SHOWN_LENGTH_MAX = 60

/** The latest rows of the webhook event log, each a way into it. */
export function LatestAttempts({ triggerRef }: { readonly triggerRef: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: triggerKey(triggerRef, 'attempts'),
    queryFn: ({ signal }) =>
      api('GET /api/v1/webhook-event-log', { query: { trigger: triggerRef, limit: ROWS }, signal }),
    refetchInterval: REFRESH_MS,
  })
  return (
    <Card
      title="Latest attempts"
      isFlush
      actions={
        <Link
          href={`/log?trigger=${encodeURIComponent(triggerRef)}`}
          className="font-medium text-accent hover:underline"
        >
          All attempts
        </Link>
      }
    >
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {data === undefined && error === null && <LoadingRows rows={ROWS} />}
      {data !== undefined && (
        <Table label="Latest attempts" columns={COLUMNS} rows={data.data} rowKey={({ id }) => id} />
      )}
    </Card>
  )
}

const COLUMNS: readonly Column<WebhookEventLogRow>[] = [
  {
    key: 'outcome',
    title: 'Outcome',
    cell: (row) => (
      <Link
        href={`/log?trigger=${encodeURIComponent(row.trigger_ref)}&row=${row.id}`}
        className="inline-flex flex-wrap items-center gap-2 hover:underline"
      >
        <Badge tone={row.status_code < 300 ? 'good' : 'bad'}>{row.status_code}</Badge>
        {outcomeOf(row)}
      </Link>
    ),
  },
  { key: 'when', title: 'When', cell: ({ created }) => <Time at={created} /> },
  {
    key: 'address',
    title: 'Address',
    cell: ({ source_ip }) => <Foreign text={source_ip ?? 'unknown'} className="font-mono text-sm" />,
  },
  {
    key: 'agent',
    title: 'User agent',
    isExtra: true,
    cell: ({ user_agent }) => (
      <Foreign text={user_agent ?? '–'} lengthMax={SHOWN_LENGTH_MAX} className="text-muted" />
    ),
  },
  {
    key: 'size',
    title: 'Payload',
    isExtra: true,
    isNumber: true,
    cell: ({ payload_size_bytes }) => formatBytes(payload_size_bytes),
  },
]

function outcomeOf({ error_code, outcome, status_code, attempts }: WebhookEventLogRow): string {
  const name = (error_code ?? outcome ?? (status_code < 300 ? 'accepted' : 'refused')).replaceAll('_', ' ')
  return attempts > 1 ? `${name}, ${attempts} times` : name
}
