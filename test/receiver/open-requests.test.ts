import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { RejectionCode } from '../../src/core/rejection.ts'
import type { Store } from '../../src/store/index.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { chunk, head, openConnection } from '../support/raw-http.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'

const HOST = ['Host', 'localhost'] as const

/** What an administrator does while a request is half-way in, and what the request then gets. */
const CHANGES: readonly (readonly [
  string,
  RejectionCode,
  (store: Store, ref: string) => Promise<unknown>,
])[] = [
  ['disabled', 'webhook_disabled', (store, ref) => store.triggers.disableWebhook(ref)],
  ['given another key', 'webhook_unknown', (store, ref) => store.triggers.regenerateWebhookKey(ref)],
  ['deleted', 'webhook_unknown', (store, ref) => store.triggers.delete(ref)],
  ['given a smaller limit', 'payload_too_large', (store, ref) => store.triggers.setPayloadLimit(ref, 1)],
  [
    'closed to the address',
    'ip_not_allowed',
    (store, ref) => store.triggers.setIpWhitelist(ref, ['10.0.0.0/8']),
  ],
  ['given a secret', 'signature_missing', (store, ref) => store.triggers.enableHmac(ref, 'sha256', null)],
]

describe.each(engines)('requests that are half-way in ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver

  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine)
  })
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  })

  const started = async ({ path }: TestTrigger, declared: number, sent: number) => {
    const connection = await openConnection(receiver.port)
    connection.write(head(path, [HOST, ['Content-Length', String(declared)]]))
    if (sent > 0) connection.write(Buffer.alloc(sent, 'x'))
    await connection.flushed()
    return connection
  }

  test.each(CHANGES)('obey a trigger that is %s meanwhile: %s', async (_, code, change) => {
    const trigger = await receiver.trigger()
    const connection = await started(trigger, 2_000, 1_999)
    await receiver.post(trigger.path, 'another, to know that the first is being read')
    await change(receiver.store, trigger.ref)
    connection.write('x')
    const answer = await connection.response()
    expect(JSON.parse(answer.body)).toMatchObject({ code })
    expect((await receiver.logRow(answer.headers.get('x-request-id'))).error_code).toBe(code)
    connection.destroy()
  })

  test('a setting that changes nothing for it lets a request through', async () => {
    const trigger = await receiver.trigger()
    const connection = await started(trigger, 2_000, 1_999)
    await receiver.store.triggers.setIpWhitelist(trigger.ref, ['127.0.0.0/8'])
    connection.write('x')
    expect((await connection.response()).status).toBe(200)
    connection.destroy()
  })

  test('take no memory of others by what they have only announced', async () => {
    const [idle, busy] = [await receiver.trigger(), await receiver.trigger()]
    const waiting = await Promise.all(Array.from({ length: 1_100 }, () => started(idle, 65_536, 0)))
    // Together they have announced more than there is for one trigger.
    for (const trigger of [idle, busy])
      expect((await receiver.post(trigger.path, 'x'.repeat(60_000))).status).toBe(200)
    for (const connection of waiting) connection.destroy()
  })

  test.each([
    [
      'an unknown key',
      404,
      (): Promise<TestTrigger> =>
        receiver
          .trigger()
          .then((trigger) => ({ ...trigger, path: `${trigger.path.slice(0, -32)}${'x'.repeat(32)}` })),
    ],
    ['a disabled webhook', 403, () => receiver.trigger({ enabled: false })],
    ['an address off the whitelist', 403, () => receiver.trigger({ ipWhitelist: ['10.0.0.0/8'] })],
    [
      'a missing signature',
      401,
      () => receiver.trigger({ hmac: { secret: 'a secret of the test' }, payloadKb: 65_536 }),
    ],
  ] as const)(
    'are cut off when they are turned away for %s and have much to say',
    async (_, status, make) => {
      const trigger = await make()
      const declared = await openConnection(receiver.port)
      declared.write(head(trigger.path, [HOST, ['Content-Length', '1000000']]))
      expect((await declared.response()).status).toBe(status)
      await declared.closed
      if (status === 401) return
      const chunked = await openConnection(receiver.port)
      chunked.write(head(trigger.path, [HOST, ['Transfer-Encoding', 'chunked']]))
      chunked.write(chunk(Buffer.from('x')))
      expect((await chunked.response()).status).toBe(status)
      await chunked.closed
    },
  )

  test('with little left to say keep their connection', async () => {
    const trigger = await receiver.trigger({ enabled: false })
    const connection = await openConnection(receiver.port)
    for (let turn = 0; turn < 3; turn += 1) {
      connection.write(head(trigger.path, [HOST, ['Content-Length', '5']]))
      connection.write('12345')
      expect((await connection.response()).status).toBe(403)
    }
    connection.destroy()
  })
})
