import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Session } from '../../src/core/administrator.ts'
import {
  ADMIN_BODY_BYTES_MAX,
  ADMIN_SESSION_IDLE_SECONDS_MAX,
  ADMIN_SESSION_SECONDS_MAX,
  ADMIN_SESSIONS_MAX,
  SIGN_IN_BODY_BYTES_MAX,
  SIGN_IN_LOOKUPS_PER_ADDRESS_MAX,
} from '../../src/core/limits.ts'
import { engines } from '../support/database.ts'
import {
  callAs,
  cookieOf,
  maintain,
  pageHeaders,
  signedIn,
  signIn,
  tokenOf,
  withLockedSessions,
  withSql,
} from './console.ts'
import { type AdminUnderTest, startAdmin, TOKEN } from './support.ts'

let addresses = 0
/** Each from an address of its own, so that wrong tokens of one test do not slow another. */
const fromSomewhereElse = () => {
  addresses += 1
  return { 'x-forwarded-for': `198.51.${addresses >> 8}.${addresses & 255}` }
}

describe.each(engines)('sessions on $name', (engine) => {
  let admin: AdminUnderTest
  beforeAll(async () => {
    admin = await startAdmin(engine)
  }, 30_000)
  afterAll(() => admin.close(), 30_000)

  const triggers = (cookie: string) => callAs(admin, cookie, 'GET', '/api/v1/triggers')

  describe('signing in', () => {
    test('exchanges the token of the installation for a cookie that no script reads and no other site sends', async () => {
      const answer = await signIn(admin)
      expect(answer.status).toBe(201)
      expect(answer.headers.get('set-cookie')).toMatch(
        /^attune_session=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/,
      )
      const session = answer.data<Session>()
      expect(session).toMatchObject({ name: 'admin-token', role: 'admin', kind: 'session' })
      expect(session.idle_seconds_max).toBe(ADMIN_SESSION_IDLE_SECONDS_MAX)
      const lasts = new Date(session.expires ?? '').getTime() - Date.now()
      expect(Math.abs(lasts - ADMIN_SESSION_SECONDS_MAX * 1_000)).toBeLessThan(60_000)
      const again = await callAs(admin, cookieOf(answer), 'GET', '/api/v1/session')
      expect(again.data<Session>()).toEqual(session)
    })

    test('makes a cookie for TLS only where the browser speaks TLS', async () => {
      const headers = { origin: admin.origin.replace('http:', 'https:') }
      const answer = await signIn(admin, TOKEN, headers)
      expect(answer.status).toBe(201)
      expect(answer.headers.get('set-cookie')).toEndWith('; HttpOnly; SameSite=Strict; Secure')
    })

    test('reads no more of a stranger than a token needs', async () => {
      const padded = (bytes: number) => JSON.stringify({ token: TOKEN }).padEnd(bytes)
      const post = (body: string | ReadableStream<Uint8Array>) =>
        fetch(`${admin.origin}/api/v1/session`, {
          method: 'POST',
          headers: { ...pageHeaders(admin), 'content-type': 'application/json' },
          body,
        })
      expect((await post(padded(SIGN_IN_BODY_BYTES_MAX))).status).toBe(201)
      expect((await post(padded(SIGN_IN_BODY_BYTES_MAX + 1))).status).toBe(413)
      const chunked = new Blob([padded(SIGN_IN_BODY_BYTES_MAX + 1)]).stream()
      expect((await post(chunked)).status).toBe(413)
    })

    test('takes the role and the name of an API token', async () => {
      const { token } = await tokenOf(admin, 'eve', 'viewer', 1)
      const session = (await signIn(admin, token)).data<Session>()
      expect(session).toMatchObject({ name: 'eve', role: 'viewer', kind: 'session' })
    })

    test('ends no later than its token', async () => {
      const { id, token } = await tokenOf(admin, 'short', 'viewer', 1)
      await withSql(admin, `update attune.api_token set expires = now() + interval '1 hour' where id = ${id}`)
      const { expires } = (await signIn(admin, token)).data<Session>()
      expect(new Date(expires ?? '').getTime() - Date.now()).toBeLessThan(3_600_000 + 60_000)
    })

    test.each([
      ['a wrong token', `${TOKEN}x`],
      ['a token of our form that nobody has', `attune_${'0'.repeat(64)}`],
      ['a single character', 'x'],
    ])('refuses %s, without a cookie', async (_, token) => {
      const answer = await signIn(admin, token, fromSomewhereElse())
      expect([answer.status, answer.problem().code]).toEqual([401, 'unauthorized'])
      expect(answer.headers.get('set-cookie')).toBeNull()
    })

    test.each([
      ['no token', {}],
      ['a number', { token: 1 }],
      ['an empty token', { token: '' }],
      ['a token past all limits', { token: 'x'.repeat(2_000) }],
      ['a field more', { token: TOKEN, role: 'admin' }],
    ])('refuses %s as a wrong request', async (_, json) => {
      const answer = await admin.call('POST', '/api/v1/session', {
        token: null,
        json,
        headers: pageHeaders(admin),
      })
      expect(answer.status).toBe(422)
    })

    test.each<[string, Record<string, string | null>]>([
      ['without the header of the console', { 'x-attune-console': null }],
      ['with another value of it', { 'x-attune-console': 'true' }],
      ['without Origin', { origin: null }],
      ['with another Origin', { origin: 'https://evil.example' }],
      ['with the Origin null', { origin: 'null' }],
      ['from another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
      ['from another port of this host, as the browser says', { 'sec-fetch-site': 'same-site' }],
    ])('is refused %s, before the body is read', async (_, changed) => {
      const headers = Object.fromEntries(
        Object.entries({ ...pageHeaders(admin), ...changed }).filter(([, value]) => value !== null),
      ) as Record<string, string>
      for (const body of [
        JSON.stringify({ token: TOKEN }),
        '{"token":',
        'x'.repeat(ADMIN_BODY_BYTES_MAX + 1),
      ]) {
        const answer = await admin.call('POST', '/api/v1/session', { token: null, body, headers })
        expect([answer.status, answer.problem().code]).toEqual([403, 'origin_refused'])
        expect(answer.headers.get('set-cookie')).toBeNull()
      }
    })

    test('does not take the token from elsewhere', async () => {
      const headers = { ...pageHeaders(admin), authorization: `Bearer ${TOKEN}` }
      const answer = await admin.call('POST', `/api/v1/session?token=${TOKEN}`, { token: null, headers })
      expect(answer.status).toBe(422)
    })
  })

  describe('a request with a cookie', () => {
    let cookie: string
    beforeAll(async () => {
      cookie = await signedIn(admin)
    })

    test('reads, and changes something', async () => {
      expect((await triggers(cookie)).status).toBe(200)
      const json = { ref: 'from.the.console' }
      expect((await callAs(admin, cookie, 'POST', '/api/v1/triggers', { json })).status).toBe(201)
      expect((await callAs(admin, cookie, 'DELETE', '/api/v1/triggers/from.the.console')).status).toBe(204)
    })

    test('reads without the headers of a page, which a browser does not always send', async () => {
      for (const headers of [{}, { 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'same-origin' }]) {
        const answer = await admin.call('GET', '/api/v1/triggers', {
          token: null,
          headers: { cookie, ...headers },
        })
        expect(answer.status).toBe(200)
      }
    })

    test.each(['cross-site', 'same-site', 'something new', ''])(
      'is refused when the browser says that it comes from %p',
      async (site) => {
        for (const method of ['GET', 'HEAD']) {
          const headers = { cookie, 'sec-fetch-site': site }
          expect((await admin.call(method, '/api/v1/triggers', { token: null, headers })).status).toBe(403)
        }
      },
    )

    const port = (origin: string) => origin.slice(origin.lastIndexOf(':') + 1)
    const FOREIGN: readonly (readonly [string, (origin: string) => Record<string, string | null>])[] = [
      ['no header of the console', () => ({ 'x-attune-console': null })],
      ['an empty header of the console', () => ({ 'x-attune-console': '' })],
      ['the header twice', () => ({ 'x-attune-console': '1, 1' })],
      ['no Origin', () => ({ origin: null })],
      ['an empty Origin', () => ({ origin: '' })],
      ['the Origin null', () => ({ origin: 'null' })],
      ['a foreign Origin', () => ({ origin: 'https://evil.example' })],
      ['another port', () => ({ origin: 'http://127.0.0.1:1' })],
      ['no port', () => ({ origin: 'http://127.0.0.1' })],
      ['another name of this host', (origin) => ({ origin: `http://localhost:${port(origin)}` })],
      ['a host that ends likewise', (origin) => ({ origin: `http://x127.0.0.1:${port(origin)}` })],
      ['a host that begins likewise', (origin) => ({ origin: `${origin}.evil.example` })],
      ['a user name', (origin) => ({ origin: origin.replace('//', '//evil@') })],
      ['a path', (origin) => ({ origin: `${origin}/` })],
      ['another scheme', (origin) => ({ origin: origin.replace('http:', 'ftp:') })],
      ['two Origins', (origin) => ({ origin: `${origin}, https://evil.example` })],
      ['one Origin twice', (origin) => ({ origin: `${origin}, ${origin}` })],
      ['a Host that is another', () => ({ host: 'evil.example' })],
      ['two Hosts', (origin) => ({ host: `${origin.slice(7)}, evil.example` })],
    ]
    test.each(FOREIGN)('is refused with %s, and changes nothing', async (_, changed) => {
      const headers = Object.fromEntries(
        Object.entries({ ...pageHeaders(admin), cookie, ...changed(admin.origin) }).filter(
          ([, value]) => value !== null,
        ),
      ) as Record<string, string>
      for (const [method, path, json] of [
        ['POST', '/api/v1/triggers', { ref: 'from.elsewhere' }],
        ['DELETE', '/api/v1/session', undefined],
      ] as const) {
        const answer = await admin.call(method, path, { token: null, headers, ...(json && { json }) })
        expect([answer.status, answer.problem().code]).toEqual([403, 'origin_refused'])
      }
      expect((await admin.call('GET', '/api/v1/triggers/from.elsewhere')).status).toBe(404)
      expect((await triggers(cookie)).status).toBe(200)
    })

    test('is taken behind a proxy that speaks TLS and hands Host on', async () => {
      for (const host of ['hooks.example', 'hooks.example:443', 'HOOKS.example']) {
        const answer = await callAs(admin, cookie, 'POST', '/api/v1/triggers', {
          json: { ref: 'no!' },
          headers: { host, origin: 'https://hooks.example' },
        })
        expect(answer.status).toBe(422)
      }
    })

    test.each<[string, (cookie: string) => string]>([
      ['twice', (it) => `${it}; ${it}`],
      ['beside another one', (it) => `attune_session=${'0'.repeat(64)}; ${it}`],
      ['in upper case', (it) => it.toUpperCase()],
      ['in quotes', (it) => `${it.replace('=', '="')}"`],
      ['cut', (it) => it.slice(0, -1)],
      ['longer', (it) => `${it}0`],
      ['of another name', (it) => `x${it}`],
      ['empty', () => 'attune_session='],
      ['of nobody', () => `attune_session=${'0'.repeat(64)}`],
      ['that is the token', () => `attune_session=${TOKEN}`],
    ])('is nobody with the cookie %s', async (_, change) => {
      const answer = await triggers(change(cookie))
      expect([answer.status, answer.problem().code]).toEqual([401, 'unauthorized'])
    })

    test('finds its cookie among others', async () => {
      expect((await triggers(`a=1; ${cookie};b=2`)).status).toBe(200)
    })

    test('is judged by a bearer token where it has one, and by that alone', async () => {
      const given = (authorization: string) =>
        admin.call('GET', '/api/v1/session', {
          token: null,
          headers: { cookie, authorization, ...fromSomewhereElse() },
        })
      expect((await given(`Bearer ${TOKEN}`)).data<Session>().kind).toBe('token')
      for (const authorization of [`Bearer ${TOKEN}x`, 'Basic x', '']) {
        expect((await given(authorization)).status).toBe(401)
      }
    })

    test('needs no headers of a page with a bearer token, which no browser sends by itself', async () => {
      const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
      expect((await admin.call('GET', '/api/v1/triggers', { headers })).status).toBe(200)
    })
  })

  test('strangers with cookies of their own making hold up no session and no token', async () => {
    const cookie = await signedIn(admin)
    const { token } = await tokenOf(admin, 'unhindered', 'viewer')
    const asToken = () => admin.call('GET', '/api/v1/triggers', { token })
    expect([(await triggers(cookie)).status, (await asToken()).status]).toEqual([200, 200])
    const stranger = () =>
      admin.call('GET', '/api/v1/session', {
        token: null,
        headers: {
          cookie: `attune_session=${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')}`,
          'x-forwarded-for': '203.0.113.66',
        },
      })
    const { flood, own } = await withLockedSessions(admin, async () => {
      const flood = Array.from({ length: SIGN_IN_LOOKUPS_PER_ADDRESS_MAX * 6 }, stranger)
      expect((await Promise.race(flood)).status).toBe(503)
      return { flood, own: [triggers(cookie), asToken()] }
    })
    expect((await Promise.all(own)).map(({ status }) => status)).toEqual([200, 200])
    const statuses = (await Promise.all(flood)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(SIGN_IN_LOOKUPS_PER_ADDRESS_MAX)
    expect(statuses.filter((status) => status === 503)).toHaveLength(SIGN_IN_LOOKUPS_PER_ADDRESS_MAX * 5)
  }, 30_000)

  describe('a session ends', () => {
    const hashed = (cookie: string) =>
      `'\\x${new Bun.CryptoHasher('sha256').update(cookie.split('=')[1] ?? '').digest('hex')}'`
    const move = (cookie: string, change: string) =>
      withSql(admin, `update attune.admin_session set ${change} where token_hash = ${hashed(cookie)}`)

    test('when somebody signs out, and no other one with it', async () => {
      const [mine, other] = [await signedIn(admin), await signedIn(admin)]
      const answer = await callAs(admin, mine, 'DELETE', '/api/v1/session')
      expect(answer.status).toBe(204)
      expect(answer.headers.get('set-cookie')).toBe(
        'attune_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0',
      )
      expect((await triggers(mine)).status).toBe(401)
      expect((await triggers(other)).status).toBe(200)
      expect((await callAs(admin, mine, 'DELETE', '/api/v1/session')).status).toBe(401)
    })

    test('not when a bearer token signs out, which has none', async () => {
      const cookie = await signedIn(admin)
      const headers = { cookie }
      expect((await admin.call('DELETE', '/api/v1/session', { headers })).status).toBe(204)
      expect((await triggers(cookie)).status).toBe(200)
    })

    test('after the idle time, counted from the last request', async () => {
      const cookie = await signedIn(admin)
      await move(cookie, `last_seen = now() - interval '${ADMIN_SESSION_IDLE_SECONDS_MAX - 60} seconds'`)
      expect((await triggers(cookie)).status).toBe(200)
      const [seen] = await withSql<{ recent: boolean }>(
        admin,
        `select last_seen > now() - interval '1 minute' as recent from attune.admin_session where token_hash = ${hashed(cookie)}`,
      )
      expect(seen?.recent).toBe(true)
      await move(cookie, `last_seen = now() - interval '${ADMIN_SESSION_IDLE_SECONDS_MAX + 1} seconds'`)
      expect((await triggers(cookie)).status).toBe(401)
      expect((await triggers(cookie)).status).toBe(401)
    })

    test('also while a page goes on asking that nobody is at', async () => {
      const cookie = await signedIn(admin)
      await move(cookie, `last_seen = now() - interval '${ADMIN_SESSION_IDLE_SECONDS_MAX - 60} seconds'`)
      const headers = { ...pageHeaders(admin), cookie, 'x-attune-unattended': '1' }
      const asked = await admin.call('GET', '/api/v1/triggers', { token: null, headers })
      expect(asked.status).toBe(200)
      const [seen] = await withSql<{ recent: boolean }>(
        admin,
        `select last_seen > now() - interval '1 hour' as recent from attune.admin_session where token_hash = ${hashed(cookie)}`,
      )
      expect(seen?.recent).toBe(false)
    })

    test('after the absolute time, however busy', async () => {
      const cookie = await signedIn(admin)
      await move(cookie, `expires = now() + interval '1 minute'`)
      expect((await triggers(cookie)).status).toBe(200)
      await move(cookie, 'expires = now()')
      expect((await triggers(cookie)).status).toBe(401)
    })

    test('with its token, when that is revoked or expires', async () => {
      for (const [name, end] of [
        ['revoked', (id: string) => admin.call('DELETE', `/api/v1/tokens/${id}`)],
        [
          'expired',
          (id: string) => withSql(admin, `update attune.api_token set expires = now() where id = ${id}`),
        ],
        [
          'revoked-in-sql',
          (id: string) => withSql(admin, `update attune.api_token set revoked = now() where id = ${id}`),
        ],
      ] as const) {
        const { id, token } = await tokenOf(admin, name, 'operator')
        const cookie = await signedIn(admin, token)
        expect((await triggers(cookie)).status).toBe(200)
        await end(id)
        expect((await triggers(cookie)).status).toBe(401)
        expect((await signIn(admin, token, fromSomewhereElse())).status).toBe(401)
      }
    })

    test('when there are too many of one token: the one that was used the longest ago', async () => {
      const { token } = await tokenOf(admin, 'many', 'viewer')
      const cookies = [await signedIn(admin, token), await signedIn(admin, token)] as const
      await move(cookies[0], `last_seen = now() - interval '10 minutes'`)
      await move(cookies[1], `last_seen = now() - interval '20 minutes'`)
      for (let count = 2; count <= ADMIN_SESSIONS_MAX; count++) await signedIn(admin, token)
      expect((await triggers(cookies[1])).status).toBe(401)
      expect((await triggers(cookies[0])).status).toBe(200)
      const [row] = await withSql<{ count: number }>(
        admin,
        `select count(*)::integer as count from attune.admin_session s join attune.api_token t on t.id = api_token_id
         where name = 'many'`,
      )
      expect(row?.count).toBe(ADMIN_SESSIONS_MAX)
    }, 30_000)

    test('when the token of the installation becomes another, and comes back with it', async () => {
      const cookie = await signedIn(admin)
      const url = `${admin.origin}/api/v1/triggers`
      const statusWith = async (token: string) =>
        (await admin.withToken(token).handle(new Request(url, { headers: { cookie } }))).status
      expect(await statusWith(`${TOKEN}-new`)).toBe(401)
      expect(await statusWith(TOKEN)).toBe(200)
    })

    test('when what binds it to the token of the installation does not fit', async () => {
      const cookie = await signedIn(admin)
      await move(
        cookie,
        `installation_mac = set_byte(installation_mac, 0, get_byte(installation_mac, 0) # 1)`,
      )
      expect((await triggers(cookie)).status).toBe(401)
    })
  })

  test('a session is written down at most once a minute', async () => {
    const cookie = await signedIn(admin)
    const seen = () =>
      withSql(
        admin,
        'select max(last_seen)::text as at, max(xmin::text::bigint)::text as xid from attune.admin_session',
      )
    const before = await seen()
    for (let count = 0; count < 3; count++) expect((await triggers(cookie)).status).toBe(200)
    expect(await seen()).toEqual(before)
  })

  test('what has ended is pruned by maintenance, and nothing else', async () => {
    const cookie = await signedIn(admin)
    await withSql(
      admin,
      `insert into attune.admin_session (token_hash, installation_mac, expires, last_seen) values
         (sha256('a'), sha256(''), now() - interval '1 second', now()),
         (sha256('b'), sha256(''), now() + interval '1 hour', now() - interval '${ADMIN_SESSION_IDLE_SECONDS_MAX} seconds')`,
    )
    await maintain(admin)
    const left = await withSql<{ count: number }>(
      admin,
      "select count(*)::integer as count from attune.admin_session where token_hash in (sha256('a'), sha256('b'))",
    )
    expect(left[0]?.count).toBe(0)
    expect((await triggers(cookie)).status).toBe(200)
  })
})
