/**
 * What the pages ask of the admin API, in the types of the server itself. Each key is a method and a path of its route table; a test
 * holds the two together.
 */
import type {
  AttemptDiagnosis,
  HandshakeState,
  HmacState,
  Readmission,
  RejectedBodiesState,
  Scheme,
  VerificationState,
  WebhookSecret,
  WebhookState,
  WebhookTotals,
} from '../../admin/models.ts'
import type {
  About,
  AdminAuditRow,
  ApiToken,
  EffectiveSetting,
  NewApiToken,
  Role,
  Session,
} from '../../core/administrator.ts'
import type { Event, EventSummary, WebhookEventLogRow, WebhookStats } from '../../core/event.ts'
import type { Overview, TriggerActivity, Window } from '../../core/overview.ts'
import type { Preview, SampleRequest, WhitelistCheck } from '../../core/preview.ts'
import type {
  DeduplicationInput,
  IpWhitelistSettings,
  NewTrigger,
  RateLimitSettings,
  Trigger,
  TriggerChange,
} from '../../core/trigger.ts'

/** Every list of the API comes a page at a time. */
interface Page {
  readonly cursor?: string
  readonly limit?: number
}

interface Times {
  readonly since?: string
  readonly until?: string
}

export interface LogFilter extends Times {
  readonly trigger?: string
  readonly outcome?: string
  readonly code?: string
  readonly status?: number
  readonly ip?: string
  readonly text?: string
}

export interface EventFilter extends Times {
  readonly trigger?: string
  readonly ip?: string
  readonly text?: string
  readonly path?: string
  readonly value?: string
}

export interface VerificationInput {
  readonly scheme: string | Record<string, unknown>
  readonly secret?: string
  readonly public_key?: string
  readonly config?: Readonly<Record<string, string>>
  readonly tolerance_seconds?: number
}

/** Exactly one of them. */
export type PreviewInput =
  | { readonly payload_limit: { readonly kb: number } }
  | { readonly rate_limit: RateLimitSettings | null }
  | { readonly ip_whitelist: IpWhitelistSettings | null }
  | { readonly verification: VerificationInput | null }

interface Ref {
  readonly ref: string
}
interface Id {
  readonly id: string
}

export interface Routes {
  'POST /api/v1/session': { body: { token: string }; data: Session }
  'GET /api/v1/session': { data: Session }
  'DELETE /api/v1/session': { data: undefined }
  'GET /api/v1/tokens': { query: Page; list: ApiToken }
  'POST /api/v1/tokens': { body: { name: string; role: Role; expires_in_days?: number }; data: NewApiToken }
  'DELETE /api/v1/tokens/:id': { params: Id; data: undefined }
  'GET /api/v1/admin-audit-log': {
    query: Page & Times & { actor?: string; action?: string; target?: string }
    list: AdminAuditRow
  }
  'GET /api/v1/config': { list: EffectiveSetting }
  'GET /api/v1/about': { data: About }

  'GET /api/v1/overview': { query: { window: Window }; data: Overview }
  'GET /api/v1/stats': { data: WebhookTotals }
  'GET /api/v1/trigger-activity': { query: { refs: string; window: Window }; list: TriggerActivity }
  'GET /api/v1/triggers/:ref/stats': { params: Ref; data: WebhookStats }

  'GET /api/v1/triggers': {
    query: Page & { search?: string; sort?: 'created' | 'ref' | 'updated'; order?: 'asc' | 'desc' }
    list: Trigger
  }
  'POST /api/v1/triggers': { body: NewTrigger; data: Trigger }
  'GET /api/v1/triggers/:ref': { params: Ref; data: Trigger }
  'PATCH /api/v1/triggers/:ref': { params: Ref; body: TriggerChange; data: Trigger }
  'DELETE /api/v1/triggers/:ref': { params: Ref; data: undefined }
  'POST /api/v1/triggers/:ref/preview': { params: Ref; body: PreviewInput; data: Preview }
  'POST /api/v1/ip-whitelist/check': { body: { cidrs: string[]; address?: string }; data: WhitelistCheck }

  'POST /api/v1/triggers/:ref/webhooks/enable': { params: Ref; data: WebhookState }
  'POST /api/v1/triggers/:ref/webhooks/disable': { params: Ref; data: WebhookState }
  'POST /api/v1/triggers/:ref/webhooks/regenerate': { params: Ref; data: WebhookState }
  'PUT /api/v1/triggers/:ref/webhooks/hmac': {
    params: Ref
    body: { algorithm?: string; secret?: string }
    data: HmacState
  }
  'PUT /api/v1/triggers/:ref/webhooks/rate-limit': { params: Ref; body: RateLimitSettings; data: Trigger }
  'DELETE /api/v1/triggers/:ref/webhooks/rate-limit': { params: Ref; data: Trigger }
  'PUT /api/v1/triggers/:ref/webhooks/ip-whitelist': { params: Ref; body: IpWhitelistSettings; data: Trigger }
  'DELETE /api/v1/triggers/:ref/webhooks/ip-whitelist': { params: Ref; data: Trigger }
  'PUT /api/v1/triggers/:ref/webhooks/payload-limit': { params: Ref; body: { kb: number }; data: Trigger }
  'DELETE /api/v1/triggers/:ref/webhooks/payload-limit': { params: Ref; data: Trigger }
  'PUT /api/v1/triggers/:ref/webhooks/deduplication': { params: Ref; body: DeduplicationInput; data: Trigger }
  'DELETE /api/v1/triggers/:ref/webhooks/deduplication': { params: Ref; data: Trigger }
  'GET /api/v1/triggers/:ref/webhooks/verification': { params: Ref; data: VerificationState }
  'PUT /api/v1/triggers/:ref/webhooks/verification': {
    params: Ref
    body: VerificationInput
    data: VerificationState
  }
  'DELETE /api/v1/triggers/:ref/webhooks/verification': { params: Ref; data: Trigger }
  'GET /api/v1/triggers/:ref/webhooks/secrets': { params: Ref; list: WebhookSecret }
  'POST /api/v1/triggers/:ref/webhooks/secrets': {
    params: Ref
    body: { label?: string; secret?: string; expires_in_seconds?: number }
    data: WebhookSecret & { secret: string }
  }
  'POST /api/v1/triggers/:ref/webhooks/secrets/:label/expire': {
    params: Ref & { label: string }
    body: { in_seconds?: number }
    data: WebhookSecret
  }
  'GET /api/v1/triggers/:ref/webhooks/handshake': { params: Ref; data: HandshakeState }
  'POST /api/v1/triggers/:ref/webhooks/handshake': {
    params: Ref
    body: { minutes?: number }
    data: HandshakeState
  }
  'DELETE /api/v1/triggers/:ref/webhooks/handshake': { params: Ref; data: HandshakeState }
  'POST /api/v1/triggers/:ref/webhooks/handshake/reveal': { params: Ref; data: HandshakeState }
  'GET /api/v1/triggers/:ref/webhooks/rejected-bodies': { params: Ref; data: RejectedBodiesState }

  'GET /api/v1/schemes': { list: Scheme }
  'GET /api/v1/schemes/:name/sample': { params: { name: string }; data: SampleRequest }

  'GET /api/v1/webhook-event-log': { query: LogFilter & Page; list: WebhookEventLogRow }
  'GET /api/v1/webhook-event-log/export': { query: LogFilter & { format: 'ndjson' | 'csv' }; data: Blob }
  'GET /api/v1/webhook-event-log/:id': { params: Id; data: WebhookEventLogRow }
  'GET /api/v1/webhook-event-log/:id/diagnosis': { params: Id; data: AttemptDiagnosis }
  'POST /api/v1/webhook-event-log/:id/readmit': { params: Id; data: Readmission }

  'GET /api/v1/events': { query: EventFilter & Page & { view: 'summary' }; list: EventSummary }
  'GET /api/v1/events/export': { query: EventFilter & { format: 'ndjson' | 'csv' }; data: Blob }
  'GET /api/v1/events/:id': { params: Id; data: Event }
}

export type RouteName = keyof Routes

/** Those that are saved as a file. */
export type ExportRoute = Extract<RouteName, `${string}/export`>
