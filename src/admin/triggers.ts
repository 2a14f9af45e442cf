import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { PAGE_ROWS_DEFAULT } from '../core/limits.ts'
import { NewTrigger, type Trigger, TriggerChange } from '../core/trigger.ts'
import { decodeTriggerCursor, triggerListFields, triggerListing } from '../core/trigger-list.ts'
import { webhookPath } from '../core/webhook-key.ts'
import type { Store } from '../store/index.ts'
import type { StoredTrigger } from '../store/triggers.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import { jsonBody, queryOf, refuse } from './input.ts'
import { isCursor, pageFields } from './lists.ts'
import { refInPath } from './path-parameters.ts'

const ListQuery = t.Object({ ...pageFields, ...triggerListFields }, { additionalProperties: false })

/** Triggers: made, listed, read, relabelled, deleted. */
export const triggers = ({ store, publicUrl }: { readonly store: Store; readonly publicUrl: string }) =>
  new Elysia({ name: 'admin.triggers' })
    .post(
      '/api/v1/triggers',
      async ({ body, request, set }) => {
        const trigger = await store.as(administratorOf(request)).triggers.create(body)
        set.status = 201
        Object.assign(set.headers, { location: `/api/v1/triggers/${trigger.ref}` })
        return { data: triggerView(trigger, publicUrl) }
      },
      {
        ...jsonBody(NewTrigger),
        ...describe({
          id: 'createTrigger',
          role: 'operator',
          summary: 'Creates a trigger; its webhooks are off',
          status: 201,
          answer: { one: 'Trigger' },
          codes: ['trigger_ref_taken'],
        }),
      },
    )
    .get(
      '/api/v1/triggers',
      async ({ query: { limit = PAGE_ROWS_DEFAULT, cursor, ...given } }) => {
        const listing = triggerListing(given)
        const after = cursor === undefined ? null : decodeTriggerCursor(cursor, listing)
        if (cursor !== undefined && after === null) refuse([NOT_ITS_CURSOR])
        const page = await store.triggers.list(listing, limit, after)
        return { data: page.rows.map((row) => triggerView(row, publicUrl)), next_cursor: page.nextCursor }
      },
      {
        ...queryOf(ListQuery, { cursor: isCursor }),
        ...describe({
          id: 'listTriggers',
          role: 'viewer',
          summary: 'Lists triggers: newest first, or as is asked for; those with a text in ref or label',
          answer: { list: 'Trigger' },
        }),
      },
    )
    .get(
      '/api/v1/triggers/:ref',
      async ({ params: { ref } }) => ({ data: triggerView(await store.triggers.read(ref), publicUrl) }),
      {
        ...refInPath,
        ...describe({
          id: 'readTrigger',
          role: 'viewer',
          summary: 'Reads a trigger',
          answer: { one: 'Trigger' },
        }),
      },
    )
    .patch(
      '/api/v1/triggers/:ref',
      async ({ params: { ref }, body, request }) => ({
        data: triggerView(await store.as(administratorOf(request)).triggers.change(ref, body), publicUrl),
      }),
      {
        ...refInPath,
        ...jsonBody(TriggerChange),
        ...describe({
          id: 'changeTrigger',
          role: 'operator',
          summary: 'Changes the label or the description; null removes one',
          answer: { one: 'Trigger' },
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref',
      async ({ params: { ref }, request, set }) => {
        await store.as(administratorOf(request)).triggers.delete(ref)
        set.status = 204
      },
      {
        ...refInPath,
        ...describe({
          id: 'deleteTrigger',
          role: 'admin',
          summary: 'Deletes a trigger and ends its URL; its events and log rows stay',
          status: 204,
        }),
      },
    )

const NOT_ITS_CURSOR = {
  field: 'cursor',
  message: 'must be the next_cursor of an earlier page of the same sort and order',
}

/** A trigger as the API shows it. */
export const triggerView = (trigger: StoredTrigger, publicUrl: string): Trigger => ({
  ref: trigger.ref,
  label: trigger.label,
  description: trigger.description,
  webhook_enabled: trigger.webhookEnabled,
  webhook_key: trigger.webhookKey,
  webhook_url: trigger.webhookKey === null ? null : publicUrl + webhookPath(trigger.webhookKey),
  webhook_hmac_enabled: trigger.webhookHmacEnabled,
  webhook_hmac_algorithm: trigger.webhookHmacAlgorithm,
  webhook_verification_scheme: trigger.webhookVerificationScheme,
  webhook_rate_limit_enabled: trigger.webhookRateLimitEnabled,
  webhook_rate_limit_requests: trigger.webhookRateLimitRequests,
  webhook_rate_limit_window_seconds: trigger.webhookRateLimitWindowSeconds,
  webhook_ip_whitelist_enabled: trigger.webhookIpWhitelistEnabled,
  webhook_ip_whitelist: trigger.webhookIpWhitelist,
  webhook_payload_size_limit_kb: trigger.webhookPayloadSizeLimitKb,
  webhook_deduplication_enabled: trigger.webhookDeduplicationEnabled,
  webhook_deduplication_fields: trigger.webhookDeduplicationFields,
  webhook_deduplication_window_seconds: trigger.webhookDeduplicationWindowSeconds,
  created: trigger.created.toISOString(),
  updated: trigger.updated.toISOString(),
})
