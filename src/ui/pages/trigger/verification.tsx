import { useState } from 'react'
import { Link } from 'wouter'
import type { Scheme, VerificationState } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { useMay } from '../../api/session.tsx'
import { Button, buttonClass } from '../../kit/button.tsx'
import { ErrorState, Skeleton } from '../../kit/feedback.tsx'
import { formatSeconds } from '../../kit/format.ts'
import { Foreign } from '../../kit/text.tsx'
import { connectPath } from '../connect/name-form.tsx'
import { useSchemes, useVerification } from './queries.ts'
import { Secrets } from './secrets.tsx'
import { SettingCard } from './setting.tsx'
import { VerificationEditor } from './verification/editor.tsx'
import { Handshake } from './verification/handshake.tsx'
import { TurnOff } from './verification/turn-off.tsx'

/** Which proof it asks its sender for, and with which secrets. */
export function Verification({ trigger }: { readonly trigger: Trigger }) {
  const isOperator = useMay('operator')
  const [isEditing, setEditing] = useState(false)
  const schemes = useSchemes()
  const isOn = trigger.webhook_verification_scheme !== null
  const { data, error, refetch } = useVerification(trigger.ref)
  return (
    <SettingCard title="Verification" isOn={isOn} state={<State trigger={trigger} verification={data} />}>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {schemes.error !== null && <ErrorState error={schemes.error} retry={schemes.refetch} />}
      {isOperator && (
        <div className="flex flex-wrap gap-2">
          <Button
            look={isOn ? 'secondary' : 'primary'}
            disabled={data === undefined || schemes.data === undefined}
            onClick={() => setEditing(true)}
          >
            {isOn ? 'Change verification' : 'Set verification'}
          </Button>
          <Link href={connectPath(trigger.ref)} className={buttonClass('quiet')}>
            Connect a sender step by step
          </Link>
          {isOn && <TurnOff trigger={trigger} />}
        </div>
      )}
      {data !== undefined && isOn && <Secrets trigger={trigger} secrets={data.secrets} />}
      {isOn && <Handshake trigger={trigger} handshake={handshakeOf(data, schemes.data?.data ?? [])} />}
      {isOperator && data !== undefined && schemes.data !== undefined && (
        <VerificationEditor
          trigger={trigger}
          state={data}
          schemes={schemes.data.data}
          isOpen={isEditing}
          onOpenChange={setEditing}
        />
      )}
    </SettingCard>
  )
}

function handshakeOf(state: VerificationState | undefined, schemes: readonly Scheme[]): string | null {
  const { scheme } = state ?? { scheme: null }
  if (typeof scheme === 'string') return schemes.find(({ name }) => name === scheme)?.handshake ?? null
  const own = scheme?.['handshake']
  return typeof own === 'string' ? own : null
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
