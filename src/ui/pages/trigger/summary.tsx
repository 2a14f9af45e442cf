import { useQuery } from '@tanstack/react-query'
import { Inbox } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link, useSearchParams } from 'wouter'
import type { WebhookStats } from '../../../core/event.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { buttonClass } from '../../kit/button.tsx'
import { EmptyState, ErrorState, Skeleton } from '../../kit/feedback.tsx'
import { Segments } from '../../kit/form.tsx'
import { formatMs, formatNumber, formatShare } from '../../kit/format.ts'
import { Card } from '../../kit/layout.tsx'
import { OutcomeChart } from '../../kit/outcome-chart.tsx'
import { Time } from '../../kit/text.tsx'
import { LatestAttempts } from './latest-attempts.tsx'
import { triggerKey } from './queries.ts'

const REFRESH_MS = 10_000

/** What has arrived for this trigger. */
export function Summary({ trigger }: { readonly trigger: Trigger }) {
  const { ref } = trigger
  const stats = useQuery({
    queryKey: triggerKey(ref, 'stats'),
    queryFn: ({ signal }) => api('GET /api/v1/triggers/:ref/stats', { params: { ref }, signal }),
    refetchInterval: REFRESH_MS,
  })
  if (stats.error !== null) return <ErrorState error={stats.error} retry={stats.refetch} />
  if (stats.data?.total_requests === 0) return <NothingYet trigger={trigger} />
  return (
    <div className="space-y-5">
      <Totals stats={stats.data} />
      <Activity triggerRef={ref} />
      <LatestAttempts triggerRef={ref} />
    </div>
  )
}

function NothingYet({ trigger }: { readonly trigger: Trigger }) {
  return (
    <Card>
      <EmptyState
        icon={<Inbox aria-hidden />}
        title="Waiting for the first webhook"
        action={
          trigger.webhook_url !== null && (
            <Link href="?tab=instructions" className={buttonClass('primary')}>
              Read what to tell the sender
            </Link>
          )
        }
      >
        {trigger.webhook_url === null
          ? 'Turn the webhook on, and give its URL to the sender.'
          : 'Nothing has been sent to the URL of this trigger yet. What arrives shows here within seconds.'}
      </EmptyState>
    </Card>
  )
}

function Totals({ stats }: { readonly stats: WebhookStats | undefined }) {
  if (stats === undefined) return <Skeleton className="h-24 w-full" />
  const total = stats.total_requests
  const refused = stats.failed_requests
  return (
    <dl className="grid grid-cols-2 gap-4 lg:grid-cols-5">
      <Figure name="Attempts" note="in all">
        {formatNumber(total)}
      </Figure>
      <Figure name="Accepted" note={formatShare(stats.successful_requests, total)}>
        {formatNumber(stats.successful_requests)}
      </Figure>
      <Figure name="Refused" note={reasons(stats)}>
        {formatNumber(refused)}
      </Figure>
      <Figure name="Events" note={`${formatMs(stats.avg_processing_time_ms)} on average`}>
        {formatNumber(stats.events_created)}
      </Figure>
      <Figure name="Last attempt" note="">
        {stats.last_request_at === null ? 'never' : <Time at={stats.last_request_at} />}
      </Figure>
    </dl>
  )
}

function reasons(stats: WebhookStats): string {
  const parts = [
    [stats.hmac_failures, 'by signature'],
    [stats.ip_blocked_requests, 'by address'],
    [stats.rate_limited_requests, 'by rate limit'],
  ] as const
  const named = parts.filter(([count]) => count > 0).map(([count, name]) => `${formatNumber(count)} ${name}`)
  return named.length > 0 ? named.join(', ') : formatShare(stats.failed_requests, stats.total_requests)
}

interface FigureProps {
  readonly name: string
  readonly note: string
  readonly children: ReactNode
}

function Figure({ name, note, children }: FigureProps) {
  return (
    <div className="rounded-xl border border-line bg-surface px-4 py-3">
      <dt className="text-sm text-muted">{name}</dt>
      <dd>
        <span className="numbers block text-2xl font-semibold tracking-tight">{children}</span>
        <span className="text-sm text-muted">{note}</span>
      </dd>
    </div>
  )
}

const SPANS = [
  { value: 'day', label: 'Day' },
  { value: 'week', label: 'Week' },
] as const

function Activity({ triggerRef }: { readonly triggerRef: string }) {
  const [search, setSearch] = useSearchParams()
  const window = search.get('window') === 'week' ? 'week' : 'day'
  const { data, error, refetch } = useQuery({
    queryKey: triggerKey(triggerRef, 'activity', window),
    queryFn: ({ signal }) =>
      api('GET /api/v1/trigger-activity', { query: { refs: triggerRef, window }, signal }),
    refetchInterval: REFRESH_MS,
    placeholderData: (previous) => previous,
  })
  const activity = data?.data[0]
  return (
    <Card
      title="Attempts over time"
      actions={
        <Segments
          label="Time span"
          value={window}
          choices={SPANS}
          onChange={(next) => setSearch(next === 'day' ? {} : { window: next })}
        />
      }
    >
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {activity === undefined && error === null && <Skeleton className="h-56 w-full" />}
      {activity !== undefined && (
        <OutcomeChart buckets={activity.buckets} label={`Attempts of the last ${window} by outcome`} />
      )}
    </Card>
  )
}
