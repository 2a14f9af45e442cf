import { useQuery } from '@tanstack/react-query'
import { ExternalLink } from 'lucide-react'
import { useState } from 'react'
import type { Scheme } from '../../admin/models.ts'
import type { Trigger } from '../../core/trigger.ts'
import { api } from '../api/client.ts'
import { ErrorState, LoadingRows, Notice } from '../kit/feedback.tsx'
import { Card, Code, Tabs } from '../kit/layout.tsx'
import { recipeOf, SAMPLES, SECRET_VARIABLE } from './samples/index.ts'
import { titleOf, useSchemes } from './schemes.ts'

/** What the sender of a trigger has to be told: where to click, the URL, and the same as commands and code. */
export function SenderInstructions({ trigger }: { readonly trigger: Trigger }) {
  const { webhook_url: url, webhook_verification_scheme: name } = trigger
  const schemes = useSchemes()
  const scheme = schemes.data?.data.find((one) => one.name === (name ?? 'none')) ?? null
  if (schemes.error !== null) return <ErrorState error={schemes.error} retry={schemes.refetch} />
  if (schemes.data === undefined) return <LoadingRows />
  return (
    <div className="max-w-4xl space-y-5">
      <Card title={scheme === null ? 'For the sender' : `For the sender: ${titleOf(scheme)}`}>
        <div className="space-y-4">
          {scheme !== null && <SenderText scheme={scheme} />}
          {scheme?.not_signed != null && <Notice tone="warn">{scheme.not_signed}</Notice>}
          {url === null ? (
            <p className="text-muted">There is no URL yet: it is made when the webhook is switched on.</p>
          ) : (
            <div>
              <h3 className="mb-1.5 font-medium">Webhook URL</h3>
              <Code label="Webhook URL for the sender" text={url} />
              <LocalUrl url={url} />
            </div>
          )}
          {url !== null && !trigger.webhook_enabled && (
            <Notice tone="warn" title="The webhook is off">
              Whatever the sender posts is refused until it is switched on.
            </Notice>
          )}
        </div>
      </Card>
      {url !== null && <SenderSamples trigger={trigger} url={url} scheme={scheme} />}
    </div>
  )
}

/** Where URL and secret go at the sender, and its own words about it. */
export function SenderText({ scheme }: { readonly scheme: Scheme }) {
  return (
    <div className="max-w-prose">
      <p>
        {scheme.setup.split('`').map((piece, index) =>
          index % 2 === 0 ? (
            piece
          ) : (
            <code key={piece} className="rounded bg-sunken px-1 font-mono text-sm">
              {piece}
            </code>
          ),
        )}
      </p>
      {scheme.docs !== null && (
        <a
          href={scheme.docs}
          target="_blank"
          rel="noreferrer"
          className="mt-2 inline-flex items-center gap-1.5 font-medium text-accent underline underline-offset-2"
        >
          What {scheme.title} says about it
          <ExternalLink aria-hidden className="size-4" />
          <span className="sr-only">(opens a new tab)</span>
        </a>
      )}
    </div>
  )
}

const LOCAL_HOST =
  /^(localhost|.*\.local|127\..*|0\.0\.0\.0|10\..*|192\.168\..*|172\.(1[6-9]|2\d|3[01])\..*|\[(::1?|f[cd].*|fe80.*)\])$/i

/** A sender on the internet cannot reach an address of this network, which nobody sees at the URL at first sight. */
export function LocalUrl({ url }: { readonly url: string }) {
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  if (!LOCAL_HOST.test(host)) return null
  return (
    <p className="mt-1.5 text-sm text-muted">
      <span className="font-medium text-ink">{host}</span> is reached from this machine or network only. For a
      sender on the internet, set <code className="font-mono">ATTUNE_PUBLIC_URL</code> to the address at which
      it reaches the receiver, and start the server again.
    </p>
  )
}

/** The same request from a shell and from programs. The secret is never part of them: they read it from the environment. */
export function SenderSamples({
  trigger,
  url,
  scheme,
}: {
  readonly trigger: Trigger
  readonly url: string
  /** `null`: the trigger has a scheme of its own. */
  readonly scheme: Scheme | null
}) {
  const [language, setLanguage] = useState('curl')
  const custom = useQuery({
    queryKey: ['triggers', 'one', trigger.ref, 'verification'],
    queryFn: ({ signal }) =>
      api('GET /api/v1/triggers/:ref/webhooks/verification', { params: { ref: trigger.ref }, signal }),
    enabled: scheme === null,
  })
  const own = custom.data?.scheme
  const record = scheme?.scheme ?? (typeof own === 'object' ? own : null)
  const recipe = record === null ? null : recipeOf(record, { url, algorithm: trigger.webhook_hmac_algorithm })
  if (recipe === null) return null
  const tabs = SAMPLES.map(({ value, label, write }) => ({
    value,
    label,
    content: <Code label={`Sample: ${label}`} text={write(recipe)} isWrapped={false} />,
  }))
  return (
    <Card title="Send from a shell or a program">
      <p className="mb-3 max-w-prose text-muted">
        {recipe.hasSecret ? (
          <>
            A request such as this one is accepted. The secret is read from the environment variable{' '}
            <code className="font-mono">{SECRET_VARIABLE}</code>.
          </>
        ) : (
          'A request such as this one is accepted.'
        )}
      </p>
      <Tabs label="Language" tabs={tabs} value={language} onChange={setLanguage} />
    </Card>
  )
}
