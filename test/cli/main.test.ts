import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { adminApi, logRow } from './support.ts'

const MAIN = join(import.meta.dir, '../../src/main.ts')

const { PATH = '' } = process.env

/** Starts the program itself; these are the few things that only a process can show. */
function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdin: 'ignore' | Blob = 'ignore',
) {
  return Bun.spawn([process.execPath, MAIN, ...args], {
    env: { PATH, ...env },
    stdin,
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

async function outcome(process: ReturnType<typeof start>) {
  const [out, err, code] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
    process.exited,
  ])
  return { out, err, code }
}

describe('the process', () => {
  test('results go to stdout, talk to stderr, and the exit code tells how it went', async () => {
    expect(await outcome(start(['version']))).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining('attune-webhooks '),
    })
    const misuse = await outcome(start(['serve', '--no-such-flag']))
    expect(misuse).toMatchObject({ code: 2, out: '' })
    expect(misuse.err).toContain('Usage: attune-webhooks serve')
    const failed = await outcome(start(['healthcheck', '--admin-url', 'http://127.0.0.1:1']))
    expect(failed).toMatchObject({ code: 1, out: '' })
  })

  test('a bad configuration names all problems at once and exits 2', async () => {
    const env = { ATTUNE_PORT: 'x', ATTUNE_ADMIN_TOKEN: 'canary', DATABASE_URL: 'canary' }
    const { code, out, err } = await outcome(start(['serve'], env))
    expect({ code, out }).toEqual({ code: 2, out: '' })
    for (const variable of Object.keys(env)) expect(err).toContain(`  ${variable}: `)
    expect(err).not.toContain('canary')
  })

  test.each(['BUN_OPTIONS', 'BUN_INSPECT', 'BUN_INSPECT_NOTIFY'])(
    'refuses to start with %s set',
    async (name) => {
      // Values that Bun itself passes over, so that it is our refusal which is seen.
      const { code, out, err } = await outcome(start(['version'], { [name]: ' ' }))
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toContain(name)
    },
  )

  test('no proxy of the environment sees what is meant for this host', async () => {
    const proxy = adminApi(() => new Response('stolen'))
    const api = adminApi(() => Response.json({ data: { total_requests: 3 } }))
    const env = { ...api.env, HTTP_PROXY: proxy.url, http_proxy: proxy.url }
    expect(await outcome(start(['stats'], env))).toEqual({ code: 0, err: '', out: 'total_requests  3\n' })
    expect(proxy.calls).toEqual([])
  })

  test('a secret comes in through stdin', async () => {
    const api = adminApi(() => Response.json({ data: {} }))
    const secret = new Blob(['from stdin\n'])
    const { code } = await outcome(start(['hmac', 'enable', 'a.b', '--secret-file', '-'], api.env, secret))
    expect(code).toBe(0)
    expect(JSON.parse(api.calls[0]?.body ?? '')).toEqual({ secret: 'from stdin' })
  })

  test('a body of 8 MiB arrives whole in a pipe', async () => {
    const body = new Uint8Array(8 * 1024 * 1024).fill(7)
    const api = adminApi(() => new Response(body))
    const shown = start(['events', 'show', '0198c2de-0000-7000-8000-000000000000', '--body'], api.env)
    const written = await new Response(shown.stdout).bytes()
    expect(await shown.exited).toBe(0)
    expect(Bun.hash(written)).toBe(Bun.hash(body))
  })

  test('a reader that has gone away ends it in silence', async () => {
    const api = adminApi(() => Response.json({ data: Array.from({ length: 5_000 }, (_, i) => logRow(i)) }))
    const listing = start(['log', 'list'], api.env)
    const reader = listing.stdout.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toStartWith('CREATED')
    await reader.cancel()
    expect(await new Response(listing.stderr).text()).toBe('')
    expect(await listing.exited).toBe(0)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('`log list --follow` ends with exit 0 at %s', async (signal) => {
    const api = adminApi(() => Response.json({ data: [logRow(1)], next_cursor: null }))
    const following = start(['log', 'list', '--follow', '--json'], api.env)
    const reader = following.stdout.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"id"')
    following.kill(signal)
    expect(await following.exited).toBe(0)
  })
})
