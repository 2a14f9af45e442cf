import { Webhook } from 'lucide-react'
import { Link, useSearchParams } from 'wouter'
import type { Trigger } from '../../core/trigger.ts'
import { ApiError } from '../api/client.ts'
import { buttonClass } from '../kit/button.tsx'
import { EmptyState, ErrorState, LoadingRows } from '../kit/feedback.tsx'
import { PageHead, Tabs } from '../kit/layout.tsx'
import { SenderInstructions } from '../parts/sender-instructions.tsx'
import { Deduplication } from './trigger/deduplication.tsx'
import { TriggerHead } from './trigger/head.tsx'
import { IpWhitelist } from './trigger/ip-whitelist.tsx'
import { PayloadLimit } from './trigger/payload-limit.tsx'
import { useTrigger } from './trigger/queries.ts'
import { RateLimit } from './trigger/rate-limit.tsx'
import { Summary } from './trigger/summary.tsx'
import { UnsavedGuard, useLeave } from './trigger/unsaved.tsx'
import { Verification } from './trigger/verification.tsx'

/** One trigger: what arrives, the checks that it asks for, and what its sender has to be told. */
export function TriggerPage({ triggerRef }: { readonly triggerRef: string }) {
  const { data, error, refetch } = useTrigger(triggerRef)
  if (data !== undefined) {
    return (
      <UnsavedGuard>
        <TriggerHead trigger={data} />
        <TriggerTabs trigger={data} />
      </UnsavedGuard>
    )
  }
  const isUnknown = error instanceof ApiError && error.code === 'trigger_unknown'
  return (
    <>
      <PageHead title={triggerRef} />
      {error === null && <LoadingRows />}
      {error !== null && !isUnknown && <ErrorState error={error} retry={refetch} />}
      {isUnknown && (
        <EmptyState
          icon={<Webhook aria-hidden />}
          title="No trigger has this ref"
          action={
            <Link href="/triggers" className={buttonClass('primary')}>
              Go to the triggers
            </Link>
          }
        >
          It may have been deleted. The webhook event log keeps the attempts that it had.
        </EmptyState>
      )}
    </>
  )
}

function TriggerTabs({ trigger }: { readonly trigger: Trigger }) {
  const [search, setSearch] = useSearchParams()
  const leave = useLeave()
  const tabs = [
    { value: 'summary', label: 'Summary', content: <Summary trigger={trigger} /> },
    { value: 'checks', label: 'Checks', content: <Checks trigger={trigger} /> },
    {
      value: 'instructions',
      label: 'Sender instructions',
      content: <SenderInstructions trigger={trigger} />,
    },
  ]
  const given = search.get('tab')
  return (
    <Tabs
      label="Parts of this trigger"
      tabs={tabs}
      value={tabs.some(({ value }) => value === given) ? (given ?? 'summary') : 'summary'}
      onChange={(tab) => leave(() => setSearch(tab === 'summary' ? {} : { tab }))}
    />
  )
}

function Checks({ trigger }: { readonly trigger: Trigger }) {
  return (
    <div className="max-w-4xl space-y-5">
      <Verification trigger={trigger} />
      <IpWhitelist trigger={trigger} />
      <RateLimit trigger={trigger} />
      <PayloadLimit trigger={trigger} />
      <Deduplication trigger={trigger} />
    </div>
  )
}
