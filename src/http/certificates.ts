import {
  CERTIFICATE_AGE_MS_MAX,
  CERTIFICATE_FAILURE_MS,
  CERTIFICATE_FETCH_MS_MAX,
  CERTIFICATE_FETCHES_MAX,
  CERTIFICATE_PEM_LENGTH_MAX,
  CERTIFICATES_MAX,
} from '../core/limits.ts'

/** Gets what is at a URL; `fetch` itself outside of tests. */
type Fetch = (url: string, init: RequestInit) => Promise<Response>

interface Kept {
  readonly pem: Promise<string | null>
  /** On the clock of `performance.now()`. */
  untilMs: number
  hasFailed: boolean
}

/**
 * Fetches certificates that senders sign with. The URL comes from a stranger's request: the engine has held it against the exact
 * hosts of the scheme, and here size, time, number and redirects are bounded.
 *
 * @returns PEM; `null` when there is none to be had just now, which is remembered for a moment
 */
export function createCertificateFetcher(fetchUrl: Fetch = fetch): (url: string) => Promise<string | null> {
  const kept = new Map<string, Kept>()
  let underWay = 0

  const get = async (url: string): Promise<string | null> => {
    underWay += 1
    try {
      return await fetchPem(url, fetchUrl)
    } catch {
      return null
    } finally {
      underWay -= 1
    }
  }

  return (url) => {
    const nowMs = performance.now()
    const known = kept.get(url)
    if (known !== undefined && nowMs < known.untilMs) return known.pem
    kept.delete(url)
    if (underWay >= CERTIFICATE_FETCHES_MAX || !url.startsWith('https://')) return Promise.resolve(null)
    makeRoom(kept)
    // Whoever asks while it is fetched waits for the same answer.
    const entry: Kept = { pem: get(url), untilMs: nowMs + CERTIFICATE_AGE_MS_MAX, hasFailed: false }
    kept.set(url, entry)
    void entry.pem.then((pem) => {
      if (pem !== null) return
      entry.hasFailed = true
      entry.untilMs = performance.now() + CERTIFICATE_FAILURE_MS
    })
    return entry.pem
  }
}

/** What was not to be had goes first, so that URLs which a stranger makes up push no certificate out; then the oldest. */
function makeRoom(kept: Map<string, Kept>): void {
  if (kept.size < CERTIFICATES_MAX) return
  const [oldest] = kept.keys()
  const failed = [...kept].find(([, { hasFailed }]) => hasFailed)?.[0]
  const leaving = failed ?? oldest
  if (leaving !== undefined) kept.delete(leaving)
}

async function fetchPem(url: string, fetchUrl: Fetch): Promise<string | null> {
  const response = await fetchUrl(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(CERTIFICATE_FETCH_MS_MAX),
    headers: { accept: 'application/x-pem-file, application/x-x509-ca-cert, text/plain, */*' },
  })
  if (response.status !== 200 || response.body === null) return null
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body) {
    length += piece.byteLength
    if (length > CERTIFICATE_PEM_LENGTH_MAX) return null
    pieces.push(piece)
  }
  const pem = Buffer.concat(pieces).toString('latin1')
  return pem.includes('-----BEGIN CERTIFICATE-----') ? pem : null
}
