import { describe, expect, test } from 'bun:test'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { checkCidr, compileCidrs, matchesCidrs, parseAddress } from '../../src/core/address.ts'

/** Mulberry32: the same numbers in every run, so that a failure can be looked at. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const randomIpv4 = (random: (below: number) => number) =>
  Array.from({ length: 4 }, () => random(256)).join('.')

/** Half of the groups are zero, so that compressed forms of every shape come up. */
const randomIpv6 = (random: (below: number) => number) =>
  Array.from({ length: 8 }, () => (random(2) === 0 ? 0 : random(0x10000)).toString(16)).join(':')

describe('parseAddress', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['1.2.3.4', '1.2.3.4'],
    ['255.255.255.255', '255.255.255.255'],
    ['192.0.2.43', '192.0.2.43'],
    ['100.100.100.100', '100.100.100.100'],
    // IPv4-mapped IPv6 counts as IPv4, in whatever spelling.
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['0000:0000:0000:0000:0000:FFFF:0102:0304', '1.2.3.4'],
    ['::ffff:255.255.255.255', '255.255.255.255'],
    ['::ffff:0:0', '0.0.0.0'],
    // Near the mapped block, and not in it.
    ['::1.2.3.4', '::102:304'],
    ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
    ['::fffe:1.2.3.4', '::fffe:102:304'],
    ['::1:ffff:1.2.3.4', '::1:ffff:102:304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    // RFC 4291, section 2.2, and RFC 5952, section 4.
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['ABCD:EF01:2345:6789:ABCD:EF01:2345:6789', 'abcd:ef01:2345:6789:abcd:ef01:2345:6789'],
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
    ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['fe80::1', 'fe80::1'],
  ])('%s is %s', (text, address) => {
    expect(parseAddress(text)).toBe(address)
    expect(parseAddress(address)).toBe(address)
  })

  test.each([
    ['nothing', ''],
    ['a name', 'localhost'],
    ['one number', '1'],
    ['one number of 32 bits', '3232235777'],
    ['two parts', '127.1'],
    ['three parts', '10.0.1'],
    ['five parts', '1.2.3.4.5'],
    ['hexadecimal parts', '0x7f.0.0.1'],
    ['an octal part', '010.0.0.1'],
    ['a leading zero', '1.2.3.04'],
    ['two zeros', '1.2.3.00'],
    ['a part over 255', '1.2.3.256'],
    ['a part of many digits', '1.2.3.99999999999999999999'],
    ['an empty part', '1..3.4'],
    ['a dot in front', '.1.2.3.4'],
    ['a dot behind', '1.2.3.4.'],
    ['a negative part', '-1.2.3.4'],
    ['a signed part', '+1.2.3.4'],
    ['an exponent', '1e1.2.3.4'],
    ['a port', '1.2.3.4:80'],
    ['a prefix', '1.2.3.4/32'],
    ['a blank in front', ' 1.2.3.4'],
    ['a blank behind', '1.2.3.4 '],
    ['a line feed behind', '1.2.3.4\n'],
    ['a NUL behind', '1.2.3.4\0'],
    ['two addresses', '1.2.3.4, 5.6.7.8'],
    ['full-width digits', '１.2.3.4'],
    ['Arabic-Indic digits', '٣.2.3.4'],
    ['a full-width dot', '1．2.3.4'],
    ['one colon', ':'],
    ['three colons', ':::'],
    ['seven groups', '1:2:3:4:5:6:7'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['eight groups and a gap', '1:2:3:4:5:6:7:8::'],
    ['two gaps', '1::2::3'],
    ['a colon in front', ':1:2:3:4:5:6:7'],
    ['a colon behind', '1:2:3:4:5:6:7:'],
    ['five digits in a group', '12345::'],
    ['five digits with a leading zero', '00001::'],
    ['a letter that is no digit', 'fffg::'],
    ['a zone', 'fe80::1%eth0'],
    ['a numeric zone', 'fe80::1%1'],
    ['an empty zone', 'fe80::1%'],
    ['brackets', '[::1]'],
    ['a prefix on IPv6', '::1/128'],
    ['a blank on IPv6', '::1 '],
    ['a dotted tail with an octal part', '::ffff:010.0.0.1'],
    ['a dotted tail with a hexadecimal part', '::ffff:0x7f.0.0.1'],
    ['a dotted tail of three parts', '::ffff:1.2.3'],
    ['a dotted tail over 255', '::ffff:1.2.3.256'],
    ['a dotted tail in the middle', '::1.2.3.4:1'],
    ['a dotted tail after seven groups', '1:2:3:4:5:6:7:1.2.3.4'],
    ['a dotted tail with a zone', '::ffff:1.2.3.4%eth0'],
    ['a dotted tail with a port', '::ffff:1.2.3.4:80'],
    ['a mapped address of two tails', '::ffff:1.2.3.4.5'],
    ['10,000 colons', ':'.repeat(10_000)],
    ['10,000 digits', '1'.repeat(10_000)],
  ])('%s is no address', (_, text) => {
    expect(parseAddress(text)).toBeNull()
  })

  test('agrees with the runtime about 20,000 random texts, and never throws', () => {
    const random = seeded(1)
    const alphabet = '0123456789abcdefF:::::.....%[]/ x\0\ud800é'
    let accepted = 0
    for (let round = 0; round < 20_000; round++) {
      let text = ''
      if (round % 2 === 0) {
        for (let length = random(24); length > 0; length--) text += alphabet[random(alphabet.length)]
      } else {
        // A true address with one character replaced comes close to the edge much more often.
        const address = round % 4 === 1 ? randomIpv4(random) : randomIpv6(random)
        const at = random(address.length)
        text = address.slice(0, at) + alphabet[random(alphabet.length)] + address.slice(at + 1)
      }
      const address = parseAddress(text)
      expect(address !== null, text).toBe(isIP(text) !== 0 && !text.includes('%'))
      if (address === null) continue
      accepted++
      expect(isIPv4(address) || isIPv6(address), text).toBe(true)
      expect(ipaddr.process(address).toString(), text).toBe(address)
    }
    expect(accepted).toBeGreaterThan(2_000)
  })
})

describe('checkCidr', () => {
  test.each([
    '10.0.0.0/8',
    '10.0.0.1',
    '10.0.0.1/32',
    '0.0.0.0/0',
    '128.0.0.0/1',
    '255.255.255.255/32',
    '192.0.2.128/25',
    '2001:db8::/32',
    '2001:db8::1',
    '2001:db8::1/128',
    '2001:db8:0:0:8000::/65',
    '::/0',
    '::',
    '8000::/1',
    'fe80::/10',
    '2001:db8:0:1:1:1:1:1',
    '64:ff9b::/96',
  ])('%s is canonical', (cidr) => {
    expect(checkCidr(cidr)).toEqual({
      ok: true,
      cidr: cidr.replace('2001:db8:0:0:8000::', '2001:db8:0:0:8000::'),
    })
  })

  test.each([
    ['10.0.0.1/8', '10.0.0.1/8 has host bits set; write 10.0.0.0/8'],
    ['192.0.2.129/25', '192.0.2.129/25 has host bits set; write 192.0.2.128/25'],
    ['0.0.0.1/0', '0.0.0.1/0 has host bits set; write 0.0.0.0/0'],
    ['255.255.255.255/31', '255.255.255.255/31 has host bits set; write 255.255.255.254/31'],
    ['2001:db8::1/32', '2001:db8::1/32 has host bits set; write 2001:db8::/32'],
    ['::1/0', '::1/0 has host bits set; write ::/0'],
    ['::1/127', '::1/127 has host bits set; write ::/127'],
    ['2001:DB8::1/32', '2001:DB8::1/32 has host bits set; write 2001:db8::/32'],
    ['2001:DB8::1', '2001:DB8::1 is not in the canonical, shortest form; write 2001:db8::1'],
    ['2001:0db8::1', '2001:0db8::1 is not in the canonical, shortest form; write 2001:db8::1'],
    ['2001:db8:0:0::1', '2001:db8:0:0::1 is not in the canonical, shortest form; write 2001:db8::1'],
    [
      '2001:db8::1:1:1:1:1',
      '2001:db8::1:1:1:1:1 is not in the canonical, shortest form; write 2001:db8:0:1:1:1:1:1',
    ],
    ['::1.2.3.4', '::1.2.3.4 is a deprecated IPv4-compatible address; write 1.2.3.4'],
    ['::102:304', '::102:304 is a deprecated IPv4-compatible address; write 1.2.3.4'],
    ['::1:0/112', '::1:0/112 is a deprecated IPv4-compatible address; write 0.1.0.0/16'],
    ['10.0.0.0/08', '10.0.0.0/08 is not in the canonical, shortest form; write 10.0.0.0/8'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1 is an IPv4 address in the form of IPv6; write 10.0.0.1'],
    ['::ffff:a00:1', '::ffff:a00:1 is an IPv4 address in the form of IPv6; write 10.0.0.1'],
    ['::ffff:10.0.0.0/104', '::ffff:10.0.0.0/104 is an IPv4 address in the form of IPv6; write 10.0.0.0/8'],
    ['::ffff:10.0.0.1/104', '::ffff:10.0.0.1/104 is an IPv4 address in the form of IPv6; write 10.0.0.0/8'],
    ['::ffff:0:0/96', '::ffff:0:0/96 is an IPv4 address in the form of IPv6; write 0.0.0.0/0'],
    ['::ffff:0:0/90', '::ffff:0:0/90 has host bits set; write ::ffc0:0:0/90'],
    ['fe80::1%eth0', 'fe80::1%eth0 has a zone, brackets or a port; write fe80::1'],
    ['[2001:db8::1]', '[2001:db8::1] has a zone, brackets or a port; write 2001:db8::1'],
    ['[2001:db8::1]:443', '[2001:db8::1]:443 has a zone, brackets or a port; write 2001:db8::1'],
  ])('%s: says what to write instead, and that is canonical', (text, message) => {
    expect(checkCidr(text)).toEqual({ ok: false, message })
    const advice = message.slice(message.lastIndexOf(' ') + 1)
    expect(checkCidr(advice)).toEqual({ ok: true, cidr: advice })
  })

  test.each([
    ['10.0.0.0/33', '10.0.0.0/33 has no valid prefix length; write a number from 0 to 32 after the slash'],
    ['10.0.0.0/', '10.0.0.0/ has no valid prefix length; write a number from 0 to 32 after the slash'],
    ['10.0.0.0/+8', '10.0.0.0/+8 has no valid prefix length; write a number from 0 to 32 after the slash'],
    ['10.0.0.0/-8', '10.0.0.0/-8 has no valid prefix length; write a number from 0 to 32 after the slash'],
    ['10.0.0.0/8.0', '10.0.0.0/8.0 has no valid prefix length; write a number from 0 to 32 after the slash'],
    ['10.0.0.0/0x8', '10.0.0.0/0x8 has no valid prefix length; write a number from 0 to 32 after the slash'],
    ['10.0.0.0/8/8', '10.0.0.0/8/8 has no valid prefix length; write a number from 0 to 32 after the slash'],
    [
      '10.0.0.0/255.0.0.0',
      '10.0.0.0/255.0.0.0 has no valid prefix length; write a number from 0 to 32 after the slash',
    ],
    [
      '2001:db8::/129',
      '2001:db8::/129 has no valid prefix length; write a number from 0 to 128 after the slash',
    ],
    [
      'fe80::/10%eth0',
      'fe80::/10%eth0 has no valid prefix length; write a number from 0 to 128 after the slash',
    ],
    [
      '10/8',
      '10/8 is not four decimal numbers from 0 to 255 without leading zeros; write for example 10.0.0.0/8',
    ],
    [
      '010.0.0.1',
      '010.0.0.1 is not four decimal numbers from 0 to 255 without leading zeros; write for example 10.0.0.0/8',
    ],
    [
      '127.1',
      '127.1 is not four decimal numbers from 0 to 255 without leading zeros; write for example 10.0.0.0/8',
    ],
    ['0x7f.0.0.1', '0x7f.0.0.1 is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32'],
    ['10.0.0.*', '10.0.0.* is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32'],
    [
      '10.0.0.1-10.0.0.9',
      '10.0.0.1-10.0.0.9 is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32',
    ],
    [
      'hooks.example.com',
      'hooks.example.com is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32',
    ],
    ['/8', '/8 is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32'],
    ['', 'the entry is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32'],
    [' 10.0.0.1', '10.0.0.1 has white space around it; write 10.0.0.1'],
    ['10.0.0.1\n', '10.0.0.1 has white space around it; write 10.0.0.1'],
    [
      '10.0.0.1\u001b[2J',
      'the entry is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32',
    ],
    [
      '9'.repeat(10_000),
      'the entry is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32',
    ],
  ])('%p is refused', (text, message) => {
    expect(checkCidr(text)).toEqual({ ok: false, message })
  })

  test('every network that ipaddr.js computes is canonical, and the same with a host bit set is not', () => {
    const random = seeded(2)
    for (let round = 0; round < 1_000; round++) {
      const kind = round % 2 === 0 ? ipaddr.IPv4 : ipaddr.IPv6
      const address = round % 2 === 0 ? randomIpv4(random) : `2${randomIpv6(random).slice(1)}`
      const bits = random(round % 2 === 0 ? 33 : 129)
      const network = `${kind.networkAddressFromCIDR(`${address}/${bits}`).toString()}/${bits}`
      expect(checkCidr(network)).toEqual({ ok: true, cidr: network })
      const given = `${kind.parse(address).toString()}/${bits}`
      expect(checkCidr(given).ok).toBe(given === network)
    }
  })
})

describe('matchesCidrs', () => {
  const matches = (entries: readonly string[], address: string) =>
    matchesCidrs(compileCidrs(entries), address)

  test.each([
    { entries: ['10.0.0.0/8'], address: '10.255.255.255' },
    { entries: ['10.0.0.0/8'], address: '::ffff:10.1.2.3' },
    { entries: ['10.1.2.3'], address: '10.1.2.3' },
    { entries: ['10.1.2.3/32'], address: '10.1.2.3' },
    { entries: ['0.0.0.0/0'], address: '255.255.255.255' },
    { entries: ['128.0.0.0/1'], address: '200.0.0.1' },
    { entries: ['192.0.2.128/25'], address: '192.0.2.200' },
    { entries: ['2001:db8::/32'], address: '2001:db8:ffff::1' },
    { entries: ['2001:db8::1'], address: '2001:DB8:0::1' },
    { entries: ['2001:db8::/33'], address: '2001:db8:7fff::' },
    { entries: ['::/0'], address: '2001:db8::1' },
    { entries: ['8000::/1'], address: 'fe80::1' },
    { entries: ['2001:db8::fffe/127'], address: '2001:db8::ffff' },
    { entries: ['10.0.0.0/8', '2001:db8::/32'], address: '2001:db8::1' },
    { entries: ['2001:db8::/32', '10.0.0.0/8'], address: '10.0.0.1' },
    { entries: ['nonsense', '', '10.0.0.0/99', '10.0.0.0/8'], address: '10.0.0.1' },
    // What SQL may have written: not canonical, yet there is only one way to read it.
    { entries: ['10.0.0.1/8'], address: '10.9.9.9' },
    { entries: ['2001:DB8::1/32'], address: '2001:db8::2' },
    { entries: ['::ffff:10.0.0.0/104'], address: '10.9.9.9' },
    { entries: ['::ffff:10.0.0.1'], address: '10.0.0.1' },
  ])('$entries holds $address', ({ entries, address }) => {
    expect(matches(entries, address)).toBe(true)
  })

  test.each([
    { title: 'an empty list', entries: [], address: '10.0.0.1' },
    { title: 'an empty list, asked for nothing', entries: [], address: '' },
    { title: 'an address beside the network', entries: ['10.0.0.0/8'], address: '11.0.0.0' },
    { title: 'the address before the network', entries: ['10.0.0.0/8'], address: '9.255.255.255' },
    { title: 'the other half', entries: ['192.0.2.128/25'], address: '192.0.2.127' },
    { title: 'a bare IPv4 address is /32', entries: ['10.0.0.1'], address: '10.0.0.2' },
    { title: 'a bare IPv6 address is /128', entries: ['2001:db8::1'], address: '2001:db8::2' },
    { title: 'a bare IPv6 address is not /32', entries: ['2001:db8::1'], address: '2001:db8:ffff::1' },
    { title: 'a text that only begins alike', entries: ['10.0.0.1'], address: '10.0.0.10' },
    { title: 'a text that only ends alike', entries: ['0.0.0.1'], address: '10.0.0.1' },
    { title: 'a boundary inside a word', entries: ['2001:db8::/33'], address: '2001:db8:8000::' },
    { title: 'a boundary at the last bit', entries: ['2001:db8::fffe/127'], address: '2001:db8::fffd' },
    { title: 'IPv4 against all of IPv6', entries: ['::/0'], address: '10.0.0.1' },
    { title: 'mapped IPv4 against all of IPv6', entries: ['::/0'], address: '::ffff:10.0.0.1' },
    { title: 'IPv6 against all of IPv4', entries: ['0.0.0.0/0'], address: '2001:db8::1' },
    { title: 'IPv4-compatible IPv6 against IPv4', entries: ['10.0.0.0/8'], address: '::10.0.0.1' },
    { title: 'an address that cannot be parsed', entries: ['0.0.0.0/0', '::/0'], address: 'unknown' },
    { title: 'no address', entries: ['0.0.0.0/0', '::/0'], address: '' },
    { title: 'an octal spelling', entries: ['8.0.0.0/8', '10.0.0.0/8'], address: '010.0.0.1' },
    { title: 'a list of addresses', entries: ['0.0.0.0/0'], address: '10.0.0.1, 10.0.0.2' },
    { title: 'a short entry is none', entries: ['10/8', '10'], address: '10.0.0.1' },
    { title: 'an octal entry is none', entries: ['010.0.0.1'], address: '8.0.0.1' },
    { title: 'an entry with a zone is none', entries: ['fe80::1%eth0'], address: 'fe80::1' },
    { title: 'an entry with blanks is none', entries: [' 10.0.0.1', '10.0.0.1 '], address: '10.0.0.1' },
    {
      title: 'an entry with a bad prefix is none',
      entries: ['10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/33', '::/129', '10.0.0.0/8x'],
      address: '10.0.0.1',
    },
    { title: 'an empty entry is none', entries: [''], address: '0.0.0.0' },
  ])('refuses $title', ({ entries, address }) => {
    expect(matches(entries, address)).toBe(false)
  })

  test('agrees with ipaddr.js about 4,000 random pairs', () => {
    const random = seeded(3)
    let matched = 0
    for (let round = 0; round < 4_000; round++) {
      const ipv4 = round % 2 === 0
      const address = ipv4 ? randomIpv4(random) : `2${randomIpv6(random).slice(1)}`
      const bits = random(ipv4 ? 33 : 129)
      // Flipping one bit of the address puts the boundary of the prefix to the test in every round.
      const network = (ipv4 ? ipaddr.IPv4 : ipaddr.IPv6).parse(address).toByteArray()
      const flip = random(network.length * 8)
      network[flip >> 3] = (network[flip >> 3] ?? 0) ^ (0x80 >> (flip & 7))
      const cidr = `${ipaddr.fromByteArray(network).toString()}/${bits}`
      const expected = ipaddr.parse(address).match(ipaddr.parseCIDR(cidr))
      expect(expected, 'ipaddr.js itself').toBe(flip >= bits)
      expect(matches([cidr], address), `${address} in ${cidr}`).toBe(expected)
      if (expected) matched++
    }
    expect(matched).toBeGreaterThan(1_000)
  })
})
