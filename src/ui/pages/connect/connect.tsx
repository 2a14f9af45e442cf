import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Webhook } from 'lucide-react'
import { useState } from 'react'
import { Link, useSearchParams } from 'wouter'
import type { Scheme } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { ApiError, api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { buttonClass } from '../../kit/button.tsx'
import { EmptyState, ErrorState, LoadingRows, Notice } from '../../kit/feedback.tsx'
import { Card, PageHead } from '../../kit/layout.tsx'
import { useSchemes } from '../../parts/schemes.ts'
import { prepare } from './prepare.ts'
import { SenderChoice } from './sender-choice.tsx'
import { SenderSetup } from './sender-setup.tsx'
import { Steps } from './steps.tsx'

/** Leads a trigger to its first webhook. Trigger and sender are in the URL, so that a reload goes on; the secret never is. */
export function Connect({ triggerRef }: { readonly triggerRef: string }) {
  const trigger = useQuery({
    queryKey: ['triggers', 'one', triggerRef],
    queryFn: ({ signal }) => api('GET /api/v1/triggers/:ref', { params: { ref: triggerRef }, signal }),
  })
  const schemes = useSchemes()
  const mayChange = useMay('operator')
  const error = trigger.error ?? schemes.error
  const isUnknown = error instanceof ApiError && error.code === 'trigger_unknown'
  return (
    <>
      <PageHead
        title={`Connect ${triggerRef}`}
        actions={
          <Link href={`/triggers/${encodeURIComponent(triggerRef)}`} className={buttonClass('quiet')}>
            Leave, go to the trigger
          </Link>
        }
      />
      {isUnknown && (
        <EmptyState
          icon={<Webhook aria-hidden />}
          title="No trigger has this ref"
          action={
            <Link href="/triggers" className={buttonClass('primary')}>
              Go to the triggers
            </Link>
          }
        />
      )}
      {error !== null && !isUnknown && (
        <ErrorState error={error} retry={() => Promise.all([trigger.refetch(), schemes.refetch()])} />
      )}
      {!mayChange && <Notice tone="warn" title="Connecting a sender needs the role operator" />}
      {mayChange && error === null && trigger.data === undefined && <LoadingRows />}
      {mayChange && trigger.data !== undefined && schemes.data !== undefined && (
        <Way trigger={trigger.data} schemes={schemes.data.data} />
      )}
    </>
  )
}

function Way({ trigger, schemes }: { readonly trigger: Trigger; readonly schemes: readonly Scheme[] }) {
  const [search, setSearch] = useSearchParams()
  // It is shown this once: it goes with the page.
  const [secret, setSecret] = useState<string | null>(null)
  const [isDone, setDone] = useState(false)
  const client = useQueryClient()
  const choose = useMutation({
    mutationFn: async (scheme: Scheme) => ({ scheme, made: await prepare(scheme, trigger) }),
    gcTime: 0,
    onSuccess: async ({ scheme, made }) => {
      await client.invalidateQueries({ queryKey: ['triggers'] })
      setSecret(made)
      choose.reset()
      setSearch({ connect: trigger.ref, sender: scheme.name })
    },
  })
  const sender = schemes.find(({ name }) => name === search.get('sender'))
  if (sender === undefined || trigger.webhook_url === null) {
    return (
      <>
        <Steps at={1} />
        <Card title="Who sends?">
          <SenderChoice
            schemes={schemes}
            current={trigger.webhook_verification_scheme}
            isBusy={choose.isPending}
            error={choose.error}
            onChoose={(scheme) => choose.mutate(scheme)}
          />
        </Card>
      </>
    )
  }
  return (
    <>
      <Steps at={isDone ? 4 : trigger.webhook_enabled ? 3 : 2} />
      <SenderSetup
        trigger={trigger}
        url={trigger.webhook_url}
        scheme={sender}
        secret={secret}
        onSecret={setSecret}
        onReceived={() => setDone(true)}
        onOtherSender={() => {
          setSecret(null)
          setSearch({ connect: trigger.ref })
        }}
      />
    </>
  )
}
