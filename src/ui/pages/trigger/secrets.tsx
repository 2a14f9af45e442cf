import { useMutation } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { type FormEvent, useRef, useState } from 'react'
import type { WebhookSecret } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Button } from '../../kit/button.tsx'
import { Dialog } from '../../kit/dialog.tsx'
import { Badge, describeError, Notice } from '../../kit/feedback.tsx'
import { Field, problemOf, Select, TextInput } from '../../kit/form.tsx'
import { Code } from '../../kit/layout.tsx'
import { type Column, Table } from '../../kit/table.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { ExpireSecret } from './expire-secret.tsx'
import { useChanged } from './queries.ts'

interface SecretsProps {
  readonly trigger: Trigger
  readonly secrets: readonly WebhookSecret[]
}

/** The secrets that are accepted, by their labels, and a way to change them without a gap. */
export function Secrets({ trigger, secrets }: SecretsProps) {
  const isOperator = useMay('operator')
  const [isAdding, setAdding] = useState(false)
  const [ending, setEnding] = useState<WebhookSecret | null>(null)
  const addButton = useRef<HTMLButtonElement>(null)
  const changed = useChanged()
  const live = secrets.filter(({ is_expired }) => !is_expired)
  return (
    <div className="space-y-3">
      {secrets.length > 0 && live.length === 0 && (
        <Notice tone="bad" title="No secret is accepted any more">
          Every webhook that needs one is refused with 401. Add the secret that the sender signs with.
        </Notice>
      )}
      {secrets.length > 0 && (
        <Table
          label="Secrets"
          columns={columns(isOperator ? setEnding : null)}
          rows={secrets}
          rowKey={({ label }) => label}
        />
      )}
      {isOperator && (
        <Button
          ref={addButton}
          icon={<KeyRound aria-hidden className="size-4" />}
          onClick={() => setAdding(true)}
        >
          Add a secret
        </Button>
      )}
      <AddSecret trigger={trigger} isOpen={isAdding} onOpenChange={setAdding} onAdded={() => changed()} />
      <ExpireSecret
        triggerRef={trigger.ref}
        secret={ending}
        isLast={live.length === 1}
        onClose={() => setEnding(null)}
        focusAfter={addButton}
      />
    </div>
  )
}

const columns = (expire: ((secret: WebhookSecret) => void) | null): readonly Column<WebhookSecret>[] => [
  { key: 'label', title: 'Secret', className: 'min-w-24', cell: ({ label }) => <Foreign text={label} /> },
  {
    key: 'used',
    isExtra: true,
    title: 'Last used',
    cell: ({ last_used }) =>
      last_used === null ? <span className="text-muted">never</span> : <Time at={last_used} />,
  },
  {
    key: 'expires',
    title: 'Expires',
    cell: ({ expires, is_expired }) =>
      is_expired ? (
        <Badge tone="warn">expired</Badge>
      ) : expires === null ? (
        <span className="text-muted">never</span>
      ) : (
        <Time at={expires} />
      ),
  },
  {
    key: 'actions',
    title: <span className="sr-only">Actions</span>,
    className: 'text-right',
    cell: (secret) =>
      expire !== null &&
      !secret.is_expired && (
        <Button isSmall aria-label={`Expire now: ${secret.label}`} onClick={() => expire(secret)}>
          Expire now
        </Button>
      ),
  },
]

interface AddSecretProps {
  readonly trigger: Trigger
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
  readonly onAdded: () => Promise<void>
}

/** Adds a secret and shows it once. It does not outlive the dialog. */
function AddSecret({ trigger, isOpen, onOpenChange, onAdded }: AddSecretProps) {
  const [shown, show] = useState<string | null>(null)
  const close = (next: boolean) => {
    if (!next) show(null)
    onOpenChange(next)
  }
  return (
    <Dialog
      title={shown === null ? 'Add a secret' : 'The new secret'}
      description={
        shown === null ? 'Old and new ones are accepted side by side, until the old ones end.' : undefined
      }
      isOpen={isOpen}
      onOpenChange={close}
    >
      {shown === null ? (
        <SecretForm
          trigger={trigger}
          onAdded={async (secret) => {
            show(secret)
            await onAdded()
          }}
        />
      ) : (
        <div className="space-y-4">
          <Notice tone="warn" title="Copy it now">
            It is shown this once; nobody can show it again.
          </Notice>
          <Code label="Secret" text={shown} />
          <div className="flex justify-end">
            <Button look="primary" onClick={() => close(false)}>
              I have copied it
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  )
}

const OVERLAPS = [
  { value: '', label: 'They stay' },
  { value: '0', label: 'They end at once' },
  { value: '3600', label: 'They end in an hour' },
  { value: '86400', label: 'They end in a day' },
  { value: '604800', label: 'They end in a week' },
]

function SecretForm({
  trigger,
  onAdded,
}: {
  readonly trigger: Trigger
  readonly onAdded: (secret: string) => Promise<void>
}) {
  const [secret, setSecret] = useState('')
  const [overlap, setOverlap] = useState('86400')
  const add = useMutation({
    mutationFn: () =>
      api('POST /api/v1/triggers/:ref/webhooks/secrets', {
        params: { ref: trigger.ref },
        body: {
          ...(secret !== '' && { secret }),
          ...(overlap !== '' && { expires_in_seconds: Number(overlap) }),
        },
      }),
    gcTime: 0,
    onSuccess: ({ secret: made }) => onAdded(made),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!add.isPending) add.mutate()
  }
  const problem = problemOf(add.error, 'secret')
  return (
    <form onSubmit={submit} className="space-y-4">
      {add.error !== null && problem === null && (
        <Notice tone="bad" title={describeError(add.error).title}>
          {describeError(add.error).advice}
        </Notice>
      )}
      <Field
        label="Secret"
        hint="The one that the sender shows you. Left empty, one is made here, where the sender takes it."
        problem={problem}
      >
        <TextInput
          type="password"
          autoComplete="off"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
        />
      </Field>
      <Field label="The other secrets">
        <Select label="The other secrets" value={overlap} choices={OVERLAPS} onChange={setOverlap} />
      </Field>
      <div className="flex justify-end">
        <Button type="submit" look="primary" isBusy={add.isPending}>
          Add the secret
        </Button>
      </div>
    </form>
  )
}
