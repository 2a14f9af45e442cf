import { useSyncExternalStore } from 'react'

/** Where Tailwind's `md:` does not hold. */
const narrow = matchMedia('(width < 48rem)')

const subscribe = (onChange: () => void) => {
  narrow.addEventListener('change', onChange)
  return () => narrow.removeEventListener('change', onChange)
}

/** For what is arranged otherwise on a narrow screen, and not only left out. */
export const useIsNarrow = (): boolean => useSyncExternalStore(subscribe, () => narrow.matches)
