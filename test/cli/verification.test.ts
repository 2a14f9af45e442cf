import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Sealing } from '../../src/core/sealing.ts'
import { type AdminUnderTest, startAdmin, TOKEN } from '../admin/support.ts'
import { engines } from '../support/database.ts'
import { type Ran, run, temporaryFile } from './support.ts'

const SECRET = 'canary-secret-of-the-sender'

const [first] = engines
if (first === undefined) throw new Error('there is no engine to test on')
const engine = first

describe('schemes and secrets by command, against the admin API', () => {
  let admin: AdminUnderTest
  let count = 0
  beforeAll(async () => {
    admin = await startAdmin(engine, new Sealing(Buffer.alloc(32, 5)))
  }, 30_000)
  afterAll(async () => {
    await admin.close()
  }, 30_000)

  const say = (...args: string[]): Promise<Ran> =>
    run(args, { ATTUNE_ADMIN_URL: admin.origin, ATTUNE_ADMIN_TOKEN: TOKEN })
  async function created(): Promise<string> {
    count += 1
    const ref = `cli.t${count}`
    await admin.store.triggers.create({ ref })
    return ref
  }

  test('a scheme with the secret of its sender, shown without it', async () => {
    const ref = await created()
    const file = temporaryFile('secret', `${SECRET}\n`)
    const set = await say('verification', 'set', ref, 'stripe', '--secret-file', file, '--tolerance', '60')
    expect([set.code, set.err]).toEqual([0, ''])
    const shown = await say('verification', 'show', ref)
    expect(shown.out).toMatch(/^scheme +stripe\n/)
    expect(shown.out).toMatch(/tolerance_seconds +60\n/)
    expect(shown.out).toMatch(/LABEL +CREATED +EXPIRES +LAST USED\ndefault +\S+ +never +never\n/)
    for (const { out, err } of [set, shown]) expect(out + err).not.toContain(SECRET)
    expect((await say('verification', 'disable', ref)).out).toMatch(/webhook_verification_scheme +-\n/)
  })

  test('a secret that is made is printed, and said to be shown only now', async () => {
    const ref = await created()
    const set = await say('verification', 'set', ref, 'github')
    expect(set.out).toMatch(/secret +[0-9a-f]{64}\n/)
    expect(set.err).toBe('The secret is shown only now. Give it to the sender.\n')
    const added = await say('secret', 'add', ref, '--label', 'next', '--expire-others', '60')
    expect(added.out).toMatch(/secret +[0-9a-f]{64}\n/)
    const list = await say('secret', 'list', ref)
    expect(list.out).toMatch(/^LABEL.*\nnext +\S+ +never +never\ndefault +\S+ +\d{4}-/)
    expect((await say('secret', 'expire', ref, 'next', '--in', '5')).out).toMatch(/is_expired +false/)
    expect((await say('secret', 'expire', ref, 'default')).out).toMatch(/is_expired +true/)
  })

  test('a scheme of your own, a public key and a configuration come from files', async () => {
    const ref = await created()
    const scheme = temporaryFile(
      'mine.json',
      '{"scheme":"hmac","hash":"sha256","sig":{"from":["header:x-mine"],"enc":"hex"},"signed":"{body}"}',
    )
    expect((await say('verification', 'set', ref, scheme)).out).toMatch(/^scheme +custom\n/)
    const key = temporaryFile('key', Buffer.alloc(32, 9).toString('hex'))
    expect((await say('verification', 'set', ref, 'discord', '--public-key', `@${key}`)).code).toBe(0)
    const two = temporaryFile('two', SECRET)
    const box = [
      'verification',
      'set',
      ref,
      'box',
      '--secret-file',
      two,
      '--config',
      `secondarySecret=@${two}`,
    ]
    const set = await say(...box)
    expect(set.out).toMatch(/config\.secondarySecret +\[redacted\]\n/)
    expect(set.out + set.err).not.toContain(SECRET)
  })

  test.each([
    [['verification', 'set', 'REF', 'stripe'], 'secret: is missing'],
    [['verification', 'set', 'REF', 'strpie'], 'scheme: must be one of those'],
    [['verification', 'set', 'REF', 'discord'], 'public_key: is missing'],
    [['verification', 'set', 'REF', 'github', '--config', 'x'], '--config must be NAME=VALUE'],
    [['verification', 'set', 'REF', 'github', '--tolerance', 'soon'], '--tolerance must be a whole number'],
    [['secret', 'expire', 'REF', '../x'], 'LABEL must be a label'],
  ])('%j is misuse, and says what is wrong', async (args, message) => {
    const ref = await created()
    const { code, err, out } = await say(...args.map((word) => (word === 'REF' ? ref : word)))
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(message)
  })

  test.each([
    [['verification', 'set', 'REF', './nowhere.json'], './nowhere.json cannot be read as a scheme in JSON'],
    [['secret', 'add', 'REF'], 'verification_disabled: '],
    [['secret', 'expire', 'REF', 'none'], 'secret_unknown: '],
  ])('%j fails, and says why', async (args, message) => {
    const ref = await created()
    const { code, err } = await say(...args.map((word) => (word === 'REF' ? ref : word)))
    expect(code).toBe(1)
    expect(err).toContain(message)
  })

  test('rekey counts what it seals, and names what no key opens', async () => {
    const whole = await say('rekey')
    expect(whole.code).toBe(0)
    expect(whole.out).toMatch(/^sealed +0\nunchanged +\d+\n$/)
    const ref = await created()
    await admin.store.triggers.enableHmac(ref, 'sha256', SECRET)
    const sql = admin.store.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 20_000 })
    await sql.unsafe(
      "update attune.trigger set webhook_hmac_secret = 'sealed:v1:0000000000000000:AAAA' where ref = $1",
      [ref],
    )
    await sql.end()
    const broken = await say('rekey')
    expect([broken.code, broken.err]).toEqual([1, `no key opens ${ref} default\n`])
  })
})
