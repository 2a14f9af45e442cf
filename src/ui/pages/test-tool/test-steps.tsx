import { ArrowRight, LoaderCircle } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { buttonClass } from '../../kit/button.tsx'
import { Badge, EmptyState, Notice } from '../../kit/feedback.tsx'
import { formatMs } from '../../kit/format.ts'
import { Card, Code } from '../../kit/layout.tsx'
import { Foreign } from '../../kit/text.tsx'
import { CheckList } from '../../parts/check-list.tsx'
import type { TestStep } from './test-run.ts'

interface TestStepsProps {
  readonly steps: readonly TestStep[]
  readonly isRunning: boolean
  readonly isAsked: boolean
}

/** What happens to the test, step by step. */
export function TestSteps({ steps, isRunning, isAsked }: TestStepsProps) {
  return (
    <Card title="What happens">
      {!isAsked && <EmptyState title="Nothing is sent yet">Each check shows here what it says.</EmptyState>}
      <ol aria-live="polite" className="space-y-4">
        {steps.map((step) => (
          <li key={step.step}>
            <Step step={step} />
          </li>
        ))}
      </ol>
      {isRunning && (
        <p className="mt-4 flex items-center gap-2 text-muted">
          <LoaderCircle aria-hidden className="size-4 animate-spin" /> Under way…
        </p>
      )}
    </Card>
  )
}

function Step({ step }: { readonly step: TestStep }): ReactNode {
  switch (step.step) {
    case 'composed':
      return (
        <Part title={step.signed ? 'Composed and signed' : 'Composed, not signed'}>
          {step.note !== null && <p className="mb-2 text-muted">{step.note}</p>}
          <Code
            label="Request"
            text={[
              `${step.method} ${step.url}`,
              ...step.headers.map(([name, value]) => `${name}: ${value}`),
            ].join('\n')}
          />
        </Part>
      )
    case 'sent':
      return <Part title="Sent to the receiver" />
    case 'answered':
      return (
        <Part
          title={
            <>
              Answered <Badge tone={step.status < 400 ? 'good' : 'bad'}>{step.status}</Badge> in{' '}
              {formatMs(step.elapsed_ms)}
            </>
          }
        >
          <Code label="Answer" text={step.body} />
        </Part>
      )
    case 'checks':
      return (
        <Part title="Checks">
          {step.checks === null ? (
            <p className="text-muted">They were not recorded.</p>
          ) : (
            <CheckList checks={step.checks} />
          )}
        </Part>
      )
    case 'recorded':
      return <Recorded row={step.row} />
    case 'failed':
      return (
        <Notice tone="bad" title="The test did not come through">
          {step.problem}
        </Notice>
      )
  }
}

function Recorded({ row }: { readonly row: Extract<TestStep, { step: 'recorded' }>['row'] }) {
  const href = `/log?trigger=${encodeURIComponent(row.trigger_ref)}&row=${row.id}`
  return (
    <Notice
      tone={row.error_code === null ? 'good' : 'bad'}
      title={row.error_code === null ? 'Accepted and stored' : `Refused: ${row.error_code}`}
    >
      {row.error_message !== null && (
        <p className="mb-2">
          <Foreign text={row.error_message} />
        </p>
      )}
      <Link href={href} className={buttonClass('secondary', true)}>
        Open it in the event log <ArrowRight aria-hidden className="size-4" />
      </Link>
    </Notice>
  )
}

function Part({ title, children }: { readonly title: ReactNode; readonly children?: ReactNode }) {
  return (
    <div>
      <h3 className="mb-2 font-medium">{title}</h3>
      {children}
    </div>
  )
}
