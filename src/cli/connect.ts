import { compiledOf } from '../core/known-schemes.ts'
import type { Trigger } from '../core/trigger.ts'
import { findPreset, handsOverSecret, keysNeeded } from '../core/verification/index.ts'
import { mayGenerateSecret } from '../core/verification-input.ts'
import { type AdminClient, adminCommand, triggerPath } from './admin-client.ts'
import { PROGRAM, Refused } from './command.ts'
import { fieldLines, jsonText } from './output.ts'
import { ApiFailure } from './problem.ts'
import { schemeOf, settingsOf, VERIFICATION_OPTIONS, type VerificationState } from './verification.ts'

type WebhookState = Pick<Trigger, 'webhook_enabled' | 'webhook_key' | 'webhook_url'>

const connect = adminCommand({
  name: 'connect',
  summary: 'Connects a sender: creates the trigger, verifies as the sender signs, and shows the URL.',
  details: [
    'A sender that shows its secret only once it has the URL is connected by running the command twice: the first time',
    'shows the URL, and the webhook stays off; the second time, with --secret-file, switches it on. It may be repeated:',
    'a trigger that is there is used, and keeps its URL. `scheme list` has the senders. SCHEME may also be a file with a',
    'scheme of your own, written as ./NAME.json.',
  ].join('\n'),
  operands: ['REF', 'SCHEME'],
  options: VERIFICATION_OPTIONS,
  async run({ operands: { REF: ref, SCHEME }, options }, context, client) {
    const scheme = await schemeOf(SCHEME)
    const settings = await settingsOf(scheme, options, context)
    const before = await triggerOf(client, ref)
    const missing = missingOptions(scheme, settings, await keptSecrets(client, before, scheme))
    if (before === null) await client.call<Trigger>('POST', '/api/v1/triggers', { json: { ref } })
    const secret = missing.length === 0 ? await setScheme(client, ref, settings) : null
    const { webhook_enabled, webhook_url } =
      missing.length === 0 ? await switchWebhook(client, ref, 'enable') : await urlOnly(client, ref, before)
    const name = typeof scheme === 'string' ? scheme : 'custom'
    const setup = findPreset(name)?.setup ?? null
    const shown = { ref, scheme: name, webhook_enabled, webhook_url, ...(secret === null ? {} : { secret }) }
    const lines = options.json ? [jsonText({ ...shown, missing, setup })] : fieldLines(shown)
    for (const line of lines) context.print(line)
    if (secret !== null) context.say('The secret is shown only now. Give it to the sender.')
    if (setup !== null) context.say(`At the sender: ${setup}`)
    if (missing.length === 0 && isToBeArmed(scheme)) {
      context.say(`Before that: ${PROGRAM} handshake arm ${ref}`)
    }
    if (missing.length > 0) {
      const state = webhook_enabled ? 'The webhook goes on as it was.' : 'The webhook is off until then.'
      context.say(`Then: ${[PROGRAM, 'connect', ref, SCHEME, ...missing].join(' ')}\n${state}`)
    }
    return 0
  },
})

/** @returns `null` when there is none */
async function triggerOf(client: AdminClient, ref: string): Promise<Trigger | null> {
  try {
    return (await client.call<Trigger>('GET', triggerPath(ref))).body().data
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return null
    throw error
  }
}

/** Whether the trigger verifies by this scheme already, and so needs no secret again. */
async function keptSecrets(client: AdminClient, trigger: Trigger | null, scheme: unknown): Promise<boolean> {
  if (trigger === null) return false
  const path = triggerPath(trigger.ref, '/webhooks/verification')
  const state = (await client.call<VerificationState>('GET', path)).body().data
  return Bun.deepEquals(state.scheme, scheme) && state.secrets.some(({ is_expired }) => !is_expired)
}

/** Whether the sender begins with a handshake that changes something here, which is taken only while it is expected. */
export function isToBeArmed(scheme: unknown): boolean {
  const handshake = typeof scheme === 'string' ? findPreset(scheme)?.scheme.handshake : undefined
  return handshake === 'aws-sns' || handsOverSecret(handshake)
}

/** The options without which nothing can be verified yet. @throws Refused for a scheme that is none */
export function missingOptions(
  scheme: unknown,
  given: { readonly secret?: string; readonly public_key?: string; readonly config?: object },
  hasSecrets: boolean,
): string[] {
  // What a file holds is checked field by field here, before it is used as a scheme.
  const record = scheme as Parameters<typeof compiledOf>[0]
  const compiled = compiledOf(record)
  if (typeof compiled === 'string') throw new Refused(`${compiled}; \`scheme list\` has all of them`)
  const needs = keysNeeded(compiled.scheme)
  const isSecretThere =
    given.secret !== undefined ||
    hasSecrets ||
    handsOverSecret(compiled.scheme.handshake) ||
    mayGenerateSecret(record, compiled)
  return [
    ...(needs.secret && !isSecretThere ? ['--secret-file', 'FILE'] : []),
    ...(needs.publicKey && given.public_key === undefined ? ['--public-key', 'KEY'] : []),
    ...needs.config
      .filter((name) => Reflect.get(given.config ?? {}, name) === undefined)
      .flatMap((name) => ['--config', `${name}=VALUE`]),
  ]
}

/** @returns the secret that was made, which only this answer shows; `null` when it was given or there was one */
async function setScheme(
  client: AdminClient,
  ref: string,
  settings: Awaited<ReturnType<typeof settingsOf>>,
): Promise<string | null> {
  const path = triggerPath(ref, '/webhooks/verification')
  const { secret } = (await client.call<VerificationState>('PUT', path, { json: settings })).body().data
  // Who brought the secret has it; printing it again would only leave one copy more.
  return settings.secret === undefined ? secret : null
}

/**
 * Makes the URL of a webhook that cannot verify yet, and leaves it off. One that the trigger has is left as it is, on or off: its
 * sender may be sending.
 */
async function urlOnly(client: AdminClient, ref: string, before: Trigger | null): Promise<WebhookState> {
  if (before !== null && before.webhook_url !== null) return before
  // The key comes with switching on; for this moment nobody knows it.
  await switchWebhook(client, ref, 'enable')
  return switchWebhook(client, ref, 'disable')
}

const switchWebhook = async (
  client: AdminClient,
  ref: string,
  verb: 'enable' | 'disable',
): Promise<WebhookState> =>
  (await client.call<WebhookState>('POST', triggerPath(ref, `/webhooks/${verb}`))).body().data

export const CONNECT_COMMANDS = [connect]
