import type { ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import type { WebhookEventLogRow } from '../../../core/event.ts'
import { queryText } from '../../api/client.ts'
import { formatBytes, formatInstant, formatMs, formatNumber } from '../../kit/format.ts'
import { Facts } from '../../kit/layout.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { CheckList } from '../check-list.tsx'
import { HeadersTable } from '../headers-table.tsx'
import { VerdictBadge } from '../verdict.tsx'
import { AttemptActions } from './actions.tsx'
import { AttemptBody } from './body.tsx'
import { Reason } from './reason.tsx'

/** Sets one filter of the list, by its name in the URL. */
export type AttemptFilter = (name: 'trigger' | 'ip' | 'code' | 'status' | 'text', value: string) => void

/** Everything that is known of one attempt, what matters first. */
export function AttemptDetail({
  row,
  onFilter,
}: {
  readonly row: WebhookEventLogRow
  readonly onFilter?: AttemptFilter | undefined
}) {
  const [, goTo] = useLocation()
  return (
    <div className="space-y-6">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-muted">
        <VerdictBadge row={row} />
        <span>
          <Time at={row.created} /> · {formatInstant(row.created)}
        </span>
        {row.attempts > 1 && <span className="font-medium text-ink">× {formatNumber(row.attempts)}</span>}
      </div>
      <Reason row={row} />
      <AttemptActions row={row} />
      <Section title="Checks">
        {row.checks === null ? (
          <p className="text-muted">
            {row.attempts > 1
              ? 'This row stands for several attempts, so the checks of none of them are kept.'
              : 'This row is older than the record of checks.'}
          </p>
        ) : (
          <CheckList checks={row.checks} />
        )}
      </Section>
      <Section title="Payload">
        <AttemptBody
          row={row}
          onFind={(path, value) => goTo(`/events${queryText({ trigger: row.trigger_ref, path, value })}`)}
        />
      </Section>
      <Section title="Headers">
        <HeadersTable headers={row.headers} />
      </Section>
      <Section title="Facts">
        <AttemptFacts row={row} onFilter={onFilter} />
      </Section>
    </div>
  )
}

export function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section>
      <h3 className="mb-2 font-semibold">{title}</h3>
      {children}
    </section>
  )
}

const USER_AGENT_LENGTH_MAX = 1_000

function AttemptFacts({
  row,
  onFilter,
}: {
  readonly row: WebhookEventLogRow
  readonly onFilter?: AttemptFilter | undefined
}) {
  const narrowing = (name: Parameters<AttemptFilter>[0], value: string) => (
    <Narrowing text={value} onPress={onFilter && (() => onFilter(name, value))} />
  )
  return (
    <Facts
      facts={[
        [
          'Trigger',
          <span key="trigger" className="flex flex-wrap gap-x-3">
            {narrowing('trigger', row.trigger_ref)}
            <Link href={`/triggers/${encodeURIComponent(row.trigger_ref)}`} className="text-accent underline">
              Open the trigger
            </Link>
          </span>,
        ],
        ['Address', row.source_ip === null ? '–' : narrowing('ip', row.source_ip)],
        [
          'User agent',
          <Foreign key="user-agent" text={row.user_agent ?? '–'} lengthMax={USER_AGENT_LENGTH_MAX} />,
        ],
        ['Status', narrowing('status', String(row.status_code))],
        ...(row.error_code === null ? [] : ([['Code', narrowing('code', row.error_code)]] as const)),
        ['Verified by', <Foreign key="verified-by" text={row.verified_by ?? 'nothing'} />],
        ['Size', formatBytes(row.payload_size_bytes)],
        ['Took', formatMs(row.processing_time_ms)],
        [
          'Request id',
          <code key="id" className="font-mono text-sm">
            {row.id}
          </code>,
        ],
        ...(row.event_id === null
          ? []
          : ([
              [
                'Event',
                <Link
                  key="event"
                  href={`/events?event=${row.event_id}`}
                  className="font-mono text-sm text-accent underline"
                >
                  {row.event_id}
                </Link>,
              ],
            ] as const)),
      ]}
    />
  )
}

/** A value that narrows the list to what has it, where there is a list. */
function Narrowing({
  text,
  onPress,
}: {
  readonly text: string
  readonly onPress?: (() => void) | undefined
}) {
  if (onPress === undefined) return <Foreign text={text} />
  return (
    <button
      type="button"
      onClick={onPress}
      className="rounded text-left underline decoration-line-strong decoration-dotted underline-offset-4 hover:decoration-accent"
    >
      <Foreign text={text} />
      <span className="sr-only"> – show only those</span>
    </button>
  )
}
