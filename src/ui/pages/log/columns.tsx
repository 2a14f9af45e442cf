import type { WebhookEventLogRow } from '../../../core/event.ts'
import { formatBytes, formatMs, formatNumber } from '../../kit/format.ts'
import type { Column } from '../../kit/table.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { VerdictBadge } from '../../parts/verdict.tsx'

const SHOWN_LENGTH_MAX = 120

export const COLUMNS: readonly Column<WebhookEventLogRow>[] = [
  { key: 'created', title: 'When', cell: ({ created }) => <Time at={created} /> },
  {
    key: 'verdict',
    title: 'Verdict',
    cell: (row) => (
      <span className="whitespace-nowrap">
        <VerdictBadge row={row} />
        {row.attempts > 1 && (
          <span className="numbers ml-1.5 text-sm text-muted">× {formatNumber(row.attempts)}</span>
        )}
      </span>
    ),
  },
  {
    key: 'trigger',
    title: 'Trigger',
    className: 'min-w-28',
    cell: ({ trigger_ref }) => <Foreign text={trigger_ref} lengthMax={SHOWN_LENGTH_MAX} />,
  },
  {
    key: 'ip',
    title: 'Address',
    isExtra: true,
    cell: ({ source_ip }) => <span className="numbers whitespace-nowrap">{source_ip ?? '–'}</span>,
  },
  {
    key: 'agent',
    title: 'User agent',
    isExtra: true,
    className: 'max-w-52 truncate',
    cell: ({ user_agent }) => (
      <Foreign text={user_agent ?? '–'} lengthMax={SHOWN_LENGTH_MAX} className="text-muted" />
    ),
  },
  {
    key: 'size',
    title: 'Size',
    isExtra: true,
    isNumber: true,
    className: 'whitespace-nowrap',
    cell: ({ payload_size_bytes }) => formatBytes(payload_size_bytes),
  },
  {
    key: 'took',
    title: 'Took',
    isExtra: true,
    isNumber: true,
    className: 'whitespace-nowrap',
    cell: ({ processing_time_ms }) => formatMs(processing_time_ms),
  },
]
