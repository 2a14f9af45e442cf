import { BODY_BYTES_JUDGED_UNREAD } from '../core/limits.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import type { SignatureOutcome } from '../core/signature-check.ts'
import type { VerificationRequest } from '../core/verification/index.ts'
import { webhookPath } from '../core/webhook-key.ts'
import type { Attempt, Chain } from './attempt.ts'
import type { BodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
import { readBody } from './payload-size.ts'

/** Step 7: did someone sign these bytes who knows the secret? Turns away with `signature_missing`, `signature_invalid`. */
export const signature = (deps: ReceiverDeps, budget: BodyBudget) => {
  const { bodyBytesMax } = deps
  const requireSignature = signatureRequirement(deps)
  return (chain: Chain) =>
    chain.onBeforeHandle(async ({ attempt }) => {
      const check = attempt.trigger.signature
      attempt.checks.begin('signature')
      if (check === null) {
        attempt.checks.off()
        return
      }
      const { declaredBytes } = attempt
      // Size comes before signature in the list of steps; a chunked body shows its size only when it is read. One of declared
      // length has been judged, and need not be read at all when the headers alone say that it is not signed.
      if (declaredBytes === null) await readBody(attempt, bodyBytesMax, budget)
      else {
        const isBodyLarge = declaredBytes > BODY_BYTES_JUDGED_UNREAD
        const request = requestOf(attempt, NO_BODY, deps)
        const refusal = check.refusalBeforeBody(request, isBodyLarge, Date.now())
        if (refusal !== null) settle(attempt, refusal, deps)
      }
      // A body that does not arrive whole is nobody's wrong signature: the check has not run.
      const body = await readBody(attempt, bodyBytesMax, budget)
      const required = requireSignature(attempt, body)
      if (required !== null) await required
    })
}

/**
 * The decision itself, once the body is there.
 *
 * @returns `null` when it was made at once; only schemes with tokens and certificates take a turn of the event loop
 */
export const signatureRequirement =
  (deps: ReceiverDeps) =>
  (attempt: Attempt, body: Uint8Array): Promise<void> | null => {
    attempt.hmacVerified = null
    attempt.verifiedBy = null
    attempt.checks.begin('signature')
    const check = attempt.trigger.signature
    if (check === null) {
      attempt.checks.off()
      return null
    }
    const outcome = check.verify(requestOf(attempt, body, deps), Date.now(), deps.fetchCertificate)
    if (outcome instanceof Promise) return outcome.then((settled) => settle(attempt, settled, deps))
    settle(attempt, outcome, deps)
    return null
  }

/** Writes down what the check has found, and throws when it refuses. */
function settle(attempt: Attempt, outcome: SignatureOutcome, { secretUses }: ReceiverDeps): void {
  if (outcome.verified) {
    // A scheme that asks for no proof has none to say anything of.
    attempt.hmacVerified = outcome.by === null ? null : true
    attempt.verifiedBy = outcome.by
    if (outcome.secretId !== null) secretUses.note(outcome.secretId)
    attempt.checks.pass()
    return
  }
  // A check that could not be made has not run.
  if (outcome.code === 'store_unavailable') throw storeUnavailable(outcome.reason)
  attempt.hmacVerified = false
  throw new Rejection(outcome.code, outcome.reason)
}

const NO_BODY = new Uint8Array(0)

/** The request as senders sign it: under the public URL, with the query as it was received. */
export function requestOf(
  { request, trigger }: Attempt,
  body: Uint8Array,
  { publicUrl }: ReceiverDeps,
): VerificationRequest {
  const { headers } = request
  return {
    method: request.method,
    // Few schemes ask for it.
    get url() {
      const queryStart = request.url.indexOf('?')
      const query = queryStart === -1 ? '' : request.url.slice(queryStart)
      return publicUrl() + webhookPath(trigger.webhookKey) + query
    },
    header: (name) => headers.get(name),
    headerNames: () => headers.keys(),
    body,
  }
}
