/**
 * A page of somebody else's in the browser of an administrator who is signed in. The one on another port of the same address is the worse
 * one: to a browser it is the same site, so that the cookie goes along with whatever it asks for.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { BrowserContext, Page } from 'playwright-core'
import type { Webhook } from '../support/binary.ts'
import type { Visit } from '../support/browser.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'

let under: ConsoleUnderTest
let webhook: Webhook
let foreign: Bun.Server<undefined>
let visit: Visit
let page: Page
let context: BrowserContext

beforeAll(async () => {
  under = await startConsole()
  webhook = await under.server.createTrigger('some.thing')
  await fetch(webhook.url, { method: 'POST', body: '{"private":true}' })
  foreign = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () =>
      new Response('<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>', {
        headers: { 'content-type': 'text/html' },
      }),
  })
  visit = await under.chromium.visit(under.server)
  ;({ context } = visit)
  await visit.signIn(under.token)
  page = await context.newPage()
})
afterAll(async () => {
  await visit.close()
  await foreign.stop(true)
  await under.close()
})

/** `localhost` is another site than the address it stands for. */
const PLACES = ['127.0.0.1', 'localhost'] as const

const visitForeign = async (host: string): Promise<void> => {
  await page.goto(`http://${host}:${foreign.port}/`)
  await page.getByRole('heading', { name: 'Elsewhere' }).waitFor()
}

/** What the console's data looks like to its administrator. Sessions and their use are left out: looking changes them. */
const everything = async (): Promise<string> => {
  const answers = await Promise.all(
    ['triggers', 'tokens', 'admin-audit-log', 'webhook-event-log'].map((list) =>
      under.server.api('GET', `/api/v1/${list}`),
    ),
  )
  return answers.map(({ text }) => text).join('\n')
}

const DISABLE = '/api/v1/triggers/some.thing/webhooks/disable'

/** Each is a script of the foreign page, with `base` for the console. What it is worth is whatever it could read. */
const ATTEMPTS: readonly (readonly [how: string, script: string])[] = [
  [
    'fetches the triggers',
    "fetch(base + '/api/v1/triggers', { credentials: 'include' }).then((it) => it.text())",
  ],
  [
    'fetches them without asking for leave',
    "fetch(base + '/api/v1/triggers', { credentials: 'include', mode: 'no-cors' }).then((it) => it.text())",
  ],
  [
    'follows the log',
    "fetch(base + '/api/v1/webhook-event-log/tail', { credentials: 'include', mode: 'no-cors' }).then((it) => it.text())",
  ],
  [
    'listens to the log as to events',
    `new Promise((resolve) => {
       const source = new EventSource(base + '/api/v1/webhook-event-log/tail', { withCredentials: true })
       source.onopen = () => resolve('opened')
       source.addEventListener('rows', (event) => resolve(event.data))
       source.onerror = () => { source.close(); resolve('') }
     })`,
  ],
  [
    'writes with the header of the console',
    `fetch(base + '${DISABLE}', { method: 'POST', credentials: 'include', headers: { 'x-attune-console': '1' } }).then((it) => it.text())`,
  ],
  [
    'writes without the header',
    `fetch(base + '${DISABLE}', { method: 'POST', credentials: 'include', mode: 'no-cors' }).then((it) => it.text())`,
  ],
  [
    'writes JSON that calls itself text',
    `fetch(base + '/api/v1/triggers', { method: 'POST', credentials: 'include', mode: 'no-cors',
       headers: { 'content-type': 'text/plain' }, body: '{"ref":"from.elsewhere"}' }).then((it) => it.text())`,
  ],
  [
    'deletes',
    "fetch(base + '/api/v1/triggers/some.thing', { method: 'DELETE', credentials: 'include' }).then((it) => it.text())",
  ],
  [
    'signs the administrator out',
    "fetch(base + '/api/v1/session', { method: 'DELETE', credentials: 'include' }).then((it) => it.text())",
  ],
  ['sends a beacon', `(navigator.sendBeacon(base + '${DISABLE}', '{}'), '')`],
  [
    'loads the data as a script',
    `new Promise((resolve) => {
       const script = document.createElement('script')
       script.src = base + '/api/v1/triggers'
       script.onload = () => resolve('loaded')
       script.onerror = () => resolve('')
       document.head.append(script)
     })`,
  ],
  [
    'loads it as a picture',
    `new Promise((resolve) => {
       const image = new Image()
       image.onload = () => resolve('loaded')
       image.onerror = () => resolve('')
       image.src = base + '/api/v1/webhook-event-log'
     })`,
  ],
  [
    'loads it as a style',
    `new Promise((resolve) => {
       const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: base + '/api/v1/triggers' })
       link.onload = () => resolve([...document.styleSheets].length + ' style sheets')
       link.onerror = () => resolve('')
       document.head.append(link)
     })`,
  ],
]

const tried = (script: string): Promise<unknown> =>
  page.evaluate(
    `(async () => { const base = '${under.server.adminUrl}'; try { return await ${script} } catch { return '' } })()`,
  )

describe.each(PLACES)('a page at another port of %s', (host) => {
  test(`asks ${host === 'localhost' ? 'without' : 'with'} the cookie, as browsers do, and is refused`, async () => {
    await visitForeign(host)
    const answered = page.waitForResponse((response) => response.url().startsWith(under.server.adminUrl))
    await tried("fetch(base + '/api/v1/triggers', { credentials: 'include', mode: 'no-cors' })")
    expect((await answered).status()).toBe(host === 'localhost' ? 401 : 403)
  })

  test.each(ATTEMPTS)('that %s learns nothing and changes nothing', async (_, script) => {
    const before = await everything()
    await visitForeign(host)
    expect(await tried(script)).toBe('')
    expect(await everything()).toBe(before)
  })

  test('that submits a form is answered with a refusal', async () => {
    const before = await everything()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      await visitForeign(host)
      const answer = page.waitForResponse((response) => response.url().endsWith(DISABLE))
      await page.evaluate(`{
        const form = Object.assign(document.createElement('form'),
          { method: 'post', action: '${under.server.adminUrl}${DISABLE}', enctype: '${type}' })
        form.append(Object.assign(document.createElement('input'), { name: '{"ref":"a', value: '"}' }))
        document.body.append(form)
        form.submit()
      }`)
      expect((await answer).status()).toBe(host === 'localhost' ? 401 : 403)
      await page.waitForURL(`**${DISABLE}`)
    }
    expect(await everything()).toBe(before)
  })

  test('cannot show the console in a frame', async () => {
    for (const path of ['/', '/triggers/some.thing', '/api/v1/triggers', '/sign-in']) {
      await visitForeign(host)
      await page.evaluate(`new Promise((resolve) => {
        const frame = Object.assign(document.createElement('iframe'), { src: '${under.server.adminUrl}${path}' })
        frame.onload = resolve
        document.body.append(frame)
      })`)
      const frame = page.frames().find((one) => one !== page.mainFrame())
      expect(frame?.url()).not.toStartWith(`${under.server.adminUrl}/`)
      expect(await frame?.locator('#root, pre').count()).toBe(0)
    }
  })

  test('that opens the console has no hold on its window', async () => {
    await visitForeign(host)
    const opened = context.waitForEvent('page')
    await page.evaluate(`void (window.opened = open('${under.server.adminUrl}/triggers'))`)
    const console = await opened
    await console.getByRole('heading', { level: 1 }).waitFor()
    expect(await console.evaluate<boolean>('window.opener === null')).toBe(true)
    expect(await page.evaluate<boolean>('window.opened.closed')).toBe(true)
    expect(await page.evaluate<string>("try { window.opened.document.title } catch { '' }")).toBeFalsy()
    await console.close()
  })
})

describe('a page of the console itself', () => {
  const status = (init: string) =>
    visit.page.evaluate<number>(`fetch('${DISABLE}', ${init}).then(({ status }) => status)`)

  test('is refused a change without the header of the console, and granted it with that', async () => {
    const before = await everything()
    expect(await status("{ method: 'POST' }")).toBe(403)
    expect(await status("{ method: 'POST', headers: { 'x-attune-console': '' } }")).toBe(403)
    expect(await everything()).toBe(before)
    expect(await status("{ method: 'POST', headers: { 'x-attune-console': '1' } }")).toBe(200)
    expect(await everything()).not.toBe(before)
  })

  test('is open and signed in as before, whatever was tried', async () => {
    await visit.open('/triggers/some.thing')
    await visit.page.getByRole('switch', { name: 'Enabled' }).waitFor()
    expect(visit.complaints()).toEqual([])
  })
})
