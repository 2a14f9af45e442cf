import { ApiFailure } from './problem.ts'

/**
 * `fetch` without surprises: no redirect takes the token elsewhere, and what is on this host is not asked
 * for through a proxy of the environment.
 *
 * @throws ApiFailure that names the URL which was tried
 */
export async function reach(url: string, init: BunFetchRequestInit): Promise<Response> {
  const { origin, hostname } = new URL(url)
  const isLoopback = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(hostname)
  try {
    return await fetch(url, { ...init, redirect: 'manual', ...(isLoopback ? { proxy: false } : {}) })
  } catch (error) {
    throw unreachable(origin, error)
  }
}

/** Waits for the rest of an answer. @throws ApiFailure as `reach` does */
export async function finish<T>(url: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw unreachable(new URL(url).origin, error)
  }
}

const unreachable = (origin: string, error: unknown): ApiFailure =>
  new ApiFailure(null, `cannot reach ${origin}: ${networkReason(error)}`)

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is the server running, and is this its address?',
  ConnectionRefused: 'nothing listens there; is the server running, and is this its address?',
  ENOTFOUND: 'the name of the host is not known',
  ECONNRESET: 'the connection was closed before an answer came',
  ConnectionClosed: 'the connection was closed before an answer came',
  TimeoutError: 'no answer came in time',
}

function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed'
  const code: unknown = Reflect.get(error, 'code')
  const known = NETWORK_REASONS[typeof code === 'string' ? code : ''] ?? NETWORK_REASONS[error.name]
  return known ?? (typeof code === 'string' ? `the connection failed (${code})` : 'the connection failed')
}
