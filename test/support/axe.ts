/** axe-core on a page as it stands, in both themes. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { eventually } from './eventually.ts'

/** WCAG 2.2 at levels A and AA, with what it took over from 2.0 and 2.1, and what axe-core holds to be good practice. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice']

/** A theme changes colours and nothing else, so that the second one is asked for these alone. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block']

/**
 * A list, a menu or a hint that has opened belongs to the control that opened it, which stands in a landmark; the kit puts it at the end
 * of the document all the same, so that it lies over everything.
 */
const CONFIGURATION: axe.Spec = {
  rules: [{ id: 'region', selector: 'body *:not([data-base-ui-portal], [data-base-ui-portal] *)' }],
}

/*
 * While a list that is searched by typing is open, the kit hides the rest of the page from screen readers and leaves it to the Tab key to
 * close the list first: these rules are left out then, and `accessibility.test.ts` holds the kit to it.
 */
const OF_WHAT_IS_HIDDEN = ['aria-hidden-focus', 'page-has-heading-one']

/** What is on its way: a skeleton, a request of a form, a panel that slides. */
const UNSETTLED = '[aria-busy="true"], .animate-pulse, [data-starting-style], [data-ending-style]'

/** Waits until nothing on the page is on its way any more. */
export async function settled(page: Page): Promise<void> {
  const question = `document.querySelector(${JSON.stringify(UNSETTLED)}) === null &&
    ![...document.querySelectorAll('[role="status"]')].some((it) => it.textContent.startsWith('Loading'))`
  await eventually(() => page.evaluate<boolean>(question), 10_000)
}

/**
 * What axe-core has against the page, in words, in the light theme and in the dark one. It comes in through the protocol of the developer
 * tools, which the content security policy of the page does not bind and need not be loosened for.
 */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  await settled(page)
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  const light = await run(page, 'light', { type: 'tag', values: TAGS })
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
  const dark = await run(page, 'dark', { type: 'rule', values: COLOUR_RULES })
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  return [...light, ...dark]
}

async function run(page: Page, theme: string, runOnly: axe.RunOnly): Promise<readonly string[]> {
  const options = JSON.stringify({ runOnly, resultTypes: ['violations'] } satisfies axe.RunOptions)
  await eventually(() => page.evaluate<boolean>(`document.documentElement.dataset.theme === '${theme}'`))
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
  if (!(await page.evaluate<boolean>("typeof axe === 'object'")))
    await page.evaluate(`${axe.source}; axe.configure(${JSON.stringify(CONFIGURATION)})`)
  const isListOpen = await page.locator('input[role="combobox"][aria-expanded="true"]').count()
  const { violations: found } = await page.evaluate<axe.AxeResults>(`axe.run(document, ${options})`)
  const violations = found.filter(({ id }) => isListOpen === 0 || !OF_WHAT_IS_HIDDEN.includes(id))
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, target, failureSummary }) =>
      [theme, id, String(target), html.slice(0, 300), failureSummary].join('\n  '),
    ),
  )
}
