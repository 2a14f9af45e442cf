import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { VerificationState, WebhookSecret } from '../../src/admin/models.ts'
import { Sealing } from '../../src/core/sealing.ts'
import type { Trigger } from '../../src/core/trigger.ts'
import { PRESETS } from '../../src/core/verification/index.ts'
import { AdminDatabase } from '../../src/store/admin-database.ts'
import { Verifications } from '../../src/store/verifications.ts'
import { engines } from '../support/database.ts'
import { SIGNERS } from '../support/signers.ts'
import { type AdminUnderTest, fieldsOf, startAdmin } from './support.ts'

const KEY = Buffer.alloc(32, 3)
const NEW_KEY = Buffer.alloc(32, 4)
const SECRET = 'canary-secret-0123456789'
const ED25519 = Buffer.alloc(32, 9).toString('hex')

describe.each(engines)('verification on $name', (under) => {
  let admin: AdminUnderTest
  let count = 0
  beforeAll(async () => {
    admin = await startAdmin(under, new Sealing(KEY))
  }, 30_000)
  afterAll(async () => {
    await admin.close()
  }, 30_000)

  async function created(): Promise<string> {
    count += 1
    const ref = `verified.t${count}`
    await admin.call('POST', '/api/v1/triggers', { json: { ref } })
    return ref
  }
  const path = (ref: string, rest: string) => `/api/v1/triggers/${ref}/webhooks/${rest}`
  const put = (ref: string, json: object) => admin.call('PUT', path(ref, 'verification'), { json })
  const read = async (ref: string) =>
    (await admin.call('GET', path(ref, 'verification'))).data<VerificationState>()
  const schemeOf = async (ref: string) =>
    (await admin.call('GET', `/api/v1/triggers/${ref}`)).data<Trigger>().webhook_verification_scheme
  const sql = () => admin.store.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 20_000 })
  async function stored(): Promise<string> {
    const client = sql()
    const rows = await client.unsafe(`
      select t.webhook_hmac_secret, t.webhook_verification::text, s.secret
      from attune.trigger t left join attune.webhook_secret s on s.trigger_id = t.id`)
    await client.end()
    return JSON.stringify(rows)
  }

  test('a scheme with the secret of its sender is set, and read without it', async () => {
    const ref = await created()
    const answer = await put(ref, { scheme: 'stripe', secret: SECRET, tolerance_seconds: 600 })
    expect(answer.status).toBe(200)
    expect(answer.data<VerificationState>()).toMatchObject({
      scheme: 'stripe',
      tolerance_seconds: 600,
      secret: SECRET,
    })
    const state = await read(ref)
    expect(state).toMatchObject({
      scheme: 'stripe',
      secret: null,
      secrets: [{ label: 'default', expires: null }],
    })
    expect(await schemeOf(ref)).toBe('stripe')
    const trigger = await admin.call('GET', `/api/v1/triggers/${ref}`)
    const list = await admin.call('GET', path(ref, 'secrets'))
    for (const text of [JSON.stringify(state), trigger.text, list.text, await stored()]) {
      expect(text).not.toContain(SECRET)
    }
  })

  test.each([
    ['github', /^[0-9a-f]{64}$/],
    ['standard-webhooks', /^whsec_[A-Za-z0-9+/]{43}=$/],
    ['gitlab', /^[0-9a-f]{64}$/],
    ['postmark', /^webhook:[0-9a-f]{64}$/],
    ['generic', /^[0-9a-f]{64}$|^[0-9a-f]{128}$/],
  ])('%s takes a secret of ours, made in its form', async (scheme, form) => {
    const ref = await created()
    const { secret, secrets } = (await put(ref, { scheme })).data<VerificationState>()
    expect(secret).toMatch(form)
    expect(secrets.map(({ label }) => label)).toEqual(['default'])
  })

  test.each(PRESETS.map(({ name }) => name))('%s can be set, with what its sender has', async (scheme) => {
    const ref = await created()
    const { secret, publicKey, config } = SIGNERS[scheme] ?? {}
    const answer = await put(ref, {
      scheme,
      ...(secret !== undefined && { secret }),
      ...(publicKey !== undefined && { public_key: publicKey }),
      ...(config !== undefined && { config }),
    })
    expect([answer.status, fieldsOf(answer)]).toEqual([200, []])
    expect((await read(ref)).scheme).toBe(scheme)
    expect(await schemeOf(ref)).toBe(scheme)
  })

  test('generic is what PUT hmac sets, and takes its place', async () => {
    const ref = await created()
    await put(ref, { scheme: 'stripe', secret: SECRET })
    await put(ref, { scheme: 'generic', config: { algorithm: 'sha512' } })
    const trigger = (await admin.call('GET', `/api/v1/triggers/${ref}`)).data<Trigger>()
    expect(trigger).toMatchObject({
      webhook_hmac_enabled: true,
      webhook_hmac_algorithm: 'sha512',
      webhook_verification_scheme: 'generic',
    })
    await put(ref, { scheme: 'stripe', secret: SECRET })
    await admin.call('PUT', path(ref, 'hmac'), { json: { secret: SECRET } })
    expect(await read(ref)).toMatchObject({ scheme: 'generic', secrets: [{ label: 'default' }] })
    await admin.call('DELETE', path(ref, 'verification'))
    expect(await read(ref)).toMatchObject({ scheme: null, secrets: [] })
    expect(await schemeOf(ref)).toBeNull()
  })

  test('a setting of the same scheme is changed and its secrets stay; those of another scheme go', async () => {
    const ref = await created()
    await put(ref, { scheme: 'stripe', secret: SECRET })
    const before = (await read(ref)).secrets
    expect(
      (await put(ref, { scheme: 'stripe', tolerance_seconds: 60 })).data<VerificationState>(),
    ).toMatchObject({
      tolerance_seconds: 60,
      secret: null,
      secrets: before,
    })
    expect((await put(ref, { scheme: 'slack' })).status).toBe(422)
    await put(ref, { scheme: 'github' })
    expect((await read(ref)).secrets[0]?.created).not.toBe(before[0]?.created)
  })

  test.each([
    ['no scheme', {}, ['scheme']],
    ['an unknown scheme', { scheme: 'strpie', secret: SECRET }, ['scheme']],
    ['a scheme of an unknown kind', { scheme: { scheme: 'magic' }, secret: SECRET }, ['scheme.scheme']],
    ['no secret of a sender that makes it', { scheme: 'stripe' }, ['secret']],
    ['a secret that is no base64', { scheme: 'standard-webhooks', secret: 'whsec_!!!' }, ['secret']],
    ['a second secret that is no base64', { scheme: 'svix', secrets: ['whsec_AAAA', '!'] }, ['secrets[1]']],
    ['a secret that looks sealed', { scheme: 'stripe', secret: 'sealed:v1:x' }, ['secret']],
    [
      'a config that looks sealed',
      { scheme: 'box', secret: SECRET, config: { secondarySecret: 'sealed:' } },
      ['config.secondarySecret'],
    ],
    ['a secret with a line end', { scheme: 'stripe', secret: 'abc\n' }, ['secret']],
    ['an empty secret', { scheme: 'stripe', secret: '' }, ['secret']],
    ['a short generic secret', { scheme: 'generic', secret: 'short' }, ['secret']],
    ['both secret and secrets', { scheme: 'stripe', secret: 'a', secrets: ['b'] }, ['secrets']],
    ['no public key', { scheme: 'discord' }, ['public_key']],
    ['a public key of another form', { scheme: 'discord', public_key: 'abc' }, ['public_key']],
    ['a public key that is not used', { scheme: 'stripe', secret: 'x', public_key: 'y' }, ['public_key']],
    ['a secret that is not used', { scheme: 'discord', secret: 'x', public_key: ED25519 }, ['secret']],
    ['no topic', { scheme: 'aws-sns' }, ['config.topicArn']],
    ['a config that is not used', { scheme: 'stripe', secret: 'x', config: { a: 'b' } }, ['config.a']],
    [
      'a tolerance where no time is signed',
      { scheme: 'github', tolerance_seconds: 5 },
      ['tolerance_seconds'],
    ],
    ['no tolerance at all', { scheme: 'stripe', secret: 'x', tolerance_seconds: 0 }, ['tolerance_seconds']],
    ['an unknown field', { scheme: 'stripe', secret: 'x', sekret: 'y' }, ['sekret']],
    ['an unknown algorithm', { scheme: 'generic', config: { algorithm: 'md5' } }, ['config.algorithm']],
  ])('%s is refused by its field, and nothing is changed', async (_, json, fields) => {
    const ref = await created()
    const answer = await put(ref, json)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
    expect(answer.text).not.toContain(SECRET)
    expect(await read(ref)).toMatchObject({ scheme: null, secrets: [] })
  })

  test('a secret in the configuration is sealed and never shown; the rest of it is', async () => {
    const ref = await created()
    await put(ref, { scheme: 'box', secret: 'one', config: { secondarySecret: SECRET } })
    expect((await read(ref)).config).toEqual({ secondarySecret: '[redacted]' })
    const other = await created()
    await put(other, { scheme: 'aws-sns', config: { topicArn: 'arn:aws:sns:eu-west-1:1:t' } })
    expect((await read(other)).config).toEqual({ topicArn: 'arn:aws:sns:eu-west-1:1:t' })
    expect(await stored()).not.toContain(SECRET)
  })

  test('a scheme of your own is kept as it was given', async () => {
    const ref = await created()
    const scheme = {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-mine'], enc: 'hex' },
      signed: '{body}',
    }
    const { secret } = (await put(ref, { scheme })).data<VerificationState>()
    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    expect((await read(ref)).scheme).toEqual(scheme)
    expect(await schemeOf(ref)).toBe('custom')
  })

  describe('secrets', () => {
    const add = (ref: string, json: object) => admin.call('POST', path(ref, 'secrets'), { json })
    const list = async (ref: string) =>
      (await admin.call('GET', path(ref, 'secrets'))).data<WebhookSecret[]>()

    test('a further one is made, shown once, and lets the others go on for so long', async () => {
      const ref = await created()
      await put(ref, { scheme: 'github' })
      const answer = await add(ref, { expires_in_seconds: 3_600 })
      expect(answer.status).toBe(201)
      const { secret, label } = answer.data<WebhookSecret & { secret: string }>()
      expect(secret).toMatch(/^[0-9a-f]{64}$/)
      expect(label).toMatch(/^\d{4}-\d\d-\d\d$/)
      const [newest, old] = await list(ref)
      expect(newest).toMatchObject({ label, expires: null, is_expired: false })
      const leftMs = Date.parse(old?.expires ?? '') - Date.now()
      expect(Math.abs(leftMs - 3_600_000)).toBeLessThan(10_000)
      expect((await add(ref, {})).data<WebhookSecret>().label).toBe(`${label}-2`)
      expect((await list(ref)).find((one) => one.label === label)?.expires).toBeNull()
    })

    test('the one of the generic scheme is default, and ends like any other', async () => {
      const ref = await created()
      await admin.call('PUT', path(ref, 'hmac'), { json: { secret: SECRET } })
      await add(ref, { label: 'next', secret: 'the next secret' })
      const ended = await admin.call('POST', path(ref, 'secrets/default/expire'))
      expect(ended.data<WebhookSecret>()).toMatchObject({ label: 'default', is_expired: true })
      expect((await list(ref)).map((one) => [one.label, one.is_expired])).toEqual([
        ['next', false],
        ['default', true],
      ])
      await admin.call('PUT', path(ref, 'hmac'))
      expect(await list(ref)).toMatchObject([{ label: 'default', is_expired: false, last_used: null }])
    })

    test.each([
      ['a label that is taken', { label: 'default', secret: 'x' }, 409, 'secret_label_taken'],
      ['a label of another form', { label: '../x', secret: 'x' }, 422, 'request_invalid'],
      ['none of a sender that makes it', {}, 422, 'request_invalid'],
      ['one that looks sealed', { secret: 'sealed:x' }, 422, 'request_invalid'],
      ['others that end in the past', { secret: 'x', expires_in_seconds: -1 }, 422, 'request_invalid'],
    ])('%s is refused', async (_, json, status, code) => {
      const ref = await created()
      await put(ref, { scheme: 'stripe', secret: SECRET })
      const answer = await add(ref, json)
      expect([answer.status, answer.problem().code]).toEqual([status, code as never])
      expect(await list(ref)).toHaveLength(1)
    })

    test('a trigger that asks for no signature takes none, and an unknown label leads nowhere', async () => {
      const ref = await created()
      expect((await add(ref, { secret: 'x' })).problem().code).toBe('verification_disabled')
      for (const label of ['none', 'a%20b', 'ä']) {
        const answer = await admin.call('POST', path(ref, `secrets/${label}/expire`))
        expect(answer.problem().code).toBe('secret_unknown')
      }
      expect((await admin.call('GET', path('no.trigger', 'secrets'))).problem().code).toBe('trigger_unknown')
      expect((await admin.call('POST', path('no.trigger', 'secrets/x/expire'))).problem().code).toBe(
        'trigger_unknown',
      )
    })
  })

  test('rekey seals everything with the new key, plain ones too; interrupted and repeated it ends the same', async () => {
    const ref = await created()
    await put(ref, { scheme: 'box', secret: 'one', config: { secondarySecret: SECRET } })
    const plain = await created()
    await admin.call('PUT', path(plain, 'hmac'), { json: { secret: SECRET } })
    const client = sql()
    await client.unsafe('update attune.trigger set webhook_hmac_secret = $1 where ref = $2', [SECRET, plain])
    const before = (await admin.call('GET', path(plain, 'secrets'))).data<WebhookSecret[]>()
    await client.unsafe(
      `insert into attune.webhook_secret (trigger_id, label, secret)
       select id, 'broken', 'sealed:v1:0000000000000000:AAAA' from attune.trigger where ref = $1`,
      [ref],
    )

    const database = new AdminDatabase(admin.store.engine, {
      name: 'rekey',
      connectionsMax: 1,
      statementMsMax: 20_000,
    })
    const both = new Verifications(database, admin.store.triggerCache, new Sealing(NEW_KEY, [KEY]))
    // Another administrator at the same time is as good as an interruption: each finds some done already.
    const [first, second] = await Promise.all([both.rekey(), both.rekey()])
    const again = await both.rekey()
    expect(again.sealed).toBe(0)
    expect(again.unopened).toEqual([`${ref} broken`])
    expect(first.sealed + second.sealed).toBe(again.unchanged)
    const text = await stored()
    expect(text).not.toContain(SECRET)
    expect(text).not.toContain(new Sealing(KEY).seal('x', { triggerId: '1', name: 'x' }).slice(0, 26))
    expect((await admin.call('GET', path(plain, 'secrets'))).data<WebhookSecret[]>()).toEqual(before)
    await database.close(1)
    await client.end()
  })

  test('rekey without a master key is refused', async () => {
    const database = new AdminDatabase(admin.store.engine, {
      name: 'rekey',
      connectionsMax: 1,
      statementMsMax: 20_000,
    })
    const without = new Verifications(database, admin.store.triggerCache, new Sealing(null))
    const fault = await without.rekey().catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'master_key_missing' })
    await database.close(1)
  })
})
