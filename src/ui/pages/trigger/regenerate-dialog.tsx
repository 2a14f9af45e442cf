import { useMutation } from '@tanstack/react-query'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { ConfirmDialog } from '../../kit/dialog.tsx'
import { toast } from '../../kit/feedback.tsx'
import { useChanged } from './queries.ts'

export interface TriggerDialogProps {
  readonly trigger: Trigger
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
}

/** Asks before the URL is made anew. */
export function RegenerateDialog({ trigger: { ref }, isOpen, onOpenChange }: TriggerDialogProps) {
  const changed = useChanged()
  const regenerate = useMutation({
    mutationFn: () => api('POST /api/v1/triggers/:ref/webhooks/regenerate', { params: { ref } }),
    onSuccess: async () => {
      await changed()
      onOpenChange(false)
      toast.done('The trigger has a new URL')
    },
    onError: toast.failed,
  })
  return (
    <ConfirmDialog
      title="Make a new URL?"
      confirm="Regenerate the URL"
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      isBusy={regenerate.isPending}
      onConfirm={() => regenerate.mutate()}
    >
      The old URL ends at once: whatever is sent to it is answered with 404, until you have given the new one
      to the sender. It cannot be brought back.
    </ConfirmDialog>
  )
}
