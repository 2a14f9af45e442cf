/** The console without a mouse: whatever is done here is done with keys, and where the focus is can be seen all the way. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Locator, Page } from 'playwright-core'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'

const STOPS_MAX = 60
const BODY = '{"zen":"Keep it logically awesome."}'

let under: ConsoleUnderTest

beforeAll(async () => {
  under = await startConsole()
})
afterAll(() => under.close())

const hasFocus = (target: Locator) => target.evaluate((it) => it === it.ownerDocument.activeElement)

/** What has the focus, in words, where it is not drawn around or not in sight; `null` where it is. */
const unseenFocus = (page: Page) =>
  page.evaluate<string | null>(`(() => {
    const focused = document.activeElement
    const isOutlined = (it) => it !== null && getComputedStyle(it).outlineStyle !== 'none' && parseFloat(getComputedStyle(it).outlineWidth) > 0
    const { top, bottom, left, right } = (focused.closest('label') ?? focused).getBoundingClientRect()
    const isDrawn = [focused, focused.parentElement, focused.closest('label')].some(isOutlined)
    const isInSight = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth
    return isDrawn && isInSight ? null : focused.outerHTML.slice(0, 200)
  })()`)

/** Presses Tab until `target` has the focus. @throws Error when it is not reached, or when a stop on the way is not to be seen */
async function tabTo(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await target.waitFor()
  for (let stops = 0; stops < STOPS_MAX; stops++) {
    await page.keyboard.press(key)
    const unseen = await unseenFocus(page)
    if (unseen !== null) throw new Error(`the focus is not to be seen at ${unseen}`)
    if (await hasFocus(target)) return
  }
  throw new Error(`not reached by ${key}: ${target}`)
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true })

/** Waits until the focus is where it belongs. */
const focusIsOn = async (target: Locator): Promise<void> => {
  await target.and(target.page().locator(':focus')).waitFor()
}

test('the way from the sign-in to the first webhook needs no mouse', async () => {
  const { server, chromium, token } = under
  const visit = await chromium.visit(server)
  const { page } = visit
  const { keyboard } = page

  await visit.open('/')
  await focusIsOn(page.getByLabel('Token'))
  await keyboard.type(token)
  await keyboard.press('Enter')

  await focusIsOn(page.getByRole('textbox', { name: 'Name' }))
  await keyboard.type('GitHub push')
  await tabTo(page, button(page, 'Create the trigger'))
  await keyboard.press('Enter')

  await focusIsOn(page.getByRole('searchbox', { name: 'Search senders' }))
  await keyboard.type('github')
  await keyboard.press('ArrowDown')
  await focusIsOn(page.getByRole('radio', { name: /^GitHub/ }).first())
  expect(await unseenFocus(page)).toBeNull()
  await page.getByRole('radio', { name: /^GitHub/, checked: true }).waitFor()
  await tabTo(page, button(page, 'Continue'))
  await keyboard.press('Enter')

  // Whoever hears the page is told that it has moved on.
  await focusIsOn(page.getByRole('heading', { name: 'Set it up at GitHub' }))
  await page.getByText('Waiting for the first webhook').waitFor()
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  const copied = async (region: string): Promise<string> => {
    await tabTo(page, page.getByRole('region', { name: region, exact: true }))
    await keyboard.press('Tab')
    expect(await unseenFocus(page)).toBeNull()
    await keyboard.press('Enter')
    await page.getByText('Copied').first().waitFor()
    return page.evaluate<string>('navigator.clipboard.readText()')
  }
  const url = await copied('Webhook URL')
  const secret = await copied('Secret')
  expect(url).toStartWith(server.receiverUrl)

  const signature = `sha256=${new Bun.CryptoHasher('sha256', secret).update(BODY).digest('hex')}`
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature }
  expect((await fetch(url, { method: 'POST', headers, body: BODY })).status).toBe(200)
  await page.getByText('Received', { exact: true }).waitFor()

  await tabTo(page, page.getByRole('link', { name: 'Look at the event' }))
  await keyboard.press('Enter')
  await page.getByRole('dialog').getByText('Keep it logically awesome.').first().waitFor()
  expect(visit.complaints()).toEqual([])
  await visit.close()
})

test('the first stop of a page leads past the navigation', () =>
  under.visiting(async ({ page, open }) => {
    await open('/triggers')
    const skip = page.getByRole('link', { name: 'Skip to the page' })
    await tabTo(page, skip)
    await page.keyboard.press('Enter')
    await focusIsOn(page.getByRole('main'))
    await tabTo(page, button(page, 'New trigger'))
    await page.keyboard.press('Shift+Tab')
    expect(await page.evaluate<boolean>('document.activeElement.closest("nav") === null')).toBe(true)
  }))

interface Opening {
  readonly name: string
  readonly path: string
  readonly opener: (page: Page) => Locator
  readonly opened?: 'dialog' | 'alertdialog' | 'menu' | 'listbox'
}

const REF = 'keyboard.trigger'

const OPENINGS: readonly Opening[] = [
  { name: 'new trigger', path: '/triggers', opener: (page) => button(page, 'New trigger') },
  { name: 'trigger, edited', path: `/triggers/${REF}`, opener: (page) => button(page, 'Edit') },
  {
    name: 'trigger, URL to be regenerated',
    path: `/triggers/${REF}`,
    opener: (page) => button(page, 'Regenerate'),
    opened: 'alertdialog',
  },
  {
    name: 'trigger, to be deleted',
    path: `/triggers/${REF}`,
    opener: (page) => button(page, 'Delete the trigger'),
    opened: 'alertdialog',
  },
  {
    name: 'attempt',
    path: `/log?trigger=${REF}`,
    opener: (page) => page.locator('tbody').getByRole('button').first(),
  },
  {
    name: 'event',
    path: `/events?trigger=${REF}`,
    opener: (page) => page.locator('tbody').getByRole('button').first(),
  },
  { name: 'new token', path: '/settings/tokens', opener: (page) => button(page, 'New token') },
  { name: 'export', path: '/log', opener: (page) => button(page, 'Export'), opened: 'menu' },
  {
    name: 'account',
    path: '/log',
    opener: (page) => page.getByRole('banner').getByRole('button').last(),
    opened: 'menu',
  },
]

test.each(OPENINGS)('$name opens by Enter, closes by Escape, and gives the focus back', async (opening) => {
  const { server, visiting } = under
  const exists = (await server.api('GET', `/api/v1/triggers/${REF}`)).status === 200
  if (!exists) {
    const { url } = await server.createTrigger(REF)
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(200)
  }
  await visiting(async ({ page, open }) => {
    await open(opening.path)
    const opener = opening.opener(page)
    await tabTo(page, opener)
    await page.keyboard.press('Enter')
    const dialog = page.getByRole(opening.opened ?? 'dialog')
    await dialog.waitFor()
    // Nothing behind it is reached as long as it is open.
    await page.keyboard.press('Tab')
    await page.keyboard.press('Shift+Tab')
    if (opening.opened !== 'menu') {
      await dialog
        .locator(':focus')
        .or(dialog.and(page.locator(':focus')))
        .first()
        .waitFor()
    }
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    await focusIsOn(opener)
    expect(await unseenFocus(page)).toBeNull()
  })
})
