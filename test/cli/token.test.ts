import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type AdminUnderTest, startAdmin, TOKEN } from '../admin/support.ts'
import { engines } from '../support/database.ts'
import { type Ran, run } from './support.ts'

const [first] = engines
if (first === undefined) throw new Error('there is no engine to test on')
const engine = first

describe('tokens by command, against the admin API', () => {
  let admin: AdminUnderTest
  beforeAll(async () => {
    admin = await startAdmin(engine)
  }, 30_000)
  afterAll(async () => {
    await admin.close()
  }, 30_000)

  const sayAs = (token: string, ...args: string[]): Promise<Ran> =>
    run(args, { ATTUNE_ADMIN_URL: admin.origin, ATTUNE_ADMIN_TOKEN: token })
  const say = (...args: string[]): Promise<Ran> => sayAs(TOKEN, ...args)
  const created = async (name: string, role: string): Promise<string> => {
    const { out } = await say('token', 'create', name, '--role', role)
    return /^token +(\S+)$/m.exec(out)?.[1] ?? ''
  }

  test('one that is made is printed, said to be shown only now, and opens what its role may', async () => {
    const made = await say('token', 'create', 'ci', '--role', 'viewer', '--expires-in-days', '30')
    expect([made.code, made.err]).toEqual([
      0,
      'The token is shown only now. Keep it where passwords are kept.\n',
    ])
    const token = /^token +(attune_[0-9a-f]{64})$/m.exec(made.out)?.[1] ?? ''
    expect((await sayAs(token, 'trigger', 'list')).code).toBe(0)
    const refused = await sayAs(token, 'trigger', 'create', 'a.b')
    expect(refused.code).toBe(1)
    expect(refused.err).toStartWith('attune-webhooks: role_insufficient: ')
    const list = await say('token', 'list')
    expect(list.out).toMatch(/^ID +NAME +ROLE +PREFIX.*\n1 +ci +viewer +attune_\w{8} .* admin-token +\d{4}-/)
    expect(list.out).not.toContain(token)
  })

  test('one is revoked by its name or its id, and its name is free then', async () => {
    const old = await created('deploy', 'operator')
    expect((await say('token', 'revoke', 'deploy')).err).toBe('Revoked deploy.\n')
    expect((await sayAs(old, 'trigger', 'list')).err).toContain('unauthorized')
    const json = JSON.parse((await say('token', 'create', 'deploy', '--role', 'operator', '--json')).out)
    expect((await say('token', 'create', 'deploy', '--role', 'viewer')).err).toContain('token_name_taken')
    expect((await say('token', 'revoke', json.data.id)).code).toBe(0)
    expect((await sayAs(json.data.token, 'trigger', 'list')).code).toBe(1)
  })

  test.each([
    ['no role', ['create', 'x'], '--role is missing'],
    ['another role', ['create', 'x', '--role', 'root'], '--role must be one of viewer, operator, admin'],
    [
      'words for days',
      ['create', 'x', '--role', 'viewer', '--expires-in-days', 'two'],
      'must be a whole number',
    ],
    [
      'too many days',
      ['create', 'x', '--role', 'viewer', '--expires-in-days', '9999'],
      'expires_in_days: must be',
    ],
    ['a name in upper case', ['create', 'X', '--role', 'viewer'], 'name: must be'],
  ])('%s is misuse', async (_, args, message) => {
    const { code, err } = await say('token', ...args)
    expect([code, err.includes(message)]).toEqual([2, true])
  })

  test.each([
    ['a name that nobody has', 'nobody'],
    ['a path', '../triggers/a.b'],
    ['a number that nobody has', '999'],
  ])('%s is revoked by nobody', async (_, name) => {
    const { code, out, err } = await say('token', 'revoke', name)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/no token has/i)
  })
})
