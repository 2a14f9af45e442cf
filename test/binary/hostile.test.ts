/** Requests that no well-behaved client sends, written by hand; and too many of those that it does. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import {
  ask,
  engineName,
  type Installation,
  install,
  readAll,
  type Server,
  type Webhook,
} from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'
import { head, openConnection, type RawConnection } from '../support/raw-http.ts'

const SECRET = 'a secret of ours'

/** 600 MB are sent. Bodies that must be read may take up to `BODY_BYTES_IN_FLIGHT_MAX`, and garbage is collected later. */
const RESIDENT_MB_GROWTH_MAX = 400

let installation: Installation
let server: Server
/** Takes everything; each body is stored, so it shows what was understood. */
let open: Webhook
/** Stands inside requests that would be one if two readers disagreed about where the first one ends. */
let smuggled: Webhook

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  open = await server.createTrigger('open.push')
  smuggled = await server.createTrigger('smuggled.push')
})
afterAll(() => installation.dispose())

interface Row {
  readonly title: string
  /** The whole request, or several. */
  readonly request: (path: string) => string
  /** The answer of the receiver; `closed` is a connection that ends without one. */
  readonly expected: number | 'closed'
  /** The event that it becomes. */
  readonly body?: string
}

const post = (target: string, headers: readonly string[], body: string, version = 'HTTP/1.1'): string =>
  [`POST ${target} ${version}`, ...headers, '', body].join('\r\n')
const HOST = 'Host: localhost'
const LENGTH = 'Content-Length: 2'
const CHUNKED = 'Transfer-Encoding: chunked'
const hidden = () => post(smuggled.path, [HOST, LENGTH], '{}')

const FRAMING: readonly Row[] = [
  {
    title: 'a length and chunks, with a request behind the last chunk',
    request: (path) => post(path, [HOST, 'Content-Length: 200', CHUNKED], `0\r\n\r\n${hidden()}`),
    expected: 400,
  },
  {
    title: 'chunks and a length, with a request behind the length',
    request: (path) => post(path, [HOST, CHUNKED, 'Content-Length: 3'], `2\r\n{}\r\n0\r\n\r\n${hidden()}`),
    expected: 400,
  },
  {
    title: 'two lengths',
    request: (path) => post(path, [HOST, 'Content-Length: 0', 'Content-Length: 200'], hidden()),
    expected: 400,
  },
  {
    title: 'the same length twice',
    request: (path) => post(path, [HOST, LENGTH, LENGTH], '{}'),
    expected: 400,
  },
  {
    title: 'a list of lengths',
    request: (path) => post(path, [HOST, 'Content-Length: 2, 2'], '{}'),
    expected: 400,
  },
  ...['+2', '-2', '0x2', '1e0', '2.0', '', ' ', '99999999999999999999999'].map((length) => ({
    title: `the length "${length}"`,
    request: (path: string) => post(path, [HOST, `Content-Length: ${length}`], '{}'),
    expected: 400,
  })),
  ...['xchunked', 'gzip, chunked', 'chunked, identity', 'identity', 'chunked, chunked'].map((coding) => ({
    title: `the transfer coding "${coding}"`,
    request: (path: string) =>
      post(path, [HOST, `Transfer-Encoding: ${coding}`], `2\r\n{}\r\n0\r\n\r\n${hidden()}`),
    expected: 400,
  })),
  {
    title: 'a blank before the colon of the transfer coding',
    request: (path) => post(path, [HOST, 'Transfer-Encoding : chunked', LENGTH], `{}${hidden()}`),
    expected: 400,
  },
  ...['zz', '-2', '0x2', 'fffffffffffffffff', ''].map((size) => ({
    title: `the chunk size "${size}"`,
    request: (path: string) => post(path, [HOST, CHUNKED], `${size}\r\n{}\r\n0\r\n\r\n`),
    expected: 400,
  })),
  {
    title: 'chunks that end in line feeds alone',
    request: (path) => post(path, [HOST, CHUNKED], '2\n{}\n0\n\n'),
    expected: 400,
  },
  {
    title: 'an extension of a chunk',
    request: (path) => post(path, [HOST, CHUNKED], '2;name=value\r\n{}\r\n0\r\n\r\n'),
    expected: 200,
    body: '{}',
  },
  {
    title: 'neither a length nor chunks: the rest is no body, and no request either',
    request: (path) => post(path, [HOST], ''),
    expected: 200,
    body: '',
  },
]

const HEADS: readonly Row[] = [
  {
    title: 'a header of 17 kB',
    request: (path) => post(path, [HOST, LENGTH, `X-Long: ${'a'.repeat(17_000)}`], '{}'),
    expected: 431,
  },
  {
    title: 'a thousand headers',
    request: (path) =>
      post(path, [HOST, LENGTH, ...Array.from({ length: 1000 }, (_, n) => `X-${n}: a`)], '{}'),
    expected: 431,
  },
  {
    title: 'a target of 20 kB',
    request: () => post(`/${'a'.repeat(20_000)}`, [HOST, LENGTH], '{}'),
    expected: 431,
  },
  ...['a', '', 'a/b?c#d', 'user:password@host', 'localhost, localhost', '[::1'].map((host) => ({
    title: `the Host "${host}"`,
    request: (path: string) => post(path, [`Host: ${host}`, LENGTH], '{}'),
    expected: 200,
    body: '{}',
  })),
  { title: 'no Host', request: (path) => post(path, [LENGTH], '{}'), expected: 400 },
  {
    title: 'HTTP/1.0 without Host',
    request: (path) => post(path, [LENGTH], '{}', 'HTTP/1.0'),
    expected: 200,
    body: '{}',
  },
  ...['HTTP/1.2', 'HTTP/2.0', 'HTTP/9.9', 'HTTP/11', 'http/1.1', 'XXXX/1.1'].map((version) => ({
    title: `the version ${version}`,
    request: (path: string) => post(path, [HOST, LENGTH], '{}', version),
    expected: 505,
  })),
  { title: 'the preface of HTTP/2', request: () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', expected: 400 },
  {
    title: 'a TLS greeting',
    request: () => `\x16\x03\x01\x02\x00\x01\x00${'a'.repeat(99)}\r\n\r\n`,
    expected: 400,
  },
  ...['X-A: a\0b', 'X-A: a\x01b', 'X-A: a\rb', 'X-A: a\r\n b', ': a', 'abc', 'X A: a'].map((line) => ({
    title: `the header line ${JSON.stringify(line)}`,
    request: (path: string) => post(path, [HOST, line, LENGTH], '{}'),
    expected: 400,
  })),
  {
    title: 'Latin-1 in a header',
    request: (path) => post(path, [HOST, LENGTH, 'X-A: \xe9\xff'], '{}'),
    expected: 200,
    body: '{}',
  },
  {
    title: 'an expectation that nobody knows',
    request: (path) => post(path, [HOST, LENGTH, 'Expect: 200-maybe'], '{}'),
    expected: 200,
    body: '{}',
  },
  {
    title: 'another protocol',
    request: (path) =>
      post(
        path,
        [HOST, LENGTH, 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMA'],
        '{}',
      ),
    expected: 200,
    body: '{}',
  },
  {
    title: 'a header that would change the method',
    request: (path) => post(path, [HOST, LENGTH, 'X-HTTP-Method-Override: DELETE'], '{}'),
    expected: 200,
    body: '{}',
  },
  ...['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'].map((method) => ({
    title: `the method ${method}`,
    request: (path: string) => post(path, [HOST, LENGTH], '{}').replace('POST', method),
    expected: 405,
  })),
  ...['post', 'BREW'].map((method) => ({
    title: `the method ${method}, which does not exist`,
    request: (path: string) => post(path, [HOST, LENGTH], '{}').replace('POST', method),
    expected: 'closed' as const,
  })),
]

const KEY_START = '/api/v1/webhooks/'
const keyOf = (path: string): string => path.slice(KEY_START.length)

const TARGETS: readonly {
  title: string
  target: (path: string) => string
  expected: number
  body?: string
}[] = [
  ...['http://evil.example', 'https://evil.example:99'].map((origin) => ({
    title: `an absolute target at ${origin}`,
    target: (path: string) => `${origin}${path}`,
    expected: 200,
    body: '{}',
  })),
  { title: 'an absolute target without a path', target: () => 'http://evil.example', expected: 404 },
  { title: 'an authority', target: () => 'evil.example:443', expected: 400 },
  { title: 'a star', target: () => '*', expected: 400 },
  { title: 'two slashes at the start', target: (path) => `/${path}`, expected: 404 },
  { title: 'two slashes before the key', target: (path) => `${KEY_START}/${keyOf(path)}`, expected: 404 },
  {
    title: 'an encoded slash before the key',
    target: (path) => path.replace('s/wh', 's%2fwh'),
    expected: 404,
  },
  { title: 'an encoded letter in the route', target: (path) => path.replace('api', '%61pi'), expected: 404 },
  { title: 'a way up to the other plane', target: () => '/api/v1/webhooks/../triggers', expected: 404 },
  {
    title: 'an encoded way up to the other plane',
    target: () => '/api/v1/webhooks/%2e%2e/triggers',
    expected: 404,
  },
  { title: 'a way up with a backslash', target: (path) => `/x/..\\${path}`, expected: 404 },
  { title: 'a key in upper case', target: (path) => KEY_START + keyOf(path).toUpperCase(), expected: 404 },
  { title: 'a route in upper case', target: (path) => KEY_START.toUpperCase() + keyOf(path), expected: 404 },
  { title: 'a key and NUL', target: (path) => `${path}%00`, expected: 404 },
  { title: 'a key and a parameter', target: (path) => `${path};a=b`, expected: 404 },
  { title: 'a key and more', target: (path) => `${path}/more`, expected: 404 },
  { title: 'half of a key', target: (path) => path.slice(0, -1), expected: 404 },
  { title: 'no key', target: () => KEY_START, expected: 404 },
  ...['%', '%zz', '%ff', '%00', '__proto__', 'constructor', 'wh_', '*', '%2e%2e%2f', 'a'.repeat(9_000)].map(
    (key) => ({
      title: `the key ${key.slice(0, 20)}`,
      target: () => KEY_START + key,
      expected: 404,
    }),
  ),
  { title: 'NUL in the path', target: (path) => `${path}\0`, expected: 505 },
  { title: 'a query', target: (path) => `${path}?key=wh_other&a[]=%00&%zz`, expected: 200, body: '{}' },
  { title: 'a slash at the end', target: (path) => `${path}/`, expected: 200, body: '{}' },
]

describe(`the receiver and a request by hand, ${engineName}`, () => {
  const rows = [
    ...FRAMING,
    ...HEADS,
    ...TARGETS.map(
      ({ target, ...row }): Row => ({
        ...row,
        request: (path) => post(target(path), [HOST, LENGTH], '{}'),
      }),
    ),
  ]
  test.each(rows.map((row) => [row.title, row.expected, row] as const))('%s → %s', async (_, __, row) => {
    const connection = await openConnection(server.receiverPort)
    connection.write(Buffer.from(row.request(open.path), 'latin1'))
    const answer = await connection.response().catch(() => null)
    connection.destroy()
    expect(answer?.status ?? 'closed').toBe(row.expected)
    if (row.body === undefined) {
      expect(answer?.body ?? '').not.toContain('event_id')
    } else {
      const stored = await server.body(JSON.parse(answer?.body ?? '').data.event_id)
      expect(stored.toString()).toBe(row.body)
    }
  })

  test('none of it has smuggled in a request, and what was accepted is all there is', async () => {
    const events = await readAll(server, '/api/v1/events?trigger=smuggled.push')
    const log = await readAll(server, '/api/v1/webhook-event-log?trigger=smuggled.push')
    expect([events.length, log.length]).toEqual([0, 0])
    const accepted = rows.filter(({ body }) => body !== undefined).length
    expect((await readAll(server, '/api/v1/events?trigger=open.push')).length).toBe(accepted)
  })

  test('requests in a row on one connection are answered in a row, each for itself', async () => {
    const { path } = await server.createTrigger('sequence.push')
    const connection = await openConnection(server.receiverPort)
    for (const [body, request] of sequence(path)) {
      connection.write(request)
      const answer = await connection.response()
      expect(answer.status).toBe(200)
      expect((await server.body(JSON.parse(answer.body).data.event_id)).toString()).toBe(body)
    }
    connection.destroy()
  })

  test('requests that do not wait for the answer before may be cut off, and are never mixed up', async () => {
    const { path, ref } = await server.createTrigger('pipelined.push')
    const requests = sequence(path)
    const connection = await openConnection(server.receiverPort)
    connection.write(requests.map(([, request]) => request).join(''))
    for (const [body] of requests) {
      const answer = await connection.response().catch(() => null)
      if (answer === null) break
      expect((await server.body(JSON.parse(answer.body).data.event_id)).toString()).toBe(body)
    }
    connection.destroy()
    const events = await readAll(server, `/api/v1/events?trigger=${ref}`)
    const bodies = requests.map(([body]) => body)
    for (const { id } of events) expect(bodies).toContain((await server.body(id)).toString())
    expect(events.length).toBeLessThanOrEqual(requests.length)
  })

  test('10 GB are refused as soon as they are declared, and the connection ends', async () => {
    const startedAtMs = performance.now()
    const connection = await openConnection(server.receiverPort)
    connection.write(head(open.path, [['Content-Length', '10000000000']]))
    const answer = await connection.response()
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([413, 'payload_too_large'])
    expect(performance.now() - startedAtMs).toBeLessThan(2_000)
    await connection.closed
    const [row] = await eventually(async () => {
      const found = await readAll(
        server,
        '/api/v1/webhook-event-log?trigger=open.push&code=payload_too_large',
      )
      return found.length > 0 && found
    })
    expect(row).toMatchObject({ status_code: 413 })
  })
})

describe(`one plane does not answer for the other, ${engineName}`, () => {
  test('no route of the admin API is on the receiver, not even with the token', async () => {
    const token = readFileSync(`${installation.dataDirectory}/admin-token`, 'utf8').trim()
    for (const { method, path } of await adminRoutes()) {
      const answer = await ask(server.receiverUrl + path, {
        method,
        headers: { authorization: `Bearer ${token}` },
      })
      const expected = path === '/healthz' ? 200 : 404
      expect([method, path, answer.status]).toEqual([method, path, expected])
    }
  })

  test('no webhook is taken on the admin listener, not even with the token', async () => {
    expect((await server.api('POST', open.path, {})).status).toBe(404)
    expect((await ask(server.adminUrl + open.path, { method: 'POST', body: '{}' })).status).toBe(401)
  })

  test('without the token every path of the admin listener is 401, those that are not there too, but for its pages', async () => {
    const known = await adminRoutes()
    const unknown = [
      '/api',
      '/api/v1/trigger',
      '/API/v1/triggers',
      '/%61pi/v1/triggers',
      '/api%2fv1/triggers',
    ]
    const odd = ['/readyz/../api/v1/triggers', '/metrics?a=/healthz']
    const pages = [
      '/nothing',
      '/..%2fhealthz',
      '/%68ealthz',
      '//healthz',
      '/healthz/',
      '/healthz;a',
      '/healthz%00',
      '/HEALTHZ',
    ]
    const requests = [
      ...known,
      ...[...unknown, ...odd, ...pages].flatMap((path) =>
        ['GET', 'POST', 'DELETE'].map((method) => ({ method, path })),
      ),
    ]
    for (const { method, path } of requests) {
      if (path === '/healthz' || path === '/readyz' || (method === 'POST' && path === '/api/v1/session'))
        continue
      const connection = await openConnection(server.adminPort)
      connection.write(head(path, [['Content-Length', '0']], method))
      const answer = await connection.response()
      connection.destroy()
      const expected = method === 'GET' && pages.includes(path) ? 404 : 401
      expect([method, path, answer.status]).toEqual([method, path, expected])
      if (expected === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
  })
})

describe(`too much of it, ${engineName}`, () => {
  test('200 senders who stop half-way do not hold up others, and are served when they go on', async () => {
    const { path, url } = await server.createTrigger('slow.push')
    const body = 'x'.repeat(1000)
    const slow = await Promise.all(
      Array.from({ length: 200 }, async (_, n): Promise<RawConnection> => {
        const connection = await openConnection(server.receiverPort)
        const start = head(path, [['Content-Length', '1000']])
        // Some stop in their head, others in their body.
        connection.write(n % 4 === 0 ? start.slice(0, 40) : start + body.slice(0, 10))
        return connection
      }),
    )
    const startedAtMs = performance.now()
    for (let n = 0; n < 100; n += 1) {
      expect((await ask(url, { method: 'POST', body })).status).toBe(200)
    }
    expect(performance.now() - startedAtMs).toBeLessThan(10_000)
    const statuses = await Promise.all(
      slow.map(async (connection, n) => {
        connection.write(
          n % 4 === 0 ? head(path, [['Content-Length', '1000']]).slice(40) + body : body.slice(10),
        )
        const { status } = await connection.response(20_000)
        connection.destroy()
        return status
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  test('2,000 keys that nobody has are counted, and neither rows nor log lines grow with them', async () => {
    const linesBefore = server.logLines().length
    const metric = async () =>
      Number(
        /^attune_unknown_key_attempts_total (\d+)/m.exec((await server.api('GET', '/metrics')).text)?.[1],
      )
    const before = await metric()
    const totalBefore = (await server.api('GET', '/api/v1/stats')).json.data.total_requests
    let next = 0
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next < 2_000) {
          const key = `wh_${String(next).padStart(32, 'a')}`
          next += 1
          const answer = await fetch(`${server.receiverUrl}${KEY_START}${key}`, {
            method: 'POST',
            body: '{}',
          })
          await answer.text()
          expect(answer.status).toBe(404)
        }
      }),
    )
    expect((await metric()) - before).toBe(2_000)
    expect(server.logLines().length - linesBefore).toBeLessThan(150)
    expect((await server.api('GET', '/api/v1/stats')).json.data.total_requests).toBe(totalBefore)
    expect((await ask(open.url, { method: 'POST', body: '{}' })).status).toBe(200)
  })

  const memoryMissing = existsSync('/proc/self/status') ? '' : ' (skipped: no /proc to read it from)'
  test.skipIf(memoryMissing !== '')(
    `300 uploads of 1 MB at once that are turned away do not stay in memory${memoryMissing}`,
    async () => {
      const limited = await server.createTrigger('limited.push', { payloadKb: 1 })
      const listed = await server.createTrigger('listed.push', { cidrs: ['192.0.2.1'] })
      const signed = await server.createTrigger('signed.push', { secret: SECRET })
      const targets = [
        { url: limited.url, statuses: [413] },
        { url: listed.url, statuses: [403] },
        // Their bodies have to be read to be judged; past the memory that is set aside for bodies they are put off.
        { url: signed.url, statuses: [401, 503] },
        { url: `${server.receiverUrl}${KEY_START}wh_${'z'.repeat(32)}`, statuses: [404] },
      ]
      const before = residentKb(server.pid)
      const body = Buffer.alloc(1_000_000, 'x')
      const wrong = createHmac('sha256', 'another secret').update(body).digest('hex')
      for (let round = 0; round < 2; round += 1) {
        const wrongStatuses = await Promise.all(
          Array.from({ length: 300 }, async (_, n) => {
            const { url, statuses } = targets[n % targets.length] ?? { url: '', statuses: [] }
            const headers = { 'x-hub-signature-256': `sha256=${wrong}` }
            // Who is still sending when the answer has come may find the connection reset.
            const status = await ask(url, { method: 'POST', headers, body }).then(
              (answer) => answer.status,
              () => null,
            )
            return status === null || statuses.includes(status) ? [] : [`${url}: ${status}`]
          }),
        )
        expect(wrongStatuses.flat()).toEqual([])
      }
      expect((await ask(open.url, { method: 'POST', body: '{}' })).status).toBe(200)
      expect((residentKb(server.pid) - before) / 1024).toBeLessThan(RESIDENT_MB_GROWTH_MAX)
    },
  )

  test('after all of this it is well, has had no fault, and stops as it should', async () => {
    expect((await ask(`${server.adminUrl}/readyz`)).status).toBe(200)
    expect(await server.stop()).toBe(0)
    // A server for tests may be set not to sync, which is said at the start.
    const faults = server
      .logLines()
      .filter(({ level, message }) => level === 'error' && !String(message).includes('fsync'))
    expect(faults).toEqual([])
  })
})

/** Bodies and their requests, with a length and in chunks by turns. */
const sequence = (path: string): (readonly [body: string, request: string])[] =>
  Array.from({ length: 20 }, (_, n) => {
    const body = `{"n":${n}}`
    const inChunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    return [
      body,
      n % 2 === 0
        ? post(path, [HOST, `Content-Length: ${body.length}`], body)
        : post(path, [HOST, CHUNKED], inChunks),
    ]
  })

async function adminRoutes(): Promise<{ method: string; path: string }[]> {
  const { json: document } = await server.api('GET', '/openapi.json')
  return Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replace('{ref}', open.ref).replace('{id}', '00000000-0000-7000-8000-000000000000'),
    })),
  )
}

const residentKb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
