/** How the pages are sent: under which policy, how often, and how much of them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Installation, install, type Server } from '../support/binary.ts'
import { adminToken, type Chromium, startChromium } from '../support/browser.ts'

let installation: Installation
let server: Server
let chromium: Chromium

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  chromium = await startChromium()
})
afterAll(async () => {
  await chromium.close()
  await installation.dispose()
})

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(server.adminUrl + path, { method, headers, redirect: 'manual', decompress: false })

const PAGES = [
  '/',
  '/sign-in',
  '/triggers',
  '/triggers/github.push',
  '/log',
  '/events',
  '/test',
  '/settings',
  '/settings/about',
]

/** Scripts and styles that the document asks for. */
async function assets(): Promise<string[]> {
  const html = await (await get('/', { 'accept-encoding': 'identity' })).text()
  return Array.from(html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g), ([, path = '']) => path)
}

describe('a page', () => {
  test.each(PAGES)('%s is the same document, without a token', async (path) => {
    const answer = await get(path, { 'accept-encoding': 'identity' })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await answer.text()).toContain('<div id="root">')
  })

  test('allows our own scripts and styles only, none inline, and no frame', async () => {
    const { headers } = await get('/')
    const policy = new Map(
      (headers.get('content-security-policy') ?? '').split('; ').map((rule) => {
        const [name = '', ...sources] = rule.split(' ')
        return [name, sources.join(' ')]
      }),
    )
    expect(Object.fromEntries(policy)).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self' data:",
      'font-src': "'self'",
      'connect-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    })
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
  })

  test('is asked for anew each time, and not sent when it is the same', async () => {
    const first = await get('/')
    expect(first.headers.get('cache-control')).toBe('no-cache')
    const again = await get('/', { 'if-none-match': first.headers.get('etag') ?? '' })
    expect([again.status, await again.text()]).toEqual([304, ''])
    const other = await get('/', { 'if-none-match': '"another"' })
    expect(other.status).toBe(200)
  })

  test('has a head without a body', async () => {
    const head = await get('/', {}, 'HEAD')
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test.each(['POST', 'PUT', 'DELETE'])('takes no %s', async (method) => {
    expect((await get('/triggers', {}, method)).status).toBe(401)
  })
})

describe('an asset', () => {
  test('carries its content in its name and is kept for ever', async () => {
    const paths = await assets()
    expect(paths.length).toBeGreaterThan(1)
    for (const path of paths) {
      const { status, headers } = await get(path)
      expect([path, status, headers.get('cache-control')]).toEqual([
        path,
        200,
        'public, max-age=31536000, immutable',
      ])
    }
  })

  test.each([
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['gzip;q=1.0, br;q=0.5', 'br'],
    ['br;q=0, gzip', 'gzip'],
    ['br;q=0.0', null],
    ['identity', null],
    ['brotli', null],
  ])('for %s is sent as %s', async (accepted, encoding) => {
    const [path = ''] = await assets()
    const answer = await get(path, { 'accept-encoding': accepted })
    expect([answer.headers.get('content-encoding'), answer.headers.get('vary')]).toEqual([
      encoding,
      'Accept-Encoding',
    ])
  })
})

test.each([
  '/assets/index.js',
  '/assets/../index.html',
  '/assets/%2e%2e/index.html',
  '/index.html',
  '/triggersx',
  '/etc/passwd',
  '/Triggers',
])('%s is no page', async (path) => {
  const answer = await get(path)
  const text = await answer.text()
  expect(text).not.toContain('<div id="root">')
  expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
})

test('the first load of the console is at most 250 KB compressed', async () => {
  const visit = await chromium.visit(server)
  try {
    const sizes = new Map<string, number>()
    visit.page.on('response', async (response) => {
      const { pathname } = new URL(response.url())
      if (pathname.startsWith('/api/')) return
      const encoding = response.headers()['content-encoding']
      const sent = await get(pathname, { 'accept-encoding': encoding ?? 'identity' })
      sizes.set(pathname, (await sent.arrayBuffer()).byteLength)
    })
    await visit.signIn(adminToken(installation.dataDirectory))
    await visit.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await visit.page.waitForLoadState('networkidle')
    expect(sizes.size).toBeGreaterThan(3)
    expect([...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(250 * 1_024)
    expect(visit.complaints()).toEqual([])
  } finally {
    await visit.close()
  }
})
