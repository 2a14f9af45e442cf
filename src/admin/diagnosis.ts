import { Elysia } from 'elysia'
import type { Delivery } from '../core/deduplication.ts'
import { doctorCase, type KeptRequest, verificationRequest } from '../core/kept-request.ts'
import { CONTENT_TYPE_LENGTH_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import { newRequestId, requestIdTime, requestIdTimeMs } from '../core/request-id.ts'
import { SignatureCheck } from '../core/signature-check.ts'
import type { Diagnosis } from '../core/verification/diagnosis.ts'
import { diagnose } from '../core/verification/doctor.ts'
import { webhookPath } from '../core/webhook-key.ts'
import { createCertificateFetcher } from '../http/certificates.ts'
import type { Store } from '../store/index.ts'
import type { RejectedBody } from '../store/rejected-bodies.ts'
import type { StoredLogRow } from '../store/webhook-event-log.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import type { AttemptDiagnosis, Readmission } from './models.ts'
import { logRowIdInPath } from './path-parameters.ts'

interface Deps {
  readonly store: Store
  readonly publicUrl: string
}

/** Why an attempt was refused for its signature, and its admission after the mend. */
export const attemptDiagnosis = (deps: Deps) => {
  const fetchCertificate = createCertificateFetcher()
  // One after the other: each may hold a body and work for seconds.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }
  return new Elysia({ name: 'admin.diagnosis' })
    .get(
      '/api/v1/webhook-event-log/:id/diagnosis',
      async ({ params: { id } }) => ({ data: await inTurn(() => diagnosisOf(id, deps)) }),
      {
        ...logRowIdInPath,
        ...describe({
          id: 'diagnoseAttempt',
          role: 'viewer',
          summary: 'Says why an attempt was refused for its signature, the likeliest cause first',
          answer: { one: 'AttemptDiagnosis' },
        }),
      },
    )
    .post(
      '/api/v1/webhook-event-log/:id/readmit',
      async ({ params: { id }, request }) => {
        const acting = { ...deps, store: deps.store.as(administratorOf(request)) }
        return { data: await inTurn(() => readmit(id, acting, fetchCertificate)) }
      },
      {
        ...logRowIdInPath,
        ...describe({
          id: 'readmitAttempt',
          role: 'operator',
          summary: 'Verifies a rejected attempt again, with the settings of now, and admits it as an event',
          answer: { one: 'Readmission' },
          codes: ['rejected_body_missing', 'readmission_refused'],
        }),
      },
    )
}

const IS_OF_SIGNATURE: ReadonlySet<string | null> = new Set(['signature_missing', 'signature_invalid'])

async function diagnosisOf(id: string, { store, publicUrl }: Deps): Promise<AttemptDiagnosis> {
  const row = await store.webhookEventLog.read(id)
  const rejected = await store.rejectedBodies.read(id)
  const readmittedAs = await store.rejectedBodies.readmitted(id)
  return {
    id,
    has_body: rejected !== null && rejected.body !== null,
    readmitted_as: readmittedAs,
    diagnoses: IS_OF_SIGNATURE.has(row.errorCode)
      ? [...(await causesOf(row, rejected, { store, publicUrl }))]
      : [],
  }
}

async function causesOf(
  row: StoredLogRow,
  rejected: RejectedBody | null,
  { store, publicUrl }: Deps,
): Promise<readonly Diagnosis[]> {
  const judging = await store.rejectedBodies.judging(String(row.triggerId))
  if (judging === null || judging.settings === null) return []
  return diagnose(
    doctorCase(judging.settings, judging.expired, keptRequest(row, rejected, publicUrl), instantOf(row.id)),
  )
}

const instantOf = (id: string): number => requestIdTimeMs(id) ?? 0

const keptRequest = (row: StoredLogRow, rejected: RejectedBody | null, publicUrl: string): KeptRequest => ({
  method: rejected?.method ?? 'POST',
  url: publicUrl + webhookPath(row.webhookKey) + (rejected?.query ?? ''),
  headers: rejected?.headers ?? row.headers,
  body: rejected?.body ?? null,
})

/**
 * Its id is claimed before it is stored, and storing it twice under one id stores it once: so however often and wherever this is
 * called at the same moment, there is one event.
 */
async function readmit(
  id: string,
  { store, publicUrl }: Deps,
  fetchCertificate: (url: string) => Promise<string | null>,
): Promise<Readmission> {
  const row = await store.webhookEventLog.read(id)
  const before = await store.rejectedBodies.readmitted(id)
  const fate = before === null ? 'unwritten' : await fateOf(store, before)
  if (before !== null && fate === 'stored') {
    const receivedAt = requestIdTime(before).toISOString()
    return { event_id: before, received_at: receivedAt, trigger_ref: row.triggerRef, readmitted_before: true }
  }
  const rejected = await store.rejectedBodies.read(id)
  if (rejected === null || rejected.body === null) {
    throw refused('rejected_body_missing', 'the body was not read, not kept, or has made room for later ones')
  }
  const kept = keptRequest(row, rejected, publicUrl)
  const verified = await verifyAgain(store, row, kept, fetchCertificate)
  const spentId = fate === 'duplicate' ? before : null
  const eventId = await store.rejectedBodies.claim(id, newRequestId(), spentId, row.triggerRef)
  const outcome = await store.intakeWriter.accept({
    id: eventId,
    triggerId: String(row.triggerId),
    triggerRef: row.triggerRef,
    webhookKey: row.webhookKey,
    sourceIp: row.sourceIp,
    userAgent: row.userAgent,
    payloadSizeBytes: rejected.body.byteLength,
    headers: rejected.headers,
    ...verified,
    outcome: 'readmitted',
    rateLimited: false,
    ipAllowed: row.ipAllowed,
    startedAtMs: performance.now(),
    rateLimitCount: null,
    contentType: contentTypeOf(kept),
    body: rejected.body,
    delivery: verified.hmacVerified === true ? await deliveryOf(store, row, kept) : null,
  })
  if (outcome.verdict === 'replayed') {
    throw refused('readmission_refused', 'what was signed is good for one use, and an event has used it')
  }
  // What the sender has delivered again meanwhile is an event already.
  const isDuplicate = outcome.verdict === 'duplicate'
  const storedId = isDuplicate ? outcome.firstEventId : eventId
  return {
    event_id: storedId,
    received_at: requestIdTime(storedId).toISOString(),
    trigger_ref: row.triggerRef,
    readmitted_before: isDuplicate,
  }
}

/** What its sender calls it, where the trigger looks for that. */
async function deliveryOf(store: Store, row: StoredLogRow, kept: KeptRequest): Promise<Delivery | null> {
  const judging = await store.rejectedBodies.judging(String(row.triggerId))
  const settings = judging?.webhookKey == null ? null : await store.triggerCache.byKey(judging.webhookKey)
  return settings?.deduplication?.deliveryOf(verificationRequest(kept)) ?? null
}

const contentTypeOf = (kept: KeptRequest): string | null =>
  verificationRequest(kept).header('content-type')?.slice(0, CONTENT_TYPE_LENGTH_MAX) ?? null

/**
 * What became of the id of a claim. That of a duplicate is spent: its row has no event, and nothing can be stored under it any more.
 */
async function fateOf(store: Store, eventId: string): Promise<'stored' | 'duplicate' | 'unwritten'> {
  try {
    const row = await store.webhookEventLog.read(eventId)
    return row.eventId === null ? 'duplicate' : 'stored'
  } catch (error) {
    if (error instanceof Rejection && error.code === 'log_row_unknown') return 'unwritten'
    throw error
  }
}

/** At the instant of the attempt, since its timestamp was right then; with the secrets of now. */
async function verifyAgain(
  store: Store,
  row: StoredLogRow,
  kept: KeptRequest,
  fetchCertificate: (url: string) => Promise<string | null>,
): Promise<{ readonly hmacVerified: boolean | null; readonly verifiedBy: string | null }> {
  const judging = await store.rejectedBodies.judging(String(row.triggerId))
  if (judging === null) throw new Rejection('trigger_unknown', 'the trigger of the attempt is gone')
  if (judging.settings === null) return { hmacVerified: null, verifiedBy: null }
  const check = new SignatureCheck(judging.settings)
  const outcome = await check.verify(verificationRequest(kept), instantOf(row.id), fetchCertificate)
  if (!outcome.verified) throw refused('readmission_refused', outcome.reason)
  return { hmacVerified: outcome.by === null ? null : true, verifiedBy: outcome.by }
}

/** An administrator is told the exact reason, which has no secret and no digest. */
const refused = (code: 'rejected_body_missing' | 'readmission_refused', reason: string): Rejection =>
  new Rejection(code, reason, { errors: [{ field: 'id', message: reason }] })
