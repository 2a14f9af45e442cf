import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  PAYLOAD_SEARCH_BYTES_MAX,
  PAYLOAD_SEARCH_DEPTH_MAX,
  PAYLOAD_SEARCH_TERMS_MAX,
  PAYLOAD_SEARCH_VALUE_LENGTH_MAX,
} from '../../src/core/limits.ts'
import {
  addressTerm,
  canonicalNumber,
  eventTerms,
  hasValue,
  INCOMPLETE_TERM,
  type PayloadPath,
  parsePayloadPath,
  queryTerms,
  triggerTerm,
} from '../../src/core/payload-terms.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const termsOf = (body: Uint8Array | null, contentType: string | null = null) =>
  eventTerms({ triggerRef: 'a', sourceIp: null, contentType, body })

function pathOf(text: string): PayloadPath {
  const path = parsePayloadPath(text)
  if ('problem' in path) throw new Error(path.problem)
  return path
}

/** By the payload itself, and by its terms, which may say yes to more. */
function finds(payload: string | Uint8Array, path: string, value: string, contentType: string | null = null) {
  const body = typeof payload === 'string' ? bytes(payload) : payload
  const query = { path: pathOf(path), value }
  const terms = new Set(termsOf(body, contentType))
  return [hasValue(query, body, contentType), queryTerms(query).some((term) => terms.has(term))]
}

const BOTH = [true, true]
const NEITHER = [false, false]

describe('a payload is found by', () => {
  test.each([
    ['a key', '{"a":"x"}', 'a', 'x'],
    ['a key below another', '{"a":{"b":"x"}}', 'a.b', 'x'],
    ['an element of an array', '{"a":["w","x"]}', 'a[]', 'x'],
    ['a key of an element', '{"a":[{"b":"w"},{"b":"x"}]}', 'a[].b', 'x'],
    ['arrays in arrays', '{"a":[[],[["x"]]]}', 'a[][][]', 'x'],
    ['an array that is all', '[{"a":"x"}]', '[].a', 'x'],
    ['what follows empty ones', '{"a":{},"b":[],"c":[{}],"d":"x"}', 'd', 'x'],
    ['a key with a dot', '{"a.b":{"c":"x"}}', '"a.b".c', 'x'],
    ['a key with quotes and brackets', '{"\\"[]":"x"}', String.raw`"\"[]"`, 'x'],
    ['an empty key', '{"":{"":"x"}}', '"".""', 'x'],
    ['a key with escapes', '{"\\u0061":"x"}', 'a', 'x'],
    ['a text with escapes', '{"a":"\\u0078\\n\\\\"}', 'a', 'x\n\\'],
    ['a text that ends in backslashes', '{"a":"\\\\","b":"\\\\\\""}', 'b', '\\"'],
    ['an empty text', '{"a":""}', 'a', ''],
    ['true', '{"a":true}', 'a', 'true'],
    ['false', '{"a":false}', 'a', 'false'],
    ['null', '{"a":null}', 'a', 'null'],
    ['a text that looks like a word', '{"a":"null"}', 'a', 'null'],
    ['a number', '{"a":42}', 'a', '42'],
    ['a text that looks like a number', '{"a":"1.0"}', 'a', '1.0'],
    ['a number written otherwise', '{"a":1.50e1}', 'a', '15'],
    ['a number that is asked for otherwise', '{"a":15}', 'a', '1.50E+1'],
    ['a number beyond a double', '{"a":12345678901234567890}', 'a', '12345678901234567890'],
    ['a number out of range', '{"a":1e400}', 'a', '1e400'],
    ['zero, whatever its sign', '{"a":-0.00e9}', 'a', '0'],
    ['__proto__', '{"__proto__":{"x":"y"}}', '__proto__.x', 'y'],
    ['constructor', '{"constructor":1}', 'constructor', '1'],
    ['the first of two like keys', '{"a":1,"a":2}', 'a', '1'],
    ['the second of two like keys', '{"a":1,"a":2}', 'a', '2'],
    ['white space between', ' \t\r\n{ "a" : [ "x" , "y" ] } ', 'a[]', 'y'],
    ['characters beyond 16 bits', '{"😀":"😀"}', '😀', '😀'],
    ['half a surrogate pair', '{"a":"\\ud800","b":1}', 'b', '1'],
    ['a byte order mark before it', '\ufeff{"a":"x"}', 'a', 'x'],
  ])('%s', (_, payload, path, value) => {
    expect(finds(payload, path, value)).toEqual(BOTH)
  })

  test('the fields of a form', () => {
    const form = 'a.b=x+y&c=%C3%BC&c=2&d'
    const type = 'application/x-www-form-urlencoded; charset=utf-8'
    expect(finds(form, '"a.b"', 'x y', type)).toEqual(BOTH)
    expect(finds(form, 'c', 'ü', type)).toEqual(BOTH)
    expect(finds(form, 'c', '2', type)).toEqual(BOTH)
    expect(finds(form, 'd', '', type)).toEqual(BOTH)
    expect(finds(form, 'c', '2', 'text/plain')).toEqual(NEITHER)
    expect(finds(form, 'c', '2', null)).toEqual(NEITHER)
  })
})

describe('a payload is not found by', () => {
  test.each([
    ['another value', '{"a":"x"}', 'a', 'y'],
    ['another case', '{"a":"x"}', 'a', 'X'],
    ['a part of a value', '{"a":"xy"}', 'a', 'x'],
    ['another key', '{"a":"x"}', 'b', 'x'],
    ['the beginning of its path', '{"a":{"b":"x"}}', 'a', 'x'],
    ['the end of its path', '{"a":{"b":"x"}}', 'b', 'x'],
    ['a longer path', '{"a":"x"}', 'a.b', 'x'],
    ['a path beside', '{"a":{"b":"x"},"c":{"d":"y"}}', 'a.d', 'y'],
    ['a path across two elements', '{"a":[{"b":{"c":1}},{"d":2}]}', 'a[].b.d', '2'],
    ['an array without its brackets', '{"a":["x"]}', 'a', 'x'],
    ['brackets where there is no array', '{"a":"x"}', 'a[]', 'x'],
    ['a key that is spelt like an array', '{"a":{"[]":"x"}}', 'a[]', 'x'],
    ['a key with a dot in place of two', '{"a.b":"x"}', 'a.b', 'x'],
    ['two keys in place of one with a dot', '{"a":{"b":"x"}}', '"a.b"', 'x'],
    ['an object', '{"a":{}}', 'a', '{}'],
    ['nothing, for null', '{"a":null}', 'a', ''],
    ['a number next to it beyond a double', '{"a":12345678901234567890}', 'a', '12345678901234567891'],
    ['a text that is the same number', '{"a":"1.0"}', 'a', '1'],
    ['half of JSON', '{"a":"x"', 'a', 'x'],
    ['JSON twice', '{"a":"x"}{"a":"x"}', 'a', 'x'],
    ['a comment', '{"a":"x"}//', 'a', 'x'],
    ['nothing at all', '', 'a', 'x'],
    ['a bare text', '"x"', 'a', 'x'],
  ])('%s', (_, payload, path, value) => {
    expect(finds(payload, path, value)).toEqual(NEITHER)
  })

  test.each([
    ['invalid UTF-8', [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]],
    ['NUL', [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0x00, 0x22, 0x7d]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('what is in %s', (_, body) => {
    expect(termsOf(Uint8Array.from(body))).toEqual([triggerTerm('a')])
  })
})

describe('hostile payloads', () => {
  test.each([
    ['100,000 arrays', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['100,000 objects', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['100,000 backslashes', JSON.stringify({ a: '\\'.repeat(100_000) })],
    ['100,000 quotes', JSON.stringify({ a: '"'.repeat(100_000) })],
    ['a number of 100,000 digits', `{"a":${'9'.repeat(100_000)}}`],
    ['a number of 1,000 zeros', `{"a":1${'0'.repeat(1_000)}e-${'9'.repeat(15)}}`],
    ['a key of 100,000 characters', `{"${'k'.repeat(100_000)}":"x"}`],
  ])('%s take neither the stack nor long', (_, payload) => {
    const startedAtMs = performance.now()
    expect(termsOf(bytes(payload)).length).toBeLessThanOrEqual(3)
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
  })

  test('one of 20,000 keys has so many terms, and says that they are not all', () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `"${index}":1`)
    const terms = termsOf(bytes(`{${keys.join(',')}}`))
    expect(terms.length).toBe(PAYLOAD_SEARCH_TERMS_MAX + 1)
    expect(terms).toContain(INCOMPLETE_TERM)
    expect(finds(`{${keys.join(',')}}`, '19999', '1')).toEqual(BOTH)
  })

  test('one that is beyond the limit is not looked at', () => {
    const body = bytes(`{"a":"x","b":"${'y'.repeat(PAYLOAD_SEARCH_BYTES_MAX)}"}`)
    expect(termsOf(body)).toEqual([triggerTerm('a')])
    expect(hasValue({ path: ['a'], value: 'x' }, body, null)).toBe(false)
  })

  test('a text that nobody can ask for takes no term', () => {
    const of = (length: number) => termsOf(bytes(JSON.stringify({ a: 'x'.repeat(length) }))).length
    expect(of(PAYLOAD_SEARCH_VALUE_LENGTH_MAX)).toBe(2)
    expect(of(PAYLOAD_SEARCH_VALUE_LENGTH_MAX + 1)).toBe(1)
  })

  test('a repeated value takes one term', () => {
    expect(termsOf(bytes('{"a":[1,1,1.0,"1",10e-1]}'))).toHaveLength(2)
  })

  test('the depth of a path is the depth of what is found', () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const path = (depth: number) => Array.from({ length: depth }, () => 'a').join('.')
    const deepest = PAYLOAD_SEARCH_DEPTH_MAX
    expect(finds(nested(deepest), path(deepest), '1')).toEqual(BOTH)
    expect(termsOf(bytes(nested(deepest + 1)))).toHaveLength(1)
    expect(parsePayloadPath(path(deepest + 1))).toHaveProperty('problem')
    // What comes behind is at its own depth again.
    expect(finds(`{"b":${nested(50)},"c":2}`, 'c', '2')).toEqual(BOTH)
  })
})

test('an event is found by its trigger and its address, which no payload can claim', () => {
  const event = { triggerRef: 'github.push', sourceIp: '192.0.2.1', contentType: null, body: null }
  expect(eventTerms(event)).toEqual([triggerTerm('github.push'), addressTerm('192.0.2.1')])
  expect(triggerTerm('192.0.2.1')).not.toBe(addressTerm('192.0.2.1'))
  expect(termsOf(bytes('"github.push"'))).not.toContain(triggerTerm('github.push'))
})

test('terms are what the database takes for integers', () => {
  for (const term of termsOf(bytes(JSON.stringify(Array.from({ length: 200 }, (_, index) => index))))) {
    expect(term).toBe(term | 0)
  }
})

describe('a path', () => {
  test.each([
    ['a', ['a']],
    ['repository.full_name', ['repository', 'full_name']],
    ['items[].id', ['items', null, 'id']],
    ['[]', [null]],
    ['[][].a', [null, null, 'a']],
    ['a["', null],
    ['"a.b"."c"[]', ['a.b', 'c', null]],
    ['" "', [' ']],
    ['with space.ü', ['with space', 'ü']],
    ['"\\u0041"', ['A']],
  ])('%p is read as %p', (text, path) => {
    const read = parsePayloadPath(text)
    if (path === null) expect(read).toHaveProperty('problem')
    else expect(read).toEqual(path)
  })

  test.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a[',
    'a]',
    'a[]b',
    'a.[]',
    'a"b"',
    '"a',
    '"\\x"',
    '"a"b',
    'x'.repeat(513),
  ])('%p is refused', (text) => {
    expect(parsePayloadPath(text)).toHaveProperty('problem')
  })

  test('with a position is refused with the way to write it', () => {
    expect(parsePayloadPath('items[0].id')).toEqual({ problem: expect.stringContaining('items[].id') })
  })
})

test.each([
  ['1', '1'],
  ['-1', '-1'],
  ['1.0', '1'],
  ['10e-1', '1'],
  ['0.1e1', '1'],
  ['0', '0'],
  ['-0', '0'],
  ['0e5', '0'],
  ['1500', '1500'],
  ['1.5E3', '1500'],
  ['0.015', '15e-3'],
  ['1e20', '100000000000000000000'],
  ['1e21', '1e21'],
  [`1${'0'.repeat(21)}`, '1e21'],
  ['1e-400', '1e-400'],
])('the number %s is %s', (text, canonical) => {
  expect(canonicalNumber(text)).toBe(canonical)
})

test.each([
  '',
  '-',
  '+1',
  '01',
  '1.',
  '.5',
  '1e',
  'NaN',
  'Infinity',
  '0x1',
  ' 1',
  '1 ',
  `1e${'9'.repeat(16)}`,
  '9'.repeat(1_025),
])('%p is no number of JSON, or too long a one', (text) => {
  expect(canonicalNumber(text)).toBeNull()
})

describe('whatever the payload', () => {
  const isBare = (key: string) => /^[^.[\]"]+$/.test(key)
  const written = (path: PayloadPath) =>
    path
      .map((key, at) => {
        if (key === null) return '[]'
        return `${at === 0 ? '' : '.'}${isBare(key) ? key : JSON.stringify(key)}`
      })
      .join('')

  /** The leaves of a value as a parser sees them. */
  function* leaves(value: unknown, path: PayloadPath = []): Iterable<[PayloadPath, unknown]> {
    if (Array.isArray(value)) for (const element of value) yield* leaves(element, [...path, null])
    else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) yield* leaves(member, [...path, key])
    } else yield [path, value]
  }

  test('each of its leaves is found by its path, written and read again, and by its terms', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const body = bytes(text)
        const terms = new Set(termsOf(body))
        // Only what is well-formed comes back from UTF-8.
        for (const [path, leaf] of leaves(JSON.parse(text))) {
          const value = String(leaf)
          const asked = written(path)
          if (path.length === 0 || asked.length > 512 || value.length > 256) continue
          expect(parsePayloadPath(asked)).toEqual([...path])
          const query = { path, value }
          if (terms.size < PAYLOAD_SEARCH_TERMS_MAX) {
            expect(queryTerms(query).some((term) => terms.has(term))).toBe(true)
          }
          expect(hasValue(query, body, null)).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('bytes of any kind are taken, and make a bounded number of terms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.option(fc.string()), (body, contentType) => {
        expect(termsOf(body, contentType).length).toBeLessThanOrEqual(PAYLOAD_SEARCH_TERMS_MAX + 1)
      }),
    )
  })

  test('what has the value has one of its terms', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('a', 'a.b', 'a[]', '[]'), fc.string(), (text, path, value) => {
        const [hasIt, mayHaveIt] = finds(text, path, value)
        expect(hasIt && !mayHaveIt).toBe(false)
      }),
    )
  })
})
