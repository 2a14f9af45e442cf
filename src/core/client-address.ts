import { type CompiledCidrs, matchesCidrs, parseAddress } from './address.ts'
import { FORWARDED_HOPS_MAX } from './limits.ts'

/** Whom an attempt came from; without an address, `reason` says why, in words for the audit row. */
export type ClientAddress =
  | { readonly address: string; readonly reason: null }
  | { readonly address: null; readonly reason: string }

/** What one header says: the address it leads to, or why it is not believed. */
type Candidate = { readonly address: string } | { readonly unbelieved: string }

/** One step to the left: the address written there (`null` when it is none) and where the rest ends. */
interface Hop {
  readonly address: string | null
  readonly restEnd: number
}

/**
 * Finds the client's address: the peer of the socket, unless the peer is a trusted proxy; then what the
 * forwarding headers say, walked from the right until the first address that is not trusted. Never
 * throws, and takes time in proportion to the length of the headers.
 *
 * A proxy that sets one of the headers hands on the others as the sender forged them, and we cannot know
 * which one it sets. So all that are present have to lead to the same address; if they do not, or one
 * cannot be read, no address is known and every check of it refuses.
 *
 * @param input.peer - address of the socket's other end; IPv4-mapped IPv6 counts as IPv4
 * @param input.forwarded - `Forwarded` (RFC 7239); several headers joined by commas, `null` when absent
 * @param input.xForwardedFor - `X-Forwarded-For`, likewise
 * @param input.xRealIp - `X-Real-IP`, one address
 * @param input.trusted - networks of the proxies that are believed; for a peer that is none, no header is read
 */
export function resolveClientAddress(input: {
  readonly peer: string | null
  readonly forwarded: string | null
  readonly xForwardedFor: string | null
  readonly xRealIp: string | null
  readonly trusted: CompiledCidrs
}): ClientAddress {
  const { trusted } = input
  if (input.peer === null) return unknown('the connection has no peer address')
  const peer = parseAddress(input.peer)
  if (peer === null) return unknown('the peer address cannot be parsed')
  if (!matchesCidrs(trusted, peer)) return { address: peer, reason: null }

  const { forwarded, xForwardedFor, xRealIp } = input
  const candidates: Candidate[] = []
  if (forwarded !== null) candidates.push(walk('Forwarded', forwarded, forwardedHop, trusted))
  if (xForwardedFor !== null) candidates.push(walk('X-Forwarded-For', xForwardedFor, listHop, trusted))
  if (xRealIp !== null) {
    const real = realIp(xRealIp)
    // The last of two proxies writes the first one here; the other headers know who came before it.
    const namesProxy = 'address' in real && matchesCidrs(trusted, real.address)
    if (!namesProxy || candidates.length === 0) candidates.push(real)
  }
  return agreed(candidates) ?? { address: peer, reason: null }
}

/** What all candidates say, `null` when there are none. */
function agreed(candidates: readonly Candidate[]): ClientAddress | null {
  let address: string | null = null
  for (const candidate of candidates) {
    if ('unbelieved' in candidate) return unknown(candidate.unbelieved)
    if (address !== null && candidate.address !== address) {
      return unknown(`the forwarding headers disagree: ${address} and ${candidate.address}`)
    }
    address = candidate.address
  }
  return address === null ? null : { address, reason: null }
}

/**
 * Walks a header from the right: whoever is trusted is believed about the one to its left. What stands
 * left of the first address that is not trusted was written by a stranger, and is not even looked at.
 */
function walk(
  name: string,
  header: string,
  hopBefore: (header: string, end: number) => Hop,
  trusted: CompiledCidrs,
): Candidate {
  let end = header.length
  for (let hops = 0; hops < FORWARDED_HOPS_MAX; hops++) {
    const { address, restEnd } = hopBefore(header, end)
    if (address === null) return { unbelieved: `${name} has an entry that is no address` }
    if (restEnd < 0 || !matchesCidrs(trusted, address)) return { address }
    end = restEnd
  }
  return { unbelieved: `${name} has more than ${FORWARDED_HOPS_MAX} addresses of trusted proxies` }
}

function listHop(header: string, end: number): Hop {
  const comma = header.lastIndexOf(',', end - 1)
  return { address: nodeAddress(trimBlanks(header.slice(comma + 1, end))), restEnd: comma }
}

function realIp(header: string): Candidate {
  const address = nodeAddress(trimBlanks(header))
  return address === null ? { unbelieved: 'X-Real-IP is not one address' } : { address }
}

/**
 * An element of `Forwarded` ends at a comma outside quotes. Quotes are counted from the right as well:
 * the right end was written by a trusted proxy, so a quote that a stranger opened on the left and never
 * closed cannot swallow what the proxy added.
 */
function forwardedHop(header: string, end: number): Hop {
  let quoted = false
  let comma = end - 1
  for (; comma >= 0; comma--) {
    if (header[comma] === '"') {
      // Within quotes, from the right: an escaped quote follows a backslash, the opening one an equals sign.
      if (!quoted || header[comma - 1] !== '\\') quoted = !quoted
    } else if (header[comma] === ',' && !quoted) break
  }
  return { address: forAddress(trimBlanks(header.slice(comma + 1, end))), restEnd: comma }
}

/** One `name=value` of RFC 7239, section 4, with the separator behind it. No part can match what the next one can. */
const PAIR =
  /[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z]+))[ \t]*(?:;|$)/y

/** The address of an element's `for`, or `null`: malformed, without `for`, with two, `unknown`, hidden. */
function forAddress(element: string): string | null {
  let node: string | null = null
  let at = 0
  while (at < element.length) {
    PAIR.lastIndex = at
    const pair = PAIR.exec(element)
    if (pair === null) return null
    at = PAIR.lastIndex
    if (pair[1]?.toLowerCase() !== 'for') continue
    if (node !== null) return null
    node = pair[2]?.replace(/\\(.)/g, '$1') ?? pair[3] ?? ''
  }
  // RFC 7239, section 6, has IPv6 in brackets always, so that a port can be told apart.
  if (node === null || (node.includes(':') && parseAddress(node) !== null)) return null
  return nodeAddress(node)
}

/** `[2001:db8::1]` or `1.2.3.4:567` with a port that is a number or, as RFC 7239 allows, hidden: `:_p`. */
const BRACKETED = /^\[([^\]]*:[^\]]*)\](?::(?:[0-9]{1,5}|_[0-9A-Za-z._-]+))?$/
const IPV4_AND_PORT = /^([0-9.]+):(?:[0-9]{1,5}|_[0-9A-Za-z._-]+)$/

/** `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:567`, as an address. */
function nodeAddress(node: string): string | null {
  const match = BRACKETED.exec(node) ?? IPV4_AND_PORT.exec(node)
  return parseAddress(match?.[1] ?? node)
}

/** Space and tab only: `trim` would also take away the no-break space, which no proxy writes. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

const isBlank = (character: string | undefined) => character === ' ' || character === '\t'

function unknown(reason: string): ClientAddress {
  return { address: null, reason }
}
