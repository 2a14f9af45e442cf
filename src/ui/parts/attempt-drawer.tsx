import { useQuery } from '@tanstack/react-query'
import { ChevronDown, ChevronUp } from 'lucide-react'
import { type ReactNode, useEffect, useEffectEvent } from 'react'
import type { WebhookEventLogRow } from '../../core/event.ts'
import { ApiError, api } from '../api/client.ts'
import { IconButton } from '../kit/button.tsx'
import { Drawer } from '../kit/dialog.tsx'
import { ErrorState, LoadingRows, Notice } from '../kit/feedback.tsx'
import { AttemptDetail, type AttemptFilter } from './attempt/detail.tsx'

interface AttemptDrawerProps {
  /** `null`: it is closed. */
  readonly id: string | null
  /** The row, where the list has it. */
  readonly row: WebhookEventLogRow | undefined
  readonly onClose: () => void
  readonly onPrevious?: (() => void) | undefined
  readonly onNext?: (() => void) | undefined
  /** Narrows the list to what is alike. */
  readonly onFilter?: AttemptFilter | undefined
}

/** One attempt in full: why it was refused, what each check said, and what was sent. */
export function AttemptDrawer({ id, row, onClose, onPrevious, onNext, onFilter }: AttemptDrawerProps) {
  const { data, error, refetch } = useQuery({
    queryKey: ['log-row', id],
    queryFn: ({ signal }) => api('GET /api/v1/webhook-event-log/:id', { params: { id: id ?? '' }, signal }),
    enabled: id !== null && row === undefined,
  })
  const shown = row ?? data
  return (
    <Drawer
      title="Attempt"
      isOpen={id !== null}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      actions={<Steps noun="attempt" onPrevious={onPrevious} onNext={onNext} />}
      finalFocus={() => rowElement(id)}
    >
      <DrawerContent
        error={error}
        retry={refetch}
        missing="No row of the event log has this id. Rows are kept for as long as the configuration says."
      >
        {shown !== undefined && shown.id === id && (
          <AttemptDetail key={shown.id} row={shown} onFilter={onFilter} />
        )}
      </DrawerContent>
    </Drawer>
  )
}

/** The control that opened a row, or that of the row that is shown by now. */
export const rowElement = (id: string | null): HTMLElement | null =>
  id === null ? null : document.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"] button`)

/** The one before and the one after, by button and by the keys k and j. */
export function Steps({
  noun,
  onPrevious,
  onNext,
}: {
  readonly noun: string
  readonly onPrevious?: (() => void) | undefined
  readonly onNext?: (() => void) | undefined
}) {
  const step = useEffectEvent((key: string) => (key === 'k' ? onPrevious?.() : onNext?.()))
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { target } = event
      const isTyped = target instanceof HTMLElement && target.matches('input, textarea, select')
      if (isTyped || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === 'j' || event.key === 'k') step(event.key)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
  return (
    <div className="flex">
      <IconButton
        label={`Newer ${noun} (k)`}
        icon={<ChevronUp aria-hidden className="size-5" />}
        aria-disabled={onPrevious === undefined}
        onClick={() => onPrevious?.()}
      />
      <IconButton
        label={`Older ${noun} (j)`}
        icon={<ChevronDown aria-hidden className="size-5" />}
        aria-disabled={onNext === undefined}
        onClick={() => onNext?.()}
      />
    </div>
  )
}

/** What a drawer shows while it has nothing to show. */
export function DrawerContent({
  error,
  retry,
  missing,
  children,
}: {
  readonly error: Error | null
  readonly retry: () => void
  readonly missing: string
  readonly children: ReactNode
}) {
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Notice tone="warn" title="It is not there any more">
        {missing}
      </Notice>
    )
  }
  if (error !== null) return <ErrorState error={error} retry={retry} />
  return children || <LoadingRows />
}
