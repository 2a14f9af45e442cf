import ipaddr from 'ipaddr.js'

/** A list of networks as `matchesCidrs` reads it. Made by `compileCidrs`, once for each list. */
export interface CompiledCidrs {
  readonly ipv4: readonly { readonly network: number; readonly mask: number }[]
  readonly ipv6: readonly { readonly network: Ipv6Words; readonly mask: Ipv6Words }[]
}

/** The entry is canonical, or what is wrong with it and what to write instead. */
export type CidrVerdict =
  | { readonly ok: true; readonly cidr: string }
  | { readonly ok: false; readonly message: string }

/** An entry of a whitelist as somebody typed it. */
export interface InspectedCidr {
  /** How it has to be written; `null`: there is no telling what it is meant to be. */
  readonly canonical: string | null
  /** What is wrong with it and what to write instead; `null`: it is accepted as it stands. */
  readonly problem: string | null
}

/** 32-bit words in network order. The number of words tells the family, so families never match across. */
type Ipv4Words = readonly [number]
type Ipv6Words = readonly [number, number, number, number]
type Words = Ipv4Words | Ipv6Words

interface Network {
  readonly words: Words
  readonly bits: number
}

const EXAMPLE = 'write for example 10.0.0.0/8 or 2001:db8::/32'

/**
 * The one canonical text of an address, or `null` when it is none; never throws.
 *
 * Only four decimal parts without leading zeros are IPv4, because `127.1`, `0x7f.1` and `010.0.0.1` mean
 * one address to one reader and another to the next. IPv6 comes out as in RFC 5952, and an IPv4-mapped
 * address as IPv4. With a zone, a port, brackets or white space it is no address.
 */
export function parseAddress(text: string): string | null {
  const words = parseWords(text)
  if (words === null) return null
  const address = unmapped({ words, bits: 32 * words.length })
  // Only the canonical text of an IPv4 address is parsed at all, so it need not be written anew.
  return address.words === words && words.length === 1 ? text : wordsText(address.words)
}

/**
 * Accepts an address or CIDR in its canonical form only, so that whoever reads a list, the database
 * included, takes each entry for the same network; never throws.
 */
export function checkCidr(text: string): CidrVerdict {
  const { canonical, problem } = inspectCidr(text)
  if (problem !== null) return { ok: false, message: problem }
  return { ok: true, cidr: canonical ?? text }
}

/** The same with the mended entry beside what is wrong with it; never throws. */
export function inspectCidr(text: string): InspectedCidr {
  const trimmed = text.trim()
  // What is quoted in a message is short and printable.
  if (!/^[\x21-\x7e]{1,64}$/.test(trimmed)) return refuse(`the entry is not an address or CIDR; ${EXAMPLE}`)
  if (trimmed !== text) {
    const { canonical, problem } = inspectCidr(trimmed)
    return refuse(problem ?? `${trimmed} has white space around it; write ${canonical}`, canonical)
  }

  const [address, prefix] = cut(text)
  const words = parseWords(address)
  if (words === null) {
    const bare = bareAddress(address)
    const mended = bare === null ? null : inspectCidr(prefix === null ? bare : `${bare}/${prefix}`).canonical
    return refuse(`${text} ${whyNoAddress(address, mended)}`, mended)
  }
  const bitsMax = 32 * words.length
  const bits = prefix === null ? bitsMax : prefixBits(prefix, bitsMax)
  if (bits === null) {
    return refuse(`${text} has no valid prefix length; write a number from 0 to ${bitsMax} after the slash`)
  }

  const network = unmapped({ words: masked(words, bits), bits })
  if (isCompatible(network.words)) {
    const ipv4 = wordsText([network.words[3]]) + (prefix === null ? '' : `/${network.bits - 96}`)
    return refuse(`${text} is a deprecated IPv4-compatible address; write ${ipv4}`, ipv4)
  }
  const canonical = wordsText(network.words) + (prefix === null ? '' : `/${network.bits}`)
  if (text === canonical) return { canonical, problem: null }
  return refuse(`${text} ${whyNotCanonical(words, bits, network)}; write ${canonical}`, canonical)
}

/**
 * Prepares a list for `matchesCidrs`. A bare address is a network of its own, `/32` or `/128`.
 *
 * Lists that SQL wrote may hold what `checkCidr` refuses: host bits are cleared, as `<<=` of PostgreSQL
 * does; IPv4-mapped networks count as IPv4; and an entry that cannot be parsed matches nothing.
 */
export function compileCidrs(entries: readonly string[]): CompiledCidrs {
  const ipv4: { network: number; mask: number }[] = []
  const ipv6: { network: Ipv6Words; mask: Ipv6Words }[] = []
  for (const entry of entries) {
    const network = parseNetwork(entry)
    if (network === null) continue
    const { words, bits } = network
    if (words.length === 1) ipv4.push({ network: words[0], mask: wordMask(bits) })
    else ipv6.push({ network: words, mask: ipv6Mask(bits) })
  }
  return { ipv4, ipv6 }
}

/** Says whether a network of the list holds the address. An empty list and a text that is no address: no. */
export function matchesCidrs(compiled: CompiledCidrs, address: string): boolean {
  if (compiled.ipv4.length === 0 && compiled.ipv6.length === 0) return false
  const parsed = parseWords(address)
  if (parsed === null) return false
  const { words } = unmapped({ words: parsed, bits: 32 * parsed.length })
  if (words.length === 1) {
    const [word] = words
    for (const { network, mask } of compiled.ipv4) if ((word & mask) === network) return true
    return false
  }
  for (const { network, mask } of compiled.ipv6) {
    if (
      (words[0] & mask[0]) === network[0] &&
      (words[1] & mask[1]) === network[1] &&
      (words[2] & mask[2]) === network[2] &&
      (words[3] & mask[3]) === network[3]
    ) {
      return true
    }
  }
  return false
}

/**
 * Whom an address stands for when requests are counted: itself, and of IPv6 its /64, all of whose addresses one host may use.
 *
 * @returns `null` when it is no address
 */
export function countedNetwork(address: string): string | null {
  const canonical = parseAddress(address)
  if (canonical === null || !canonical.includes(':')) return canonical
  const network = parseNetwork(`${canonical}/64`)
  return network === null ? null : `${wordsText(network.words)}/64`
}

/** The network of an address or CIDR with its host bits cleared, or `null` when it is neither. */
function parseNetwork(text: string): Network | null {
  const [address, prefix] = cut(text)
  const words = parseWords(address)
  if (words === null) return null
  const bitsMax = 32 * words.length
  const bits = prefix === null ? bitsMax : prefixBits(prefix, bitsMax)
  return bits === null ? null : unmapped({ words: masked(words, bits), bits })
}

/** Address and prefix length as they are written; the latter is `null` without a slash. */
function cut(text: string): [address: string, prefix: string | null] {
  const slash = text.indexOf('/')
  return slash === -1 ? [text, null] : [text.slice(0, slash), text.slice(slash + 1)]
}

function prefixBits(prefix: string, bitsMax: number): number | null {
  if (!/^[0-9]{1,3}$/.test(prefix)) return null
  const bits = Number(prefix)
  return bits <= bitsMax ? bits : null
}

/** The address as it is written: an IPv4-mapped one is still IPv6 here. */
function parseWords(text: string): Words | null {
  if (!text.includes(':')) {
    const word = ipv4Word(text, 0)
    return word === null ? null : [word]
  }
  if (text.startsWith(MAPPED)) {
    const word = ipv4Word(text, MAPPED.length)
    if (word !== null) return [0, 0, 0xffff, word]
  }
  return ipv6Words(text)
}

/** A listener for both families writes its IPv4 peers like this, so it is worth a short cut. */
const MAPPED = '::ffff:'

/** Reads `text` from `start` to its end as four decimal parts without leading zeros. */
function ipv4Word(text: string, start: number): number | null {
  let word = 0
  let parts = 0
  let part = -1
  for (let at = start; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit >= 0 && digit <= 9) {
      if (part === 0) return null
      part = part === -1 ? digit : part * 10 + digit
      if (part > 255) return null
    } else {
      if (text[at] !== '.' || part === -1 || parts === 3) return null
      word = (word << 8) | part
      parts++
      part = -1
    }
  }
  return parts === 3 && part !== -1 ? (word << 8) | part : null
}

/**
 * ipaddr.js is shown hexadecimal groups only. It would read octal into a dotted tail, take `::1.2.3.4`
 * for `::ffff:1.2.3.4`, and keep a zone.
 */
function ipv6Words(text: string): Ipv6Words | null {
  let groups = text
  if (text.includes('.')) {
    const tail = text.lastIndexOf(':') + 1
    const word = ipv4Word(text, tail)
    if (word === null) return null
    groups = `${text.slice(0, tail)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`
  }
  if (!/^[0-9a-fA-F:]{2,39}$/.test(groups)) return null
  try {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = ipaddr.IPv6.parse(groups).parts
    return [(a << 16) | b, (c << 16) | d, (e << 16) | f, (g << 16) | h]
  } catch {
    return null
  }
}

const isMapped = (words: Words): words is Ipv6Words =>
  words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff

/**
 * IPv4-compatible addresses (RFC 4291, 2.5.5.1) are out of use, and the one place where readers differ on the canonical text:
 * PostgreSQL ends them in four decimal parts. `::` and `::1` lie in their block and are none of them.
 */
const isCompatible = (words: Words): words is Ipv6Words =>
  words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] !== 0 && words[3] !== 1

/**
 * IPv4-mapped IPv6 counts as IPv4 (RFC 4291, 2.5.5.2). Host bits are cleared before this is asked, so a
 * network that is wider than the mapped block, with fewer than 96 bits, has lost a bit of its `ffff`.
 */
function unmapped(network: Network): Network {
  const { words, bits } = network
  return isMapped(words) ? { words: [words[3]], bits: bits - 96 } : network
}

/** The first `bits` of a word; `-1 << 32` would be -1 again, so both ends are told apart first. */
function wordMask(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? -1 : -1 << (32 - bits)
}

const ipv6Mask = (bits: number): Ipv6Words => [
  wordMask(bits),
  wordMask(bits - 32),
  wordMask(bits - 64),
  wordMask(bits - 96),
]

function masked(words: Words, bits: number): Words {
  if (words.length === 1) return [words[0] & wordMask(bits)]
  const mask = ipv6Mask(bits)
  return [words[0] & mask[0], words[1] & mask[1], words[2] & mask[2], words[3] & mask[3]]
}

function wordsText(words: Words): string {
  if (words.length === 1) {
    const [word] = words
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
  }
  return new ipaddr.IPv6(words.flatMap((word) => [word >>> 16, word & 0xffff])).toRFC5952String()
}

const refuse = (problem: string, canonical: string | null = null): InspectedCidr => ({ canonical, problem })

/** The address in a text that has a zone, brackets or a port around it. */
function bareAddress(address: string): string | null {
  const bare = address.replace(/^\[|\](:[0-9]+)?$|%.*$/g, '')
  return bare === address ? null : parseAddress(bare)
}

/** Why a text is no address; `whyNotCanonical` is for those that are one. */
function whyNoAddress(address: string, mended: string | null): string {
  if (mended !== null) return `has a zone, brackets or a port; write ${mended}`
  if (/^[0-9.]+$/.test(address)) {
    return 'is not four decimal numbers from 0 to 255 without leading zeros; write for example 10.0.0.0/8'
  }
  return `is not an address or CIDR; ${EXAMPLE}`
}

function whyNotCanonical(words: Words, bits: number, network: Network): string {
  if (network.words.length !== words.length) return 'is an IPv4 address in the form of IPv6'
  if (masked(words, bits).some((word, at) => word !== words[at])) return 'has host bits set'
  return 'is not in the canonical, shortest form'
}
