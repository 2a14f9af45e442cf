import type { Trigger } from '../../../core/trigger.ts'
import { Card, Code } from '../../kit/layout.tsx'

/** What its sender has to be told. */
export function SenderInstructions({ trigger }: { readonly trigger: Trigger }) {
  return (
    <Card title="For the sender">
      {trigger.webhook_url === null ? (
        <p className="text-muted">Turn the webhook on to get its URL.</p>
      ) : (
        <Code label="URL" text={trigger.webhook_url} />
      )}
    </Card>
  )
}
