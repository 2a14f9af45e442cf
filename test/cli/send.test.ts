import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { adminApi, type Call, run, TRIGGER, temporaryFile } from './support.ts'

/** An admin API with one trigger, and the receiver that its URL leads to. */
function house(fields: Partial<typeof TRIGGER> = {}, answer?: (call: Call) => Response) {
  const receiver = adminApi(answer ?? (() => Response.json({ data: { message: 'accepted' } })))
  const webhook_url = `${receiver.url}/api/v1/webhooks/wh_x`
  const admin = adminApi(() => Response.json({ data: { ...TRIGGER, webhook_url, ...fields } }))
  return { env: admin.env, received: receiver.calls }
}

const sign = (body: string, secret: string, algorithm = 'sha256') =>
  `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`

describe('send', () => {
  test('posts a small JSON document and prints the status and body of the answer', async () => {
    const { env, received } = house()
    const { code, out, err } = await run(['send', 'github.push'], env)
    expect(code).toBe(0)
    expect(out).toBe('200 OK\n{"data":{"message":"accepted"}}\n')
    expect(err).toContain('not signed')
    expect(received).toHaveLength(1)
    expect(received[0]).toMatchObject({ method: 'POST', target: '/api/v1/webhooks/wh_x' })
    expect(received[0]?.headers.get('content-type')).toBe('application/json')
    expect(received[0]?.headers.get('x-webhook-signature')).toBeNull()
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ test: true, trigger: 'github.push' })
  })

  test.each([
    ['a 4xx', 401],
    ['a 5xx', 503],
    ['a redirect', 307],
  ])('exits 1 for %s', async (_, status) => {
    const { env } = house({}, () => new Response('no', { status, headers: { location: '/x' } }))
    expect(await run(['send', 'a.b'], env)).toMatchObject({
      code: 1,
      out: expect.stringContaining(`${status} `),
    })
  })

  test('prints one JSON document with --json', async () => {
    const { env } = house()
    const { out } = await run(['send', 'a.b', '--json'], env)
    expect(JSON.parse(out)).toEqual({ data: { status: 200, body: { data: { message: 'accepted' } } } })
  })

  test('what the receiver answers does not drive the terminal', async () => {
    const { env } = house({}, () => new Response('\x1b[2J'))
    expect((await run(['send', 'a.b'], env)).out).toBe('200 OK\n\\x1b[2J\n')
  })

  test.each([
    ['a file', (secret: string) => [['--secret-file', temporaryFile('s', `${secret}\n`)], {}] as const],
    ['the environment', (secret: string) => [[], { ATTUNE_WEBHOOK_SECRET: secret }] as const],
  ])('signs with the secret of %s and never shows it', async (_, give) => {
    const { env, received } = house({ webhook_hmac_enabled: true, webhook_hmac_algorithm: 'sha512' })
    const [args, further] = give('canary secret')
    const { code, out, err } = await run(['send', 'a.b', '--data', '{"ä":1}', ...args], {
      ...env,
      ...further,
    })
    expect(code).toBe(0)
    expect(received[0]?.headers.get('x-webhook-signature')).toBe(sign('{"ä":1}', 'canary secret', 'sha512'))
    expect(out + err).not.toContain('canary')
  })

  test('an algorithm that is given wins, so that a refusal can be tried', async () => {
    const { env, received } = house()
    const secret = temporaryFile('s', 'secret')
    await run(['send', 'a.b', '--data', 'x', '--secret-file', secret, '--algorithm', 'sha1'], env)
    expect(received[0]?.headers.get('x-webhook-signature')).toBe(sign('x', 'secret', 'sha1'))
  })

  test('a trigger that asks for a signature is not sent to without a secret: exit 2, with the reason', async () => {
    const { env, received } = house({ webhook_hmac_enabled: true })
    const { code, err } = await run(['send', 'a.b'], env)
    expect({ code, received }).toEqual({ code: 2, received: [] })
    expect(err).toContain('--secret-file')
    expect(err).toContain('ATTUNE_WEBHOOK_SECRET')
  })

  test('a trigger without a URL: exit 1, with what to do', async () => {
    const { env } = house({ webhook_url: null, webhook_key: null })
    const { code, err } = await run(['send', 'a.b'], env)
    expect(code).toBe(1)
    expect(err).toContain('webhook enable github.push')
  })

  test('sends a file as it is, with headers that take the place of ours', async () => {
    const { env, received } = house()
    const file = temporaryFile('body', 'a=b\n')
    const headers = ['--header', 'X-GitHub-Event: push', '--header', 'User-Agent: me', '--header', 'X-Empty:']
    const type = ['--content-type', 'application/x-www-form-urlencoded']
    expect((await run(['send', 'a.b', '--file', file, ...type, ...headers], env)).code).toBe(0)
    expect(received[0]?.body).toBe('a=b\n')
    expect(received[0]?.headers.get('content-type')).toBe('application/x-www-form-urlencoded')
    expect(received[0]?.headers.get('x-github-event')).toBe('push')
    expect(received[0]?.headers.get('user-agent')).toBe('me')
    expect(received[0]?.headers.get('x-empty')).toBe('')
  })

  test('a body that cannot be read, and a receiver that does not listen: exit 1', async () => {
    const { env } = house()
    expect((await run(['send', 'a.b', '--file', '/nonexistent/body'], env)).code).toBe(1)
    const away = house({ webhook_url: 'http://127.0.0.1:1/api/v1/webhooks/wh_x' })
    const { code, err } = await run(['send', 'a.b'], away.env)
    expect(code).toBe(1)
    expect(err).toContain('cannot reach http://127.0.0.1:1')
  })
})
