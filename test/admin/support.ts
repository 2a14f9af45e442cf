/** The admin plane on a real store and a real socket. */
import { Elysia } from 'elysia'
import { Authentication } from '../../src/admin/authentication.ts'
import { exports } from '../../src/admin/exports.ts'
import { type AdminDeps, createAdmin } from '../../src/admin/index.ts'
import type { AcceptedAttempt, AuditRecord, RejectedAttempt } from '../../src/core/attempt.ts'
import type { Sealing } from '../../src/core/sealing.ts'
import { socketPeer } from '../../src/http/client-address.ts'
import { errors } from '../../src/http/errors.ts'
import type { Problem } from '../../src/http/problem.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import type { EngineUnderTest } from '../support/database.ts'
import { recordingLog } from '../support/log.ts'

export const TOKEN = 'test-token-0123456789-0123456789-abcdef'
/** Often enough that no test waits for it. */
const TAIL_IDENTITY_TEST_MS = 200
export const PUBLIC_URL = 'https://hooks.example.test'

export interface Call {
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is, with the content type of JSON unless a header says otherwise. */
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
  /** `null`: none. */
  readonly token?: string | null
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON, believed to be of the form that the test expects. */
  json<T>(): T
  /** `data` of the body. */
  data<T>(): T
  problem(): Problem
}

export type AdminUnderTest = Awaited<ReturnType<typeof startAdmin>>

/** @param receiverUrl - where test webhooks go; nobody listens there unless a test says so */
export async function startAdmin(
  under: EngineUnderTest,
  sealing?: Sealing,
  receiverUrl: () => string = () => 'http://127.0.0.1:9',
) {
  const { engine, dispose } = await under.open()
  const log = recordingLog()
  const store = await openStore({
    engine,
    log,
    retentionDays: 90,
    onBatch: () => {},
    ...(sealing !== undefined && { sealing }),
  })
  let ready = true
  let advancedMs = 0
  const draining = new AbortController()
  const deps: AdminDeps = {
    store,
    token: TOKEN,
    publicUrl: PUBLIC_URL,
    receiverUrl,
    log,
    metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'attune_test 1\n' },
    version: '0.1.0',
    pages: new Map(),
    isReady: () => ready,
    draining: draining.signal,
    tailIdentityMs: TAIL_IDENTITY_TEST_MS,
    queues: () => ({ intake: 1, audit: 2, lookups: 3, rateLimit: 4 }),
    // So that X-Forwarded-For makes a call come from wherever a test likes.
    trustedProxies: ['127.0.0.1'],
    peerAddress: socketPeer,
    nowMs: () => performance.now() + advancedMs,
    installation: {
      settings: [{ variable: 'ATTUNE_PORT', value: '8080', default: '8080', origin: 'default' }],
      runtime: 'Bun 0.0.0',
      started: '2026-01-01T00:00:00.000Z',
      receiver_url: 'http://localhost:8080',
      body_bytes_max: 26_214_400,
    },
  }
  const app = createAdmin(deps)
  const { server } = app.listen({ port: 0, hostname: '127.0.0.1', reusePort: false, development: false })
  const origin = `http://127.0.0.1:${server?.port}`

  return {
    app,
    store,
    log,
    origin,
    setReady(value: boolean): void {
      ready = value
    },
    /** As it would be after a start with another token of the installation. */
    withToken: (token: string) => createAdmin({ ...deps, token }),
    /** Exports alone, of fewer rows than are the bound. */
    withExports: (rowsMax: number) =>
      new Elysia()
        .use(errors(deps))
        .use(exports({ ...deps, authentication: new Authentication(deps) }, rowsMax)),
    /** As when the process begins to end. */
    drain: () => draining.abort(),
    /** Moves the clock of what is counted by the minute. */
    advance(ms: number): void {
      advancedMs += ms
    },
    call: (method: string, path: string, given: Call = {}) => call(`${origin}${path}`, method, given),
    async close(): Promise<void> {
      await server?.stop(true)
      await store.close(1_000)
      await dispose()
    },
  }
}

async function call(url: string, method: string, given: Call): Promise<Answer> {
  const { json, token = TOKEN } = given
  const body = json === undefined ? given.body : JSON.stringify(json)
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...given.headers,
    },
    ...(body !== undefined && { body }),
    redirect: 'manual',
  })
  // A stream of events has no end.
  const isEndless = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  if (isEndless) await response.body?.cancel()
  const text = isEndless ? '' : await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: <T>() => JSON.parse(text) as T,
    data: <T>() => (JSON.parse(text) as { data: T }).data,
    problem: () => JSON.parse(text) as Problem,
  }
}

/** The fields that an answer of 422 names, in order of their names. */
export const fieldsOf = (answer: Answer): string[] =>
  (answer.problem().errors ?? []).map(({ field }) => field).sort()

/** A trigger with a webhook key, as the receiver knows it. */
export async function triggerWithKey(store: Store, ref: string) {
  await store.triggers.create({ ref })
  const trigger = await store.triggers.enableWebhook(ref)
  if (trigger.webhookKey === null) throw new Error('enabling made no key')
  return { triggerId: String(trigger.id), triggerRef: ref, webhookKey: trigger.webhookKey }
}

type Origin = Awaited<ReturnType<typeof triggerWithKey>>

/** An id whose time is `timeMs`: what a request of that moment would have had. */
export const idAt = (timeMs: number): string => Bun.randomUUIDv7('hex', timeMs)

const record = (origin: Origin): AuditRecord => ({
  ...origin,
  id: idAt(Date.now()),
  sourceIp: '192.0.2.1',
  userAgent: 'test',
  payloadSizeBytes: 0,
  headers: [['x-test', '1']],
  hmacVerified: null,
  verifiedBy: null,
  outcome: null,
  rateLimited: false,
  ipAllowed: null,
  startedAtMs: performance.now(),
})

/** Stores an event, and the log row with it. */
export async function accept(
  store: Store,
  origin: Origin,
  given: Partial<AcceptedAttempt> = {},
): Promise<string> {
  const body = given.body ?? new TextEncoder().encode('{}')
  const attempt = {
    ...record(origin),
    contentType: 'application/json',
    rateLimitCount: null,
    ...given,
    body,
    payloadSizeBytes: body.byteLength,
  }
  await store.intakeWriter.accept(attempt)
  return attempt.id
}

/** Stores the log row of a rejection. */
export async function reject(
  store: Store,
  origin: Origin,
  given: Partial<RejectedAttempt> = {},
): Promise<string> {
  const attempt = {
    ...record(origin),
    statusCode: 401,
    errorCode: 'signature_invalid' as const,
    errorMessage: 'the digest does not match',
    hmacVerified: false,
    elapsedMs: 2,
    ...given,
  }
  store.intakeWriter.record(attempt)
  await store.intakeWriter.flush(5_000)
  return attempt.id
}
