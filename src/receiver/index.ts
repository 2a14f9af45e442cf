import { Elysia } from 'elysia'
import { BODY_BYTES_IN_FLIGHT_MAX, BODY_BYTES_IN_FLIGHT_PER_TRIGGER_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import { isWebhookKey } from '../core/webhook-key.ts'
import { errors } from '../http/errors.ts'
import { liveness } from '../http/health.ts'
import { accept } from './accept.ts'
import { type Attempt, attempt, type Chain } from './attempt.ts'
import { recordRejection } from './audit.ts'
import { createBodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
import {
  answerOtherMethod,
  HandshakeAnswered,
  handshakeResponse,
  signedHandshakes,
  takesMethod,
  unsignedHandshakes,
} from './handshake.ts'
import { ipWhitelist } from './ip-whitelist.ts'
import { payloadSize } from './payload-size.ts'
import { rateLimit } from './rate-limit.ts'
import { signature } from './signature.ts'
import { triggerLookup } from './trigger-lookup.ts'
import { webhookEnabled } from './webhook-enabled.ts'

const WEBHOOK_PATH = '/api/v1/webhooks/:key'

/**
 * The data plane. An attempt falls through the steps in the order in which they are listed here; the first that turns it
 * away answers.
 */
export function createReceiver(deps: ReceiverDeps) {
  const budget = createBodyBudget(BODY_BYTES_IN_FLIGHT_MAX, BODY_BYTES_IN_FLIGHT_PER_TRIGGER_MAX)
  const chain = attempt(deps) //                  1
    .use(triggerLookup(deps)) //                  2
    .use(webhookEnabled()) //                     3
    .use(payloadSize(deps)) //                    4
    .use(ipWhitelist()) //                        5
    .use(rateLimit(deps)) //                      6
    .use(unsignedHandshakes(deps, budget)) //     ahead of 7: there is nothing yet to verify with
    .use(signature(deps, budget)) //              7
    .use(signedHandshakes(deps)) //               behind 7: what a handshake asks is verified like the rest
    .post(WEBHOOK_PATH, accept(deps, budget), { parse: 'none' }) // 8

  return (
    new Elysia({ handler: { standardHostname: false } })
      // Before the plugin that answers: whichever hook answers an error is the last to see it.
      .onError(
        ({ attempt, error, set }: { attempt?: Attempt; error: unknown; set: { status?: unknown } }) => {
          if (error instanceof HandshakeAnswered && attempt !== undefined) {
            // What is thrown has status 500 here, which would stand above a 200.
            set.status = error.answer.status
            return handshakeResponse(deps, attempt, error.answer)
          }
          return recordRejection(deps, attempt, error)
        },
      )
      .use(errors(deps))
      .use(liveness())
      .use(chain)
      .use(otherMethods(deps))
  )
}

/**
 * Webhooks are posted. Anything else on a webhook's path is 405, and on a known key it leaves its row too; but where the sender's
 * handshake is of another method, it passes the same steps and is answered.
 */
const otherMethods = (deps: ReceiverDeps) =>
  attempt(deps)
    .use(methodOfHandshake(deps)) // ahead of all: there is no other reason to look at it
    .use(triggerLookup(deps)) //     2
    .use(webhookEnabled()) //        3
    .use(payloadSize(deps)) //       4
    .use(ipWhitelist()) //           5
    .use(rateLimit(deps)) //         6
    .all(
      WEBHOOK_PATH,
      async ({ attempt }) => {
        await answerOtherMethod(attempt, deps)
        throw methodNotAllowed(attempt)
      },
      { parse: 'none' },
    )

const methodOfHandshake = (deps: ReceiverDeps) => (chain: Chain) =>
  chain.onBeforeHandle(async ({ attempt, params }) => {
    const { key } = params as { key: string }
    attempt.settings = isWebhookKey(key) ? await deps.triggerCache.byKey(key) : null
    if (!takesMethod(attempt)) throw methodNotAllowed(attempt)
  })

const methodNotAllowed = ({ request }: Attempt): Rejection =>
  new Rejection('method_not_allowed', `the method ${request.method} is not POST`, {
    headers: { allow: 'POST' },
  })
