import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { REJECTIONS, type RejectionCode } from '../../src/core/rejection.ts'
import { requestIdTimeMs } from '../../src/core/request-id.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { chunk, head, openConnection, type RawResponse, sendRaw } from '../support/raw-http.ts'
import {
  type LogRow,
  startReceiver,
  type TestReceiver,
  type TestTrigger,
  type TriggerOptions,
} from '../support/receiver.ts'

const SECRET = 'a secret of the test'
const BODY = '{"zen":"Keep it logically awesome."}'
const sign = (body: string | Uint8Array, secret = SECRET, algorithm = 'sha256') =>
  `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`

type Header = readonly [string, string]

/** The check that turns away with each code, by its place in the order; what no check of the receiver says is not here. */
const REFUSING: Partial<Record<RejectionCode, number>> = {
  webhook_disabled: 0,
  payload_too_large: 1,
  ip_not_allowed: 2,
  rate_limited: 3,
  signature_missing: 4,
  signature_invalid: 4,
}

/**
 * The column `checks` in the letters of the verdicts: passed or off before the one that refused. Behind it nothing is reached, unless it
 * was the size of a body without a declared length, which is known last.
 */
function checksOf(code: RejectionCode | null): string {
  if (code === null) return expect.stringMatching(/^(?:p\d+|o)(?:,(?:p\d+|o)){4},p\d*$/)
  const refusing = REFUSING[code]
  if (refusing === undefined) return expect.stringMatching(/^[pron]\d*(?:,[pron]\d*){5}$/)
  return expect.stringMatching(
    new RegExp(
      `^(?:(?:p\\d+|o),){${refusing}}r\\d+(?:,(?:${refusing === 1 ? 'p\\d+|o|n' : 'n'})){${5 - refusing}}$`,
    ),
  )
}

/** The columns of the audit row that differ from those of an attempt which nobody looked at closely. */
type RowChange = Partial<Omit<LogRow, 'id' | 'created' | 'trigger_id' | 'trigger_ref' | 'webhook_key'>>

interface Exit {
  readonly title: string
  readonly trigger?: TriggerOptions
  /** Before the attempt: uses up a limit, for instance. */
  readonly prepare?: (receiver: TestReceiver, trigger: TestTrigger) => Promise<unknown>
  readonly method?: string
  readonly headers?: readonly Header[]
  /** What is sent behind the head; the length is declared unless `headers` say how the body comes. */
  readonly parts?: readonly (string | Uint8Array)[]
  /** Hangs up half-way, so that nobody hears the answer. */
  readonly hangsUp?: boolean
  readonly status: number
  readonly code: RejectionCode | null
  readonly answerHeaders?: Readonly<Record<string, RegExp>>
  readonly row: RowChange
}

const KB = 1024
const declared = (bytes: number): Header => ['Content-Length', String(bytes)]
const CHUNKED: Header = ['Transfer-Encoding', 'chunked']
const text = (length: number) => Buffer.alloc(length, 'x')

/** Makes the database refuse the rows of one trigger, as a full disk or a broken index would. */
const breakStore = ({ sql }: TestReceiver, { ref }: TestTrigger) =>
  sql.unsafe(
    `alter table attune.event add constraint "broken ${ref}" check (trigger_ref <> '${ref}') not valid`,
  )

const EXITS: readonly Exit[] = [
  {
    title: 'accepted without any check',
    status: 200,
    code: null,
    row: { payload_size_bytes: BODY.length },
  },
  {
    title: 'accepted through every check',
    trigger: {
      hmac: { secret: SECRET },
      ipWhitelist: ['127.0.0.0/8'],
      rateLimit: { requests: 1, window_seconds: 3600 },
      payloadKb: 1,
    },
    headers: [['X-Hub-Signature-256', sign(BODY)]],
    status: 200,
    code: null,
    row: { payload_size_bytes: BODY.length, hmac_verified: true, verified_by: 'default', ip_allowed: true },
  },
  {
    title: 'the webhook is disabled',
    trigger: { enabled: false },
    status: 403,
    code: 'webhook_disabled',
    row: { error_message: 'webhooks of this trigger are disabled' },
  },
  {
    title: 'the declared length is over the limit',
    trigger: { payloadKb: 1 },
    parts: [text(KB + 1)],
    status: 413,
    code: 'payload_too_large',
    answerHeaders: { connection: /^close$/i },
    row: {
      payload_size_bytes: KB + 1,
      error_message: 'the declared length of 1025 bytes exceeds the limit of 1024',
    },
  },
  {
    title: 'the declared length is beyond all numbers of the column',
    parts: [],
    headers: [declared(5_000_000_000)],
    status: 413,
    code: 'payload_too_large',
    row: {
      payload_size_bytes: 2_147_483_647,
      error_message: 'the declared length of 5000000000 bytes exceeds the limit of 1048576',
    },
  },
  {
    title: 'a chunked body is over the limit',
    trigger: { payloadKb: 1 },
    headers: [CHUNKED],
    parts: [chunk(text(KB)), chunk(text(1)), chunk(text(0))],
    status: 413,
    code: 'payload_too_large',
    answerHeaders: { connection: /^close$/i },
    row: { error_message: 'the body exceeds the limit of 1024 bytes' },
  },
  {
    title: 'a chunked body is over the limit, and a signature is asked for',
    trigger: { payloadKb: 1, hmac: { secret: SECRET } },
    headers: [CHUNKED],
    parts: [chunk(text(KB + 1)), chunk(text(0))],
    status: 413,
    code: 'payload_too_large',
    row: { error_message: 'the body exceeds the limit of 1024 bytes' },
  },
  {
    title: 'the address is not on the whitelist',
    trigger: { ipWhitelist: ['10.0.0.0/8', '2001:db8::/32'] },
    status: 403,
    code: 'ip_not_allowed',
    row: { ip_allowed: false, error_message: '127.0.0.1 is on none of 2 entries of the whitelist' },
  },
  {
    title: 'the whitelist is empty',
    trigger: { ipWhitelist: [] },
    status: 403,
    code: 'ip_not_allowed',
    row: { ip_allowed: false, error_message: '127.0.0.1 is on none of 0 entries of the whitelist' },
  },
  {
    title: 'the rate limit is used up',
    trigger: { rateLimit: { requests: 1, window_seconds: 3600 }, ipWhitelist: ['127.0.0.1'] },
    prepare: ({ store }, { key }) => Promise.resolve(store.rateLimitCounter.count(key, 1, 3600)),
    status: 429,
    code: 'rate_limited',
    answerHeaders: {
      'retry-after': /^[1-9]\d{0,3}$/,
      ratelimit: /^"default";r=0;t=[1-9]\d{0,3}$/,
      'ratelimit-policy': /^"default";q=1;w=3600$/,
    },
    row: { rate_limited: true, ip_allowed: true, error_message: 'more than 1 requests in 3600 seconds' },
  },
  {
    title: 'no signature',
    trigger: { hmac: { secret: SECRET } },
    status: 401,
    code: 'signature_missing',
    row: { hmac_verified: false, error_message: 'no signature header is present' },
  },
  {
    title: 'no signature on a chunked body',
    trigger: { hmac: { secret: SECRET } },
    headers: [CHUNKED],
    parts: [chunk(text(5)), chunk(text(0))],
    status: 401,
    code: 'signature_missing',
    row: { hmac_verified: false, payload_size_bytes: 5, error_message: 'no signature header is present' },
  },
  {
    title: 'the signature of another body',
    trigger: { hmac: { secret: SECRET } },
    headers: [['X-Hub-Signature-256', sign(`${BODY} `)]],
    status: 401,
    code: 'signature_invalid',
    row: { hmac_verified: false, error_message: 'the digest does not match' },
  },
  {
    title: 'the signature of another secret',
    trigger: { hmac: { secret: SECRET } },
    headers: [['X-Webhook-Signature', sign(BODY, 'another secret')]],
    status: 401,
    code: 'signature_invalid',
    row: { hmac_verified: false, error_message: 'the digest does not match' },
  },
  {
    title: 'the signature of another algorithm',
    trigger: { hmac: { secret: SECRET, algorithm: 'sha512' } },
    headers: [['X-Hub-Signature', sign(BODY, SECRET, 'sha1')]],
    status: 401,
    code: 'signature_invalid',
    row: { hmac_verified: false, error_message: 'the prefix names sha1, the trigger asks for sha512' },
  },
  {
    title: 'two signature headers of one name, one of them right',
    trigger: { hmac: { secret: SECRET } },
    headers: [
      ['X-Hub-Signature-256', sign(BODY)],
      ['X-Hub-Signature-256', sign(BODY, 'another secret')],
    ],
    status: 401,
    code: 'signature_invalid',
    row: { hmac_verified: false, error_message: 'the value is not 64 hexadecimal digits' },
  },
  {
    title: 'a declared body stops half-way',
    headers: [declared(100)],
    parts: ['half of it'],
    hangsUp: true,
    status: 400,
    code: 'body_incomplete',
    row: { payload_size_bytes: 100, error_message: 'the body ended after some of 100 bytes' },
  },
  {
    title: 'a declared body stops half-way before its signature could be verified',
    trigger: { hmac: { secret: SECRET } },
    headers: [declared(100), ['X-Hub-Signature-256', sign(BODY)]],
    parts: ['half of it'],
    hangsUp: true,
    status: 400,
    code: 'body_incomplete',
    row: { payload_size_bytes: 100, error_message: 'the body ended after some of 100 bytes' },
  },
  {
    title: 'a large declared body stops half-way',
    headers: [declared(100_000)],
    parts: [text(10)],
    hangsUp: true,
    status: 400,
    code: 'body_incomplete',
    row: {
      payload_size_bytes: 100_000,
      error_message: expect.stringMatching(/^the body ended after (some|\d+) of 100000 bytes$/),
    },
  },
  {
    title: 'a chunked body stops between two chunks',
    headers: [CHUNKED],
    parts: [chunk(text(10))],
    hangsUp: true,
    status: 400,
    code: 'body_incomplete',
    row: {
      error_message: expect.stringMatching(/^the body ended after \d+ of an undeclared number of bytes$/),
    },
  },
  {
    title: 'a chunked body stops inside of a chunk',
    headers: [CHUNKED],
    parts: [chunk(text(10)), '10\r\nabc'],
    hangsUp: true,
    status: 400,
    code: 'body_incomplete',
    row: {
      error_message: expect.stringMatching(/^the body ended after \d+ of an undeclared number of bytes$/),
    },
  },
  {
    title: 'the database refuses the row',
    prepare: breakStore,
    status: 503,
    code: 'store_unavailable',
    answerHeaders: { 'retry-after': /^[1-9]\d*$/ },
    row: { payload_size_bytes: BODY.length, error_message: 'the database refused the row' },
  },
  {
    title: 'the method is GET',
    method: 'GET',
    parts: [],
    status: 405,
    code: 'method_not_allowed',
    answerHeaders: { allow: /^POST$/ },
    row: { error_message: 'the method GET is not POST' },
  },
  {
    title: 'the method is PUT',
    method: 'PUT',
    status: 405,
    code: 'method_not_allowed',
    answerHeaders: { allow: /^POST$/ },
    row: { error_message: 'the method PUT is not POST' },
  },
  {
    title: 'the method is not POST, and the webhook is disabled',
    trigger: { enabled: false, ipWhitelist: [] },
    method: 'DELETE',
    status: 405,
    code: 'method_not_allowed',
    row: { error_message: 'the method DELETE is not POST' },
  },
]

const FIXED_HEADERS: readonly Header[] = [
  ['User-Agent', 'GitHub-Hookshot/044aadd'],
  ['X-GitHub-Event', 'ping'],
  ['Authorization', 'Bearer canary-authorization'],
  ['Cookie', 'session=canary-cookie'],
  ['X-Gitlab-Token', 'canary-token'],
]

const requestOf = ({ method = 'POST', headers = [], parts = [BODY] }: Exit, path: string) => {
  const saysHow = headers.some(([name]) => name === 'Content-Length' || name === CHUNKED[0])
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const all: Header[] = [...FIXED_HEADERS, ...headers]
  if (!saysHow && parts.length > 0) all.push(declared(length))
  return { headers: all, parts: [head(path, all, method), ...parts] }
}

/** Headers as the runtime shows them: names in lower case, sorted; repeated ones joined. */
function kept(headers: readonly Header[]): [string, string][] {
  const joined = new Map<string, string>([['host', 'localhost']])
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    const before = joined.get(lower)
    joined.set(lower, before === undefined ? value : `${before}, ${value}`)
  }
  for (const name of ['authorization', 'cookie', 'x-gitlab-token']) joined.set(name, '[redacted]')
  return [...joined].sort(([a], [b]) => (a < b ? -1 : 1))
}

describe.each(engines)('every exit of the receiver leaves its row ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine)
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  test.each(EXITS.map((exit) => [exit.title, exit] as const))('%s', async (_, exit) => {
    const trigger = await receiver.trigger(exit.trigger)
    await exit.prepare?.(receiver, trigger)
    const { headers, parts } = requestOf(exit, trigger.path)
    const row = exit.hangsUp
      ? await hangUp(receiver, trigger, parts)
      : await answered(receiver, exit, trigger, parts)

    const sent = parts.slice(1).reduce((sum, part) => sum + part.length, 0)
    const isChunked = headers.some(([name]) => name === CHUNKED[0])
    expect(row).toEqual({
      id: row.id,
      created: new Date(requestIdTimeMs(row.id) ?? 0),
      processing_time_ms: expect.any(Number),
      trigger_id: trigger.id,
      trigger_ref: trigger.ref,
      webhook_key: trigger.key,
      event_id: exit.code === null ? row.id : null,
      source_ip: '127.0.0.1',
      user_agent: 'GitHub-Hookshot/044aadd',
      payload_size_bytes: sizeOf(exit, isChunked, sent),
      headers: kept(headers),
      status_code: exit.status,
      error_code: exit.code,
      error_message: null,
      hmac_verified: null,
      rate_limited: false,
      ip_allowed: null,
      verified_by: null,
      outcome: null,
      checks: checksOf(exit.code),
      attempts: 1,
      ...exit.row,
    })
    expect(row.processing_time_ms).toBeGreaterThanOrEqual(0)
    expect(row.processing_time_ms).toBeLessThan(5_000)
    const events = await receiver.sql`select id from attune.event where trigger_ref = ${trigger.ref}`
    expect([...events].map(({ id }) => id as string)).toEqual(exit.code === null ? [row.id] : [])
  })

  test('an unknown key is answered and leaves no row', async () => {
    for (const key of [`wh_${'x'.repeat(32)}`, 'wh_short', '%00', 'a'.repeat(2_000)]) {
      const answer = await sendRaw(receiver.port, head(`/api/v1/webhooks/${key}`, [declared(2)]), '{}')
      expectProblem(answer, 404, 'webhook_unknown')
    }
    const rows = await receiver.sql`select 1 from attune.webhook_event_log where status_code = 404`
    expect(rows.length).toBe(0)
  })

  test('another method on an unknown key is 405 and leaves no row', async () => {
    const answer = await sendRaw(receiver.port, head(`/api/v1/webhooks/wh_${'x'.repeat(32)}`, [], 'GET'))
    expectProblem(answer, 405, 'method_not_allowed')
    expect(answer.headers.get('allow')).toBe('POST')
  })

  test.each([
    '/',
    '/api/v1/webhooks',
    '/api/v1/webhooks/',
    '/api/v1/triggers',
    '/metrics',
    '/readyz',
    '/openapi.json',
  ])('nothing answers at %s', async (path) => {
    for (const method of ['GET', 'POST']) {
      const length = method === 'POST' ? [declared(0)] : []
      expectProblem(await sendRaw(receiver.port, head(path, length, method)), 404, 'route_unknown')
    }
  })

  test('GET /healthz answers 200, other methods 405', async () => {
    const healthy = await sendRaw(receiver.port, head('/healthz', [], 'GET'))
    expect(healthy.status).toBe(200)
    expect(JSON.parse(healthy.body)).toEqual({ status: 'ok' })
    const posted = await sendRaw(receiver.port, head('/healthz', [declared(0)]))
    expectProblem(posted, 405, 'method_not_allowed')
    expect(posted.headers.get('allow')).toBe('GET, HEAD')
  })
})

/** The size is the declared one until the body has been read. */
function sizeOf({ code, method = 'POST' }: Exit, isChunked: boolean, sent: number): number | null {
  if (method !== 'POST') return null
  if (isChunked) return code === null ? sent : null
  return code === 'webhook_disabled' ? null : sent
}

async function answered(
  receiver: TestReceiver,
  exit: Exit,
  trigger: TestTrigger,
  parts: readonly (string | Uint8Array)[],
): Promise<LogRow> {
  const answer = await sendRaw(receiver.port, ...parts)
  if (exit.code === null) {
    const { data } = JSON.parse(answer.body)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toStartWith('application/json')
    expect(data).toEqual({
      event_id: answer.headers.get('x-request-id'),
      trigger_ref: trigger.ref,
      received_at: new Date(requestIdTimeMs(data.event_id) ?? 0).toISOString(),
      message: expect.any(String),
    })
  } else {
    expectProblem(answer, exit.status, exit.code)
  }
  for (const [name, pattern] of Object.entries(exit.answerHeaders ?? {})) {
    expect(answer.headers.get(name) ?? `no ${name}`).toMatch(pattern)
  }
  return receiver.logRow(answer.headers.get('x-request-id'))
}

/** Whoever hangs up hears no answer; the row of the attempt is found by its trigger. */
async function hangUp(
  receiver: TestReceiver,
  trigger: TestTrigger,
  parts: readonly (string | Uint8Array)[],
): Promise<LogRow> {
  const connection = await openConnection(receiver.port)
  for (const part of parts) connection.write(part)
  connection.end()
  const [row] = await receiver.logRowsOf(trigger, 1)
  connection.destroy()
  if (row === undefined) throw new Error('the attempt left no row')
  return row
}

function expectProblem(answer: RawResponse, status: number, code: RejectionCode): void {
  const id = answer.headers.get('x-request-id')
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(requestIdTimeMs(id ?? '')).not.toBeNull()
  expect(JSON.parse(answer.body)).toEqual({
    type: `urn:attune-webhooks:problem:${code}`,
    title: REJECTIONS[code].title,
    status,
    detail: REJECTIONS[code].detail,
    code,
    request_id: id,
  })
}
