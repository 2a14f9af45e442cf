import type { HeaderPair } from '../core/event.ts'
import { TEST_ANSWER_BYTES_MAX } from '../core/limits.ts'

export interface LoopbackRequest {
  /** Path and query: where they lead is decided by whoever made the sender. */
  readonly target: string
  readonly headers: readonly HeaderPair[]
  readonly body: Uint8Array
  readonly signal: AbortSignal
}

export interface LoopbackAnswer {
  readonly status: number
  readonly headers: readonly HeaderPair[]
  /** Its beginning, as text. */
  readonly body: string
}

/** Posts to one listener of this host. @throws when nobody answers in time, or what answers is a redirect */
export type LoopbackSender = (request: LoopbackRequest) => Promise<LoopbackAnswer>

/**
 * Posts to the receiver as a sender does, over HTTP and by no other way. It goes to one origin whatever a request says: neither a target, nor
 * a redirect, nor a proxy of the environment leads elsewhere.
 *
 * @param origin - of the receiver on this host, e.g. `http://127.0.0.1:8080`; asked for anew each time
 */
export const createLoopbackSender =
  (origin: () => string): LoopbackSender =>
  async ({ target, headers, body, signal }) => {
    const base = origin()
    const url = base + target
    // A target such as `@example.test/` would make another host of it.
    if (!target.startsWith('/') || new URL(url).origin !== new URL(base).origin) {
      throw new Error('the target is no path')
    }
    const response = await fetch(url, {
      method: 'POST',
      headers: headers.map(([name, value]): [string, string] => [name, value]),
      body: Buffer.from(body),
      redirect: 'manual',
      proxy: false,
      keepalive: false,
      signal,
    })
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw new Error(`it answered with a redirect, ${response.status}, which is not followed`)
    }
    return { status: response.status, headers: [...response.headers], body: await beginningOf(response) }
  }

async function beginningOf({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body ?? []) {
    pieces.push(piece)
    length += piece.byteLength
    if (length >= TEST_ANSWER_BYTES_MAX) break
  }
  return new TextDecoder().decode(Buffer.concat(pieces).subarray(0, TEST_ANSWER_BYTES_MAX))
}
