import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { UNKNOWN_KEY_LOG_LINES_PER_MINUTE } from '../../src/core/limits.ts'
import { webhookPath } from '../../src/core/webhook-key.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver, type TestReceiver } from '../support/receiver.ts'

const GUESSES = 20_000
const AT_ONCE = 100

const guess = (index: number) => `wh_${String(index).padStart(32, '0')}`

describe.each(engines)('unknown keys ($name)', ({ open }) => {
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

  const unknownCount = async () => {
    const line = /^attune_unknown_key_attempts_total (\d+)$/m.exec(await receiver.metrics.render())
    return Number(line?.[1] ?? 0)
  }

  test('leave a count and a log line without the key, and no row', async () => {
    const before = await unknownCount()
    expect((await receiver.post(webhookPath(guess(1)), '{}')).status).toBe(404)
    expect((await receiver.post('/api/v1/webhooks/no-key-at-all', '{}')).status).toBe(404)
    expect(await unknownCount()).toBe(before + 2)
    const lines = receiver.log.entries.filter(
      ({ message }) => message === 'attempt on an unknown webhook key',
    )
    expect(lines.map(({ fields }) => fields)).toEqual([
      { source_ip: '127.0.0.1', webhook_key: 'wh_0000…' },
      { source_ip: '127.0.0.1', webhook_key: 'not a webhook key' },
    ])
    expect((await receiver.sql`select 1 from attune.webhook_event_log`).length).toBe(0)
  })

  test('a key that becomes known is known within a second', async () => {
    const key = `wh_${'k'.repeat(32)}`
    expect((await receiver.post(webhookPath(key), '{}')).status).toBe(404)
    await receiver.sql`
      insert into attune.trigger (ref, webhook_enabled, webhook_key) values ('becomes.known', true, ${key})`
    await eventually(async () => (await receiver.post(webhookPath(key), '{}')).status === 200, 1_000)
    await receiver.sql`update attune.trigger set webhook_key = null, webhook_enabled = false where webhook_key = ${key}`
    await eventually(async () => (await receiver.post(webhookPath(key), '{}')).status === 404, 1_000)
  })

  test('a flood of guesses is counted, writes few lines, and pushes no trigger out of memory', async () => {
    const trigger = await receiver.trigger()
    const before = await unknownCount()
    let sent = 0
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (sent < GUESSES) {
          const answer = await receiver.post(webhookPath(guess(1_000_000 + sent++)), '')
          if (answer.status !== 404) throw new Error(`a guess was answered ${answer.status}`)
          await answer.arrayBuffer()
        }
      }),
    )
    expect(await unknownCount()).toBe(before + GUESSES)
    const lines = receiver.log.entries.filter(
      ({ message }) => message === 'attempt on an unknown webhook key',
    )
    expect(lines.length).toBeLessThanOrEqual(UNKNOWN_KEY_LOG_LINES_PER_MINUTE)
    const rows = await receiver.sql`select 1 from attune.webhook_event_log where status_code = 404`
    expect(rows.length).toBe(0)
    expect((await receiver.post(trigger.path, '{}')).status).toBe(200)
  }, 60_000)
})
