import type { WebhookEventLogRow } from '../../../core/event.ts'
import { formatBytes, formatMs, formatNumber } from '../../kit/format.ts'
import type { Column } from '../../kit/table.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { VerdictBadge } from '../../parts/verdict.tsx'

const SHOWN_LENGTH_MAX = 120

const WHEN: Column<WebhookEventLogRow> = {
  key: 'created',
  title: 'When',
  cell: ({ created }) => <Time at={created} />,
}

const Verdict = ({ row }: { readonly row: WebhookEventLogRow }) => (
  <span className="whitespace-nowrap">
    <VerdictBadge row={row} />
    {row.attempts > 1 && (
      <span className="numbers ml-1.5 text-sm text-muted">× {formatNumber(row.attempts)}</span>
    )}
  </span>
)

const TriggerRef = ({ row: { trigger_ref } }: { readonly row: WebhookEventLogRow }) => (
  <Foreign text={trigger_ref} lengthMax={SHOWN_LENGTH_MAX} />
)

/** Where there is no room for a column of its own, the trigger stands below the verdict. */
export const NARROW_COLUMNS: readonly Column<WebhookEventLogRow>[] = [
  WHEN,
  {
    key: 'verdict',
    title: 'Verdict and trigger',
    cell: (row) => (
      <>
        <Verdict row={row} />
        <span className="mt-1 block">
          <TriggerRef row={row} />
        </span>
      </>
    ),
  },
]

export const COLUMNS: readonly Column<WebhookEventLogRow>[] = [
  WHEN,
  { key: 'verdict', title: 'Verdict', cell: (row) => <Verdict row={row} /> },
  { key: 'trigger', title: 'Trigger', className: 'min-w-28', cell: (row) => <TriggerRef row={row} /> },
  {
    key: 'ip',
    title: 'Address',
    cell: ({ source_ip }) => <span className="numbers whitespace-nowrap">{source_ip ?? '–'}</span>,
  },
  {
    key: 'agent',
    title: 'User agent',
    className: 'max-w-52 truncate',
    cell: ({ user_agent }) => (
      <Foreign text={user_agent ?? '–'} lengthMax={SHOWN_LENGTH_MAX} className="text-muted" />
    ),
  },
  {
    key: 'size',
    title: 'Size',
    isNumber: true,
    className: 'whitespace-nowrap',
    cell: ({ payload_size_bytes }) => formatBytes(payload_size_bytes),
  },
  {
    key: 'took',
    title: 'Took',
    isNumber: true,
    className: 'whitespace-nowrap',
    cell: ({ processing_time_ms }) => formatMs(processing_time_ms),
  },
]
