import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { AttemptDiagnosis } from '../../../admin/models.ts'
import type { WebhookEventLogRow } from '../../../core/event.ts'
import { api } from '../../api/client.ts'
import { ErrorState, Notice, Skeleton } from '../../kit/feedback.tsx'
import { Foreign } from '../../kit/text.tsx'
import { verdictOf } from '../verdict.tsx'

export const isOfSignature = ({ error_code }: WebhookEventLogRow): boolean =>
  error_code === 'signature_missing' || error_code === 'signature_invalid'

export const useDiagnosis = (row: WebhookEventLogRow) =>
  useQuery({
    queryKey: ['diagnosis', row.id],
    queryFn: ({ signal }) =>
      api('GET /api/v1/webhook-event-log/:id/diagnosis', { params: { id: row.id }, signal }),
    // Only of a refused attempt is there something to say, or a body beside its event.
    enabled: row.event_id === null,
  })

/** What is said of a signature where no cause is found. */
export const adviceWithoutCause = ({ has_body }: Pick<AttemptDiagnosis, 'has_body'>): string =>
  has_body
    ? 'Nothing else explains it: the secret at the sender is most likely another one than that of the trigger. Copy it to the sender again, or add the one that it has.'
    : 'The body of this attempt is not kept, and without it little can be said. Let the sender deliver again.'

/** What became of the attempt and exactly why; of a signature that was refused also what is likely wrong with it. */
export function Reason({ row }: { readonly row: WebhookEventLogRow }) {
  const { label, explanation, tone } = verdictOf(row)
  return (
    <div className="space-y-3">
      <div className="rounded-lg border border-line p-3">
        <p className="font-semibold">{label}</p>
        {row.error_message !== null && (
          <p className="mt-1">
            <Foreign text={row.error_message} lengthMax={2_000} />
          </p>
        )}
        {explanation !== '' && (
          <p className={row.error_message === null && tone === 'good' ? 'mt-1' : 'mt-1 text-muted'}>
            {explanation}
          </p>
        )}
      </div>
      {isOfSignature(row) && <Why row={row} />}
    </div>
  )
}

function Why({ row }: { readonly row: WebhookEventLogRow }) {
  const { data, error, refetch } = useDiagnosis(row)
  if (error !== null) return <ErrorState error={error} retry={refetch} />
  if (data === undefined) return <Skeleton className="h-24 w-full" />
  if (data.readmitted_as !== null) {
    return (
      <Notice tone="good" title="It was readmitted">
        <Link href={`/events?event=${data.readmitted_as}`} className="text-accent underline">
          See the event that it became
        </Link>
      </Notice>
    )
  }
  return (
    <section className="rounded-lg bg-accent-soft p-3">
      <h3 className="font-semibold">Why?</h3>
      {data.diagnoses.length === 0 ? (
        <p className="mt-1">{adviceWithoutCause(data)}</p>
      ) : (
        <ol className="mt-1 space-y-3">
          {data.diagnoses.map(({ cause, detail, remedy }) => (
            <li key={cause + detail}>
              <p className="font-medium">
                <Foreign text={remedy} lengthMax={2_000} />
              </p>
              <p className="text-sm">
                <Foreign text={detail} lengthMax={2_000} />
              </p>
            </li>
          ))}
        </ol>
      )}
      <p className="mt-2 text-sm text-muted">
        Worked out now, with the scheme and the secrets that the trigger has at present.
      </p>
    </section>
  )
}
