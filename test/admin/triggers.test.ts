import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { encodeCursor } from '../../src/core/cursor.ts'
import type { Trigger } from '../../src/core/trigger.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, fieldsOf, startAdmin } from './support.ts'

describe.each([...engines])('triggers on $name', (engine) => {
  let admin: AdminUnderTest

  beforeAll(async () => {
    admin = await startAdmin(engine)
  })
  afterAll(() => admin.close())

  const create = (json: object) => admin.call('POST', '/api/v1/triggers', { json })

  test('a trigger is made with its webhooks off and every check off', async () => {
    const answer = await create({ ref: 'github.push', label: 'Pushes', description: 'From GitHub' })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('location')).toBe('/api/v1/triggers/github.push')
    const trigger = answer.data<Trigger>()
    expect(trigger).toEqual({
      ref: 'github.push',
      label: 'Pushes',
      description: 'From GitHub',
      webhook_enabled: false,
      webhook_key: null,
      webhook_url: null,
      webhook_hmac_enabled: false,
      webhook_hmac_algorithm: 'sha256',
      webhook_verification_scheme: null,
      webhook_rate_limit_enabled: false,
      webhook_rate_limit_requests: 100,
      webhook_rate_limit_window_seconds: 60,
      webhook_ip_whitelist_enabled: false,
      webhook_ip_whitelist: [],
      webhook_payload_size_limit_kb: 1024,
      webhook_deduplication_enabled: false,
      webhook_deduplication_fields: [],
      webhook_deduplication_window_seconds: 86_400,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated: expect.stringMatching(/Z$/),
    })
    const read = await admin.call('GET', '/api/v1/triggers/github.push')
    expect(read.data<Trigger>()).toEqual(trigger)
  })

  test('a ref is given once', async () => {
    await create({ ref: 'taken' })
    const answer = await create({ ref: 'taken' })
    expect(answer.status).toBe(409)
    expect(answer.problem().code).toBe('trigger_ref_taken')
  })

  test('of two at a time for one ref, one is made', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => create({ ref: 'contended' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409])
  })

  test.each([
    ['no ref', {}, ['ref']],
    ['an empty ref', { ref: '' }, ['ref']],
    ['capitals', { ref: 'GitHub' }, ['ref']],
    ['an empty word', { ref: 'a..b' }, ['ref']],
    ['a dot at the end', { ref: 'a.' }, ['ref']],
    ['a slash', { ref: 'a/b' }, ['ref']],
    ['a line end behind it', { ref: 'a\n' }, ['ref']],
    ['256 characters', { ref: 'a'.repeat(256) }, ['ref']],
    ['a letter that looks like another', { ref: 'gіthub' }, ['ref']],
    ['a number for a ref', { ref: 1 }, ['ref']],
    ['a list for a ref', { ref: ['a'] }, ['ref']],
    ['a label that is too long', { ref: 'x', label: 'a'.repeat(256) }, ['label']],
    ['a description that is too long', { ref: 'x', description: 'a'.repeat(4_097) }, ['description']],
    ['a number for a label', { ref: 'x', label: 5 }, ['label']],
    ['NUL in a label', { ref: 'x', label: 'a\0b' }, ['label']],
    ['half a surrogate pair in a description', { ref: 'x', description: 'a\ud800' }, ['description']],
    ['unknown fields', { ref: 'x', webhook_key: 'wh_x', Label: 'y' }, ['Label', 'webhook_key']],
    ['all at once', { ref: 'X', label: 5, description: '\0', z: 1 }, ['description', 'label', 'ref', 'z']],
    ['a list', [], ['body']],
  ])('a wrong request names each field: %s', async (_, json, fields) => {
    const answer = await create(json)
    expect(answer.status).toBe(422)
    expect(answer.problem().code).toBe('request_invalid')
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test.each([
    ['no body', undefined, undefined, ['ref']],
    ['half of one', '{"ref":', undefined, ['body']],
    ['text behind it', '{"ref":"x"} x', undefined, ['body']],
    ['invalid UTF-8', new Uint8Array([0x22, 0xff, 0x22]), undefined, ['body']],
    ['null', 'null', undefined, ['body']],
    ['a prototype', '{"ref":"x","__proto__":{"label":"y"}}', undefined, ['__proto__']],
    ['100,000 levels', '['.repeat(100_000), undefined, ['body']],
    ['a hostile field name', '{"ref":"x","\\u001b[2J":1}', undefined, ['\\x1b[2J']],
    ['a form', 'ref=x', 'application/x-www-form-urlencoded', ['body']],
    ['JSON sent as text', '{"ref":"x"}', 'text/plain', ['body']],
    ['JSON sent as XML', '{"ref":"x"}', 'application/xml', ['body']],
    ['JSON with a type like JSON', '{"ref":"x"}', 'application/jsonx', ['body']],
  ])('a wrong body is 422: %s', async (_, body, type, fields) => {
    const answer = await admin.call('POST', '/api/v1/triggers', {
      ...(body !== undefined && { body }),
      ...(type !== undefined && { headers: { 'content-type': type } }),
    })
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test('a label and a description may hold anything else', async () => {
    const label = '<script>alert(1)</script> "\' -- ; drop table attune.trigger; $1 %s 🙂 \u202e\u001b[2J'
    const made = await create({ ref: 'hostile', label, description: `${label}\n\t` })
    expect(made.status).toBe(201)
    const read = (await admin.call('GET', '/api/v1/triggers/hostile')).data<Trigger>()
    expect(read.label).toBe(label)
    expect(read.description).toBe(`${label}\n\t`)
  })

  test('a label and a description change, and each can be taken away', async () => {
    await create({ ref: 'changing', label: 'one', description: 'kept' })
    const path = '/api/v1/triggers/changing'
    const changed = await admin.call('PATCH', path, { json: { label: 'two' } })
    expect(changed.status).toBe(200)
    expect(changed.data<Trigger>()).toMatchObject({ label: 'two', description: 'kept' })
    const emptied = await admin.call('PATCH', path, { json: { label: null } })
    expect(emptied.data<Trigger>()).toMatchObject({ label: null, description: 'kept' })
  })

  test.each([
    ['nothing', {}, ['body']],
    ['the ref', { ref: 'other' }, ['ref']],
    ['a security setting', { webhook_enabled: true }, ['webhook_enabled']],
    ['the secret', { webhook_hmac_secret: 'sixteen letters!' }, ['webhook_hmac_secret']],
    ['a label that is none', { label: {} }, ['label']],
  ])('a change of %s is 422', async (_, json, fields) => {
    await create({ ref: 'unchanged' })
    const answer = await admin.call('PATCH', '/api/v1/triggers/unchanged', { json })
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })

  test('a deleted trigger is gone, and its ref can be given again', async () => {
    await create({ ref: 'deleted' })
    const answer = await admin.call('DELETE', '/api/v1/triggers/deleted')
    expect(answer.status).toBe(204)
    expect(answer.text).toBe('')
    expect((await admin.call('DELETE', '/api/v1/triggers/deleted')).status).toBe(404)
    expect((await create({ ref: 'deleted' })).status).toBe(201)
  })

  test('the end of a deleted trigger is in force in this process at once', async () => {
    await create({ ref: 'ending' })
    await admin.call('POST', '/api/v1/triggers/ending/webhooks/enable')
    const { webhookKey } = await admin.store.triggers.read('ending')
    expect(await admin.store.triggerCache.byKey(webhookKey ?? '')).toMatchObject({ enabled: true })
    await admin.call('DELETE', '/api/v1/triggers/ending')
    expect(await admin.store.triggerCache.byKey(webhookKey ?? '')).toBeNull()
  })

  test('a ref in a path is percent-decoded', async () => {
    await create({ ref: 'in.a-path_1' })
    const answer = await admin.call('GET', '/api/v1/triggers/in%2Ea%2dpath%5F1')
    expect(answer.data<Trigger>().ref).toBe('in.a-path_1')
  })

  test.each([
    'no.such',
    'NO',
    '%ff',
    '%zz',
    '%',
    '%2e%2e%2fx',
    'a%00',
    'a%20b',
    'a'.repeat(300),
    "'%20or%201=1",
  ])('a path without a trigger is 404: %s', async (ref) => {
    for (const [method, rest] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/webhooks/enable'],
      ['DELETE', '/webhooks/hmac'],
      ['GET', '/stats'],
    ] as const) {
      const answer = await admin.call(method, `/api/v1/triggers/${ref}${rest}`)
      expect(answer.status).toBe(404)
      expect(answer.problem().code).toBe('trigger_unknown')
    }
  })
})

describe.each([...engines])('the list of triggers on $name', (engine) => {
  let admin: AdminUnderTest
  const refs = ['one', 'two', 'three', 'four', 'five']

  beforeAll(async () => {
    admin = await startAdmin(engine)
    for (const ref of refs) await admin.store.triggers.create({ ref })
  })
  afterAll(() => admin.close())

  const list = (query: string) => admin.call('GET', `/api/v1/triggers${query}`)

  test('has the newest first, and no cursor on the last page', async () => {
    const answer = await list('')
    expect(answer.data<Trigger[]>().map(({ ref }) => ref)).toEqual(refs.toReversed())
    expect(answer.json<{ next_cursor: string | null }>().next_cursor).toBeNull()
  })

  test.each([1, 2, 3, 5])('walked by pages of %d yields each once', async (limit) => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const answer = await list(`?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`)
      seen.push(...answer.data<Trigger[]>().map(({ ref }) => ref))
      cursor = answer.json<{ next_cursor: string | null }>().next_cursor
    } while (cursor !== null)
    expect(seen).toEqual(refs.toReversed())
  })

  test.each([
    ['limit=0', ['limit']],
    ['limit=501', ['limit']],
    ['limit=-1', ['limit']],
    ['limit=abc', ['limit']],
    ['limit=1.5', ['limit']],
    ['limit=1e2', ['limit']],
    ['limit=0x10', ['limit']],
    ['limit=', ['limit']],
    ['limit=%201', ['limit']],
    ['limit=99999999999999999999', ['limit']],
    ['limit=1&limit=2', ['limit']],
    ['cursor=', ['cursor']],
    ['cursor=%00', ['cursor']],
    ['cursor=garbage', ['cursor']],
    [`cursor=${encodeCursor('0')}`, ['cursor']],
    [`cursor=${encodeCursor('-1')}`, ['cursor']],
    [`cursor=${encodeCursor('9223372036854775808')}`, ['cursor']],
    [`cursor=${encodeCursor('1; drop table')}`, ['cursor']],
    [`cursor=${'a'.repeat(401)}`, ['cursor']],
    [`cursor=${encodeCursor('7')}`, ['cursor']],
    [`cursor=${encodeCursor('ref.asc one')}`, ['cursor']],
    [`sort=ref&cursor=${encodeCursor('ref.desc one')}`, ['cursor']],
    [`sort=updated&cursor=${encodeCursor('created.desc 7')}`, ['cursor']],
    ['sort=label', ['sort']],
    ['sort=REF', ['sort']],
    ['sort=', ['sort']],
    ['order=up', ['order']],
    ['sort=ref&sort=ref', ['sort']],
    [`search=${'a'.repeat(256)}`, ['search']],
    ['search=%00', ['search']],
    ['search=a&search=b', ['search']],
    ['offset=1', ['offset']],
    ['Limit=1', ['Limit']],
    ['__proto__=1', ['__proto__']],
    ['limit=0&cursor=x&z=1', ['cursor', 'limit', 'z']],
  ])('with the query %s is 422', async (query, fields) => {
    const answer = await list(`?${query}`)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual(fields)
  })
})

describe.each([...engines])('the searched and sorted list of triggers on $name', (engine) => {
  let admin: AdminUnderTest
  const LABELS: Readonly<Record<string, string | null>> = {
    'github.push': 'Pushes to MAIN',
    'github.issue': null,
    'stripe.invoice': '100% of _all_ invoices',
    'own.x': 'back\\slash and Éclair',
    'zz.last': "o'clock",
  }

  beforeAll(async () => {
    admin = await startAdmin(engine)
    for (const [ref, label] of Object.entries(LABELS)) await admin.store.triggers.create({ ref, label })
  })
  afterAll(() => admin.close())

  const refsOf = async (query: Record<string, string>) => {
    const answer = await admin.call('GET', `/api/v1/triggers?${new URLSearchParams(query)}`)
    expect(answer.status).toBe(200)
    return answer.data<Trigger[]>().map(({ ref }) => ref)
  }

  test.each([
    ['a part of a ref', 'hub.', ['github.issue', 'github.push']],
    ['a ref in capitals', 'GITHUB', ['github.issue', 'github.push']],
    ['a part of a label in another case', 'main', ['github.push']],
    ['letters beyond ASCII', 'Éclair', ['own.x']],
    ['a percent sign', '%', ['stripe.invoice']],
    ['an underscore', '_', ['stripe.invoice']],
    ['a backslash', '\\', ['own.x']],
    ['a quote', "o'c", ['zz.last']],
    ['what a pattern would find', 'g%h', []],
    ['what an expression would find', 'git.*push', []],
    ['nothing', '', ['github.issue', 'github.push', 'own.x', 'stripe.invoice', 'zz.last']],
    ['what nobody has', 'nowhere', []],
  ])('is searched for %s', async (_, search, refs) => {
    expect(await refsOf({ search, sort: 'ref' })).toEqual(refs)
  })

  test('is sorted by what is asked for, in both orders', async () => {
    const refs = Object.keys(LABELS)
    expect(await refsOf({ sort: 'created', order: 'asc' })).toEqual(refs)
    expect(await refsOf({ sort: 'ref' })).toEqual(refs.toSorted())
    expect(await refsOf({ sort: 'ref', order: 'desc' })).toEqual(refs.toSorted().toReversed())
    await admin.store.triggers.change('own.x', { description: 'changed last' })
    expect((await refsOf({ sort: 'updated' }))[0]).toBe('own.x')
    expect((await refsOf({ sort: 'updated', order: 'asc' })).at(-1)).toBe('own.x')
  })

  test.each(['created', 'ref', 'updated'])(
    'walked by pages in the order of %s yields each once, also those that were changed at one instant',
    async (sort) => {
      const sql = admin.store.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 5_000 })
      await sql`update attune.trigger set description = 'at once' where ref like 'github.%' or ref like 'zz.%'`
      await sql.end({ timeout: 1 })
      for (const order of ['asc', 'desc']) {
        const whole = await refsOf({ sort, order })
        const seen: string[] = []
        for (let cursor: string | null = null; ; ) {
          const query = new URLSearchParams({ sort, order, limit: '1', ...(cursor !== null && { cursor }) })
          const answer = await admin.call('GET', `/api/v1/triggers?${query}`)
          seen.push(...answer.data<Trigger[]>().map(({ ref }) => ref))
          cursor = answer.json<{ next_cursor: string | null }>().next_cursor
          if (cursor === null) break
        }
        expect(seen).toEqual(whole)
        expect(seen.toSorted()).toEqual(Object.keys(LABELS).toSorted())
      }
    },
  )
})
