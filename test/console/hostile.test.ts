/** What strangers wrote is shown as text on every page: it runs nothing, asks for nothing, and stays within its place. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { TEST_BODY_BYTES_MAX } from '../../src/core/limits.ts'
import { readAll, type Webhook } from '../support/binary.ts'
import type { Visit } from '../support/browser.ts'
import { type ConsoleUnderTest, startConsole } from '../support/console.ts'
import { eventually } from '../support/eventually.ts'
import { sendRaw } from '../support/raw-http.ts'

/** Would run, ask a stranger, or leave an element behind, wherever it is taken for markup; out of an attribute too. */
const MARKUP =
  `"'></title></textarea></script><script>window.ran = 1</script><img src=//evil.example/a onerror="window.ran = 1">` +
  `<svg onload=alert(1)><b data-hostile style="position:fixed;inset:0">` +
  `<iframe src="javascript:window.ran = 1"></iframe><a href="javascript:alert(1)">here</a>{{7*7}}\${7*7}&lt;b&gt;`
const BIDI =
  'user\u202egnp.exe\u202c \u2066\u2067rtl\u2069 \u200b\u200d\u2060\ufeff\u00ad \u05d0\u05d1 \u3164'
const CONTROLS = '\u0000\u0007\u0008\u001b[2J\u001b]0;title\u0007\u009b31m\u007f\u2028\u2029'
const HEAP = `Z\u0301${'\u0301\u0489\u0332'.repeat(300)}algo`
const WIDE = 'W'.repeat(2_000)
const LONG = 'a'.repeat(1_000_000)

/** JSON texts, forms and bytes, each under a name of its own. */
const BODIES: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>> = {
  markup: JSON.stringify({
    [MARKUP]: MARKUP,
    list: [MARKUP],
    url: 'javascript:alert(1)',
    data: 'data:text/html,x',
  }),
  marks: JSON.stringify({ [BIDI]: BIDI, heap: HEAP, [HEAP]: 1, controls: CONTROLS, lone: '\ud800' }),
  names:
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1,"":{"":0},"a":1,"a":2}',
  numbers: `[1e400,-0,${'9'.repeat(5_000)},0.${'1'.repeat(5_000)},1e-9999999]`,
  long: JSON.stringify({ long: LONG, [LONG.slice(0, 20_000)]: WIDE }),
  turned: JSON.stringify(`\u202e${'\u202e\u0301'.repeat(150_000)}`),
  deep: `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  deepNames: `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  many: JSON.stringify(Array.from({ length: 100_000 }, (_, index) => index)),
  bytes: new Uint8Array(Array.from({ length: 4_096 }, (_, index) => (index * 7) % 256)),
  page: `<!doctype html><html><body onload="window.ran = 1">${MARKUP}</body></html>`,
  form: new URLSearchParams([
    [MARKUP, MARKUP],
    [BIDI, HEAP],
    ['long', WIDE],
  ]).toString(),
  lines: '\r\n'.repeat(50_000),
  shell: `@/etc/passwd'; touch ran; echo "$(touch ran)" \`touch ran\` \\' !! %0a ~ \${HOME} é 👩‍💻\n\ttab`,
  quotes: `'"'"'\\''$(touch ran)\n'`,
  nul: 'before\u0000after',
}

const TYPES: Readonly<Record<string, string>> = {
  form: 'application/x-www-form-urlencoded',
  page: 'text/html',
  bytes: `text/html;charset="><script>window.ran = 1</script>`,
}

let under: ConsoleUnderTest
let webhook: Webhook
let visit: Visit
let page: Page
const dialogs: string[] = []
/** The ids of the rows, by the name of the body. */
const rows = new Map<string, string>()

const HEADERS = [
  `User-Agent: ${MARKUP}`,
  `X-'\`$!#%&*+.^_|~: '; touch ran; $(touch ran) "`,
  `X-Markup: ${MARKUP}`,
  `X-Bytes: \u00ff\u0080\u00e9 ${Buffer.from('\u202eé\u200b').toString('latin1')}`,
  `X-Wide: ${WIDE}`,
  'X-Empty: ',
  `X-${'N'.repeat(200)}: long name`,
]

/** As no client of ours would write it. @returns the id of its row */
async function send(name: string): Promise<string> {
  const body = Buffer.from(BODIES[name] ?? '')
  const lines = [
    `POST ${webhook.path} HTTP/1.1`,
    'Host: localhost',
    `Content-Length: ${body.byteLength}`,
    `Content-Type: ${TYPES[name] ?? 'application/json'}`,
    ...HEADERS,
  ]
  const answer = await sendRaw(
    under.server.receiverPort,
    Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    body,
  )
  expect([name, answer.status]).toEqual([name, 200])
  return answer.headers.get('x-request-id') ?? ''
}

beforeAll(async () => {
  under = await startConsole()
  webhook = await under.server.createTrigger('hostile.push', { payloadKb: 4_096 })
  await under.server.createTrigger(`${'w'.repeat(127)}.${'w'.repeat(127)}`)
  const texts = {
    label: `${MARKUP.slice(0, 120)}${BIDI}`,
    description: `${MARKUP}${BIDI}${HEAP}${WIDE}`.slice(0, 4_000),
  }
  for (const json of [{ label: HEAP.slice(0, 255), description: '' }, texts]) {
    expect((await under.server.api('PATCH', '/api/v1/triggers/hostile.push', json)).status).toBe(200)
  }
  for (const name of Object.keys(BODIES)) rows.set(name, await send(name))
  await eventually(
    async () => (await readAll(under.server, '/api/v1/webhook-event-log')).length === rows.size,
  )
  visit = await under.chromium.visit(under.server)
  ;({ page } = visit)
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  page.setDefaultTimeout(WAIT_MS_MAX)
  await visit.context.grantPermissions(['clipboard-read', 'clipboard-write'], {
    origin: under.server.adminUrl,
  })
  await visit.signIn(under.token)
})
afterAll(async () => {
  await visit.close()
  await under.close()
})

const WAIT_MS_MAX = 5_000

/** Parts of a page are drawn while they are in sight, so that this holds for whatever is in them. */
const ELEMENTS_MAX = 6_000
const ROW_HEIGHT_PX_MAX = 900

interface Found {
  readonly ran: unknown
  readonly injected: readonly string[]
  readonly elements: number
  readonly tooWide: readonly string[]
  readonly tooHigh: number
}

const LOOK = `({
  ran: window.ran ?? null,
  injected: [...document.querySelectorAll(
    '[data-hostile], [onerror], [onload], iframe, object, embed, base, script:not([src^="/assets/"]), [href^="javascript:" i], [src*="evil"]'
  )].map((it) => it.outerHTML.slice(0, 100)),
  elements: document.querySelectorAll('*').length,
  tooWide: document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
    .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
    .filter((it) => {
      for (let at = it.parentElement; at; at = at.parentElement)
        if (at.tagName === 'svg' || getComputedStyle(at).overflowX !== 'visible') return false
      return true
    }).slice(0, 5).map((it) => it.outerHTML.slice(0, 160)).concat('it scrolls sideways'),
  tooHigh: Math.max(0, ...[...document.querySelectorAll('[data-row], [role=treeitem]')].map((it) => it.offsetHeight)),
})`

/** Looks at the page as it is, on a wide and on a narrow screen. */
async function isSound(where: string): Promise<void> {
  for (const width of [360, 1_280]) {
    await page.setViewportSize({ width, height: 860 })
    // What draws itself, such as a chart, follows a frame later.
    const found = await eventually(async () => {
      const seen = await page.evaluate<Found>(LOOK)
      return seen.tooWide.length === 0 ? seen : null
    }, 2_000).catch(() => page.evaluate<Found>(LOOK))
    expect({ where, width, ...found, elements: 0, tooHigh: 0 }).toEqual({
      where,
      width,
      ran: null,
      injected: [],
      tooWide: [],
      elements: 0,
      tooHigh: 0,
    })
    expect(found.elements).toBeLessThan(ELEMENTS_MAX)
    expect(found.tooHigh).toBeLessThan(ROW_HEIGHT_PX_MAX)
  }
  expect([where, dialogs, visit.complaints()]).toEqual([where, [], []])
}

/** As a link of the console does, which loads no document. */
const follow = (path: string) => page.evaluate(`history.pushState(null, '', ${JSON.stringify(path)})`)
const drawer = () => page.getByRole('dialog')
const openRow = async (name: string): Promise<void> => {
  await follow(`/log?row=${rows.get(name)}`)
  await drawer()
    .getByText(rows.get(name) ?? '')
    .first()
    .waitFor()
}
const showAs = async (tab: string): Promise<void> => {
  const control = drawer().getByRole('tab', { name: tab })
  await control.click()
  await eventually(async () => (await control.getAttribute('aria-selected')) === 'true')
}

describe('an attempt', () => {
  test('in the list is one row among others', async () => {
    await visit.open('/log')
    await page.getByRole('row').nth(rows.size).waitFor()
    await page.getByText('<script>window.ran').first().waitFor()
    await isSound('log')
  })

  test.each(Object.keys(BODIES))('whose body is %s is text, however it is looked at', async (name) => {
    await openRow(name)
    const tabs = drawer().getByRole('tab')
    await tabs.first().waitFor()
    for (const tab of await tabs.allTextContents()) {
      await showAs(tab)
      await isSound(`${name} as ${tab}`)
    }
    if ((await drawer().getByRole('tab', { name: 'Tree' }).count()) === 0) return
    await showAs('Tree')
    await drawer().getByRole('button', { name: 'Open all' }).click()
    await drawer().getByRole('tree').press('End')
    await drawer().getByRole('treeitem', { selected: true }).waitFor()
    await isSound(`${name} as a tree that is all open`)
  })

  test('shows markup to the letter, and marks that are not seen by their codes', async () => {
    await openRow('markup')
    await showAs('Raw')
    const raw = drawer().getByRole('region', { name: 'Payload as text' })
    expect(await raw.textContent()).toBe(String(BODIES['markup']))
    await openRow('marks')
    await showAs('Raw')
    const shown = await raw.textContent()
    expect(shown).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff\u3164]|\p{M}{9}/u)
    for (const code of ['U+202E', 'U+2066', 'U+200B', 'U+FEFF', 'U+009B', 'U+2028', 'more accents']) {
      expect(shown).toContain(code)
    }
    await showAs('Tree')
    await drawer().getByRole('treeitem').nth(1).click()
    const chosen = drawer().getByRole('region', { name: 'The chosen value' })
    expect(await chosen.textContent()).toContain('user⟨U+202E⟩gnp.exe')
    const headers = drawer().getByRole('region', { name: 'Headers' })
    expect(await headers.textContent()).toContain(MARKUP)
  })
})

describe('the command that sends an attempt again', () => {
  test.each(['markup', 'marks', 'names', 'bytes', 'page', 'form', 'shell', 'quotes', 'nul', 'long'])(
    'sends what came to the letter, and runs nothing of it: %s',
    async (name) => {
      await openRow(name)
      await drawer().getByRole('button', { name: 'Copy as curl' }).click()
      await drawer().getByRole('button', { name: 'Copied' }).waitFor()
      const command = await page.evaluate<string>('navigator.clipboard.readText()')
      const folder = mkdtempSync(join(tmpdir(), 'attune-curl-'))
      try {
        const isInFile = command.includes("'@")
        if (isInFile) {
          const downloading = page.waitForEvent('download')
          await drawer().getByRole('link', { name: 'Download' }).click()
          const download = await downloading
          await download.saveAs(join(folder, download.suggestedFilename()))
        }
        const before = readdirSync(folder)
        const shell = Bun.spawn(['bash', '-c', command], { cwd: folder, stdout: 'pipe', stderr: 'pipe' })
        const [text, , code] = await Promise.all([
          new Response(shell.stdout).json() as Promise<{ data: { event_id: string } }>,
          new Response(shell.stderr).text(),
          shell.exited,
        ])
        expect([code, readdirSync(folder), before.length]).toEqual([0, before, isInFile ? 1 : 0])
        const sent = await under.server.body(text.data.event_id)
        expect(sent.equals(Buffer.from(BODIES[name] ?? ''))).toBe(true)
        const headersOf = async (id: string) => {
          const { json } = await under.server.api('GET', `/api/v1/events/${id}`)
          const pairs = json.data.headers as [string, string][]
          return pairs.map(([header, value]) => `${header.toLowerCase()}: ${value}`).sort()
        }
        const had = await headersOf(rows.get(name) ?? '')
        const added = (await headersOf(text.data.event_id)).filter((header) => !had.includes(header))
        expect(added).toEqual(['accept: */*', `host: 127.0.0.1:${under.server.receiverPort}`])
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )
})

const REF = 'hostile.push'
const IN_URL = encodeURIComponent(`${MARKUP.slice(0, 200)}${BIDI}`)

/** Where it is shown, and what of it has to be in sight before one looks. */
const PLACES: Readonly<Record<string, readonly [path: string, sign: string | RegExp]>> = {
  'the overview': ['/', 'Busiest triggers'],
  'the triggers': ['/triggers', /<script>window\.ran/],
  'the triggers, searched': [`/triggers?search=${IN_URL}`, 'No trigger fits'],
  'a trigger': [`/triggers/${REF}`, /⟨U\+202E⟩/],
  'its checks': [`/triggers/${REF}?tab=checks`, 'Payload limit'],
  'what its sender is told': [`/triggers/${REF}?tab=instructions`, /curl/],
  'a trigger that is none': [`/triggers/${IN_URL}`, 'No trigger has this ref'],
  'a trigger whose ref is no URL': ['/triggers/%25E0%25A4%25A', 'No trigger has this ref'],
  'a trigger to connect': [`/triggers?connect=${IN_URL}`, /./],
  'the events': ['/events', 'application/json'],
  'the events, searched': [`/events?path=${IN_URL}&value=${IN_URL}`, /path/i],
  'the log, searched': [`/log?text=${IN_URL}`, 'No attempt fits these filters'],
  'the log, filtered': [`/log?trigger=${IN_URL}&ip=${IN_URL}&code=${IN_URL}&status=${IN_URL}`, /./],
  'a row that is none': [`/log?row=${IN_URL}`, /not there|wrong|must|form/],
  'an event that is none': [`/events?event=${IN_URL}`, /not there|wrong|must|form/],
  'the test tool': [`/test?trigger=${REF}`, 'Sign it'],
  'the test tool, for nothing': [`/test?trigger=${IN_URL}&sample=${IN_URL}`, /./],
  'the admin audit log': ['/settings/changes', /<script>window\.ran/],
  'the admin audit log, filtered': [`/settings/changes?actor=${IN_URL}&target=${IN_URL}`, /No change fits/],
  'settings that are none': [`/settings/${IN_URL}`, 'API tokens'],
  'no page': [`/nowhere/${IN_URL}`, 'Nothing is at this address'],
}

describe('a page', () => {
  test.each(Object.entries(PLACES))('%s stays what it is', async (_, [path, sign]) => {
    await follow('/settings/about')
    await page.getByText('This installation').waitFor()
    await follow(path)
    await page.locator('#root, [role=dialog]').getByText(sign).first().waitFor()
    await isSound(path)
  })

  test.each(['markup', 'marks', 'deep', 'bytes', 'lines', 'shell', 'nul', 'long'])(
    'with the test tool takes up %s, and sends it as it was or says why not',
    async (name) => {
      const body = Buffer.from(BODIES[name] ?? '')
      await follow('/settings/about')
      await page.getByText('This installation').waitFor()
      await follow(`/test?from=${rows.get(name)}`)
      await page.getByText('Recorded attempt').waitFor()
      await isSound(`test of ${name}`)
      await page.getByRole('button', { name: /^Send/ }).click()
      if (body.byteLength > TEST_BODY_BYTES_MAX) {
        await page.getByRole('alert').getByText(`at most ${TEST_BODY_BYTES_MAX}`).waitFor()
        return
      }
      const link = page.getByRole('link', { name: 'Open it in the event log' })
      await link.waitFor()
      await isSound(`tested ${name}`)
      const { searchParams } = new URL((await link.getAttribute('href')) ?? '', under.server.adminUrl)
      const path = `/api/v1/webhook-event-log/${searchParams.get('row')}`
      const sent = await under.server.body((await under.server.api('GET', path)).json.data.event_id)
      expect(sent.equals(body)).toBe(true)
    },
  )

  test('that is loaded anew with such an address is served and stands', async () => {
    for (const path of [`/triggers/${IN_URL}`, '/triggers/%E0%A4%A', `/log?text=${IN_URL}`]) {
      await visit.open(path)
      await isSound(path)
    }
  })
})
