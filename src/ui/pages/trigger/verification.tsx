import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import type { VerificationState } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { useMay } from '../../api/session.tsx'
import { Button, buttonClass } from '../../kit/button.tsx'
import { ConfirmDialog } from '../../kit/dialog.tsx'
import { ErrorState, Skeleton, toast } from '../../kit/feedback.tsx'
import { formatSeconds } from '../../kit/format.ts'
import { Foreign } from '../../kit/text.tsx'
import { connectPath } from '../connect/name-form.tsx'
import { useChanged, useSchemes, useVerification } from './queries.ts'
import { Secrets } from './secrets.tsx'
import { SettingCard } from './setting.tsx'

/** Which proof it asks its sender for, and with which secrets. */
export function Verification({ trigger }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  const isOn = trigger.webhook_verification_scheme !== null
  const { data, error, refetch } = useVerification(trigger.ref)
  return (
    <SettingCard title="Verification" isOn={isOn} state={<State trigger={trigger} verification={data} />}>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {data !== undefined && isOn && <Secrets trigger={trigger} secrets={data.secrets} />}
      {isOperator && (
        <div className="flex flex-wrap gap-2">
          <Link href={connectPath(trigger.ref)} className={buttonClass(isOn ? 'secondary' : 'primary')}>
            {isOn ? 'Choose another sender' : 'Choose the sender'}
          </Link>
          {isOn && <TurnOff trigger={trigger} />}
        </div>
      )}
    </SettingCard>
  )
}

interface StateProps {
  readonly trigger: Trigger
  readonly verification: VerificationState | undefined
}

function State({ trigger, verification }: StateProps) {
  const schemes = useSchemes()
  const name = trigger.webhook_verification_scheme
  if (name === null) return 'It asks for no proof: whoever knows the URL is believed.'
  const scheme = schemes.data?.data.find((one) => one.name === name)
  if (verification === undefined) return <Skeleton className="h-5 w-64" />
  const { tolerance_seconds: own } = verification
  const tolerance = own ?? scheme?.tolerance_seconds ?? null
  return (
    <>
      As <Foreign text={scheme?.title ?? (name === 'custom' ? 'a scheme of your own' : name)} /> signs
      {tolerance !== null && `, with timestamps of at most ${formatSeconds(tolerance)}`}. What does not prove
      it is refused with 401.
      {scheme?.not_signed && (
        <span className="block text-sm text-muted">Not signed: {scheme.not_signed}</span>
      )}
    </>
  )
}

function TurnOff({ trigger }: { readonly trigger: Trigger }) {
  const [isAsking, ask] = useState(false)
  const changed = useChanged()
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
      >
        Whoever knows the URL is believed from then on. The secrets are deleted.
      </ConfirmDialog>
    </>
  )
}
