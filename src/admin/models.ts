import { type Static, Type as t } from '@sinclair/typebox'
import {
  About,
  AdminAuditRow,
  ApiToken,
  EffectiveSetting,
  NewApiToken,
  Session,
} from '../core/administrator.ts'
import { Event, EventSummary, WebhookEventLogRow, WebhookStats } from '../core/event.ts'
import { PAYLOAD_KB_MAX } from '../core/limits.ts'
import { Overview, TriggerActivity } from '../core/overview.ts'
import { Preview, SampleRequest, WhitelistCheck } from '../core/preview.ts'
import { REJECTIONS, type RejectionCode } from '../core/rejection.ts'
import { HmacAlgorithm, Trigger } from '../core/trigger.ts'
import { DIAGNOSIS_CAUSES, type DiagnosisCause } from '../core/verification/diagnosis.ts'

/** What enabling, disabling and a new key answer. */
const WebhookState = t.Pick(Trigger, ['webhook_enabled', 'webhook_key', 'webhook_url'])
export type WebhookState = Static<typeof WebhookState>

/** The one answer in which a secret is ever shown. */
const HmacState = t.Object({
  webhook_hmac_enabled: t.Boolean(),
  webhook_hmac_algorithm: HmacAlgorithm,
  secret: t.String({ description: 'shown this once' }),
})
export type HmacState = Static<typeof HmacState>

const Instant = t.String({ format: 'date-time' })

/** A secret by its label; its text is never among it. */
const WebhookSecret = t.Object({
  label: t.String(),
  created: Instant,
  expires: t.Union([Instant, t.Null()]),
  is_expired: t.Boolean(),
  last_used: t.Union([Instant, t.Null()], { description: 'to about a minute' }),
})
export type WebhookSecret = Static<typeof WebhookSecret>

/** The one answer in which a further secret is shown. */
const NewWebhookSecret = t.Composite([
  WebhookSecret,
  t.Object({ secret: t.String({ description: 'shown this once' }) }),
])

const VerificationState = t.Object({
  scheme: t.Union([t.String(), t.Record(t.String(), t.Unknown()), t.Null()], {
    description: 'the name of a scheme, one of your own, or null: no proof is asked for',
  }),
  config: t.Record(t.String(), t.String(), { description: 'secrets in it stand as [redacted]' }),
  public_key: t.Union([t.String(), t.Null()]),
  tolerance_seconds: t.Union([t.Integer(), t.Null()], {
    description: 'in place of the tolerance of the scheme',
  }),
  secrets: t.Array(WebhookSecret),
  secret: t.Union([t.String(), t.Null()], { description: 'shown once, when it is set' }),
})
export type VerificationState = Static<typeof VerificationState>

/** Whether a handshake is expected that changes something. */
const HandshakeState = t.Object({
  armed_until: t.Union([Instant, t.Null()], { description: 'null: none is expected' }),
  secret: t.Union([t.String(), t.Null()], { description: 'shown once, by reveal' }),
})
export type HandshakeState = Static<typeof HandshakeState>

const Rekeyed = t.Object({
  sealed: t.Integer({ description: 'secrets that were sealed now' }),
  unchanged: t.Integer({ description: 'secrets that were sealed with this key already' }),
  unopened: t.Array(t.String(), { description: 'ref and label of secrets that no key here opens' }),
})

/** What the signature doctor says of an attempt. */
const AttemptDiagnosis = t.Object({
  id: t.String({ format: 'uuid' }),
  has_body: t.Boolean({ description: 'whether the body is kept; without it little can be tried' }),
  readmitted_as: t.Union([t.String({ format: 'uuid' }), t.Null()], {
    description: 'the event, when there is one',
  }),
  diagnoses: t.Array(
    t.Object({
      cause: t.Unsafe<DiagnosisCause>({ type: 'string', enum: [...DIAGNOSIS_CAUSES] }),
      remedy: t.String(),
      detail: t.String(),
    }),
    { description: 'the likeliest first; empty when nothing that is known explains it' },
  ),
})
export type AttemptDiagnosis = Static<typeof AttemptDiagnosis>

const Readmission = t.Object({
  event_id: t.String({ format: 'uuid' }),
  trigger_ref: t.String(),
  received_at: Instant,
  readmitted_before: t.Boolean({ description: 'whether it was an event already' }),
})
export type Readmission = Static<typeof Readmission>

const RejectedBodiesState = t.Object({
  bytes_max: t.Integer(),
  kept: t.Integer({ description: 'attempts' }),
  kept_bytes: t.Integer(),
})
export type RejectedBodiesState = Static<typeof RejectedBodiesState>

/** The statistics of all triggers together. */
const WebhookTotals = t.Omit(WebhookStats, ['trigger_ref', 'webhook_enabled'])
export type WebhookTotals = Static<typeof WebhookTotals>

export const PayloadLimitSettings = t.Object(
  { kb: t.Integer({ minimum: 1, maximum: PAYLOAD_KB_MAX, description: 'in units of 1,024 bytes' }) },
  { additionalProperties: false },
)

/** How the webhooks of one sender are verified. */
export const Scheme = t.Object({
  name: t.String(),
  title: t.String(),
  kind: t.String(),
  alias_of: t.Union([t.String(), t.Null()]),
  docs: t.Union([t.String({ format: 'uri' }), t.Null()]),
  certainty: t.String({
    description:
      'A: the library or server of the sender was read or run; B: its documentation was; C: third parties agree; M: from memory',
  }),
  setup: t.String({ description: 'where URL and secret go at the sender' }),
  not_signed: t.Union([t.String(), t.Null()], { description: 'what the scheme leaves to the transport' }),
  handshake: t.Union([t.String(), t.Null()]),
  tolerance_seconds: t.Union([t.Integer(), t.Null()]),
  needs: t.Array(t.String(), { description: 'without these everybody is refused' }),
  takes: t.Array(t.String()),
  may_generate_secret: t.Boolean({
    description: 'whether the sender takes whatever secret it is told, so that one can be made here',
  }),
  scheme: t.Record(t.String(), t.Unknown(), {
    description: 'the record, in the language of own schemes',
  }),
})

export type Scheme = Static<typeof Scheme>

/** RFC 9457, as `http/problem.ts` writes it. */
const Problem = t.Object({
  type: t.String({ format: 'uri' }),
  title: t.String(),
  status: t.Integer(),
  detail: t.String(),
  code: t.Unsafe<RejectionCode>({ type: 'string', enum: Object.keys(REJECTIONS) }),
  request_id: t.String({ format: 'uuid' }),
  errors: t.Optional(t.Array(t.Object({ field: t.String(), message: t.String() }))),
})

const Health = t.Object({ status: t.String() })

/** What answers are made of, by the names that the OpenAPI document gives them. */
export const MODELS = {
  Trigger,
  WebhookState,
  HmacState,
  VerificationState,
  WebhookSecret,
  NewWebhookSecret,
  HandshakeState,
  Rekeyed,
  AttemptDiagnosis,
  Readmission,
  RejectedBodiesState,
  Event,
  EventSummary,
  WebhookEventLogRow,
  WebhookStats,
  WebhookTotals,
  Scheme,
  Session,
  ApiToken,
  NewApiToken,
  AdminAuditRow,
  EffectiveSetting,
  About,
  Overview,
  TriggerActivity,
  Preview,
  WhitelistCheck,
  SampleRequest,
  Problem,
  Health,
}

export type ModelName = keyof typeof MODELS
