/** Who changed what: each change through the API leaves one row, in its own transaction, and never a secret. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Sql } from 'postgres'
import type { AdminAuditRow } from '../../src/core/administrator.ts'
import { Sealing } from '../../src/core/sealing.ts'
import { engines } from '../support/database.ts'
import {
  type AdminUnderTest,
  type Answer,
  type Call,
  fieldsOf,
  idAt,
  startAdmin,
  triggerWithKey,
} from './support.ts'

/** Is in every secret of this file, so that one search finds whichever leaks. */
const CANARY = 'canary-secret'
const CALLER = '192.0.2.77'
const KEY = new Uint8Array(32).fill(7)

interface List {
  readonly data: readonly AdminAuditRow[]
  readonly next_cursor: string | null
}

/** What a route is asked that changes something. */
interface Change {
  readonly action: string
  readonly json?: object
  /** Makes the call possible. @returns what stands in place of the parameters of the path */
  readonly before?: (ref: string) => Promise<Readonly<Record<string, string>>>
  /** Of the row; the ref of the trigger, unless it is another. */
  readonly target?: string
}

/** Routes that write nothing down, since they change nothing. */
const CHANGES_NOTHING: ReadonlySet<string> = new Set([
  'POST /api/v1/ip-whitelist/check',
  'POST /api/v1/triggers/:ref/preview',
])

/** They are asked with a cookie, on a page of the console, and so have a test of their own. */
const OF_SESSIONS: ReadonlySet<string> = new Set(['POST /api/v1/session', 'DELETE /api/v1/session'])

const settings = engines.flatMap((under) => [
  { ...under, kept: 'in plain' as const, sealing: undefined },
  { ...under, kept: 'sealed' as const, sealing: new Sealing(KEY) },
])

describe.each(settings)('the admin audit log ($name, secrets $kept)', ({ kept, sealing, ...under }) => {
  let admin: AdminUnderTest
  let sql: Sql
  let made = 0

  beforeAll(async () => {
    admin = await startAdmin(under, sealing)
    sql = admin.store.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 20_000 })
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await admin.close()
  }, 30_000)

  const call = (method: string, path: string, given: Call = {}): Promise<Answer> =>
    admin.call(method, path, { ...given, headers: { 'x-forwarded-for': CALLER, ...given.headers } })

  /** @throws Error when it is refused */
  async function done(method: string, path: string, json: object = {}): Promise<Answer> {
    const answer = await call(method, path, { json })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer
  }

  const rows = async (query = ''): Promise<readonly AdminAuditRow[]> =>
    (await call('GET', `/api/v1/admin-audit-log?limit=500${query}`)).json<List>().data

  /** The rows that `act` leaves, the first one first. */
  async function left(act: () => Promise<unknown>): Promise<AdminAuditRow[]> {
    const known = new Set((await rows()).map(({ id }) => id))
    await act()
    return (await rows()).filter(({ id }) => !known.has(id)).reverse()
  }

  const newRef = (): string => {
    made += 1
    return `audit.t${made}`
  }

  async function trigger(): Promise<string> {
    const ref = newRef()
    await done('POST', '/api/v1/triggers', { ref })
    return ref
  }

  const at = (ref: string, rest: string): string => `/api/v1/triggers/${ref}/webhooks/${rest}`

  /** The id of an attempt on a trigger that asks for no signature now. */
  async function refusedAttempt(): Promise<{ id: string; ref: string }> {
    const origin = await triggerWithKey(admin.store, newRef())
    const id = idAt(Date.now())
    const attempt = {
      ...origin,
      id,
      sourceIp: null,
      userAgent: null,
      headers: [],
      hmacVerified: false,
      verifiedBy: null,
    }
    admin.store.intakeWriter.record({
      ...attempt,
      payloadSizeBytes: 2,
      outcome: null,
      rateLimited: false,
      ipAllowed: null,
      checks: null,
      startedAtMs: performance.now(),
      statusCode: 401,
      errorCode: 'signature_invalid',
      errorMessage: 'the digest does not match',
      elapsedMs: 1,
    })
    await admin.store.intakeWriter.flush(5_000)
    const body = new TextEncoder().encode('{}')
    admin.store.rejectedBodyWriter.keep({
      id,
      triggerId: origin.triggerId,
      method: 'POST',
      query: '',
      headers: [],
      body,
    })
    await admin.store.rejectedBodyWriter.flush()
    return { id, ref: origin.triggerRef }
  }

  async function handOver(ref: string): Promise<string> {
    await done('POST', at(ref, 'handshake'))
    const { id, webhookKey } = await admin.store.triggers.enableWebhook(ref)
    return admin.store.handshakes.remember({
      triggerId: String(id),
      webhookKey: webhookKey ?? '',
      secret: `${CANARY}-handed-over`,
      isToBeShown: true,
      from: { requestId: idAt(Date.now()), sourceIp: '203.0.113.9' },
    })
  }

  const signed = async (ref: string): Promise<Record<string, string>> => {
    await done('PUT', at(ref, 'hmac'), { secret: `${CANARY}-signed` })
    return { label: 'default' }
  }

  /** By the lines of the route table. */
  const CHANGES: Readonly<Record<string, Change>> = {
    'POST /api/v1/triggers': {
      action: 'trigger.create',
      json: { ref: `made.${kept.replace(' ', '-')}` },
      target: `made.${kept.replace(' ', '-')}`,
    },
    'PATCH /api/v1/triggers/:ref': { action: 'trigger.change', json: { label: 'other' } },
    'DELETE /api/v1/triggers/:ref': { action: 'trigger.delete' },
    'POST /api/v1/triggers/:ref/webhooks/enable': { action: 'webhook.enable' },
    'POST /api/v1/triggers/:ref/webhooks/disable': {
      action: 'webhook.disable',
      before: async (ref) => {
        await done('POST', at(ref, 'enable'))
        return {}
      },
    },
    'POST /api/v1/triggers/:ref/webhooks/regenerate': { action: 'webhook.regenerate' },
    'PUT /api/v1/triggers/:ref/webhooks/hmac': {
      action: 'verification.set',
      json: { secret: `${CANARY}-hmac` },
    },
    'DELETE /api/v1/triggers/:ref/webhooks/hmac': { action: 'verification.disable', before: signed },
    'PUT /api/v1/triggers/:ref/webhooks/verification': {
      action: 'verification.set',
      json: { scheme: 'generic', secrets: [1, 2, 3].map((number) => `${CANARY}-of-several-${number}`) },
    },
    'DELETE /api/v1/triggers/:ref/webhooks/verification': { action: 'verification.disable', before: signed },
    'POST /api/v1/triggers/:ref/webhooks/secrets': {
      action: 'secret.add',
      json: { label: 'further', secret: `${CANARY}-further`, expires_in_seconds: 60 },
      before: signed,
    },
    'POST /api/v1/triggers/:ref/webhooks/secrets/:label/expire': { action: 'secret.expire', before: signed },
    'PUT /api/v1/triggers/:ref/webhooks/deduplication': {
      action: 'deduplication.set',
      json: { on: ['header:x-id'] },
      before: signed,
    },
    'DELETE /api/v1/triggers/:ref/webhooks/deduplication': {
      action: 'deduplication.disable',
      before: async (ref) => {
        await signed(ref)
        await done('PUT', at(ref, 'deduplication'), { on: ['header:x-id'] })
        return {}
      },
    },
    'PUT /api/v1/triggers/:ref/webhooks/rate-limit': {
      action: 'rate-limit.set',
      json: { requests: 7, window_seconds: 9 },
    },
    'DELETE /api/v1/triggers/:ref/webhooks/rate-limit': {
      action: 'rate-limit.disable',
      before: async (ref) => {
        await done('PUT', at(ref, 'rate-limit'), { requests: 7, window_seconds: 9 })
        return {}
      },
    },
    'PUT /api/v1/triggers/:ref/webhooks/ip-whitelist': {
      action: 'ip-whitelist.set',
      json: { cidrs: ['10.0.0.0/8'] },
    },
    'DELETE /api/v1/triggers/:ref/webhooks/ip-whitelist': {
      action: 'ip-whitelist.disable',
      before: async (ref) => {
        await done('PUT', at(ref, 'ip-whitelist'), { cidrs: ['10.0.0.0/8'] })
        return {}
      },
    },
    'PUT /api/v1/triggers/:ref/webhooks/payload-limit': { action: 'payload-limit.set', json: { kb: 5 } },
    'DELETE /api/v1/triggers/:ref/webhooks/payload-limit': {
      action: 'payload-limit.set',
      before: async (ref) => {
        await done('PUT', at(ref, 'payload-limit'), { kb: 5 })
        return {}
      },
    },
    'PUT /api/v1/triggers/:ref/webhooks/rejected-bodies': {
      action: 'rejected-bodies.set',
      json: { bytes_max: 4_096 },
    },
    'DELETE /api/v1/triggers/:ref/webhooks/rejected-bodies': { action: 'rejected-bodies.disable' },
    'POST /api/v1/triggers/:ref/webhooks/handshake': { action: 'handshake.arm' },
    'DELETE /api/v1/triggers/:ref/webhooks/handshake': {
      action: 'handshake.disarm',
      before: async (ref) => {
        await done('POST', at(ref, 'handshake'))
        return {}
      },
    },
    'POST /api/v1/triggers/:ref/webhooks/handshake/reveal': {
      action: 'handshake.reveal',
      before: async (ref) => {
        expect(await handOver(ref)).toBe('remembered')
        return {}
      },
    },
    ...(kept === 'sealed' && { 'POST /api/v1/rekey': { action: 'secrets.rekey', target: '*' } }),
    'POST /api/v1/tokens': {
      action: 'token.create',
      json: { name: 'made-token', role: 'viewer' },
      target: 'made-token',
    },
    'DELETE /api/v1/tokens/:id': {
      action: 'token.revoke',
      before: async () => {
        const { id } = (await done('POST', '/api/v1/tokens', { name: 'ended-token', role: 'viewer' })).data<{
          id: string
        }>()
        return { id, target: 'ended-token' }
      },
    },
    'POST /api/v1/triggers/:ref/test': {
      action: 'trigger.test',
      json: { body: '{}', sign: false },
      before: async (ref) => {
        await done('POST', at(ref, 'enable'))
        return {}
      },
    },
    'POST /api/v1/webhook-event-log/:id/readmit': {
      action: 'attempt.readmit',
      before: async () => {
        const { id, ref } = await refusedAttempt()
        return { id, target: ref }
      },
    },
  }

  const changingRoutes = (): string[] =>
    admin.app.routes
      .filter(({ method }) => ['POST', 'PUT', 'PATCH', 'DELETE'].includes(method))
      .map(({ method, path }) => `${method} ${path}`)
      .filter((route) => !CHANGES_NOTHING.has(route) && !OF_SESSIONS.has(route))
      .filter((route) => kept === 'sealed' || route !== 'POST /api/v1/rekey')

  test('knows every route that changes something', () => {
    expect(Object.keys(CHANGES).toSorted()).toEqual(changingRoutes().toSorted())
  })

  test.each(Object.entries(CHANGES))(
    'has one row of %s, with who, how and from where',
    async (route, change) => {
      const [method = '', pattern = ''] = route.split(' ')
      const ref = await trigger()
      const { target = change.target ?? ref, ...parameters } = (await change.before?.(ref)) ?? {}
      const path = Object.entries({ ref, ...parameters }).reduce(
        (text, [name, value]) => text.replace(`:${name}`, value),
        pattern,
      )
      let answer: Answer | null = null
      const found = await left(async () => {
        answer = await done(method, path, change.json)
      })
      expect(found).toMatchObject([
        {
          actor: 'admin-token',
          role: 'admin',
          via: 'api',
          source_ip: CALLER,
          request_id: (answer as Answer | null)?.headers.get('x-request-id'),
          action: change.action,
          target,
        },
      ])
    },
  )

  test('says what was, and what is, of what changed and of nothing else', async () => {
    const ref = await trigger()
    await done('PATCH', `/api/v1/triggers/${ref}`, { label: 'before' })
    const [row] = await left(() => done('PATCH', `/api/v1/triggers/${ref}`, { label: 'after' }))
    expect(row?.old).toEqual({ label: 'before' })
    expect(row?.new).toEqual({ label: 'after' })
    const [limited] = await left(() =>
      done('PUT', at(ref, 'rate-limit'), { requests: 7, window_seconds: 60 }),
    )
    expect(limited?.old).toEqual({ webhook_rate_limit_enabled: false, webhook_rate_limit_requests: 100 })
    expect(limited?.new).toEqual({ webhook_rate_limit_enabled: true, webhook_rate_limit_requests: 7 })
  })

  test('has all that a deleted trigger was, and once, although its secrets go too', async () => {
    const ref = await trigger()
    await signed(ref)
    await done('POST', at(ref, 'secrets'), { label: 'further', secret: `${CANARY}-deleted` })
    const found = await left(() => done('DELETE', `/api/v1/triggers/${ref}`))
    expect(found).toHaveLength(1)
    expect(found[0]?.new).toBeNull()
    expect(found[0]?.old).toMatchObject({ ref, webhook_hmac_enabled: true, webhook_hmac_secret: '[set]' })
  })

  test('tells of a secret only that it was set, changed or taken away', async () => {
    const ref = await trigger()
    const set = (secret: string) =>
      left(() => done('PUT', at(ref, 'hmac'), { secret: `${CANARY}-${secret}` }))
    expect((await set('first'))[0]).toMatchObject({
      old: { webhook_hmac_secret: null },
      new: { webhook_hmac_secret: '[set]' },
    })
    expect((await set('second'))[0]).toMatchObject({
      old: { webhook_hmac_secret: '[set]' },
      new: { webhook_hmac_secret: '[changed]' },
    })
    const scheme = { scheme: 'stripe', secret: `${CANARY}-third` }
    expect((await left(() => done('PUT', at(ref, 'verification'), scheme)))[0]).toMatchObject({
      action: 'verification.set',
      old: { webhook_hmac_secret: '[set]', webhook_verification: null, 'webhook_secret.default': null },
      new: {
        webhook_hmac_secret: null,
        webhook_verification: { scheme: 'stripe' },
        'webhook_secret.default': '[set]',
      },
    })
    const other = { scheme: 'stripe', secret: `${CANARY}-fourth` }
    expect(await left(() => done('PUT', at(ref, 'verification'), other))).toMatchObject([
      {
        action: 'secret.change',
        old: { 'webhook_secret.default': '[set]' },
        new: { 'webhook_secret.default': '[changed]' },
      },
    ])
  })

  test('shows the values of a configuration as set or changed, whatever they are', async () => {
    const ref = await trigger()
    const scheme = {
      scheme: { scheme: 'token', token: { at: { header: 'x-token' } }, is: { config: 'expected' } },
      config: { expected: `${CANARY}-config` },
    }
    await sql`
      select attune.set_trigger_webhook_verification(id, ${JSON.stringify({ scheme: 'stripe', config: scheme.config })}::text::jsonb)
      from attune.trigger where ref = ${ref}`
    const [row] = await left(
      () => sql`
        select attune.set_trigger_webhook_verification(id, ${JSON.stringify({ scheme: 'stripe', config: { expected: `${CANARY}-x`, second: `${CANARY}-y` } })}::text::jsonb)
        from attune.trigger where ref = ${ref}`,
    )
    expect(row?.old).toEqual({ webhook_verification: { scheme: 'stripe', config: { expected: '[set]' } } })
    expect(row?.new).toEqual({
      webhook_verification: { scheme: 'stripe', config: { expected: '[changed]', second: '[set]' } },
    })
  })

  test('shows of a webhook key its first characters, since whoever has it has the URL', async () => {
    const ref = await trigger()
    const [row] = await left(() => done('POST', at(ref, 'enable')))
    const key = (await call('GET', `/api/v1/triggers/${ref}`)).data<{ webhook_key: string }>().webhook_key
    expect(row?.new).toEqual({ webhook_enabled: true, webhook_key: `${key.slice(0, 8)}…` })
    expect(JSON.stringify(await rows())).not.toContain(key)
  })

  test('has no row of a call that is refused, fails, or changes nothing', async () => {
    const ref = await trigger()
    await signed(ref)
    const none = await left(async () => {
      const refused = [
        await call('POST', '/api/v1/triggers', { json: { ref } }),
        await call('POST', '/api/v1/triggers', { json: { ref: 'NO REF' } }),
        await call('PATCH', '/api/v1/triggers/no.such', { json: { label: 'x' } }),
        await call('DELETE', '/api/v1/triggers/no.such'),
        await call('POST', at('no.such', 'enable')),
        await call('PUT', at(ref, 'ip-whitelist'), { json: { cidrs: ['10.0.0.1/8'] } }),
        await call('POST', at(ref, 'secrets'), { json: { label: 'default', secret: `${CANARY}-twice` } }),
        await call('POST', at(ref, 'secrets/nope/expire')),
        await call('POST', at(ref, 'handshake/reveal')),
        await call('POST', `/api/v1/webhook-event-log/${idAt(Date.now())}/readmit`),
        await call('PUT', at(ref, 'payload-limit'), { json: { kb: 7 }, token: null }),
        await call('PUT', at(ref, 'payload-limit'), { json: { kb: 7 }, token: 'wrong' }),
      ]
      for (const { status } of refused) expect([401, 404, 409, 422]).toContain(status)
      await done('PUT', at(ref, 'payload-limit'), { kb: 1024 })
      await done('DELETE', at(ref, 'rate-limit'))
      await call('GET', `/api/v1/triggers/${ref}`)
    })
    expect(none).toEqual([])
  })

  test('and the change are one transaction: without the row there is no change', async () => {
    const ref = await trigger()
    await sql`alter table attune.admin_audit_log add constraint broken check (target <> ${sql.unsafe(`'${ref}'`)}) not valid`
    try {
      const found = await left(async () => {
        for (const [method, path, json] of [
          ['PATCH', `/api/v1/triggers/${ref}`, { label: 'x' }],
          ['PUT', at(ref, 'payload-limit'), { kb: 7 }],
          ['PUT', at(ref, 'hmac'), { secret: `${CANARY}-broken` }],
          ['DELETE', `/api/v1/triggers/${ref}`, {}],
        ] as const) {
          expect((await call(method, path, { json })).status).toBe(500)
        }
      })
      expect(found).toEqual([])
      const shown = (await call('GET', `/api/v1/triggers/${ref}`)).data<Record<string, unknown>>()
      expect(shown).toMatchObject({
        label: null,
        webhook_payload_size_limit_kb: 1024,
        webhook_hmac_enabled: false,
      })
    } finally {
      await sql`alter table attune.admin_audit_log drop constraint broken`
    }
  })

  test('and the change are one transaction: without the change there is no row', async () => {
    const ref = await trigger()
    const found = await left(async () => {
      await sql
        .begin(async (tx) => {
          await tx`update attune.trigger set label = 'x' where ref = ${ref}`
          throw new Error('it is taken back')
        })
        .catch(() => {})
    })
    expect(found).toEqual([])
  })

  test('has what is changed with SQL, under the name of the database user, or whoever it says', async () => {
    const ref = await trigger()
    const [user] = await sql<{ name: string }[]>`select current_user as name`
    const [plain] = await left(() => sql`update attune.trigger set label = 'x' where ref = ${ref}`)
    expect(plain).toMatchObject({
      actor: user?.name,
      role: null,
      via: 'database',
      source_ip: null,
      request_id: null,
      action: 'trigger.change',
      target: ref,
    })
    const [named] = await left(() =>
      sql.begin(async (tx) => {
        await tx`select attune.act_as('deployer')`
        await tx`select attune.enable_trigger_webhook(id) from attune.trigger where ref = ${ref}`
      }),
    )
    expect(named).toMatchObject({ actor: 'deployer', via: 'database', action: 'webhook.enable' })
    const [after] = await left(() => sql`update attune.trigger set label = 'y' where ref = ${ref}`)
    expect(after?.actor).toBe(user?.name ?? '')
  })

  test('has one row for what a transaction changes of one trigger, and none when it comes to nothing', async () => {
    const [first, second] = [await trigger(), await trigger()]
    const found = await left(() =>
      sql.begin(async (tx) => {
        for (const label of ['a', 'b']) {
          await tx`update attune.trigger set label = ${label} where ref in (${first}, ${second})`
        }
        await tx`update attune.trigger set label = null where ref = ${second}`
      }),
    )
    expect(found).toMatchObject([{ target: first, old: { label: null }, new: { label: 'b' } }])
  })

  test('says of a secret that a sender handed over that the receiver stored it, and from where', async () => {
    const ref = await trigger()
    const found = await left(() => handOver(ref))
    expect(found.at(-1)).toMatchObject({
      actor: 'receiver',
      role: null,
      via: 'receiver',
      source_ip: '203.0.113.9',
      action: 'handshake.complete',
      target: ref,
      new: { 'webhook_secret.handshake': '[set]', webhook_handshake_armed_until: null },
    })
  })

  test('has nothing of a secret that was used, or that goes after it has expired', async () => {
    const ref = await trigger()
    await signed(ref)
    await done('POST', at(ref, 'secrets'), { label: 'old', secret: `${CANARY}-old` })
    await done('POST', at(ref, 'secrets/old/expire'))
    const of = sql`trigger_id = (select id from attune.trigger where ref = ${ref})`
    const found = await left(async () => {
      await sql`update attune.webhook_secret set last_used = now() where ${of}`
      await sql`delete from attune.webhook_secret where label = 'old' and ${of}`
    })
    expect(found).toEqual([])
  })

  test('has a row of whoever signs in or out, and of what is changed in between, but not of a wrong token', async () => {
    const { token } = (await done('POST', '/api/v1/tokens', { name: 'jo', role: 'operator' })).data<{
      token: string
    }>()
    const ref = await trigger()
    const page = { origin: admin.origin, 'x-attune-console': '1' }
    const found = await left(async () => {
      const wrong = { json: { token: `${token}x` }, headers: page, token: null }
      expect((await call('POST', '/api/v1/session', wrong)).status).toBe(401)
      const signedIn = await call('POST', '/api/v1/session', { json: { token }, headers: page, token: null })
      const [cookie = ''] = (signedIn.headers.get('set-cookie') ?? '').split(';')
      const headers = { ...page, cookie }
      expect((await call('POST', at(ref, 'enable'), { headers, token: null })).status).toBe(200)
      expect((await call('DELETE', '/api/v1/session', { headers, token: null })).status).toBe(204)
    })
    const who = {
      actor: 'jo',
      role: 'operator',
      via: 'console',
      source_ip: CALLER,
      request_id: expect.any(String),
    }
    expect(found).toMatchObject([
      { ...who, action: 'session.open', target: 'jo', old: null, new: null },
      { ...who, action: 'webhook.enable', target: ref },
      { ...who, action: 'session.end', target: 'jo' },
    ])
    expect(JSON.stringify(await rows())).not.toContain(token)
  })

  test('of a token has its name, role and end, and that it was revoked once', async () => {
    const found = await left(async () => {
      const made = await done('POST', '/api/v1/tokens', { name: 'told', role: 'viewer', expires_in_days: 3 })
      const { id } = made.data<{ id: string }>()
      await done('DELETE', `/api/v1/tokens/${id}`)
      await done('DELETE', `/api/v1/tokens/${id}`)
      await sql`update attune.api_token set last_used = now() where id = ${id}`
      await sql`delete from attune.api_token where id = ${id}`
    })
    expect(found).toMatchObject([
      {
        action: 'token.create',
        target: 'told',
        old: null,
        new: { name: 'told', role: 'viewer', token_hash: '[set]' },
      },
      {
        action: 'token.revoke',
        target: 'told',
        old: { revoked: null },
        new: { revoked: expect.any(String) },
      },
    ])
  })

  test('is told by the command line that it is the command line', async () => {
    const ref = await trigger()
    const headers = { 'x-attune-client': 'cli' }
    const [row] = await left(() => call('POST', at(ref, 'enable'), { headers }))
    expect(row?.via).toBe('cli')
  })

  test('is append-only', async () => {
    await trigger()
    const before = await rows()
    for (const statement of [
      "update attune.admin_audit_log set actor = 'nobody'",
      'delete from attune.admin_audit_log',
      'truncate attune.admin_audit_log',
    ]) {
      const refusal = await sql.unsafe(statement).then(
        () => null,
        (error: { code?: string }) => error.code,
      )
      expect(refusal).toBe('55000')
    }
    expect(await rows()).toEqual(before)
  })

  test('is filtered by actor, action, target and time', async () => {
    const ref = await trigger()
    await done('POST', at(ref, 'enable'))
    await sql.begin(async (tx) => {
      await tx`select attune.act_as('deployer')`
      await tx`update attune.trigger set label = 'x' where ref = ${ref}`
    })
    const actions = async (query: string) => (await rows(query)).map(({ action }) => action)
    expect(await actions(`&target=${ref}`)).toEqual(['trigger.change', 'webhook.enable', 'trigger.create'])
    expect(await actions(`&target=${ref}&actor=deployer`)).toEqual(['trigger.change'])
    expect(await actions(`&target=${ref}&action=webhook.enable`)).toEqual(['webhook.enable'])
    expect(await actions(`&target=${ref}&actor=nobody`)).toEqual([])
    const [newest] = await rows(`&target=${ref}`)
    const created = newest?.created ?? ''
    expect(await actions(`&target=${ref}&since=${created}`)).toEqual(['trigger.change'])
    expect(await actions(`&target=${ref}&until=${created}`)).toEqual(['webhook.enable', 'trigger.create'])
  })

  test('is paged without a gap or a repetition, also where rows have one time', async () => {
    await sql.begin(async (tx) => {
      await tx`select attune.act_as('pages')`
      await tx`insert into attune.trigger (ref) select 'page.' || n from generate_series(1, 11) n`
    })
    const seen: string[] = []
    let cursor: string | null = ''
    for (let pages = 0; cursor !== null && pages < 10; pages += 1) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page: List = (
        await call('GET', `/api/v1/admin-audit-log?actor=pages&limit=3${query}`)
      ).json<List>()
      expect(page.data.length).toBeLessThanOrEqual(3)
      seen.push(...page.data.map(({ target }) => target))
      cursor = page.next_cursor
    }
    expect(seen).toEqual(Array.from({ length: 11 }, (_, index) => `page.${11 - index}`))
  })

  test.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['cursor=x', 'cursor'],
    [`cursor=${Buffer.from('1 99999999999999999999').toString('base64url')}`, 'cursor'],
    ['since=yesterday', 'since'],
    ['until=1', 'until'],
    ['actor=', 'actor'],
    [`target=${'x'.repeat(256)}`, 'target'],
    [`action=${'x'.repeat(65)}`, 'action'],
    ['who=me', 'who'],
  ])('is not listed with %s', async (query, field) => {
    const answer = await call('GET', `/api/v1/admin-audit-log?${query}`)
    expect(answer.status).toBe(422)
    expect(fieldsOf(answer)).toEqual([field])
  })

  test('has no secret in any row, sealed or not', async () => {
    const [found] = await sql<{ rows: number; text: string }[]>`
      select count(*)::integer as rows, string_agg(l::text, e'\n') as text from attune.admin_audit_log l`
    expect(found?.rows).toBeGreaterThan(40)
    expect(found?.text).not.toContain(CANARY)
    expect(found?.text).not.toContain('sealed:')
    const secrets = await sql<{ secret: string }[]>`
      select webhook_hmac_secret as secret from attune.trigger where webhook_hmac_secret is not null
      union select secret from attune.webhook_secret where secret is not null
      union select webhook_key from attune.trigger where webhook_key is not null`
    expect(secrets.length).toBeGreaterThan(5)
    for (const { secret } of secrets) expect(found?.text).not.toContain(secret)
  })
})
