/**
 * Every page of the console, and everything that opens on one, as a table: where it is, and how it is reached from there. What is added to
 * the console is added here, and `accessibility.test.ts` looks at it.
 */
import type { Page } from 'playwright-core'
import type { ConsoleData } from '../support/console-data.ts'

export interface State {
  readonly name: string
  readonly path: string | ((data: ConsoleData) => string)
  /** What is done on the page, and what is there when it is done. */
  readonly reach: (page: Page) => Promise<unknown>
  /** The file of `src/ui` whose dialog, drawer or menu it opens. */
  readonly opens?: string
  /** A window of this width. */
  readonly widthPx?: number
}

const shows = (text: string) => (page: Page) => page.getByText(text).first().waitFor()
const row = (page: Page) => page.locator('tbody tr').first().waitFor()
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).first().click()
const dialog = (page: Page) => page.getByRole('dialog').or(page.getByRole('alertdialog'))

/** Presses a button, and waits for the dialog that it opens. */
const opened = (button: string) => async (page: Page) => {
  await press(page, button)
  await dialog(page).waitFor()
}

const form = (page: Page, name: string) => page.getByRole('form', { name })
const preview = (page: Page, name: string) =>
  form(page, name).getByRole('region', { name: 'What it would have meant' }).getByText('would pass').waitFor()

/** Opens the list of a field that offers some. */
const unfolded = (name: string) => async (page: Page) => {
  await page.getByRole('combobox', { name, exact: true }).first().click()
  await page.getByRole('option').first().waitFor()
}

/** Where nothing has been made yet. */
export const EMPTY_STATES: readonly State[] = [
  { name: 'overview, empty', path: '/', reach: shows('Receive your first webhook') },
  { name: 'triggers, empty', path: '/triggers', reach: shows('Receive your first webhook') },
  { name: 'event log, empty', path: '/log', reach: shows('No attempts yet') },
  { name: 'events, empty', path: '/events', reach: shows('No events yet') },
  { name: 'test tool, nothing chosen', path: '/test', reach: shows('Choose a trigger') },
  { name: 'API tokens, none', path: '/settings/tokens', reach: shows('No API tokens yet') },
  {
    name: 'admin audit log, nothing fits',
    path: '/settings/changes?target=nobody',
    reach: shows('No changes here'),
  },
]

const OVERVIEW: readonly State[] = [
  { name: 'overview', path: '/', reach: shows('Busiest triggers') },
  { name: 'overview of the last hour', path: '/?window=hour', reach: shows('in the last hour') },
  { name: 'overview on a narrow screen', path: '/', widthPx: 360, reach: shows('Busiest triggers') },
]

const TRIGGERS: readonly State[] = [
  { name: 'triggers', path: '/triggers', reach: row },
  { name: 'triggers on a narrow screen', path: '/triggers', widthPx: 360, reach: row },
  { name: 'triggers, none fits', path: '/triggers?search=nobody', reach: shows('No trigger fits') },
  { name: 'triggers, order unfolded', path: '/triggers', reach: unfolded('Order') },
  {
    name: 'new trigger',
    path: '/triggers',
    reach: opened('New trigger'),
    opens: 'pages/triggers.tsx',
  },
  {
    name: 'new trigger, with a ref that is taken',
    path: '/triggers?new=1',
    async reach(page) {
      await page.getByRole('textbox', { name: 'Ref' }).fill('github.push')
      await shows('is taken by another trigger')(page)
    },
  },
]

const TRIGGER: readonly State[] = [
  { name: 'trigger', path: '/triggers/github.push', reach: shows('Latest attempts') },
  {
    name: 'trigger on a narrow screen',
    path: '/triggers/github.push',
    widthPx: 360,
    reach: shows('Latest attempts'),
  },
  { name: 'trigger without a URL', path: '/triggers/quiet', reach: shows('It has no URL yet') },
  {
    name: 'trigger that is disabled',
    path: '/triggers/office.doors',
    reach: shows('The webhook is disabled'),
  },
  { name: 'trigger that is unknown', path: '/triggers/nobody', reach: shows('No trigger has this ref') },
  {
    name: 'sender instructions',
    path: '/triggers/github.push?tab=instructions',
    reach: shows('Send from a shell'),
  },
  {
    name: 'trigger, edited',
    path: '/triggers/github.push',
    reach: opened('Edit'),
    opens: 'pages/trigger/edit-dialog.tsx',
  },
  {
    name: 'trigger, URL to be regenerated',
    path: '/triggers/github.push',
    reach: opened('Regenerate'),
    opens: 'pages/trigger/regenerate-dialog.tsx',
  },
  {
    name: 'trigger, to be deleted',
    path: '/triggers/github.push',
    reach: opened('Delete the trigger'),
    opens: 'pages/trigger/delete-dialog.tsx',
  },
  {
    name: 'trigger, disabled by its switch, and said so',
    path: '/triggers/uploads',
    async reach(page) {
      await page.getByRole('switch', { name: 'Enabled' }).click()
      await shows('The webhook refuses every request')(page)
    },
  },
]

const CHECKS = '/triggers/github.push?tab=checks'

const EDITORS: readonly State[] = [
  { name: 'checks', path: CHECKS, reach: row },
  { name: 'checks on a narrow screen', path: CHECKS, widthPx: 360, reach: row },
  {
    name: 'checks without verification',
    path: '/triggers/orders.created?tab=checks',
    reach: shows('It needs verification'),
  },
  {
    name: 'a secret to be added',
    path: CHECKS,
    reach: opened('Add a secret'),
    opens: 'pages/trigger/secrets.tsx',
  },
  {
    name: 'a secret, shown once',
    path: CHECKS,
    async reach(page) {
      await opened('Add a secret')(page)
      await press(page, 'Add the secret')
      await shows('Copy it now')(page)
    },
  },
  {
    name: 'a secret, to be ended',
    path: CHECKS,
    async reach(page) {
      await page
        .getByRole('button', { name: /^Expire now:/ })
        .first()
        .click()
      await dialog(page).waitFor()
    },
    opens: 'pages/trigger/expire-secret.tsx',
  },
  {
    name: 'verification whose secrets have all ended',
    path: '/triggers/ended.secrets?tab=checks',
    reach: shows('No secret is accepted any more'),
  },
  {
    name: 'verification to be turned off',
    path: CHECKS,
    reach: opened('Turn it off'),
    opens: 'pages/trigger/verification/turn-off.tsx',
  },
  {
    name: 'verification, edited',
    path: CHECKS,
    reach: opened('Change verification'),
    opens: 'pages/trigger/verification/editor.tsx',
  },
  {
    name: 'verification, its scheme looked for',
    path: CHECKS,
    async reach(page) {
      await opened('Change verification')(page)
      await unfolded('Scheme')(page)
    },
    opens: 'pages/trigger/verification/fields.tsx',
  },
  {
    name: 'verification by a scheme of their own',
    path: CHECKS,
    async reach(page) {
      await opened('Change verification')(page)
      await page.getByRole('combobox', { name: 'Scheme' }).fill('of your own')
      await page.getByRole('option', { name: /of your own/ }).click()
      await page.getByLabel('Scheme as JSON').fill('{')
      await shows('It is no JSON object')(page)
    },
  },
  {
    name: 'a secret that was handed over',
    path: '/triggers/notion.pages?tab=checks',
    reach: opened('Show the secret that was handed over'),
    opens: 'pages/trigger/verification/handshake.tsx',
  },
  {
    name: 'rate limit with its preview',
    path: CHECKS,
    async reach(page) {
      await form(page, 'Rate limit').getByRole('switch').click()
      await form(page, 'Rate limit').getByLabel('Requests').fill('1')
      await preview(page, 'Rate limit')
    },
  },
  {
    name: 'rate limit that is none',
    path: CHECKS,
    async reach(page) {
      await form(page, 'Rate limit').getByRole('switch').click()
      await form(page, 'Rate limit').getByLabel('Requests').fill('many')
      await form(page, 'Rate limit').locator('[aria-invalid="true"]').waitFor()
    },
  },
  {
    name: 'IP whitelist that locks out who was accepted',
    path: CHECKS,
    async reach(page) {
      await form(page, 'IP whitelist').getByRole('switch').click()
      await form(page, 'IP whitelist')
        .getByLabel('Add addresses or networks')
        .fill('192.0.2.0/24\n2001:db8::1')
      await form(page, 'IP whitelist').getByRole('button', { name: 'Add 2' }).click()
      await form(page, 'IP whitelist').getByLabel('Would this address pass?').fill('192.0.2.7')
      await shows('Yes, by')(page)
      await shows('would be locked out')(page)
    },
  },
  {
    name: 'IP whitelist with entries that are wrong',
    path: CHECKS,
    async reach(page) {
      await form(page, 'IP whitelist').getByRole('switch').click()
      await form(page, 'IP whitelist')
        .getByLabel('Add addresses or networks')
        .fill('192.0.2.9/24, here, 10.1.2.3/8')
      await form(page, 'IP whitelist').getByRole('button', { name: 'Add 3' }).click()
      await form(page, 'IP whitelist').getByRole('button', { name: 'Mend all 2' }).waitFor()
    },
  },
  {
    name: 'payload limit with its preview',
    path: CHECKS,
    async reach(page) {
      await form(page, 'Payload limit').getByLabel('KiB').fill('1')
      await preview(page, 'Payload limit')
    },
  },
  {
    name: 'payload limit above that of the installation',
    path: CHECKS,
    async reach(page) {
      await form(page, 'Payload limit').getByLabel('KiB').fill('60000')
      await shows('The whole installation takes payloads of at most')(page)
    },
  },
  {
    name: 'payload limit that is none',
    path: CHECKS,
    async reach(page) {
      await form(page, 'Payload limit').getByLabel('KiB').fill('0')
      await form(page, 'Payload limit').locator('[aria-invalid="true"]').waitFor()
    },
  },
  {
    name: 'deduplication by places that the server refuses',
    path: CHECKS,
    async reach(page) {
      await form(page, 'Deduplication').getByRole('switch').click()
      await press(page, 'In places of your own')
      await form(page, 'Deduplication').getByLabel('Places').fill('nowhere')
      await form(page, 'Deduplication').getByRole('button', { name: 'Save' }).click()
      await form(page, 'Deduplication').locator('textarea[aria-invalid="true"]').waitFor()
    },
  },
  {
    name: 'leaving what is not saved',
    path: CHECKS,
    async reach(page) {
      await form(page, 'Payload limit').getByLabel('KiB').fill('2')
      await page.getByRole('tab', { name: 'Summary' }).click()
      await dialog(page).waitFor()
    },
    opens: 'pages/trigger/unsaved.tsx',
  },
]

const LOG: readonly State[] = [
  { name: 'event log', path: '/log', reach: row },
  { name: 'event log on a narrow screen', path: '/log', widthPx: 360, reach: row },
  {
    name: 'event log, nothing fits',
    path: '/log?ip=203.0.113.9',
    reach: shows('No attempt fits these filters'),
  },
  { name: 'event log, outcome unfolded', path: '/log', reach: unfolded('Outcome') },
  {
    name: 'event log, trigger looked for',
    path: '/log',
    reach: unfolded('Trigger'),
    opens: 'parts/trigger-picker.tsx',
  },
  {
    name: 'event log with every filter',
    path: '/log?code=rate_limited&status=429&ip=127.0.0.1&range=custom',
    reach: shows('Clear all'),
  },
  {
    name: 'event log by an address that is none',
    path: '/log?ip=here',
    reach: shows('A filter is not right'),
  },
  {
    name: 'event log, to be exported',
    path: '/log',
    async reach(page) {
      await press(page, 'Export')
      await page.getByRole('menuitem', { name: /As CSV/ }).waitFor()
    },
    opens: 'parts/filters/export-menu.tsx',
  },
  {
    name: 'event log, paused',
    path: '/log',
    async reach(page) {
      await row(page)
      await press(page, 'Pause')
      await page.getByRole('button', { name: 'Resume' }).waitFor()
    },
  },
  {
    name: 'attempt, accepted, with its payload as a tree',
    path: ({ accepted }) => `/log?row=${accepted}`,
    async reach(page) {
      await page.getByRole('treeitem').nth(2).click()
      await page.getByRole('button', { name: 'Copy the value' }).waitFor()
    },
    opens: 'parts/attempt-drawer.tsx',
  },
  {
    name: 'attempt, accepted, with its payload raw',
    path: ({ accepted }) => `/log?row=${accepted}`,
    async reach(page) {
      await page.getByRole('tab', { name: 'Raw' }).click()
      await page.getByRole('region', { name: 'Payload as text' }).waitFor()
    },
  },
  {
    name: 'attempt with bytes that are no text',
    path: ({ binary }) => `/log?row=${binary}`,
    reach: (page) => page.getByRole('region', { name: 'Payload as bytes' }).waitFor(),
  },
  { name: 'attempt, refused, and why', path: ({ refused }) => `/log?row=${refused}`, reach: shows('Why?') },
  {
    name: 'attempt on a narrow screen',
    path: ({ refused }) => `/log?row=${refused}`,
    widthPx: 360,
    reach: shows('Why?'),
  },
  {
    name: 'attempt that is not there',
    path: '/log?row=0198c0de-0000-7000-8000-000000000000',
    reach: shows('It is not there any more'),
  },
  {
    name: 'attempt to be readmitted',
    path: ({ refused }) => `/log?row=${refused}`,
    async reach(page) {
      await press(page, 'Readmit')
      await page.getByRole('alertdialog').waitFor()
    },
    opens: 'parts/attempt/actions.tsx',
  },
]

const EVENTS: readonly State[] = [
  { name: 'events', path: '/events', reach: row },
  { name: 'events on a narrow screen', path: '/events', widthPx: 360, reach: row },
  {
    name: 'events, found by what is in them',
    path: '/events?path=repository.full_name&value=octocat%2Fhello-world',
    reach: row,
  },
  {
    name: 'events by a path that is none',
    path: '/events?path=a..b&value=1',
    reach: (page) => page.locator('[aria-invalid="true"]').first().waitFor(),
  },
  {
    name: 'events by a value that is nowhere',
    path: '/events',
    async reach(page) {
      await page.getByLabel('Value').fill('1')
      await press(page, 'Find')
      await shows('Say where the value is to be found')(page)
    },
  },
  {
    name: 'event in its drawer',
    path: ({ accepted }) => `/events?event=${accepted}`,
    reach: (page) => page.getByRole('treeitem').first().waitFor(),
  },
]

const TEST_TOOL: readonly State[] = [
  { name: 'test tool', path: '/test?trigger=github.push', reach: shows('Nothing is sent yet') },
  {
    name: 'test tool on a narrow screen',
    path: '/test?trigger=github.push',
    widthPx: 360,
    reach: shows('Nothing is sent yet'),
  },
  {
    name: 'test tool, samples unfolded',
    path: '/test?trigger=github.push',
    reach: unfolded("Take a sender's sample"),
    opens: 'pages/test-tool/request-form.tsx',
  },
  {
    name: 'test tool, recorded requests unfolded',
    path: '/test?trigger=github.push',
    reach: unfolded('Take a recorded request'),
    opens: 'pages/test-tool/recorded-picker.tsx',
  },
  {
    name: 'test tool with a header that is none',
    path: '/test?trigger=github.push',
    async reach(page) {
      await page.getByLabel('Headers').fill('no header')
      await shows('is not of the form')(page)
    },
  },
  {
    name: 'test tool after a test that was accepted',
    path: '/test?trigger=github.push',
    async reach(page) {
      await press(page, 'Send through the receiver')
      await shows('Accepted and stored')(page)
    },
  },
  {
    name: 'test tool after a test that was refused',
    path: '/test?trigger=github.push',
    async reach(page) {
      await page.getByLabel('Another secret').fill('another secret that is long enough')
      await press(page, 'Send through the receiver')
      await shows('Refused: signature_invalid')(page)
    },
  },
]

const SETTINGS: readonly State[] = [
  { name: 'API tokens', path: '/settings/tokens', reach: row },
  { name: 'API tokens on a narrow screen', path: '/settings/tokens', widthPx: 360, reach: row },
  {
    name: 'new token',
    path: '/settings/tokens',
    reach: opened('New token'),
    opens: 'pages/settings/new-token.tsx',
  },
  {
    name: 'new token, role unfolded',
    path: '/settings/tokens',
    async reach(page) {
      await opened('New token')(page)
      await unfolded('Role')(page)
    },
  },
  {
    name: 'new token with a name that is none',
    path: '/settings/tokens',
    async reach(page) {
      await opened('New token')(page)
      await page.getByLabel('Name').fill(' a')
      await press(page, 'Make the token')
      await page.getByRole('alert').or(page.locator('[aria-invalid="true"]')).first().waitFor()
    },
  },
  {
    name: 'token, shown once',
    path: '/settings/tokens',
    async reach(page) {
      await opened('New token')(page)
      await page.getByLabel('Name').fill('shown')
      await press(page, 'Make the token')
      await shows('Copy it now')(page)
    },
  },
  {
    name: 'token to be revoked',
    path: '/settings/tokens',
    reach: opened('Revoke deployments'),
    opens: 'pages/settings/tokens.tsx',
  },
  {
    name: 'admin audit log',
    path: '/settings/changes',
    async reach(page) {
      await row(page)
      await page
        .getByText(/^\d+ more$/)
        .first()
        .click()
    },
  },
  { name: 'admin audit log on a narrow screen', path: '/settings/changes', widthPx: 360, reach: row },
  { name: 'configuration', path: '/settings/configuration', reach: row },
  {
    name: 'about, with a licence unfolded',
    path: '/settings/about',
    async reach(page) {
      await page.locator('summary').first().click()
      await page.locator('details[open] pre').waitFor()
    },
  },
]

const SHELL: readonly State[] = [
  {
    name: 'account menu',
    path: '/settings/about',
    async reach(page) {
      await page.getByRole('button', { name: /admin-token/ }).click()
      await page.getByRole('menu').waitFor()
    },
    opens: 'shell.tsx',
  },
  {
    name: 'the way past the pages',
    path: '/settings/about',
    async reach(page) {
      await page.locator('main').waitFor()
      await page.keyboard.press('Tab')
      await page.locator('a[href="#main"]:focus').waitFor()
    },
  },
  {
    name: 'a hint on focus',
    path: '/triggers/github.push',
    async reach(page) {
      await page.getByRole('button', { name: 'Delete the trigger' }).hover()
      await page.locator('[data-open]', { hasText: 'Delete the trigger' }).first().waitFor()
    },
  },
  {
    name: 'nothing at this address',
    path: '/settings/about',
    async reach(page) {
      await page.locator('main h1').waitFor()
      await page.evaluate("history.pushState(null, '', '/nowhere')")
      await shows('Nothing is at this address')(page)
    },
  },
]

/** Where there is something to be seen, as an admin sees it. */
export const FILLED_STATES: readonly State[] = [
  ...OVERVIEW,
  ...TRIGGERS,
  ...TRIGGER,
  ...EDITORS,
  ...LOG,
  ...EVENTS,
  ...TEST_TOOL,
  ...SETTINGS,
  ...SHELL,
]

/** What is there for those who may read and no more. */
export const VIEWER_STATES: readonly State[] = [
  { name: 'overview', path: '/', reach: shows('Busiest triggers') },
  { name: 'trigger', path: '/triggers/github.push', reach: shows('Latest attempts') },
  { name: 'checks', path: CHECKS, reach: shows('Payloads of at most') },
  { name: 'connecting', path: '/triggers?connect=quiet', reach: shows('needs the role operator') },
  { name: 'test tool', path: '/test?trigger=github.push', reach: shows('Your token may not send tests') },
  { name: 'settings', path: '/settings/tokens', reach: shows('This installation') },
]
