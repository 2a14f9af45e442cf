import { PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX } from '../core/limits.ts'
import type { Answer } from './admin-client.ts'
import { type CommandContext, type OptionSpecs, range, UsageError, wholeNumber } from './command.ts'
import { cellText } from './output.ts'

/** The options of every list. */
export const PAGE_OPTIONS = {
  limit: {
    type: 'string',
    placeholder: 'N',
    description: `rows of a page, ${range(1, PAGE_ROWS_MAX)} [${PAGE_ROWS_DEFAULT}]`,
  },
  cursor: {
    type: 'string',
    placeholder: 'CURSOR',
    description: 'the page that starts there, as the page before names it',
  },
} as const satisfies OptionSpecs

/** The options of lists of what came in. */
export const RANGE_OPTIONS = {
  trigger: { type: 'string', placeholder: 'REF', description: 'only those of this trigger' },
  since: { type: 'string', placeholder: 'TIME', description: 'not before, e.g. 2026-01-31T12:00:00Z' },
  until: { type: 'string', placeholder: 'TIME', description: 'before' },
} as const satisfies OptionSpecs

/** The option of lists that have more columns than fit a terminal. */
export const WIDE_OPTION = {
  type: 'boolean',
  description: 'print every column in full on a terminal too, as into a pipe or file',
} as const

/** @returns how wide a line of the list may be; `null` for the whole table */
export const lineWidthOf = (isWide: boolean | undefined, context: CommandContext): number | null =>
  isWide ? null : context.terminalColumns()

type Given<Name extends string> = { readonly [Key in Name]?: string | undefined }

/** @throws UsageError when the limit is no number */
export const pageQuery = ({ limit, cursor }: Given<'limit' | 'cursor'>) => ({
  limit: limit === undefined ? undefined : String(wholeNumber('--limit', limit)),
  cursor,
})

/** @throws UsageError when a time is none */
export const rangeQuery = ({ trigger, since, until }: Given<'trigger' | 'since' | 'until'>) => ({
  trigger,
  since: instant('--since', since),
  until: instant('--until', until),
})

/** A time without a zone is that of this host, which the server cannot know: it is sent as UTC. */
function instant(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const time = /^\d{4}-\d{2}-\d{2}([T ]|$)/.test(text) ? new Date(text) : new Date(Number.NaN)
  if (Number.isNaN(time.getTime()))
    throw new UsageError(`${name} must be a time such as 2026-01-31T12:00:00Z`)
  return time.toISOString()
}

/** An empty list is no error, but a mistyped ref looks the same. */
export function sayIfNothing(
  answer: Answer<readonly unknown[]>,
  { trigger, cursor }: Given<'trigger' | 'cursor'>,
  context: CommandContext,
): void {
  const { data, next_cursor: next } = answer.body()
  if (trigger === undefined || cursor !== undefined || next || data.length > 0) return
  context.say(`no rows; is ${cellText(trigger)} the ref of a trigger?`)
}

/** Says how to come to the next page, if there is one. */
export function sayNextCursor(answer: Answer<readonly unknown[]>, context: CommandContext): void {
  const { next_cursor: cursor } = answer.body()
  if (cursor) context.say(`There is more: --cursor ${cellText(cursor)}`)
}
