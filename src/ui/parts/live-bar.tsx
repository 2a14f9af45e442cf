import { ArrowUp, CirclePause, Pause, Play, RefreshCw } from 'lucide-react'
import { type RefObject, useSyncExternalStore } from 'react'
import type { LiveState } from '../api/live.ts'
import { Button } from '../kit/button.tsx'
import { classNames } from '../kit/class-names.ts'
import { formatNumber } from '../kit/format.ts'

const WORDS: Readonly<Record<LiveState, string>> = {
  connecting: 'Connecting…',
  live: 'Live',
  paused: 'Paused',
  waiting: 'Reconnecting…',
  refused: 'Not live',
}

interface LiveControlProps {
  readonly state: LiveState
  readonly isPaused: boolean
  readonly waiting: number
  readonly onPause: (isPaused: boolean) => void
  readonly noun: string
}

/** Whether what is shown is live, and the way to halt it. */
export function LiveControl({ state, isPaused, waiting, onPause, noun }: LiveControlProps) {
  const isLive = state === 'live' && !isPaused
  return (
    <div className="flex items-center gap-3">
      <span role="status" className="flex items-center gap-2 text-sm text-muted">
        {isPaused ? (
          <CirclePause aria-hidden className="size-4 text-warn" />
        ) : state === 'waiting' ? (
          <RefreshCw aria-hidden className="size-4 animate-spin text-warn" />
        ) : (
          <span
            aria-hidden
            className={classNames('size-2 rounded-full', isLive ? 'bg-good' : 'bg-line-strong')}
          />
        )}
        {isPaused ? (waiting === 0 ? 'Paused' : `Paused, ${counted(waiting, noun)} wait`) : WORDS[state]}
      </span>
      <Button
        onClick={() => onPause(!isPaused)}
        icon={isPaused ? <Play aria-hidden className="size-4" /> : <Pause aria-hidden className="size-4" />}
      >
        {isPaused ? 'Resume' : 'Pause'}
      </Button>
    </div>
  )
}

/** What waits while the reader is further down: it lies over the list and moves nothing. */
export function WaitingButton({
  count,
  noun,
  onShow,
}: {
  readonly count: number
  readonly noun: string
  readonly onShow: () => void
}) {
  if (count === 0) return null
  return (
    <div className="pointer-events-none sticky top-3 z-20 flex h-0 justify-center">
      <Button
        look="primary"
        isSmall
        onClick={onShow}
        icon={<ArrowUp aria-hidden className="size-4" />}
        className="pointer-events-auto shadow-lg"
      >
        {count === 1 ? `1 new ${noun}` : `${formatNumber(count)} new ${noun}s`}
      </Button>
    </div>
  )
}

const counted = (count: number, noun: string): string =>
  `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`

const onScroll = (listener: () => void) => {
  addEventListener('scroll', listener, { passive: true })
  return () => removeEventListener('scroll', listener)
}

/** Whether the top of `place` has left the window, so that the reader is further down in it. */
export const useIsScrolledInto = (place: RefObject<HTMLElement | null>): boolean =>
  useSyncExternalStore(onScroll, () => (place.current?.getBoundingClientRect().top ?? 0) < 0)
