import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Sealing } from '../../src/core/sealing.ts'
import { type AdminUnderTest, startAdmin, TOKEN } from '../admin/support.ts'
import { engines } from '../support/database.ts'
import { type Ran, run, temporaryFile } from './support.ts'

const SECRET = 'whsec_canary-secret-of-the-sender'

const [first] = engines
if (first === undefined) throw new Error('there is no engine to test on')
const engine = first

describe('connect, against the admin API', () => {
  let admin: AdminUnderTest
  beforeAll(async () => {
    admin = await startAdmin(engine, new Sealing(Buffer.alloc(32, 5)))
  }, 30_000)
  afterAll(async () => {
    await admin.close()
  }, 30_000)

  const say = (...args: string[]): Promise<Ran> =>
    run(args, { ATTUNE_ADMIN_URL: admin.origin, ATTUNE_ADMIN_TOKEN: TOKEN })
  const urlIn = (out: string): string => /^webhook_url +(http\S+)$/m.exec(out)?.[1] ?? 'none'
  const isOn = (out: string): boolean => /^webhook_enabled +true$/m.test(out)
  const secretFile = () => temporaryFile('secret', `${SECRET}\n`)

  test('a sender whose secret is known is one command, and the secret is not shown', async () => {
    const { code, out, err } = await say('connect', 'slack.app', 'slack', '--secret-file', secretFile())
    expect(code).toBe(0)
    expect(urlIn(out)).toContain('/api/v1/webhooks/wh_')
    expect(isOn(out)).toBe(true)
    expect(err).toMatch(/^At the sender: .*Request URL/)
    expect(out + err).not.toContain(SECRET)
    expect((await say('verification', 'show', 'slack.app')).out).toMatch(/^scheme +slack\n/)
  })

  test('a sender that shows its secret later is two, and off in between', async () => {
    const before = await say('connect', 'stripe.main', 'stripe')
    expect([before.code, isOn(before.out)]).toEqual([0, false])
    expect(before.err).toContain('attune-webhooks connect stripe.main stripe --secret-file FILE\n')
    expect(before.err).toContain('The webhook is off until then.')
    const after = await say('connect', 'stripe.main', 'stripe', '--secret-file', secretFile())
    expect([after.code, isOn(after.out)]).toEqual([0, true])
    expect(urlIn(after.out)).toBe(urlIn(before.out))
    const again = await say('connect', 'stripe.main', 'stripe', '--tolerance', '60')
    expect([again.code, isOn(again.out), urlIn(again.out)]).toEqual([0, true, urlIn(before.out)])
    expect(again.out + again.err).not.toContain('secret-file')
  })

  test('a sender that takes our secret is told it, once', async () => {
    const { out, err } = await say('connect', 'github.push', 'github')
    expect(out).toMatch(/^secret +[0-9a-f]{64}$/m)
    expect(err).toContain('The secret is shown only now.')
    expect((await say('connect', 'github.push', 'github')).out).not.toMatch(/^secret/m)
  })

  test('what else is missing is named as it is typed, in JSON too', async () => {
    const paypal = await say('connect', 'paypal.main', 'paypal', '--json')
    expect(JSON.parse(paypal.out).data).toMatchObject({
      webhook_enabled: false,
      missing: ['--config', 'webhookId=VALUE'],
      setup: expect.stringContaining('webhookId'),
    })
    expect((await say('connect', 'discord.app', 'discord')).err).toContain('--public-key KEY')
    expect((await say('connect', 'incident.main', 'incident.io')).err).toContain('--secret-file FILE')
  })

  test('a sender that hands over its secret needs none, and is to be expected', async () => {
    const { code, out, err } = await say('connect', 'asana.main', 'asana')
    expect([code, isOn(out)]).toEqual([0, true])
    expect(err).toContain('Before that: attune-webhooks handshake arm asana.main\n')
    expect(out).not.toMatch(/^secret/m)
  })

  test('a webhook that is in use is not switched off, nor its scheme taken away', async () => {
    await say('connect', 'busy.main', 'slack', '--secret-file', secretFile())
    const { out, err } = await say('connect', 'busy.main', 'stripe')
    expect(isOn(out)).toBe(true)
    expect(err).toContain('The webhook goes on as it was.')
    expect((await say('verification', 'show', 'busy.main')).out).toMatch(/^scheme +slack\n/)
  })

  test.each([
    [['connect', 'no.such', 'strpie'], 2, 'scheme list'],
    [['connect', 'no.such', './nowhere.json'], 1, 'cannot be read as a scheme'],
    [['connect', 'No Such', 'stripe'], 2, 'REF must be'],
    [['connect', 'no.such', 'stripe', '--secret-file', '/nonexistent'], 1, 'cannot be read'],
  ])('%j is refused and makes no trigger', async (args, exit, message) => {
    const { code, out, err } = await say(...args)
    expect([code, out]).toEqual([exit, ''])
    expect(err).toContain(message)
    expect((await say('trigger', 'show', 'no.such')).code).toBe(1)
  })

  test('what the server refuses leaves the webhook without a URL', async () => {
    const file = temporaryFile('secret', 'not base64!')
    const { code, err } = await say('connect', 'svix.main', 'svix', '--secret-file', file)
    expect(code).toBe(2)
    expect(err).toContain('secret: ')
    expect((await say('trigger', 'show', 'svix.main')).out).toMatch(/^webhook_enabled +false$/m)
  })
})
