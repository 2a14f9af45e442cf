/** The event log as it grows: every attempt is shown once, or the page says that it left some out and fetches them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { readAll, type Server, type Webhook } from '../support/binary.ts'
import type { Visit } from '../support/browser.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'
import { eventually } from '../support/eventually.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let under: ConsoleUnderTest
let server: Server
let webhook: Webhook
let visit: Visit
/** Between the browser and the console. */
let network: TcpProxy
let page: Page

beforeAll(async () => {
  under = await startConsole()
  ;({ server } = under)
  webhook = await server.createTrigger('live.tail')
  network = await startTcpProxy(server.adminPort)
  visit = await under.chromium.visit({ ...server, adminUrl: `http://127.0.0.1:${network.port}` })
  ;({ page } = visit)
  page.setDefaultTimeout(WAIT_MS_MAX)
  await visit.signIn(under.token)
})
afterAll(async () => {
  await visit.close()
  await network.close()
  await under.close()
})

async function send(count: number): Promise<void> {
  const AT_ONCE = 20
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const requests = Array.from({ length: Math.min(AT_ONCE, count - sent) }, () =>
      fetch(webhook.url, { method: 'POST', body: '{}' }),
    )
    for (const { status } of await Promise.all(requests)) expect(status).toBe(200)
  }
}

const WAIT_MS_MAX = 10_000

/** The ids in the order in which they stand there. */
const shown = () =>
  page.evaluate<string[]>("[...document.querySelectorAll('[data-row]')].map((row) => row.dataset.row)")
const stored = async (trigger = 'live.tail'): Promise<string[]> =>
  (await readAll(server, `/api/v1/webhook-event-log?trigger=${trigger}`)).map(({ id }) => String(id))
const state = (words: string | RegExp) =>
  page.getByRole('status').filter({ hasText: words }).first().waitFor()
const gap = () => page.getByRole('button', { name: 'Load them' })
const older = () => page.getByRole('button', { name: /^Load older/ })

/** Every attempt that is stored stands there, once, newest first. */
const isComplete = async (trigger?: string): Promise<void> => {
  const all = await stored(trigger)
  await eventually(async () => (await shown()).length >= all.length, WAIT_MS_MAX)
  expect(await shown()).toEqual(all)
}
const isLive = async (trigger = 'live.tail'): Promise<void> => {
  await visit.open(`/log?trigger=${trigger}`)
  await state(/^Live$/)
}

describe('the event log', () => {
  test('shows a real webhook as it arrives', async () => {
    await isLive()
    expect(await shown()).toEqual([])
    await send(1)
    await page.getByRole('row').filter({ hasText: 'live.tail' }).getByText('200').waitFor()
    await isComplete()
  })

  test('holds while it is paused, counts what waits, and catches up', async () => {
    const before = await shown()
    await page.getByRole('button', { name: 'Pause' }).click()
    await send(5)
    await state('Paused, 5 attempts wait')
    expect(await shown()).toEqual(before)
    await page.getByRole('button', { name: 'Resume' }).click()
    await isComplete()
    expect((await shown()).length).toBe(before.length + 5)
  })

  test('goes on after the network was away, without a hole and without repeats', async () => {
    network.cut()
    await state('Reconnecting…')
    await send(7)
    network.heal()
    await state(/^Live$/)
    await isComplete()
    await send(1)
    await isComplete()
  })

  test('says so where more was missed than it catches up with, and fetches it when asked', async () => {
    network.cut()
    await state('Reconnecting…')
    await send(620)
    network.heal()
    await gap().waitFor()
    await state(/^Live$/)
    expect((await shown()).length).toBeLessThan((await stored()).length)
    await loadAll()
    await isComplete()
  })

  test('goes on after a restart of the server', async () => {
    const { adminPort, receiverPort } = server
    await isLive()
    await server.stop()
    await state('Reconnecting…')
    server = await under.installation.serve({
      ATTUNE_ADMIN_PORT: String(adminPort),
      ATTUNE_PORT: String(receiverPort),
    })
    await send(3)
    await state(/^Live$/)
    await eventually(async () => {
      const [latest, there] = [(await stored()).slice(0, 3), await shown()]
      return latest.every((id) => there.includes(id))
    }, WAIT_MS_MAX)
    const there = await shown()
    expect(new Set(there).size).toBe(there.length)
  })
})

/** Presses until nothing is left out. */
async function loadAll(trigger?: string): Promise<void> {
  const total = (await stored(trigger)).length
  await eventually(async () => {
    for (const button of [gap(), older()]) {
      if (await button.first().isVisible()) await button.first().click()
    }
    return (await shown()).length >= total
  }, 2 * WAIT_MS_MAX)
}

describe('while a hundred attempts arrive each second', () => {
  const FLOODED = 'the.flood'
  const ATTEMPTS = 1_000
  const EVERY_MS = 10
  /** What arrived live, the pages below it, and a head. More is behind a button. */
  const ROWS_MAX = 500

  /** In the page: the most rows that stood there, and how many presses have opened a drawer. */
  const WATCH = `window.seen = { rows: 0, drawers: 0 }
    let isPressed = false
    window.watching = setInterval(() => {
      seen.rows = Math.max(seen.rows, document.querySelectorAll('[data-row]').length)
    }, 50)
    document.addEventListener('click', () => { isPressed = true }, { capture: true })
    new MutationObserver(() => {
      if (!isPressed || !document.querySelector('[role=dialog]')) return
      seen.drawers += 1
      isPressed = false
    }).observe(document.body, { childList: true })`

  test('the page answers each click, draws no more than it has to, and accounts for all of them', async () => {
    const { url } = await server.createTrigger(FLOODED)
    await isLive(FLOODED)
    await page.evaluate(WATCH)
    const answers: Promise<number>[] = []
    const flood = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        answers.push(fetch(url, { method: 'POST', body: '{}' }).then(({ status }) => status))
        if (answers.length < ATTEMPTS) return
        clearInterval(timer)
        resolve()
      }, EVERY_MS)
    })
    const drawer = page.getByRole('dialog')
    let clicks = 0
    while (answers.length < ATTEMPTS) {
      await page.locator('[data-row] button').nth(2).click()
      await drawer.getByRole('list', { name: 'Checks' }).waitFor()
      await page.keyboard.press('Escape')
      await drawer.waitFor({ state: 'detached' })
      clicks += 1
    }
    await flood
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]))
    expect(clicks).toBeGreaterThan(0)
    await eventually(async () => (await stored(FLOODED)).length === ATTEMPTS, WAIT_MS_MAX)
    await eventually(async () => (await shown())[0] === (await stored(FLOODED))[0], WAIT_MS_MAX)
    const seen = await page.evaluate<{ rows: number; drawers: number }>('clearInterval(watching), seen')
    expect(seen.rows).toBeLessThanOrEqual(ROWS_MAX)
    expect(seen.drawers).toBe(clicks)
    await loadAll(FLOODED)
    await isComplete(FLOODED)
    // A browser complains of a network that was away, too.
    expect(visit.complaints().filter((complaint) => !complaint.includes('net::ERR_'))).toEqual([])
  })
})
