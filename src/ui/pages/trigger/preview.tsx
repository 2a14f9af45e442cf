import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import type { Preview } from '../../../core/preview.ts'
import { api } from '../../api/client.ts'
import type { PreviewInput } from '../../api/routes.ts'
import { describeError, Notice, Skeleton } from '../../kit/feedback.tsx'
import { formatNumber } from '../../kit/format.ts'
import { Foreign, Time } from '../../kit/text.tsx'

const DEBOUNCE_MS = 350

export interface PreviewState {
  readonly preview: Preview | null
  readonly error: Error | null
  /** What is shown, if anything, is not of what is in the form now. */
  readonly isPending: boolean
}

const NOTHING: PreviewState = { preview: null, error: null, isPending: false }

/**
 * What the last attempts would have met under `input`, asked for a moment after it was typed. Neither the question nor the answer is kept
 * anywhere else, since there may be a secret in it.
 *
 * @param input - `null`: there is nothing to ask
 */
export function usePreview(ref: string, input: PreviewInput | null): PreviewState {
  const [state, setState] = useState(NOTHING)
  const body = input === null ? null : JSON.stringify(input)
  useEffect(() => {
    if (body === null) {
      setState(NOTHING)
      return
    }
    const stopping = new AbortController()
    setState(({ preview }) => ({ preview, error: null, isPending: true }))
    const timer = setTimeout(async () => {
      try {
        const given = { params: { ref }, body: JSON.parse(body) as PreviewInput, signal: stopping.signal }
        const preview = await api('POST /api/v1/triggers/:ref/preview', given)
        setState({ preview, error: null, isPending: false })
      } catch (error) {
        if (!stopping.signal.aborted) setState({ preview: null, error: error as Error, isPending: false })
      }
    }, DEBOUNCE_MS)
    return () => {
      clearTimeout(timer)
      stopping.abort()
    }
  }, [ref, body])
  return state
}

/** Says it, before it is saved. */
export function PreviewPanel({
  triggerRef,
  state,
  isFieldError = false,
}: {
  readonly triggerRef: string
  readonly state: PreviewState
  /** The error is shown at its field. */
  readonly isFieldError?: boolean
}) {
  const { preview, error, isPending } = state
  if (preview === null && error === null && !isPending) return null
  return (
    <section
      aria-label="What it would have meant"
      aria-live="polite"
      aria-busy={isPending}
      className="rounded-lg border border-line bg-sunken p-3"
    >
      {error !== null && (
        <p className="text-muted">
          {isFieldError
            ? 'It can be tried on the last attempts once the fields are right.'
            : `It could not be tried on the last attempts: ${describeError(error).title}`}
        </p>
      )}
      {preview === null && error === null && <Skeleton className="h-10 w-full" />}
      {preview !== null && (
        <div className={isPending ? 'opacity-55' : ''}>
          <Answer triggerRef={triggerRef} preview={preview} />
        </div>
      )}
    </section>
  )
}

function Answer({ triggerRef, preview }: { readonly triggerRef: string; readonly preview: Preview }) {
  const { considered, since, newly_passed: newlyPassed, newly_refused: newlyRefused } = preview
  if (considered === 0) {
    return <p className="text-muted">Nothing has been attempted yet, so there is nothing to try this on.</p>
  }
  return (
    <div className="space-y-3">
      <p className="font-medium">
        Had it been like this for the{' '}
        {considered === 1 ? 'last attempt' : `last ${formatNumber(considered)} attempts`}
        {since !== null && (
          <span className="font-normal text-muted">
            {' '}
            (since <Time at={since} />)
          </span>
        )}
      </p>
      <Shares preview={preview} />
      {newlyPassed > 0 && (
        <p className="text-good">
          {formatNumber(newlyPassed)} {newlyPassed === 1 ? 'attempt that was' : 'attempts that were'} refused
          by this check would pass.
        </p>
      )}
      {newlyRefused > 0 && (
        <Notice
          tone="warn"
          title={`${formatNumber(newlyRefused)} ${newlyRefused === 1 ? 'attempt that was accepted' : 'attempts that were accepted'} would be refused`}
        >
          <Examples triggerRef={triggerRef} preview={preview} />
        </Notice>
      )}
      {newlyRefused === 0 && <p className="text-muted">None that was accepted would be refused.</p>}
    </div>
  )
}

function Shares({ preview }: { readonly preview: Preview }) {
  const shares = [
    ['would pass', preview.would_pass, '--chart-accepted'],
    ['would be refused', preview.would_be_refused, '--chart-signature'],
    ['cannot be said any more', preview.unknown, '--chart-other'],
  ] as const
  const shown = shares.filter(([name, count]) => count > 0 || name !== 'cannot be said any more')
  return (
    <div>
      <div aria-hidden className="flex h-2 overflow-hidden rounded-full bg-line">
        {shown.map(([name, count, colour]) => (
          <div key={name} style={{ flexGrow: count, background: `var(${colour})` }} />
        ))}
      </div>
      <ul className="mt-2 flex flex-wrap gap-x-5 gap-y-1 text-sm">
        {shown.map(([name, count, colour]) => (
          <li key={name} className="inline-flex items-center gap-1.5">
            <span aria-hidden className="size-2.5 rounded-sm" style={{ background: `var(${colour})` }} />
            <span className="numbers font-medium">{formatNumber(count)}</span> {name}
          </li>
        ))}
      </ul>
    </div>
  )
}

function Examples({ triggerRef, preview }: { readonly triggerRef: string; readonly preview: Preview }) {
  return (
    <ul className="mt-1 space-y-1 text-sm">
      {preview.examples.map(({ id, created, source_ip: address, reason, attempts }) => (
        <li key={id} className="foreign">
          <Link
            href={`/log?trigger=${encodeURIComponent(triggerRef)}&row=${id}`}
            target="_blank"
            className="font-medium underline underline-offset-2"
          >
            <time dateTime={created}>{new Date(created).toLocaleString()}</time>
          </Link>{' '}
          from <Foreign text={address ?? 'an unknown address'} className="font-mono" />
          {attempts > 1 && ` and ${formatNumber(attempts - 1)} more like it`}: <Foreign text={reason} />
        </li>
      ))}
    </ul>
  )
}
