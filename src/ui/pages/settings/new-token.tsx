import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { NewApiToken, Role } from '../../../core/administrator.ts'
import { api } from '../../api/client.ts'
import { Button } from '../../kit/button.tsx'
import { Dialog } from '../../kit/dialog.tsx'
import { describeError, Notice } from '../../kit/feedback.tsx'
import { Field, problemOf, Select, TextInput } from '../../kit/form.tsx'
import { Code } from '../../kit/layout.tsx'

interface NewTokenProps {
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
  readonly onMade: () => void
}

/** Makes a token and shows it once. Neither outlives the dialog. */
export function NewToken({ isOpen, onOpenChange, onMade }: NewTokenProps) {
  const [made, setMade] = useState<NewApiToken | null>(null)
  const close = (next: boolean) => {
    if (!next) setMade(null)
    onOpenChange(next)
  }
  const done = (token: NewApiToken) => {
    setMade(token)
    onMade()
  }
  return (
    <Dialog
      title={made === null ? 'New API token' : `The token ${made.name}`}
      isOpen={isOpen}
      onOpenChange={close}
    >
      {made === null ? <TokenForm onMade={done} /> : <Made token={made} onDone={() => close(false)} />}
    </Dialog>
  )
}

const ROLES: readonly { readonly value: Role; readonly label: string }[] = [
  { value: 'viewer', label: 'Viewer: reads everything but tokens and configuration' },
  { value: 'operator', label: 'Operator: also changes triggers and sends tests' },
  { value: 'admin', label: 'Admin: also deletes triggers and hands out tokens' },
]

const LIFETIMES = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
  { value: '', label: 'It does not expire' },
]

function TokenForm({ onMade }: { readonly onMade: (token: NewApiToken) => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [days, setDays] = useState('90')
  const make = useMutation({
    mutationFn: () =>
      api('POST /api/v1/tokens', {
        body: { name, role, ...(days !== '' && { expires_in_days: Number(days) }) },
      }),
    gcTime: 0,
    onSuccess: (token) => {
      onMade(token)
      make.reset()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!make.isPending) make.mutate()
  }
  const problem = problemOf(make.error, 'name')
  return (
    <form onSubmit={submit} className="space-y-4">
      {make.error !== null && problem === null && (
        <Notice tone="bad" title={describeError(make.error).title} />
      )}
      <Field
        label="Name"
        hint="Whom or what it is for: lower-case letters, digits, dots, _ and -."
        problem={problem}
      >
        <TextInput value={name} onChange={(event) => setName(event.target.value)} required maxLength={64} />
      </Field>
      <Field label="Role">
        <Select label="Role" value={role} choices={ROLES} onChange={setRole} />
      </Field>
      <Field label="Expires after">
        <Select label="Expires after" value={days} choices={LIFETIMES} onChange={setDays} />
      </Field>
      <div className="flex justify-end">
        <Button type="submit" look="primary" isBusy={make.isPending}>
          Make the token
        </Button>
      </div>
    </form>
  )
}

function Made({ token, onDone }: { readonly token: NewApiToken; readonly onDone: () => void }) {
  return (
    <div className="space-y-4">
      <Notice tone="warn" title="Copy it now">
        It is shown this once. Only its hash is stored, so nobody can show it again.
      </Notice>
      <Code label="Token" text={token.token} />
      <div className="flex justify-end">
        <Button look="primary" onClick={onDone}>
          I have copied it
        </Button>
      </div>
    </div>
  )
}
