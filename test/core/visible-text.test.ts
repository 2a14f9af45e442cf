import { describe, expect, test } from 'bun:test'
import { visibleJson, visibleLines, visibleText } from '../../src/core/visible-text.ts'

const HOSTILE = [
  ['a terminal escape sequence', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
  ['an eight-bit escape', '\u009b31m', '\\x9b31m'],
  ['line ends and tabs', 'a\r\nb\tc', 'a\\r\\nb\\tc'],
  ['NUL and DEL', '\0\x7f', '\\x00\\x7f'],
  ['marks that reverse the reading order', 'a\u202eb\u2066c', 'a\\u{202e}b\\u{2066}c'],
  ['characters without width', 'a\u200bb\ufeffc\u00add', 'a\\u{200b}b\\u{feff}c\\xadd'],
  ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
  ['a tag beyond U+FFFF', '\u{e0041}', '\\u{e0041}'],
  ['half a character', '\ud800', '\\u{d800}'],
] as const

const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

describe('visible text', () => {
  test.each(HOSTILE)('%s is shown, not obeyed', (_, hostile, shown) => {
    expect(visibleText(hostile)).toBe(shown)
  })

  test.each(HOSTILE)('%s in JSON is escaped and means the same', (_, hostile) => {
    const json = visibleJson(JSON.stringify({ [hostile]: hostile }))
    expect(json).not.toMatch(UNSAFE)
    expect(JSON.parse(json)).toEqual({ [hostile]: hostile })
  })

  test('JSON that was laid out keeps its layout', () => {
    const json = '{\n\t"a": "ä\u{1f600}"\r\n}'
    expect(visibleJson(json)).toBe(json)
  })

  test.each(['', 'plain', 'Grüße, 世界, 😀', 'back\\slash'])('%j is left alone', (text) => {
    expect(visibleText(text)).toBe(text)
    expect(visibleLines(text)).toBe(text)
  })

  test('lines stay lines where several are wanted', () => {
    expect(visibleLines('a\n\tb\r\x1b')).toBe('a\n\tb\\r\\x1b')
  })
})
