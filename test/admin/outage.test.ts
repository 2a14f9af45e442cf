import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresqlEngine } from '../../src/store/connection.ts'
import { postgresqlMissing } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type Cluster, clusterMissing, createCluster } from '../support/postgresql-cluster.ts'
import { type AdminUnderTest, startAdmin } from './support.ts'

describe.skipIf(postgresqlMissing !== null || clusterMissing !== null)('while PostgreSQL is away', () => {
  let cluster: Cluster
  let admin: AdminUnderTest

  beforeAll(async () => {
    cluster = await createCluster()
    const engine = postgresqlEngine(cluster.url('postgres'))
    admin = await startAdmin({ name: 'postgresql', open: async () => ({ engine, dispose: async () => {} }) })
    await admin.store.triggers.create({ ref: 'github.push' })
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
})
