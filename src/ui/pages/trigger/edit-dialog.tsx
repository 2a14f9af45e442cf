import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api } from '../../api/client.ts'
import { Button } from '../../kit/button.tsx'
import { Dialog } from '../../kit/dialog.tsx'
import { describeError, Notice, toast } from '../../kit/feedback.tsx'
import { Field, problemOf, TextArea, TextInput } from '../../kit/form.tsx'
import { useChanged } from './queries.ts'
import type { TriggerDialogProps } from './regenerate-dialog.tsx'

const LABEL_LENGTH_MAX = 255
const DESCRIPTION_LENGTH_MAX = 4_096

/** What people call the trigger. Its ref stays. */
export function EditDialog({ trigger, isOpen, onOpenChange }: TriggerDialogProps) {
  return (
    <Dialog
      title="Edit the trigger"
      description="For people only: senders see neither."
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      <EditForm trigger={trigger} onDone={() => onOpenChange(false)} />
    </Dialog>
  )
}

function EditForm({
  trigger,
  onDone,
}: Pick<TriggerDialogProps, 'trigger'> & { readonly onDone: () => void }) {
  const [label, setLabel] = useState(trigger.label ?? '')
  const [description, setDescription] = useState(trigger.description ?? '')
  const changed = useChanged()
  const save = useMutation({
    mutationFn: () =>
      api('PATCH /api/v1/triggers/:ref', {
        params: { ref: trigger.ref },
        body: { label: label.trim() || null, description: description.trim() || null },
      }),
    onSuccess: async (data) => {
      await changed(data)
      toast.done('The trigger is saved')
      onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!save.isPending) save.mutate()
  }
  const [labelProblem, descriptionProblem] = [
    problemOf(save.error, 'label'),
    problemOf(save.error, 'description'),
  ]
  const isElsewhere = save.error !== null && labelProblem === null && descriptionProblem === null
  return (
    <form onSubmit={submit} className="space-y-4">
      {isElsewhere && (
        <Notice tone="bad" title={describeError(save.error).title}>
          {describeError(save.error).advice}
        </Notice>
      )}
      <Field label="Label" hint="A few words, such as what it is for." problem={labelProblem}>
        <TextInput
          value={label}
          onChange={(event) => setLabel(event.target.value)}
          maxLength={LABEL_LENGTH_MAX}
        />
      </Field>
      <Field label="Description" problem={descriptionProblem}>
        <TextArea
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          maxLength={DESCRIPTION_LENGTH_MAX}
          className="font-sans"
        />
      </Field>
      <div className="flex justify-end gap-2">
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" look="primary" isBusy={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  )
}
