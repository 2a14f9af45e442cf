import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { Trigger } from '../../../../core/trigger.ts'
import { api } from '../../../api/client.ts'
import { Button } from '../../../kit/button.tsx'
import { ConfirmDialog } from '../../../kit/dialog.tsx'
import { toast } from '../../../kit/feedback.tsx'
import { PreviewPanel, usePreview } from '../preview.tsx'
import { useChanged } from '../queries.ts'

/** Asks before everybody is believed, and says whom of late that would have let in. */
export function TurnOff({ trigger }: { readonly trigger: Trigger }) {
  const [isAsking, ask] = useState(false)
  const changed = useChanged()
  const preview = usePreview(trigger.ref, isAsking ? { verification: null } : null)
  const off = useMutation({
    mutationFn: () =>
      api('DELETE /api/v1/triggers/:ref/webhooks/verification', { params: { ref: trigger.ref } }),
    onSuccess: async (after) => {
      await changed(after)
      ask(false)
      toast.done('It asks for no proof any more')
    },
    onError: toast.failed,
  })
  return (
    <>
      <Button look="quiet" onClick={() => ask(true)}>
        Turn it off
      </Button>
      <ConfirmDialog
        title="Turn verification off?"
        confirm="Turn it off"
        isOpen={isAsking}
        onOpenChange={ask}
        isBusy={off.isPending}
        onConfirm={() => off.mutate()}
        field={<PreviewPanel triggerRef={trigger.ref} state={preview} />}
      >
        Whoever knows the URL is believed from then on. The secrets are deleted, and cannot be brought back.
        {trigger.webhook_deduplication_enabled &&
          ' Deduplication has no effect without verification: what is delivered again becomes an event again.'}
      </ConfirmDialog>
    </>
  )
}
