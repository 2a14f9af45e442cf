/** The test tool: what it takes up, what it sends through the real receiver, and what it says of each check. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { Page } from 'playwright-core'
import type { Webhook } from '../support/binary.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'

const SECRET = 'canary-of-the-tested-0123456789'
const BODY = '{"zen":"Anything added dilutes everything else.","n":1.0}'
/** No text, and with the byte that no field of a page holds. */
const BINARY = Uint8Array.from([0, 255, 254, 13, 10, 128])

let under: ConsoleUnderTest
let webhook: Webhook

beforeAll(async () => {
  under = await startConsole()
  webhook = await under.server.createTrigger('tested', { secret: SECRET })
})
afterAll(() => under.close())

/** @returns the id of the attempt */
async function deliver(body: string | Uint8Array<ArrayBuffer>, agent: string): Promise<string> {
  const digest = createHmac('sha256', SECRET).update(body).digest('hex')
  const response = await fetch(webhook.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/vnd.canary+json',
      'x-hub-signature-256': `sha256=${digest}`,
      'x-kind': 'push',
      'user-agent': agent,
    },
    body,
  })
  expect(response.status).toBe(200)
  return response.headers.get('x-request-id') ?? ''
}

async function takeRecorded(page: Page, search: string): Promise<void> {
  await page.getByRole('combobox', { name: 'Take a recorded request' }).fill(search)
  const options = page.getByRole('option')
  await options.first().waitFor()
  await options.nth(1).waitFor({ state: 'detached' })
  await options.first().click()
  await page.getByText('Recorded attempt', { exact: true }).waitFor()
}

const send = (page: Page) => page.getByRole('button', { name: 'Send through the receiver' }).click()

/** What became of the test, by the way into the event log that the page shows. */
async function sentAs(page: Page): Promise<Record<string, unknown>> {
  const href = await page.getByRole('link', { name: 'Open it in the event log' }).getAttribute('href')
  const id = new URL(href ?? '', webhook.url).searchParams.get('row')
  return (await under.server.api('GET', `/api/v1/webhook-event-log/${id}`)).json.data
}

const bodyOf = async (eventId: unknown): Promise<Uint8Array> => {
  const response = await fetch(`${under.server.adminUrl}/api/v1/events/${eventId}/body`, {
    headers: { authorization: `Bearer ${under.token}` },
  })
  return new Uint8Array(await response.arrayBuffer())
}

test('a recorded request is found among those of the trigger, and sent again as it was, newly signed', () =>
  under.visiting(async ({ page, open }) => {
    const id = await deliver(BODY, 'sender-of-text/1')
    await deliver('{"another":true}', 'another-sender/1')
    await open('/test?trigger=tested')
    await takeRecorded(page, 'sender-of-text')
    expect(new URL(page.url()).searchParams.get('from')).toBe(id)
    expect(await page.getByLabel('Body').inputValue()).toBe(BODY)
    expect(await page.getByLabel('Content type').inputValue()).toBe('application/vnd.canary+json')
    expect(await page.getByLabel('Headers').inputValue()).toContain('x-kind: push')
    await send(page)
    await page.getByText('Accepted and stored').waitFor()
    const row = await sentAs(page)
    expect(row).toMatchObject({ status_code: 200, hmac_verified: true })
    expect(row['id']).not.toBe(id)
    expect(Buffer.from(await bodyOf(row['event_id'])).toString()).toBe(BODY)
  }))

test('a recorded body that is no text is sent in its exact bytes', () =>
  under.visiting(async ({ page, open }) => {
    await deliver(BINARY, 'sender-of-bytes/1')
    await open('/test?trigger=tested')
    await takeRecorded(page, 'sender-of-bytes')
    await page.getByText('its exact bytes are sent').waitFor()
    await send(page)
    await page.getByText('Accepted and stored').waitFor()
    const row = await sentAs(page)
    expect(await bodyOf(row['event_id'])).toEqual(BINARY)
  }))

test('with a wrong secret each check says what it found, and the last one why it refuses', () =>
  under.visiting(async ({ page, open }) => {
    await open('/test?trigger=tested')
    await page.getByLabel('Another secret').fill('canary-that-is-wrong-0123456789')
    await send(page)
    await page.getByText('Refused: signature_invalid').waitFor()
    const said = await page.getByRole('list', { name: 'Checks' }).getByRole('listitem').allInnerTexts()
    expect(said.map((text) => /passed|refused|off|not reached/.exec(text)?.[0])).toEqual([
      'passed',
      'passed',
      'off',
      'off',
      'refused',
      'not reached',
    ])
    expect(await sentAs(page)).toMatchObject({ status_code: 401, event_id: null })
  }))

test('what is changed in a sample is what is sent, with the headers and the scheme that were chosen', () =>
  under.visiting(async ({ page, open }) => {
    await open('/test?trigger=tested')
    await page.getByRole('combobox', { name: "Take a sender's sample" }).fill('gitea')
    await page
      .getByRole('option', { name: /^Gitea/ })
      .first()
      .click()
    await page.getByText('A request as Gitea sends it').waitFor()
    await page.getByLabel('Body').fill('{"changed":"here"}')
    await send(page)
    await page.getByText('Accepted and stored').waitFor()
    const row = await sentAs(page)
    expect(Buffer.from(await bodyOf(row['event_id'])).toString()).toBe('{"changed":"here"}')
    await page.getByRole('combobox', { name: 'Scheme' }).fill('stripe')
    await page
      .getByRole('option', { name: /^Stripe/ })
      .first()
      .click()
    await send(page)
    await page.getByText('Refused: signature_missing').waitFor()
  }))
