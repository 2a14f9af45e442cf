import { useMutation, useQuery } from '@tanstack/react-query'
import { FlaskConical } from 'lucide-react'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { api } from '../api/client.ts'
import { useMay } from '../api/session.tsx'
import { EmptyState, ErrorState, LoadingRows, Notice } from '../kit/feedback.tsx'
import { Card, PageHead } from '../kit/layout.tsx'
import { TriggerPicker } from '../parts/trigger-picker.tsx'
import { loadDraft } from './test-tool/draft.ts'
import { RequestForm } from './test-tool/request-form.tsx'
import { runTest, type TestInput, type TestStep } from './test-tool/test-run.ts'
import { TestSteps } from './test-tool/test-steps.tsx'

/** Sends a request of one's own making through the real receiver, and shows what each check said. */
export function TestTool() {
  const [search, setSearch] = useSearchParams()
  const mayTest = useMay('operator')
  const ref = search.get('trigger')
  const set = (changes: Readonly<Record<string, string | null>>) =>
    setSearch((params) => {
      const next = new URLSearchParams(params)
      for (const [name, value] of Object.entries(changes)) {
        if (value === null) next.delete(name)
        else next.set(name, value)
      }
      return next
    })
  if (!mayTest) {
    return (
      <>
        <PageHead title="Test tool" />
        <Notice tone="warn" title="Your token may not send tests">
          Sign in with the token of an operator or admin.
        </Notice>
      </>
    )
  }
  return (
    <>
      <PageHead title="Test tool">
        Compose a request, or take a recorded one or a sender's sample, and send it through the real receiver.
      </PageHead>
      <div className="mb-5 max-w-md">
        <TriggerPicker value={ref} onChange={(next) => set({ trigger: next, from: null, sample: null })} />
      </div>
      {ref === null && search.get('from') === null ? (
        <Card>
          <EmptyState icon={<FlaskConical aria-hidden />} title="Choose a trigger">
            The request goes to its webhook URL and meets the same checks as any sender's. What passes becomes
            an event.
          </EmptyState>
        </Card>
      ) : (
        <Bench
          key={`${ref} ${search.get('from')} ${search.get('sample')}`}
          triggerRef={ref}
          from={search.get('from')}
          sample={search.get('sample')}
          onSource={set}
        />
      )}
    </>
  )
}

interface BenchProps {
  readonly triggerRef: string | null
  /** The id of a recorded attempt. */
  readonly from: string | null
  /** The name of a scheme. */
  readonly sample: string | null
  readonly onSource: (changes: Readonly<Record<string, string | null>>) => void
}

function Bench({ triggerRef, from, sample, onSource }: BenchProps) {
  const [steps, setSteps] = useState<readonly TestStep[]>([])
  const { data, error, refetch } = useQuery({
    queryKey: ['test-draft', triggerRef, from, sample],
    queryFn: ({ signal }) => loadDraft({ triggerRef, from, sample, signal }),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const schemes = useQuery({
    queryKey: ['schemes'],
    queryFn: ({ signal }) => api('GET /api/v1/schemes', { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const test = useMutation({
    mutationFn: ({ ref, input }: { readonly ref: string; readonly input: TestInput }) => {
      setSteps([])
      return runTest(ref, input, (step) => setSteps((past) => [...past, step]))
    },
    gcTime: 0,
  })
  if (error !== null) return <ErrorState error={error} retry={refetch} />
  if (data === undefined) return <LoadingRows />
  return (
    <div className="grid items-start gap-5 xl:grid-cols-2">
      <RequestForm
        trigger={data.trigger}
        draft={data}
        schemes={schemes.data?.data ?? []}
        onRecorded={(id) => onSource({ trigger: data.trigger.ref, from: id, sample: null })}
        onSample={(name) => onSource({ trigger: data.trigger.ref, sample: name, from: null })}
        isBusy={test.isPending}
        error={test.error}
        onSend={(input) => test.mutate({ ref: data.trigger.ref, input })}
      />
      <TestSteps
        steps={steps}
        isRunning={test.isPending}
        isAsked={test.isPending || test.isSuccess || test.isError}
      />
    </div>
  )
}
