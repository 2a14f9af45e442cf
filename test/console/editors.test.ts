/** Each editor of a trigger says beforehand what it would have meant, and what it saves the receiver obeys within a second. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { Locator, Page } from 'playwright-core'
import { longWindowSeconds, type Webhook } from '../support/binary.ts'
import type { Visit } from '../support/browser.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'
import { eventually } from '../support/eventually.ts'

let under: ConsoleUnderTest
let visit: Visit
let page: Page

beforeAll(async () => {
  under = await startConsole()
  visit = await under.chromium.visit(under.server)
  ;({ page } = visit)
  await visit.signIn(under.token)
})
afterAll(async () => {
  await visit.close()
  await under.close()
})

const IN_FORCE_MS_MAX = 1_000

const send = (url: string, init: RequestInit = {}) => fetch(url, { method: 'POST', body: '{"a":1}', ...init })

/** Sends until it is answered so; each answer that is another one counts as not yet. */
const obeys = (url: string, status: number, init: RequestInit = {}) =>
  eventually(async () => (await send(url, init)).status === status, IN_FORCE_MS_MAX)

/** A trigger that two webhooks have come for, with its page open. */
async function begin(ref: string, tab = 'checks'): Promise<Webhook> {
  const webhook = await under.server.createTrigger(ref)
  for (let count = 0; count < 2; count += 1) expect((await send(webhook.url)).status).toBe(200)
  await visit.open(`/triggers/${ref}?tab=${tab}`)
  return webhook
}

const saved = async (ref: string) => (await under.server.api('GET', `/api/v1/triggers/${ref}`)).json.data
const form = (name: string): Locator => page.getByRole('form', { name })
const save = (name: string): Locator => form(name).getByRole('button', { name: 'Save' })
const preview = (name: string): Locator =>
  form(name).getByRole('region', { name: 'What it would have meant' })
const told = (text: string) => page.getByText(text).first().waitFor()
/** It is said at the field, in words. */
const isWrong = async (name: string, label: string, why: string | RegExp): Promise<void> => {
  const field = form(name)
    .locator('div', { has: page.getByLabel(label, { exact: true }) })
    .last()
  await field.getByText(why).waitFor()
  expect(await form(name).getByLabel(label, { exact: true }).getAttribute('aria-invalid')).toBe('true')
}

describe('the head of a trigger', () => {
  test('turns the webhook off and on', async () => {
    const { url } = await begin('the.switch', 'summary')
    const control = page.getByRole('switch', { name: 'Enabled' })
    await control.click()
    await obeys(url, 403)
    await told('The webhook is disabled')
    await control.click()
    await obeys(url, 200)
    await page.getByText('The webhook is disabled').waitFor({ state: 'detached' })
  })

  test('makes a new URL only for who confirms it, and ends the old one', async () => {
    const { url } = await begin('another.url', 'summary')
    const shown = async () =>
      (await page.getByRole('region', { name: 'Webhook URL' }).locator('code').textContent()) ?? ''
    const dialog = page.getByRole('alertdialog')
    await page.getByRole('button', { name: 'Regenerate' }).click()
    await dialog.getByText('The old URL ends at once').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect([await shown(), (await send(url)).status]).toEqual([url, 200])
    await page.getByRole('button', { name: 'Regenerate' }).click()
    await dialog.getByRole('button', { name: 'Regenerate the URL' }).click()
    await dialog.waitFor({ state: 'detached' })
    const next = await eventually(async () => ((await shown()) === url ? null : shown()))
    await obeys(url, 404)
    await obeys(next, 200)
  })
})

describe('the IP whitelist', () => {
  const NAME = 'IP whitelist'
  const begins = async (ref: string) => {
    const webhook = await begin(ref)
    await form(NAME).getByRole('switch').click()
    return webhook
  }
  const add = async (text: string) => {
    await form(NAME).getByLabel('Add addresses or networks').fill(text)
    await form(NAME).getByRole('button', { name: /^Add/ }).click()
  }
  const entries = () => form(NAME).getByRole('list', { name: 'Addresses and networks' }).getByRole('listitem')
  const canBeSaved = () => eventually(() => save(NAME).isEnabled())

  test('warns before it locks out who was accepted, and asks for a yes', async () => {
    const { ref, url } = await begins('lock.out')
    await add('192.0.2.0/24')
    await preview(NAME).getByText('2 attempts that were accepted would be refused').waitFor()
    const warning = form(NAME).getByRole('alert').filter({ hasText: 'would be locked out' })
    await warning.getByText('127.0.0.1').waitFor()
    expect(await save(NAME).isDisabled()).toBe(true)
    expect((await saved(ref)).webhook_ip_whitelist_enabled).toBe(false)
    await warning.getByRole('button', { name: 'Add it' }).click()
    await warning.waitFor({ state: 'detached' })
    await preview(NAME).getByText('None that was accepted would be refused').waitFor()
    await canBeSaved()
    await save(NAME).click()
    await told('The whitelist is in force')
    expect((await saved(ref)).webhook_ip_whitelist).toEqual(['192.0.2.0/24', '127.0.0.1'])
    await obeys(url, 200)
    await form(NAME).getByRole('button', { name: 'Remove 127.0.0.1' }).click()
    await warning.getByLabel('Lock it out all the same').check()
    await canBeSaved()
    await save(NAME).click()
    await obeys(url, 403)
    await form(NAME).getByRole('switch').click()
    await canBeSaved()
    await save(NAME).click()
    await obeys(url, 200)
  })

  test('takes a pasted list apart, says which entry is wrong and why, and mends what it can', async () => {
    const { ref } = await begins('pasted.list')
    await add('192.0.2.0/24, 198.51.100.7 # the office\n"2001:db8::/32"; 10.0.0.5/8\n300.1.1.1')
    await entries().nth(4).waitFor()
    expect(await entries().count()).toBe(5)
    await form(NAME).getByRole('button', { name: 'Write 10.0.0.0/8' }).click()
    await entries().filter({ hasText: '10.0.0.0/8' }).getByLabel('accepted').waitFor()
    const wrong = entries().filter({ hasText: '300.1.1.1' })
    expect(await wrong.getByLabel('accepted').count()).toBe(0)
    expect(await wrong.locator('.text-bad').textContent()).not.toBe('')
    expect(await save(NAME).isDisabled()).toBe(true)
    await wrong.getByRole('button', { name: 'Remove 300.1.1.1' }).click()
    await add('127.0.0.1')
    await canBeSaved()
    await save(NAME).click()
    await told('The whitelist is in force')
    expect((await saved(ref)).webhook_ip_whitelist).toEqual([
      '192.0.2.0/24',
      '198.51.100.7',
      '2001:db8::/32',
      '10.0.0.0/8',
      '127.0.0.1',
    ])
  })

  test('says whether an address would pass, of the list as it stands there and not as it is saved', async () => {
    const { ref } = await begins('would.pass')
    await add('192.0.2.0/24')
    const address = form(NAME).getByLabel('Would this address pass?')
    for (const [given, answer] of [
      ['192.0.2.7', 'Yes, by 192.0.2.0/24'],
      ['::ffff:192.0.2.7', 'Yes, by 192.0.2.0/24'],
      ['198.51.100.7', 'No, it would be refused with 403.'],
      ['192.0.2', 'This is no address.'],
    ] as const) {
      await address.fill(given)
      await form(NAME).getByRole('status').filter({ hasText: answer }).waitFor()
    }
    await form(NAME).getByRole('button', { name: 'Discard' }).click()
    expect((await saved(ref)).webhook_ip_whitelist_enabled).toBe(false)
    expect(await form(NAME).getByRole('switch').isChecked()).toBe(false)
  })
})

describe('the rate limit', () => {
  const NAME = 'Rate limit'

  test('is refused at its field while it is no such number, and is then obeyed', async () => {
    const { ref, url } = await begin('rate.limit')
    await form(NAME).getByRole('switch').click()
    const requests = form(NAME).getByLabel('Requests')
    for (const wrong of ['0', '10001', '1.5', 'many', '']) {
      await requests.fill(wrong)
      await isWrong(NAME, 'Requests', 'A whole number from 1 to 10,000')
      expect(await save(NAME).isDisabled()).toBe(true)
    }
    await requests.fill('1')
    await form(NAME).getByRole('combobox', { name: 'Every' }).click()
    await page.getByRole('option', { name: 'Another time…' }).click()
    const seconds = form(NAME).getByLabel('Seconds')
    await seconds.fill('3601')
    await isWrong(NAME, 'Seconds', 'A whole number from 1 to 3,600')
    await seconds.fill(String(longWindowSeconds()))
    await preview(NAME).getByText('1 attempt that was accepted would be refused').waitFor()
    expect((await saved(ref)).webhook_rate_limit_enabled).toBe(false)
    await save(NAME).click()
    await told('The rate limit is in force')
    await obeys(url, 429)
    await form(NAME).getByRole('switch').click()
    await save(NAME).click()
    await obeys(url, 200)
  })

  test('stays as it is when the change is discarded', async () => {
    const { ref } = await begin('rate.discarded')
    const before = await saved(ref)
    await form(NAME).getByRole('switch').click()
    await form(NAME).getByLabel('Requests').fill('7')
    await form(NAME).getByRole('button', { name: 'Discard' }).click()
    expect(await form(NAME).getByRole('button').count()).toBe(0)
    expect(await saved(ref)).toEqual(before)
  })
})

test('the payload limit is refused at its field while it is no such number, and is then obeyed', async () => {
  const NAME = 'Payload limit'
  const { ref, url } = await begin('payload.limit')
  const large = { body: 'x'.repeat(2_000) }
  expect((await send(url, large)).status).toBe(200)
  const kib = form(NAME).getByLabel('KiB')
  for (const wrong of ['0', '65537', '-1', '1e3', ' ']) {
    await kib.fill(wrong)
    await isWrong(NAME, 'KiB', 'A whole number from 1 to 65,536')
    expect(await save(NAME).isDisabled()).toBe(true)
  }
  await kib.fill('25601')
  await form(NAME).getByText('The whole installation takes payloads of at most 25 MiB').waitFor()
  await kib.fill('25600')
  await form(NAME).getByText('The whole installation takes payloads of').waitFor({ state: 'detached' })
  await kib.fill('1')
  await preview(NAME).getByText('1 attempt that was accepted would be refused').waitFor()
  expect((await saved(ref)).webhook_payload_size_limit_kb).toBe(1_024)
  await save(NAME).click()
  await told('The payload limit is in force')
  await obeys(url, 413, large)
  expect((await send(url)).status).toBe(200)
  await form(NAME).getByRole('button', { name: '64 KiB' }).click()
  await preview(NAME)
    .getByText(/refused by this check would pass/)
    .waitFor()
  await save(NAME).click()
  await obeys(url, 200, large)
})

describe('deduplication', () => {
  const NAME = 'Deduplication'
  const SECRET = 'a secret of this test alone'
  const BODY = '{"a":1}'
  const signed = (id: string): RequestInit => ({
    body: BODY,
    headers: {
      'x-webhook-signature': createHmac('sha256', SECRET).update(BODY).digest('hex'),
      'x-id': id,
    },
  })

  test('is not offered while anybody could name an id', async () => {
    await begin('nobody.proves')
    await told('It needs verification')
    expect(await form(NAME).count()).toBe(0)
  })

  test('is refused at its field where it makes no sense, and is then obeyed', async () => {
    const { ref, url } = await under.server.createTrigger('twice.sent', { secret: SECRET })
    await visit.open(`/triggers/${ref}?tab=checks`)
    await form(NAME).getByRole('switch').click()
    await form(NAME).getByRole('button', { name: 'In places of your own' }).click()
    const places = form(NAME).getByLabel('Places')
    await places.fill('somewhere')
    await save(NAME).click()
    await isWrong(NAME, 'Places', /somewhere must/)
    const within = form(NAME).getByLabel('Within')
    await within.fill('31')
    await isWrong(NAME, 'Within', 'From a minute to 30 days')
    expect(await save(NAME).isDisabled()).toBe(true)
    expect((await saved(ref)).webhook_deduplication_enabled).toBe(false)
    await within.fill('2')
    await places.fill('header:x-id')
    await save(NAME).click()
    await told('Deduplication is in force')
    expect((await saved(ref)).webhook_deduplication_fields).toEqual(['header:x-id'])
    const idOf = async (id: string) =>
      ((await (await send(url, signed(id))).json()) as { data: { event_id: string } }).data.event_id
    const first = await idOf('one')
    await eventually(async () => (await idOf('one')) === first, IN_FORCE_MS_MAX)
    expect(await idOf('two')).not.toBe(first)
  })
})

test('whoever leaves with something unsaved is asked, and stays or loses it', async () => {
  const { ref } = await begin('not.saved')
  const kib = form('Payload limit').getByLabel('KiB')
  const dialog = page.getByRole('alertdialog')
  await kib.fill('7')
  await page.getByRole('link', { name: 'Event log' }).click()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await dialog.waitFor({ state: 'detached' })
  expect(await kib.inputValue()).toBe('7')
  await page.getByRole('link', { name: 'Event log' }).click()
  await dialog.getByRole('button', { name: 'Leave without saving' }).click()
  await page.getByRole('heading', { level: 1, name: 'Event log' }).waitFor()
  expect((await saved(ref)).webhook_payload_size_limit_kb).toBe(1_024)
})

test('nothing of this made the browser complain', () => {
  expect(visit.complaints()).toEqual([])
})
