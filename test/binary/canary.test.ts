/** Secrets go in by every way there is, and come out by none. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import {
  type Answer,
  ask,
  engineName,
  type Installation,
  install,
  type Server,
  type Settings,
  type Webhook,
} from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'

const canary = (name: string): string => `canary-${name}-${'x'.repeat(32)}`

const ADMIN_TOKEN = canary('admin-token')
const HMAC_SECRET = canary('hmac-secret')
const WEBHOOK_SECRET = canary('webhook-secret')
const SENDER_HEADERS = {
  authorization: `Bearer ${canary('authorization')}`,
  'proxy-authorization': `Basic ${canary('proxy-authorization')}`,
  cookie: `session=${canary('cookie')}`,
  'x-gitlab-token': canary('gitlab-token'),
  'x-api-key': canary('api-key'),
}

/** What must not be heard, and what it is. */
const secrets = new Map<string, string>([
  [ADMIN_TOKEN, 'the admin token'],
  [HMAC_SECRET, 'the HMAC secret'],
  [WEBHOOK_SECRET, 'the secret that send signs with'],
  ...Object.entries(SENDER_HEADERS).map(
    ([name, value]) => [value.split(/[ =]/).at(-1) ?? value, name] as const,
  ),
])

/** Everything that came out, by the way it came. */
const heard: { readonly where: string; readonly text: string }[] = []

let installation: Installation
let settings: Settings
let server: Server
let webhook: Webhook
let eventId = ''

beforeAll(async () => {
  installation = await install()
  settings = {
    ATTUNE_ADMIN_TOKEN: ADMIN_TOKEN,
    ATTUNE_LOG_LEVEL: 'debug',
    DATABASE_URL: withPassword(installation.databaseUrl),
    // So that each wrong token comes from an address of its own, and none is slowed.
    ATTUNE_TRUSTED_PROXIES: '127.0.0.1',
  }
  server = await installation.serve(settings)
  webhook = await server.createTrigger('canary.push', { secret: HMAC_SECRET, payloadKb: 8 })
})
afterAll(() => installation.dispose())

describe(`a secret goes in, ${engineName}`, () => {
  test('as signatures, right and wrong, and as credentials of the sender', async () => {
    const accepted = await send('{"n":1}', { 'x-hub-signature-256': sign('{"n":1}') })
    expect(accepted.status).toBe(200)
    eventId = accepted.json.data.event_id
    const wrong: Record<string, string>[] = [
      {},
      { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
      { 'x-hub-signature-256': 'sha256=zz' },
      { 'x-hub-signature-256': `sha512=${'0'.repeat(128)}` },
      { 'x-hub-signature': `sha1=${'0'.repeat(40)}` },
      { 'x-webhook-signature': HMAC_SECRET.slice(0, 8) },
    ]
    for (const [index, signature] of wrong.entries()) {
      const body = `{"wrong":${index}}`
      for (const algorithm of ['sha256', 'sha512', 'sha1']) {
        const digest = createHmac(algorithm, HMAC_SECRET).update(body)
        secrets.set(digest.digest('hex'), `the ${algorithm} MAC of a wrongly signed body`)
      }
      expect((await send(body, signature)).status).toBe(401)
    }
  })

  test('in what the receiver turns away for other reasons', async () => {
    const large = 'x'.repeat(9 * 1024)
    expect((await send(large, { 'x-hub-signature-256': sign(large) })).status).toBe(413)
    for (const path of [
      `${webhook.path}?token=${HMAC_SECRET}`,
      `/api/v1/webhooks/${HMAC_SECRET}`,
      `/${ADMIN_TOKEN}`,
    ]) {
      const answer = await listen(
        `POST ${path.slice(0, 20)}`,
        ask(server.receiverUrl + path, { method: 'POST', headers: SENDER_HEADERS, body: '{}' }),
      )
      expect([401, 404]).toContain(answer.status)
    }
    const method = await listen('PUT webhook', ask(webhook.url, { method: 'PUT', headers: SENDER_HEADERS }))
    expect(method.status).toBe(405)
    await switchedTo('/ip-whitelist', { cidrs: ['192.0.2.1'] }, 403)
    await switchedTo('/rate-limit', { requests: 1, window_seconds: 3600 }, 401, 429)
  })

  test('through every route of the admin API, with a wrong token and with the right one', async () => {
    const wrongToken = canary('wrong-token')
    secrets.set(wrongToken, 'a wrong admin token')
    const misplaced = canary('misplaced')
    secrets.set(misplaced, 'a secret in the wrong field')
    const { json: document } = await server.api('GET', '/openapi.json')
    const other = await server.createTrigger('canary.other', { secret: HMAC_SECRET })
    const routes = Object.entries<object>(document.paths)
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
      )
      // A trigger is deleted when all else has been done to it.
      .sort((one, two) => Number(one.path.endsWith('{ref}')) - Number(two.path.endsWith('{ref}')))
    expect(routes.length).toBeGreaterThan(20)
    for (const [index, { method, path }] of routes.entries()) {
      const url = server.adminUrl + path.replace('{ref}', other.ref).replace('{id}', eventId)
      const where = `${method} ${path}`
      for (const authorization of [`Bearer ${wrongToken}`, `Basic ${wrongToken}`, wrongToken]) {
        const headers = { authorization, 'x-forwarded-for': `192.0.2.${index}` }
        const refused = await listen(where, ask(url, { method, headers }))
        const expected = where === 'POST /api/v1/session' ? 403 : 401
        if (!/^\/(healthz|readyz)$/.test(path)) expect([where, refused.status]).toEqual([where, expected])
      }
      const hasBody = method !== 'GET' && method !== 'HEAD'
      const bodies = hasBody
        ? [
            { secret: { of: misplaced } },
            { [path]: misplaced, kb: misplaced, ref: [misplaced], label: { of: misplaced } },
          ]
        : [null]
      for (const body of bodies) {
        const query = hasBody
          ? ''
          : `?token=${misplaced}&limit=${misplaced}&cursor=${misplaced}&ip=${misplaced}`
        await listen(where, askAdmin(method, url + query, body === null ? undefined : JSON.stringify(body)))
      }
      // What is right of the live tail has no end; the list says the same.
      if (path.endsWith('/tail')) continue
      await listen(where, askAdmin(method, url, hasBody ? `{"secret":"${misplaced}` : undefined))
    }
  })

  test('as a secret that is refused', async () => {
    const path = `${server.adminUrl}/api/v1/triggers/${webhook.ref}/webhooks/hmac`
    const refused = ['cnry-s1', `${canary('control')}\n`, `${canary('nul')}\0`, canary('long').repeat(20)]
    for (const secret of refused) {
      secrets.set(secret.trim().replace('\0', ''), 'a secret that was refused')
      const answer = await listen('PUT hmac', askAdmin('PUT', path, JSON.stringify({ secret })))
      expect([answer.status, answer.json.code]).toEqual([422, 'request_invalid'])
    }
    const algorithm = JSON.stringify({ algorithm: canary('algorithm'), secret: canary('beside') })
    secrets.set(canary('beside'), 'a secret beside a wrong algorithm')
    expect((await listen('PUT hmac', askAdmin('PUT', path, algorithm))).status).toBe(422)
  })

  test('as a secret that the server makes, and its answer is the only one to show it', async () => {
    const made = await server.api('PUT', `/api/v1/triggers/${webhook.ref}/webhooks/hmac`, {})
    secrets.set(made.json.data.secret, 'a generated HMAC secret')
    expect(made.json.data.secret).toMatch(/^[0-9a-f]{128}$/)
    const given = await server.api('PUT', `/api/v1/triggers/${webhook.ref}/webhooks/hmac`, {
      secret: HMAC_SECRET,
    })
    expect(given.status).toBe(200)
  })

  test('by the environment and the files of the commands', async () => {
    const { folder } = installation
    writeFileSync(join(folder, 'hmac-secret'), HMAC_SECRET)
    writeFileSync(join(folder, 'not-a-token'), `${canary('file')} ${canary('file')}`)
    secrets.set(canary('file'), 'what is in a file that holds no token')
    const good: string[][] = [
      ['trigger', 'list'],
      ['trigger', 'show', webhook.ref],
      ['hmac', 'enable', webhook.ref, '--secret-file', 'hmac-secret'],
      ['payload-limit', 'set', webhook.ref, '--kb', '9'],
      ['events', 'list'],
      ['events', 'show', eventId],
      ['log', 'list', '--limit', '500'],
      ['stats', webhook.ref],
      ['stats'],
      ['config'],
      ['healthcheck'],
      ['send', webhook.ref, '--secret-file', 'hmac-secret'],
    ]
    for (const words of good) {
      expect([words, (await say(words)).code]).toEqual([words, 0])
      // With --json that one prints the answer of the API, which shows the secret this once.
      if (words[0] !== 'hmac' && words[0] !== 'healthcheck') {
        expect([words, (await say([...words, '--json'])).code]).toEqual([words, 0])
      }
    }
    // Signed with a secret that is not the webhook's.
    expect((await say(['send', webhook.ref])).code).toBe(1)
    expect((await say(['send', webhook.ref, '--header', `Authorization: ${ADMIN_TOKEN}`])).code).toBe(1)
    expect((await say(['trigger', 'list', '--token-file', 'not-a-token'])).code).toBe(2)
    expect((await say(['trigger', 'list', '--token-file', 'hmac-secret'])).code).toBe(1)
    const wrong = await say(['trigger', 'list'], { ATTUNE_ADMIN_TOKEN: `${ADMIN_TOKEN.slice(0, -1)}y` })
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toContain('ATTUNE_ADMIN_TOKEN')
  })

  test('by mistake, where no secret belongs', async () => {
    const mistaken = canary('mistaken')
    secrets.set(mistaken, 'a secret in the wrong place')
    for (const words of [
      ['hmac', 'enable', webhook.ref, '--secret', mistaken],
      ['hmac', 'enable', webhook.ref, `--secret=${mistaken}`],
      ['hmac', 'enable', webhook.ref, mistaken],
      ['send', webhook.ref, mistaken],
      ['send', webhook.ref, '--algorithm', mistaken],
      ['send', webhook.ref, '--header', mistaken],
      ['serve', '--port', mistaken],
      ['serve', '--log-level', mistaken],
      ['serve', `--admin-token=${mistaken}`],
      ['config', '--admin-url', `http://operator:${mistaken}@127.0.0.1:1/`],
      ['trigger', 'list', '--admin-url', `http://operator:${mistaken}@127.0.0.1:1/`],
      ['config', '--public-url', `https://operator:${mistaken}@hooks.example/`],
    ]) {
      expect([words.slice(0, 4), (await say(words)).code]).toEqual([words.slice(0, 4), 2])
    }
    const variables = [
      'HOST',
      'PORT',
      'ADMIN_HOST',
      'ADMIN_PORT',
      'TRUSTED_PROXIES',
      'BODY_BYTES_MAX',
      'RETENTION_DAYS',
    ]
    for (const command of ['serve', 'config', 'migrate', 'healthcheck']) {
      const misplaced = Object.fromEntries(
        variables.map((name) => [`ATTUNE_${name}`, `${mistaken} ${command}`]),
      )
      const { code, stderr } = await say([command], misplaced)
      expect([command, code]).toEqual([command, 2])
      for (const name of variables) expect(stderr).toContain(`ATTUNE_${name}`)
    }
  })

  test('as the password of a database that cannot be used', async () => {
    const password = canary('password')
    secrets.set(password, 'the password of a database')
    const unusable = [
      `mysql://attune:${password}@127.0.0.1:1/attune`,
      `postgres://attune:${password}@127.0.0.1:1/attune with a blank`,
    ]
    for (const url of unusable) expect((await say(['serve'], { DATABASE_URL: url })).code).toBe(2)
    for (const url of [
      `postgres://attune:${password}@127.0.0.1:1/attune`,
      `postgres://attune@127.0.0.1:1/attune?password=${password}`,
      `postgres://attune:pass@${password}/word@127.0.0.1:1/attune`,
    ]) {
      expect((await say(['config'], { DATABASE_URL: url })).code).toBe(0)
      expect((await say(['config', '--json'], { DATABASE_URL: url })).code).toBe(0)
    }
    const waiting = installation.launch(['serve'], {
      DATABASE_URL: `postgres://attune:${password}@127.0.0.1:1/attune`,
    })
    await waiting.logged('waiting for the database')
    waiting.signal('SIGTERM')
    await waiting.exited
    heard.push({ where: 'serve without its database', text: waiting.stderr() + waiting.stdout() })
    const { DATABASE_URL: databaseUrl } = settings
    if (databaseUrl === undefined) return
    const missing = new URL(databaseUrl)
    missing.pathname = '/no_such_database'
    expect((await say(['serve'], { DATABASE_URL: missing.href })).code).toBe(1)
    expect((await say(['migrate'], { DATABASE_URL: missing.href })).code).toBe(1)
  })
})

const sqlMissing = engineName === 'embedded' ? ' (skipped: nobody else can reach the embedded database)' : ''

describe.skipIf(sqlMissing !== '')(`the database fails and quotes a secret${sqlMissing}`, () => {
  test.each([
    {
      title: 'a constraint on events, whose detail quotes the row',
      breaks: `alter table attune.event add constraint canary check (octet_length(body) <> 7) not valid`,
      mends: 'alter table attune.event drop constraint canary',
      attempt: () => send('{"n":2}', { 'x-hub-signature-256': sign('{"n":2}') }),
    },
    {
      title: 'a trigger that raises with the secret in its message',
      breaks: `create function attune.canary() returns trigger language plpgsql as
        'begin raise exception ''%'', new.webhook_hmac_secret using detail = new.webhook_hmac_secret; end';
        create trigger canary before update on attune.trigger for each row execute function attune.canary()`,
      mends: 'drop function attune.canary() cascade',
      attempt: async () => {
        const path = `/api/v1/triggers/${webhook.ref}/webhooks/hmac`
        const answer = await askAdmin('PUT', server.adminUrl + path, JSON.stringify({ secret: HMAC_SECRET }))
        // The answer of a success shows the secret this once.
        return answer.status === 200
          ? answer
          : listen('PUT hmac while the database raises', Promise.resolve(answer))
      },
    },
    {
      title: 'a table that is gone',
      breaks: 'alter table attune.webhook_stats_hourly rename to canary',
      mends: 'alter table attune.canary rename to webhook_stats_hourly',
      attempt: () => listen('GET stats', askAdmin('GET', `${server.adminUrl}/api/v1/stats`)),
    },
    {
      title: 'a column that is gone',
      breaks: 'alter table attune.webhook_event_log rename column user_agent to canary',
      mends: 'alter table attune.webhook_event_log rename column canary to user_agent',
      attempt: () =>
        listen('GET log', askAdmin('GET', `${server.adminUrl}/api/v1/webhook-event-log?ip=192.0.2.1`)),
    },
  ])('$title: the answer is 5xx and says nothing of it', async ({ breaks, mends, attempt }) => {
    const sql = postgres(String(installation.databaseUrl), { max: 1, onnotice: () => {} })
    try {
      await sql.unsafe(breaks)
      const answer = await attempt()
      expect(answer.status).toBeGreaterThanOrEqual(500)
      await sql.unsafe(mends)
      await eventually(async () => (await attempt()).status < 300, 10_000)
    } finally {
      await sql.end({ timeout: 1 })
    }
  })
})

describe(`and comes out nowhere, ${engineName}`, () => {
  test('not in a listing, an event, an audit row, a metric or a page of the command line', async () => {
    for (const path of [
      '/api/v1/triggers?limit=500',
      '/api/v1/events?limit=500',
      `/api/v1/events/${eventId}`,
      '/api/v1/events/export?format=csv',
      '/api/v1/webhook-event-log?limit=500',
      '/api/v1/webhook-event-log/export?format=csv',
      '/api/v1/stats',
      '/metrics',
      '/openapi.json',
    ]) {
      const answer = await listen(`GET ${path}`, askAdmin('GET', server.adminUrl + path))
      expect([path, answer.status]).toEqual([path, 200])
    }
    expect(heard.filter(({ text }) => text.includes('[redacted]')).length).toBeGreaterThan(5)
  })

  test('not in the log, in level debug', async () => {
    expect(await server.stop()).toBe(0)
    expect(server.logLines().length).toBeGreaterThan(4)
    heard.push(
      { where: 'the log', text: server.stderr() },
      { where: 'stdout of serve', text: server.stdout() },
    )
    const { key } = webhook
    expect(server.stderr()).not.toContain(key)
  })

  test('not in any form', () => {
    expect(heard.length).toBeGreaterThan(200)
    const leaks = heard.flatMap(({ where, text }) =>
      [...secrets]
        .filter(([secret]) => formsOf(secret).some((form) => text.toLowerCase().includes(form)))
        .map(([, name]) => `${name}: ${where}`),
    )
    expect([...new Set(leaks)]).toEqual([])
  })
})

/** As it is, and as an encoder would write it; all of it in lower case. */
const formsOf = (secret: string): string[] =>
  [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('hex'),
  ].map((form) => form.toLowerCase())

/** Remembers an answer with all of its headers; one that is an error must tell nothing of what is inside. */
async function listen(where: string, asking: Promise<Answer>): Promise<Answer> {
  const answer = await asking
  const { status, headers, text } = answer
  heard.push({ where: `${where} ${status}`, text: `${JSON.stringify([...headers])}\n${text}` })
  if (status >= 400 && headers.get('content-type') === 'application/problem+json') {
    expect([where, Object.keys(answer.json).filter((name) => !PROBLEM_MEMBERS.has(name))]).toEqual([
      where,
      [],
    ])
    expect([where, INSIDE.exec(text)?.[0]]).toEqual([where, undefined])
  } else {
    expect([where, status < 400 || status === 503]).toEqual([where, true])
  }
  return answer
}

const PROBLEM_MEMBERS = new Set(['type', 'title', 'status', 'detail', 'code', 'request_id', 'errors'])

/** SQL, frames of a stack, paths of a source and what PostgreSQL says of itself. */
const INSIDE =
  /\b(select|insert into|update|delete from|values|from) attune\b|attune\.\w|\n\s*at |\.ts:\d|node_modules|\$bunfs|postgres|relation |constraint|violates|syntax error/i

const sign = (body: string): string =>
  `sha256=${createHmac('sha256', HMAC_SECRET).update(body).digest('hex')}`

const send = (body: string, headers: Record<string, string>): Promise<Answer> =>
  listen(
    'POST webhook',
    ask(webhook.url, { method: 'POST', headers: { ...SENDER_HEADERS, ...headers }, body }),
  )

const askAdmin = (method: string, url: string, body?: string): Promise<Answer> =>
  ask(url, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body }),
  })

/** Switches a check on, expects these answers to webhooks without a signature, and switches it off. */
async function switchedTo(setting: string, json: unknown, ...statuses: number[]): Promise<void> {
  const path = `/api/v1/triggers/${webhook.ref}/webhooks${setting}`
  expect((await server.api('PUT', path, json)).status).toBe(200)
  for (const status of statuses) expect((await send('{}', {})).status).toBe(status)
  expect((await server.api('DELETE', path)).status).toBe(200)
}

/** Runs a command with every secret in its environment, and remembers what it says. */
async function say(words: string[], further: Settings = {}) {
  const outcome = await installation.run(words, {
    settings: { ...settings, ATTUNE_WEBHOOK_SECRET: WEBHOOK_SECRET, ...further },
  })
  heard.push({ where: words.join(' ').replaceAll(/canary\S*/g, '…'), text: outcome.stdout + outcome.stderr })
  return outcome
}

/** A server that trusts everybody takes any password; one that has been given is as good a canary. */
function withPassword(databaseUrl: string | null): string | undefined {
  if (databaseUrl === null) return undefined
  const url = new URL(databaseUrl)
  if (url.password === '') url.password = canary('database-password')
  secrets.set(decodeURIComponent(url.password), 'the password of DATABASE_URL')
  return url.href
}
