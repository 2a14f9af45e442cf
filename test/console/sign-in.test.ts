/** Who gets into the console, who does not, and who has to leave. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Installation, install, type Server } from '../support/binary.ts'
import { adminToken, type Chromium, startChromium, type Visit } from '../support/browser.ts'

let installation: Installation
let server: Server
let chromium: Chromium
let token = ''

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  token = adminToken(installation.dataDirectory)
  chromium = await startChromium()
})
afterAll(async () => {
  await chromium.close()
  await installation.dispose()
})

const visiting = async (run: (visit: Visit) => Promise<void>): Promise<void> => {
  const visit = await chromium.visit(server)
  try {
    await run(visit)
    expect(visit.complaints()).toEqual([])
  } finally {
    await visit.close()
  }
}

describe('signing in', () => {
  test('with the token of the installation leads to the console, and the token stays nowhere in the browser', () =>
    visiting(async ({ page, context, signIn }) => {
      await signIn(token)
      expect(await page.content()).not.toContain(token)
      const cookies = await context.cookies()
      expect(cookies).toHaveLength(1)
      expect(cookies[0]).toMatchObject({ name: 'attune_session', httpOnly: true, sameSite: 'Strict' })
      expect(cookies[0]?.value).not.toContain(token)
      const kept = await page.evaluate<string>(
        'JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage })',
      )
      expect(kept).not.toContain(token)
      expect(page.url()).not.toContain(token)
    }))

  test('with a wrong token is refused in words, and the page stays', () =>
    visiting(async ({ page, open }) => {
      await open('/')
      await page.getByLabel('Token').fill('not-the-token-0123456789-0123456789')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').getByText('This token is not accepted').waitFor()
      expect(await page.getByRole('navigation').count()).toBe(0)
    }))

  test('is asked for on every page', () =>
    visiting(async ({ page, open }) => {
      for (const path of [
        '/',
        '/triggers',
        '/triggers/github.push',
        '/log',
        '/events',
        '/test',
        '/settings/tokens',
      ]) {
        await open(path)
        expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in to Attune Webhooks')
      }
    }))
})

test('signing out ends the session on the server, not in the browser alone', () =>
  visiting(async ({ page, context, signIn, open }) => {
    await signIn(token)
    const [cookie] = await context.cookies()
    await page.getByRole('button', { name: /admin-token/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in to Attune Webhooks' }).waitFor()
    const answer = await fetch(`${server.adminUrl}/api/v1/triggers`, {
      headers: { cookie: `attune_session=${cookie?.value}` },
    })
    expect(answer.status).toBe(401)
    await open('/triggers')
    await page.getByRole('heading', { name: 'Sign in to Attune Webhooks' }).waitFor()
  }))

test('a page that nobody is at says so of what it asks for, and stops when somebody is back', () =>
  visiting(async ({ page, signIn }) => {
    await page.clock.install()
    await signIn(token)
    const asked = (isUnattended: boolean) =>
      page.waitForRequest(
        (request) =>
          request.url().includes('/api/v1/overview') &&
          (request.headers()['x-attune-unattended'] === '1') === isUnattended,
      )
    const attended = asked(false)
    await page.clock.runFor('04:00')
    await attended
    const unattended = asked(true)
    await page.clock.runFor('02:00')
    await unattended
    await page.mouse.move(100, 100)
    const back = asked(false)
    await page.clock.runFor('01:00')
    await back
  }))
