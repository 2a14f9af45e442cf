import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { engines, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'

const SECRET = 'the-secret-of-the-trigger'
const REQUESTS = 10_000
const AT_ONCE = 32

describe.each(engines)('rejected bodies ($name)', ({ open }) => {
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

  const signed = (body: string, secret = SECRET) => ({
    'x-webhook-signature': createHmac('sha256', secret).update(body).digest('hex'),
  })
  const keptOf = async ({ id }: TestTrigger) => {
    await receiver.store.rejectedBodyWriter.flush()
    const rows = await receiver.sql<{ id: string; size_bytes: number; has_body: boolean }[]>`
      select id::text, size_bytes, body is not null as has_body from attune.webhook_rejected_body
      where trigger_id = ${id} order by id`
    return [...rows]
  }

  test('keeps the exact bytes of what is refused for its signature, and no credential', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
    const body = new Uint8Array([0, 255, 13, 10])
    const headers = {
      ...signed('another body'),
      authorization: 'Bearer canary-token',
      'x-api-token': 'canary-token',
    }
    const { headers: answered } = await receiver.post(`${trigger.path}?a=1`, body, headers)
    const id = answered.get('x-request-id') ?? ''
    const kept = await eventually(() => receiver.store.rejectedBodies.read(id))
    expect(kept).toMatchObject({ method: 'POST', query: '?a=1', body: Buffer.from(body) })
    expect(JSON.stringify(kept?.headers)).not.toContain('canary-token')
  })

  test('keeps no more than headers of what was refused before its body was read', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
    await receiver.post(trigger.path, 'x', {})
    const [row] = await eventually(async () => {
      const rows = await keptOf(trigger)
      return rows.length > 0 ? rows : null
    })
    expect(row?.has_body).toBe(false)
  })

  test('keeps nothing of what is accepted, or refused for another reason', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET }, payloadKb: 1 })
    expect((await receiver.post(trigger.path, 'x', signed('x'))).status).toBe(200)
    expect((await receiver.post(trigger.path, 'x'.repeat(2_000), signed('x'))).status).toBe(413)
    expect(await keptOf(trigger)).toEqual([])
  })

  test('a flood of 10,000 bad signatures stays within the budget, and every one that is kept has its row', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
    const bytesMax = 100_000
    await receiver.store.rejectedBodies.configure(trigger.ref, bytesMax)
    const headers = signed('another body')
    let left = REQUESTS
    const send = async () => {
      while (left > 0) {
        left -= 1
        const response = await receiver.post(
          trigger.path,
          `{"n":${left},"pad":"${'x'.repeat(600)}"}`,
          headers,
        )
        if (response.status !== 401) throw new Error(`answered ${response.status}`)
        await response.arrayBuffer()
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, send))
    const kept = await keptOf(trigger)
    expect(kept.length).toBeGreaterThan(10)
    expect(kept.reduce((sum, { size_bytes }) => sum + size_bytes, 0)).toBeLessThanOrEqual(bytesMax)
    const orphans = () => receiver.sql`
        select from attune.webhook_rejected_body r
        where r.trigger_id = ${trigger.id}
          and not exists (select from attune.webhook_event_log l where l.id = r.id and l.attempts = 1)`
    await eventually(async () => (await orphans()).length === 0)
  }, 120_000)

  test('a trigger that keeps none has none', async () => {
    const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
    await receiver.store.rejectedBodies.configure(trigger.ref, 0)
    expect((await receiver.post(trigger.path, 'x', signed('y'))).status).toBe(401)
    expect(await keptOf(trigger)).toEqual([])
  })
})
