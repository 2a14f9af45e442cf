import { describe, expect, test } from 'bun:test'
import { compileCidrs, matchesCidrs } from '../../src/core/address.ts'
import { resolveClientAddress } from '../../src/core/client-address.ts'
import { FORWARDED_HOPS_MAX } from '../../src/core/limits.ts'

interface Attempt {
  peer?: string | null
  forwarded?: string
  xff?: string
  real?: string
  trusted?: readonly string[]
}

const PROXIES = ['10.0.0.0/8', '2001:db8:aaaa::/48'] as const

/** As from the trusted proxy 10.0.0.1, unless the row says otherwise. */
const resolve = ({ peer = '10.0.0.1', forwarded, xff, real, trusted = PROXIES }: Attempt) =>
  resolveClientAddress({
    peer,
    forwarded: forwarded ?? null,
    xForwardedFor: xff ?? null,
    xRealIp: real ?? null,
    trusted: compileCidrs(trusted),
  })

const known = (address: string) => ({ address, reason: null })
const unknown = (reason: string) => ({ address: null, reason })

const FORWARDED_BAD = 'Forwarded has an entry that is no address'
const XFF_BAD = 'X-Forwarded-For has an entry that is no address'
const REAL_BAD = 'X-Real-IP is not one address'

describe('without a trusted peer the peer is the client, whatever the headers say', () => {
  const forged = { forwarded: 'for=6.6.6.6', xff: '6.6.6.6', real: '6.6.6.6' }

  test.each([
    { title: 'no headers', row: { peer: '192.0.2.1' }, address: '192.0.2.1' },
    { title: 'all headers forged', row: { peer: '192.0.2.1', ...forged }, address: '192.0.2.1' },
    {
      title: 'headers that cannot be parsed',
      row: { peer: '192.0.2.1', xff: 'x', forwarded: '"', real: ',' },
      address: '192.0.2.1',
    },
    {
      title: 'headers that name a trusted proxy',
      row: { peer: '192.0.2.1', xff: '10.0.0.1' },
      address: '192.0.2.1',
    },
    { title: 'mapped peer', row: { peer: '::ffff:192.0.2.1', ...forged }, address: '192.0.2.1' },
    { title: 'IPv6 peer', row: { peer: '2001:DB8:0::1', ...forged }, address: '2001:db8::1' },
    { title: 'no proxy is trusted', row: { trusted: [], ...forged }, address: '10.0.0.1' },
    {
      title: 'the list of proxies cannot be parsed',
      row: { trusted: ['10/8', 'proxy'], ...forged },
      address: '10.0.0.1',
    },
    {
      title: 'all of IPv6 is trusted, the peer is IPv4',
      row: { trusted: ['::/0'], ...forged },
      address: '10.0.0.1',
    },
    {
      title: 'all of IPv6 is trusted, the peer is mapped IPv4',
      row: { peer: '::ffff:10.0.0.1', trusted: ['::/0'], ...forged },
      address: '10.0.0.1',
    },
  ] as { title: string; row: Attempt; address: string }[])('$title', ({ row, address }) => {
    expect(resolve(row)).toEqual(known(address))
  })

  test.each([
    [null, 'the connection has no peer address'],
    ['', 'the peer address cannot be parsed'],
    ['unix', 'the peer address cannot be parsed'],
    ['fe80::1%eth0', 'the peer address cannot be parsed'],
    ['192.0.2.1:80', 'the peer address cannot be parsed'],
  ])('peer %p: no address, not one from a header', (peer, reason) => {
    expect(resolve({ peer, ...forged, trusted: ['0.0.0.0/0', '::/0'] })).toEqual(unknown(reason))
  })
})

describe('a trusted peer without headers is the client itself', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:aaaa::1', '2001:db8:aaaa::1'],
  ])('%s', (peer, address) => {
    expect(resolve({ peer })).toEqual(known(address))
  })
})

describe('X-Forwarded-For', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:567', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:80', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    [' \t192.0.2.1\t ', '192.0.2.1'],
    ['192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['192.0.2.1,10.0.0.2,10.0.0.3', '192.0.2.1'],
    ['192.0.2.1:80 , 10.0.0.2:443', '192.0.2.1'],
    ['192.0.2.1, 2001:db8:aaaa::7, 10.0.0.2', '192.0.2.1'],
    ['2001:db8::1, [2001:db8:aaaa::7]:80, ::ffff:10.0.0.2', '2001:db8::1'],
    // The sender wrote 6.6.6.6; the proxy appended whom it saw.
    ['6.6.6.6, 192.0.2.1', '192.0.2.1'],
    ['10.0.0.9, 192.0.2.1', '192.0.2.1'],
    ['6.6.6.6, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
    // Left of the first stranger anything may stand.
    ['<script>, unknown, , 192.0.2.1', '192.0.2.1'],
    [', 192.0.2.1', '192.0.2.1'],
    // Everybody is trusted: the leftmost one has started it.
    ['10.0.0.5', '10.0.0.5'],
    ['10.0.0.5, 10.0.0.4', '10.0.0.5'],
    ['2001:db8:aaaa::9, 10.0.0.4', '2001:db8:aaaa::9'],
  ])('%p leads to %s', (xff, address) => {
    expect(resolve({ xff })).toEqual(known(address))
  })

  test.each([
    '',
    ' ',
    ',',
    '192.0.2.1,',
    '192.0.2.1, ,10.0.0.2',
    'unknown',
    '192.0.2.1, unknown, 10.0.0.2',
    'unknown, 10.0.0.2',
    'localhost',
    '192.0.2.1 10.0.0.2',
    '192.0.2.1;10.0.0.2',
    '"192.0.2.1"',
    '192.0.2.1:',
    '192.0.2.1:http',
    '192.0.2.1:123456',
    '[192.0.2.1]',
    '[2001:db8::1',
    '2001:db8::1]',
    '[2001:db8::1]4711',
    '[2001:db8::1]:',
    '[2001:db8::1%eth0]',
    'fe80::1%1',
    '[[2001:db8::1]]',
    '192.0.2.1/32',
    '010.0.0.1',
    '127.1',
    '3232235777',
    'for=192.0.2.1',
    '\u00a0192.0.2.1',
    '192.0.2.1\0',
  ])('%p is not believed', (xff) => {
    expect(resolve({ xff })).toEqual(unknown(XFF_BAD))
  })

  test('as many trusted proxies as may be walked are walked, and not one more', () => {
    const chain = (length: number) => Array.from({ length }, (_, at) => `10.0.1.${at}`).join(', ')
    expect(resolve({ xff: `192.0.2.1, ${chain(FORWARDED_HOPS_MAX - 1)}` })).toEqual(known('192.0.2.1'))
    expect(resolve({ xff: chain(FORWARDED_HOPS_MAX) })).toEqual(known('10.0.1.0'))
    const reason = `X-Forwarded-For has more than ${FORWARDED_HOPS_MAX} addresses of trusted proxies`
    expect(resolve({ xff: `192.0.2.1, ${chain(FORWARDED_HOPS_MAX)}` })).toEqual(unknown(reason))
    expect(resolve({ xff: chain(FORWARDED_HOPS_MAX + 1) })).toEqual(unknown(reason))
  })

  test('a chain of any length left of the first stranger is not walked', () => {
    const xff = `${'10.0.0.2, '.repeat(1_000)}192.0.2.1`
    expect(resolve({ xff })).toEqual(known('192.0.2.1'))
  })
})

describe('Forwarded (RFC 7239)', () => {
  test.each([
    // Section 4.
    ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
    ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17'],
    // Section 6.
    ['for="192.0.2.43:47011"', '192.0.2.43'],
    ['for="[2001:db8:cafe::17]:47011"', '2001:db8:cafe::17'],
    ['for="192.0.2.43:_port"', '192.0.2.43'],
    // Section 7.1.
    ['for=192.0.2.43, for="[2001:db8:cafe::17]"', '2001:db8:cafe::17'],
    ['for=192.0.2.43,for="[2001:db8:aaaa::17]"', '192.0.2.43'],
    ['for="[2001:db8:cafe::17]"', '2001:db8:cafe::17'],
    ['FOR=192.0.2.43', '192.0.2.43'],
    ['for="192.0.2.43"', '192.0.2.43'],
    ['for="\\1\\92.0.2.43"', '192.0.2.43'],
    ['for="[::ffff:192.0.2.43]"', '192.0.2.43'],
    ['proto=https;host=example.com;for=192.0.2.43', '192.0.2.43'],
    ['by=_x ; for=192.0.2.43 ; proto=https', '192.0.2.43'],
    ['for=192.0.2.43;', '192.0.2.43'],
    ['for=192.0.2.43;x="a,b;for=6.6.6.6"', '192.0.2.43'],
    ['for=192.0.2.43;x="a\\",for=6.6.6.6"', '192.0.2.43'],
    ['for=192.0.2.43;x="a\\\\", for=10.0.0.2', '192.0.2.43'],
    ['for=192.0.2.43;x="\\\\", for=10.0.0.2;x="\\"\\\\"', '192.0.2.43'],
    ['for=192.0.2.43;forx=6.6.6.6', '192.0.2.43'],
    ['\tfor=192.0.2.43 ,\tfor=10.0.0.2 ', '192.0.2.43'],
    ['for=192.0.2.43;by=10.0.0.2, for="10.0.0.3:80";by="[2001:db8:aaaa::1]"', '192.0.2.43'],
    ['for=10.0.0.5, for=10.0.0.4', '10.0.0.5'],
    // Left of the first stranger anything may stand.
    ['for=unknown, for=192.0.2.43', '192.0.2.43'],
    ['garbage, for=192.0.2.43, for=10.0.0.2', '192.0.2.43'],
    [', for=192.0.2.43', '192.0.2.43'],
  ])('%s leads to %s', (forwarded, address) => {
    expect(resolve({ forwarded })).toEqual(known(address))
  })

  test.each([
    '',
    ',',
    ' ; ',
    'for',
    'for=',
    'for=""',
    'for="_gazonk"',
    'for=_hidden, for=_SEVKISEK',
    'for=unknown',
    'for=192.0.2.43, for=unknown, for=10.0.0.2',
    'for=192.0.2.43, for=_hidden',
    'for=192.0.2.43, proto=https',
    'proto=https;by=10.0.0.1',
    'for=192.0.2.43,',
    'for=192.0.2.43, , for=10.0.0.2',
    // An IPv6 address or a port has to be quoted, an IPv6 address in brackets as well.
    'for=[2001:db8::1]',
    'for=192.0.2.43:80',
    'for=2001:db8::1',
    'for="2001:db8::1"',
    'for="::ffff:192.0.2.43"',
    'for="[192.0.2.43]"',
    'for="[2001:db8::1]:"',
    'for="192.0.2.43:"',
    'for="[2001:db8::1%eth0]"',
    'for=192.0.2.43;for=192.0.2.43',
    'for=6.6.6.6;For=192.0.2.43',
    'for = 192.0.2.43',
    'for=192.0.2.43 proto=https',
    'for=192.0.2.43;;proto=https',
    'for="192.0.2.43',
    'for=192.0.2.43"',
    'for="192.0.2.43"x',
    'for="192.0.2.43\\"',
    "for='192.0.2.43'",
    'for="192.0.2.43, 10.0.0.2"',
    'for=" 192.0.2.43"',
    'for=192.0.2.43/32',
    'for=010.0.0.1',
    '192.0.2.43',
    'fоr=192.0.2.43',
  ])('%s is not believed', (forwarded) => {
    expect(resolve({ forwarded })).toEqual(unknown(FORWARDED_BAD))
  })

  test('a quote that the sender leaves open never swallows what the proxy adds', () => {
    const added = [
      'for=192.0.2.43',
      'for="192.0.2.43:80"',
      'for=192.0.2.43;by="[2001:db8:aaaa::1]"',
      'for=192.0.2.43;host="a,b\\"c"',
    ]
    const forged = ['for=6.6.6.6;x="', 'for=6.6.6.6;x="\\', '"', '\\', 'for="6.6.6.6', 'for=6.6.6.6;x="a\\"']
    for (const left of forged) {
      for (const right of added) {
        expect(resolve({ forwarded: `${left}, ${right}` }), left).toEqual(known('192.0.2.43'))
      }
    }
  })

  test('more trusted proxies than may be walked are not believed', () => {
    const forwarded = Array.from({ length: FORWARDED_HOPS_MAX + 1 }, () => 'for=10.0.0.2').join(',')
    expect(resolve({ forwarded }).reason).toStartWith('Forwarded has more than')
  })
})

describe('X-Real-IP', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    [' 192.0.2.1 ', '192.0.2.1'],
    ['192.0.2.1:80', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['10.0.0.7', '10.0.0.7'],
  ])('%p leads to %s', (real, address) => {
    expect(resolve({ real })).toEqual(known(address))
  })

  test.each([
    '',
    ' ',
    'unknown',
    '192.0.2.1, 192.0.2.1',
    '192.0.2.1,',
    '192.0.2.1 192.0.2.1',
    '127.1',
    'for=192.0.2.1',
  ])('%p is not believed', (real) => {
    expect(resolve({ real })).toEqual(unknown(REAL_BAD))
  })
})

describe('several forwarding headers are believed only when they agree', () => {
  test.each([
    { row: { xff: '192.0.2.1', forwarded: 'for=192.0.2.1' }, address: '192.0.2.1' },
    { row: { xff: '192.0.2.1', real: '192.0.2.1' }, address: '192.0.2.1' },
    { row: { forwarded: 'for=192.0.2.1', real: '192.0.2.1' }, address: '192.0.2.1' },
    { row: { xff: '192.0.2.1', forwarded: 'for=192.0.2.1', real: '192.0.2.1' }, address: '192.0.2.1' },
    { row: { xff: '2001:DB8::1', forwarded: 'for="[2001:db8:0::1]:80"' }, address: '2001:db8::1' },
    { row: { xff: '::ffff:192.0.2.1', real: '192.0.2.1' }, address: '192.0.2.1' },
    {
      row: { xff: '6.6.6.6, 192.0.2.1', forwarded: 'for=7.7.7.7, for=192.0.2.1, for=10.0.0.3' },
      address: '192.0.2.1',
    },
    // The last of two proxies writes the first one to X-Real-IP.
    { row: { xff: '192.0.2.1, 10.0.0.2', real: '10.0.0.2' }, address: '192.0.2.1' },
    { row: { forwarded: 'for=192.0.2.1, for=10.0.0.2', real: '10.0.0.2' }, address: '192.0.2.1' },
  ] as { row: Attempt; address: string }[])('%j', ({ row, address }) => {
    expect(resolve(row)).toEqual(known(address))
  })

  const disagree = (one: string, other: string) => `the forwarding headers disagree: ${one} and ${other}`
  test.each([
    { row: { xff: '192.0.2.1', forwarded: 'for=6.6.6.6' }, reason: disagree('6.6.6.6', '192.0.2.1') },
    { row: { xff: '6.6.6.6', forwarded: 'for=192.0.2.1' }, reason: disagree('192.0.2.1', '6.6.6.6') },
    { row: { xff: '192.0.2.1', real: '6.6.6.6' }, reason: disagree('192.0.2.1', '6.6.6.6') },
    {
      row: { xff: '192.0.2.1', forwarded: 'for=192.0.2.1', real: '6.6.6.6' },
      reason: disagree('192.0.2.1', '6.6.6.6'),
    },
    { row: { xff: '10.0.0.2', forwarded: 'for=192.0.2.1' }, reason: disagree('192.0.2.1', '10.0.0.2') },
    { row: { xff: '192.0.2.1', forwarded: '' }, reason: FORWARDED_BAD },
    { row: { xff: '192.0.2.1', forwarded: 'for=unknown' }, reason: FORWARDED_BAD },
    { row: { xff: 'unknown', forwarded: 'for=192.0.2.1' }, reason: XFF_BAD },
    { row: { xff: '', real: '192.0.2.1' }, reason: XFF_BAD },
    { row: { xff: 'unknown', real: '10.0.0.2' }, reason: XFF_BAD },
    { row: { xff: '192.0.2.1', real: '' }, reason: REAL_BAD },
    { row: { xff: '192.0.2.1', real: '192.0.2.1, 192.0.2.1' }, reason: REAL_BAD },
  ] as { row: Attempt; reason: string }[])('no address: %j', ({ row, reason }) => {
    expect(resolve(row)).toEqual(unknown(reason))
  })
})

describe('regressions', () => {
  /** The IP whitelist as the receiver asks it: no address, no entry. */
  const allowed = (whitelist: string[], row: Attempt) => {
    const { address } = resolve(row)
    return address !== null && matchesCidrs(compileCidrs(whitelist), address)
  }

  test('1: a whitelist without any forwarding header judges the peer', () => {
    expect(allowed(['192.0.2.0/24'], { peer: '192.0.2.1' })).toBe(true)
    expect(allowed(['192.0.2.0/24'], { peer: '198.51.100.1' })).toBe(false)
    expect(allowed(['192.0.2.0/24'], { peer: null })).toBe(false)
  })

  test('1: a list of addresses in the header does not pass as one address', () => {
    expect(allowed(['192.0.2.0/24'], { xff: '192.0.2.1, 198.51.100.1' })).toBe(false)
    expect(allowed(['192.0.2.0/24'], { xff: '198.51.100.1, 192.0.2.1' })).toBe(true)
  })

  test('1: a mixed whitelist judges each family by its own entries', () => {
    const mixed = ['192.0.2.0/24', '2001:db8::/32']
    expect(allowed(mixed, { peer: '192.0.2.1' })).toBe(true)
    expect(allowed(mixed, { peer: '::ffff:192.0.2.1' })).toBe(true)
    expect(allowed(mixed, { peer: '2001:db8::1' })).toBe(true)
    expect(allowed(mixed, { peer: '198.51.100.1' })).toBe(false)
    expect(allowed(mixed, { peer: '2001:db9::1' })).toBe(false)
    expect(allowed([], { peer: '192.0.2.1' })).toBe(false)
  })

  test('2: nobody but a trusted proxy can forge an address', () => {
    const headers = { xff: '192.0.2.1', forwarded: 'for=192.0.2.1', real: '192.0.2.1' }
    expect(allowed(['192.0.2.0/24'], { peer: '198.51.100.1', ...headers })).toBe(false)
    // Through a proxy that appends to one header and hands on the others.
    expect(allowed(['192.0.2.0/24'], { xff: '192.0.2.1, 198.51.100.1' })).toBe(false)
    expect(allowed(['192.0.2.0/24'], { xff: '198.51.100.1', forwarded: 'for=192.0.2.1' })).toBe(false)
    expect(allowed(['192.0.2.0/24'], { xff: '192.0.2.1', real: '198.51.100.1' })).toBe(false)
  })

  test('9: a bare IPv6 address is one address, and addresses are no substrings', () => {
    expect(allowed(['2001:db8::1'], { peer: '2001:db8::1' })).toBe(true)
    expect(allowed(['2001:db8::1'], { peer: '2001:db8:1::1' })).toBe(false)
    expect(allowed(['2001:db8::1'], { peer: '2001:db8::11' })).toBe(false)
    expect(allowed(['192.0.2.1'], { peer: '192.0.2.11' })).toBe(false)
    expect(allowed(['92.0.2.1'], { peer: '192.0.2.1' })).toBe(false)
  })
})

describe('time grows with the length of a header, not with its square', () => {
  const LENGTH = 200_000
  test.each([
    ['quotes', '"'],
    ['escaped quotes', '\\"'],
    ['backslashes', '\\'],
    ['commas', ','],
    ['blanks', ' '],
    ['tabs and letters', '\ta'],
    ['token characters', 'a'],
    ['equals signs', '='],
    ['pairs', 'a=b;'],
    ['quoted pairs', 'a="b";'],
    ['elements', 'for=10.0.0.2,'],
    ['digits', '1'],
    ['dots', '.'],
    ['colons', ':'],
    ['brackets', '['],
  ])('a long header of %s', (_, piece) => {
    const long = piece.repeat(Math.ceil(LENGTH / piece.length))
    // A quadratic walk of 200,000 characters takes half a minute; a linear one a few hundredths of a second.
    const started = performance.now()
    for (const header of [long, `for="${long}`, `for="${long}"`, `for=192.0.2.1${long}x`, `[${long}]:1`]) {
      resolve({ forwarded: header })
      resolve({ xff: header })
      resolve({ real: header })
    }
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
