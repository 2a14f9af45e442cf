/** The editor of verification: what it says beforehand, what the receiver does afterwards, and that the secret is nowhere once it was shown. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { Page } from 'playwright-core'
import { type Installation, install, type Server } from '../support/binary.ts'
import { adminToken, type Chromium, startChromium, type Visit } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'

const BODY = '{"zen":"Speak like a human."}'
const OBEYS_MS_MAX = 1_000
const FORMER = 'canary-former-0123456789'
const ENTERED = 'canary-entered-0123456789'

let installation: Installation
let server: Server
let chromium: Chromium
let visit: Visit
let page: Page
const answers: string[] = []

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  chromium = await startChromium()
  visit = await chromium.visit(server)
  await visit.signIn(adminToken(installation.dataDirectory))
  ;({ page } = visit)
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

/** Of a trigger that verifies as GitHub signs. */
async function sender(ref: string) {
  await ask('POST', '/api/v1/triggers', { ref })
  await ask('PUT', `/api/v1/triggers/${ref}/webhooks/verification`, { scheme: 'github', secret: FORMER })
  const { webhook_url: url } = await ask<{ webhook_url: string }>(
    'POST',
    `/api/v1/triggers/${ref}/webhooks/enable`,
  )
  return async (header: string | null, secret = FORMER): Promise<number> => {
    const digits = createHmac('sha256', secret).update(BODY).digest('hex')
    const proof =
      header === null ? {} : { [header]: header === 'x-gitea-signature' ? digits : `sha256=${digits}` }
    const { status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...proof },
      body: BODY,
    })
    return status
  }
}

const GITHUB = 'x-hub-signature-256'
const GITEA = 'x-gitea-signature'

const dialog = () => page.getByRole('dialog', { name: 'Verification', exact: true })
const preview = () => dialog().getByRole('region', { name: 'What it would have meant' })
const save = () => dialog().getByRole('button', { name: /^Save/ })

async function edit(ref: string): Promise<void> {
  await visit.open(`/triggers/${ref}?tab=checks`)
  await page.getByRole('button', { name: /(Set|Change) verification/ }).click()
  await dialog().waitFor()
}

async function choose(words: string, title: RegExp): Promise<void> {
  await dialog().getByRole('combobox', { name: 'Scheme' }).fill(words)
  await page.getByRole('option', { name: title }).click()
}

async function schemeOf(ref: string): Promise<unknown> {
  return (await ask<{ scheme: unknown }>('GET', `/api/v1/triggers/${ref}/webhooks/verification`)).scheme
}

/** Everything that a page leaves behind, and that somebody could read after it. */
async function leftBehind(): Promise<string> {
  const kept = await page.evaluate<string>(
    'JSON.stringify({ ...localStorage, ...sessionStorage, ...history.state }) + location.href + document.cookie',
  )
  const fields = await page.evaluate<string>(
    "[...document.querySelectorAll('input, textarea')].map(({ value }) => value).join()",
  )
  return kept + fields + (await page.content())
}

describe('a secret that is made here', () => {
  let send: Awaited<ReturnType<typeof sender>>
  let secret = ''

  test('is told of beforehand: what the former one signed would be refused', async () => {
    send = await sender('made.here')
    expect([await send(GITHUB), await send(GITHUB), await send(null)]).toEqual([200, 200, 401])
    await edit('made.here')
    await choose('Gitea', /^Gitea/)
    await preview().getByText('2 attempts that were accepted would be refused').waitFor()
    await dialog().getByText('The secrets of now end at once').waitFor()
    expect(await schemeOf('made.here')).toBe('github')
    expect(await send(GITHUB)).toBe(200)
  })

  test('is shown once, and asked for by the receiver within a second', async () => {
    await save().click()
    const shown = page.getByRole('dialog', { name: 'The new secret' })
    secret = ((await shown.getByRole('region', { name: 'Secret' }).textContent()) ?? '').trim()
    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    await eventually(async () => (await send(GITEA, secret)) === 200, OBEYS_MS_MAX)
    expect([await send(null), await send(GITHUB), await send(GITEA, FORMER)]).toEqual([401, 401, 401])
  })

  test('is nowhere once its dialog is closed', async () => {
    // The answer to the request that sets a secret is the one that has it.
    page.on('response', async (response) => {
      if (response.request().method() !== 'PUT') answers.push(await response.text().catch(() => ''))
    })
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByRole('dialog', { name: 'The new secret' }).waitFor({ state: 'detached' })
    expect((await leftBehind()).includes(secret)).toBe(false)
    await edit('made.here')
    await dialog().getByText('Keep those there are').waitFor()
    expect((await leftBehind()).includes(secret)).toBe(false)
    await visit.open('/settings/changes')
    expect((await leftBehind()).includes(secret)).toBe(false)
    expect(answers.some((text) => text.includes(secret))).toBe(false)
  })
})

describe('a secret that is entered', () => {
  let send: Awaited<ReturnType<typeof sender>>

  test('is tried on what has come, and is refused by its field where the scheme cannot use it', async () => {
    send = await sender('entered.here')
    expect([await send(GITHUB), await send(GITHUB, ENTERED)]).toEqual([200, 401])
    await edit('entered.here')
    await dialog().getByRole('button', { name: 'Enter one' }).click()
    expect(await save().isDisabled()).toBe(true)
    await dialog().getByLabel('Secret', { exact: true }).fill(ENTERED)
    await preview().getByText('1 attempt that was refused by this check would pass').waitFor()
    await preview().getByText('1 attempt that was accepted would be refused').waitFor()
    await choose('Svix', /^Svix/)
    await dialog().getByLabel('Secret', { exact: true }).fill('whsec_!!!')
    await dialog()
      .getByText(/base64/)
      .first()
      .waitFor()
    await save().click()
    await dialog()
      .getByText(/base64/)
      .first()
      .waitFor()
    expect(await schemeOf('entered.here')).toBe('github')
  })

  test('is in force within a second, and is nowhere afterwards', async () => {
    await choose('GitHub', /^GitHub/)
    await dialog().getByRole('button', { name: 'Enter one' }).click()
    await dialog().getByLabel('Secret', { exact: true }).fill(ENTERED)
    await save().click()
    await dialog().waitFor({ state: 'detached' })
    await eventually(async () => (await send(GITHUB, ENTERED)) === 200, OBEYS_MS_MAX)
    expect([await send(GITHUB), await send(null)]).toEqual([401, 401])
    await visit.open('/triggers/entered.here?tab=checks')
    expect((await leftBehind()).includes(ENTERED)).toBe(false)
    expect(answers.some((text) => text.includes(ENTERED))).toBe(false)
  })

  test('is given up with its dialog, and nothing is saved', async () => {
    await edit('entered.here')
    await dialog().getByRole('button', { name: 'Enter one' }).click()
    await dialog().getByLabel('Secret', { exact: true }).fill('canary-given-up-0123456789')
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
    expect((await leftBehind()).includes('canary-given-up')).toBe(false)
    expect([await send(GITHUB, ENTERED), await send(GITHUB, 'canary-given-up-0123456789')]).toEqual([
      200, 401,
    ])
    await page.getByRole('button', { name: 'Change verification' }).click()
    await dialog().getByText('Keep those there are').waitFor()
    expect((await leftBehind()).includes('canary-given-up')).toBe(false)
    await page.keyboard.press('Escape')
  })
})

test('a scheme of your own is refused by what is wrong in it, and saved once it is right', async () => {
  const send = await sender('own.scheme')
  await edit('own.scheme')
  await choose('own', /scheme of your own/)
  const record = dialog().getByLabel('Scheme as JSON')
  await record.fill('{"scheme":"hmac",')
  await dialog().getByText('It is no JSON object').waitFor()
  expect(await save().isDisabled()).toBe(true)
  await record.fill('{"scheme":"magic"}')
  await save().click()
  await dialog()
    .getByText(/^scheme must/)
    .waitFor()
  expect(await schemeOf('own.scheme')).toBe('github')
  const own = {
    scheme: 'hmac',
    hash: 'sha256',
    sig: { from: ['header:x-own'], enc: 'hex', prefix: 'sha256=' },
    signed: '{body}',
  }
  await record.fill(JSON.stringify(own))
  await dialog().getByRole('button', { name: 'Enter one' }).click()
  await dialog().getByLabel('Secret', { exact: true }).fill(ENTERED)
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  expect(await schemeOf('own.scheme')).toEqual(own)
  await eventually(async () => (await send('x-own', ENTERED)) === 200, OBEYS_MS_MAX)
  expect([await send('x-own'), await send(GITHUB)]).toEqual([401, 401])
})

test('a secret that the sender hands over is taken while it is expected, and shown once', async () => {
  const token = 'secret_canaryHandedOver0123456789abcdefghijkl'
  const send = await sender('handed.over')
  const { webhook_url: url } = await ask<{ webhook_url: string }>('GET', '/api/v1/triggers/handed.over')
  const handOver = async (text: string) =>
    (await fetch(url, { method: 'POST', body: JSON.stringify({ verification_token: text }) })).status
  await edit('handed.over')
  await choose('Notion', /^Notion/)
  await dialog().getByText('Notion hands it over by itself').waitFor()
  expect(await handOver(token)).toBe(401)
  await save().click()
  await dialog().waitFor({ state: 'detached' })
  await page.getByText('It is expected until').waitFor()
  await page.getByRole('button', { name: 'Expect it no longer' }).click()
  await page.getByText('None is expected now').waitFor()
  expect(await handOver('secret_ofAStranger0123456789')).toBe(403)
  await page.getByRole('button', { name: 'Expect it for' }).click()
  await page.getByText('It is expected until').waitFor()
  expect(await handOver(token)).toBe(200)
  expect(await handOver('secret_ofAStranger0123456789')).toBe(403)
  await page.getByRole('button', { name: 'Show the secret that was handed over' }).click()
  const shown = page.getByRole('dialog', { name: 'The secret that was handed over' })
  await shown.getByText(token).waitFor()
  await page.keyboard.press('Escape')
  await shown.waitFor({ state: 'detached' })
  expect((await leftBehind()).includes(token)).toBe(false)
  await page.getByRole('button', { name: 'Show the secret that was handed over' }).click()
  await page.getByText('None has been handed over that was not shown yet.').waitFor()
  expect([await send('x-notion-signature', token), await send('x-notion-signature')]).toEqual([200, 401])
})

describe('a secret', () => {
  const ending = () => page.getByRole('alertdialog')
  const expireNow = (label: string) => page.getByRole('button', { name: `Expire now: ${label}` })

  test('ends only when it is confirmed, and with the last one it is said that nothing would pass', async () => {
    const send = await sender('last.secret')
    await visit.open('/triggers/last.secret?tab=checks')
    await expireNow('default').click()
    await ending().getByText('would be refused with 401 until another one is added').waitFor()
    await ending().getByRole('button', { name: 'Cancel' }).click()
    await ending().waitFor({ state: 'detached' })
    expect(await send(GITHUB)).toBe(200)
    await expireNow('default').click()
    await ending().getByRole('button', { name: 'Expire it now' }).click()
    await ending().waitFor({ state: 'detached' })
    await page.locator('button:focus', { hasText: 'Add a secret' }).waitFor()
    await eventually(async () => (await send(GITHUB)) === 401, OBEYS_MS_MAX)
    await page.getByText('No secret is accepted any more').waitFor()
  })

  test('beside another one ends without the warning, and the other one stays', async () => {
    const send = await sender('two.secrets')
    await ask('POST', '/api/v1/triggers/two.secrets/webhooks/secrets', { label: 'next', secret: ENTERED })
    await visit.open('/triggers/two.secrets?tab=checks')
    await expireNow('default').click()
    await ending().getByText('The other secrets stay').waitFor()
    await ending().getByRole('button', { name: 'Expire it now' }).click()
    await ending().waitFor({ state: 'detached' })
    await eventually(async () => (await send(GITHUB)) === 401, OBEYS_MS_MAX)
    expect(await send(GITHUB, ENTERED)).toBe(200)
    expect(await page.getByText('No secret is accepted any more').count()).toBe(0)
  })
})

test('it is turned off only when it is confirmed, and it is said beforehand whom that lets in', async () => {
  const send = await sender('turned.off')
  expect(await send(null)).toBe(401)
  await visit.open('/triggers/turned.off?tab=checks')
  await page.getByRole('button', { name: 'Turn it off' }).click()
  const asking = page.getByRole('alertdialog')
  await asking.getByText('1 attempt that was refused by this check would pass').waitFor()
  await asking.getByRole('button', { name: 'Cancel' }).click()
  await asking.waitFor({ state: 'detached' })
  expect(await send(null)).toBe(401)
  await page.getByRole('button', { name: 'Turn it off' }).click()
  await asking.getByRole('button', { name: 'Turn it off' }).click()
  await asking.waitFor({ state: 'detached' })
  await eventually(async () => (await send(null)) === 200, OBEYS_MS_MAX)
  expect(await schemeOf('turned.off')).toBeNull()
})

test('nothing went wrong in the browser', () => {
  expect(visit.complaints()).toEqual([])
})
