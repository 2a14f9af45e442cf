import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Check } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import type { Scheme } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { ApiError } from '../../api/client.ts'
import { Button } from '../../kit/button.tsx'
import { describeError, Notice, toast } from '../../kit/feedback.tsx'
import { problemOf } from '../../kit/form.tsx'
import { KeyField } from '../../parts/key-field.tsx'
import { checksUrlFirst, titleOf } from '../../parts/schemes.ts'
import { type Keys, setKeys } from './prepare.ts'

interface KeysFormProps {
  readonly trigger: Trigger
  readonly scheme: Scheme
  /** They are there already. */
  readonly isSet: boolean
  readonly onSet: () => void
}

/** What is entered is a credential, or names one; the form forgets it as soon as it is saved. */
export function KeysForm({ trigger, scheme, isSet, onSet }: KeysFormProps) {
  const [keys, setEntered] = useState<Keys>({})
  const [isReplacing, setReplacing] = useState(false)
  const client = useQueryClient()
  const save = useMutation({
    mutationFn: (given: Keys) => setKeys(scheme, trigger, given),
    gcTime: 0,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['triggers'] })
      toast.done('Saved. The webhook is on.')
      setEntered({})
      setReplacing(false)
      save.reset()
      onSet()
    },
  })
  const fields = [...scheme.needs, ...scheme.takes.filter((field) => field !== 'config.algorithm')]
  const isComplete = scheme.needs.every((field) => (keys[field] ?? '').trim() !== '')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!save.isPending && isComplete) save.mutate(trimmed(keys))
  }
  if (isSet && !isReplacing) {
    return (
      <div className="flex flex-wrap items-center gap-3">
        <p className="flex min-w-0 grow items-center gap-2 text-good">
          <Check aria-hidden className="size-5" /> Saved here. It is not shown again.
        </p>
        <Button isSmall onClick={() => setReplacing(true)}>
          Replace it
        </Button>
      </div>
    )
  }
  return (
    <form onSubmit={submit} className="space-y-4">
      {fields.map((field) => (
        <KeyField
          key={field}
          field={field}
          isNeeded={scheme.needs.includes(field)}
          value={keys[field] ?? ''}
          problem={problemOf(save.error, field)}
          onChange={(value) => setEntered((entered) => ({ ...entered, [field]: value }))}
        />
      ))}
      {save.error !== null && !isOfField(save.error, fields) && (
        <Notice tone="bad" title={describeError(save.error).title}>
          {describeError(save.error).advice}
        </Notice>
      )}
      <div className="flex flex-wrap items-center justify-end gap-3">
        <p className="min-w-0 grow text-sm text-muted">
          {checksUrlFirst(scheme) && !isSet
            ? `The check of the URL is answered already; what else ${titleOf(scheme)} sends is refused until then.`
            : trigger.webhook_enabled
              ? 'It is in force as soon as it is saved.'
              : `The webhook is off until then: what ${titleOf(scheme)} sends is refused.`}
        </p>
        <Button type="submit" look="primary" disabled={!isComplete} isBusy={save.isPending}>
          Save and switch on
        </Button>
      </div>
    </form>
  )
}

/** A line end or a space around it is a slip of the clipboard. */
const trimmed = (keys: Keys): Keys =>
  Object.fromEntries(Object.entries(keys).map(([field, value]) => [field, value.trim()]))

const isOfField = (error: Error, fields: readonly string[]): boolean =>
  error instanceof ApiError && error.problems.some(({ field }) => fields.includes(field))
