import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { RejectionCode } from '../../src/core/rejection.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { chunk, head, openConnection, sendRaw } from '../support/raw-http.ts'
import {
  startReceiver,
  type TestReceiver,
  type TestTrigger,
  type TriggerOptions,
} from '../support/receiver.ts'

const SECRET = 'a secret of the test'

/** One way to fail, which can be combined with others. */
interface Failure {
  readonly code: RejectionCode
  readonly trigger?: TriggerOptions
  readonly prepare?: (receiver: TestReceiver, trigger: TestTrigger) => Promise<unknown>
  readonly unknownKey?: boolean
  readonly body?: 'declared too large' | 'chunked too large'
  readonly signature?: 'missing' | 'invalid'
}

const WINDOW = { requests: 1, window_seconds: 3600 }

/** In the order in which they answer. */
const FAILURES: readonly (readonly [string, Failure])[] = [
  ['unknown key', { code: 'webhook_unknown', unknownKey: true }],
  ['disabled', { code: 'webhook_disabled', trigger: { enabled: false } }],
  ['declared too large', { code: 'payload_too_large', body: 'declared too large' }],
  ['address off the whitelist', { code: 'ip_not_allowed', trigger: { ipWhitelist: ['10.0.0.0/8'] } }],
  [
    'rate limit used up',
    {
      code: 'rate_limited',
      trigger: { rateLimit: WINDOW },
      prepare: async ({ store }, { key }) =>
        store.rateLimitCounter.count(key, WINDOW.requests, WINDOW.window_seconds),
    },
  ],
  ['chunked too large', { code: 'payload_too_large', body: 'chunked too large' }],
  [
    'signature missing',
    { code: 'signature_missing', trigger: { hmac: { secret: SECRET } }, signature: 'missing' },
  ],
  [
    'signature invalid',
    { code: 'signature_invalid', trigger: { hmac: { secret: SECRET } }, signature: 'invalid' },
  ],
  [
    'store refuses',
    {
      code: 'store_unavailable',
      prepare: ({ sql }, { ref }) =>
        sql.unsafe(
          `alter table attune.event add constraint "broken ${ref}" check (trigger_ref <> '${ref}') not valid`,
        ),
    },
  ],
]

/** Two failures that cannot be those of one attempt. */
const excludeEachOther = (a: Failure, b: Failure): boolean =>
  (a.body !== undefined && b.body !== undefined) || (a.signature !== undefined && b.signature !== undefined)

const PAIRS = FAILURES.flatMap(([first, a], index) =>
  FAILURES.slice(index + 1)
    .filter(([, b]) => !excludeEachOther(a, b))
    .map(([second, b]) => [first, second, a, b] as const),
)

const LIMIT = 1024
const small = Buffer.from('{"small":true}')
const large = Buffer.alloc(LIMIT + 1, 'x')

async function attempt(receiver: TestReceiver, failures: readonly Failure[]) {
  const merged = Object.assign({}, ...failures) as Failure
  const options = Object.assign({ payloadKb: 1 }, ...failures.map((failure) => failure.trigger))
  const trigger = await receiver.trigger(options)
  for (const { prepare } of failures) await prepare?.(receiver, trigger)
  const path = merged.unknownKey ? `/api/v1/webhooks/wh_${'0'.repeat(32)}` : trigger.path
  const body = merged.body === undefined ? small : large
  const secret = merged.signature === 'invalid' ? 'another' : SECRET
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const headers: [string, string][] = []
  if (merged.signature !== 'missing') headers.push(['X-Webhook-Signature', signature])
  const parts = [body]
  if (merged.body === 'chunked too large') {
    headers.push(['Transfer-Encoding', 'chunked'])
    parts.splice(0, 1, Buffer.from(chunk(body)), Buffer.from(chunk(Buffer.alloc(0))))
  } else headers.push(['Content-Length', String(body.byteLength)])
  const answer = await sendRaw(receiver.port, head(path, headers), ...parts)
  return { answer, trigger, code: (JSON.parse(answer.body) as { code?: string }).code }
}

describe.each(engines)('the first failing check answers ($name)', ({ open }) => {
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

  test('an attempt without any failure is accepted', async () => {
    expect((await attempt(receiver, [])).answer.status).toBe(200)
  })

  test.each(FAILURES)('%s alone', async (_, failure) => {
    expect((await attempt(receiver, [failure])).code).toBe(failure.code)
  })

  test.each(PAIRS)('%s, then %s', async (_first, _second, first, second) => {
    // The order of preparation must not matter, so the later failure is prepared first.
    const { answer, trigger, code } = await attempt(receiver, [second, first])
    expect(code).toBe(first.code)
    if (first.unknownKey) return
    const row = await receiver.logRow(answer.headers.get('x-request-id'))
    expect([row.error_code, row.status_code]).toEqual([first.code, answer.status])
    // A check behind the one that answered has not run.
    if (first.code === 'webhook_disabled' || first.body === 'declared too large') {
      expect([row.ip_allowed, row.rate_limited, row.hmac_verified]).toEqual([null, false, null])
    }
    if (first.code === 'ip_not_allowed') {
      expect([row.ip_allowed, row.rate_limited, row.hmac_verified]).toEqual([false, false, null])
    }
    if (first.code === 'rate_limited' || first.body === 'chunked too large') {
      expect(row.hmac_verified).toBeNull()
    }
    expect((await receiver.logRowsOf(trigger, 1)).length).toBe(1)
  })
})

/** Failures of the steps that must not wait for a body, and how the answer is still had. */
const BEFORE_THE_BODY = FAILURES.filter(
  ([, { code, body }]) => code !== 'store_unavailable' && body === undefined && code !== 'signature_invalid',
)

describe.each(engines.slice(0, 1))('nothing of the body is read by who fails before it', ({ open }) => {
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

  async function answerWithoutBody(failure: Failure, headers: [string, string][]) {
    const trigger = await receiver.trigger({ payloadKb: 1, ...failure.trigger })
    await failure.prepare?.(receiver, trigger)
    const path = failure.unknownKey ? `/api/v1/webhooks/wh_${'0'.repeat(32)}` : trigger.path
    const connection = await openConnection(receiver.port)
    connection.write(head(path, headers))
    try {
      return JSON.parse((await connection.response(2_000)).body) as { code: string }
    } finally {
      connection.destroy()
    }
  }

  test.each(BEFORE_THE_BODY)('%s: the answer to a declared body that never comes', async (_, failure) => {
    const { code } = await answerWithoutBody(failure, [['Content-Length', '1000']])
    expect(code).toBe(failure.code)
  })

  test('too large: the answer to a declared body that never comes', async () => {
    const { code } = await answerWithoutBody({ code: 'payload_too_large' }, [['Content-Length', '1025']])
    expect(code).toBe('payload_too_large')
  })

  test.each(BEFORE_THE_BODY.filter(([, { signature }]) => signature === undefined))(
    '%s: the answer to a chunked body that never comes',
    async (_, failure) => {
      const { code } = await answerWithoutBody(failure, [['Transfer-Encoding', 'chunked']])
      expect(code).toBe(failure.code)
    },
  )

  test('a body of declared length that is too large ends the connection with the answer', async () => {
    const trigger = await receiver.trigger({ payloadKb: 1 })
    const connection = await openConnection(receiver.port)
    connection.write(head(trigger.path, [['Content-Length', '100000000']]))
    expect((await connection.response()).status).toBe(413)
    await connection.closed
    connection.destroy()
  })

  test('a chunked body that is too large ends the connection with the answer', async () => {
    const trigger = await receiver.trigger({ payloadKb: 1 })
    const connection = await openConnection(receiver.port)
    connection.write(head(trigger.path, [['Transfer-Encoding', 'chunked']]))
    connection.write(chunk(large))
    expect((await connection.response()).status).toBe(413)
    await connection.closed
    connection.destroy()
  })

  test('a length and chunks at once are refused by the server', async () => {
    const trigger = await receiver.trigger()
    const connection = await openConnection(receiver.port)
    connection.write(
      head(trigger.path, [
        ['Content-Length', '5'],
        ['Transfer-Encoding', 'chunked'],
      ]),
    )
    connection.write(chunk(small))
    connection.write(chunk(Buffer.alloc(0)))
    expect((await connection.response()).status).toBe(400)
    connection.destroy()
  })

  test.each([['-1'], ['abc'], ['1e3'], ['0x10'], ['5, 5'], ['99999999999999999999999'], ['']])(
    'a declared length of "%s" is never taken for a number',
    async (length) => {
      const trigger = await receiver.trigger()
      const connection = await openConnection(receiver.port)
      connection.write(head(trigger.path, [['Content-Length', length]]))
      connection.write('12345')
      connection.end()
      const status = await connection.response(2_000).then(
        (answer) => answer.status,
        () => 'closed',
      )
      expect([400, 413, 'closed']).toContain(status)
      connection.destroy()
      const events = await receiver.sql`select 1 from attune.event where trigger_ref = ${trigger.ref}`
      expect(events.length).toBe(0)
    },
  )
})
