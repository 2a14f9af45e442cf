import type { Trigger } from '../../../core/trigger.ts'
import { ApiError, api, request } from '../../api/client.ts'

/** What the form begins with. */
export interface Draft {
  readonly trigger: Trigger
  readonly contentType: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** The exact bytes of a recorded body that is no text, as base64; the form cannot change it. */
  readonly bodyBase64: string | null
  /** Where it comes from, in words. */
  readonly origin: string
}

interface Source {
  readonly triggerRef: string | null
  readonly from: string | null
  readonly sample: string | null
  readonly signal: AbortSignal
}

/** A recorded attempt, a sender's sample, or the sample of the trigger's own sender. @throws ApiError */
export async function loadDraft({ triggerRef, from, sample, signal }: Source): Promise<Draft> {
  if (from !== null) return recordedDraft(from, signal)
  const trigger = await api('GET /api/v1/triggers/:ref', { params: { ref: triggerRef ?? '' }, signal })
  const scheme = sample ?? trigger.webhook_verification_scheme
  const name = typeof scheme === 'string' && scheme !== 'custom' ? scheme : 'generic'
  try {
    const given = await api('GET /api/v1/schemes/:name/sample', { params: { name }, signal })
    const { content_type: contentType, headers, body, title } = given
    return { trigger, contentType, headers, body, bodyBase64: null, origin: `Sample: ${title}` }
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
    const body = JSON.stringify({ test: true, trigger: trigger.ref }, null, 2)
    return {
      trigger,
      contentType: 'application/json',
      headers: [],
      body,
      bodyBase64: null,
      origin: 'A small JSON document',
    }
  }
}

/** Of headers that the connection makes, or that were replaced since they are credentials, none is sent again. */
const LEFT_OUT =
  /^(host|content-length|content-type|connection|transfer-encoding|keep-alive|te|trailer|upgrade|expect|accept-encoding|user-agent|x-forwarded-.*|x-real-ip|forwarded)$/i

async function recordedDraft(id: string, signal: AbortSignal): Promise<Draft> {
  const row = await api('GET /api/v1/webhook-event-log/:id', { params: { id }, signal })
  const trigger = await api('GET /api/v1/triggers/:ref', { params: { ref: row.trigger_ref }, signal })
  const path =
    row.event_id === null ? `/api/v1/webhook-event-log/${id}/body` : `/api/v1/events/${row.event_id}/body`
  const bytes = await bodyAt(path, signal)
  const text = asText(bytes)
  const type = row.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  return {
    trigger,
    contentType: type ?? 'application/octet-stream',
    headers: row.headers.filter(([name, value]) => !LEFT_OUT.test(name) && value !== '[redacted]'),
    body: text ?? '',
    bodyBase64: text === null ? base64(bytes) : null,
    origin: bytes.byteLength === 0 ? 'Recorded attempt, whose body is not kept' : 'Recorded attempt',
  }
}

async function bodyAt(path: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return new Uint8Array(await (await request(path, { signal })).arrayBuffer())
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return new Uint8Array()
    throw error
  }
}

function asText(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    // No field of a page holds this character, and the server takes it as base64 only.
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}

const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
