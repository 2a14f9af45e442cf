import type { WebhookEventLogRow } from '../../../core/event.ts'
import { Notice, Skeleton } from '../../kit/feedback.tsx'
import { BodyView } from '../body.tsx'
import type { FindByValue } from '../payload/json-tree.tsx'
import { useDiagnosis } from './reason.tsx'

/** Where the bytes of an attempt are: with its event, or with what is kept of refused ones. `null`: nowhere, since none were read. */
export function bodyPathOf(row: WebhookEventLogRow): string | null {
  if (row.event_id !== null) return `/api/v1/events/${row.event_id}/body`
  if (row.attempts > 1 || row.payload_size_bytes === null) return null
  return `/api/v1/webhook-event-log/${row.id}/body`
}

export const contentTypeOf = (row: Pick<WebhookEventLogRow, 'headers'>): string | null =>
  row.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null

export function AttemptBody({
  row,
  onFind,
}: {
  readonly row: WebhookEventLogRow
  readonly onFind: FindByValue
}) {
  const path = bodyPathOf(row)
  const { data: diagnosis } = useDiagnosis(row)
  if (path === null) return <p className="text-muted">{whyNone(row)}</p>
  // Asked first, since a browser complains about each answer that is no success.
  if (row.event_id === null && diagnosis === undefined) return <Skeleton className="h-40 w-full" />
  if (row.event_id === null && diagnosis?.has_body === false) return <Notice>{whyMissing(row)}</Notice>
  return (
    <BodyView
      path={path}
      contentType={contentTypeOf(row)}
      sizeBytes={row.payload_size_bytes}
      missing={whyMissing(row)}
      onFind={onFind}
    />
  )
}

const whyNone = ({ attempts }: WebhookEventLogRow): string =>
  attempts > 1
    ? 'This row stands for several refused attempts. Their bodies are not kept.'
    : 'The attempt was refused before its body was read.'

function whyMissing({ event_id, error_code, outcome }: WebhookEventLogRow): string {
  if (event_id !== null)
    return 'The event has been deleted since; events are kept as long as the configuration says.'
  if (outcome === 'duplicate') return 'The body of a duplicate is not kept: the first event has it.'
  if (outcome === 'handshake') return 'The body of a handshake is not kept.'
  if (error_code === 'signature_missing') {
    return 'It came without a signature, so there was nothing to hold its body against: it was not read, or it has made room for later ones.'
  }
  if (error_code === 'signature_invalid') {
    return 'The body is not kept: its headers alone were wrong, it was too large, too many came at once, or it has made room for later ones.'
  }
  return 'Bodies are kept only of attempts that were refused for their signature.'
}
