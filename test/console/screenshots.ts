/**
 * Draws the pages of the console for the documentation, each in both themes: `bun run screenshots` writes `docs/images/PAGE-THEME.png`. What
 * they show has come through the receiver of the binary, over a day that the clock of the process is led through.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { settled } from '../support/axe.ts'
import { type Installation, install, type Server } from '../support/binary.ts'
import { adminToken, startChromium } from '../support/browser.ts'
import { startClock } from '../support/clock.ts'
import { type ConsoleData, fillConsole } from '../support/console-data.ts'
import { SIGNERS } from '../support/signers.ts'

const IMAGES = join(import.meta.dir, '../../docs/images')
const THEMES = ['light', 'dark'] as const
const HOURS = 23
/** Addresses that RFC 5737 keeps for documentation. */
const SENDERS = ['192.0.2.17', '198.51.100.4', '203.0.113.9']

interface Picture {
  readonly name: string
  readonly path: string | ((data: ConsoleData) => string)
  readonly reach: (page: Page) => Promise<unknown>
}

const shows = (text: string) => (page: Page) => page.getByText(text).first().waitFor()
const row = (page: Page) => page.locator('tbody tr').first().waitFor()

const PICTURES: readonly Picture[] = [
  { name: 'overview', path: '/', reach: shows('Busiest triggers') },
  { name: 'triggers', path: '/triggers', reach: row },
  { name: 'trigger', path: '/triggers/github.push', reach: shows('Latest attempts') },
  {
    name: 'checks',
    path: '/triggers/github.push?tab=checks',
    async reach(page) {
      const editor = page.getByRole('form', { name: 'IP whitelist' })
      await editor.getByRole('switch').click()
      await editor.getByLabel('Add addresses or networks').fill('192.0.2.0/24, 198.51.100.0/24')
      await editor.getByRole('button', { name: 'Add 2' }).click()
      await editor.getByLabel('Would this address pass?').fill('192.0.2.7')
      await editor.getByText('would be locked out').first().waitFor()
      await editor.evaluate((it) => it.scrollIntoView())
    },
  },
  {
    name: 'connect',
    path: '/triggers?connect=quiet',
    async reach(page) {
      await page.getByRole('searchbox', { name: 'Search senders' }).fill('git')
      await page
        .getByRole('radio', { name: /^GitHub/ })
        .first()
        .check()
    },
  },
  { name: 'event-log', path: '/log', reach: row },
  { name: 'attempt', path: ({ refused }) => `/log?row=${refused}`, reach: shows('Signature invalid') },
  { name: 'events', path: '/events', reach: row },
  {
    name: 'test-tool',
    path: '/test?trigger=github.push',
    async reach(page) {
      await page.getByRole('button', { name: 'Send through the receiver' }).click()
      await shows('Accepted and stored')(page)
      await page.evaluate('scrollTo(0, 0)')
    },
  },
  { name: 'tokens', path: '/settings/tokens', reach: row },
  { name: 'admin-audit-log', path: '/settings/changes', reach: row },
  { name: 'configuration', path: '/settings/configuration', reach: row },
  { name: 'about', path: '/settings/about', reach: shows('Licences') },
]

/** Sends what a quiet day brings: mostly pushes, some of them badly signed, and orders that come too often. */
async function send(server: Server, hour: number): Promise<void> {
  const { json } = await server.api('GET', '/api/v1/triggers?limit=100')
  const urlOf = (ref: string): string =>
    json.data.find((trigger: { ref: string }) => trigger.ref === ref).webhook_url
  const github = SIGNERS['github']
  if (github === undefined) throw new Error('nobody signs as github')
  const post = async (
    ref: string,
    body: string,
    headers: Readonly<Record<string, string>>,
    sender: number,
  ) => {
    const from = SENDERS[sender % SENDERS.length] ?? ''
    await fetch(urlOf(ref), { method: 'POST', body, headers: { ...headers, 'X-Forwarded-For': from } })
  }
  const pushes = 6 + Math.round(5 * Math.sin((hour / HOURS) * Math.PI * 2)) + (hour % 3)
  for (let count = 0; count < pushes; count++) {
    const body = JSON.stringify({
      ref: 'refs/heads/main',
      size: count,
      repository: { full_name: 'octocat/hello-world' },
    })
    const { headers } = github.sign(body, Date.now())
    await post('github.push', count % 7 === 3 ? `${body} ` : body, headers, count)
  }
  for (let count = 0; count < 1 + (hour % 3); count++)
    await post(
      'orders.created',
      JSON.stringify({ order: hour * 10 + count }),
      { 'Content-Type': 'application/json' },
      1,
    )
}

/** A running binary with a day behind it. */
async function settle(installation: Installation): Promise<{ server: Server; data: ConsoleData }> {
  const clock = startClock(installation.folder)
  const settings = { ATTUNE_TRUSTED_PROXIES: '127.0.0.1' }
  const server = await installation.serve({
    ...settings,
    ...clock.settings,
  })
  const data = await fillConsole(server)
  for (let hour = HOURS; hour >= 0; hour--) {
    clock.set(`-${hour}h`)
    await send(server, hour)
  }
  await server.stop()
  // The URLs are those that an operator gives to senders.
  const shown = await installation.serve({ ...settings, ATTUNE_PUBLIC_URL: 'https://hooks.example.com' })
  return { server: shown, data }
}

/** Where this machine keeps the installation says nothing to a reader. */
const withoutFolder = (page: Page, folder: string) =>
  page.evaluate(`(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(${JSON.stringify(folder)}, '/var/lib/attune-webhooks')
  })()`)

const installation = await install()
const { server, data } = await settle(installation)
const chromium = await startChromium()
mkdirSync(IMAGES, { recursive: true })
try {
  for (const theme of THEMES) {
    const { page, signIn, open, close } = await chromium.visit(server, { theme, height: 800 })
    await open('/')
    await page.screenshot({ path: join(IMAGES, `sign-in-${theme}.png`) })
    await signIn(adminToken(installation.dataDirectory))
    for (const { name, path, reach } of PICTURES) {
      await page.goto(server.adminUrl + (typeof path === 'string' ? path : path(data)))
      await reach(page)
      await settled(page)
      await withoutFolder(page, installation.folder)
      await page.screenshot({
        path: join(IMAGES, `${name}-${theme}.png`),
        animations: 'disabled',
        caret: 'hide',
      })
    }
    await close()
  }
} finally {
  await chromium.close()
  await installation.dispose()
}
