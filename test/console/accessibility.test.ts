/** Whoever hears the console, magnifies it or uses it without a mouse has every page of it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { violationsOf } from '../support/axe.ts'
import { type Installation, install, type Server } from '../support/binary.ts'
import { adminToken, type Chromium, startChromium, type Visit } from '../support/browser.ts'
import { type ConsoleData, fillConsole } from '../support/console-data.ts'
import { EMPTY_STATES, FILLED_STATES, type State, VIEWER_STATES } from './states.ts'

const UI = join(import.meta.dir, '../../src/ui')
const HEIGHT_PX = 860
const WIDTH_PX = 1_280

let installation: Installation
let server: Server
let chromium: Chromium
let admin: Visit
let data: ConsoleData = { accepted: '', refused: '', binary: '' }

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  chromium = await startChromium()
  admin = await chromium.visit(server)
})
afterAll(async () => {
  await chromium.close()
  await installation.dispose()
})

/** Goes there, and says what is wrong with what it shows. */
async function look({ page }: Visit, { path, reach, widthPx = WIDTH_PX }: State): Promise<readonly string[]> {
  if (page.viewportSize()?.width !== widthPx)
    await page.setViewportSize({ width: widthPx, height: HEIGHT_PX })
  await page.goto(server.adminUrl + (typeof path === 'string' ? path : path(data)))
  await reach(page)
  return violationsOf(page)
}

const named = (states: readonly State[]) => states.map((state) => [state.name, state] as const)

describe('axe-core finds nothing against', () => {
  test('the sign-in, and what it says of a wrong token', async () => {
    const { page, open } = admin
    await open('/')
    expect(await violationsOf(page)).toEqual([])
    await page.getByLabel('Token').fill('not-the-token-0123456789-0123456789')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    expect(await violationsOf(page)).toEqual([])
    await admin.signIn(adminToken(installation.dataDirectory))
  })

  test.each(named(EMPTY_STATES))('%s', async (_, state) => {
    expect(await look(admin, state)).toEqual([])
  })

  test('any step from an empty console to the first webhook', async () => {
    const { page, open } = admin
    await open('/')
    await page.getByRole('textbox', { name: 'Ref' }).fill('Not a ref')
    await page.locator('[aria-invalid="true"]').waitFor()
    expect(await violationsOf(page)).toEqual([])
    await page.getByRole('textbox', { name: 'Ref' }).fill('')
    await page.getByRole('textbox', { name: 'Name' }).fill('First one')
    await page.getByRole('button', { name: 'Create the trigger' }).click()
    await page.getByRole('radiogroup', { name: 'Sender' }).waitFor()
    expect(await violationsOf(page)).toEqual([])
    await page.getByRole('searchbox', { name: 'Search senders' }).fill('github')
    await page
      .getByRole('radio', { name: /GitHub/ })
      .first()
      .check()
    expect(await violationsOf(page)).toEqual([])
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Waiting for the first webhook').waitFor()
    expect(await violationsOf(page)).toEqual([])
    const url = (await page.getByRole('region', { name: 'Webhook URL' }).textContent())?.trim() ?? ''
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401)
    await page.getByText('It came, and was refused').waitFor()
    expect(await violationsOf(page)).toEqual([])
    await page.getByRole('button', { name: 'Send a test webhook' }).click()
    await page.getByText('Received', { exact: false }).first().waitFor()
    expect(await violationsOf(page)).toEqual([])
  })

  test('what a sender shows only once it has the URL, and is entered here', async () => {
    const { page, open } = admin
    await open('/triggers?connect=first.one')
    await page.getByRole('searchbox', { name: 'Search senders' }).fill('stripe')
    await page
      .getByRole('radio', { name: /Stripe/ })
      .first()
      .check()
    expect(await violationsOf(page)).toEqual([])
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Save and switch on' }).waitFor()
    expect(await violationsOf(page)).toEqual([])
  })

  describe('an admin', () => {
    beforeAll(async () => {
      data = await fillConsole(server)
    })

    test.each(named(FILLED_STATES))('%s', async (_, state) => {
      expect(await look(admin, state)).toEqual([])
    })
  })

  describe('a viewer', () => {
    let viewer: Visit
    beforeAll(async () => {
      viewer = await chromium.visit(server)
      const token = await server.api('POST', '/api/v1/tokens', { name: 'reader', role: 'viewer' })
      await viewer.signIn(token.json.data.token)
    })
    afterAll(() => viewer.close())

    test.each(named(VIEWER_STATES))('%s', async (_, state) => {
      expect(await look(viewer, state)).toEqual([])
    })
  })

  // The answers are those of the server; what leads to them is tested where they are made.
  describe('a page whose server', () => {
    const problem = (status: number, code: string) => ({
      status,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        type: `urn:attune-webhooks:problem:${code}`,
        title: code,
        status,
        detail: code,
        code,
      }),
    })

    test.each([
      '/',
      '/triggers',
      '/triggers/github.push',
      '/log',
      '/events',
      '/settings/tokens',
      '/settings/about',
    ])('refuses it, at %s', async (path) => {
      const { page } = admin
      await page.route(/\/api\/v1\/(?!session)/, (route) => route.fulfill(problem(403, 'role_insufficient')))
      await page.goto(server.adminUrl + path)
      await page.getByText('Your token may not do this').first().waitFor()
      const found = await violationsOf(page)
      await page.unrouteAll()
      expect(found).toEqual([])
    })

    test('has lost its database', async () => {
      const { page } = admin
      await page.route(/\/api\/v1\/(?!session)/, (route) => route.fulfill(problem(503, 'store_unavailable')))
      await page.goto(`${server.adminUrl}/settings/configuration`)
      await page.getByText('The database is away').first().waitFor()
      const found = await violationsOf(page)
      await page.unrouteAll()
      expect(found).toEqual([])
    })

    // The browser complains of what did not arrive, as it should: somebody else looks at it.
    test('is not reached', async () => {
      const nobody = await chromium.visit(server)
      await nobody.page.route(/\/api\/v1\//, (route) => route.abort())
      await nobody.page.goto(server.adminUrl)
      await nobody.page.getByText('The server does not answer').first().waitFor()
      const found = await violationsOf(nobody.page)
      await nobody.close()
      expect(found).toEqual([])
    })
  })
})

test('a list that is left by Tab closes, and nothing that has the focus is hidden', async () => {
  const { page } = admin
  await page.goto(`${server.adminUrl}/log`)
  await page.getByRole('combobox', { name: 'Trigger', exact: true }).click()
  await page.getByRole('option').first().waitFor()
  await page.keyboard.press('Tab')
  await page.getByRole('option').first().waitFor({ state: 'hidden' })
  const hidden = await page.evaluate<boolean>(
    'document.activeElement.closest(\'[aria-hidden="true"]\') !== null',
  )
  const isSomewhere = await page.evaluate<boolean>('document.activeElement !== document.body')
  expect({ hidden, isSomewhere }).toEqual({ hidden: false, isSomewhere: true })
})

describe('nothing is left out:', () => {
  const states = [...EMPTY_STATES, ...FILLED_STATES, ...VIEWER_STATES]

  test('every route of the console has states', () => {
    const app = readFileSync(join(UI, 'app.tsx'), 'utf8')
    const routes = Array.from(app.matchAll(/<Route path="([^"]+)"/g), ([, path = '']) => path)
    expect(routes.length).toBeGreaterThan(5)
    const paths = states.map(
      ({ path }) => new URL(typeof path === 'string' ? path : path(data), 'http://console').pathname,
    )
    const missing = routes.filter((route) => {
      const pattern = new RegExp(`^${route.replace('/*?', '(/.*)?').replaceAll(/:[a-z]+/g, '[^/]+')}$`)
      return !paths.some((path) => pattern.test(path))
    })
    expect(missing).toEqual([])
  })

  test('every tab of the settings has states', () => {
    const settings = readFileSync(join(UI, 'pages/settings.tsx'), 'utf8')
    const tabs = Array.from(settings.matchAll(/value: '([a-z]+)', label/g), ([, tab]) => `/settings/${tab}`)
    expect(tabs.length).toBeGreaterThan(3)
    expect(tabs.filter((tab) => !states.some(({ path }) => path === tab))).toEqual([])
  })

  test('every file that opens a dialog, a drawer, a menu or a list to choose from has a state that opens it', () => {
    const OPENS = /<(Dialog|ConfirmDialog|Drawer|Combobox|Menu\.Root|Popover\.Root)\b/
    const files = readdirSync(UI, { recursive: true, encoding: 'utf8' }).filter(
      (path) =>
        path.endsWith('.tsx') && !path.startsWith('kit/') && OPENS.test(readFileSync(join(UI, path), 'utf8')),
    )
    expect(files.length).toBeGreaterThan(9)
    const covered = new Set(states.map(({ opens }) => opens))
    expect(files.filter((path) => !covered.has(path))).toEqual([])
  })
})

test('nothing went wrong in the browser on the way', () => {
  expect(admin.complaints()).toEqual([])
})
