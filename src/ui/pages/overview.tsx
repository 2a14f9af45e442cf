import { useQuery } from '@tanstack/react-query'
import { Activity } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link, useSearchParams } from 'wouter'
import type { OutcomeCounts, Overview as OverviewNumbers, Window } from '../../core/overview.ts'
import { api } from '../api/client.ts'
import { Badge, EmptyState, ErrorState, LoadingRows, Notice } from '../kit/feedback.tsx'
import { Segments } from '../kit/form.tsx'
import { formatBytes, formatMs, formatNumber, formatRelative, formatShare } from '../kit/format.ts'
import { Card, Facts, PageHead } from '../kit/layout.tsx'
import { OutcomeChart } from '../kit/outcome-chart.tsx'
import { Foreign } from '../kit/text.tsx'
import { FirstTrigger } from './connect/first-trigger.tsx'

const REFRESH_MS = 10_000

const WINDOWS: readonly { readonly value: Window; readonly label: string }[] = [
  { value: 'hour', label: 'Hour' },
  { value: 'day', label: 'Day' },
  { value: 'week', label: 'Week' },
  { value: 'month', label: 'Month' },
]

const isWindow = (text: string | null): text is Window => WINDOWS.some(({ value }) => value === text)

/** What has arrived, what became of it, and whether everything is well. */
export function Overview() {
  const [search, setSearch] = useSearchParams()
  const given = search.get('window')
  const window = isWindow(given) ? given : 'day'
  const triggers = useQuery({
    queryKey: ['triggers', 'any'],
    queryFn: ({ signal }) => api('GET /api/v1/triggers', { query: { limit: 1 }, signal }),
  })
  const { data, error, refetch } = useQuery({
    queryKey: ['overview', window],
    queryFn: ({ signal }) => api('GET /api/v1/overview', { query: { window }, signal }),
    refetchInterval: REFRESH_MS,
    placeholderData: (previous) => previous,
  })
  if (triggers.data?.data.length === 0) {
    return (
      <>
        <PageHead title="Overview" />
        <FirstTrigger />
      </>
    )
  }
  return (
    <>
      <PageHead
        title="Overview"
        actions={
          <Segments
            label="Time span"
            value={window}
            choices={WINDOWS}
            onChange={(next) => setSearch((params) => ({ ...Object.fromEntries(params), window: next }))}
          />
        }
      />
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {data === undefined && error === null && <LoadingRows />}
      {data !== undefined && <Numbers numbers={data} />}
    </>
  )
}

function Numbers({ numbers }: { readonly numbers: OverviewNumbers }) {
  const { totals, latest, buckets, window } = numbers
  const total = sum(totals)
  return (
    <div className="space-y-5">
      <Health {...numbers.health} />
      <div className="grid grid-cols-2 gap-4 lg:grid-cols-5">
        <Figure name="Attempts" value={formatNumber(total)} note={`in the last ${window}`} />
        <Figure
          name="Accepted"
          value={formatNumber(totals.accepted)}
          note={formatShare(totals.accepted, total)}
        />
        <Figure
          name="Refused"
          value={formatNumber(total - totals.accepted)}
          note={formatShare(total - totals.accepted, total)}
          href="/log?outcome=refused"
        />
        <Figure name="Median time" value={formatMs(latest.p50_ms)} note="to process an attempt" />
        <Figure name="95th percentile" value={formatMs(latest.p95_ms)} note="to process an attempt" />
      </div>
      <Card title="Attempts over time">
        {total === 0 ? (
          <NothingYet window={window} />
        ) : (
          <OutcomeChart buckets={buckets} label={`Attempts of the last ${window} by outcome`} />
        )}
      </Card>
      <div className="grid gap-5 lg:grid-cols-2">
        <Busiest
          title="Busiest triggers"
          rows={latest.triggers.map(({ trigger_ref: name, ...rest }) => ({ name, ...rest }))}
          hrefOf={(name) => `/triggers/${encodeURIComponent(name)}`}
          refusedHrefOf={(name) => `/log?outcome=refused&trigger=${encodeURIComponent(name)}`}
        />
        <Busiest
          title="Busiest addresses"
          rows={latest.addresses.map(({ source_ip: name, ...rest }) => ({ name, ...rest }))}
          hrefOf={(name) => `/log?ip=${encodeURIComponent(name)}`}
          refusedHrefOf={(name) => `/log?outcome=refused&ip=${encodeURIComponent(name)}`}
        />
      </div>
      <p className="text-sm text-muted">
        Processing times and the busiest are of{' '}
        {latest.attempts === 1 ? 'one attempt' : `the latest ${formatNumber(latest.attempts)} attempts`} of
        the {window}
        {latest.since !== null &&
          latest.attempts > 1 &&
          `, the first of them ${formatRelative(latest.since)}`}
        .
      </p>
    </div>
  )
}

const sum = (counts: OutcomeCounts): number =>
  counts.accepted +
  counts.signature_refused +
  counts.ip_refused +
  counts.rate_limited +
  counts.otherwise_refused

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly note: string
  readonly href?: string
}

function Figure({ name, value, note, href }: FigureProps) {
  return (
    <div className="min-w-0 rounded-xl border border-line bg-surface p-4">
      <p className="text-sm text-muted">{name}</p>
      <p className="numbers mt-1 text-2xl font-semibold tracking-tight">{value}</p>
      <p className="numbers mt-0.5 text-sm text-muted">
        {href === undefined ? (
          note
        ) : (
          <Link href={href} className="underline underline-offset-2 hover:text-ink">
            {note}
          </Link>
        )}
      </p>
    </div>
  )
}

function Health({ ready, database, queues }: OverviewNumbers['health']) {
  const waiting = queues.intake + queues.audit + queues.lookups + queues.rate_limit
  if (!ready) {
    return (
      <Notice tone="bad" title="Webhooks are not accepted just now">
        Senders are answered 503 and come again. The database is away, or the server is stopping; its log says
        which.
      </Notice>
    )
  }
  return (
    <Card title="Health" actions={<Badge tone="good">Accepting webhooks</Badge>}>
      <Facts
        facts={[
          [
            'Database',
            `${database.engine === 'embedded' ? 'Embedded' : 'PostgreSQL'}, answers in ${formatMs(database.answer_ms)}, ${formatBytes(database.size_bytes)}`,
          ],
          [
            'Queues',
            waiting === 0
              ? 'Nothing waits'
              : `${formatNumber(queues.intake)} to be stored, ${formatNumber(queues.audit)} for the log, ${formatNumber(queues.lookups)} to be looked up, ${formatNumber(queues.rate_limit)} to be counted`,
          ],
        ]}
      />
    </Card>
  )
}

function NothingYet({ window }: { readonly window: Window }) {
  return (
    <EmptyState icon={<Activity aria-hidden />} title={`No attempts in the last ${window}`}>
      Choose a longer time, or send a webhook with the test tool.
    </EmptyState>
  )
}

interface BusiestProps {
  readonly title: string
  readonly rows: readonly { readonly name: string; readonly attempts: number; readonly refused: number }[]
  readonly hrefOf: (name: string) => string
  readonly refusedHrefOf: (name: string) => string
}

function Busiest({ title, rows, hrefOf, refusedHrefOf }: BusiestProps) {
  const most = Math.max(1, ...rows.map(({ attempts }) => attempts))
  return (
    <Card title={title}>
      {rows.length === 0 ? (
        <p className="text-muted">Nothing yet.</p>
      ) : (
        <ol className="space-y-3">
          {rows.map(({ name, attempts, refused }) => (
            <li key={name}>
              <div className="flex items-baseline gap-3">
                <Link
                  href={hrefOf(name)}
                  className="min-w-0 grow font-medium underline-offset-2 hover:underline"
                >
                  <Foreign text={name} />
                </Link>
                <span className="numbers">{formatNumber(attempts)}</span>
                <Refused count={refused} href={refusedHrefOf(name)} />
              </div>
              <Bar share={attempts / most} refusedShare={refused / most} />
            </li>
          ))}
        </ol>
      )}
    </Card>
  )
}

function Refused({ count, href }: { readonly count: number; readonly href: string }): ReactNode {
  if (count === 0) return <span className="w-28 text-right text-sm text-muted">none refused</span>
  return (
    <Link href={href} className="numbers w-28 text-right text-sm text-bad underline underline-offset-2">
      {formatNumber(count)} refused
    </Link>
  )
}

function Bar({ share, refusedShare }: { readonly share: number; readonly refusedShare: number }) {
  return (
    <div aria-hidden className="mt-1 flex h-1.5 overflow-hidden rounded-full bg-sunken">
      <div className="bg-[var(--chart-accepted)]" style={{ width: `${100 * (share - refusedShare)}%` }} />
      <div className="bg-[var(--chart-signature)]" style={{ width: `${100 * refusedShare}%` }} />
    </div>
  )
}
