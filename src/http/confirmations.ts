import { CONFIRMATION_MS_MAX, CONFIRMATIONS_MAX } from '../core/limits.ts'

/** Gets what is at a URL; `fetch` itself outside of tests. */
type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * Fetches URLs that confirm a subscription. Such a URL comes from a request that the scheme has verified, and core has held it against the
 * sender's hosts to the letter; here time, number and redirects are bounded, and nothing of the answer is read but its status.
 *
 * @returns whether it was confirmed
 */
export function createConfirmer(fetchUrl: Fetch = fetch): (url: string) => Promise<boolean> {
  let underWay = 0
  return async (url) => {
    if (underWay >= CONFIRMATIONS_MAX || !url.startsWith('https://')) return false
    underWay += 1
    try {
      const response = await fetchUrl(url, {
        redirect: 'error',
        signal: AbortSignal.timeout(CONFIRMATION_MS_MAX),
      })
      await response.body?.cancel()
      return response.status === 200
    } catch {
      return false
    } finally {
      underWay -= 1
    }
  }
}
