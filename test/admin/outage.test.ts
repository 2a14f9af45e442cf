import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresqlEngine } from '../../src/store/connection.ts'
import { postgresqlMissing } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type Cluster, clusterMissing, createCluster } from '../support/postgresql-cluster.ts'
import { callAs, signedIn, signIn, tokenOf } from './console.ts'
import { type AdminUnderTest, type Answer, startAdmin, TOKEN } from './support.ts'

describe.skipIf(postgresqlMissing !== null || clusterMissing !== null)('while PostgreSQL is away', () => {
  let cluster: Cluster
  let admin: AdminUnderTest
  let apiToken = ''
  let sessions: readonly (readonly [of: string, cookie: string])[] = []

  beforeAll(async () => {
    cluster = await createCluster()
    const engine = postgresqlEngine(cluster.url('postgres'))
    admin = await startAdmin({ name: 'postgresql', open: async () => ({ engine, dispose: async () => {} }) })
    await admin.store.triggers.create({ ref: 'github.push' })
    apiToken = (await tokenOf(admin, 'deploy', 'admin')).token
    sessions = [
      ['the token of the installation', await signedIn(admin, TOKEN)],
      ['an API token', await signedIn(admin, apiToken)],
    ]
    await cluster.stop()
  }, 30_000)
  afterAll(async () => {
    await admin.close()
    await cluster.dispose()
  })

  test('every call that needs it is 503 with Retry-After, says nothing of SQL, and needs the token all the same', async () => {
    const bodies: Record<string, object> = {
      '/api/v1/triggers': { ref: 'another' },
      '/api/v1/triggers/:ref': { label: 'x' },
      '/api/v1/tokens': { name: 'another', role: 'viewer' },
      '/api/v1/triggers/:ref/webhooks/hmac': { secret: 'canary-secret' },
      '/api/v1/triggers/:ref/webhooks/verification': { scheme: 'github', secret: 'canary-secret' },
      '/api/v1/triggers/:ref/webhooks/rate-limit': { requests: 1, window_seconds: 1 },
      '/api/v1/triggers/:ref/webhooks/ip-whitelist': { cidrs: ['::1'] },
      '/api/v1/triggers/:ref/webhooks/payload-limit': { kb: 1 },
      '/api/v1/triggers/:ref/webhooks/rejected-bodies': { bytes_max: 1 },
      '/api/v1/triggers/:ref/webhooks/deduplication': { on: ['header:x-id'] },
      '/api/v1/triggers/:ref/preview': { payload_limit: { kb: 1 } },
      '/api/v1/triggers/:ref/test': { sign: true, secret: 'canary-secret' },
    }
    // The token of the installation and the settings are in memory. The schemes come with the binary, without a master key there is nothing to seal again, and a list is judged by itself.
    const needless = [
      '/api/v1/session',
      '/api/v1/config',
      '/api/v1/schemes',
      '/api/v1/schemes/:name',
      '/api/v1/schemes/:name/sample',
      '/api/v1/rekey',
      '/api/v1/ip-whitelist/check',
    ]
    const routes = admin.app.routes.filter(
      ({ method, path }) => method !== 'ALL' && path.startsWith('/api/') && !needless.includes(path),
    )
    const queries: Record<string, string> = { '/api/v1/trigger-activity': '?refs=github.push' }
    for (const { method, path } of routes) {
      const url = `${path}${queries[path] ?? ''}`
        .replace(':ref', 'github.push')
        .replace(':label', 'old')
        .replace('/tokens/:id', '/tokens/1')
        .replace(':id', Bun.randomUUIDv7())
      const takesBody = ['POST', 'PUT', 'PATCH'].includes(method) && path in bodies
      const answer = await admin.call(method, url, takesBody ? { json: bodies[path] } : {})
      expect([method, path, answer.status]).toEqual([method, path, 503])
      expect(answer.problem().code).toBe('store_unavailable')
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      expect(answer.text).not.toMatch(/select|insert|update|attune\.|ECONN|canary/i)
      expect((await admin.call(method, url, { token: null })).status).toBe(401)
    }
    expect(JSON.stringify(admin.log.entries)).not.toContain('canary')
  }, 60_000)

  /** Reads and changes, those among them that would not need the database themselves. */
  const CALLS: readonly { readonly method: string; readonly path: string; readonly json?: object }[] = [
    { method: 'GET', path: '/api/v1/session' },
    { method: 'GET', path: '/api/v1/triggers' },
    { method: 'GET', path: '/api/v1/webhook-event-log/tail' },
    { method: 'GET', path: '/api/v1/config' },
    { method: 'GET', path: '/metrics' },
    { method: 'POST', path: '/api/v1/ip-whitelist/check', json: { cidrs: ['192.0.2.1'] } },
    { method: 'POST', path: '/api/v1/triggers/github.push/webhooks/enable' },
    { method: 'DELETE', path: '/api/v1/triggers/github.push' },
    { method: 'DELETE', path: '/api/v1/session' },
  ]
  const cannotBeSaid = ({ status, headers, text, problem }: Answer) => {
    expect([status, problem().code]).toEqual([503, 'store_unavailable'])
    expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    // Neither asks the browser for another token, nor takes the session away that it has.
    expect([headers.get('www-authenticate'), headers.get('set-cookie')]).toEqual([null, null])
    expect(text).not.toMatch(/deploy|attune_|select|ECONN/)
  }

  test.each(CALLS)(
    '$method $path by a session is neither let in nor sent away: nobody can say who it is',
    async ({ method, path, json }) => {
      for (const [, cookie] of sessions) {
        cannotBeSaid(await callAs(admin, cookie, method, path, { ...(json && { json }) }))
      }
    },
  )

  test.each(CALLS)(
    '$method $path by an API token is neither let in nor refused, be it right or made up',
    async ({ method, path, json }) => {
      for (const token of [apiToken, `${apiToken.slice(0, -4)}0000`]) {
        cannotBeSaid(await admin.call(method, path, { token, ...(json && { json }) }))
      }
    },
  )

  test('nobody signs in, with whatever token that might be one', async () => {
    for (const token of [TOKEN, apiToken]) cannotBeSaid(await signIn(admin, token))
    const madeUp = await signIn(admin, 'not-a-token-of-ours-0123456789')
    expect([madeUp.status, madeUp.problem().code]).toEqual([401, 'unauthorized'])
  })

  test('a session is refused for what it is not, before anybody asks whose it is', async () => {
    for (const [, cookie] of sessions) {
      const headers = { origin: 'https://evil.example' }
      const foreign = await callAs(admin, cookie, 'DELETE', '/api/v1/triggers/github.push', { headers })
      expect([foreign.status, foreign.problem().code]).toEqual([403, 'origin_refused'])
      expect((await callAs(admin, cookie.slice(0, -1), 'GET', '/api/v1/triggers')).status).toBe(401)
    }
  })

  test('what needs no database answers', async () => {
    expect((await admin.call('GET', '/healthz', { token: null })).status).toBe(200)
    expect((await admin.call('GET', '/openapi.json')).status).toBe(200)
    expect((await admin.call('GET', '/metrics')).status).toBe(200)
  })

  test('service resumes by itself when it is back', async () => {
    await cluster.start()
    await eventually(
      async () => (await admin.call('GET', '/api/v1/triggers/github.push')).status === 200,
      15_000,
    )
  }, 30_000)

  test('whoever was signed in still is, and an API token is good again', async () => {
    for (const [, cookie] of sessions) {
      expect((await callAs(admin, cookie, 'GET', '/api/v1/session')).status).toBe(200)
    }
    expect((await admin.call('GET', '/api/v1/triggers', { token: apiToken })).status).toBe(200)
    expect(
      (await admin.call('GET', '/api/v1/triggers', { token: `${apiToken.slice(0, -4)}0000` })).status,
    ).toBe(401)
  })
})
