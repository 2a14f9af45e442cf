/** The path of a sender to its first webhook, where it does not go straight. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { type Installation, install, type Server } from '../support/binary.ts'
import { adminToken, type Chromium, startChromium, type Visit } from '../support/browser.ts'

const BODY = '{"zen":"Approachable is better than simple."}'
const SECRET = 'canary-secret-0123456789'

let installation: Installation
let server: Server
let chromium: Chromium
let visit: Visit

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  chromium = await startChromium()
  visit = await chromium.visit(server)
  await visit.signIn(adminToken(installation.dataDirectory))
})
afterAll(async () => {
  await chromium.close()
  await installation.dispose()
})

async function ask<T>(method: string, path: string, json?: object): Promise<T> {
  const answer = await fetch(server.adminUrl + path, {
    method,
    headers: {
      authorization: `Bearer ${adminToken(installation.dataDirectory)}`,
      'content-type': 'application/json',
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}`)
  return ((await answer.json()) as { data: T }).data
}

async function send(url: string, header: string, secret: string): Promise<number> {
  const digits = createHmac('sha256', secret).update(BODY).digest('hex')
  const headers = {
    'content-type': 'application/json',
    [header]: header === 'x-nylas-signature' ? digits : `sha256=${digits}`,
  }
  return (await fetch(url, { method: 'POST', headers, body: BODY })).status
}

describe('a trigger that has received before', () => {
  const header = 'x-hub-signature-256'
  let url = ''

  test('waits for what comes after its page was opened', async () => {
    await ask('POST', '/api/v1/triggers', { ref: 'with.history' })
    const path = '/api/v1/triggers/with.history/webhooks'
    ;({ webhook_url: url } = await ask<{ webhook_url: string }>('POST', `${path}/enable`))
    await ask('PUT', `${path}/verification`, { scheme: 'github', secret: SECRET })
    expect([await send(url, header, SECRET), await send(url, header, 'another')]).toEqual([200, 401])
    // Whatever came before the last change of the trigger is of another time.
    await ask('PATCH', '/api/v1/triggers/with.history', { label: 'Set up anew' })
    const { page, open } = visit
    await open('/triggers?connect=with.history&sender=github')
    await page.getByText('Waiting for the first webhook').waitFor()
    await page.getByRole('heading', { name: 'First webhook' }).waitFor()
    expect(await page.getByText('Received', { exact: true }).count()).toBe(0)
    expect(await page.getByText(/was refused with/).count()).toBe(0)
  })

  test('says why one is refused, that one is received, and of a later refusal beside it', async () => {
    const { page } = visit
    expect(await send(url, header, 'not the secret')).toBe(401)
    await page.getByText('It came, and was refused with 401').waitFor()
    expect(await send(url, header, SECRET)).toBe(200)
    await page.getByText('Received', { exact: true }).waitFor()
    expect(await page.getByText(/was refused with/).count()).toBe(0)
    expect(await send(url, header, 'not the secret')).toBe(401)
    await page.getByText('A later one was refused with 401').waitFor()
    expect(await page.getByText('Received', { exact: true }).count()).toBe(1)
  })
})

describe('a sender that checks the URL before it shows its secret', () => {
  let url = ''

  test('has its check answered, and nothing else is accepted', async () => {
    const { page, open } = visit
    await ask('POST', '/api/v1/triggers', { ref: 'nylas.grants' })
    await open('/triggers?connect=nylas.grants')
    await page.getByRole('searchbox', { name: 'Search senders' }).fill('nylas')
    await page.getByText('Nylas', { exact: true }).first().click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Waiting for the first webhook').waitFor()
    const webhook = await ask<{ webhook_url: string }>('GET', '/api/v1/triggers/nylas.grants')
    url = webhook.webhook_url
    const answer = await fetch(`${url}?challenge=canary-token`)
    expect([answer.status, await answer.text()]).toEqual([200, 'canary-token'])
    await page.getByText('The sender has checked the URL').waitFor()
    expect([await send(url, 'x-nylas-signature', SECRET), await send(url, 'x-nylas-signature', '')]).toEqual([
      401, 401,
    ])
  })

  test('is received once its secret is here', async () => {
    const { page } = visit
    await page.getByLabel('Secret', { exact: true }).fill(SECRET)
    await page.getByRole('button', { name: 'Save and switch on' }).click()
    await page.getByText('Saved here. It is not shown again.').waitFor()
    expect(await send(url, 'x-nylas-signature', SECRET)).toBe(200)
    await page.getByText('Received', { exact: true }).waitFor()
    expect(await send(url, 'x-nylas-signature', 'another')).toBe(401)
    expect((await page.content()).includes(SECRET)).toBe(false)
  })
})

test('the ref of a trigger that is just being made is never said to be taken; one that is taken is', async () => {
  const { page, open } = visit
  await open('/triggers')
  await page.getByRole('button', { name: 'New trigger' }).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('Ref').fill('with.history')
  await form.getByText('is taken by another trigger').waitFor()
  await page.evaluate(
    "window.flashes = 0; new MutationObserver(() => { if (document.body.innerText.includes('is taken by')) window.flashes++ }).observe(document.body, { childList: true, subtree: true, characterData: true })",
  )
  await form.getByLabel('Ref').fill('free.ref')
  await form.getByText('is taken by another trigger').waitFor({ state: 'detached' })
  await page.evaluate('window.flashes = 0')
  await form.getByRole('button', { name: 'Create the trigger' }).click()
  await page.getByText('Who sends?').waitFor()
  expect(await page.evaluate<number>('window.flashes')).toBe(0)
})

test('triggers that are loaded later stand in the same table, under one heading', async () => {
  for (let number = 0; number < 60; number++)
    await ask('POST', '/api/v1/triggers', { ref: `many.t${number}` })
  const { page, open } = visit
  await open('/triggers')
  await page.getByRole('button', { name: 'Load more' }).click()
  await page.getByRole('link', { name: 'with.history' }).waitFor()
  expect(await page.getByRole('columnheader', { name: 'Trigger', exact: true }).count()).toBe(1)
  expect(await page.getByRole('row').count()).toBe(64)
  expect(visit.complaints()).toEqual([])
})
