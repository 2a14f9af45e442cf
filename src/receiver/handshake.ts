import { HANDSHAKE_BODY_BYTES_MAX } from '../core/limits.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import type { SignatureCheck } from '../core/signature-check.ts'
import {
  type HandshakeAnswer,
  type HandshakeInput,
  type HandshakeOutcome,
  hasHandshake,
  SECRET_STORED,
  signedHandshake,
  unsignedHandshake,
} from '../core/verification/index.ts'
import type { Attempt, Chain } from './attempt.ts'
import type { BodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
import { readBody } from './payload-size.ts'
import { requestOf } from './signature.ts'

/** Thrown by the steps below: the attempt was a handshake, and this is its answer. A step that returned it would be ignored. */
export class HandshakeAnswered extends Error {
  readonly answer: HandshakeAnswer

  constructor(answer: HandshakeAnswer) {
    super('a handshake was answered')
    this.answer = answer
  }
}

/**
 * Between steps 6 and 7: handshakes of senders that sign nothing before they know that somebody is there. Turns away with
 * `handshake_refused`. Only a short body is looked at: a longer one is no handshake, and step 7 may judge it unread.
 */
export const unsignedHandshakes = (deps: ReceiverDeps, budget: BodyBudget) => (chain: Chain) =>
  chain.onBeforeHandle(async ({ attempt }) => {
    const { signature } = attempt.trigger
    if (signature === null || !hasHandshake(signature.settings.compiled, 'POST', false)) return
    const { declaredBytes } = attempt
    if (declaredBytes !== null && declaredBytes > HANDSHAKE_BODY_BYTES_MAX) return
    const body = await readBody(attempt, deps.bodyBytesMax, budget)
    await answer(unsignedHandshake(inputOf(attempt, signature, body, deps)), attempt, deps)
    attempt.checks.start()
  })

/** Behind step 7: handshakes that are signed like every other request. Turns away with `handshake_refused`. */
export const signedHandshakes = (deps: ReceiverDeps) => (chain: Chain) =>
  chain.onBeforeHandle(async ({ attempt }) => {
    const { signature } = attempt.trigger
    if (signature === null || !hasHandshake(signature.settings.compiled, 'POST', true)) return
    if (attempt.hmacVerified !== true || attempt.body === null) return
    await answer(signedHandshake(inputOf(attempt, signature, attempt.body, deps)), attempt, deps)
  })

/** Whether the scheme of a trigger has a handshake of this method: all other methods than POST are turned away otherwise. */
export function takesMethod({ settings, request }: Attempt): boolean {
  return hasHandshake(settings?.signature?.settings.compiled ?? null, request.method, false)
}

/** The handshakes that are not posted; they have no body. Returns when the request is none. */
export async function answerOtherMethod(attempt: Attempt, deps: ReceiverDeps): Promise<void> {
  const { signature } = attempt.trigger
  if (signature === null) return
  await answer(unsignedHandshake(inputOf(attempt, signature, NO_BODY, deps)), attempt, deps)
}

const NO_BODY = new Uint8Array(0)

function inputOf(
  attempt: Attempt,
  signature: SignatureCheck,
  body: Uint8Array,
  deps: ReceiverDeps,
): HandshakeInput & { readonly compiled: NonNullable<SignatureCheck['settings']['compiled']> } {
  const { compiled } = signature.settings
  if (compiled === null) throw new Error('the generic scheme has no handshake')
  const { keys, labels } = signature.live()
  const secretIndex = attempt.verifiedBy === null ? -1 : labels.indexOf(attempt.verifiedBy)
  return {
    compiled,
    request: requestOf(attempt, body, deps),
    keys,
    isArmed: performance.now() < attempt.trigger.handshakeArmedUntilMs,
    secretIndex: secretIndex === -1 ? null : secretIndex,
  }
}

/** @throws HandshakeAnswered, or Rejection; returns when there is nothing to answer */
async function answer(outcome: HandshakeOutcome | null, attempt: Attempt, deps: ReceiverDeps): Promise<void> {
  if (outcome === null) return
  if (outcome.kind === 'refused') throw new Rejection('handshake_refused', outcome.reason)
  const { effect } = outcome
  if (effect?.kind === 'remember') await remember(effect, attempt, deps)
  if (effect?.kind === 'confirm' && !(await deps.confirm(effect.url))) {
    throw storeUnavailable('the URL that confirms the subscription did not answer')
  }
  throw new HandshakeAnswered(outcome)
}

const REFUSALS = {
  not_armed: 'the trigger does not expect a handshake any more',
  secret_stored: SECRET_STORED,
} as const

async function remember(
  { secret, isToBeShown }: { readonly secret: string; readonly isToBeShown: boolean },
  { id, client, trigger: { triggerId, webhookKey } }: Attempt,
  { handshakes }: ReceiverDeps,
): Promise<void> {
  const from = { requestId: id, sourceIp: client.address }
  const remembered = await handshakes.remember({ triggerId, webhookKey, secret, isToBeShown, from })
  if (remembered !== 'remembered') throw new Rejection('handshake_refused', REFUSALS[remembered])
}

/** Records an answered handshake, and makes its response: nothing of it is for a browser to run or a cache to keep. */
export function handshakeResponse(
  { intakeWriter, metrics }: ReceiverDeps,
  attempt: Attempt,
  { status, contentType, body, headers, note }: HandshakeAnswer,
): Response {
  attempt.release?.()
  metrics.countAttempt(attempt.trigger.triggerRef, 'handshake')
  intakeWriter.record({
    ...attempt.auditRecord(),
    outcome: 'handshake',
    headers: attempt.keptHeaders(),
    checks: attempt.checks.encode(),
    statusCode: status,
    errorCode: null,
    errorMessage: note,
    elapsedMs: performance.now() - attempt.startedAtMs,
  })
  // A body that came with another method is not read.
  const isUnread = attempt.body === null && attempt.declaredBytes !== 0
  return new Response(body === '' ? null : body, {
    status,
    headers: {
      ...headers,
      ...(contentType !== null && { 'content-type': contentType }),
      ...(isUnread && { connection: 'close' }),
      'x-request-id': attempt.id,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    },
  })
}
