import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Scheme } from '../../../../admin/models.ts'
import type { Trigger } from '../../../../core/trigger.ts'
import { ApiError, api } from '../../../api/client.ts'
import { useMay } from '../../../api/session.tsx'
import { Button } from '../../../kit/button.tsx'
import { Dialog } from '../../../kit/dialog.tsx'
import { ErrorState, Notice, toast } from '../../../kit/feedback.tsx'
import { Select } from '../../../kit/form.tsx'
import { formatInstant } from '../../../kit/format.ts'
import { Code } from '../../../kit/layout.tsx'
import { handsOverSecret, isToBeArmed } from '../../../parts/schemes.ts'
import { triggerKey } from '../queries.ts'

interface HandshakeProps {
  readonly trigger: Trigger
  readonly handshake: Scheme['handshake']
}

/** What the sender asks before it delivers. Where the answer changes something, it has to be expected. */
export function Handshake({ trigger, handshake }: HandshakeProps) {
  if (handshake === null) return null
  return (
    <div className="space-y-3 border-t border-line pt-4">
      <h3 className="font-medium">Handshake</h3>
      {isToBeArmed({ handshake }) ? (
        <Expectation trigger={trigger} handshake={handshake} />
      ) : (
        <p className="text-muted">
          Before it delivers, the sender asks this URL for an answer. It is given by itself, while the webhook
          is on.
        </p>
      )}
      {handshake === 'notion' && <Reveal trigger={trigger} />}
    </div>
  )
}

const MINUTES = [
  { value: '15', label: '15 minutes' },
  { value: '60', label: 'an hour' },
  { value: '1440', label: 'a day' },
]

function Expectation({ trigger, handshake }: HandshakeProps) {
  const isOperator = useMay('operator')
  const [minutes, setMinutes] = useState('15')
  const client = useQueryClient()
  const params = { ref: trigger.ref }
  const key = triggerKey(trigger.ref, 'handshake')
  const { data, error, refetch } = useQuery({
    queryKey: key,
    // The secret of it is null in every answer but the one to `reveal`.
    queryFn: ({ signal }) => api('GET /api/v1/triggers/:ref/webhooks/handshake', { params, signal }),
  })
  const change = useMutation({
    mutationFn: (isExpected: boolean) =>
      isExpected
        ? api('POST /api/v1/triggers/:ref/webhooks/handshake', { params, body: { minutes: Number(minutes) } })
        : api('DELETE /api/v1/triggers/:ref/webhooks/handshake', { params }),
    onSuccess: (_, isExpected) => {
      toast.done(isExpected ? 'The handshake is expected' : 'No handshake is expected any more')
      return client.invalidateQueries({ queryKey: key })
    },
    onError: toast.failed,
  })
  if (error !== null) return <ErrorState error={error} retry={refetch} />
  const until = data?.armed_until ?? null
  const isExpected = until !== null && Date.parse(until) > Date.now()
  return (
    <>
      <p>
        {isExpected ? (
          <>It is expected until {formatInstant(new Date(until))}. Set the webhook up at the sender now.</>
        ) : (
          `None is expected now: ${handsOverSecret({ handshake }) ? 'a secret that is handed over' : 'a subscription that wants to be confirmed'} is refused.`
        )}
      </p>
      {isOperator && (
        <div className="flex flex-wrap items-center gap-2">
          {isExpected ? (
            <Button isBusy={change.isPending} onClick={() => change.mutate(false)}>
              Expect it no longer
            </Button>
          ) : (
            <>
              <Button isBusy={change.isPending} onClick={() => change.mutate(true)}>
                Expect it for
              </Button>
              <Select
                label="How long it is expected"
                value={minutes}
                choices={MINUTES}
                onChange={setMinutes}
                className="w-36"
              />
            </>
          )}
        </div>
      )}
    </>
  )
}

/** A secret that was handed over and that its sender wants typed in. It is shown once, and goes with the dialog. */
function Reveal({ trigger }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  const [shown, show] = useState<string | null>(null)
  const reveal = useMutation({
    gcTime: 0,
    mutationFn: () =>
      api('POST /api/v1/triggers/:ref/webhooks/handshake/reveal', { params: { ref: trigger.ref } }),
    onSuccess: ({ secret }) => {
      reveal.reset()
      show(secret)
    },
    onError: (error) => {
      if (!isNone(error)) toast.failed(error)
    },
  })
  if (!isOperator) return null
  return (
    <>
      <Button isBusy={reveal.isPending} onClick={() => reveal.mutate()}>
        Show the secret that was handed over
      </Button>
      {reveal.error !== null && isNone(reveal.error) && (
        <p role="alert" className="text-sm text-muted">
          None has been handed over that was not shown yet.
        </p>
      )}
      <Dialog
        title="The secret that was handed over"
        description="Type it in at the sender, which asks for it."
        isOpen={shown !== null}
        onOpenChange={() => show(null)}
      >
        {shown !== null && (
          <div className="space-y-4">
            <Notice tone="warn" title="It is shown this once" />
            <Code label="Secret" text={shown} />
          </div>
        )}
      </Dialog>
    </>
  )
}

const isNone = (error: Error): boolean => error instanceof ApiError && error.code === 'secret_unknown'
