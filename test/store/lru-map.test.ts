import { expect, test } from 'bun:test'
import { LruMap } from '../../src/store/lru-map.ts'

test('never holds more than its size, however many keys come', () => {
  const map = new LruMap<number, number>(100)
  for (let key = 0; key < 20_000; key++) map.set(key, key)
  expect(map.size).toBe(100)
  expect(map.get(19_999)).toBe(19_999)
  expect(map.get(19_899)).toBeUndefined()
})

test('the entry that was not asked for the longest goes first', () => {
  const map = new LruMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.get('a')
  map.set('c', 3)
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([1, undefined, 3])
})

test('setting a key again replaces its value and makes room for nobody else', () => {
  const map = new LruMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.set('a', 3)
  expect([map.get('a'), map.get('b'), map.size]).toEqual([3, 2, 2])
})

test('deletes one, and clears all', () => {
  const map = new LruMap<string, number>(3)
  map.set('a', 1)
  map.set('b', 2)
  map.delete('a')
  expect([map.get('a'), map.size]).toEqual([undefined, 1])
  map.clear()
  expect(map.size).toBe(0)
})
