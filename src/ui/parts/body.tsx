import { useQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { ApiError, request } from '../api/client.ts'
import { buttonClass } from '../kit/button.tsx'
import { ErrorState, Notice, Skeleton } from '../kit/feedback.tsx'
import { formatBytes } from '../kit/format.ts'
import type { FindByValue } from './payload/json-tree.tsx'
import { PayloadView } from './payload-view.tsx'

/** What is read of a body to be shown; the whole of it can be downloaded. */
export const SHOWN_BYTES_MAX = 1_048_576

/** A body lies no longer in memory than it is looked at. */
const KEPT_MS = 60_000

export interface Body {
  readonly bytes: Uint8Array
  /** There is more of it. */
  readonly isCut: boolean
}

/** The bytes at `path`, of a body that never changes. */
export const useBody = (path: string | null) =>
  useQuery({
    queryKey: ['body', path],
    queryFn: ({ signal }) => readBody(path ?? '', signal),
    enabled: path !== null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
  })

async function readBody(path: string, signal: AbortSignal): Promise<Body> {
  const response = await request(path, { signal })
  const parts: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    parts.push(part.value)
    length += part.value.byteLength
    if (length > SHOWN_BYTES_MAX) break
  }
  await reader?.cancel()
  const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())
  return { bytes: bytes.subarray(0, SHOWN_BYTES_MAX), isCut: length > SHOWN_BYTES_MAX }
}

interface BodyViewProps {
  /** Where its bytes are. */
  readonly path: string
  readonly contentType: string | null
  readonly sizeBytes: number | null
  /** What is said when it is not there any more, or never was. */
  readonly missing: string
  readonly onFind?: FindByValue | undefined
}

/** The body of an attempt or event: read when it is looked at, and cut where it is large. */
export function BodyView({ path, contentType, sizeBytes, missing, onFind }: BodyViewProps) {
  const { data, error, refetch } = useBody(path)
  if (error instanceof ApiError && error.status === 404) return <Notice>{missing}</Notice>
  if (error !== null) return <ErrorState error={error} retry={refetch} />
  if (data === undefined) return <Skeleton className="h-40 w-full" />
  return (
    <div className="space-y-3">
      {data.isCut && (
        <Notice
          tone="neutral"
          title={`The first ${formatBytes(SHOWN_BYTES_MAX)} of ${formatBytes(sizeBytes)}`}
          action={<DownloadLink path={path} />}
        >
          Download it to see all of it.
        </Notice>
      )}
      <PayloadView bytes={data.bytes} contentType={contentType} onFind={onFind} />
      {!data.isCut && data.bytes.byteLength > 0 && <DownloadLink path={path} />}
    </div>
  )
}

/** The file is called as the command names it that sends the attempt again: by the id of the event or of the row. */
const DownloadLink = ({ path }: { readonly path: string }) => (
  <a href={path} download={`${path.split('/').at(-2)}.bin`} className={buttonClass('secondary', true)}>
    <Download aria-hidden className="size-4" />
    Download
  </a>
)
