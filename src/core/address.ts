import ipaddr from 'ipaddr.js'

/**
 * Lists of networks in a form that is quick to match: 32-bit words, two for each IPv4 network
 * (network, mask) and eight for each IPv6 network (four of network, four of mask).
 */
export interface CompiledCidrs {
  readonly ipv4: Int32Array
  readonly ipv6: Int32Array
}

/** What `checkCidr` says: the entry is canonical, or what is wrong with it and what to write instead. */
export type CidrVerdict =
  | { readonly ok: true; readonly cidr: string }
  | { readonly ok: false; readonly message: string }

/** An IPv4 address is one word, an IPv6 address four; the two never compare equal. */
type Words = readonly [number] | readonly [number, number, number, number]

/** The longest spelling of an address: eight full groups. With a dotted tail it has 45. */
const ADDRESS_LENGTH_MAX = 45

/**
 * The one canonical text of an address, or `null` when it is none; never throws.
 *
 * Only four decimal parts without leading zeros are IPv4: `127.1`, `0x7f.1` and `010.0.0.1` mean different
 * addresses to different readers. IPv6 comes out as in RFC 5952, an IPv4-mapped address as IPv4. A zone, a
 * port, brackets and white space make it no address.
 */
export function parseAddress(text: string): string | null {
  if (ipv4Word(text, 0) !== null) return text
  if (text.startsWith(MAPPED_PREFIX) && ipv4Word(text, MAPPED_PREFIX.length) !== null) {
    return text.slice(MAPPED_PREFIX.length)
  }
  const groups = ipv6Groups(text)
  return groups === null ? null : addressText(toWords(groups))
}

/** How a listener for both families spells its IPv4 peers. */
const MAPPED_PREFIX = '::ffff:'

/**
 * Accepts an address or CIDR only in its canonical form, so that two readers of a list, and the database,
 * never take one entry for two different networks; never throws.
 */
export function checkCidr(text: string): CidrVerdict {
  if (!/^[\x21-\x7e]+$/.test(text) || text.length > ADDRESS_LENGTH_MAX + 4) {
    return wrong('the entry is not an address or CIDR; write for example 10.0.0.0/8 or 2001:db8::/32')
  }
  const slash = text.indexOf('/')
  const address = slash === -1 ? text : text.slice(0, slash)
  const written = slash === -1 ? null : text.slice(slash + 1)

  const words = parseWords(address)
  if (words === null) return wrong(`${text} ${whatIsWrong(address)}`)
  const bitsMax = words.length * 32
  const bits = written === null ? bitsMax : prefixBits(written)
  if (bits === null) return wrong(`${text} has no valid prefix length; write 0 to ${bitsMax} after the slash`)
  if (bits > bitsMax) return wrong(`${text} has a prefix longer than the ${bitsMax} bits of its address`)

  const network = compile(words, bits)
  const canonical = written === null ? network.text : `${network.text}/${network.bits}`
  if (canonical === text) return { ok: true, cidr: text }
  return wrong(`${text} ${whatIsOdd(words, bits, address)}; write ${canonical}`)
}
