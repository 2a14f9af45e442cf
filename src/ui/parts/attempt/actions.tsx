import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { FlaskConical, RotateCcw } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'wouter'
import type { WebhookEventLogRow } from '../../../core/event.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Button, buttonClass, CopyButton } from '../../kit/button.tsx'
import { ConfirmDialog } from '../../kit/dialog.tsx'
import { describeError, Notice, toast } from '../../kit/feedback.tsx'
import { useBody } from '../body.tsx'
import { curlCommand } from '../curl.ts'
import { bodyPathOf } from './body.tsx'
import { isOfSignature, useDiagnosis } from './reason.tsx'

/** What can be done about an attempt. */
export function AttemptActions({ row }: { readonly row: WebhookEventLogRow }) {
  const isOperator = useMay('operator')
  const { data: diagnosis } = useDiagnosis(row)
  const isReadmissible =
    isOperator && isOfSignature(row) && diagnosis?.has_body === true && diagnosis.readmitted_as === null
  return (
    <div className="flex flex-wrap items-center gap-2">
      {isReadmissible && <Readmit row={row} />}
      {row.attempts === 1 && <CopyAsCurl row={row} />}
      {isOperator && row.attempts === 1 && (
        <Link
          href={`/test?trigger=${encodeURIComponent(row.trigger_ref)}&from=${row.id}`}
          className={buttonClass('secondary', true)}
        >
          <FlaskConical aria-hidden className="size-4" />
          Send again in the test tool
        </Link>
      )}
    </div>
  )
}

function CopyAsCurl({ row }: { readonly row: WebhookEventLogRow }) {
  const { data: trigger, error } = useQuery({
    queryKey: ['triggers', row.trigger_ref],
    queryFn: ({ signal }) => api('GET /api/v1/triggers/:ref', { params: { ref: row.trigger_ref }, signal }),
  })
  const { data: diagnosis } = useDiagnosis(row)
  const isKept = row.event_id !== null || diagnosis?.has_body === true
  const { data: body, isLoading } = useBody(isKept ? bodyPathOf(row) : null)
  if (isLoading || (trigger === undefined && error === null)) return null
  const command = curlCommand({
    url: urlOf(row, trigger),
    headers: row.headers,
    body: body?.bytes ?? null,
    fileName: `${row.event_id ?? row.id}.bin`,
  })
  return <CopyButton text={command} label="Copy as curl" />
}

/** As its sender was given it then: the key of the trigger may be another one by now. */
function urlOf({ webhook_key }: WebhookEventLogRow, trigger: Trigger | undefined): string {
  const base = trigger?.webhook_url?.replace(/[^/]*$/, '') ?? `${location.origin}/api/v1/webhooks/`
  return base + webhook_key
}

function Readmit({ row }: { readonly row: WebhookEventLogRow }) {
  const [isAsked, setAsked] = useState(false)
  const client = useQueryClient()
  const readmission = useMutation({
    mutationFn: () => api('POST /api/v1/webhook-event-log/:id/readmit', { params: { id: row.id } }),
    onSuccess: async ({ readmitted_before }) => {
      setAsked(false)
      toast.done(readmitted_before ? 'It was an event already' : 'The attempt is an event now')
      await Promise.all([
        client.invalidateQueries({ queryKey: ['diagnosis', row.id] }),
        client.invalidateQueries({ queryKey: ['events'] }),
      ])
    },
  })
  const problem = readmission.error === null ? null : describeError(readmission.error)
  return (
    <>
      <Button
        isSmall
        look="primary"
        icon={<RotateCcw aria-hidden className="size-4" />}
        onClick={() => {
          readmission.reset()
          setAsked(true)
        }}
      >
        Readmit
      </Button>
      <ConfirmDialog
        title="Readmit this attempt?"
        confirm="Readmit it"
        isDangerous={false}
        isOpen={isAsked}
        onOpenChange={setAsked}
        isBusy={readmission.isPending}
        onConfirm={() => readmission.mutate()}
      >
        <p>
          It is verified again with the settings of now. If it passes, it becomes an event, as if it had been
          accepted then. That cannot be undone.
        </p>
        {problem !== null && (
          <div className="mt-3">
            <Notice tone="bad" title={problem.title}>
              {problem.advice}
            </Notice>
          </div>
        )}
      </ConfirmDialog>
    </>
  )
}
