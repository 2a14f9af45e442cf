import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api } from '../../api/client.ts'
import { ConfirmDialog } from '../../kit/dialog.tsx'
import { toast } from '../../kit/feedback.tsx'
import { Field, TextInput } from '../../kit/form.tsx'
import { visible } from '../../kit/text.tsx'
import { useChanged } from './queries.ts'
import type { TriggerDialogProps } from './regenerate-dialog.tsx'

/** Asks for the ref before the trigger is deleted. */
export function DeleteDialog({ trigger: { ref }, isOpen, onOpenChange }: TriggerDialogProps) {
  const [typed, setTyped] = useState('')
  const [, navigate] = useLocation()
  const client = useQueryClient()
  const changed = useChanged()
  const remove = useMutation({
    mutationFn: () => api('DELETE /api/v1/triggers/:ref', { params: { ref } }),
    onSuccess: () => {
      toast.done(`The trigger ${visible(ref)} is deleted`)
      navigate('/triggers')
      client.removeQueries({ queryKey: ['triggers', 'one', ref] })
      return changed()
    },
    onError: toast.failed,
  })
  return (
    <ConfirmDialog
      title="Delete this trigger?"
      confirm="Delete the trigger"
      isOpen={isOpen}
      onOpenChange={(next) => {
        setTyped('')
        onOpenChange(next)
      }}
      isBusy={remove.isPending}
      isReady={typed === ref}
      onConfirm={() => remove.mutate()}
      field={
        <Field
          label={
            <>
              Type <code className="foreign font-mono">{visible(ref)}</code> to confirm
            </>
          }
        >
          <TextInput
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            spellCheck={false}
          />
        </Field>
      }
    >
      Its URL ends at once, and its settings and secrets go with it. What has been recorded stays in the
      webhook event log and among the events. It cannot be brought back.
    </ConfirmDialog>
  )
}
