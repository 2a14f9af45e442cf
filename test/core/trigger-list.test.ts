import { expect, test } from 'bun:test'
import { decodeCursor, encodeCursor } from '../../src/core/cursor.ts'
import {
  decodeTriggerCursor,
  encodeTriggerCursor,
  TRIGGER_ORDERS,
  TRIGGER_SORTS,
  type TriggerPosition,
  triggerListing,
} from '../../src/core/trigger-list.ts'

const POSITIONS: readonly TriggerPosition[] = [
  { sort: 'created', id: '9223372036854775807' },
  { sort: 'ref', ref: `${'a'.repeat(253)}.b` },
  { sort: 'updated', updatedUs: '1763942400123456', id: '7' },
]

test('a cursor carries what its page is sorted by, and fits into a query', () => {
  for (const position of POSITIONS) {
    for (const order of TRIGGER_ORDERS) {
      const cursor = encodeTriggerCursor(order, position)
      expect(cursor.length).toBeLessThanOrEqual(400)
      expect(decodeTriggerCursor(cursor, { search: 'x', sort: position.sort, order })).toEqual(position)
    }
  }
})

test('a cursor of another sort or order is none', () => {
  for (const position of POSITIONS) {
    for (const made of TRIGGER_ORDERS) {
      const cursor = encodeTriggerCursor(made, position)
      for (const sort of TRIGGER_SORTS) {
        for (const order of TRIGGER_ORDERS) {
          if (sort === position.sort && order === made) continue
          expect(decodeTriggerCursor(cursor, { search: '', sort, order })).toBeNull()
        }
      }
    }
  }
})

test.each([
  ['created', 'created.desc 0'],
  ['created', 'created.desc -1'],
  ['created', 'created.desc 9223372036854775808'],
  ['created', 'created.desc 7 7'],
  ['created', 'created.desc'],
  ['created', '7'],
  ['ref', 'ref.desc A'],
  ['ref', "ref.desc a' or true"],
  ['ref', 'ref.desc '],
  ['updated', 'updated.desc 1763942400123456'],
  ['updated', 'updated.desc 1763942400123456 0'],
  ['updated', 'updated.desc 2026-01-01 7'],
  ['updated', 'updated.desc 17639424001234567 7'],
  ['updated', 'updated.desc 1 7 7'],
] as const)('a cursor of %s with the text %p is none', (sort, text) => {
  expect(decodeCursor(encodeCursor(text))).toBe(text)
  expect(decodeTriggerCursor(encodeCursor(text), { search: '', sort, order: 'desc' })).toBeNull()
})

test('the newest come first, and refs in the order of the alphabet, unless an order is asked for', () => {
  expect(triggerListing({})).toEqual({ search: '', sort: 'created', order: 'desc' })
  expect(triggerListing({ sort: 'updated' }).order).toBe('desc')
  expect(triggerListing({ sort: 'ref' }).order).toBe('asc')
  expect(triggerListing({ sort: 'ref', order: 'desc' }).order).toBe('desc')
})
