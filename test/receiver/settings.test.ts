import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { engines, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'

/** The contract: within a second everywhere. */
const IN_FORCE_MS_MAX = 1_000

describe.each(engines)('a change made with SQL is in force within a second ($name)', ({ name, open }) => {
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

  const status = async ({ path }: TestTrigger, body = '{}', headers: Record<string, string> = {}) => {
    const answer = await receiver.post(path, body, headers)
    await answer.arrayBuffer()
    return answer.status
  }

  /** A trigger whose settings the receiver has in memory. */
  async function cached(): Promise<TestTrigger> {
    const trigger = await receiver.trigger()
    expect(await status(trigger)).toBe(200)
    // The feed has been read since, so that only what comes next can make the receiver forget.
    await receiver.store.triggerCache.poll()
    expect(await status(trigger)).toBe(200)
    await receiver.store.triggerCache.poll()
    return trigger
  }

  async function becomes(
    trigger: TestTrigger,
    expected: number,
    body?: string,
    headers?: Record<string, string>,
  ) {
    await eventually(async () => (await status(trigger, body, headers)) === expected, IN_FORCE_MS_MAX)
  }

  const run = (statement: string, { id }: TestTrigger) => receiver.sql.unsafe(statement.replaceAll(':id', id))

  test('disable_trigger_webhook and enable_trigger_webhook', async () => {
    const trigger = await cached()
    await run('select attune.disable_trigger_webhook(:id)', trigger)
    await becomes(trigger, 403)
    await run('select attune.enable_trigger_webhook(:id)', trigger)
    await becomes(trigger, 200)
  })

  test('regenerate_trigger_webhook_key', async () => {
    const trigger = await cached()
    const [row] = await receiver.sql<{ key: string }[]>`
      select webhook_key as key from attune.regenerate_trigger_webhook_key(${trigger.id})`
    await becomes({ ...trigger, path: `/api/v1/webhooks/${row?.key}` }, 200)
    await becomes(trigger, 404)
  })

  test('enable_trigger_webhook_hmac, with the secret that it made, and disable_trigger_webhook_hmac', async () => {
    const trigger = await cached()
    const [row] = await receiver.sql<{ secret: string }[]>`
      select webhook_hmac_secret as secret from attune.enable_trigger_webhook_hmac(${trigger.id}, 'sha512')`
    await becomes(trigger, 401)
    const signature = createHmac('sha512', row?.secret ?? '')
      .update('{}')
      .digest('hex')
    await becomes(trigger, 200, '{}', { 'x-webhook-signature': `sha512=${signature}` })
    await run('select attune.disable_trigger_webhook_hmac(:id)', trigger)
    await becomes(trigger, 200)
  })

  test('configure_trigger_webhook_rate_limit', async () => {
    const trigger = await cached()
    await run('select attune.configure_trigger_webhook_rate_limit(:id, true, 1, 3600)', trigger)
    await becomes(trigger, 429)
    await run('select attune.configure_trigger_webhook_rate_limit(:id, false)', trigger)
    await becomes(trigger, 200)
  })

  test('configure_trigger_webhook_ip_whitelist', async () => {
    const trigger = await cached()
    await run("select attune.configure_trigger_webhook_ip_whitelist(:id, true, '{10.0.0.0/8}')", trigger)
    await becomes(trigger, 403)
    await run(
      "select attune.configure_trigger_webhook_ip_whitelist(:id, true, '{10.0.0.0/8,127.0.0.1}')",
      trigger,
    )
    await becomes(trigger, 200)
    await run("select attune.configure_trigger_webhook_ip_whitelist(:id, true, '{}')", trigger)
    await becomes(trigger, 403)
  })

  test.each([['{{10.0.0.0/8,::1},{127.0.0.1,2001:db8::2}}'], ['[5:6]={127.0.0.1,::1}']])(
    'a whitelist that SQL holds as %s',
    async (list) => {
      const trigger = await cached()
      await run('select attune.configure_trigger_webhook_ip_whitelist(:id, true, array[]::text[])', trigger)
      await becomes(trigger, 403)
      await run(`update attune.trigger set webhook_ip_whitelist = '${list}' where id = :id`, trigger)
      await becomes(trigger, 200)
    },
  )

  test('update, also of several settings at once', async () => {
    const trigger = await cached()
    await run('update attune.trigger set webhook_payload_size_limit_kb = 1 where id = :id', trigger)
    await becomes(trigger, 413, 'x'.repeat(1025))
    await run('update attune.trigger set webhook_enabled = false, webhook_key = null where id = :id', trigger)
    await becomes(trigger, 404)
  })

  test('a change that is rolled back is none', async () => {
    const trigger = await cached()
    await receiver.sql
      .begin(async (tx) => {
        await tx.unsafe(`update attune.trigger set webhook_enabled = false where id = ${trigger.id}`)
        throw new Error('rolled back')
      })
      .catch(() => {})
    await receiver.store.triggerCache.poll()
    expect(await status(trigger)).toBe(200)
  })

  test('delete', async () => {
    const trigger = await cached()
    await run('delete from attune.trigger where id = :id', trigger)
    await becomes(trigger, 404)
  })

  test('many changes at once', async () => {
    const trigger = await cached()
    await receiver.sql.unsafe(`
      insert into attune.trigger (ref, webhook_key)
      select 'many.' || n, attune.generate_webhook_key() from generate_series(1, 1500) as n`)
    await receiver.sql.unsafe('update attune.trigger set webhook_enabled = false where webhook_enabled')
    await becomes(trigger, 403)
    await run('select attune.enable_trigger_webhook(:id)', trigger)
    await becomes(trigger, 200)
  })

  if (name === 'postgresql') {
    test('a transaction that commits long after it wrote', async () => {
      const trigger = await cached()
      const slow = database.engine.createPool({ name: 'slow', connectionsMax: 1, statementMsMax: 10_000 })
      await slow.begin(async (tx) => {
        await tx.unsafe(`update attune.trigger set webhook_enabled = false where id = ${trigger.id}`)
        // Transactions that began later commit first, and polls read their changes.
        const other = await cached()
        await run('select attune.disable_trigger_webhook(:id)', other)
        await becomes(other, 403)
        await receiver.store.triggerCache.poll()
        expect(await status(trigger)).toBe(200)
      })
      await becomes(trigger, 403)
      await slow.end()
    })

    test('by polling, when the connection that listens was killed', async () => {
      const trigger = await cached()
      const [killed] = await receiver.sql<{ n: number }[]>`
        select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
        where datname = current_database() and application_name = 'attune-webhooks maintenance'`
      expect(killed?.n).toBeGreaterThanOrEqual(1)
      await run('select attune.disable_trigger_webhook(:id)', trigger)
      await becomes(trigger, 403)
    })

    test('by polling, when a notification is lost', async () => {
      const trigger = await cached()
      await receiver.sql.begin(async (tx) => {
        await tx.unsafe('alter table attune.trigger disable trigger note_change')
        await tx.unsafe(`update attune.trigger set webhook_enabled = false where id = ${trigger.id}`)
        await tx.unsafe(`insert into attune.trigger_change (webhook_key) values ('${trigger.key}')`)
        await tx.unsafe('alter table attune.trigger enable trigger note_change')
      })
      await becomes(trigger, 403)
    })

    test('by NOTIFY well before the next poll could see it', async () => {
      const trigger = await cached()
      const polls: number[] = []
      for (let round = 0; round < 5; round++) {
        const call = round % 2 === 0 ? 'disable_trigger_webhook' : 'enable_trigger_webhook'
        const startedAtMs = performance.now()
        await run(`select attune.${call}(:id)`, trigger)
        await becomes(trigger, round % 2 === 0 ? 403 : 200)
        polls.push(performance.now() - startedAtMs)
      }
      // Polls are 400 ms apart: five waits for them would be 200 ms on average.
      expect(polls.toSorted((a, b) => a - b)[2]).toBeLessThan(100)
    })
  }

  test('truncate', async () => {
    const trigger = await cached()
    await receiver.sql`truncate attune.trigger`
    await becomes(trigger, 404)
  })
})
