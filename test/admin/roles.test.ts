import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { isPublic, knownPaths, roleFor } from '../../src/admin/access.ts'
import { descriptionOf } from '../../src/admin/describe.ts'
import { hasRole, ROLES, type Role } from '../../src/core/administrator.ts'
import { ADMIN_BODY_BYTES_MAX } from '../../src/core/limits.ts'
import { engines } from '../support/database.ts'
import { callAs, signedIn, tokenOf, withSql } from './console.ts'
import { type AdminUnderTest, type Answer, startAdmin } from './support.ts'

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

/** What viewers and operators may do beyond reading, by heart and not from the table that is under test. */
const VIEWERS_MAY = ['signOut', 'checkIpWhitelist']
const OPERATORS_MAY_NOT = ['deleteTrigger', 'rekeySecrets', 'createToken', 'revokeToken']
const READS_OF_ADMINS = ['listTokens', 'readConfig', 'listAdminAuditLog']

describe('each role at each route', () => {
  let admin: AdminUnderTest
  const tokens = new Map<Role, string>()
  const cookies = new Map<Role, string>()

  beforeAll(async () => {
    admin = await startAdmin(engine)
    for (const role of ROLES) {
      const { token } = await tokenOf(admin, role, role)
      tokens.set(role, token)
      cookies.set(role, await signedIn(admin, token))
    }
    await admin.store.triggers.create({ ref: 'some.thing' })
  }, 30_000)
  afterAll(() => admin.close(), 30_000)

  /** Every line of the route table that asks who it is. @param tokenId - 1 is the first that was made */
  const routes = (tokenId = '1') =>
    admin.app.routes
      .filter(({ method, path }) => method !== 'ALL' && !['/healthz', '/readyz'].includes(path))
      .map(({ method, path, hooks }) => {
        const description = descriptionOf(hooks?.detail)
        if (description === null) throw new Error(`${method} ${path} does not describe itself`)
        const id = path.startsWith('/api/v1/tokens') ? tokenId : Bun.randomUUIDv7()
        return {
          method,
          path,
          url: path
            .replace(':ref', 'some.thing')
            .replace(':id', id)
            .replaceAll(/:[a-z]+/g, 'github'),
          id: description.id,
          role: description.role ?? ('admin' as const),
        }
      })
      .filter(({ role }) => role !== 'nobody')

  /** All that is in the database but when tokens and sessions were used. */
  const everything = () =>
    withSql<{ row: string }>(
      admin,
      `select row_to_json(t)::text as row from attune.trigger t
       union all select row_to_json(s)::text from attune.webhook_secret s
       union all select id::text || name || coalesce(revoked::text, '') from attune.api_token
       union all select token_hash::text from attune.admin_session
       order by 1`,
    )

  const given = (method: string) =>
    ['POST', 'PUT', 'PATCH'].includes(method) ? { body: '{"not":"parsed"' } : {}

  test('whoever has too low a role is refused by token and by cookie, before the body is parsed, and nothing happens', async () => {
    const before = await everything()
    let refusals = 0
    for (const { method, path, url, role: needed } of routes()) {
      for (const role of ROLES.filter((role) => needed === 'nobody' || !hasRole(role, needed))) {
        const answers: Answer[] = [
          await admin.call(method, url, { token: tokens.get(role) ?? null, ...given(method) }),
          await callAs(admin, cookies.get(role) ?? '', method, url, given(method)),
        ]
        for (const answer of answers) {
          expect([role, method, path, answer.status]).toEqual([role, method, path, 403])
          expect(answer.problem().code).toBe('role_insufficient')
          refusals += 1
        }
      }
    }
    expect(refusals).toBeGreaterThan(50)
    expect(await everything()).toEqual(before)
  })

  test('whoever has the role gets past the guard', async () => {
    for (const { method, path, url, role: needed } of routes('999')) {
      if (needed === 'nobody' || path === '/api/v1/session') continue
      for (const role of ROLES.filter((role) => hasRole(role, needed))) {
        const answer = await admin.call(method, url, { token: tokens.get(role) ?? null, ...given(method) })
        expect([401, 403, 405, 429, 500, 503]).not.toContain(answer.status)
        // What was deleted by one role is there for the next.
        await admin.store.triggers.create({ ref: 'some.thing' }).catch(() => {})
      }
    }
  }, 30_000)

  test('HEAD needs what GET needs', async () => {
    for (const { method, path, url, role: needed } of routes()) {
      if (method !== 'GET' || needed === 'nobody') continue
      for (const role of ROLES) {
        const { status } = await admin.call('HEAD', url, { token: tokens.get(role) ?? null })
        expect([role, path, status === 403]).toEqual([role, path, !hasRole(role, needed)])
      }
    }
  })

  test('viewers read, operators change, and admins alone delete triggers and hand out tokens', () => {
    for (const { method, id, role } of routes()) {
      if (READS_OF_ADMINS.includes(id) || OPERATORS_MAY_NOT.includes(id))
        expect([id, role]).toEqual([id, 'admin'])
      else if (method === 'GET' || VIEWERS_MAY.includes(id)) expect([id, role]).toEqual([id, 'viewer'])
      // A preview changes nothing; one that takes a secret is for who may set it.
      else if (id.startsWith('preview')) expect(['viewer', 'operator']).toContain(role)
      else expect([id, role]).toEqual([id, 'operator'])
    }
  })

  test('a long body of somebody without the role is not read', async () => {
    const json = 'x'.repeat(ADMIN_BODY_BYTES_MAX + 1)
    const answer = await admin.call('POST', '/api/v1/tokens', {
      token: tokens.get('operator') ?? null,
      body: json,
    })
    expect(answer.status).toBe(403)
  })

  test('what an administrator is called follows the token, not what the request says', async () => {
    const headers = { 'x-forwarded-user': 'admin', 'x-role': 'admin' }
    const answer = await admin.call('GET', '/api/v1/tokens', { token: tokens.get('viewer') ?? null, headers })
    expect(answer.status).toBe(403)
  })

  test('no path is spelled so that it needs less', async () => {
    for (const path of [
      '/api/v1/tokens?x=/api/v1/triggers',
      '/api/v1/tokens#/api/v1/triggers',
      '/api/v1/triggers/../tokens',
      '/api/v1/triggers/..\\tokens',
      '/x/../api/v1/tokens',
      '/api/v1/./tokens',
      '/api/v1/tokens/',
      '/api/v1//tokens',
      '/api/v1/%74okens',
      '/API/v1/tokens',
    ]) {
      for (const method of ['GET', 'HEAD', 'POST']) {
        const answer = await admin.call(method, path, { token: tokens.get('viewer') ?? null })
        expect([403, 404]).toContain(answer.status)
      }
    }
  })
})

describe('which role a request needs', () => {
  const described = (id: string, role?: 'viewer' | 'operator') => ({
    detail: { description: { id, summary: '', ...(role !== undefined && { role }) } },
  })
  const known = knownPaths([
    { method: 'GET', path: '/api/v1/things', hooks: described('listThings', 'viewer') },
    { method: 'POST', path: '/api/v1/things', hooks: described('makeThing', 'operator') },
    { method: 'GET', path: '/api/v1/things/:id', hooks: described('readThing', 'viewer') },
    { method: 'GET', path: '/api/v1/things/secret', hooks: described('readSecretThing') },
    { method: 'GET', path: '/elsewhere', hooks: {} },
    { method: 'ALL', path: '/api/v1/all', hooks: described('doAll', 'viewer') },
  ])

  test.each([
    ['GET', '/api/v1/things', 'viewer'],
    ['HEAD', '/api/v1/things', 'viewer'],
    ['POST', '/api/v1/things', 'operator'],
    ['GET', '/api/v1/things/1', 'viewer'],
    // It does not say.
    ['GET', '/elsewhere', 'admin'],
    // Two fit: the strictest holds.
    ['GET', '/api/v1/things/secret', 'admin'],
    // Refused as a method, behind the guard.
    ['DELETE', '/api/v1/things', 'viewer'],
    ['GET', '/api/v1/things/', null],
    ['GET', '/api/v1/things/1/2', null],
    ['GET', '/api/v1/all', null],
    ['GET', '', null],
  ] as const)('%s %s → %p', (method, path, role) => {
    expect(roleFor(known, method, path)).toBe(role)
  })

  test.each([
    ['GET', '/', true],
    ['HEAD', '/triggers/a.b', true],
    ['GET', '/apis', true],
    ['GET', '/healthz', true],
    ['POST', '/readyz', true],
    ['POST', '/', false],
    ['OPTIONS', '/', false],
    ['GET', '', false],
    ['GET', '/api', false],
    ['GET', '/api/v1/nothing', false],
    ['GET', '/API', false],
    ['GET', '//api', false],
    ['GET', '\\api', false],
    ['GET', '/%2fapi', false],
    ['GET', '/%41pi/v1', false],
    ['GET', '/metrics/', false],
    ['GET', '/openapi.json', false],
    // A path that is in the table is no page, wherever it is.
    ['GET', '/elsewhere', false],
    ['GET', '/%', false],
  ] as const)('%s %s is public: %p', (method, path, expected) => {
    expect(isPublic(known, method, path)).toBe(expected)
  })
})
