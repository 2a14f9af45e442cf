import { BODY_BYTES_READ_AT_ONCE_MAX } from '../core/limits.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import type { Attempt, Chain } from './attempt.ts'
import type { BodyBudget } from './body-budget.ts'
import { CLOSE_CONNECTION } from './body-deadlines.ts'
import type { ReceiverDeps } from './deps.ts'

/**
 * Step 4: is the payload too large? Turns away with `payload_too_large`.
 *
 * A declared length is judged here, at once. An undeclared (chunked) body can only be counted while it is read, which
 * `readBody` does for the steps behind: they alone may touch the stream, so whoever fails the checks between has sent
 * us nothing that we read. HTTP forbids both at once (RFC 9112, 6.1), and the server refuses such a request.
 */
export const payloadSize =
  ({ bodyBytesMax }: ReceiverDeps) =>
  (chain: Chain) =>
    chain.onBeforeHandle(({ attempt }) => {
      const { checks } = attempt
      checks.begin('payload_size')
      const declared = declaredBytes(attempt.request)
      attempt.declaredBytes = declared
      if (declared === null) checks.putOff()
      else requireSize(attempt, declared, bodyBytesMax)
    })

/** @param bytes - declared, or received */
export function requireSize(attempt: Attempt, bytes: number, ceiling: number): void {
  const limit = payloadBytesMax(attempt, ceiling)
  attempt.checks.begin('payload_size')
  if (bytes > limit) throw tooLarge(`the declared length of ${bytes} bytes exceeds the limit of ${limit}`)
  attempt.checks.pass()
}

const payloadBytesMax = (attempt: Attempt, ceiling: number): number =>
  Math.min(attempt.trigger.payloadBytesMax, ceiling)

/** A request with neither a length nor chunks has no body (RFC 9112, 6.3). */
function declaredBytes({ headers }: Request): number | null {
  const length = headers.get('content-length')
  if (length !== null) {
    // Repeated, the header arrives joined: "2, 2" is no length, and what the body's would be is anyone's guess.
    if (!/^\d{1,15}$/.test(length))
      throw new Rejection('body_incomplete', 'the declared length is not one number', CLOSE_CONNECTION)
    return Number(length)
  }
  return headers.has('transfer-encoding') ? null : 0
}

const tooLarge = (reason: string): Rejection => new Rejection('payload_too_large', reason, CLOSE_CONNECTION)

/**
 * Reads the body, once; every byte is counted, and what it takes of memory comes out of one budget. The time that this takes is that of the
 * check of the size, whichever step asks: it is the sender's and not the asking step's.
 *
 * @throws Rejection `payload_too_large`, `body_incomplete`, `body_timeout`; `store_unavailable` when the budget is used up or the process ends
 */
export async function readBody(attempt: Attempt, ceiling: number, budget: BodyBudget): Promise<Uint8Array> {
  if (attempt.body !== null) return attempt.body
  attempt.checks.begin('payload_size')
  const declared = attempt.declaredBytes
  const share = budget.open(attempt.trigger.triggerId)
  attempt.release = share.release
  const limit = payloadBytesMax(attempt, ceiling)
  const body = await attempt.bodyDeadlines.within(
    declared !== null && declared <= BODY_BYTES_READ_AT_ONCE_MAX
      ? readAtOnce(attempt.request, declared, share.take)
      : readByChunk(attempt.request, declared, limit, share.take),
  )
  if (declared !== null && body.byteLength !== declared) throw incomplete(body.byteLength, declared)
  attempt.body = body
  attempt.checks.pass()
  return body
}

const incomplete = (received: number | null, declared: number | null): Rejection =>
  new Rejection(
    'body_incomplete',
    `the body ended after ${received ?? 'some'} of ${declared ?? 'an undeclared number of'} bytes`,
    CLOSE_CONNECTION,
  )

/** Takes bytes out of the budget; false when it is used up. */
type Take = (bytes: number) => boolean

const overloaded = (): Rejection => storeUnavailable('the memory for bodies that are under way is used up')

async function readAtOnce(request: Request, declared: number, take: Take): Promise<Uint8Array> {
  if (declared === 0) return new Uint8Array(0)
  const bytes = await request.arrayBuffer().catch(() => {
    // Reading fails only when the sender hangs up.
    throw incomplete(null, declared)
  })
  // What was declared and has not come takes no memory, so it must not take from the budget either: a sender could use that up by
  // promises alone.
  if (!take(bytes.byteLength)) throw overloaded()
  return new Uint8Array(bytes)
}

async function readByChunk(
  request: Request,
  declared: number | null,
  limit: number,
  take: Take,
): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0)
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw incomplete(bytes, declared)
    })
    if (done) return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes)
    bytes += value.byteLength
    if (bytes > limit) {
      void reader.cancel().catch(() => {})
      throw tooLarge(`the body exceeds the limit of ${limit} bytes`)
    }
    if (!take(value.byteLength)) {
      void reader.cancel().catch(() => {})
      throw overloaded()
    }
    chunks.push(value)
  }
}
