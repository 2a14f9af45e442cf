import { Type as t } from '@sinclair/typebox'
import { decodeCursor } from '../core/cursor.ts'
import { PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX } from '../core/limits.ts'
import { requestIdTimeMs } from '../core/request-id.ts'
import { problemIf, type Rule } from './input.ts'
import { Instant, isInstant, parseInstant } from './instant.ts'

/** What every list takes. */
export const pageFields = {
  cursor: t.Optional(t.String({ maxLength: 400, description: 'The next_cursor of the page before' })),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: PAGE_ROWS_MAX, default: PAGE_ROWS_DEFAULT })),
}

/** What lists of things that happened take as well. */
export const timeFields = {
  since: t.Optional(Instant),
  until: t.Optional(Instant),
}

export const timeRules = { since: isInstant, until: isInstant }

/** The bounds of a list, once `timeRules` have passed them. */
export const timesOf = (since: string | undefined, until: string | undefined) => ({
  since: since === undefined ? undefined : (parseInstant(since) ?? undefined),
  until: until === undefined ? undefined : (parseInstant(until) ?? undefined),
})

const cursorRule =
  (isId: (id: string) => boolean): Rule =>
  (value, field) => {
    const id = typeof value === 'string' ? decodeCursor(value) : null
    return problemIf(id === null || !isId(id), field, 'must be the next_cursor of an earlier page')
  }

/** Cursors of events and log rows: ids with their time inside. */
export const isRequestIdCursor = cursorRule((id) => requestIdTimeMs(id) !== null)

const BIGINT_MAX = 2n ** 63n - 1n

/** Whether a text is a 64-bit number as our identities are: positive, and written in one way. */
export const isIdentity = (id: string): boolean => /^[1-9][0-9]{0,18}$/.test(id) && BigInt(id) <= BIGINT_MAX

/** Cursors of what is numbered. */
export const isIdentityCursor = cursorRule(isIdentity)

/** Cursors that carry more than an id, which only their list can read. */
export const isCursor = cursorRule(() => true)

/** The id behind a cursor that has been checked. */
export const cursorId = (cursor: string | undefined): string | null =>
  cursor === undefined ? null : decodeCursor(cursor)
