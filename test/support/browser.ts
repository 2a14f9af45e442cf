/**
 * Chromium on the console of a running binary, as somebody has it who is sitting before it. `CHROMIUM` names another executable than
 * Debian's.
 *
 * Every page is watched: a violation of the content security policy, an error in its console, a fault of a script, and a request to any
 * other host are collected, and `complaints` has them.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Server } from './binary.ts'

const { CHROMIUM: executablePath = '/usr/bin/chromium' } = process.env

/** Nothing but the page that is tested: no look-ups, no updates, no accounts. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Reader {
  readonly theme?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
}

/** A browser of its own, with an empty profile. */
export interface Chromium {
  /** A person at the console: cookies and storage of their own. */
  visit(server: Server, reader?: Reader): Promise<Visit>
  close(): Promise<void>
}

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** What went wrong in the browser so far, in words. */
  complaints(): readonly string[]
  /** Opens a path of the console, and waits until its heading is there. */
  open(path: string): Promise<void>
  signIn(token: string): Promise<void>
  close(): Promise<void>
}

/** @throws Error when there is no Chromium */
export async function startChromium(): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), 'attune-chromium-'))
  const context = await chromium.launch({
    executablePath,
    args: ARGUMENTS,
    env: { HOME: profile, PATH: '/usr/bin:/bin' },
  })
  return {
    async visit(server, { theme = 'light', width = 1_280, height = 860 } = {}) {
      const person = await context.newContext({
        colorScheme: theme,
        viewport: { width, height },
        locale: 'en-GB',
        timezoneId: 'UTC',
      })
      return visitOf(server, person)
    },
    async close() {
      await context.close()
      rmSync(profile, { recursive: true, force: true })
    },
  }
}

/** The token of the installation that the binary wrote at its first start. */
export const adminToken = (dataDirectory: string): string =>
  readFileSync(join(dataDirectory, 'admin-token'), 'utf8').trim()

/** A refusal that the test has asked for is logged by the browser as an error too. */
const IS_REFUSAL = /Failed to load resource: the server responded with a status of [45]\d\d/

async function visitOf(server: Server, context: BrowserContext): Promise<Visit> {
  const complaints: string[] = []
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(`fault: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !IS_REFUSAL.test(message.text()))
      complaints.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (origin !== server.adminUrl && protocol !== 'data:' && protocol !== 'blob:')
      complaints.push(`request to ${origin}`)
  })
  await context.exposeFunction('policyViolated', (what: string) => complaints.push(`policy: ${what}`))
  await context.addInitScript(
    "document.addEventListener('securitypolicyviolation', (it) => policyViolated(it.violatedDirective + ' ' + it.blockedURI))",
  )
  const open = async (path: string): Promise<void> => {
    await page.goto(server.adminUrl + path)
    await page.getByRole('heading', { level: 1 }).waitFor()
  }
  return {
    page,
    context,
    complaints: () => complaints,
    open,
    async signIn(token) {
      await open('/')
      await page.getByLabel('Token').fill(token)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('navigation', { name: 'Pages' }).waitFor()
    },
    close: () => context.close(),
  }
}
