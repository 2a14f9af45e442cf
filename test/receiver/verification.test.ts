import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { Sealing } from '../../src/core/sealing.ts'
import type { StoredVerification } from '../../src/core/trigger.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'
import paypal from '../vectors/paypal.json'

const KEY = Buffer.alloc(32, 7)
const BODY = '{"zen":"Design for failure."}'
const SECRET = 'canary-secret-of-the-sender'
const PUBLIC_URL = 'https://hooks.example.test'

const hex = (secret: string, text: string, algorithm = 'sha256') =>
  createHmac(algorithm, secret).update(text).digest('hex')

const stripe = (secret: string, seconds = Math.floor(Date.now() / 1000)) => ({
  'stripe-signature': `t=${seconds},v1=${hex(secret, `${seconds}.${BODY}`)}`,
})

const generic = (secret: string) => ({ 'x-webhook-signature': hex(secret, BODY) })

describe.each(engines)('verification ($name)', ({ name, open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  /** What is at every URL of a certificate. */
  let certificate: string | null = null
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine, {
      sealing: new Sealing(KEY),
      publicUrl: PUBLIC_URL,
      fetchCertificate: async () => certificate,
    })
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  async function verifying(
    scheme: StoredVerification['scheme'],
    further: Partial<StoredVerification> = {},
    secret: string | null = SECRET,
  ): Promise<TestTrigger> {
    const trigger = await receiver.trigger()
    const secrets = secret === null ? [] : [{ label: 'default', text: secret }]
    await receiver.store.verifications.set(trigger.ref, { scheme, ...further }, secrets)
    return trigger
  }

  async function send(trigger: TestTrigger, headers: Record<string, string>, query = '', body = BODY) {
    const response = await receiver.post(trigger.path + query, body, headers)
    const row = await receiver.logRow(response.headers.get('x-request-id'))
    return { status: response.status, row, text: await response.text() }
  }

  const add = (trigger: TestTrigger, label: string, text: string, othersExpire: number | null = null) =>
    receiver.store.verifications.add(trigger.ref, { label, text }, othersExpire)

  const storedSecrets = async ({ id }: TestTrigger) =>
    receiver.sql<{ label: string; secret: string | null; last_used: Date | null }[]>`
      select label, secret, last_used from attune.webhook_secret where trigger_id = ${id} order by id`

  test('a request that its sender signed is taken, and the row names the secret by its label', async () => {
    const trigger = await verifying('stripe')
    const { status, row } = await send(trigger, stripe(SECRET))
    expect(status).toBe(200)
    expect(row).toMatchObject({ hmac_verified: true, verified_by: 'default' })
  })

  test.each([
    ['no header', {}, 'signature_missing', 'The request has none of the headers that its proof may be in.'],
    ['another secret', stripe('other'), 'signature_invalid', null],
    ['an hour ago', stripe(SECRET, Math.floor(Date.now() / 1000) - 3_600), 'signature_invalid', null],
    ['the generic header', generic(SECRET), 'signature_missing', null],
  ] as const)('%s is refused, and the row says why', async (_, headers, code, reason) => {
    const trigger = await verifying('stripe')
    const { status, row, text } = await send(trigger, headers)
    expect(status).toBe(401)
    expect(row).toMatchObject({ error_code: code, hmac_verified: false, verified_by: null, event_id: null })
    if (reason !== null) expect(row.error_message).toBe(reason)
    expect(text).not.toContain(SECRET)
    expect(row.error_message).not.toContain(SECRET)
  })

  test('a large body is not read when the headers alone say that it is not signed', async () => {
    const trigger = await verifying('stripe')
    const late = stripe(SECRET, Math.floor(Date.now() / 1000) - 3_600)
    const { status, row } = await send(trigger, late, '', 'x'.repeat(100_000))
    expect(status).toBe(401)
    expect(row.error_code).toBe('signature_invalid')
  })

  test('a tolerance of the trigger stands in place of that of the scheme', async () => {
    const trigger = await verifying('stripe', { tolerance_seconds: 7_200 })
    expect((await send(trigger, stripe(SECRET, Math.floor(Date.now() / 1000) - 3_600))).status).toBe(200)
  })

  test('a scheme of the operator is compiled and used', async () => {
    const scheme = {
      scheme: 'hmac',
      hash: 'sha512',
      sig: { from: ['header:x-mine'], enc: 'base64' },
      signed: '{method} {url} {body}',
    }
    const trigger = await verifying(scheme)
    const text = `POST ${PUBLIC_URL}${trigger.path}?a=1&b=%2F ${BODY}`
    const mac = createHmac('sha512', SECRET).update(text).digest('base64')
    expect((await send(trigger, { 'x-mine': mac }, '?a=1&b=%2F')).status).toBe(200)
    expect((await send(trigger, { 'x-mine': mac }, '?a=1&b=/')).status).toBe(401)
  })

  test('a shared token is no part of the stored headers', async () => {
    const trigger = await verifying('cloudflare')
    const taken = await send(trigger, { 'cf-webhook-auth': SECRET })
    expect(taken.status).toBe(200)
    const refused = await send(trigger, { 'cf-webhook-auth': `${SECRET}x` })
    expect(refused.status).toBe(401)
    const event = await receiver.eventRow(taken.row.id)
    expect(JSON.stringify([taken.row, refused.row, event.headers])).not.toContain(SECRET)
  })

  test('a scheme that is not known refuses everyone, and the log says so once', async () => {
    const trigger = await verifying('of-a-later-release')
    const { status, row } = await send(trigger, stripe(SECRET))
    expect(status).toBe(401)
    expect(row.error_message).toBe('the scheme of-a-later-release is not known to this release')
  })

  test('a certificate that cannot be fetched is our fault, and the sender is told to come again', async () => {
    const trigger = await verifying('paypal', { config: { webhookId: '1' } }, null)
    const { status, row } = await send(trigger, {
      'paypal-transmission-id': 'x',
      'paypal-transmission-time': new Date().toISOString(),
      'paypal-transmission-sig': 'AAAA',
      'paypal-auth-algo': 'SHA256withRSA',
      'paypal-cert-url': 'https://api.paypal.com/v1/notifications/certs/CERT',
    })
    expect([status, row.error_code, row.hmac_verified]).toEqual([503, 'store_unavailable', null])
  })

  test('one that a certificate proves is taken, and the row says by what', async () => {
    const [vector] = paypal.vectors
    if (vector === undefined) throw new Error('the vectors of PayPal are empty')
    certificate = vector.extra.certificatePem
    const trigger = await verifying('paypal', { config: { webhookId: vector.extra.webhookId } }, null)
    const { status, row } = await send(trigger, vector.headers, '', vector.body)
    expect([status, row.verified_by, row.hmac_verified]).toEqual([200, 'certificate', true])
    expect((await send(trigger, vector.headers, '', `${vector.body} `)).status).toBe(401)
    certificate = null
  })

  describe('several secrets', () => {
    test('a further one is accepted beside the one there is, for the generic scheme and for others', async () => {
      const mine = await receiver.trigger({ hmac: { secret: SECRET } })
      const theirs = await verifying('stripe')
      for (const trigger of [mine, theirs]) await add(trigger, '2026-q4', 'the new secret')
      expect((await send(mine, generic(SECRET))).row.verified_by).toBe('default')
      expect((await send(mine, generic('the new secret'))).row.verified_by).toBe('2026-q4')
      expect((await send(theirs, stripe(SECRET))).row.verified_by).toBe('default')
      expect((await send(theirs, stripe('the new secret'))).row.verified_by).toBe('2026-q4')
      expect((await send(mine, generic('another'))).status).toBe(401)
    })

    test('an expired one is refused to the instant, also while the trigger is cached', async () => {
      const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
      await add(trigger, 'next', 'the new secret', 1)
      const { expires } = (
        await receiver.sql<{ expires: Date }[]>`
          select expires from attune.webhook_secret where trigger_id = ${trigger.id} and label = 'default'`
      )[0] ?? { expires: new Date() }
      const answers: { atMs: number; status: number }[] = []
      while (Date.now() < expires.getTime() + 300) {
        const atMs = Date.now()
        answers.push({ atMs, status: (await receiver.post(trigger.path, BODY, generic(SECRET))).status })
      }
      // A request takes its time, so only what began after the end is sure to be late.
      expect(answers.some(({ status }) => status === 200)).toBe(true)
      expect(answers.filter(({ atMs }) => atMs > expires.getTime()).map(({ status }) => status)).toSatisfy(
        (statuses: number[]) => statuses.length > 0 && statuses.every((status) => status === 401),
      )
      expect((await send(trigger, generic('the new secret'))).status).toBe(200)
    })

    // The embedded database belongs to one process.
    if (name === 'postgresql') {
      test('a change is in force in another process within a second, and an end to the instant', async () => {
        const other = await startReceiver(database.engine, { sealing: new Sealing(KEY) })
        const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
        const statusOf = async (secret: string) =>
          (await other.post(trigger.path, BODY, generic(secret))).status
        expect(await statusOf(SECRET)).toBe(200)
        await add(trigger, 'next', 'the new secret', 2)
        const addedAtMs = performance.now()
        await eventually(async () => ((await statusOf('the new secret')) === 200 ? true : null))
        expect(performance.now() - addedAtMs).toBeLessThan(1_000)
        const [row] = await receiver.sql<{ expires: Date }[]>`
          select expires from attune.webhook_secret where trigger_id = ${trigger.id} and label = 'default'`
        const endMs = row?.expires.getTime() ?? 0
        expect(await statusOf(SECRET)).toBe(200)
        const lateStatuses = new Set<number>()
        while (Date.now() < endMs + 300) {
          const isLate = Date.now() > endMs
          const status = await statusOf(SECRET)
          if (isLate) lateStatuses.add(status)
        }
        expect([...lateStatuses]).toEqual([401])
        await other.close()
      })
    }

    test('rotation refuses nothing while requests come in', async () => {
      const trigger = await receiver.trigger({ hmac: { secret: 'secret number 0' } })
      const statuses = new Set<number>()
      let current = 0
      let isOver = false
      const senders = Array.from({ length: 4 }, async () => {
        while (!isOver) {
          const { status } = await receiver.post(trigger.path, BODY, generic(`secret number ${current}`))
          statuses.add(status)
        }
      })
      for (let next = 1; next <= 5; next++) {
        await add(trigger, `number-${next}`, `secret number ${next}`, 60)
        current = next
        await eventually(async () => {
          const rows = await receiver.sql`
            select from attune.webhook_event_log
            where trigger_ref = ${trigger.ref} and verified_by = ${`number-${next}`}`
          return rows.length > 0 ? true : null
        })
      }
      isOver = true
      await Promise.all(senders)
      expect([...statuses]).toEqual([200])
    })

    test('ended at once, it is refused with the next request', async () => {
      const trigger = await verifying('stripe')
      await add(trigger, 'next', 'the new secret')
      await receiver.store.verifications.expire(trigger.ref, 'default', 0)
      expect((await send(trigger, stripe(SECRET))).status).toBe(401)
      expect((await send(trigger, stripe('the new secret'))).status).toBe(200)
    })

    test('that one was used is written down, and does not make the trigger be read again', async () => {
      const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
      await send(trigger, generic(SECRET))
      const changes = async () => (await receiver.sql`select from attune.trigger_change`).length
      const before = await changes()
      await receiver.store.secretUses.write()
      expect((await storedSecrets(trigger))[0]?.last_used).toBeInstanceOf(Date)
      expect(await changes()).toBe(before)
    })

    test('one that psql adds in plain is accepted within a second', async () => {
      const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
      await send(trigger, generic(SECRET))
      await receiver.sql`
        insert into attune.webhook_secret (trigger_id, label, secret) values (${trigger.id}, 'psql', 'plain text')`
      const startedAtMs = performance.now()
      await eventually(async () =>
        (await send(trigger, generic('plain text'))).status === 200 ? true : null,
      )
      expect(performance.now() - startedAtMs).toBeLessThan(1_000)
    })

    test('there are at most 16, and an expired one gives way', async () => {
      const trigger = await verifying('stripe')
      for (let number = 1; number < 16; number++) await add(trigger, `n${number}`, `secret ${number}`)
      const refused = await add(trigger, 'one-more', 'secret').catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'request_invalid' })
      await receiver.store.verifications.expire(trigger.ref, 'n3', 0)
      expect(await add(trigger, 'one-more', 'secret')).toBe('one-more')
      expect((await storedSecrets(trigger)).map(({ label }) => label)).not.toContain('n3')
      const insert = receiver.sql`
        insert into attune.webhook_secret (trigger_id, label, secret) values (${trigger.id}, 'x', 'y')`
      const fault = await insert.catch((error: unknown) => error)
      expect(fault).toMatchObject({ constraint_name: 'webhook_secret_count' })
    })
  })

  describe('sealed', () => {
    test('are all secrets that the store is given, and none of them stands in the database in plain', async () => {
      const mine = await receiver.trigger({ hmac: { secret: SECRET } })
      const theirs = await verifying('box', { config: { secondarySecret: `${SECRET} two` } })
      await add(mine, 'next', `${SECRET} three`)
      const rows = await receiver.sql`
        select t.webhook_hmac_secret, t.webhook_verification::text as verification, s.secret
        from attune.trigger t join attune.webhook_secret s on s.trigger_id = t.id
        where t.id in (${mine.id}, ${theirs.id})`
      expect(JSON.stringify(rows)).not.toContain(SECRET)
      expect(JSON.stringify(rows)).toContain('sealed:v1:')
      expect((await send(mine, generic(`${SECRET} three`))).status).toBe(200)
    })

    test.each([
      ['changed', (text: string) => `${text.slice(0, 40)}${text[40] === 'A' ? 'B' : 'A'}${text.slice(41)}`],
      [
        'sealed with another key',
        () => new Sealing(Buffer.alloc(32, 9)).seal(SECRET, { triggerId: '1', name: 'x' }),
      ],
      ['no sealed text at all', () => 'sealed:'],
    ])('%s, a secret refuses everyone, and row and log say why', async (_, change) => {
      const trigger = await receiver.trigger({ hmac: { secret: SECRET } })
      const [row] = await receiver.sql<{ text: string }[]>`
        select webhook_hmac_secret as text from attune.trigger where id = ${trigger.id}`
      await receiver.sql`
        update attune.trigger set webhook_hmac_secret = ${change(row?.text ?? '')} where id = ${trigger.id}`
      await receiver.store.triggerCache.poll()
      const { status, row: refused } = await send(trigger, generic(SECRET))
      expect(status).toBe(401)
      expect(refused.error_message).toStartWith('the secret default cannot be opened: ')
      const logged = receiver.log.entries.filter(
        ({ message }) => message === 'a trigger cannot verify as it is set up',
      )
      expect(JSON.stringify(logged)).toContain(trigger.ref)
      expect(JSON.stringify(receiver.log.entries)).not.toContain(SECRET)
    })

    test('a row that is copied to another trigger does not open there', async () => {
      const victim = await verifying('stripe')
      const attacker = await verifying('stripe', {}, 'known to the attacker')
      await receiver.sql`
        update attune.webhook_secret set secret = (
          select secret from attune.webhook_secret where trigger_id = ${attacker.id}
        ) where trigger_id = ${victim.id}`
      await receiver.store.triggerCache.poll()
      const { status, row } = await send(victim, stripe('known to the attacker'))
      expect([status, row.error_message]).toEqual([
        401,
        'the secret default cannot be opened: it was changed, or copied from another place',
      ])
    })
  })
})
