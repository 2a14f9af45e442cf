import { type Static, Type as t } from '@sinclair/typebox'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { TRIGGER_SEARCH_LENGTH_MAX } from './limits.ts'

/** `created`: in the order in which they were made. */
export const TRIGGER_SORTS = ['created', 'ref', 'updated'] as const
export type TriggerSort = (typeof TRIGGER_SORTS)[number]

export const TRIGGER_ORDERS = ['asc', 'desc'] as const
export type TriggerOrder = (typeof TRIGGER_ORDERS)[number]

const oneOf = <const Names extends readonly string[]>(names: Names) =>
  t.Unsafe<Names[number]>(t.Union(names.map((name) => t.Literal(name))))

/** What the list of triggers takes beside cursor and limit. */
export const triggerListFields = {
  search: t.Optional(
    t.String({
      maxLength: TRIGGER_SEARCH_LENGTH_MAX,
      description: `a part of the ref or the label in any case, at most ${TRIGGER_SEARCH_LENGTH_MAX} characters`,
    }),
  ),
  sort: t.Optional(oneOf(TRIGGER_SORTS)),
  order: t.Optional(oneOf(TRIGGER_ORDERS)),
}
const TriggerListFields = t.Object(triggerListFields)

/** What is listed, and how. */
export interface TriggerListing {
  /** A substring of the ref or the label, in any case; empty: all of them. */
  readonly search: string
  readonly sort: TriggerSort
  readonly order: TriggerOrder
}

/** Newest first, unless something else is asked for; refs in the order of the alphabet. */
export function triggerListing(given: Static<typeof TriggerListFields>): TriggerListing {
  const { search = '', sort = 'created' } = given
  return { search, sort, order: given.order ?? (sort === 'ref' ? 'asc' : 'desc') }
}

/** The last row of a page, by what its page is sorted by: the value that is sorted by, and an id where it can be shared. */
export type TriggerPosition =
  | { readonly sort: 'created'; readonly id: string }
  | { readonly sort: 'ref'; readonly ref: string }
  /** Microseconds since 1970, as finely as the database keeps them. */
  | { readonly sort: 'updated'; readonly updatedUs: string; readonly id: string }

export function encodeTriggerCursor(order: TriggerOrder, position: TriggerPosition): string {
  const head = `${position.sort}.${order}`
  switch (position.sort) {
    case 'created':
      return encodeCursor(`${head} ${position.id}`)
    case 'ref':
      return encodeCursor(`${head} ${position.ref}`)
    case 'updated':
      return encodeCursor(`${head} ${position.updatedUs} ${position.id}`)
  }
}

const REF = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const MICROSECONDS = /^[1-9][0-9]{0,15}$/

/** @returns `null` for what is no cursor of ours, or one of another sort or order */
export function decodeTriggerCursor(text: string, { sort, order }: TriggerListing): TriggerPosition | null {
  const [head, value = '', id = '', ...more] = decodeCursor(text)?.split(' ') ?? []
  if (head !== `${sort}.${order}` || more.length > 0) return null
  switch (sort) {
    case 'created':
      return isId(value) && id === '' ? { sort, id: value } : null
    case 'ref':
      return REF.test(value) && id === '' ? { sort, ref: value } : null
    case 'updated':
      return MICROSECONDS.test(value) && isId(id) ? { sort, updatedUs: value, id } : null
  }
}

const BIGINT_MAX = 2n ** 63n - 1n

const isId = (text: string): boolean => /^[1-9][0-9]{0,18}$/.test(text) && BigInt(text) <= BIGINT_MAX
