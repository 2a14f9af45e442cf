import type { Scheme } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { api } from '../../api/client.ts'
import { checksUrlFirst, handsOverSecret, isToBeArmed } from '../../parts/schemes.ts'

/** Whether something has to be entered here that only the sender knows: a secret, a public key, an id. */
export const asksForKeys = (scheme: Scheme): boolean =>
  scheme.needs.some((field) => field !== 'secret') ||
  (scheme.needs.includes('secret') && !scheme.may_generate_secret && !handsOverSecret(scheme))

/**
 * Makes everything that the sender has to be told. The check comes before the webhook is switched on, so that nothing comes in
 * unverified; of a sender that shows its secret only once it has the URL, the webhook stays off until the secret is here, unless the sender
 * checks the URL before.
 *
 * @returns the secret that was made, which no later answer has
 */
export async function prepare(scheme: Scheme, trigger: Trigger): Promise<string | null> {
  const params = { ref: trigger.ref }
  const isSet = trigger.webhook_verification_scheme === scheme.name
  if (checksUrlFirst(scheme)) {
    if (!isSet) await answerCheckOnly(scheme, trigger)
    await api('POST /api/v1/triggers/:ref/webhooks/enable', { params })
    return null
  }
  if (asksForKeys(scheme)) {
    if (trigger.webhook_url !== null) return null
    await api('POST /api/v1/triggers/:ref/webhooks/enable', { params })
    if (!isSet) await api('POST /api/v1/triggers/:ref/webhooks/disable', { params })
    return null
  }
  const secret = isSet ? null : await verifyBy(scheme, trigger)
  if (isToBeArmed(scheme)) await api('POST /api/v1/triggers/:ref/webhooks/handshake', { params, body: {} })
  await api('POST /api/v1/triggers/:ref/webhooks/enable', { params })
  return secret
}

/**
 * The check of the URL needs the scheme and no secret. One that nobody knows is set, and ended at once: whatever else comes is refused until
 * the secret of the sender is here.
 */
async function answerCheckOnly(scheme: Scheme, { ref }: Trigger): Promise<void> {
  const secret = [...crypto.getRandomValues(new Uint8Array(32))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
  await api('PUT /api/v1/triggers/:ref/webhooks/verification', {
    params: { ref },
    body: { scheme: scheme.name, secret },
  })
  await api('POST /api/v1/triggers/:ref/webhooks/secrets/:label/expire', {
    params: { ref, label: 'default' },
    body: { in_seconds: 0 },
  })
}

async function verifyBy(scheme: Scheme, trigger: Trigger): Promise<string | null> {
  const params = { ref: trigger.ref }
  if (scheme.kind === 'none') {
    if (trigger.webhook_verification_scheme !== null) {
      await api('DELETE /api/v1/triggers/:ref/webhooks/verification', { params })
    }
    return null
  }
  const { secret } = await api('PUT /api/v1/triggers/:ref/webhooks/verification', {
    params,
    body: { scheme: scheme.name },
  })
  return secret
}

/** What was entered, by the names of the fields that the scheme needs and takes: `secret`, `public_key`, `config.…`. */
export type Keys = Readonly<Record<string, string>>

/** Sets what the sender has shown, and switches the webhook on. */
export async function setKeys(scheme: Scheme, trigger: Trigger, keys: Keys): Promise<void> {
  const params = { ref: trigger.ref }
  const given = Object.entries(keys).filter(([, value]) => value !== '')
  const config = given.flatMap(([field, value]) =>
    field.startsWith('config.') ? [[field.slice('config.'.length), value] as const] : [],
  )
  const { secret, public_key } = Object.fromEntries(given) as { secret?: string; public_key?: string }
  await api('PUT /api/v1/triggers/:ref/webhooks/verification', {
    params,
    body: {
      scheme: scheme.name,
      ...(secret !== undefined && { secret }),
      ...(public_key !== undefined && { public_key }),
      ...(config.length > 0 && { config: Object.fromEntries(config) }),
    },
  })
  if (isToBeArmed(scheme)) await api('POST /api/v1/triggers/:ref/webhooks/handshake', { params, body: {} })
  await api('POST /api/v1/triggers/:ref/webhooks/enable', { params })
}

/** A fresh secret in place of one that nobody has noted. The former one ends at once. */
export async function replaceSecret(trigger: Trigger): Promise<string> {
  const { secret } = await api('POST /api/v1/triggers/:ref/webhooks/secrets', {
    params: { ref: trigger.ref },
    body: { expires_in_seconds: 0 },
  })
  return secret
}
