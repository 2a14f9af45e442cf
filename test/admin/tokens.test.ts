import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { ApiToken, NewApiToken, Session } from '../../src/core/administrator.ts'
import {
  API_TOKEN_KEPT_DAYS,
  API_TOKENS_MAX,
  WRONG_TOKENS_MAX,
  WRONG_TOKENS_MS,
} from '../../src/core/limits.ts'
import { engines } from '../support/database.ts'
import { callAs, maintain, signedIn, signIn, tokenOf, withSql } from './console.ts'
import { type AdminUnderTest, fieldsOf, startAdmin, TOKEN } from './support.ts'

describe.each(engines)('API tokens on $name', (engine) => {
  let admin: AdminUnderTest
  beforeAll(async () => {
    admin = await startAdmin(engine)
  }, 30_000)
  afterAll(() => admin.close(), 30_000)

  const create = (json: unknown) => admin.call('POST', '/api/v1/tokens', { json })
  const whoIs = async (token: string) => {
    addresses += 1
    const headers = { 'x-forwarded-for': `203.0.113.${addresses}` }
    return admin.call('GET', '/api/v1/session', { token, headers })
  }
  let addresses = 0
  const listed = async (id: string): Promise<ApiToken | undefined> =>
    (await admin.call('GET', '/api/v1/tokens?limit=500')).data<ApiToken[]>().find((token) => token.id === id)

  test('a token is shown once, with a prefix by which it is known, and opens what its role may', async () => {
    const answer = await create({ name: 'ci', role: 'viewer', expires_in_days: 30 })
    expect(answer.status).toBe(201)
    const { token, ...shown } = answer.data<NewApiToken>()
    expect(token).toMatch(/^attune_[0-9a-f]{64}$/)
    expect(shown).toMatchObject({ name: 'ci', role: 'viewer', created_by: 'admin-token', revoked: null })
    expect(token.startsWith(shown.prefix)).toBe(true)
    expect(shown.prefix.length).toBeLessThan(20)
    const days = (new Date(shown.expires ?? '').getTime() - new Date(shown.created).getTime()) / 86_400_000
    expect(days).toBe(30)
    expect(await listed(shown.id)).toEqual(shown)
    expect((await whoIs(token)).data<Session>()).toEqual({
      name: 'ci',
      role: 'viewer',
      kind: 'token',
      expires: shown.expires,
      idle_seconds_max: null,
    })
  })

  test('neither token nor cookie is in an answer, in the log or in the database', async () => {
    const { token } = await tokenOf(admin, 'canary', 'admin')
    const cookie = await signedIn(admin, token)
    const answers = [
      await admin.call('GET', '/api/v1/tokens'),
      await callAs(admin, cookie, 'GET', '/api/v1/tokens'),
      await callAs(admin, cookie, 'GET', '/api/v1/session'),
      await admin.call('GET', '/api/v1/config'),
      await signIn(admin, token),
      await create({ name: token, role: 'viewer' }),
      await create({ name: 'x', role: token }),
    ]
    const rows = await withSql(
      admin,
      `select t::text || coalesce(s::text, '') as row from attune.api_token t left join attune.admin_session s on true`,
    )
    const everything = [
      ...answers.map(({ text }) => text),
      JSON.stringify(rows),
      JSON.stringify(admin.log.entries),
    ].join()
    for (const secret of [token.slice(20), cookie.split('=')[1] ?? 'none', TOKEN]) {
      expect(everything).not.toContain(secret)
      expect(everything).not.toContain(Buffer.from(secret).toString('hex'))
    }
  })

  test.each<[string, unknown, string[]]>([
    ['nothing', {}, ['name', 'role']],
    ['no role', { name: 'a' }, ['role']],
    ['an unknown role', { name: 'a', role: 'root' }, ['role']],
    ['a role in upper case', { name: 'a', role: 'Admin' }, ['role']],
    ['an empty name', { name: '', role: 'viewer' }, ['name']],
    ['a name in upper case', { name: 'Admin-Token', role: 'viewer' }, ['name']],
    ['a name that is a number', { name: '12', role: 'viewer' }, ['name']],
    ['a name with a space', { name: 'a b', role: 'viewer' }, ['name']],
    ['a name with a line feed', { name: 'a\n', role: 'viewer' }, ['name']],
    ['a name past the limit', { name: 'a'.repeat(65), role: 'viewer' }, ['name']],
    ['the name of the installation', { name: 'admin-token', role: 'viewer' }, ['name']],
    ['no days', { name: 'a', role: 'viewer', expires_in_days: 0 }, ['expires_in_days']],
    ['half a day', { name: 'a', role: 'viewer', expires_in_days: 0.5 }, ['expires_in_days']],
    ['too many days', { name: 'a', role: 'viewer', expires_in_days: 3_651 }, ['expires_in_days']],
    ['a token of its own', { name: 'a', role: 'viewer', token: 'x' }, ['token']],
  ])('is not made of %s', async (_, json, fields) => {
    const answer = await create(json)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test('has a name of its own, until it is revoked or has expired', async () => {
    const first = await tokenOf(admin, 'unique', 'viewer')
    const taken = await create({ name: 'unique', role: 'admin' })
    expect([taken.status, taken.problem().code]).toEqual([409, 'token_name_taken'])
    await admin.call('DELETE', `/api/v1/tokens/${first.id}`)
    const second = await tokenOf(admin, 'unique', 'viewer', 1)
    await withSql(admin, `update attune.api_token set expires = now() where id = ${second.id}`)
    const third = await tokenOf(admin, 'unique', 'viewer')
    for (const { token } of [first, second]) expect((await whoIs(token)).status).toBe(401)
    expect((await whoIs(third.token)).status).toBe(200)
  })

  test('ends at once when it is revoked, and stays so', async () => {
    const { id, token } = await tokenOf(admin, 'revoked', 'admin')
    expect((await whoIs(token)).status).toBe(200)
    expect((await admin.call('DELETE', `/api/v1/tokens/${id}`)).status).toBe(204)
    const revoked = (await listed(id))?.revoked ?? null
    expect(revoked).not.toBeNull()
    expect((await whoIs(token)).status).toBe(401)
    expect((await admin.call('DELETE', `/api/v1/tokens/${id}`)).status).toBe(204)
    expect((await listed(id))?.revoked).toBe(revoked)
  })

  test('ends at its time', async () => {
    const { id, token } = await tokenOf(admin, 'expired', 'admin', 1)
    await withSql(admin, `update attune.api_token set expires = now() + interval '1 minute' where id = ${id}`)
    expect((await whoIs(token)).status).toBe(200)
    await withSql(admin, `update attune.api_token set expires = now() where id = ${id}`)
    expect((await whoIs(token)).status).toBe(401)
  })

  test.each(['0', '-1', 'x', '01', '99999999999999999999', '9223372036854775807', '1%20'])(
    'is unknown by the id %s',
    async (id) => {
      const answer = await admin.call('DELETE', `/api/v1/tokens/${id}`)
      expect([answer.status, answer.problem().code]).toEqual([404, 'token_unknown'])
    },
  )

  test('says when it was used last, written down at most once a minute', async () => {
    const { id, token } = await tokenOf(admin, 'used', 'viewer')
    expect((await listed(id))?.last_used).toBeNull()
    await whoIs(token)
    const first = (await listed(id))?.last_used
    expect(Math.abs(new Date(first ?? '').getTime() - Date.now())).toBeLessThan(60_000)
    await whoIs(token)
    expect((await listed(id))?.last_used).toBe(first ?? '')
    await withSql(
      admin,
      `update attune.api_token set last_used = last_used - interval '2 minutes' where id = ${id}`,
    )
    await whoIs(token)
    expect(new Date((await listed(id))?.last_used ?? '').getTime()).toBeGreaterThanOrEqual(
      new Date(first ?? '').getTime(),
    )
  })

  test('is in pages, newest first', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await tokenOf(admin, name, 'viewer')
    const first = await admin.call('GET', '/api/v1/tokens?limit=2')
    const { next_cursor } = first.json<{ next_cursor: string }>()
    expect(first.data<ApiToken[]>().map(({ name }) => name)).toEqual(['page-c', 'page-b'])
    const second = await admin.call('GET', `/api/v1/tokens?limit=1&cursor=${next_cursor}`)
    expect(second.data<ApiToken[]>().map(({ name }) => name)).toEqual(['page-a'])
    for (const wrong of ['limit=0', 'cursor=x', 'foo=1']) {
      expect((await admin.call('GET', `/api/v1/tokens?${wrong}`)).status).toBe(422)
    }
  })

  test('there are not too many at once; those that have ended do not count', async () => {
    const fill = await withSql<{ id: string }>(
      admin,
      `insert into attune.api_token (name, role, prefix, token_hash, created_by)
       select 'fill' || n, 'viewer', 'attune_', sha256(n::text::bytea), 'test'
       from generate_series(1, ${API_TOKENS_MAX} - (
         select count(*) from attune.api_token where revoked is null and (expires is null or expires > now())
       )) n
       returning id::text`,
    )
    const refused = await create({ name: 'one-more', role: 'viewer' })
    expect([refused.status, fieldsOf(refused)]).toEqual([422, ['name']])
    await admin.call('DELETE', `/api/v1/tokens/${fill[0]?.id}`)
    expect((await create({ name: 'one-more', role: 'viewer' })).status).toBe(201)
    await withSql(admin, `delete from attune.api_token where created_by = 'test'`)
  })

  test('those that ended long ago are pruned by maintenance, with their sessions, and no others', async () => {
    const made = [
      await tokenOf(admin, 'long-revoked', 'viewer'),
      await tokenOf(admin, 'long-expired', 'viewer', 1),
      await tokenOf(admin, 'just-revoked', 'viewer'),
      await tokenOf(admin, 'never-ends', 'viewer'),
    ] as const
    const cookie = await signedIn(admin, made[3].token)
    const long = `now() - interval '${API_TOKEN_KEPT_DAYS} days 1 hour'`
    await withSql(admin, `update attune.api_token set revoked = ${long} where id = ${made[0].id}`)
    await withSql(admin, `update attune.api_token set expires = ${long} where id = ${made[1].id}`)
    await withSql(admin, `update attune.api_token set revoked = now() where id = ${made[2].id}`)
    await maintain(admin)
    const left = await Promise.all(made.map(async ({ id }) => (await listed(id)) !== undefined))
    expect(left).toEqual([false, false, true, true])
    expect((await callAs(admin, cookie, 'GET', '/api/v1/session')).status).toBe(200)
  })

  test.each([
    [
      'a name twice',
      `insert into attune.api_token (name, role, prefix, token_hash, created_by)
       select 'twice', 'viewer', '', sha256(n::text::bytea), '' from generate_series(1, 2) n`,
    ],
    [
      'the name of the installation',
      `insert into attune.api_token (name, role, prefix, token_hash, created_by)
       values ('admin-token', 'viewer', '', sha256('x'), '')`,
    ],
    [
      'another role',
      `insert into attune.api_token (name, role, prefix, token_hash, created_by)
       values ('other', 'root', '', sha256('x'), '')`,
    ],
    [
      'a token in plain',
      `insert into attune.api_token (name, role, prefix, token_hash, created_by)
       values ('plain', 'viewer', '', 'attune_0123', '')`,
    ],
    [
      'a session of nobody',
      `insert into attune.admin_session (token_hash, expires) values (sha256('x'), now())`,
    ],
  ])('the database itself refuses %s', async (_, statement) => {
    expect(withSql(admin, statement)).rejects.toThrow()
  })
})

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

describe('whoever tries out tokens', () => {
  let admin: AdminUnderTest
  let viewer: { readonly token: string }
  beforeAll(async () => {
    admin = await startAdmin(engine)
    viewer = await tokenOf(admin, 'viewer', 'viewer')
  }, 30_000)
  afterAll(() => admin.close(), 30_000)

  const bearer = (token: string | null, address: string) =>
    admin.call('GET', '/api/v1/triggers', { token, headers: { 'x-forwarded-for': address } })
  const page = (token: string, address: string) => signIn(admin, token, { 'x-forwarded-for': address })

  test.each([
    ['bearer tokens', '192.0.2.1', (address: string) => bearer('wrong', address)],
    ['tokens of our form', '192.0.2.2', (address: string) => bearer(`attune_${'0'.repeat(64)}`, address)],
    ['tokens to sign in with', '192.0.2.3', (address: string) => page('wrong', address)],
  ])(
    'is not heard after too many wrong %s, right or wrong, until the minute is over',
    async (_, address, guess) => {
      for (let count = 0; count < WRONG_TOKENS_MAX; count++) expect((await guess(address)).status).toBe(401)
      for (const answer of [
        await guess(address),
        await bearer(TOKEN, address),
        await bearer(viewer.token, address),
        await page(TOKEN, address),
        await page(viewer.token, address),
      ]) {
        expect([answer.status, answer.problem().code]).toEqual([429, 'sign_ins_slowed'])
        const seconds = Number(answer.headers.get('retry-after'))
        expect(seconds).toBeGreaterThan(0)
        expect(seconds).toBeLessThanOrEqual(WRONG_TOKENS_MS / 1_000)
      }
      expect((await bearer(TOKEN, '192.0.2.250')).status).toBe(200)
      admin.advance(WRONG_TOKENS_MS)
      expect((await bearer(TOKEN, address)).status).toBe(200)
      expect((await page(viewer.token, address)).status).toBe(201)
      expect((await guess(address)).status).toBe(401)
    },
  )

  test('is not heard although all are sent at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 3 * WRONG_TOKENS_MAX }, () => bearer('wrong', '192.0.2.4')),
    )
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(WRONG_TOKENS_MAX)
  })

  test('is counted by the /64 of an IPv6 address', async () => {
    for (let count = 0; count < WRONG_TOKENS_MAX; count++) await bearer('wrong', `2001:db8:1:2::${count + 1}`)
    expect((await bearer(TOKEN, '2001:db8:1:2:ffff::1')).status).toBe(429)
    expect((await bearer(TOKEN, '2001:db8:1:3::1')).status).toBe(200)
  })

  test('disturbs nobody who is signed in, and nobody who shows nothing', async () => {
    const cookie = await signedIn(admin)
    const headers = { 'x-forwarded-for': '192.0.2.5' }
    for (let count = 0; count <= WRONG_TOKENS_MAX; count++) await bearer('wrong', '192.0.2.5')
    expect((await callAs(admin, cookie, 'GET', '/api/v1/triggers', { headers })).status).toBe(200)
    expect((await callAs(admin, cookie, 'DELETE', '/api/v1/session', { headers })).status).toBe(204)
    expect((await bearer(null, '192.0.2.5')).status).toBe(401)
    expect((await admin.call('GET', '/healthz', { token: null, headers })).status).toBe(200)
  })

  test('is not who has no token, or one in a form that is none', async () => {
    for (let count = 0; count <= 2 * WRONG_TOKENS_MAX; count++) await bearer(null, '192.0.2.6')
    expect((await bearer(TOKEN, '192.0.2.6')).status).toBe(200)
  })

  test('stands in the log once, without what was tried', async () => {
    const before = admin.log.entries.length
    for (let count = 0; count <= 2 * WRONG_TOKENS_MAX; count++) await bearer('canary-guess', '192.0.2.7')
    const entries = admin.log.entries.slice(before)
    expect(entries.filter(({ fields }) => fields['source_ip'] === '192.0.2.7')).toHaveLength(1)
    expect(JSON.stringify(entries)).not.toContain('canary')
  })
})

test('what runs here is told: settings to admins, the rest to all', async () => {
  const admin = await startAdmin(engine)
  try {
    const settings = (await admin.call('GET', '/api/v1/config')).json()
    expect(settings).toEqual({
      data: [{ variable: 'ATTUNE_PORT', value: '8080', default: '8080', origin: 'default' }],
      next_cursor: null,
    })
    const about = (await admin.call('GET', '/api/v1/about')).data<Record<string, string>>()
    expect(about).toMatchObject({
      version: '0.1.0',
      runtime: 'Bun 0.0.0',
      receiver_url: 'http://localhost:8080',
      body_bytes_max: 26_214_400,
    })
    expect(about['database']).toMatch(/^(embedded )?PostgreSQL \d+/)
  } finally {
    await admin.close()
  }
})
