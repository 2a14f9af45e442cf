import { describe, expect, test } from 'bun:test'
import { csvRecord } from '../../src/core/csv.ts'

describe('a record of CSV', () => {
  test.each([
    [['a', 'b'], 'a,b\r\n'],
    [['a,b', 'c"d'], '"a,b","c""d"\r\n'],
    [['two\r\nlines', 'x\ny'], '"two\r\nlines","x\ny"\r\n'],
    [[null, '', 0, -1.5, true], ',"",0,-1.5,true\r\n'],
    [[' a', 'a ', 'a b'], '" a","a ",a b\r\n'],
    // Where the semicolon separates, a text must not become a cell of its own.
    [['a;b', 'a\tb', 'a|b'], '"a;b","a\tb","a|b"\r\n'],
    [['[["x-a","1"]]'], '"[[""x-a"",""1""]]"\r\n'],
    [['a\u202eb', '\u{1f600}'], 'a\u202eb,\u{1f600}\r\n'],
  ])('of %j is %j', (values, record) => {
    expect(csvRecord(values)).toBe(record)
  })

  test.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-5', "'-5"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', '"\'\t=1"'],
    ['\r=1', '"\'\r=1"'],
    ['\n=1', '"\'\n=1"'],
    ["=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""],
    ['=HYPERLINK("http://a")', '"\'=HYPERLINK(""http://a"")"'],
    ['＝1＋1', "'＝1＋1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠A1', "'＠A1"],
    // So that the first apostrophe is always ours.
    ["'=1", "''=1"],
    ["'", "''"],
  ])('begins %j with an apostrophe', (text, cell) => {
    expect(csvRecord([text])).toBe(`${cell}\r\n`)
  })

  test.each([['a=1'], ['1-2'], ['me@host'], ["a'b"], ['(=1)']])('has %j as it is', (text) => {
    expect(csvRecord([text])).toBe(`${text}\r\n`)
  })
})
