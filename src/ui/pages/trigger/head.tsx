import { useMutation } from '@tanstack/react-query'
import { FlaskConical, Pencil, RefreshCw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'wouter'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Button, buttonClass, CopyButton, IconButton } from '../../kit/button.tsx'
import { Badge, Notice, toast } from '../../kit/feedback.tsx'
import { Switch } from '../../kit/form.tsx'
import { PageHead } from '../../kit/layout.tsx'
import { Foreign } from '../../kit/text.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { EditDialog } from './edit-dialog.tsx'
import { useChanged } from './queries.ts'
import { RegenerateDialog } from './regenerate-dialog.tsx'

type Asking = 'edit' | 'regenerate' | 'delete' | null

/** What the trigger is called, its URL, and what can be done with it as a whole. */
export function TriggerHead({ trigger }: { readonly trigger: Trigger }) {
  const [asking, setAsking] = useState<Asking>(null)
  const dialog = (name: Asking) => ({
    trigger,
    isOpen: asking === name,
    onOpenChange: (isOpen: boolean) => setAsking(isOpen ? name : null),
  })
  return (
    <>
      <PageHead title={trigger.ref} actions={<Actions trigger={trigger} onAsk={setAsking} />}>
        <Named trigger={trigger} />
      </PageHead>
      <Url trigger={trigger} onRegenerate={() => setAsking('regenerate')} />
      <EditDialog {...dialog('edit')} />
      <RegenerateDialog {...dialog('regenerate')} />
      <DeleteDialog {...dialog('delete')} />
    </>
  )
}

function Named({ trigger: { label, description } }: { readonly trigger: Trigger }) {
  if (label === null && description === null) return null
  return (
    <>
      {label !== null && <Foreign text={label} className="block font-medium text-ink" />}
      {description !== null && (
        <Foreign
          text={description}
          className="block max-h-48 max-w-prose overflow-y-auto whitespace-pre-wrap"
        />
      )}
    </>
  )
}

function Actions({
  trigger,
  onAsk,
}: {
  readonly trigger: Trigger
  readonly onAsk: (asking: Asking) => void
}) {
  const isOperator = useMay('operator')
  const isAdmin = useMay('admin')
  return (
    <>
      <EnabledSwitch trigger={trigger} />
      {isOperator && (
        <>
          <Link
            href={`/test?trigger=${encodeURIComponent(trigger.ref)}`}
            className={buttonClass('secondary')}
          >
            <FlaskConical aria-hidden className="size-4" />
            Test
          </Link>
          <Button icon={<Pencil aria-hidden className="size-4" />} onClick={() => onAsk('edit')}>
            Edit
          </Button>
        </>
      )}
      {isAdmin && (
        <IconButton
          label="Delete the trigger"
          icon={<Trash2 aria-hidden className="size-4" />}
          onClick={() => onAsk('delete')}
        />
      )}
    </>
  )
}

function EnabledSwitch({ trigger: { ref, webhook_enabled: isOn } }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  const changed = useChanged()
  const change = useMutation({
    mutationFn: (next: boolean) =>
      next
        ? api('POST /api/v1/triggers/:ref/webhooks/enable', { params: { ref } })
        : api('POST /api/v1/triggers/:ref/webhooks/disable', { params: { ref } }),
    onSuccess: async (_, next) => {
      await changed()
      toast.done(next ? 'The webhook takes requests' : 'The webhook refuses every request')
    },
    onError: toast.failed,
  })
  if (!isOperator) return <Badge tone={isOn ? 'good' : 'neutral'}>{isOn ? 'Enabled' : 'Disabled'}</Badge>
  return (
    <Switch
      label="Enabled"
      // It moves at once, and back if the server refuses.
      isOn={change.isPending ? change.variables : isOn}
      onChange={change.mutate}
      isDisabled={change.isPending}
    />
  )
}

function Url({ trigger, onRegenerate }: { readonly trigger: Trigger; readonly onRegenerate: () => void }) {
  const isOperator = useMay('operator')
  const { webhook_url: url, webhook_enabled: isEnabled } = trigger
  if (url === null) {
    return (
      <div className="mb-5">
        <Notice title="It has no URL yet">
          {isOperator
            ? 'Turn the webhook on: that makes the URL for its sender.'
            : 'Whoever turns the webhook on makes the URL for its sender.'}
        </Notice>
      </div>
    )
  }
  return (
    <div className="mb-5 space-y-3">
      <section
        aria-label="Webhook URL"
        className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-xl border border-line bg-surface px-4 py-3"
      >
        <code className="foreign min-w-0 grow basis-64 font-mono text-sm">{url}</code>
        <div className="flex gap-2">
          <CopyButton text={url} label="Copy URL" />
          {isOperator && (
            <Button isSmall icon={<RefreshCw aria-hidden className="size-4" />} onClick={onRegenerate}>
              Regenerate
            </Button>
          )}
        </div>
      </section>
      {!isEnabled && (
        <Notice tone="warn" title="The webhook is disabled">
          Every request to this URL is refused with 403 until it is enabled.
        </Notice>
      )}
    </div>
  )
}
