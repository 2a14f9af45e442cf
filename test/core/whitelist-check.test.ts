import { describe, expect, test } from 'bun:test'
import { checkCidr } from '../../src/core/address.ts'
import { WHITELIST_ENTRY_SHOWN_LENGTH_MAX } from '../../src/core/limits.ts'
import { checkWhitelist } from '../../src/core/whitelist-check.ts'

const entryOf = (text: string) => checkWhitelist([text], null).entries[0]

test.each(['192.0.2.7', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::/0'])(
  '%s is accepted as it stands',
  (entry) => expect(entryOf(entry)).toEqual({ entry, canonical: entry, problem: null }),
)

test.each([
  ['host bits', '10.1.2.3/8', '10.0.0.0/8', /host bits.*write 10\.0\.0\.0\/8/],
  ['host bits of IPv6', '2001:db8::1/32', '2001:db8::/32', /host bits.*write 2001:db8::\/32/],
  ['a long form', '2001:0DB8:0:0::1', '2001:db8::1', /write 2001:db8::1/],
  ['IPv4 in the form of IPv6', '::ffff:192.0.2.7', '192.0.2.7', /write 192\.0\.2\.7/],
  ['a deprecated form', '::192.0.2.7', '192.0.2.7', /write 192\.0\.2\.7/],
  ['blanks around it', '  192.0.2.7\r\n', '192.0.2.7', /white space.*write 192\.0\.2\.7/],
  ['blanks and host bits', ' 10.1.2.3/8', '10.0.0.0/8', /write 10\.0\.0\.0\/8/],
  ['a port', '[2001:db8::1]:443', '2001:db8::1', /write 2001:db8::1/],
  ['a zone', 'fe80::1%eth0', 'fe80::1', /write fe80::1/],
  ['brackets around a network', '[2001:db8::1]/32', '2001:db8::/32', /write 2001:db8::\/32/],
])('an entry with %s says how it has to be written', (_, entry, canonical, problem) => {
  const found = entryOf(entry)
  expect(found?.canonical).toBe(canonical)
  expect(found?.problem).toMatch(problem)
  expect(checkCidr(canonical)).toEqual({ ok: true, cidr: canonical })
})

test.each([
  '',
  'example.test',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '010.0.0.1',
  '127.1',
  '0x7f.1',
  '10.0.0.1 10.0.0.2',
  '10.0.0.0/8,',
  '<script>alert(1)</script>',
  '\u202e10.0.0.1',
  'a'.repeat(100_000),
])('%p is no entry, and what is said of it shows nothing that cannot be printed', (entry) => {
  const found = entryOf(entry)
  expect(found?.canonical).toBeNull()
  expect(found?.problem).toMatch(/^[\x20-\x7e]{1,250}$/)
  expect(found?.entry.length).toBeLessThanOrEqual(WHITELIST_ENTRY_SHOWN_LENGTH_MAX)
})

test('the check and the setting are of one mind about every entry', () => {
  const entries = [
    '10.0.0.0/8',
    '10.0.0.1/8',
    'x',
    ' ::1',
    '::1',
    '::ffff:1.2.3.4',
    '1.2.3.4/32',
    'fe80::1%1',
  ]
  for (const { entry, problem } of checkWhitelist(entries, null).entries) {
    const verdict = checkCidr(entry)
    expect([entry, verdict.ok]).toEqual([entry, problem === null])
    if (!verdict.ok) expect(verdict.message).toBe(problem ?? '')
  }
})

describe('an address', () => {
  const LIST = ['x', '10.1.2.3/8', '10.0.0.0/16', '2001:db8::/32']
  test.each([
    ['passes by the first entry that holds it, mended', '10.0.0.9', '10.0.0.9', '10.1.2.3/8'],
    ['counts as IPv4 when it is mapped', '::ffff:10.0.0.9', '10.0.0.9', '10.1.2.3/8'],
    ['is taken in any form', ' 2001:0DB8::1 ', '2001:db8::1', '2001:db8::/32'],
    ['does not pass when nothing holds it', '192.0.2.1', '192.0.2.1', null],
    ['of the other family does not pass', '::1', '::1', null],
    ['is none', '10.0.0', null, null],
    ['is none with a prefix', '10.0.0.0/8', null, null],
    ['is none when it is empty', '', null, null],
  ])('%s', (_, address, canonical, matched) => {
    expect(checkWhitelist(LIST, address).address).toEqual({ canonical, passes: matched !== null, matched })
  })

  test('passes nowhere when the list is empty', () => {
    expect(checkWhitelist([], '10.0.0.1')).toEqual({
      entries: [],
      address: { canonical: '10.0.0.1', passes: false, matched: null },
    })
  })
})
