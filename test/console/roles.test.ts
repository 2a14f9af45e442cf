/** What each role is offered, what happens when it loses the right in the middle of something, and how sessions end before one's eyes. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Locator, Page } from 'playwright-core'
import postgres from 'postgres'
import type { Role } from '../../src/core/administrator.ts'
import { ADMIN_SESSION_IDLE_SECONDS_MAX } from '../../src/core/limits.ts'
import type { Webhook } from '../support/binary.ts'
import type { Visit } from '../support/browser.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'
import { type Cluster, clusterMissing, createCluster } from '../support/postgresql-cluster.ts'

const ROLES: readonly Role[] = ['viewer', 'operator', 'admin']

/** Where something is offered, what it is, and from which role on. */
const OFFERS: readonly (readonly [path: string, what: string, from: Role, find: (page: Page) => Locator])[] =
  [
    ['/', 'the event log', 'viewer', (page) => page.getByRole('link', { name: 'Event log' })],
    ['/', 'the test tool', 'operator', (page) => page.getByRole('link', { name: 'Test tool' })],
    ['/triggers', 'a trigger', 'viewer', (page) => page.getByRole('link', { name: 'some.thing' })],
    ['/triggers', 'a new trigger', 'operator', (page) => page.getByRole('button', { name: 'New trigger' })],
    ['/triggers/some.thing', 'to copy', 'viewer', (page) => page.getByRole('button', { name: 'Copy URL' })],
    ['/triggers/some.thing', 'to edit', 'operator', (page) => page.getByRole('button', { name: 'Edit' })],
    [
      '/triggers/some.thing',
      'the switch',
      'operator',
      (page) => page.getByRole('switch', { name: 'Enabled' }),
    ],
    [
      '/triggers/some.thing',
      'another URL',
      'operator',
      (page) => page.getByRole('button', { name: 'Regenerate' }),
    ],
    [
      '/triggers/some.thing',
      'to delete',
      'admin',
      (page) => page.getByRole('button', { name: 'Delete the trigger' }),
    ],
    ['/triggers/some.thing?tab=checks', 'any editor', 'operator', (page) => page.locator('form').first()],
    [
      '/test?trigger=some.thing',
      'to send',
      'operator',
      (page) => page.getByRole('button', { name: /^Send/ }),
    ],
    ['/settings', 'the version', 'viewer', (page) => page.getByRole('tab', { name: 'About' })],
    ['/settings', 'tokens', 'admin', (page) => page.getByRole('tab', { name: 'API tokens' })],
    ['/settings', 'the audit log', 'admin', (page) => page.getByRole('tab', { name: 'Admin audit log' })],
    ['/settings', 'the configuration', 'admin', (page) => page.getByRole('tab', { name: 'Configuration' })],
  ]

describe.skipIf(clusterMissing !== null)('the console', () => {
  let cluster: Cluster
  let sql: postgres.Sql
  let under: ConsoleUnderTest
  let webhook: Webhook
  const tokens = new Map<Role, string>()

  beforeAll(async () => {
    cluster = await createCluster()
    const url = cluster.url('postgres')
    sql = postgres(url, { max: 1, onnotice: () => {} })
    under = await startConsole({ DATABASE_URL: url })
    webhook = await under.server.createTrigger('some.thing')
    for (const role of ROLES) tokens.set(role, (await under.tokenOf(`a-${role}`, role)).token)
    await fetch(webhook.url, { method: 'POST', body: '{}' })
  })
  afterAll(async () => {
    await under.close()
    await sql.end({ timeout: 1 })
    await cluster.dispose()
  })

  const visitingAs = (role: Role, run: (visit: Visit) => Promise<void>) =>
    under.visiting(run, { token: tokens.get(role) ?? '' })

  /** As a link of the console does, which loads no document. */
  const follow = (page: Page, path: string) => page.evaluate(`history.pushState(null, '', '${path}')`)

  test.each(ROLES)('offers a token of the role %s what it may do, and asks for nothing else', (role) =>
    visitingAs(role, async (visit) => {
      const refused: string[] = []
      visit.page.on('response', (response) => {
        if (response.status() === 403) refused.push(response.url())
      })
      for (const path of new Set(OFFERS.map(([at]) => at))) {
        await follow(visit.page, path)
        const offers = OFFERS.filter(([at]) => at === path)
        const isFor = (from: Role) => ROLES.indexOf(role) >= ROLES.indexOf(from)
        for (const [, , from, find] of offers) if (isFor(from)) await find(visit.page).waitFor()
        for (const [, what, from, find] of offers) {
          expect([path, what, await find(visit.page).isVisible()]).toEqual([path, what, isFor(from)])
        }
      }
      await follow(visit.page, '/log')
      await visit.page.getByRole('button', { name: /ago|just now/ }).click()
      const drawer = visit.page.getByRole('dialog')
      await drawer.getByRole('button', { name: 'Copy as curl' }).waitFor()
      expect(await drawer.getByRole('link', { name: /^Send again/ }).count()).toBe(role === 'viewer' ? 0 : 1)
      await visit.page.keyboard.press('Escape')
      expect(refused).toEqual([])
    }),
  )

  describe('while somebody works', () => {
    const changing = (name: string, change: string) =>
      sql.unsafe(`update attune.api_token set ${change} where name = '${name}'`)
    const saidSo = (page: Page) => page.getByRole('alert').getByText('You are signed out').waitFor()
    /** The page may have asked for something by itself, and be gone before it is pressed. */
    const tryToSwitch = async (page: Page) => {
      // A window behind another one draws nothing, and what may still move is not pressed.
      await page.bringToFront()
      await page
        .getByRole('switch', { name: 'Enabled' })
        .click({ timeout: 2_000 })
        .catch(() => {})
    }
    const isOn = async () =>
      (await under.server.api('GET', '/api/v1/triggers/some.thing')).json.data.webhook_enabled

    test('a role that is lowered is refused in words, and its controls go', async () => {
      const { token } = await under.tokenOf('lowered', 'operator')
      await under.visiting(
        async ({ page, open }) => {
          await open('/triggers/some.thing')
          await changing('lowered', "role = 'viewer'")
          await page.getByRole('switch', { name: 'Enabled' }).click()
          await page.getByText('Your token may not do this').first().waitFor()
          await page.getByRole('switch', { name: 'Enabled' }).waitFor({ state: 'detached' })
          await page.getByText('Enabled', { exact: true }).waitFor()
          expect(await isOn()).toBe(true)
        },
        { token },
      )
    })

    test('a token that is revoked signs its console out, and nothing of what it read stays', async () => {
      const { id, token } = await under.tokenOf('revoked', 'admin')
      await under.visiting(
        async ({ page, open }) => {
          await open('/triggers/some.thing')
          await page.getByRole('switch', { name: 'Enabled' }).waitFor()
          await under.server.api('DELETE', `/api/v1/tokens/${id}`)
          await tryToSwitch(page)
          await saidSo(page)
          expect(await page.getByRole('heading').allTextContents()).toEqual(['Sign in to Attune Webhooks'])
          expect(await page.content()).not.toContain(webhook.key)
          expect(await isOn()).toBe(true)
          await page.getByLabel('Token').fill(token)
          await page.getByRole('button', { name: 'Sign in' }).click()
          await page.getByRole('alert').getByText('This token is not accepted').waitFor()
          // Whoever may, goes on where the other had to stop.
          await page.getByLabel('Token').fill(tokens.get('viewer') ?? '')
          await page.getByRole('button', { name: 'Sign in' }).click()
          await page.getByRole('heading', { name: 'some.thing' }).waitFor()
          expect(await page.getByRole('button', { name: 'Edit' }).count()).toBe(0)
        },
        { token },
      )
    })

    test.each([
      [
        'it was not used for long',
        `last_seen = now() - interval '${ADMIN_SESSION_IDLE_SECONDS_MAX + 1} seconds'`,
      ],
      ['it has reached its end', 'expires = now()'],
    ])('a session ends because %s, with an explanation', async (_, change) => {
      await visitingAs('operator', async ({ page, context, open }) => {
        await open('/triggers/some.thing?tab=checks')
        await sql.unsafe(`update attune.admin_session set ${change}`)
        await follow(page, '/events')
        await saidSo(page)
        const [cookie] = await context.cookies()
        const answer = await fetch(`${under.server.adminUrl}/api/v1/triggers`, {
          headers: { cookie: `attune_session=${cookie?.value}` },
        })
        expect(answer.status).toBe(401)
      })
    })

    test('signing out in one window signs the others out at their next request, and once is enough', async () => {
      await visitingAs('operator', async ({ page, context, open }) => {
        await open('/triggers/some.thing')
        const [other, third] = [await context.newPage(), await context.newPage()]
        await other.goto(`${under.server.adminUrl}/triggers/some.thing?tab=checks`)
        await other.getByRole('switch', { name: 'Enabled' }).waitFor()
        await third.goto(`${under.server.adminUrl}/settings/about`)
        await third.getByText('react-dom', { exact: true }).waitFor()
        await page.getByRole('button', { name: /a-operator/ }).click()
        await page.getByRole('menuitem', { name: 'Sign out' }).click()
        await page.getByRole('heading', { name: 'Sign in to Attune Webhooks' }).waitFor()
        expect(await page.getByText('You are signed out').count()).toBe(0)
        await tryToSwitch(other)
        await saidSo(other)
        await third.bringToFront()
        await third.getByRole('button', { name: /a-operator/ }).click()
        await third.getByRole('menuitem', { name: 'Sign out' }).click()
        await saidSo(third)
        expect(await isOn()).toBe(true)
      })
    })
  })

  test('a new token is shown once, works, and is then in no page, answer or storage', async () => {
    await visitingAs('admin', async ({ page, open }) => {
      await open('/settings/tokens')
      await page.getByRole('button', { name: 'New token' }).click()
      await page.getByRole('dialog').getByLabel('Name').fill('shown-once')
      await page.getByRole('button', { name: 'Make the token' }).click()
      const made =
        (await page.getByRole('region', { name: 'Token', exact: true }).textContent())?.trim() ?? ''
      expect(made).toMatch(/^attune_[0-9a-f]{64}$/)
      const answers: Promise<string>[] = []
      page.on('response', (response) => answers.push(response.text().catch(() => '')))
      await page.getByRole('button', { name: 'I have copied it' }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      const isGone = async () => {
        expect(await page.content()).not.toContain(made)
        const kept = await page.evaluate<string>(
          `JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state, location.href, document.cookie,
            [...document.querySelectorAll('input, textarea')].map((it) => it.value)])`,
        )
        expect(kept).not.toContain(made)
      }
      await isGone()
      await page.getByText('shown-once').waitFor()
      for (const path of ['/settings/tokens', '/settings/changes']) {
        await open(path)
        await page.getByText('shown-once').first().waitFor()
        await isGone()
      }
      expect((await Promise.all(answers)).join('')).not.toContain(made)
      const used = await fetch(`${under.server.adminUrl}/api/v1/session`, {
        headers: { authorization: `Bearer ${made}` },
      })
      expect(((await used.json()) as { data: object }).data).toMatchObject({
        name: 'shown-once',
        role: 'viewer',
      })
    })
  })
})
