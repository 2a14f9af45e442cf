import { Toast } from '@base-ui/react/toast'
import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from 'lucide-react'
import type { ReactNode } from 'react'
import { ApiError } from '../api/client.ts'
import { Button } from './button.tsx'
import { classNames } from './class-names.ts'

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'accent'

const TONES: Readonly<Record<Tone, string>> = {
  neutral: 'bg-sunken text-muted border-line',
  good: 'bg-good-soft text-good border-transparent',
  warn: 'bg-warn-soft text-warn border-transparent',
  bad: 'bg-bad-soft text-bad border-transparent',
  accent: 'bg-accent-soft text-accent border-transparent',
}

export function Badge({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone
  readonly children: ReactNode
}) {
  return (
    <span
      className={classNames(
        'inline-flex items-center gap-1 rounded-md border px-1.5 py-0.5 text-xs font-medium whitespace-nowrap',
        TONES[tone],
      )}
    >
      {children}
    </span>
  )
}

const ICONS = { neutral: Info, accent: Info, good: CircleCheck, warn: TriangleAlert, bad: CircleAlert }

/** A box that says something beside the thing it is about. `bad` and `warn` are announced. */
export function Notice({
  tone = 'neutral',
  title,
  children,
  action,
}: {
  readonly tone?: Tone
  readonly title?: ReactNode
  readonly children?: ReactNode
  readonly action?: ReactNode
}) {
  const Icon = ICONS[tone]
  return (
    <div
      role={tone === 'bad' || tone === 'warn' ? 'alert' : 'status'}
      className={classNames('flex gap-3 rounded-lg border p-3', TONES[tone])}
    >
      <Icon aria-hidden className="mt-0.5 size-5 shrink-0" />
      <div className="min-w-0 grow">
        {title !== undefined && <p className="font-semibold">{title}</p>}
        {children !== undefined && <div className="text-ink">{children}</div>}
      </div>
      {action}
    </div>
  )
}

/** What stands where something will be in a moment. */
export function Skeleton({ className }: { readonly className?: string }) {
  return (
    <div aria-hidden className={classNames('animate-pulse rounded-md bg-hover', className ?? 'h-5 w-full')} />
  )
}

export function LoadingRows({
  rows = 6,
  label = 'Loading',
}: {
  readonly rows?: number
  readonly label?: string
}) {
  return (
    <div role="status" className="space-y-3 p-4">
      <span className="sr-only">{label}…</span>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <Skeleton key={index} className="h-6 w-full" />
      ))}
    </div>
  )
}

/** Nothing is there yet: why, and what to do next. */
export function EmptyState({
  icon,
  title,
  children,
  action,
}: {
  readonly icon?: ReactNode
  readonly title: string
  readonly children?: ReactNode
  readonly action?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      {icon !== undefined && <div className="mb-1 rounded-full bg-accent-soft p-3 text-accent">{icon}</div>}
      <p className="text-lg font-semibold">{title}</p>
      {children !== undefined && <div className="max-w-prose text-muted">{children}</div>}
      {action !== undefined && <div className="mt-3">{action}</div>}
    </div>
  )
}

/** What went wrong in words for people, and what to do about it. */
export function describeError(error: Error): { readonly title: string; readonly advice: string } {
  if (!(error instanceof ApiError)) return { title: 'This page has a fault', advice: 'Load it again.' }
  switch (error.code) {
    case 'unreachable':
      return {
        title: 'The server does not answer',
        advice: 'Is it running, and is this machine still connected to it?',
      }
    case 'store_unavailable':
      return {
        title: 'The database is away',
        advice: 'Webhooks are answered with 503 until it is back, so that senders come again.',
      }
    case 'role_insufficient':
      return { title: 'Your token may not do this', advice: 'Sign in with a token of a higher role.' }
    case 'sign_ins_slowed':
      return {
        title: 'Too many wrong tokens',
        advice: `Wait ${error.retryAfterSeconds ?? 60} seconds, then try again.`,
      }
    case 'internal':
      return {
        title: 'The server has a fault',
        advice: `Its log has the cause under ${error.requestId ?? 'this time'}.`,
      }
    default:
      return {
        title: error.message,
        advice: error.problems.map(({ field, message }) => `${field} ${message}`).join('; '),
      }
  }
}

export function ErrorState({
  error,
  retry,
}: {
  readonly error: Error
  readonly retry?: (() => void) | undefined
}) {
  const { title, advice } = describeError(error)
  return (
    <div className="p-4">
      <Notice
        tone="bad"
        title={title}
        action={
          retry && (
            <Button isSmall onClick={() => retry()}>
              Try again
            </Button>
          )
        }
      >
        {advice}
      </Notice>
    </div>
  )
}

const manager = Toast.createToastManager()

/** Says for a moment that something was done, or that it could not be. */
export const toast = {
  done: (title: string) => manager.add({ title, type: 'good', timeout: 5_000 }),
  failed: (error: Error) => {
    // The sign-in page, which stands here by now, says it.
    if (error instanceof ApiError && error.code === 'unauthorized') return
    const { title, advice } = describeError(error)
    manager.add({ title, description: advice, type: 'bad', timeout: 12_000, priority: 'high' })
  },
}

export function Toasts({ children }: { readonly children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function ToastList() {
  const { toasts } = Toast.useToastManager()
  return toasts.map((item) => (
    <Toast.Root
      key={item.id}
      toast={item}
      className={classNames(
        'flex items-start gap-2 rounded-lg border border-line bg-surface p-3 shadow-lg',
        'data-[ending-style]:opacity-0',
      )}
    >
      {item.type === 'bad' ? (
        <CircleAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-bad" />
      ) : (
        <CircleCheck aria-hidden className="mt-0.5 size-5 shrink-0 text-good" />
      )}
      <div className="min-w-0 grow">
        <Toast.Title className="font-medium" />
        <Toast.Description className="text-sm text-muted" />
      </div>
      <Toast.Close aria-label="Dismiss" className="rounded p-0.5 text-muted hover:bg-hover">
        <X aria-hidden className="size-4" />
      </Toast.Close>
    </Toast.Root>
  ))
}
