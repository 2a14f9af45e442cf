import { useMemo } from 'react'
import { useSearchParams } from 'wouter'

/** What narrows a list, by its name in the URL. */
export type FilterValues = Readonly<Record<string, string>>

export interface FilterState {
  readonly values: FilterValues
  /** Sets what is named; an empty text takes it away. */
  readonly set: (changes: FilterValues) => void
  readonly clear: () => void
}

/** Filters live in the URL, so that what one sees can be sent to somebody else. */
export function useFilters(names: readonly string[]): FilterState {
  const [search, setSearch] = useSearchParams()
  const text = search.toString()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text stands for the search, which is made anew each time
  const values = useMemo(
    () =>
      Object.fromEntries(names.map((name) => [name, search.get(name) ?? '']).filter(([, value]) => value)),
    [text, names],
  )
  const set = (changes: FilterValues) =>
    setSearch((before) => {
      const after = new URLSearchParams(before)
      for (const [name, value] of Object.entries(changes)) {
        if (value === '') after.delete(name)
        else after.set(name, value)
      }
      return after
    })
  return { values, set, clear: () => set(Object.fromEntries(names.map((name) => [name, '']))) }
}

/** Spans of time back from now. */
export const RANGES = [
  { value: '15m', label: 'Last 15 minutes', seconds: 900 },
  { value: 'hour', label: 'Last hour', seconds: 3_600 },
  { value: 'day', label: 'Last day', seconds: 86_400 },
  { value: 'week', label: 'Last week', seconds: 604_800 },
] as const

/** The names of a span of time in the URL: one of `RANGES`, or bounds of one's own. */
export const TIME_NAMES = ['range', 'since', 'until'] as const

/** The bounds that the server is asked for. A span counts from the moment at which it was chosen. */
export function useTimes({ range, since, until }: FilterValues): { since?: string; until?: string } {
  return useMemo(() => {
    const span = RANGES.find(({ value }) => value === range)
    if (span !== undefined) return { since: new Date(Date.now() - span.seconds * 1_000).toISOString() }
    return { ...(since && { since }), ...(until && { until }) }
  }, [range, since, until])
}
