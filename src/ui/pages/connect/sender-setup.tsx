import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { Scheme } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { Button } from '../../kit/button.tsx'
import { describeError, Notice } from '../../kit/feedback.tsx'
import { Card, Code } from '../../kit/layout.tsx'
import { checksUrlFirst, handsOverSecret, titleOf } from '../../parts/schemes.ts'
import { LocalUrl, SenderSamples, SenderText } from '../../parts/sender-instructions.tsx'
import { useVerification } from '../trigger/queries.ts'
import { FirstWebhook } from './first-webhook.tsx'
import { KeysForm } from './keys-form.tsx'
import { asksForKeys, replaceSecret } from './prepare.ts'

interface SenderSetupProps {
  readonly trigger: Trigger
  readonly url: string
  readonly scheme: Scheme
  /** Just made, to be shown this once. */
  readonly secret: string | null
  readonly onSecret: (secret: string | null) => void
  readonly onReceived: () => void
  readonly onOtherSender: () => void
}

/** The third and the fourth step: what the sender has to be told, and whether it has come through. */
export function SenderSetup(props: SenderSetupProps) {
  const { trigger, url, scheme, onReceived, onOtherSender } = props
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  const isOwn = ['generic', 'standard-webhooks', 'none'].includes(scheme.name)
  return (
    <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Card>
        <div className="mb-4 flex flex-wrap items-center gap-3">
          <h2 ref={heading} tabIndex={-1} className="min-w-0 grow text-lg font-semibold outline-none">
            {isOwn ? 'Give these to the sender' : `Set it up at ${titleOf(scheme)}`}
          </h2>
          <Button isSmall look="quiet" onClick={onOtherSender}>
            Choose another sender
          </Button>
        </div>
        <div className="space-y-6">
          <SenderText scheme={scheme} />
          <Item name="Webhook URL">
            <Code label="Webhook URL" text={url} />
            <LocalUrl url={url} />
          </Item>
          <Proof {...props} />
        </div>
      </Card>
      <div className="min-w-0 space-y-5 xl:sticky xl:top-5">
        <FirstWebhook trigger={trigger} scheme={scheme} onReceived={onReceived} />
      </div>
      <div className="min-w-0 xl:col-span-2">
        <SenderSamples trigger={trigger} url={url} scheme={scheme} />
      </div>
    </div>
  )
}

function Item({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <h3 className="mb-1.5 font-medium">{name}</h3>
      {children}
    </div>
  )
}

/** The secret, or the fields for what the sender shows, or what is to be expected of it. */
function Proof({ trigger, scheme, secret, onSecret }: SenderSetupProps) {
  const [isOwnSecret, setOwnSecret] = useState(false)
  const { data: state } = useVerification(trigger.ref)
  // Of a sender that checks the URL first, the scheme is set before any secret is.
  const isSet =
    trigger.webhook_verification_scheme === scheme.name &&
    (!checksUrlFirst(scheme) || state?.secrets.some((one) => !one.is_expired) === true)
  if (scheme.kind === 'none') {
    return <Notice tone="warn">{scheme.not_signed}</Notice>
  }
  if (asksForKeys(scheme) || isOwnSecret) {
    return (
      <Item name={isOwnSecret ? 'Secret' : `From ${titleOf(scheme)}`}>
        <KeysForm
          trigger={trigger}
          scheme={scheme}
          isSet={isSet && !isOwnSecret}
          onSet={() => {
            setOwnSecret(false)
            onSecret(null)
          }}
        />
      </Item>
    )
  }
  if (handsOverSecret(scheme)) {
    return (
      <Item name="Secret">
        <HandOver scheme={scheme} />
      </Item>
    )
  }
  return (
    <Item name="Secret">
      <SecretOnce trigger={trigger} secret={secret} onSecret={onSecret} />
      <Button isSmall look="quiet" className="mt-2" onClick={() => setOwnSecret(true)}>
        The sender has a secret already
      </Button>
    </Item>
  )
}

function HandOver({ scheme }: { readonly scheme: Scheme }) {
  return (
    <Notice tone="accent" title={`${titleOf(scheme)} hands it over by itself`}>
      For the next 15 minutes its first request is expected, which brings the secret. Set the webhook up there
      now; later, come back to this page by way of “Choose another sender”.
    </Notice>
  )
}

/** The secret that was made here, while this page is open, and never again. */
function SecretOnce({
  trigger,
  secret,
  onSecret,
}: Pick<SenderSetupProps, 'trigger' | 'secret' | 'onSecret'>) {
  const client = useQueryClient()
  const replace = useMutation({
    mutationFn: () => replaceSecret(trigger),
    gcTime: 0,
    onSuccess: async (made) => {
      onSecret(made)
      replace.reset()
      await client.invalidateQueries({ queryKey: ['triggers'] })
    },
  })
  if (secret !== null) {
    return (
      <>
        <Code label="Secret" text={secret} />
        <p className="mt-1.5 text-sm text-warn">
          Copy it now: it is shown only this once, and never again after you leave this page.
        </p>
      </>
    )
  }
  return (
    <div className="space-y-2">
      <p className="text-muted">
        It was shown once and is not shown again. Where it was not copied, let a new one be made; the one
        before ends at once.
      </p>
      {replace.error !== null && (
        <Notice tone="bad" title={describeError(replace.error).title}>
          {describeError(replace.error).advice}
        </Notice>
      )}
      <Button isSmall isBusy={replace.isPending} onClick={() => replace.mutate()}>
        Make a new secret
      </Button>
    </div>
  )
}
