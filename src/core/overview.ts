import { type Static, Type as t } from '@sinclair/typebox'

/** Spans of time that the numbers are shown for. */
export const WINDOWS = ['hour', 'day', 'week', 'month'] as const
export type Window = (typeof WINDOWS)[number]
export const Window = t.Unsafe<Window>({ type: 'string', enum: [...WINDOWS] })

const Instant = t.String({ format: 'date-time' })

/** Attempts by what became of them; merged rejections count one by one. */
const outcomeFields = {
  accepted: t.Integer({ description: 'answered with a 2xx' }),
  signature_refused: t.Integer(),
  ip_refused: t.Integer(),
  rate_limited: t.Integer(),
  otherwise_refused: t.Integer(),
}
export const OutcomeCounts = t.Object(outcomeFields)
export type OutcomeCounts = Static<typeof OutcomeCounts>

export const OutcomeBucket = t.Object({
  at: t.String({ format: 'date-time', description: 'its begin' }),
  ...outcomeFields,
})
export type OutcomeBucket = Static<typeof OutcomeBucket>

/** Attempts of one trigger over time. */
export const TriggerActivity = t.Object({
  trigger_ref: t.String(),
  bucket_seconds: t.Integer(),
  buckets: t.Array(OutcomeBucket, { description: 'oldest first, without gaps' }),
  totals: OutcomeCounts,
  last_request_at: t.Union([Instant, t.Null()]),
})
export type TriggerActivity = Static<typeof TriggerActivity>

/** The state of the installation, for the first page. */
export const Overview = t.Object({
  window: Window,
  since: Instant,
  until: Instant,
  bucket_seconds: t.Integer(),
  buckets: t.Array(OutcomeBucket, { description: 'oldest first, without gaps' }),
  totals: OutcomeCounts,
  latest: t.Object(
    {
      attempts: t.Integer({
        description: 'of which these figures were made: the latest of the window, so many at most',
      }),
      since: t.Union([Instant, t.Null()], { description: 'the oldest of them' }),
      p50_ms: t.Union([t.Number(), t.Null()]),
      p95_ms: t.Union([t.Number(), t.Null()]),
      triggers: t.Array(t.Object({ trigger_ref: t.String(), attempts: t.Integer(), refused: t.Integer() })),
      addresses: t.Array(t.Object({ source_ip: t.String(), attempts: t.Integer(), refused: t.Integer() })),
    },
    { description: 'processing times, and the busiest triggers and addresses' },
  ),
  health: t.Object({
    ready: t.Boolean(),
    database: t.Object({
      engine: t.String({ description: 'embedded or postgresql' }),
      answer_ms: t.Union([t.Number(), t.Null()]),
      size_bytes: t.Union([t.Integer(), t.Null()]),
    }),
    queues: t.Object({
      intake: t.Integer(),
      audit: t.Integer(),
      lookups: t.Integer(),
      rate_limit: t.Integer(),
    }),
  }),
})
export type Overview = Static<typeof Overview>
