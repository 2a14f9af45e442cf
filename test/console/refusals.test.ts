/** Why somebody was refused stands in words, two clicks from the overview: webhooks of senders, and people at the console. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { WRONG_TOKENS_MAX } from '../../src/core/limits.ts'
import { longWindowSeconds, type Webhook } from '../support/binary.ts'
import type { Visit } from '../support/browser.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'
import { eventually } from '../support/eventually.ts'

let under: ConsoleUnderTest

beforeAll(async () => {
  under = await startConsole()
})
afterAll(() => under.close())

const send = async ({ url }: Webhook, body = '{"a":1}') => (await fetch(url, { method: 'POST', body })).status

const disable = async (ref: string): Promise<Webhook> => {
  const webhook = await under.server.createTrigger(ref)
  await under.server.api('POST', `/api/v1/triggers/${ref}/webhooks/disable`)
  return webhook
}
const create = (...given: Parameters<ConsoleUnderTest['server']['createTrigger']>) =>
  under.server.createTrigger(...given)

interface Refusal {
  readonly ref: string
  readonly statuses: readonly number[]
  readonly prepare: () => Promise<Webhook>
  readonly body?: string
  /** What the drawer says: which one it was, the exact reason, and what can be done. */
  readonly words: readonly (string | RegExp)[]
  /** The verdicts of the checks, in their order. */
  readonly checks: readonly string[]
}

const REFUSALS: readonly Refusal[] = [
  {
    ref: 'address.refused',
    statuses: [403],
    prepare: () => create('address.refused', { cidrs: ['192.0.2.0/24'] }),
    words: ['Address refused', /127\.0\.0\.1/, /Add it there if it should pass/],
    checks: ['passed', 'passed', 'refused', 'not reached', 'not reached', 'not reached'],
  },
  {
    ref: 'rate.limited',
    statuses: [200, 429],
    prepare: () => create('rate.limited', { rateLimit: { requests: 1, windowSeconds: longWindowSeconds() } }),
    words: ['Rate limited', /\b1\b.*request/, /told when to come again/],
    checks: ['passed', 'passed', 'off', 'refused', 'not reached', 'not reached'],
  },
  {
    ref: 'switched.off',
    statuses: [403],
    prepare: () => disable('switched.off'),
    words: ['Webhook disabled', /Switch it on/],
    checks: ['refused', 'not reached', 'not reached', 'not reached', 'not reached', 'not reached'],
  },
  {
    ref: 'too.large',
    statuses: [413],
    prepare: () => create('too.large', { payloadKb: 1 }),
    body: 'x'.repeat(1_025),
    words: ['Payload too large', /1,?025|1,?024/, /Raise the limit/],
    checks: ['passed', 'refused', 'not reached', 'not reached', 'not reached', 'not reached'],
  },
]

describe('a webhook that was refused is explained in two clicks from the overview', () => {
  let visit: Visit

  beforeAll(async () => {
    visit = await under.chromium.visit(under.server)
    await visit.signIn(under.token)
    for (const { prepare, statuses, body } of REFUSALS) {
      const webhook = await prepare()
      for (const status of statuses) expect(await send(webhook, body)).toBe(status)
    }
    // The log is written behind the answers.
    await eventually(async () => {
      const { json } = await under.server.api('GET', '/api/v1/overview?window=hour')
      return json.data.latest.attempts === REFUSALS.flatMap(({ statuses }) => statuses).length
    })
  })

  afterAll(() => visit.close())

  test.each(REFUSALS)('$ref', async ({ ref, statuses, words, checks }) => {
    const { json } = await under.server.api('GET', `/api/v1/webhook-event-log?trigger=${ref}&outcome=refused`)
    const { page } = visit
    await visit.open('/')
    const line = page.getByRole('listitem').filter({ hasText: ref })
    await line.getByRole('link', { name: /^\d+ refused$/ }).click()
    const row = page.getByRole('row').filter({ hasText: ref })
    await row.getByText(String(statuses.at(-1))).waitFor()
    expect(await page.getByRole('row').count()).toBe(2)
    await row.click()
    const drawer = page.getByRole('dialog')
    for (const text of words) await drawer.getByText(text).first().waitFor()
    await drawer.getByText(json.data[0].error_message, { exact: true }).waitFor()
    const lines = drawer.getByRole('list', { name: 'Checks' }).getByRole('listitem')
    const verdicts = (await lines.allTextContents()).map(
      (text) => /passed|refused|off|not reached/.exec(text)?.[0] ?? text,
    )
    expect(verdicts).toEqual([...checks])
    expect(visit.complaints()).toEqual([])
  })
})

test('whoever tries out tokens is told to wait and for how long, with a right one too', async () => {
  const { adminUrl } = under.server
  for (let count = 1; count < WRONG_TOKENS_MAX; count += 1) {
    const headers = { origin: adminUrl, 'x-attune-console': '1', 'content-type': 'application/json' }
    const body = JSON.stringify({ token: `wrong-${count}` })
    expect((await fetch(`${adminUrl}/api/v1/session`, { method: 'POST', headers, body })).status).toBe(401)
  }
  const visit = await under.chromium.visit(under.server)
  try {
    const { page } = visit
    await visit.open('/')
    const tryWith = async (token: string) => {
      await page.getByLabel('Token').fill(token)
      await page.getByRole('button', { name: 'Sign in' }).click()
    }
    await tryWith('wrong-at-last')
    await page.getByRole('alert').getByText('This token is not accepted').waitFor()
    await tryWith(under.token)
    const alert = page.getByRole('alert').filter({ hasText: 'Too many wrong tokens' })
    await alert.getByText(/^Wait [1-5]?\d seconds|^Wait 60 seconds/).waitFor()
    expect(await page.getByRole('navigation').count()).toBe(0)
    expect(visit.complaints()).toEqual([])
  } finally {
    await visit.close()
  }
})
