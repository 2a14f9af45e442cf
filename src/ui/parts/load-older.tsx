import { Button } from '../kit/button.tsx'
import { ErrorState } from '../kit/feedback.tsx'
import { formatInstant } from '../kit/format.ts'

interface PageOfList {
  readonly data: readonly unknown[]
  readonly next_cursor: string | null
}

interface Pages {
  readonly data: { readonly pages: readonly PageOfList[] } | undefined
  readonly error: Error | null
  readonly hasNextPage: boolean
  readonly isFetchingNextPage: boolean
  readonly fetchNextPage: () => unknown
}

/**
 * The way into the past. The server ends a page where it has looked for long enough, so that a page may have nothing although more
 * follows; then it is said how far it got.
 */
export function LoadOlder({
  pages: { data, error, hasNextPage, isFetchingNextPage, fetchNextPage },
}: {
  readonly pages: Pages
}) {
  if (error !== null) return <ErrorState error={error} retry={() => fetchNextPage()} />
  if (!hasNextPage) return null
  const last = data?.pages.at(-1)
  const isShort = last?.data.length === 0
  const searchedTo = timeOf(last?.next_cursor ?? null)
  return (
    <div className="flex flex-wrap items-center justify-center gap-3 border-t border-line p-3">
      {isShort && (
        <span className="text-sm text-muted">
          {searchedTo === null ? 'Nothing more so far' : `Searched back to ${formatInstant(searchedTo)}`}, and
          there is more to search.
        </span>
      )}
      <Button isBusy={isFetchingNextPage} onClick={() => fetchNextPage()}>
        {isShort ? 'Go on searching' : 'Load older'}
      </Button>
    </div>
  )
}

/** A cursor names the row at which the next page begins, and the id of a row begins with its time (RFC 9562, 5.7). */
function timeOf(cursor: string | null): Date | null {
  try {
    const id = atob((cursor ?? '').replaceAll('-', '+').replaceAll('_', '/'))
    const digits = /^([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id)
    return digits === null ? null : new Date(Number.parseInt(`${digits[1]}${digits[2]}`, 16))
  } catch {
    return null
  }
}
