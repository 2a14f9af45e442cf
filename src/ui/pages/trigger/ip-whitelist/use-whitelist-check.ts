import { useEffect, useState } from 'react'
import type { WhitelistCheck } from '../../../../core/preview.ts'
import { api } from '../../../api/client.ts'

const DEBOUNCE_MS = 250

export interface CheckState {
  /** `null`: it is not known yet. */
  readonly check: WhitelistCheck | null
  readonly error: Error | null
  /** `check` is of an earlier list. */
  readonly isPending: boolean
}

/** What the server would say of a list, and of an address; asked for a moment after either was typed. */
export function useWhitelistCheck(entries: readonly string[], address: string): CheckState {
  const [state, setState] = useState<CheckState>({ check: null, error: null, isPending: true })
  const asked = address.trim()
  const key = JSON.stringify({ cidrs: entries, ...(asked !== '' && { address: asked }) })
  useEffect(() => {
    const stopping = new AbortController()
    setState(({ check }) => ({ check, error: null, isPending: true }))
    const timer = setTimeout(async () => {
      try {
        const given = { body: JSON.parse(key), signal: stopping.signal }
        const check = await api('POST /api/v1/ip-whitelist/check', given)
        setState({ check, error: null, isPending: false })
      } catch (error) {
        if (!stopping.signal.aborted) setState({ check: null, error: error as Error, isPending: false })
      }
    }, DEBOUNCE_MS)
    return () => {
      clearTimeout(timer)
      stopping.abort()
    }
  }, [key])
  return state
}
