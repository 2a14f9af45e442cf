import { RETRY_AFTER_SECONDS } from './limits.ts'

/**
 * Every answer that is not a success: its status, and what a stranger may read. The page
 * `docs/errors.md` lists the same codes; a test holds the two together.
 */
export const REJECTIONS = {
  // The receiver, in the order of its steps.
  webhook_unknown: { status: 404, title: 'Webhook unknown', detail: 'No webhook has this key.' },
  webhook_disabled: { status: 403, title: 'Webhook disabled', detail: 'This webhook is switched off.' },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    detail: 'The payload exceeds the limit.',
  },
  body_incomplete: {
    status: 400,
    title: 'Body incomplete',
    detail: 'The body ended before the length that was declared for it.',
  },
  body_timeout: { status: 408, title: 'Body timeout', detail: 'The body did not arrive in time.' },
  ip_not_allowed: {
    status: 403,
    title: 'Address not allowed',
    detail: 'This webhook does not accept requests from your address.',
  },
  rate_limited: {
    status: 429,
    title: 'Rate limited',
    detail: 'Too many requests; wait for the time in Retry-After.',
  },
  signature_missing: {
    status: 401,
    title: 'Signature missing',
    detail: 'This webhook asks for a signature, and the request has none.',
  },
  signature_invalid: {
    status: 401,
    title: 'Signature invalid',
    detail: 'The signature does not match the body.',
  },
  handshake_refused: {
    status: 403,
    title: 'Handshake refused',
    detail: 'This webhook does not answer this handshake.',
  },
  store_unavailable: {
    status: 503,
    title: 'Store unavailable',
    detail: 'The request could not be stored just now; send it again.',
  },
  // Both planes.
  route_unknown: { status: 404, title: 'Not found', detail: 'Nothing answers at this path.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This path does not take this method; see Allow.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong on our side. The request id leads to the log entry.',
  },
  // The admin plane.
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    detail: 'The admin API asks for its bearer token.',
  },
  tail_readers_exceeded: {
    status: 503,
    title: 'Too many follow the log',
    detail: 'Too many follow the log already; read its pages, or come again.',
  },
  exports_exceeded: {
    status: 503,
    title: 'Too many exports',
    detail: 'Too many exports are under way; come again when one of them has ended.',
  },
  body_not_kept: {
    status: 404,
    title: 'Body not kept',
    detail: 'The body of this attempt is not kept.',
  },
  role_insufficient: {
    status: 403,
    title: 'Role insufficient',
    detail: 'The role of this token does not allow this.',
  },
  origin_refused: {
    status: 403,
    title: 'Origin refused',
    detail: 'With a session, requests are taken from pages of the console only.',
  },
  sign_ins_slowed: {
    status: 429,
    title: 'Sign-ins slowed',
    detail: 'Too many wrong tokens came from this address; wait for the time in Retry-After.',
  },
  request_invalid: {
    status: 422,
    title: 'Request invalid',
    detail: 'The request does not have the form that is asked for; see errors.',
  },
  token_unknown: { status: 404, title: 'Token unknown', detail: 'No token has this id.' },
  token_name_taken: {
    status: 409,
    title: 'Token name taken',
    detail: 'A token of this name is there already.',
  },
  trigger_unknown: { status: 404, title: 'Trigger unknown', detail: 'No trigger has this ref.' },
  scheme_unknown: { status: 404, title: 'Scheme unknown', detail: 'No scheme has this name.' },
  trigger_ref_taken: {
    status: 409,
    title: 'Trigger ref taken',
    detail: 'A trigger with this ref is there already.',
  },
  verification_disabled: {
    status: 409,
    title: 'Verification disabled',
    detail: 'This webhook asks for no signature; choose a scheme first.',
  },
  secret_unknown: {
    status: 404,
    title: 'Secret unknown',
    detail: 'The trigger has no secret of this label.',
  },
  secret_label_taken: {
    status: 409,
    title: 'Secret label taken',
    detail: 'The trigger has a secret of this label already.',
  },
  master_key_missing: {
    status: 409,
    title: 'Master key missing',
    detail: 'The server has no master key to seal secrets with.',
  },
  event_unknown: { status: 404, title: 'Event unknown', detail: 'No event has this id.' },
  payload_search_off: {
    status: 409,
    title: 'Payload search off',
    detail: 'Payloads are not indexed here, so they cannot be searched.',
  },
  log_row_unknown: {
    status: 404,
    title: 'Log row unknown',
    detail: 'No row of the webhook event log has this id.',
  },
  rejected_body_missing: {
    status: 409,
    title: 'Rejected body missing',
    detail: 'The body of this attempt is not kept, so it cannot be readmitted.',
  },
  readmission_refused: {
    status: 422,
    title: 'Readmission refused',
    detail: 'The attempt still does not verify with the settings of the trigger.',
  },
} as const satisfies Record<string, { status: number; title: string; detail: string }>

export type RejectionCode = keyof typeof REJECTIONS

/** One field of a request that is not as it should be. `field` is a path such as `cidrs[2]`. */
export interface FieldProblem {
  readonly field: string
  readonly message: string
}

interface RejectionExtra {
  /** Headers of the answer, e.g. `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Only with `request_invalid`: which fields are wrong, and how. */
  readonly errors?: readonly FieldProblem[]
}

/**
 * A decision, not a fault: thrown by a check and turned into HTTP once, in `http/errors.ts`.
 *
 * `reason` is for the audit row and has the exact cause. It never holds a secret or a computed MAC,
 * and it never reaches the sender, who reads the `detail` of the catalogue.
 */
export class Rejection extends Error {
  readonly code: RejectionCode
  readonly reason: string
  readonly headers: Readonly<Record<string, string>>
  readonly errors: readonly FieldProblem[]

  constructor(code: RejectionCode, reason: string, extra: RejectionExtra = {}) {
    // A decision needs no stack, which costs more than everything else of a refusal.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(reason)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'Rejection'
    this.code = code
    this.reason = reason
    this.headers = extra.headers ?? {}
    this.errors = extra.errors ?? []
  }

  get status(): number {
    return REJECTIONS[this.code].status
  }
}

/** What every step answers when the database cannot be asked: the sender tries again, nothing is lost. */
export const storeUnavailable = (reason: string): Rejection =>
  new Rejection('store_unavailable', reason, { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } })
