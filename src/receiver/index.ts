import { Elysia } from 'elysia'
import { BODY_BYTES_IN_FLIGHT_MAX, BODY_BYTES_IN_FLIGHT_PER_TRIGGER_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import { isWebhookKey } from '../core/webhook-key.ts'
import { errors } from '../http/errors.ts'
import { liveness } from '../http/health.ts'
import { accept } from './accept.ts'
import { type Attempt, attempt } from './attempt.ts'
import { recordRejection } from './audit.ts'
import { createBodyBudget } from './body-budget.ts'
import type { ReceiverDeps } from './deps.ts'
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
    .use(signature(deps, budget)) //              7
    .post(WEBHOOK_PATH, accept(deps, budget), { parse: 'none' }) // 8

  return (
    new Elysia({ handler: { standardHostname: false } })
      // Before the plugin that answers: whichever hook answers an error is the last to see it.
      .onError(({ attempt, error }: { attempt?: Attempt; error: unknown }) =>
        recordRejection(deps, attempt, error),
      )
      .use(errors(deps))
      .use(liveness())
      .use(chain)
      .use(otherMethods(deps))
  )
}

/** Webhooks are posted. Anything else on a webhook's path is 405, and on a known key it leaves its row too. */
const otherMethods = (deps: ReceiverDeps) =>
  attempt(deps).all(
    WEBHOOK_PATH,
    async ({ attempt, params }) => {
      const { key } = params
      attempt.settings = isWebhookKey(key) ? await deps.triggerCache.byKey(key) : null
      throw new Rejection('method_not_allowed', `the method ${attempt.request.method} is not POST`, {
        headers: { allow: 'POST' },
      })
    },
    { parse: 'none' },
  )
