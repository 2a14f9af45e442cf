import { compileCidrs, inspectCidr, matchesCidrs, parseAddress } from './address.ts'
import { WHITELIST_ENTRY_SHOWN_LENGTH_MAX } from './limits.ts'
import type { WhitelistCheck } from './preview.ts'

/**
 * Judges the entries of a whitelist one by one, as saving it would, and says whether an address would pass. An entry that only has to be
 * written in another way counts as what is meant, so that a pasted list can be judged before it is mended.
 *
 * @param address - as somebody typed it; `null`: none is asked for
 */
export function checkWhitelist(cidrs: readonly string[], address: string | null): WhitelistCheck {
  const entries = cidrs.map((entry) => ({ entry: shown(entry), ...inspectCidr(entry) }))
  return { entries, address: address === null ? null : judge(entries, address) }
}

function judge(entries: WhitelistCheck['entries'], address: string): WhitelistCheck['address'] {
  const canonical = parseAddress(address.trim())
  if (canonical === null) return { canonical, passes: false, matched: null }
  const holder = entries.find(
    (entry) => entry.canonical !== null && matchesCidrs(compileCidrs([entry.canonical]), canonical),
  )
  return { canonical, passes: holder !== undefined, matched: holder?.entry ?? null }
}

/** Enough to find it in the list again. */
const shown = (entry: string): string => entry.slice(0, WHITELIST_ENTRY_SHOWN_LENGTH_MAX).toWellFormed()
