import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { WebhookEventLogRow } from '../../src/core/event.ts'
import { ADMIN_SESSION_IDLE_SECONDS_MAX, TAIL_READERS_MAX, TAIL_ROWS_MAX } from '../../src/core/limits.ts'
import { engines } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { signedIn, withSql } from './console.ts'
import {
  type AdminUnderTest,
  accept,
  fieldsOf,
  idAt,
  reject,
  startAdmin,
  TOKEN,
  triggerWithKey,
} from './support.ts'

const TAIL = '/api/v1/webhook-event-log/tail'

interface Message {
  readonly event: string | undefined
  readonly id: string | undefined
  readonly data: { rows?: WebhookEventLogRow[]; missed?: boolean } | null
}

/** A reader of server-sent events, by hand: what a browser makes of them is not what is tested. */
async function follow(admin: AdminUnderTest, query = '', headers: Record<string, string> = {}) {
  const leaving = new AbortController()
  const response = await fetch(`${admin.origin}${TAIL}${query}`, {
    headers: 'cookie' in headers ? headers : { authorization: `Bearer ${TOKEN}`, ...headers },
    signal: leaving.signal,
  })
  const messages: Message[] = []
  let comments = 0
  let hasEnded = false
  void read(response)
    .catch(() => {})
    .finally(() => {
      hasEnded = true
    })
  return {
    response,
    messages,
    comments: () => comments,
    rowIds: () => messages.flatMap(({ data }) => data?.rows?.map(({ id }) => id) ?? []),
    gaps: () => messages.filter(({ event }) => event === 'gap').length,
    hasEnded: () => hasEnded,
    leave: () => leaving.abort(),
  }

  async function read({ body }: Response): Promise<void> {
    if (body === null) return
    let text = ''
    for await (const bytes of body.pipeThrough(new TextDecoderStream())) {
      text += bytes
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        take(text.slice(0, end))
        text = text.slice(end + 2)
      }
    }
  }

  function take(block: string): void {
    if (block.startsWith(':')) {
      comments += 1
      return
    }
    const fields = new Map(
      block.split('\n').map((line) => {
        const at = line.indexOf(': ')
        return [line.slice(0, at), line.slice(at + 2)] as const
      }),
    )
    const data = fields.get('data')
    messages.push({
      event: fields.get('event'),
      id: fields.get('id'),
      data: data === undefined ? null : JSON.parse(data),
    })
  }
}

describe.each([...engines])('the live tail on $name', (engine) => {
  let admin: AdminUnderTest
  let origin: Awaited<ReturnType<typeof triggerWithKey>>
  const readers: Awaited<ReturnType<typeof follow>>[] = []
  const start = async (query?: string, headers?: Record<string, string>) => {
    const reader = await follow(admin, query, headers)
    readers.push(reader)
    return reader
  }

  beforeAll(async () => {
    admin = await startAdmin(engine)
    origin = await triggerWithKey(admin.store, 'github.push')
  }, 30_000)
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.leave()
    await eventually(() => admin.store.logTail.readers === 0)
  })
  afterAll(() => admin.close())

  test('shows what is stored from then on, as the list shows it, and not what was there before', async () => {
    const before = await reject(admin.store, origin)
    const reader = await start()
    expect([reader.response.status, reader.response.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream;charset=utf-8',
    ])
    const ids = [await accept(admin.store, origin), await reject(admin.store, origin)]
    await eventually(() => reader.rowIds().length >= 2)
    expect(reader.rowIds()).toEqual(ids)
    expect(reader.rowIds()).not.toContain(before)
    const rows = reader.messages.flatMap(({ data }) => data?.rows ?? [])
    const listed = await admin.call('GET', '/api/v1/webhook-event-log?limit=2')
    expect(rows.toReversed()).toEqual(listed.data<WebhookEventLogRow[]>())
    expect(reader.messages.at(-1)?.id).toBe(ids[1])
    expect(reader.gaps()).toBe(0)
  })

  test('shows a row once that was stored after newer ones, and those once too', async () => {
    const reader = await start()
    const newer = await reject(admin.store, origin)
    await eventually(() => reader.rowIds().includes(newer))
    const older = await reject(admin.store, origin, { id: idAt(Date.now() - 3_000) })
    const oldest = await reject(admin.store, origin, { id: idAt(Date.now() - 40_000) })
    // The look back over a minute comes only now and then.
    await eventually(() => reader.rowIds().includes(oldest), 12_000)
    expect(reader.rowIds().toSorted()).toEqual([newer, older, oldest].toSorted())
  }, 20_000)

  test('asks once for all who follow, and not at all when nobody does', async () => {
    const many = await Promise.all(Array.from({ length: 5 }, () => start()))
    const id = await reject(admin.store, origin)
    for (const reader of many) await eventually(() => reader.rowIds().length > 0)
    for (const reader of many) expect(reader.rowIds()).toEqual([id])
    for (const reader of many) reader.leave()
    await eventually(() => admin.store.logTail.readers === 0)
  })

  test('one who was away catches up, with nothing twice', async () => {
    const known = await reject(admin.store, origin)
    const missed = [await reject(admin.store, origin), await accept(admin.store, origin)]
    const reader = await start(`?after=${known}`)
    await eventually(() => reader.rowIds().length >= 2)
    const fresh = await reject(admin.store, origin)
    await eventually(() => reader.rowIds().includes(fresh))
    expect(reader.rowIds()).toEqual([...missed, fresh])
    expect(reader.gaps()).toBe(0)
  })

  test('a browser that connects again says by itself what it knows', async () => {
    const [first, second] = [await reject(admin.store, origin), await reject(admin.store, origin)]
    const reader = await start(`?after=${first}`, { 'last-event-id': second })
    const third = await reject(admin.store, origin)
    await eventually(() => reader.rowIds().length > 0)
    expect(reader.rowIds()).toEqual([third])
  })

  test('who was away for too many rows is told that some are left out', async () => {
    const [known] = await Promise.all([reject(admin.store, origin)])
    await admin.store.webhookEventLog.list({}, 1, null)
    await Promise.all(Array.from({ length: TAIL_ROWS_MAX + 20 }, () => accept(admin.store, origin)))
    const reader = await start(`?after=${known}`)
    await eventually(() => reader.rowIds().length >= TAIL_ROWS_MAX, 10_000)
    expect(reader.gaps()).toBe(1)
    expect(reader.messages[0]?.event).toBe('gap')
  }, 30_000)

  test.each([
    ['trigger=stripe', false],
    ['trigger=github.push', true],
    ['status=401', true],
    ['status=200', false],
    ['code=signature_invalid', true],
    ['code=rate_limited', false],
    ['ip=192.0.2.1', true],
    ['ip=::ffff:192.0.2.1', true],
    ['ip=192.0.2.2', false],
    ['outcome=refused', true],
    ['outcome=accepted', false],
    ['text=DIGEST%20does', true],
    ['text=GitHub', true],
    ['text=192.0.2.', true],
    ['text=nothing%20like%20it', false],
    ['since=2030-01-01T00:00:00Z', false],
    ['until=2020-01-01T00:00:00Z', false],
  ])('filters as the list does: %s', async (query, isWanted) => {
    const [filtered, all] = [await start(`?${query}`), await start()]
    const id = await reject(admin.store, origin)
    await eventually(() => all.rowIds().includes(id))
    const listed = await admin.call('GET', `/api/v1/webhook-event-log?${query}&limit=1`)
    expect(listed.data<WebhookEventLogRow[]>().some((row) => row.id === id)).toBe(isWanted)
    if (isWanted) await eventually(() => filtered.rowIds().includes(id))
    expect(filtered.rowIds()).toEqual(isWanted ? [id] : [])
  })

  test.each([
    ['after=latest', ['after']],
    ['after=', ['after']],
    ['status=99', ['status']],
    ['outcome=none', ['outcome']],
    ['text=', ['text']],
    ['limit=5', ['limit']],
    ['cursor=x', ['cursor']],
  ])('with the query %s is 422', async (query, fields) => {
    const answer = await admin.call('GET', `${TAIL}?${query}`)
    expect([answer.status, fieldsOf(answer)]).toEqual([422, fields])
    expect(admin.store.logTail.readers).toBe(0)
  })

  test('nobody follows without a token', async () => {
    expect((await admin.call('GET', TAIL, { token: null })).status).toBe(401)
    expect(admin.store.logTail.readers).toBe(0)
  })

  test('one reader too many is 503, until another leaves', async () => {
    const all = await Promise.all(Array.from({ length: TAIL_READERS_MAX }, () => start()))
    const answer = await admin.call('GET', TAIL)
    expect([answer.status, answer.problem().code]).toEqual([503, 'tail_readers_exceeded'])
    all[0]?.leave()
    await eventually(() => admin.store.logTail.readers < TAIL_READERS_MAX)
    expect((await start()).response.status).toBe(200)
  })

  test('shows that it lives while nothing happens', async () => {
    const reader = await start()
    await eventually(() => reader.comments() >= 2, 8_000)
  }, 10_000)

  test('ends for whose token was revoked', async () => {
    const made = await admin.call('POST', '/api/v1/tokens', { json: { name: 'reader', role: 'viewer' } })
    const { id, token } = made.data<{ id: string; token: string }>()
    const [reader, other] = [await start('', { authorization: `Bearer ${token}` }), await start()]
    expect(reader.response.status).toBe(200)
    await admin.call('DELETE', `/api/v1/tokens/${id}`)
    await eventually(() => reader.hasEnded())
    expect(other.hasEnded()).toBe(false)
  })

  test('ends with a session that is left alone: to follow the log is not to be there', async () => {
    const cookie = await signedIn(admin)
    const page = await follow(admin, '', { cookie, 'sec-fetch-site': 'same-origin' })
    readers.push(page)
    expect(page.response.status).toBe(200)
    const seconds = ADMIN_SESSION_IDLE_SECONDS_MAX - 2
    await withSql(admin, `update attune.admin_session set last_seen = now() - interval '${seconds} seconds'`)
    await eventually(() => page.hasEnded(), 10_000)
    const again = await admin.call('GET', '/api/v1/triggers', { token: null, headers: { cookie } })
    expect(again.status).toBe(401)
  }, 15_000)

  test('ends when the process begins to end', async () => {
    const other = await startAdmin(engine)
    const reader = await follow(other)
    other.drain()
    await eventually(() => reader.hasEnded())
    const late = await follow(other)
    await eventually(() => late.hasEnded())
    expect(other.store.logTail.readers).toBe(0)
    await other.close()
  }, 30_000)
})
