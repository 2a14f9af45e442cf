import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { engines, type TestEngine } from '../support/database.ts'
import { chunk, head, openConnection, sendRaw } from '../support/raw-http.ts'
import { startReceiver, type TestReceiver, type TestTrigger } from '../support/receiver.ts'

const SECRET = 'a secret of the test'
const KB = 1024
const LIMIT_KB = 8 * KB
const DEPTH = 10_000

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

interface Body {
  readonly title: string
  readonly contentType: string | null
  readonly bytes: Uint8Array
  readonly headers?: readonly [string, string][]
}

const MULTIPART = [
  '--limit',
  'Content-Disposition: form-data; name="file"; filename="a.bin"',
  'Content-Type: application/octet-stream',
  '',
  '\u0000\u0001',
  '--limit--',
  '',
].join('\r\n')

const BODIES: readonly Body[] = [
  { title: 'JSON', contentType: 'application/json', bytes: Buffer.from('{"a":1}') },
  { title: 'JSON that is none', contentType: 'application/json', bytes: Buffer.from('{"a":') },
  {
    title: 'JSON 10,000 levels deep',
    contentType: 'application/json',
    bytes: Buffer.from('['.repeat(DEPTH) + ']'.repeat(DEPTH)),
  },
  {
    title: 'JSON with a forbidden key',
    contentType: 'application/json',
    bytes: Buffer.from('{"__proto__":{"polluted":true}}'),
  },
  { title: 'NUL bytes', contentType: 'text/plain', bytes: Buffer.from([0, 1, 0, 255, 0]) },
  {
    title: 'JSON with an escaped NUL',
    contentType: 'application/json',
    bytes: Buffer.from('{"a":"\\u0000"}'),
  },
  {
    title: 'invalid UTF-8',
    contentType: 'application/json',
    bytes: Buffer.from([0x22, 0xc3, 0x28, 0xff, 0x22]),
  },
  { title: 'a byte order mark', contentType: 'application/json', bytes: Buffer.from('\ufeff{}') },
  { title: 'a single byte', contentType: null, bytes: Buffer.from([0]) },
  {
    title: 'every byte',
    contentType: 'application/octet-stream',
    bytes: Buffer.from([...Array(256).keys()]),
  },
  {
    title: 'a form',
    contentType: 'application/x-www-form-urlencoded',
    bytes: Buffer.from('payload=%7B%22a%22%3A1%7D&b=%00&c=%zz'),
  },
  {
    title: 'XML',
    contentType: 'application/xml',
    bytes: Buffer.from('<?xml version="1.0"?><a b="c">&lt;</a>'),
  },
  {
    title: 'XML as text',
    contentType: 'text/xml; charset=iso-8859-1',
    bytes: Buffer.from([0x3c, 0xe9, 0x2f, 0x3e]),
  },
  { title: 'multipart', contentType: 'multipart/form-data; boundary=limit', bytes: Buffer.from(MULTIPART) },
  {
    title: 'multipart without its end',
    contentType: 'multipart/form-data; boundary=limit',
    bytes: Buffer.from('--limit'),
  },
  {
    title: 'multipart without a boundary',
    contentType: 'multipart/form-data',
    bytes: Buffer.from(MULTIPART),
  },
  {
    title: 'gzip',
    contentType: 'application/json',
    bytes: gzipSync('{"a":1}'),
    headers: [['Content-Encoding', 'gzip']],
  },
  {
    title: 'what is called gzip and is none',
    contentType: 'application/json',
    bytes: Buffer.from('{"a":1}'),
    headers: [['Content-Encoding', 'gzip']],
  },
  {
    title: 'an unknown encoding',
    contentType: 'text/plain',
    bytes: Buffer.from('x'),
    headers: [['Content-Encoding', 'x']],
  },
  { title: 'no content type', contentType: null, bytes: Buffer.from('{"a":1}') },
  { title: 'an empty content type', contentType: '', bytes: Buffer.from('{"a":1}') },
  { title: 'a weird content type', contentType: ';;;/json=', bytes: Buffer.from('{"a":1}') },
  { title: 'a long content type', contentType: `text/${'x'.repeat(1000)}`, bytes: Buffer.from('x') },
  { title: 'a content type of other bytes', contentType: 'text/\u00e9', bytes: Buffer.from('x') },
  { title: '64 KiB', contentType: null, bytes: randomBytes(64 * KB) },
  { title: '64 KiB and one byte', contentType: null, bytes: randomBytes(64 * KB + 1) },
  { title: '1 MiB', contentType: null, bytes: randomBytes(KB * KB) },
  { title: '5 MB', contentType: null, bytes: randomBytes(5_000_000) },
  { title: 'exactly the limit', contentType: null, bytes: randomBytes(LIMIT_KB * KB) },
]

/** Chunks of uneven sizes, so that no boundary falls on that of a buffer. */
function chunks(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0, size = 1; at < bytes.byteLength; at += size, size = Math.min(size * 3, 700_001)) {
    if (parts.length > 0) size = Math.min(size, bytes.byteLength)
    parts.push(chunk(bytes.subarray(at, at + size)))
  }
  return [...parts, chunk(new Uint8Array(0))]
}

describe.each(engines)('a body is stored byte for byte ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  let trigger: TestTrigger
  let signed: TestTrigger
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine)
    trigger = await receiver.trigger({ payloadKb: LIMIT_KB })
    signed = await receiver.trigger({ payloadKb: LIMIT_KB, hmac: { secret: SECRET } })
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  async function expectStored(
    { contentType, bytes, headers = [] }: Omit<Body, 'title'>,
    to: TestTrigger,
    way: 'declared' | 'chunked',
  ) {
    const all: [string, string][] = [...headers]
    if (contentType !== null) all.push(['Content-Type', contentType])
    const signature = createHmac('sha256', SECRET).update(bytes).digest('hex')
    if (to === signed) all.push(['X-Hub-Signature-256', `sha256=${signature}`])
    all.push(
      way === 'chunked' ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(bytes.byteLength)],
    )
    const answer = await sendRaw(
      receiver.port,
      Buffer.from(head(to.path, all), 'latin1'),
      ...(way === 'chunked' ? chunks(bytes) : [bytes]),
    )
    expect(answer.status).toBe(200)
    const id = answer.headers.get('x-request-id')
    const event = await receiver.eventRow(id)
    expect(digest(event.body)).toBe(digest(bytes))
    expect(event.payload_size_bytes).toBe(bytes.byteLength)
    expect(event.content_type).toBe(contentType === null ? null : contentType.slice(0, 255))
    const row = await receiver.logRow(id)
    expect(row.payload_size_bytes).toBe(bytes.byteLength)
    expect(row.headers).toEqual(event.headers)
    expect(row.hmac_verified).toBe(to === signed ? true : null)
  }

  test.each(BODIES.map((body) => [body.title, body] as const))('%s', async (_, body) => {
    await expectStored(body, trigger, 'declared')
    await expectStored(body, signed, 'chunked')
    await expectStored(body, signed, 'declared')
  })

  test('no bytes: declared, chunked, and not spoken of', async () => {
    const nothing = { contentType: null, bytes: new Uint8Array(0) }
    for (const to of [trigger, signed]) {
      await expectStored(nothing, to, 'declared')
      await expectStored(nothing, to, 'chunked')
    }
    const answer = await sendRaw(receiver.port, head(trigger.path, []))
    expect(answer.status).toBe(200)
    expect((await receiver.eventRow(answer.headers.get('x-request-id'))).payload_size_bytes).toBe(0)
  })

  test.each([1, 64, 65, 1024])('%d KiB: exactly the limit is stored, one byte more is 413', async (kb) => {
    const limited = await receiver.trigger({ payloadKb: kb })
    const exact = randomBytes(kb * KB)
    await expectStored({ contentType: null, bytes: exact }, limited, 'declared')
    await expectStored({ contentType: null, bytes: exact }, limited, 'chunked')
    const over = Buffer.concat([exact, Buffer.from('!')])
    const declared = head(limited.path, [['Content-Length', String(over.byteLength)]])
    expect((await sendRaw(receiver.port, declared, over)).status).toBe(413)
    const chunked = head(limited.path, [['Transfer-Encoding', 'chunked']])
    expect((await sendRaw(receiver.port, chunked, ...chunks(over))).status).toBe(413)
    const events = await receiver.sql`select 1 from attune.event where trigger_ref = ${limited.ref}`
    expect(events.length).toBe(2)
    await receiver.logRowsOf(limited, 4)
  })

  test('bodies that arrive at once are not mixed up', async () => {
    const bodies = Array.from({ length: 60 }, (_, index) => randomBytes(index * 997))
    const ids = await Promise.all(
      bodies.map(async (body) => {
        const answer = await receiver.post(trigger.path, body)
        expect(answer.status).toBe(200)
        return answer.headers.get('x-request-id')
      }),
    )
    for (const [index, id] of ids.entries()) {
      expect(digest((await receiver.eventRow(id)).body)).toBe(digest(bodies[index] ?? Buffer.alloc(0)))
    }
  })

  test('many attempts on one connection are told apart', async () => {
    const connection = await openConnection(receiver.port)
    const ids = new Set<string>()
    for (const body of ['first', '', 'third']) {
      connection.write(head(trigger.path, [['Content-Length', String(body.length)]]) + body)
      const answer = await connection.response()
      const id = answer.headers.get('x-request-id') ?? ''
      ids.add(id)
      expect(Buffer.from((await receiver.eventRow(id)).body).toString()).toBe(body)
    }
    connection.destroy()
    expect(ids.size).toBe(3)
  })

  test('the body that a rejected attempt leaves behind is not taken for the next request', async () => {
    const off = await receiver.trigger({ enabled: false })
    const smuggled = `${head(trigger.path, [['Content-Length', '2']])}{}`
    const connection = await openConnection(receiver.port)
    connection.write(head(off.path, [['Content-Length', String(smuggled.length)]]) + smuggled)
    expect((await connection.response()).status).toBe(403)
    const before = await receiver.sql`select count(*)::int as n from attune.event`
    connection.write(head(off.path, [['Content-Length', '0']]))
    expect((await connection.response()).status).toBe(403)
    connection.destroy()
    expect(await receiver.sql`select count(*)::int as n from attune.event`).toEqual(before)
  })
})

describe.each(engines.slice(0, 1))('the ceiling over all triggers', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine, { bodyBytesMax: 2 * KB })
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  test('holds above the limit of a trigger, declared and chunked', async () => {
    const trigger = await receiver.trigger({ payloadKb: 1024 })
    expect((await receiver.post(trigger.path, Buffer.alloc(2 * KB))).status).toBe(200)
    expect((await receiver.post(trigger.path, Buffer.alloc(2 * KB + 1))).status).toBe(413)
    const chunked = head(trigger.path, [['Transfer-Encoding', 'chunked']])
    const answer = await sendRaw(receiver.port, chunked, ...chunks(Buffer.alloc(2 * KB + 1)))
    expect(answer.status).toBe(413)
  })

  test('a limit of a trigger below it holds', async () => {
    const trigger = await receiver.trigger({ payloadKb: 1 })
    expect((await receiver.post(trigger.path, Buffer.alloc(KB + 1))).status).toBe(413)
  })
})
