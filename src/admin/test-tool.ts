import { Elysia } from 'elysia'
import type { CheckResult } from '../core/check.ts'
import type { HeaderPair, WebhookEventLogRow } from '../core/event.ts'
import { TEST_BODY_BYTES_MAX, TEST_MS_MAX, TEST_ROW_POLL_MS, TEST_ROW_WAIT_MS } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection } from '../core/rejection.ts'
import { newRequestId, requestIdTimeMs } from '../core/request-id.ts'
import { SignatureCheck, type SignatureSettings } from '../core/signature-check.ts'
import {
  headerProblems,
  isHeaderValue,
  shownRequest,
  TestRequest,
  testBody,
  withoutProof,
} from '../core/test-request.ts'
import type { ComposedRequest } from '../core/verification/draft.ts'
import {
  compileScheme,
  findPreset,
  keysNeeded,
  PRESETS,
  type VerificationKeys,
} from '../core/verification/index.ts'
import { sampleRequest } from '../core/verification/samples/index.ts'
import { type Signing, sign } from '../core/verification/sign.ts'
import { webhookPath } from '../core/webhook-key.ts'
import { createLoopbackSender, type LoopbackSender } from '../http/loopback.ts'
import type { Store } from '../store/index.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import { jsonBody, problemIf, type Rule, refuse } from './input.ts'
import { refInPath } from './path-parameters.ts'
import { isSecret } from './verification.ts'
import { rowView } from './webhook-event-log.ts'

interface Deps {
  readonly store: Store
  readonly publicUrl: string
  /** Where the receiver listens on this host, without a slash at its end. */
  receiverUrl(): string
  readonly version: string
  readonly log: Log
}

/** What the test tool says as it goes along, a line each. */
type Step =
  | {
      readonly step: 'composed'
      readonly method: string
      readonly url: string
      readonly headers: readonly HeaderPair[]
      readonly signed: boolean
      readonly note: string | null
    }
  | { readonly step: 'sent' }
  | {
      readonly step: 'answered'
      readonly status: number
      readonly headers: readonly HeaderPair[]
      readonly body: string
      readonly elapsed_ms: number
      readonly request_id: string | null
    }
  | { readonly step: 'checks'; readonly checks: readonly CheckResult[] | null }
  | { readonly step: 'recorded'; readonly row: WebhookEventLogRow }
  | { readonly step: 'failed'; readonly problem: string }

const areHeaders: Rule = (headers, field) => headerProblems(headers as readonly HeaderPair[], field)
const isContentType: Rule = (value, field) =>
  problemIf(!isHeaderValue(String(value)), field, 'must be a content type such as application/json')

/** Tries a trigger with a request of the administrator's own, through the receiver and over HTTP, as a sender would. */
export const testTool = (deps: Deps) => {
  const send = createLoopbackSender(deps.receiverUrl)
  return new Elysia({ name: 'admin.test-tool' }).post(
    '/api/v1/triggers/:ref/test',
    async ({ params: { ref }, body, request }) => {
      const test = await compose(ref, body, deps)
      const { adminAuditLog } = deps.store.as(administratorOf(request))
      await adminAuditLog.record('trigger.test', ref, { signed: test.signing?.signed === true })
      return new Response(
        linesOf((signal) => stepsOf(test, { ...deps, send, signal })),
        {
          headers: { 'content-type': 'application/x-ndjson' },
        },
      )
    },
    {
      ...refInPath,
      ...jsonBody(TestRequest, { headers: areHeaders, content_type: isContentType, secret: isSecret }),
      ...describe({
        id: 'testTrigger',
        role: 'operator',
        summary: 'Sends a test webhook through the receiver, and says of each step as it happens',
        answer: { types: ['application/x-ndjson'] },
      }),
    },
  )
}

interface Test {
  readonly triggerRef: string
  /** Under the public URL, since senders sign that one. */
  readonly request: ComposedRequest
  readonly signing: Signing | null
  readonly note: string | null
}

async function compose(ref: string, given: TestRequest, { store, publicUrl, version }: Deps): Promise<Test> {
  if (given.body !== undefined && given.body_base64 !== undefined) {
    refuse([{ field: 'body_base64', message: 'must not be given together with body' }])
  }
  const { id, webhookKey } = await store.triggers.read(ref)
  if (webhookKey === null) {
    refuse([{ field: 'ref', message: 'has no URL yet: switch its webhooks on first' }])
  }
  const settings = (await store.rejectedBodies.judging(String(id)))?.settings ?? null
  const nowMs = Date.now()
  const sample = sampleOf(settings, nowMs)
  const body = testBody(given) ?? Buffer.from(sample.body)
  if (body.byteLength > TEST_BODY_BYTES_MAX) {
    refuse([{ field: 'body', message: `must have at most ${TEST_BODY_BYTES_MAX} bytes` }])
  }
  const isSample = testBody(given) === null
  const contentType = given.content_type ?? (isSample ? sample.content_type : 'application/json')
  const request: ComposedRequest = {
    method: 'POST',
    url: publicUrl + webhookPath(webhookKey),
    headers: [
      ['content-type', contentType],
      ['user-agent', `attune-webhooks-test/${version}`],
      ...(given.headers ?? (isSample ? sample.headers : [])),
    ],
    body,
  }
  if (!given.sign) return { triggerRef: ref, request, signing: null, note: null }
  if (settings === null && given.scheme === undefined) {
    return {
      triggerRef: ref,
      request,
      signing: null,
      note: 'The trigger asks for no signature, so there is none.',
    }
  }
  const signing = signed({
    settings,
    scheme: given.scheme ?? null,
    secret: given.secret ?? null,
    request,
    nowMs,
  })
  return { triggerRef: ref, request: signing.signed ? signing.request : request, signing, note: signing.note }
}

const GENERIC = compileScheme({ scheme: 'generic' })

function sampleOf(settings: SignatureSettings | null, nowMs: number) {
  const [first] = PRESETS
  const preset = findPreset(settings?.scheme ?? 'generic') ?? findPreset('generic') ?? first
  if (preset === undefined) throw new Error('there is no scheme')
  return sampleRequest(preset, { nowMs, newId: newRequestId() })
}

interface ToSign {
  /** `null`: the trigger asks for no signature. */
  readonly settings: SignatureSettings | null
  /** The name of another scheme than the trigger's. */
  readonly scheme: string | null
  readonly secret: string | null
  readonly request: ComposedRequest
  readonly nowMs: number
}

function signed({ settings, scheme, secret, request, nowMs }: ToSign): Signing {
  const fault = settings?.fault ?? null
  if (fault !== null) return { signed: false, note: `It is not signed: ${fault}` }
  const own = settings?.compiled ?? GENERIC
  const compiled = scheme === null ? own : compileScheme(presetOf(scheme).scheme)
  const keys = settings === null ? NO_KEYS : new SignatureCheck(settings).live().keys
  // Of a scheme whose key the sender alone has, the signer says more.
  if (secret === null && keys.secrets.length === 0 && keysNeeded(compiled.scheme).secret) {
    const why = settings?.secretFault ?? 'there is no secret to sign with; give one.'
    return { signed: false, note: `It is not signed: ${why}` }
  }
  const isGeneric = scheme === null && settings?.compiled === null
  return sign({
    compiled,
    keys: {
      ...keys,
      config: isGeneric ? { algorithm: settings.algorithm } : keys.config,
      secrets: secret === null ? keys.secrets : [secret],
    },
    request,
    nowMs,
    newId: newRequestId(),
  })
}

const NO_KEYS: VerificationKeys = { secrets: [], config: {} }

function presetOf(scheme: string) {
  const preset = findPreset(scheme)
  if (preset === null)
    refuse([{ field: 'scheme', message: 'must be one of those that GET /api/v1/schemes lists' }])
  return preset
}

interface Sending extends Deps {
  readonly send: LoopbackSender
  /** Whoever asked has gone. */
  readonly signal: AbortSignal
}

async function* stepsOf(test: Test, sending: Sending): AsyncGenerator<Step> {
  const { request, signing, note } = test
  yield { step: 'composed', ...shownRequest(request, signing), signed: signing?.signed === true, note }
  yield { step: 'sent' }
  const startedAtMs = performance.now()
  const answer = await answerTo(test, sending)
  if (typeof answer === 'string') {
    yield { step: 'failed', problem: answer }
    return
  }
  const { status, headers, body } = answer
  const requestId = headers.find(([name]) => name.toLowerCase() === 'x-request-id')?.[1] ?? null
  const elapsed_ms = Math.round((performance.now() - startedAtMs) * 10) / 10
  yield { step: 'answered', status, headers, body, elapsed_ms, request_id: requestId }
  sending.log.info('a test webhook was sent', { trigger: test.triggerRef, status, request_id: requestId })
  const row = await rowOf(requestId, sending)
  yield { step: 'checks', checks: row?.checks ?? null }
  if (row === null) yield { step: 'failed', problem: NO_ROW }
  else yield { step: 'recorded', row: { ...row, headers: withoutProof(row.headers, signing) } }
}

const NO_ROW =
  'The attempt is not in the log yet. When many are refused at once, their rows are merged with a count, and it may be among those.'

/** @returns in words why there is none */
async function answerTo({ request }: Test, { send, signal, publicUrl }: Sending) {
  try {
    const deadline = AbortSignal.timeout(TEST_MS_MAX)
    const { headers, body } = request
    // What is before the path is public, and the receiver is asked on this host.
    const target = request.url.slice(publicUrl.length)
    return await send({
      target,
      headers,
      body,
      signal: AbortSignal.any([signal, deadline]),
    })
  } catch (error) {
    const { name, message, code } = error as { name?: string; message?: string; code?: string }
    if (name === 'TimeoutError') return `The receiver did not answer within ${TEST_MS_MAX / 1_000} seconds.`
    return code === 'ConnectionRefused' || code === 'ECONNREFUSED'
      ? 'Nobody listens where the receiver should be.'
      : `The receiver could not be asked: ${code ?? message ?? 'the connection failed'}.`
  }
}

/** `null`: it was not written in time, or under this id. */
async function rowOf(
  requestId: string | null,
  { store, signal }: Sending,
): Promise<WebhookEventLogRow | null> {
  if (requestId === null || requestIdTimeMs(requestId) === null) return null
  const untilMs = performance.now() + TEST_ROW_WAIT_MS
  while (!signal.aborted) {
    try {
      return rowView(await store.webhookEventLog.read(requestId))
    } catch (error) {
      if (!(error instanceof Rejection && error.code === 'log_row_unknown')) throw error
    }
    if (performance.now() >= untilMs) break
    await Bun.sleep(TEST_ROW_POLL_MS)
  }
  return null
}

/** Each step as a line of JSON, when it happens. Whoever stops listening stops the test. */
function linesOf(stepsUnder: (signal: AbortSignal) => AsyncGenerator<Step>): ReadableStream<Uint8Array> {
  const gone = new AbortController()
  const steps = stepsUnder(gone.signal)
  const line = (step: Step) => new TextEncoder().encode(`${JSON.stringify(step)}\n`)
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await steps.next()
        if (done) controller.close()
        else controller.enqueue(line(value))
      } catch {
        controller.enqueue(line({ step: 'failed', problem: 'The log could not be read just now.' }))
        controller.close()
      }
    },
    cancel() {
      gone.abort()
    },
  })
}
