import { useMutation } from '@tanstack/react-query'
import type { RefObject } from 'react'
import type { WebhookSecret } from '../../../admin/models.ts'
import { api } from '../../api/client.ts'
import { ConfirmDialog } from '../../kit/dialog.tsx'
import { toast } from '../../kit/feedback.tsx'
import { Foreign, visible } from '../../kit/text.tsx'
import { useChanged } from './queries.ts'

interface ExpireSecretProps {
  readonly triggerRef: string
  /** `null`: nothing is asked. */
  readonly secret: WebhookSecret | null
  /** No other one is accepted beside it. */
  readonly isLast: boolean
  readonly onClose: () => void
  /** Its own button goes away with it. */
  readonly focusAfter: RefObject<HTMLElement | null>
}

/** Asks before a secret ends, and says what that means where it is the last one. */
export function ExpireSecret({ triggerRef, secret, isLast, onClose, focusAfter }: ExpireSecretProps) {
  const changed = useChanged()
  const expire = useMutation({
    mutationFn: ({ label }: WebhookSecret) =>
      api('POST /api/v1/triggers/:ref/webhooks/secrets/:label/expire', {
        params: { ref: triggerRef, label },
        body: { in_seconds: 0 },
      }),
    onSuccess: (_, { label }) => {
      onClose()
      toast.done(`The secret ${visible(label)} is not accepted any more`)
      return changed()
    },
    onError: toast.failed,
  })
  return (
    <ConfirmDialog
      title={isLast ? 'End the last secret?' : 'End this secret?'}
      confirm="Expire it now"
      isBusy={expire.isPending}
      focusAfter={focusAfter}
      isOpen={secret !== null}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose()
      }}
      onConfirm={() => secret !== null && expire.mutate(secret)}
    >
      {isLast ? (
        <p>
          No other secret is accepted beside <Foreign text={secret?.label ?? ''} className="font-medium" />:
          every webhook of this trigger would be refused with 401 until another one is added. To change it
          without a gap, add the new one first.
        </p>
      ) : (
        <p>
          What is signed with <Foreign text={secret?.label ?? ''} className="font-medium" /> is refused with
          401 from now on. The other secrets stay. It cannot be brought back.
        </p>
      )}
    </ConfirmDialog>
  )
}
