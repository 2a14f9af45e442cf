import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { ADMIN_BODY_BYTES_MAX } from '../../src/core/limits.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, startAdmin, TOKEN } from './support.ts'

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

let admin: AdminUnderTest

beforeAll(async () => {
  admin = await startAdmin(engine)
})
afterAll(() => admin.close())

const HEALTH = ['/healthz', '/readyz']

/** Every line of the route table that asks who it is, with something in place of its parameters. */
const routes = () =>
  admin.app.routes
    .filter(({ method, path }) => method !== 'ALL' && !HEALTH.includes(path))
    .filter(({ method, path }) => `${method} ${path}` !== 'POST /api/v1/session')
    .map(({ method, path }) => ({ method, path: path.replaceAll(/:[a-z]+/g, 'some.thing') }))

/** Each call from an address of its own: wrong tokens are counted by address. */
let addresses = 0
const fromSomewhereElse = () => {
  addresses += 1
  return { 'x-forwarded-for': `192.0.${addresses >> 8}.${addresses & 255}` }
}

describe('the bearer token', () => {
  test('guards every route of the route table', async () => {
    expect(routes().length).toBeGreaterThan(20)
    for (const { method, path } of routes()) {
      for (const token of [null, 'wrong', `${TOKEN}x`, TOKEN.slice(0, -1)]) {
        const answer = await admin.call(method, path, { token, headers: fromSomewhereElse() })
        expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 401`)
        expect(answer.problem().code).toBe('unauthorized')
        expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      }
    }
  })

  test('opens every route of the route table', async () => {
    for (const { method, path } of routes()) {
      const answer = await admin.call(method, path)
      expect([401, 405, 500]).not.toContain(answer.status)
      expect(answer.text).not.toContain('"code":"route_unknown"')
    }
  })

  test.each([
    '/api',
    '/api/',
    '/api/v1/nope',
    '/api/v1/triggers/a/b/c/d',
    '/metrics/x',
    '/openapi.json/',
    '/API/v1/triggers',
    '/%61pi/v1/triggers',
    '/api%2fv1/triggers',
    '/%zz',
  ])('is asked for at %s, where nothing is, so that nothing is disclosed', async (path) => {
    expect((await admin.call('GET', path, { token: null })).status).toBe(401)
    expect((await admin.call('GET', path)).problem().code).toBe('route_unknown')
  })

  test.each(['/', '/nope', '/healthz/', '/HEALTHZ', '/%68ealthz', '/apis'])(
    'is not asked for at %s, where only a page could be',
    async (path) => {
      for (const token of [null, TOKEN]) {
        for (const method of ['GET', 'HEAD']) {
          expect((await admin.call(method, path, { token })).status).toBe(404)
        }
        expect((await admin.call('POST', path, { token })).status).toBe(token === null ? 401 : 404)
      }
    },
  )

  test.each(['PUT', 'OPTIONS'])('is asked for before the method %s is looked at', async (method) => {
    expect((await admin.call(method, '/api/v1/triggers', { token: null })).status).toBe(401)
  })

  test('is asked for before a body is parsed', async () => {
    for (const body of ['{"ref":', '{"ref":"NOT A REF"}', 'x'.repeat(ADMIN_BODY_BYTES_MAX + 1)]) {
      expect((await admin.call('POST', '/api/v1/triggers', { token: null, body })).status).toBe(401)
    }
  })

  test('is asked for before a query is looked at', async () => {
    expect((await admin.call('GET', '/api/v1/triggers?limit=abc', { token: null })).status).toBe(401)
  })

  test.each([
    ['no scheme', TOKEN],
    ['another scheme', `Basic ${TOKEN}`],
    ['the scheme grown together with the token', `Bearer${TOKEN}`],
    ['a longer scheme', `BearerX ${TOKEN}`],
    ['two spaces', `Bearer  ${TOKEN}`],
    ['an empty token', 'Bearer '],
    ['a list of tokens', `Bearer ${TOKEN}, Bearer ${TOKEN}`],
    ['the token in quotes', `Bearer "${TOKEN}"`],
    ['more behind the token', `Bearer ${TOKEN} x`],
  ])('is not found in a header with %s', async (_, authorization) => {
    const answer = await admin.call('GET', '/api/v1/triggers', { token: null, headers: { authorization } })
    expect(answer.status).toBe(401)
  })

  test('has a scheme whose case does not matter', async () => {
    const headers = { authorization: `bearer ${TOKEN}` }
    expect((await admin.call('GET', '/api/v1/triggers', { token: null, headers })).status).toBe(200)
  })

  test.each([`?token=${TOKEN}`, `?access_token=${TOKEN}`, `?authorization=Bearer%20${TOKEN}`])(
    'is not read from the query %#',
    async (query) => {
      expect((await admin.call('GET', `/api/v1/triggers${query}`, { token: null })).status).toBe(401)
    },
  )

  test.each([
    'GET /healthz/../api/v1/triggers',
    'GET /api/v1/triggers?/healthz',
    'GET /api/v1/triggers#/healthz',
    'GET /healthz/..\\api\\v1\\triggers',
    'GET /x/../api/v1/triggers',
    'POST //healthz',
    'POST /healthz/',
    'POST /HEALTHZ',
    'POST /%68ealthz',
    'GET http://x/api/v1/triggers?x=/healthz',
  ])('is asked for although the request line is %s', async (line) => {
    expect(await statusOf(`${line} HTTP/1.1\r\nHost: a\r\n`)).toBe(401)
  })

  test.each(['a', 'x/healthz?', '/healthz', 'a/healthz#'])(
    'is not made up for by the Host %s',
    async (host) => {
      // Where the Host makes another path of it, that one leads nowhere.
      expect([400, 401, 404]).toContain(await statusOf(`GET /api/v1/triggers HTTP/1.1\r\nHost: ${host}\r\n`))
    },
  )

  test.each(['triggers', 'events'])(
    'cannot be slipped past with a path that two readers take for two: %s',
    async (noun) => {
      // Bun's own router would hand this to the route of one trigger or event, under the URL of a health check.
      const line = `GET /api/v1/${noun}/..\\..\\..\\healthz HTTP/1.1`
      expect(await statusOf(`${line}\r\nHost: a\r\n`)).toBe(200)
    },
  )

  test('leaves no trace in an answer or in the log', async () => {
    const answer = await admin.call('GET', '/api/v1/triggers', { token: `${TOKEN}-canary` })
    expect(answer.text).not.toContain('canary')
    expect(JSON.stringify(admin.log.entries)).not.toContain(TOKEN)
  })
})

describe('health', () => {
  test('is told without a token', async () => {
    expect((await admin.call('GET', '/healthz', { token: null })).status).toBe(200)
    expect((await admin.call('GET', '/readyz', { token: null })).status).toBe(200)
  })

  test('is not ready when the process is not, and alive all the same', async () => {
    admin.setReady(false)
    expect((await admin.call('GET', '/readyz', { token: null })).status).toBe(503)
    expect((await admin.call('GET', '/healthz', { token: null })).status).toBe(200)
    admin.setReady(true)
  })
})

describe('methods', () => {
  test.each([
    ['PUT', '/api/v1/triggers', ['GET', 'HEAD', 'POST']],
    ['POST', '/api/v1/triggers/a.b', ['DELETE', 'GET', 'HEAD', 'PATCH']],
    ['GET', '/api/v1/triggers/a.b/webhooks/enable', ['POST']],
    ['POST', '/api/v1/triggers/a.b/webhooks/hmac', ['DELETE', 'PUT']],
    ['DELETE', '/api/v1/events', ['GET', 'HEAD']],
    ['OPTIONS', '/api/v1/stats', ['GET', 'HEAD']],
    ['POST', '/openapi.json', ['GET', 'HEAD']],
    ['DELETE', '/healthz', ['GET', 'HEAD']],
  ])('%s %s is 405 with Allow', async (method, path, allowed) => {
    const answer = await admin.call(method, path)
    expect(answer.status).toBe(405)
    expect(answer.problem().code).toBe('method_not_allowed')
    expect(answer.headers.get('allow')?.split(', ').sort()).toEqual(allowed)
  })

  test('HEAD is answered where GET is, without a body', async () => {
    const answer = await admin.call('HEAD', '/api/v1/triggers')
    expect(answer.status).toBe(200)
    expect(answer.text).toBe('')
    expect((await admin.call('HEAD', '/api/v1/triggers', { token: null })).status).toBe(401)
  })
})

describe('bodies', () => {
  test('a declared length past the limit is 413', async () => {
    const answer = await admin.call('POST', '/api/v1/triggers', {
      body: 'x'.repeat(ADMIN_BODY_BYTES_MAX + 1),
    })
    expect(answer.status).toBe(413)
    expect(answer.problem().code).toBe('payload_too_large')
  })

  test('a body of undeclared length past the limit is 413', async () => {
    const piece = new Uint8Array(64 * 1024).fill(0x20)
    let pieces = ADMIN_BODY_BYTES_MAX / piece.byteLength + 1
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pieces-- > 0) controller.enqueue(piece)
        else controller.close()
      },
    })
    expect((await admin.call('POST', '/api/v1/triggers', { body })).status).toBe(413)
  })

  test('a body at the limit is read', async () => {
    const body = `{"ref":"at.the.limit"}${' '.repeat(ADMIN_BODY_BYTES_MAX - 22)}`
    expect((await admin.call('POST', '/api/v1/triggers', { body })).status).toBe(201)
  })
})

describe('every answer', () => {
  test.each([
    ['a success', 'GET', '/api/v1/triggers', TOKEN],
    ['JSON of our own making', 'GET', '/api/v1/events', TOKEN],
    ['a document', 'GET', '/openapi.json', TOKEN],
    ['metrics', 'GET', '/metrics', TOKEN],
    ['a refusal', 'GET', '/api/v1/triggers/no.such', TOKEN],
    ['a wrong request', 'GET', '/api/v1/triggers?limit=0', TOKEN],
    ['an unknown path', 'GET', '/nope', TOKEN],
    ['a wrong method', 'PUT', '/api/v1/triggers', TOKEN],
    ['no token', 'GET', '/api/v1/triggers', null],
    ['health', 'GET', '/healthz', null],
  ])(
    'forbids caching, sniffing, framing and running, and has a request id: %s',
    async (_, method, path, token) => {
      const { headers } = await admin.call(method, path, { token })
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    },
  )

  test('that refuses is problem+json', async () => {
    const answer = await admin.call('GET', '/api/v1/triggers/no.such')
    expect(answer.headers.get('content-type')).toStartWith('application/problem+json')
    expect(answer.problem()).toMatchObject({ status: 404, code: 'trigger_unknown' })
    expect(answer.problem().request_id).toBe(answer.headers.get('x-request-id') ?? '')
  })
})

test('metrics are served as their source renders them', async () => {
  const answer = await admin.call('GET', '/metrics')
  expect(answer.text).toBe('attune_test 1\n')
  expect(answer.headers.get('content-type')).toStartWith('text/plain; version=0.0.4')
})

/** Writes a request line as it stands, which no client of HTTP would. */
function statusOf(head: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(admin.origin).port), '127.0.0.1')
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer came')))
    socket.on('error', reject)
    socket.on('connect', () => socket.write(`${head}Connection: close\r\n\r\n`))
    socket.once('data', (bytes) => {
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString('latin1'))?.[1]))
      socket.destroy()
    })
  })
}
