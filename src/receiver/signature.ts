import { Rejection } from '../core/rejection.ts'
import { findSignature, signatureFault, verifySignature } from '../core/signature.ts'
import type { Attempt, Chain } from './attempt.ts'
import type { BodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
import { readBody } from './payload-size.ts'

/** Step 7: did someone sign these bytes who knows the secret? Turns away with `signature_missing`, `signature_invalid`. */
export const signature =
  ({ bodyBytesMax }: ReceiverDeps, budget: BodyBudget) =>
  (chain: Chain) =>
    chain.onBeforeHandle(async ({ attempt }) => {
      const { hmac } = attempt.trigger
      if (hmac === null) return
      // Size comes before signature in the list of steps; a chunked body shows its size only when it is read. One of declared
      // length has been judged, and without a signature it need not be read at all.
      if (attempt.declaredBytes === null) await readBody(attempt, bodyBytesMax, budget)
      const value = signatureOf(attempt)
      if (value === null) {
        attempt.hmacVerified = false
        throw new Rejection('signature_missing', 'no signature header is present')
      }
      // Neither needs the body.
      const malformed = hmac.secret ? signatureFault(value, hmac.algorithm) : 'the trigger has no secret'
      if (malformed !== null) {
        attempt.hmacVerified = false
        throw new Rejection('signature_invalid', malformed)
      }
      // A body that does not arrive whole is nobody's wrong signature: the check has not run.
      requireSignature(attempt, await readBody(attempt, bodyBytesMax, budget))
    })

/** The decision itself, once the body is there. */
export function requireSignature(attempt: Attempt, body: Uint8Array): void {
  const { hmac } = attempt.trigger
  if (hmac === null) return
  attempt.hmacVerified = false
  attempt.verifiedBy = null
  const value = signatureOf(attempt)
  if (value === null) throw new Rejection('signature_missing', 'no signature header is present')
  const { secret, algorithm } = hmac
  const verdict = verifySignature({ body, signature: value, secret, algorithm })
  if (!verdict.verified) throw new Rejection('signature_invalid', verdict.reason)
  attempt.hmacVerified = true
  attempt.verifiedBy = 'default'
}

const signatureOf = ({ request }: Attempt): string | null =>
  findSignature((name) => request.headers.get(name))
