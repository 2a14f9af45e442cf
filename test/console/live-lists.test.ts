/** The event log and the events in a browser: as they arrive, what is between, and as files. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { Page } from 'playwright-core'
import type { Webhook } from '../support/binary.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'

const SECRET = 'the-secret-of-the-sender-0123456789'

let under: ConsoleUnderTest
let webhook: Webhook

beforeAll(async () => {
  under = await startConsole()
  webhook = await under.server.createTrigger('some.thing', { secret: SECRET })
}, 60_000)
afterAll(() => under.close())

async function send(body: string, key = SECRET, more: Record<string, string> = {}): Promise<number> {
  const digest = createHmac('sha256', key).update(body).digest('hex')
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${digest}`, ...more }
  return (await fetch(webhook.url, { method: 'POST', headers, body })).status
}

const rowsOf = (page: Page, table: string) =>
  page.getByRole('region', { name: table, exact: true }).locator('tbody tr')

/** Waits until so many are shown: a test fails by its time-out. */
const shows = (page: Page, table: string, count: number) =>
  rowsOf(page, table)
    .nth(count - 1)
    .waitFor({ timeout: 10_000 })

async function savedAs(page: Page, format: string) {
  await page.getByRole('button', { name: 'Export' }).click()
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: format }).click(),
  ])
  return { name: download.suggestedFilename(), text: await Bun.file(await download.path()).text() }
}

test(
  'what arrives between an empty list and its stream is shown',
  () =>
    under.visiting(async ({ page, open }) => {
      for (const [path, table] of [
        ['/log?text=between', 'Attempts'],
        ['/events?path=between&value=1', 'Events'],
      ] as const) {
        let isHeld = true
        let release = () => {}
        const held = new Promise<void>((resolve) => {
          release = resolve
        })
        await page.route('**/webhook-event-log/tail**', async (route) => {
          if (isHeld) await held
          isHeld = false
          await route.continue()
        })
        await open(path)
        await page.getByText(/fits these filters/).waitFor()
        if (table === 'Events') expect(await send('{"between":1}')).toBe(200)
        // A text that the log looks through, so that this attempt fits.
        expect(
          await fetch(webhook.url, { method: 'POST', headers: { 'user-agent': 'between' }, body: '{}' }),
        ).toMatchObject({ status: 401 })
        release()
        await shows(page, table, 1)
        await page.unroute('**/webhook-event-log/tail**')
      }
    }),
  60_000,
)

test(
  'an attempt that was stored after a later one, between the list and its stream, is shown',
  () =>
    under.visiting(async ({ page, open }) => {
      const late = '/log?text=stored-late'
      for (let count = 0; count < 3; count += 1) {
        await fetch(webhook.url, { method: 'POST', headers: { 'user-agent': 'stored-late' }, body: '{}' })
      }
      let isFirst = true
      await page.route('**/api/v1/webhook-event-log?**', async (route) => {
        const response = await route.fetch()
        const { data, next_cursor } = (await response.json()) as { data: unknown[]; next_cursor: null }
        const rows = isFirst ? data.filter((_, place) => place !== 1) : data
        isFirst = false
        await route.fulfill({ response, json: { data: rows, next_cursor } })
      })
      await open(late)
      await shows(page, 'Attempts', 3)
      expect(await rowsOf(page, 'Attempts').count()).toBe(3)
    }),
  60_000,
)

test(
  'events arrive live, wait while the page is paused, and are shown when it goes on',
  () =>
    under.visiting(async ({ page, open }) => {
      await open('/events')
      await page.getByText('Live', { exact: true }).waitFor()
      const before = await rowsOf(page, 'Events').count()
      expect(await send('{"n":1}')).toBe(200)
      await shows(page, 'Events', before + 1)
      await page.getByRole('button', { name: 'Pause' }).click()
      expect([await send('{"n":2}'), await send('{"n":3}'), await send('{}', 'another')]).toEqual([
        200, 200, 401,
      ])
      await page.getByText('Paused, 2 events wait').waitFor()
      expect(await rowsOf(page, 'Events').count()).toBe(before + 1)
      await page.getByRole('button', { name: 'Resume' }).click()
      await shows(page, 'Events', before + 3)
    }),
  60_000,
)

test(
  'a search in payloads is live too, and shows only what fits',
  () =>
    under.visiting(async ({ page, open }) => {
      await open('/events?path=n&value=7')
      await page.getByText('Live', { exact: true }).waitFor()
      expect([await send('{"n":8}'), await send('{"n":7}')]).toEqual([200, 200])
      await shows(page, 'Events', 1)
      expect(await rowsOf(page, 'Events').count()).toBe(1)
    }),
  60_000,
)

test(
  'events are found by a text of their headers, live too, and by a link that has it',
  () =>
    under.visiting(async ({ page, open }) => {
      await open('/events')
      await page.getByRole('searchbox', { name: 'Text' }).fill('X-Kind: Sought')
      await page.getByText('No event fits these filters').waitFor()
      expect([await send('{}'), await send('{}', SECRET, { 'x-kind': 'sought' })]).toEqual([200, 200])
      await shows(page, 'Events', 1)
      await page.reload()
      await shows(page, 'Events', 1)
      expect(await rowsOf(page, 'Events').count()).toBe(1)
      expect(new URL(page.url()).searchParams.get('text')).toBe('X-Kind: Sought')
    }),
  60_000,
)

test(
  'more events than a page holds leave no hole',
  () =>
    under.visiting(async ({ page, open }) => {
      await open('/events')
      await page.getByText('Live', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Pause' }).click()
      const statuses = await Promise.all(Array.from({ length: 130 }, (_, many) => send(`{"many":${many}}`)))
      expect(new Set(statuses)).toEqual(new Set([200]))
      await page.getByText(/Paused, 100/).waitFor()
      await page.getByRole('button', { name: 'Resume' }).click()
      await shows(page, 'Events', 100)
      await page.getByRole('button', { name: 'Load older' }).click()
      await shows(page, 'Events', 131)
      const { json } = await under.server.api('GET', '/api/v1/events?limit=500&view=summary')
      await shows(page, 'Events', json.data.length)
    }),
  60_000,
)

test(
  'both lists are saved as files, with the filters of the page',
  () =>
    under.visiting(async ({ page, open }) => {
      await open('/log?outcome=refused')
      const log = await savedAs(page, 'As NDJSON')
      expect(log.name).toMatch(/^webhook-event-log-\d{8}T\d{6}Z\.ndjson$/)
      const rows = log.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { error_code: string })
      expect(new Set(rows.map(({ error_code }) => error_code))).toEqual(
        new Set(['signature_invalid', 'signature_missing']),
      )
      await open('/events?path=n&value=2')
      await shows(page, 'Events', 1)
      const events = await savedAs(page, 'As CSV')
      expect(events.name).toMatch(/^events-\d{8}T\d{6}Z\.csv$/)
      expect(events.text.trim().split('\r\n').length).toBe(2)
      expect(events.text).toContain('"{""n"":2}"')
    }),
  60_000,
)

test(
  'the bytes that were refused are shown, and it is said when they are not kept',
  () =>
    under.visiting(async ({ page, open }) => {
      expect(await send('{"refused":"<b>x</b>"}', 'another')).toBe(401)
      await open('/log?outcome=refused')
      await rowsOf(page, 'Attempts').first().click()
      await page.getByRole('tab', { name: 'Raw' }).click()
      await page.getByText('{"refused":"<b>x</b>"}').first().waitFor()
      const path = '/api/v1/triggers/some.thing/webhooks/rejected-bodies'
      expect((await under.server.api('DELETE', path)).status).toBe(200)
      await page.reload()
      await page.getByText('The body is not kept').waitFor()
    }),
  60_000,
)
