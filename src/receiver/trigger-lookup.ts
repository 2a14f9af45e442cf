import { Rejection } from '../core/rejection.ts'
import { isWebhookKey, maskWebhookKey } from '../core/webhook-key.ts'
import type { Chain } from './attempt.ts'
import type { ReceiverDeps } from './deps.ts'
import { unknownKeyLog } from './unknown-key-log.ts'

/**
 * Step 2: whose key is it? Turns away with `webhook_unknown`.
 *
 * An unknown key leaves a count and a log line, and no row: there is no trigger that it could belong to, and strangers can think
 * up keys without end.
 */
export const triggerLookup =
  ({ triggerCache, metrics, log }: ReceiverDeps) =>
  (chain: Chain) => {
    const note = unknownKeyLog(log)
    return chain.onBeforeHandle(async ({ attempt, params }) => {
      const key = (params as { key: string }).key
      const settings = isWebhookKey(key) ? await triggerCache.byKey(key) : null
      if (settings === null) {
        metrics.countUnknownKey()
        note(attempt.client.address, isWebhookKey(key) ? maskWebhookKey(key) : 'not a webhook key')
        throw new Rejection('webhook_unknown', 'no trigger has this key')
      }
      attempt.settings = settings
      attempt.checks.start()
    })
  }
