import { useMutation, useQuery } from '@tanstack/react-query'
import { CircleCheck, LoaderCircle, Send } from 'lucide-react'
import { useEffect, useEffectEvent, useState } from 'react'
import { Link } from 'wouter'
import type { Scheme } from '../../../admin/models.ts'
import type { WebhookEventLogRow } from '../../../core/event.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useLiveTail } from '../../api/live.ts'
import { Button, buttonClass } from '../../kit/button.tsx'
import { describeError, Notice } from '../../kit/feedback.tsx'
import { Card } from '../../kit/layout.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { adviceWithoutCause } from '../../parts/attempt/reason.tsx'
import { runTest, type TestStep } from '../test-tool/test-run.ts'

interface FirstWebhookProps {
  readonly trigger: Trigger
  readonly scheme: Scheme
  readonly onReceived: () => void
}

/** Whoever loads the page again goes on where they were, for as long as this. */
const SETUP_MS_MAX = 3_600_000
const ROWS_MAX = 50

/** What was there before the trigger was set up for this sender: the id of its last row, `null` where there is none. */
function lastBefore(rows: readonly WebhookEventLogRow[], setUp: string): string | null {
  const isFresh = Date.now() - Date.parse(setUp) < SETUP_MS_MAX
  return rows.find(({ created }) => !isFresh || Date.parse(created) < Date.parse(setUp))?.id ?? null
}

/** The attempts since then, newest first. Ids begin with their time, so that the later one is the greater one. */
function useAttemptsSince(trigger: Trigger) {
  const filter = { trigger: trigger.ref }
  // The trigger changes while it is set up; what matters is how it was when this was opened.
  const [setUp] = useState(trigger.updated)
  const [last, setLast] = useState<{ readonly id: string | null } | null>(null)
  const [streamed, add] = useState<readonly WebhookEventLogRow[]>([])
  const list = useQuery({
    queryKey: ['first-webhook', trigger.ref],
    queryFn: ({ signal }) =>
      api('GET /api/v1/webhook-event-log', { query: { ...filter, limit: ROWS_MAX }, signal }),
    gcTime: 0,
  })
  const listed = list.data?.data
  if (last === null && listed !== undefined) setLast({ id: lastBefore(listed, setUp) })
  const newest = streamed[0] ?? listed?.[0] ?? null
  const state = useLiveTail({
    filter,
    isPaused: listed === undefined,
    onRows: (rows) => add((before) => [...rows.toReversed(), ...before].slice(0, ROWS_MAX)),
    onGap: () => list.refetch(),
    after: () => newest?.id ?? null,
  })
  const readAgain = useEffectEvent(() => list.refetch())
  // What came between the reading of the list and the opening of the stream is in the list by now.
  useEffect(() => {
    if (state === 'live') void readAgain()
  }, [state])
  if (last === null) return []
  const byId = new Map([...(listed ?? []), ...streamed].map((row) => [row.id, row]))
  return [...byId.values()]
    .filter(({ id }) => last.id === null || id > last.id)
    .toSorted((one, other) => (one.id < other.id ? 1 : -1))
}

/** Waits for the sender: says what has come, or exactly why it was refused. What was received once stays so. */
export function FirstWebhook({ trigger, scheme, onReceived }: FirstWebhookProps) {
  const rows = useAttemptsSince(trigger)
  const passed = rows.filter((row) => row.error_code === null)
  const accepted = passed.find((row) => row.event_id !== null) ?? passed[0] ?? null
  const refused = rows.find((row) => row.error_code !== null) ?? null
  const isReceived = accepted !== null && accepted.event_id !== null
  const received = useEffectEvent(onReceived)
  useEffect(() => {
    if (isReceived) received()
  }, [isReceived])
  return (
    <Card title="First webhook">
      <div aria-live="polite" className="space-y-3">
        {accepted === null && refused === null && (
          <p className="flex items-center gap-3 py-4 text-muted">
            <LoaderCircle aria-hidden className="size-5 animate-spin text-accent" />
            {trigger.webhook_enabled
              ? 'Waiting for the first webhook…'
              : 'The webhook is off until what the sender has shown is saved.'}
          </p>
        )}
        {accepted !== null && <Received row={accepted} trigger={trigger} />}
        {refused !== null && (accepted === null || refused.id > accepted.id) && (
          <Refused key={refused.id} row={refused} isLater={isReceived} />
        )}
      </div>
      <TestButton trigger={trigger} scheme={scheme} />
    </Card>
  )
}

function Received({ row, trigger }: { readonly row: WebhookEventLogRow; readonly trigger: Trigger }) {
  const isHandshake = row.outcome === 'handshake'
  const isTest = row.user_agent?.startsWith('attune-webhooks-test/') === true
  return (
    <>
      <p className="flex items-center gap-3 text-lg font-semibold text-good">
        <CircleCheck aria-hidden className="size-7" />
        {isHandshake ? 'The sender has checked the URL' : isTest ? 'Received: your test' : 'Received'}
      </p>
      <p className="text-muted">
        <Time at={row.created} />
        {row.source_ip !== null && ` from ${row.source_ip}`}
        {isHandshake ? '. Now waiting for its first webhook…' : '. It is stored, and is an event now.'}
        {isTest && ' What the sender itself sends will show here too.'}
      </p>
      <div className="flex flex-wrap gap-2">
        {row.event_id !== null && (
          <Link href={`/events?event=${row.event_id}`} className={buttonClass('primary', true)}>
            Look at the event
          </Link>
        )}
        <Link
          href={`/triggers/${encodeURIComponent(trigger.ref)}`}
          className={buttonClass('secondary', true)}
        >
          Go to the trigger
        </Link>
      </div>
    </>
  )
}

interface RefusedProps {
  readonly row: WebhookEventLogRow
  /** Another one had been received before. */
  readonly isLater: boolean
}

function Refused({ row, isLater }: RefusedProps) {
  const { data } = useQuery({
    queryKey: ['diagnosis', row.id],
    queryFn: ({ signal }) =>
      api('GET /api/v1/webhook-event-log/:id/diagnosis', { params: { id: row.id }, signal }),
    enabled: row.error_code?.startsWith('signature_') === true,
  })
  return (
    <Notice
      tone={isLater ? 'warn' : 'bad'}
      title={`${isLater ? 'A later one' : 'It came, and'} was refused with ${row.status_code}`}
    >
      <p>
        <Foreign text={row.error_message ?? row.error_code ?? ''} />
      </p>
      {data?.diagnoses.length === 0 && <p className="mt-2">{adviceWithoutCause(data)}</p>}
      <ul className="mt-2 list-disc space-y-1 pl-5">
        {data?.diagnoses.map(({ cause, detail, remedy }) => (
          <li key={cause}>
            <Foreign text={detail} /> <strong>{remedy}</strong>
          </li>
        ))}
      </ul>
      {!isLater && <p className="mt-2 text-muted">Still waiting: what is sent next will show here.</p>}
      <Link
        href={`/log?trigger=${encodeURIComponent(row.trigger_ref)}&row=${row.id}`}
        className={`${buttonClass('secondary', true)} mt-2`}
      >
        See every check in the event log
      </Link>
    </Notice>
  )
}

function TestButton({ trigger }: Pick<FirstWebhookProps, 'trigger' | 'scheme'>) {
  const [failure, setFailure] = useState<string | null>(null)
  const [note, setNote] = useState<string | null>(null)
  const onStep = (step: TestStep) => {
    if (step.step === 'failed') setFailure(step.problem)
    if (step.step === 'composed') setNote(step.note)
  }
  const test = useMutation({
    mutationFn: () => {
      setFailure(null)
      const body = JSON.stringify({ hello: 'world' })
      const sign = trigger.webhook_verification_scheme !== null
      return runTest(trigger.ref, { body, content_type: 'application/json', sign }, onStep)
    },
    gcTime: 0,
  })
  const problem = test.error === null ? failure : describeError(test.error).title
  return (
    <div className="mt-5 space-y-3 border-t border-line pt-4">
      <Button
        isBusy={test.isPending}
        onClick={() => test.mutate()}
        icon={<Send aria-hidden className="size-4" />}
      >
        Send a test webhook
      </Button>
      <p className="text-sm text-muted">
        {note ?? 'Signed with the secret of the trigger, and sent through the real receiver.'}
      </p>
      {problem !== null && (
        <Notice tone="bad" title="The test did not come through">
          {problem}
        </Notice>
      )}
    </div>
  )
}
