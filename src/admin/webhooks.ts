import { Elysia } from 'elysia'
import { checkCidr } from '../core/address.ts'
import { deduplicationProblems, isDeduplicationField, NEEDS_CHECK } from '../core/deduplication.ts'
import { DEDUPLICATION_WINDOW_SECONDS_DEFAULT, PAYLOAD_KB_DEFAULT } from '../core/limits.ts'
import {
  DeduplicationInput,
  HMAC_ALGORITHM_DEFAULT,
  HmacSettings,
  IpWhitelistSettings,
  RateLimitSettings,
} from '../core/trigger.ts'
import { compiledScheme, schemeProblems } from '../core/verification-input.ts'
import type { Store } from '../store/index.ts'
import type { StoredTrigger } from '../store/triggers.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import { jsonBody, problemIf, type Rule, refuse } from './input.ts'
import { type HmacState, PayloadLimitSettings, type WebhookState } from './models.ts'
import { refInPath } from './path-parameters.ts'
import { triggerView } from './triggers.ts'
import { isSecret } from './verification.ts'

/** The security settings of a trigger. Each is in force in this process when its answer arrives. */
export const webhooks = ({ store, publicUrl }: { readonly store: Store; readonly publicUrl: string }) => {
  const triggersOf = (request: Request) => store.as(administratorOf(request)).triggers
  const stateView = (trigger: StoredTrigger): { data: WebhookState } => {
    const { webhook_enabled, webhook_key, webhook_url } = triggerView(trigger, publicUrl)
    return { data: { webhook_enabled, webhook_key, webhook_url } }
  }
  const view = (trigger: StoredTrigger) => ({ data: triggerView(trigger, publicUrl) })
  const answersState = { answer: { one: 'WebhookState' } } as const
  const answersTrigger = { answer: { one: 'Trigger' } } as const

  return new Elysia({ name: 'admin.webhooks' })
    .post(
      '/api/v1/triggers/:ref/webhooks/enable',
      async ({ params: { ref }, request }) => stateView(await triggersOf(request).enableWebhook(ref)),
      {
        ...refInPath,
        ...describe({
          id: 'enableWebhook',
          role: 'operator',
          summary: 'Switches webhooks on; the first time makes the key, later times keep it',
          ...answersState,
        }),
      },
    )
    .post(
      '/api/v1/triggers/:ref/webhooks/disable',
      async ({ params: { ref }, request }) => stateView(await triggersOf(request).disableWebhook(ref)),
      {
        ...refInPath,
        ...describe({
          id: 'disableWebhook',
          role: 'operator',
          summary: 'Switches webhooks off and keeps the key',
          ...answersState,
        }),
      },
    )
    .post(
      '/api/v1/triggers/:ref/webhooks/regenerate',
      async ({ params: { ref }, request }) => stateView(await triggersOf(request).regenerateWebhookKey(ref)),
      {
        ...refInPath,
        ...describe({
          id: 'regenerateWebhookKey',
          role: 'operator',
          summary: 'Makes a new key; the old one ends at once',
          ...answersState,
        }),
      },
    )
    .put(
      '/api/v1/triggers/:ref/webhooks/hmac',
      async ({ params: { ref }, body: { algorithm = HMAC_ALGORITHM_DEFAULT, secret = null }, request }) => {
        const enabled = await triggersOf(request).enableHmac(ref, algorithm, secret)
        const data: HmacState = {
          webhook_hmac_enabled: enabled.trigger.webhookHmacEnabled,
          webhook_hmac_algorithm: enabled.trigger.webhookHmacAlgorithm,
          secret: enabled.secret,
        }
        return { data }
      },
      {
        ...refInPath,
        ...jsonBody(HmacSettings, { secret: isSecret }),
        ...describe({
          id: 'enableHmac',
          role: 'operator',
          summary: 'Asks senders for a signature; the answer shows the secret this once',
          answer: { one: 'HmacState' },
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/hmac',
      async ({ params: { ref }, request }) => view(await triggersOf(request).disableHmac(ref)),
      {
        ...refInPath,
        ...describe({
          id: 'disableHmac',
          role: 'operator',
          summary: 'Asks for no signature and forgets the secret',
          ...answersTrigger,
        }),
      },
    )
    .put(
      '/api/v1/triggers/:ref/webhooks/deduplication',
      async ({ params: { ref }, body: { on = [], window_seconds }, request }) => {
        await requireIds(store, ref, on)
        const windowSeconds = window_seconds ?? DEDUPLICATION_WINDOW_SECONDS_DEFAULT
        return view(await triggersOf(request).setDeduplication(ref, on, windowSeconds))
      },
      {
        ...refInPath,
        ...jsonBody(DeduplicationInput, { on: areFields }),
        ...describe({
          id: 'setDeduplication',
          role: 'operator',
          summary: 'Makes one event of what is delivered more than once under the same id',
          ...answersTrigger,
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/deduplication',
      async ({ params: { ref }, request }) => view(await triggersOf(request).disableDeduplication(ref)),
      {
        ...refInPath,
        ...describe({
          id: 'disableDeduplication',
          role: 'operator',
          summary: 'Makes an event of every delivery',
          ...answersTrigger,
        }),
      },
    )
    .put(
      '/api/v1/triggers/:ref/webhooks/rate-limit',
      async ({ params: { ref }, body, request }) => view(await triggersOf(request).setRateLimit(ref, body)),
      {
        ...refInPath,
        ...jsonBody(RateLimitSettings),
        ...describe({
          id: 'setRateLimit',
          role: 'operator',
          summary: 'Takes at most so many requests in each window',
          ...answersTrigger,
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/rate-limit',
      async ({ params: { ref }, request }) => view(await triggersOf(request).disableRateLimit(ref)),
      {
        ...refInPath,
        ...describe({
          id: 'disableRateLimit',
          role: 'operator',
          summary: 'Takes any number of requests',
          ...answersTrigger,
        }),
      },
    )
    .put(
      '/api/v1/triggers/:ref/webhooks/ip-whitelist',
      async ({ params: { ref }, body: { cidrs }, request }) =>
        view(await triggersOf(request).setIpWhitelist(ref, cidrs)),
      {
        ...refInPath,
        ...jsonBody(IpWhitelistSettings, { cidrs: areCanonical }),
        ...describe({
          id: 'setIpWhitelist',
          role: 'operator',
          summary: 'Takes requests from these addresses only; an empty list refuses everyone',
          ...answersTrigger,
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/ip-whitelist',
      async ({ params: { ref }, request }) => view(await triggersOf(request).disableIpWhitelist(ref)),
      {
        ...refInPath,
        ...describe({
          id: 'disableIpWhitelist',
          role: 'operator',
          summary: 'Takes requests from any address and forgets the list',
          ...answersTrigger,
        }),
      },
    )
    .put(
      '/api/v1/triggers/:ref/webhooks/payload-limit',
      async ({ params: { ref }, body: { kb }, request }) =>
        view(await triggersOf(request).setPayloadLimit(ref, kb)),
      {
        ...refInPath,
        ...jsonBody(PayloadLimitSettings),
        ...describe({
          id: 'setPayloadLimit',
          role: 'operator',
          summary: 'Takes payloads of at most so many units of 1,024 bytes',
          ...answersTrigger,
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/payload-limit',
      async ({ params: { ref }, request }) =>
        view(await triggersOf(request).setPayloadLimit(ref, PAYLOAD_KB_DEFAULT)),
      {
        ...refInPath,
        ...describe({
          id: 'resetPayloadLimit',
          role: 'operator',
          summary: `Restores the limit of ${PAYLOAD_KB_DEFAULT}`,
          ...answersTrigger,
        }),
      },
    )
}

/** @throws Rejection `request_invalid` when the trigger has no signature check, or its scheme no ids of its own */
async function requireIds(store: Store, ref: string, on: readonly string[]): Promise<void> {
  const { scheme } = await store.verifications.read(ref)
  if (scheme === null) refuse([{ field: 'on', message: NEEDS_CHECK }])
  if (schemeProblems(scheme).length > 0) {
    refuse([{ field: 'on', message: 'cannot be checked: the scheme of the trigger is not known here' }])
  }
  const name = typeof scheme === 'string' ? scheme : 'custom'
  const problems = deduplicationProblems(on, name, compiledScheme(scheme))
  if (problems.length > 0) refuse(problems)
}

const areFields: Rule = (fields, field) =>
  (fields as readonly string[]).flatMap((place, index) =>
    problemIf(
      !isDeduplicationField(place),
      `${field}[${index}]`,
      'must be a place such as header:x-id, in lower case, or json:data.id',
    ),
  )

export const areCanonical: Rule = (cidrs, field) =>
  (cidrs as readonly string[]).flatMap((cidr, index) => {
    const verdict = checkCidr(cidr)
    return verdict.ok ? [] : [{ field: `${field}[${index}]`, message: verdict.message }]
  })
