import { Elysia } from 'elysia'
import type { WebhookStats } from '../core/event.ts'
import type { Store } from '../store/index.ts'
import type { StoredTotals } from '../store/stats.ts'
import { describe } from './describe.ts'
import type { WebhookTotals } from './models.ts'
import { refInPath } from './path-parameters.ts'

/** What became of the attempts, of one trigger or of all, over the time that is retained. */
export const stats = ({ store }: { readonly store: Store }) =>
  new Elysia({ name: 'admin.stats' })
    .get('/api/v1/stats', async () => ({ data: totalsView(await store.stats.total()) }), {
      ...describe({
        id: 'readStats',
        role: 'viewer',
        summary: 'Statistics of all triggers together',
        answer: { one: 'WebhookTotals' },
      }),
    })
    .get(
      '/api/v1/triggers/:ref/stats',
      async ({ params: { ref } }) => {
        const row = await store.stats.ofTrigger(ref)
        const data: WebhookStats = {
          trigger_ref: row.triggerRef,
          webhook_enabled: row.webhookEnabled,
          ...totalsView(row),
        }
        return { data }
      },
      {
        ...refInPath,
        ...describe({
          id: 'readTriggerStats',
          role: 'viewer',
          summary: 'Statistics of one trigger',
          answer: { one: 'WebhookStats' },
        }),
      },
    )

const totalsView = (totals: StoredTotals): WebhookTotals => ({
  total_requests: totals.totalRequests,
  successful_requests: totals.successfulRequests,
  failed_requests: totals.failedRequests,
  rate_limited_requests: totals.rateLimitedRequests,
  hmac_failures: totals.hmacFailures,
  ip_blocked_requests: totals.ipBlockedRequests,
  events_created: totals.eventsCreated,
  avg_processing_time_ms: totals.avgProcessingTimeMs,
  last_request_at: totals.lastRequestAt?.toISOString() ?? null,
})
