import { useInfiniteQuery } from '@tanstack/react-query'
import { useSearchParams } from 'wouter'
import { api } from '../api/client.ts'
import { Button } from '../kit/button.tsx'
import { Card, PageHead } from '../kit/layout.tsx'
import { AttemptDrawer } from '../parts/attempt-drawer.tsx'

export function Log() {
  const [search, setSearch] = useSearchParams()
  const { data } = useInfiniteQuery({
    queryKey: ['log'],
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/webhook-event-log', {
        query: { ...(pageParam !== '' && { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor }) => next_cursor,
  })
  const rows = data?.pages.flatMap((page) => page.data) ?? []
  const id = search.get('row')
  return (
    <>
      <PageHead title="Event log" />
      <Card>
        {rows.map((row) => (
          <div key={row.id}>
            <Button look="quiet" onClick={() => setSearch({ row: row.id })}>
              {row.created}
            </Button>
          </div>
        ))}
      </Card>
      <AttemptDrawer id={id} row={rows.find((row) => row.id === id)} onClose={() => setSearch({})} />
    </>
  )
}
