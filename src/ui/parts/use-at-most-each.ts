import { useEffect, useEffectEvent, useRef } from 'react'

/**
 * Does some work soon after it is asked for: once for all who ask meanwhile, and not again before `ms` have passed and the last time is over.
 */
export function useAtMostEach(ms: number, work: () => Promise<void>): () => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const busy = useRef({ isBusy: false, isAskedAgain: false, begunAtMs: Number.NEGATIVE_INFINITY })
  const doWork = useEffectEvent(work)
  const ask = () => {
    const now = busy.current
    if (now.isBusy) now.isAskedAgain = true
    else timer.current ??= setTimeout(run, Math.max(0, now.begunAtMs + ms - performance.now()))
  }
  const run = async () => {
    timer.current = undefined
    busy.current = { isBusy: true, isAskedAgain: false, begunAtMs: performance.now() }
    // What fails is asked for again with the next one.
    await doWork().catch(() => {})
    busy.current.isBusy = false
    if (busy.current.isAskedAgain) ask()
  }
  useEffect(
    () => () => {
      clearTimeout(timer.current)
      timer.current = undefined
      busy.current.isBusy = true
    },
    [],
  )
  return ask
}
