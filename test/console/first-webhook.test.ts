/** From an empty console to the first webhook, and from a refusal to its cause, as somebody does it who has never seen the product. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { type Installation, install, type Server } from '../support/binary.ts'
import { adminToken, type Chromium, startChromium, type Visit } from '../support/browser.ts'

const BODY = '{"zen":"Keep it logically awesome."}'

let installation: Installation
let server: Server
let chromium: Chromium
let visit: Visit
let url = ''
let secret = ''

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  chromium = await startChromium()
  visit = await chromium.visit(server)
})
afterAll(async () => {
  await chromium.close()
  await installation.dispose()
})

const send = (key: string) =>
  fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(BODY).digest('hex')}`,
    },
    body: BODY,
  })

test('an empty console leads to a URL and a secret for the sender', async () => {
  const { page, signIn } = visit
  await signIn(adminToken(installation.dataDirectory))
  await page.getByRole('heading', { name: 'Receive your first webhook' }).waitFor()
  await page.getByRole('textbox').first().fill('github.push')
  await page.getByRole('button', { name: /Continue|Create/ }).click()
  await page.getByText('GitHub', { exact: true }).first().click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('Waiting for the first webhook').waitFor()
  url = (await page.getByRole('region', { name: /URL/ }).first().textContent())?.trim() ?? ''
  secret =
    (
      await page
        .getByRole('region', { name: /Secret/ })
        .first()
        .textContent()
    )?.trim() ?? ''
  expect(url).toStartWith(server.receiverUrl)
  expect(secret).toMatch(/^[0-9a-f]{64}$/)
})

test('the first webhook of the sender shows on the page as it arrives', async () => {
  expect((await send(secret)).status).toBe(200)
  await visit.page
    .getByText(/received/i)
    .first()
    .waitFor()
})

test('the secret is nowhere once the page is left', async () => {
  const { page, open } = visit
  const answers: string[] = []
  page.on('response', async (response) => answers.push(await response.text().catch(() => '')))
  for (const path of [
    '/triggers/github.push?tab=checks',
    '/triggers?connect=github.push&sender=github',
    '/settings/changes',
  ]) {
    await open(path)
    expect(await page.content()).not.toContain(secret)
  }
  expect(answers.join('')).not.toContain(secret)
  const kept = await page.evaluate<string>(
    'JSON.stringify({ ...localStorage, ...sessionStorage }) + location.href',
  )
  expect(kept).not.toContain(secret)
})

test('why a webhook was refused is two clicks away', async () => {
  const { page, open } = visit
  expect((await send('not the secret')).status).toBe(401)
  await open('/')
  await page.getByRole('link', { name: 'Event log' }).click()
  await page
    .getByRole('button', { name: /ago|just now/ })
    .first()
    .click()
  const drawer = page.getByRole('dialog')
  await drawer.getByText('Signature invalid').first().waitFor()
  await drawer.getByRole('list', { name: 'Checks' }).getByText('refused').waitFor()
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'hidden' })
  expect(visit.complaints()).toEqual([])
})
