import { Webhook } from 'lucide-react'
import { useMay } from '../../api/session.tsx'
import { EmptyState } from '../../kit/feedback.tsx'
import { Card } from '../../kit/layout.tsx'
import { NameForm } from './name-form.tsx'
import { Steps } from './steps.tsx'

/** What stands where no trigger is yet: the first step towards one. */
export function FirstTrigger() {
  const mayCreate = useMay('operator')
  if (!mayCreate) {
    return (
      <Card>
        <EmptyState icon={<Webhook aria-hidden />} title="No trigger yet">
          An operator or admin can create the first one. What arrives for it will be shown here.
        </EmptyState>
      </Card>
    )
  }
  return (
    <Card className="mx-auto max-w-2xl">
      <div className="p-2 sm:p-4">
        <Steps at={0} />
        <h2 className="text-xl font-semibold tracking-tight">Receive your first webhook</h2>
        <p className="mt-1 mb-6 text-muted">
          A trigger is the named thing that a webhook fires. Name one, choose who sends, and give them its
          URL: it takes about a minute.
        </p>
        <NameForm isFocused />
      </div>
    </Card>
  )
}
