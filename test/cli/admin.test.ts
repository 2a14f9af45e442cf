import { describe, expect, test } from 'bun:test'
import { adminApi, logRow, run, TOKEN, TRIGGER, temporaryFile, temporaryFolder } from './support.ts'

const answerTrigger = () => Response.json({ data: TRIGGER })
const problem = (status: number, body: object) =>
  Response.json({ status, ...body }, { status, headers: { 'content-type': 'application/problem+json' } })

describe('each command makes the call of the contract', () => {
  test.each([
    ['trigger create github.push', 'POST', '/api/v1/triggers', { ref: 'github.push' }],
    [
      'trigger create github.push --label L --description D',
      'POST',
      '/api/v1/triggers',
      { ref: 'github.push', label: 'L', description: 'D' },
    ],
    ['trigger show github.push', 'GET', '/api/v1/triggers/github.push', null],
    ['trigger delete github.push --yes', 'DELETE', '/api/v1/triggers/github.push', null],
    ['webhook enable github.push', 'POST', '/api/v1/triggers/github.push/webhooks/enable', null],
    ['webhook disable github.push', 'POST', '/api/v1/triggers/github.push/webhooks/disable', null],
    ['webhook regenerate github.push', 'POST', '/api/v1/triggers/github.push/webhooks/regenerate', null],
    ['hmac enable github.push', 'PUT', '/api/v1/triggers/github.push/webhooks/hmac', {}],
    [
      'hmac enable github.push --algorithm sha512',
      'PUT',
      '/api/v1/triggers/github.push/webhooks/hmac',
      { algorithm: 'sha512' },
    ],
    ['hmac disable github.push', 'DELETE', '/api/v1/triggers/github.push/webhooks/hmac', null],
    [
      'rate-limit set github.push --requests 10 --window-seconds 60',
      'PUT',
      '/api/v1/triggers/github.push/webhooks/rate-limit',
      { requests: 10, window_seconds: 60 },
    ],
    [
      'deduplication set github.push --on header:x-id --on json:data.id --window-seconds 3600',
      'PUT',
      '/api/v1/triggers/github.push/webhooks/deduplication',
      { on: ['header:x-id', 'json:data.id'], window_seconds: 3600 },
    ],
    ['deduplication set github.push', 'PUT', '/api/v1/triggers/github.push/webhooks/deduplication', {}],
    [
      'deduplication disable github.push',
      'DELETE',
      '/api/v1/triggers/github.push/webhooks/deduplication',
      null,
    ],
    ['rate-limit disable github.push', 'DELETE', '/api/v1/triggers/github.push/webhooks/rate-limit', null],
    [
      'ip-whitelist set github.push 10.0.0.0/8 2001:db8::/32',
      'PUT',
      '/api/v1/triggers/github.push/webhooks/ip-whitelist',
      { cidrs: ['10.0.0.0/8', '2001:db8::/32'] },
    ],
    [
      'ip-whitelist disable github.push',
      'DELETE',
      '/api/v1/triggers/github.push/webhooks/ip-whitelist',
      null,
    ],
    [
      'payload-limit set github.push --kb 64',
      'PUT',
      '/api/v1/triggers/github.push/webhooks/payload-limit',
      { kb: 64 },
    ],
    [
      'payload-limit reset github.push',
      'DELETE',
      '/api/v1/triggers/github.push/webhooks/payload-limit',
      null,
    ],
    ['stats github.push', 'GET', '/api/v1/triggers/github.push/stats', null],
    ['stats', 'GET', '/api/v1/stats', null],
    [
      'log show 01A209AB-b3dc-72c3-983e-a2efd9995707',
      'GET',
      '/api/v1/webhook-event-log/01a209ab-b3dc-72c3-983e-a2efd9995707',
      null,
    ],
  ] as const)('%s', async (line, method, target, body) => {
    const api = adminApi(answerTrigger)
    const { code } = await run(line.split(' '), api.env)
    expect(code).toBe(0)
    expect(api.calls).toHaveLength(1)
    expect(api.calls[0]).toMatchObject({ method, target, body: body === null ? '' : JSON.stringify(body) })
    expect(api.calls[0]?.headers.get('authorization')).toBe(`Bearer ${TOKEN}`)
    expect(api.calls[0]?.headers.get('content-type')).toBe(body === null ? null : 'application/json')
    expect(api.calls[0]?.headers.get('x-attune-client')).toBe('cli')
  })

  test.each([
    ['trigger list --limit 5 --cursor a+b', '/api/v1/triggers?limit=5&cursor=a%2Bb'],
    [
      'events list --trigger a.b --since 2026-01-02T03:04:05Z --until 2026-01-03 --limit 5 --cursor c',
      '/api/v1/events?trigger=a.b&since=2026-01-02T03%3A04%3A05.000Z&until=2026-01-03T00%3A00%3A00.000Z&limit=5&cursor=c&view=summary',
    ],
    [
      'events list --json --ip 2001:db8::1 --text x-kind --path items[]."a.b" --value x',
      '/api/v1/events?ip=2001%3Adb8%3A%3A1&text=x-kind&path=items%5B%5D.%22a.b%22&value=x',
    ],
    [
      'log list --trigger a.b --status 401 --code signature_invalid --ip 2001:db8::1 --text hookshot',
      '/api/v1/webhook-event-log?trigger=a.b&status=401&code=signature_invalid&ip=2001%3Adb8%3A%3A1&text=hookshot',
    ],
    [
      'audit list --actor deployer --action trigger.delete --target a.b --since 2026-01-02 --limit 5',
      '/api/v1/admin-audit-log?actor=deployer&action=trigger.delete&target=a.b&since=2026-01-02T00%3A00%3A00.000Z&limit=5',
    ],
  ])('%s', async (line, target) => {
    const api = adminApi(() => Response.json({ data: [], next_cursor: null }))
    expect((await run(line.split(' '), api.env)).code).toBe(0)
    expect(api.calls.map((call) => call.target)).toEqual([target])
  })
})

test('the admin audit log shows of each field what was and what is', async () => {
  const row = {
    id: '7',
    created: '2026-01-02T03:04:05.678Z',
    actor: 'deployer',
    role: 'operator',
    via: 'console',
    source_ip: '192.0.2.1',
    request_id: null,
    action: 'rate-limit.set',
    target: 'a.b',
    old: { webhook_rate_limit_requests: 100, webhook_hmac_secret: null },
    new: { webhook_rate_limit_requests: 7, webhook_hmac_secret: '[set]' },
  }
  const deleted = { ...row, action: 'trigger.delete', old: { ref: 'a.b\u001b[31m' }, new: null }
  const signedIn = { ...row, action: 'session.open', old: null, new: null }
  const api = adminApi(() => Response.json({ data: [row, deleted, signedIn], next_cursor: 'next' }))
  const { code, out, err } = await run(['audit', 'list'], api.env)
  expect(code).toBe(0)
  const [titles, set, gone, session] = out.split('\n')
  expect(titles).toMatch(/^created +actor +role +via +source ip +action +target +changes +request id$/i)
  expect(set).toContain('webhook_rate_limit_requests: 100 → 7; webhook_hmac_secret: - → [set]')
  expect(gone).toContain('ref: a.b\\x1b[31m')
  expect(session).toMatch(/session\.open +a\.b +- +-$/)
  expect(err).toContain('--cursor next')
  const json = await run(['audit', 'list', '--json'], api.env)
  expect(JSON.parse(json.out)).toMatchObject({ data: [{ id: '7' }, { new: null }, {}], next_cursor: 'next' })
})

describe('misuse is refused before anything is sent', () => {
  test.each([
    'trigger show ..',
    'trigger show a/../b',
    'trigger show A.B',
    'hmac disable a%2fb',
    'stats a..b',
    'hmac enable a.b --algorithm md5',
    'rate-limit set a.b --requests ten --window-seconds 60',
    'rate-limit set a.b --requests 1e3 --window-seconds 60',
    'payload-limit set a.b --kb -1',
    'events show ../triggers',
    'log show ../triggers',
    'log show latest',
    'events list --limit ten',
    'events list --since yesterday',
    'events list --path a.b',
    'events list --value x',
    'log list --until 1',
    'log list --status 4xx',
    'log list --follow --cursor c',
    'log list --follow --until 2026-01-01',
    'send a.b --data {} --file -',
    'send a.b --file - --secret-file -',
    'send a.b --algorithm sha256',
    'send a.b --header novalue',
    'send a.b --header bad\rname:x',
    'send a.b --header name:bad\nvalue',
  ])('%j', async (line) => {
    const api = adminApi(answerTrigger)
    const { code, out, err } = await run(line.split(' '), api.env)
    expect({ code, out, calls: api.calls }).toEqual({ code: 2, out: '', calls: [] })
    expect(err).toContain('Usage: ')
  })
})

describe('the token', () => {
  test('is found in the data directory, so that on the same host nothing need be set', async () => {
    const api = adminApi(answerTrigger)
    const file = temporaryFile('admin-token', `${TOKEN}\n`)
    const env = { ATTUNE_ADMIN_URL: api.url, ATTUNE_DATA_DIR: file.replace(/\/admin-token$/, '') }
    expect((await run(['stats'], env)).code).toBe(0)
    expect(api.calls[0]?.headers.get('authorization')).toBe(`Bearer ${TOKEN}`)
  })

  test('of a named file wins over the environment', async () => {
    const api = adminApi(answerTrigger)
    const other = TOKEN.toUpperCase()
    expect((await run(['stats', '--token-file', temporaryFile('t', other)], api.env)).code).toBe(0)
    expect(api.calls[0]?.headers.get('authorization')).toBe(`Bearer ${other}`)
  })

  test.each([
    ['missing', null],
    ['empty', ''],
    ['of several lines', `${TOKEN}\n${TOKEN}`],
    ['too short', 'canary'],
  ])('file that is %s: exit 2, and nothing of it is said', async (_, content) => {
    const api = adminApi(answerTrigger)
    const file = content === null ? `${temporaryFolder()}/none` : temporaryFile('t', content)
    const { code, err } = await run(['stats', '--token-file', file], api.env)
    expect({ code, calls: api.calls }).toEqual({ code: 2, calls: [] })
    expect(err).toContain(file)
    expect(err).not.toContain('canary')
  })

  test('that is nowhere: the three ways to give it are named', async () => {
    const { code, err } = await run(['stats'])
    expect(code).toBe(2)
    for (const way of ['--data-dir', '--token-file', 'ATTUNE_ADMIN_TOKEN']) expect(err).toContain(way)
  })

  test('is in no message of any failure, and goes through no redirect', async () => {
    const target = adminApi(answerTrigger)
    for (const answer of [
      () => problem(401, { code: 'unauthorized', detail: 'The admin API asks for its bearer token.' }),
      () => problem(500, { code: 'internal', detail: 'Ours.', request_id: 'r-1' }),
      () => new Response('not json'),
      () => Response.redirect(`${target.url}/api/v1/stats`, 307),
    ]) {
      const api = adminApi(answer)
      const { code, out, err } = await run(['stats'], api.env)
      expect(code).toBe(1)
      expect(out + err).not.toContain('canary')
    }
    expect(target.calls).toEqual([])
  })
})

describe('failures', () => {
  test('a value that the API does not accept is misuse, and each field is named', async () => {
    const api = adminApi(() =>
      problem(422, {
        code: 'request_invalid',
        detail: 'The request does not have the form that is asked for; see errors.',
        errors: [
          { field: 'cidrs[1]', message: 'must be canonical\x1b[2J' },
          { field: 'cidrs[2]', message: 'must be canonical' },
        ],
      }),
    )
    const { code, out, err } = await run(['ip-whitelist', 'set', 'a.b', '10.0.0.0/8', 'x'], api.env)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toBe('attune-webhooks: cidrs[1]: must be canonical\\x1b[2J\n  cidrs[2]: must be canonical\n')
  })

  test('a 422 that names no field is shown as it is', async () => {
    const api = adminApi(() => problem(422, { code: 'request_invalid', detail: 'No.' }))
    expect(await run(['stats'], api.env)).toEqual({
      code: 2,
      out: '',
      err: `attune-webhooks: request_invalid: No. (422 from ${api.url})\n`,
    })
  })

  test('a problem is shown with its code, its detail and the address that was asked', async () => {
    const api = adminApi(() => problem(404, { code: 'trigger_unknown', detail: 'No trigger has this ref.' }))
    const { code, err } = await run(['stats', 'a.b'], api.env)
    expect(code).toBe(1)
    expect(err).toBe(`attune-webhooks: trigger_unknown: No trigger has this ref. (404 from ${api.url})\n`)
  })

  test('the receiver, which knows no such path, is not taken for the admin API', async () => {
    const api = adminApi(() =>
      problem(404, { code: 'route_unknown', detail: 'Nothing answers at this path.' }),
    )
    const { code, err } = await run(['stats'], api.env)
    expect(code).toBe(1)
    expect(err).toContain(`(404 from ${api.url})\n  is this the address of the admin API?\n`)
  })

  test('a refused token says where it came from, and a fault of the server its request id', async () => {
    const refusing = adminApi(() => problem(401, { code: 'unauthorized', detail: 'No.' }))
    expect((await run(['stats'], refusing.env)).err).toContain('the token came from ATTUNE_ADMIN_TOKEN')
    const failing = adminApi(() => problem(500, { code: 'internal', detail: 'Ours.', request_id: 'r-1' }))
    expect((await run(['stats'], failing.env)).err).toContain('request id r-1')
  })

  test('where nothing listens, the address that was tried is named', async () => {
    const env = { ATTUNE_ADMIN_URL: 'http://127.0.0.1:1/prefix', ATTUNE_ADMIN_TOKEN: TOKEN }
    const { code, err } = await run(['stats'], env)
    expect(code).toBe(1)
    expect(err).toBe(
      'attune-webhooks: cannot reach http://127.0.0.1:1: nothing listens there; is the server running, and is this its address?\n',
    )
  })

  test('something else that listens there is recognised', async () => {
    const page = adminApi(() => new Response('<h1>hello</h1>', { status: 404 }))
    expect(await run(['stats'], page.env)).toMatchObject({
      code: 1,
      err: expect.stringContaining('is it the admin API?'),
    })
    const welcome = adminApi(() => new Response('<h1>hello</h1>'))
    expect((await run(['stats'], welcome.env)).code).toBe(1)
  })

  test('a payload that is nested 100,000 levels deep hides no event from a list', async () => {
    const deep = `{"data":[{"id":"i","payload":${'['.repeat(1e5)}${']'.repeat(1e5)}}]}`
    const api = adminApi(() => new Response(deep))
    expect((await run(['events', 'list'], api.env)).out).toContain('i')
    expect(await run(['events', 'list', '--json'], api.env)).toEqual({ code: 0, out: `${deep}\n`, err: '' })
  })
})

describe('an empty list', () => {
  const nothing = () => adminApi(() => Response.json({ data: [], next_cursor: null })).env

  test.each(['events list', 'log list'])(
    '`%s` of one trigger asks whether the ref is right, beside the result',
    async (line) => {
      const { code, out, err } = await run([...line.split(' '), '--trigger', 'nope'], nothing())
      expect({ code, err }).toEqual({ code: 0, err: 'no rows; is nope the ref of a trigger?\n' })
      expect(out).toBe((await run(line.split(' '), nothing())).out)
    },
  )

  test.each([
    'events list',
    'log list --status 401',
    'log list --trigger a --cursor c',
    'log list --trigger a --json',
  ])('`%s` asks nothing', async (line) => {
    expect(await run(line.split(' '), nothing())).toMatchObject({ code: 0, err: '' })
  })

  test('a list with rows asks nothing', async () => {
    const api = adminApi(() => Response.json({ data: [logRow(1)], next_cursor: null }))
    const { err } = await run(['log', 'list', '--trigger', 'github.push'], api.env)
    expect(err).toBe('')
  })
})

const DIAGNOSIS = {
  readmitted_as: null,
  diagnoses: [{ cause: 'clock_skew', detail: 'It is late.', remedy: 'Set the clock.' }],
}

describe('results', () => {
  test('a row of the log is shown with all of its columns, and each header on a line', async () => {
    const headers: [string, string][] = [
      ['x-a', '1'],
      ['x-a', '2'],
    ]
    const row = logRow(1, { headers })
    const api = adminApi(({ target }) =>
      Response.json({ data: target.endsWith('/diagnosis') ? DIAGNOSIS : row }),
    )
    const { code, out } = await run(['log', 'show', row.id], api.env)
    expect(code).toBe(0)
    expect(out).toContain('\nwhy\n  clock_skew: It is late. Set the clock.\n')
    for (const name of Object.keys(row)) expect(out).toMatch(new RegExp(`^${name}( |$)`, 'm'))
    expect(out).toMatch(/^error_message +the digest does not match$/m)
    expect(out).toEndWith('\nheaders\n  x-a: 1\n  x-a: 2\n')
    const json = await run(['log', 'show', row.id, '--json'], api.env)
    expect(JSON.parse(json.out)).toEqual({ data: row })
  })

  test('--json prints the answer as it came: no number is rounded', async () => {
    const text = '{"data":[{"payload":12345678901234567890.10}],"next_cursor":"c"}'
    const api = adminApi(() => new Response(text))
    expect(await run(['events', 'list', '--json'], api.env)).toEqual({ code: 0, out: `${text}\n`, err: '' })
  })

  test('a trigger is shown with the names of the contract', async () => {
    const { out } = await run(['trigger', 'show', 'github.push'], adminApi(answerTrigger).env)
    for (const name of Object.keys(TRIGGER)) expect(out).toMatch(new RegExp(`^${name} `, 'm'))
    expect(out).toContain('10.0.0.0/8, 2001:db8::/32')
  })

  test('a list is a table, and talk about its next page stays off stdout', async () => {
    const api = adminApi(() => Response.json({ data: [TRIGGER], next_cursor: 'abc' }))
    const { out, err } = await run(['trigger', 'list'], api.env)
    expect(out.split('\n')).toHaveLength(3)
    expect(out).toMatch(/^REF +WEBHOOK +SIGNATURE/)
    expect(out).toMatch(/\ngithub\.push +on +off +10 in 60 s +10\.0\.0\.0\/8, 2001:db8::\/32 +1024 +-\n$/)
    expect(err).toBe('There is more: --cursor abc\n')
  })

  test('statistics are printed whatever fields this version has', async () => {
    const api = adminApi(() => Response.json({ data: { total_requests: 3, newer: 1, nested: { a: 1 } } }))
    expect((await run(['stats'], api.env)).out).toBe('total_requests  3\nnewer           1\n')
  })

  test('deletion is asked about on a terminal, unless --yes is given', async () => {
    const api = adminApi(() => new Response(null, { status: 204 }))
    const asked: string[] = []
    const confirm = async (question: string) => {
      asked.push(question)
      return false
    }
    expect((await run(['trigger', 'delete', 'a.b'], api.env, { confirm })).code).toBe(1)
    expect(asked).toEqual(['Delete the trigger a.b and end its URL?'])
    expect(api.calls).toEqual([])
    expect((await run(['trigger', 'delete', 'a.b', '--yes'], api.env, { confirm })).code).toBe(0)
    expect(api.calls).toHaveLength(1)
  })
})

describe('hmac enable', () => {
  const made = () =>
    Response.json({
      data: { webhook_hmac_enabled: true, webhook_hmac_algorithm: 'sha256', secret: 'made-by-server' },
    })

  test('prints a secret that the server made, and says that it is shown only now', async () => {
    const { out, err } = await run(['hmac', 'enable', 'a.b'], adminApi(made).env)
    expect(out).toMatch(/^secret +made-by-server$/m)
    expect(err).toContain('shown only now')
  })

  test.each(['canary secret', 'canary secret\n', 'canary secret\r\n'])(
    'takes the secret of a file, %j, without its line end and without printing it',
    async (content) => {
      const api = adminApi(() =>
        Response.json({ data: { webhook_hmac_enabled: true, secret: 'canary secret' } }),
      )
      const { out, err } = await run(
        ['hmac', 'enable', 'a.b', '--secret-file', temporaryFile('s', content)],
        api.env,
      )
      expect(JSON.parse(api.calls[0]?.body ?? '')).toEqual({ secret: 'canary secret' })
      expect(out + err).not.toContain('canary')
    },
  )

  test('takes the secret from stdin', async () => {
    const api = adminApi(made)
    const readInput = async () => new TextEncoder().encode('from stdin\n')
    await run(['hmac', 'enable', 'a.b', '--secret-file', '-'], api.env, { readInput })
    expect(JSON.parse(api.calls[0]?.body ?? '')).toEqual({ secret: 'from stdin' })
  })

  test.each([
    ['empty', '\n'],
    ['no text', new Uint8Array([0xff, 0xfe])],
  ])('refuses a file that is %s', async (_, content) => {
    const api = adminApi(made)
    const file = temporaryFile('s', content)
    expect((await run(['hmac', 'enable', 'a.b', '--secret-file', file], api.env)).code).toBe(1)
    expect(api.calls).toEqual([])
  })
})

describe('healthcheck', () => {
  test('asks /readyz without a token, and says yes or no', async () => {
    const ready = adminApi(() => Response.json({}))
    const env = { ATTUNE_ADMIN_URL: ready.url }
    expect((await run(['healthcheck'], env)).code).toBe(0)
    expect(ready.calls[0]?.target).toBe('/readyz')
    expect(ready.calls[0]?.headers.get('authorization')).toBeNull()

    const waiting = adminApi(() => problem(503, { code: 'store_unavailable' }))
    expect((await run(['healthcheck', '--admin-url', waiting.url])).code).toBe(1)
    expect((await run(['healthcheck', '--admin-url', 'http://127.0.0.1:1'])).code).toBe(1)
  })
})
