import { type TProperties, Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Elysia } from 'elysia'
import {
  PUBLIC_KEY_LENGTH_MAX,
  SECRET_LABEL_LENGTH_MAX,
  SECRET_LENGTH_MAX,
  SECRET_OVERLAP_SECONDS_MAX,
  VERIFICATION_CONFIG_ENTRIES_MAX,
  VERIFICATION_CONFIG_LENGTH_MAX,
  VERIFICATION_TOLERANCE_SECONDS_MAX,
  WEBHOOK_SECRETS_MAX,
} from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import { isSealed, SEALED_PREFIX } from '../core/sealing.ts'
import {
  HMAC_ALGORITHM_DEFAULT,
  HmacAlgorithm,
  type StoredVerification,
  TriggerRef,
} from '../core/trigger.ts'
import type { CompiledScheme } from '../core/verification/index.ts'
import {
  compiledScheme,
  generateSecret,
  inputProblems,
  mayGenerateSecret,
  schemeProblems,
} from '../core/verification-input.ts'
import type { Store } from '../store/index.ts'
import type { ListedSecret, VerificationState as StoredState } from '../store/verifications.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import { checkedBy, jsonBody, problemIf, type Rule, refuse } from './input.ts'
import type { VerificationState, WebhookSecret } from './models.ts'
import { refInPath } from './path-parameters.ts'
import { triggerView } from './triggers.ts'

const object = <Properties extends TProperties>(properties: Properties) =>
  t.Object(properties, { additionalProperties: false })

const Secret = t.String({ minLength: 1, maxLength: SECRET_LENGTH_MAX })
const Label = t.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  maxLength: SECRET_LABEL_LENGTH_MAX,
  description: `letters, digits, dots, _ and -, at most ${SECRET_LABEL_LENGTH_MAX} characters`,
})
const Text = t.String({ minLength: 1, maxLength: VERIFICATION_CONFIG_LENGTH_MAX })

export const VerificationSettings = object({
  scheme: t.Union([
    t.String({ maxLength: 64 }),
    t.Record(t.String(), t.Unknown(), { description: 'a scheme in the language of GET /api/v1/schemes' }),
  ]),
  secret: t.Optional(Secret),
  secrets: t.Optional(t.Array(Secret, { minItems: 1, maxItems: WEBHOOK_SECRETS_MAX })),
  public_key: t.Optional(t.String({ minLength: 1, maxLength: PUBLIC_KEY_LENGTH_MAX })),
  config: t.Optional(
    t.Record(t.String({ maxLength: 64 }), t.Union([Text, t.Record(t.String(), t.Unknown())]), {
      maxProperties: VERIFICATION_CONFIG_ENTRIES_MAX,
    }),
  ),
  tolerance_seconds: t.Optional(t.Integer({ minimum: 1, maximum: VERIFICATION_TOLERANCE_SECONDS_MAX })),
})

const NewSecretSettings = object({
  label: t.Optional(Label),
  secret: t.Optional(Secret),
  expires_in_seconds: t.Optional(
    t.Integer({ minimum: 0, maximum: SECRET_OVERLAP_SECONDS_MAX, description: 'of all other secrets' }),
  ),
})

const ExpirySettings = object({
  in_seconds: t.Optional(t.Integer({ minimum: 0, maximum: SECRET_OVERLAP_SECONDS_MAX })),
})

/** A line end or another control character in a secret is a slip of the clipboard, which no signature would reveal. */
export const isPrintable: Rule = (secret, field) =>
  problemIf(
    typeof secret === 'string' && /\p{Cc}/u.test(secret),
    field,
    'must not contain control characters',
  )

/** Nobody could tell it from one that we have sealed. */
export const isPlain: Rule = (secret, field) =>
  problemIf(typeof secret === 'string' && isSealed(secret), field, `must not begin with ${SEALED_PREFIX}`)

export const isSecret: Rule = (secret, field) => [...isPrintable(secret, field), ...isPlain(secret, field)]

const areSecrets: Rule = (secrets, field) =>
  (secrets as readonly string[]).flatMap((secret, index) => isSecret(secret, `${field}[${index}]`))

const isConfig: Rule = (config, field) =>
  Object.entries(config as object).flatMap(([name, value]) => isSecret(value, `${field}.${name}`))

const isScheme: Rule = (scheme) => schemeProblems(scheme)

/** Of `VerificationSettings`. */
export const verificationRules = {
  scheme: isScheme,
  secret: isSecret,
  secrets: areSecrets,
  public_key: isPlain,
  config: isConfig,
} as const

const SecretParameters = t.Object({ ref: TriggerRef, label: Label })

/** A text that no label can be leads nowhere, like one that no secret has. */
const secretInPath = {
  params: checkedBy(SecretParameters, (params) => {
    if (Value.Check(SecretParameters, params)) return params
    const isRef = Value.Check(TriggerRef, (params as { ref?: unknown }).ref)
    throw new Rejection(isRef ? 'secret_unknown' : 'trigger_unknown', 'the path has no valid ref and label')
  }),
}

/** How a trigger verifies, and the secrets that it accepts. Each change is in force in this process when its answer arrives. */
export const verification = ({ store, publicUrl }: { readonly store: Store; readonly publicUrl: string }) => {
  const { verifications } = store
  const storeOf = (request: Request) => store.as(administratorOf(request))
  const listed = async (ref: string, label: string): Promise<WebhookSecret> => {
    const found = (await verifications.secrets(ref)).find((secret) => secret.label === label)
    if (found === undefined) throw new Rejection('secret_unknown', 'it has gone meanwhile')
    return secretView(found)
  }

  return new Elysia({ name: 'admin.verification' })
    .get(
      '/api/v1/triggers/:ref/webhooks/verification',
      async ({ params: { ref } }) => ({ data: stateView(await verifications.read(ref), null) }),
      {
        ...refInPath,
        ...describe({
          id: 'readVerification',
          role: 'viewer',
          summary: 'Reads how a trigger verifies, without its secrets',
          answer: { one: 'VerificationState' },
        }),
      },
    )
    .put(
      '/api/v1/triggers/:ref/webhooks/verification',
      async ({ params: { ref }, body, request }) => {
        const secret = await setVerification(storeOf(request), ref, body)
        return { data: stateView(await verifications.read(ref), secret) }
      },
      {
        ...refInPath,
        ...jsonBody(VerificationSettings, verificationRules),
        ...describe({
          id: 'setVerification',
          role: 'operator',
          summary: 'Asks senders for the proof of a scheme; a secret that is made here is shown this once',
          answer: { one: 'VerificationState' },
        }),
      },
    )
    .delete(
      '/api/v1/triggers/:ref/webhooks/verification',
      async ({ params: { ref }, request }) => ({
        data: triggerView(await storeOf(request).triggers.disableHmac(ref), publicUrl),
      }),
      {
        ...refInPath,
        ...describe({
          id: 'disableVerification',
          role: 'operator',
          summary: 'Asks for no proof and forgets every secret',
          answer: { one: 'Trigger' },
        }),
      },
    )
    .get(
      '/api/v1/triggers/:ref/webhooks/secrets',
      async ({ params: { ref } }) => ({
        data: (await verifications.secrets(ref)).map(secretView),
        next_cursor: null,
      }),
      {
        ...refInPath,
        ...describe({
          id: 'listSecrets',
          role: 'viewer',
          summary: 'Lists the secrets of a trigger by their labels, newest first, all on one page',
          answer: { list: 'WebhookSecret' },
        }),
      },
    )
    .post(
      '/api/v1/triggers/:ref/webhooks/secrets',
      async ({ params: { ref }, body, request, set }) => {
        const text = await secretFor(store, ref, body.secret ?? null)
        const added = { label: body.label ?? null, text }
        const label = await storeOf(request).verifications.add(ref, added, body.expires_in_seconds ?? null)
        set.status = 201
        return { data: { ...(await listed(ref, label)), secret: text } }
      },
      {
        ...refInPath,
        ...jsonBody(NewSecretSettings, { secret: isSecret }),
        ...describe({
          id: 'addSecret',
          role: 'operator',
          summary: 'Accepts a further secret; the others go on as they did, or end in so many seconds',
          status: 201,
          answer: { one: 'NewWebhookSecret' },
          codes: ['verification_disabled', 'secret_label_taken'],
        }),
      },
    )
    .post(
      '/api/v1/triggers/:ref/webhooks/secrets/:label/expire',
      async ({ params: { ref, label }, body: { in_seconds = 0 }, request }) => ({
        data: secretView(await storeOf(request).verifications.expire(ref, label, in_seconds)),
      }),
      {
        ...secretInPath,
        ...jsonBody(ExpirySettings),
        ...describe({
          id: 'expireSecret',
          role: 'operator',
          summary: 'Ends a secret, at once or in so many seconds',
          answer: { one: 'WebhookSecret' },
          codes: ['secret_unknown'],
        }),
      },
    )
    .post('/api/v1/rekey', async ({ request }) => ({ data: await storeOf(request).verifications.rekey() }), {
      ...describe({
        id: 'rekeySecrets',
        role: 'admin',
        summary: 'Seals every secret with the current master key; may be repeated',
        answer: { one: 'Rekeyed' },
        codes: ['master_key_missing'],
      }),
    })
}

/** @returns the one secret that was given or made, `null` when there were several, or none */
async function setVerification(
  store: Store,
  ref: string,
  body: typeof VerificationSettings.static,
): Promise<string | null> {
  const { scheme, tolerance_seconds, public_key } = body
  refuseBothSecrets(body)
  const before = await store.verifications.read(ref)
  const compiled = compiledScheme(scheme)
  const { secrets: all, keepsSecrets, isMade } = plannedSecrets(before, body, compiled)
  const config = textsOf(body.config)
  const problems = inputProblems({
    compiled,
    secrets: all,
    keepsSecrets,
    publicKey: public_key ?? null,
    config,
    toleranceSeconds: tolerance_seconds ?? null,
  })
  if (problems.length > 0) refuse(problems)
  if (scheme === 'generic') return setGeneric(store, ref, isMade ? [] : all, config['algorithm'])
  const stored: StoredVerification = {
    scheme,
    ...(Object.keys(config).length === 0 ? {} : { config }),
    ...(public_key === undefined ? {} : { public_key }),
    ...(tolerance_seconds === undefined ? {} : { tolerance_seconds }),
  }
  await store.verifications.set(ref, stored, keepsSecrets ? null : all.map(toLabelled))
  return all.length === 1 ? (all[0] ?? null) : null
}

type Given = typeof VerificationSettings.static

/** @throws Rejection `request_invalid` */
export function refuseBothSecrets({ secret, secrets }: Given, within = ''): void {
  if (secret === undefined || secrets === undefined) return
  refuse([{ field: `${within}secrets`, message: 'must not be given together with secret' }])
}

export const secretsOf = ({ secret, secrets }: Given): readonly string[] =>
  secrets ?? (secret === undefined ? [] : [secret])

/** The secrets that a setting would verify with: those that are given, those that stay, or one that is made. */
export function plannedSecrets(before: StoredState, given: Given, compiled: CompiledScheme) {
  const { scheme } = given
  const secrets = secretsOf(given)
  const isSame = before.secrets.some(({ isExpired }) => !isExpired) && Bun.deepEquals(before.scheme, scheme)
  // The generic scheme begins with a fresh secret each time, as `PUT …/hmac` does.
  const keepsSecrets = secrets.length === 0 && isSame && scheme !== 'generic'
  const isMade = secrets.length === 0 && !keepsSecrets && mayGenerateSecret(scheme, compiled)
  return { secrets: isMade ? [generateSecret(compiled)] : secrets, keepsSecrets, isMade }
}

/** The special case that has columns of its own. Without a secret one of its usual length is made. */
async function setGeneric(
  { triggers }: Store,
  ref: string,
  [first, ...others]: readonly string[],
  algorithm: string | undefined,
): Promise<string | null> {
  const known = Value.Check(HmacAlgorithm, algorithm) ? algorithm : HMAC_ALGORITHM_DEFAULT
  const further = others.map((text, index) => toLabelled(text, index + 1))
  const { secret } = await triggers.enableHmac(ref, known, first ?? null, further)
  return others.length === 0 ? secret : null
}

/** The first is `default`, as the one in the trigger's own column is. */
const toLabelled = (text: string, index: number) => ({
  label: index === 0 ? 'default' : `default-${index + 1}`,
  text,
})

/** A key set may be given as the JSON that it is; it is kept as text. */
export const textsOf = (config: typeof VerificationSettings.static.config = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(config).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )

/** A secret that the trigger's scheme can use: the one that is given, or one that is made. */
async function secretFor({ verifications }: Store, ref: string, given: string | null): Promise<string> {
  const { scheme } = await verifications.read(ref)
  if (scheme === null) {
    throw new Rejection('verification_disabled', 'a trigger that asks for no signature takes no secret')
  }
  if (schemeProblems(scheme).length > 0) {
    refuse([{ field: 'secret', message: 'cannot be checked: the scheme of the trigger is not known here' }])
  }
  const compiled = compiledScheme(scheme)
  const secret = given ?? (mayGenerateSecret(scheme, compiled) ? generateSecret(compiled) : null)
  const secrets = secret === null ? [] : [secret]
  const problems = inputProblems({
    compiled,
    secrets,
    keepsSecrets: false,
    publicKey: null,
    config: {},
    toleranceSeconds: null,
  }).filter(({ field }) => field === 'secret')
  if (problems.length > 0 || secret === null) refuse(problems)
  return secret
}

const secretView = (secret: ListedSecret): WebhookSecret => ({
  label: secret.label,
  created: secret.created.toISOString(),
  expires: secret.expires?.toISOString() ?? null,
  is_expired: secret.isExpired,
  last_used: secret.lastUsed?.toISOString() ?? null,
})

const stateView = (state: StoredState, secret: string | null): VerificationState => ({
  scheme: state.scheme,
  config: state.scheme === 'generic' ? { algorithm: state.algorithm } : state.config,
  public_key: state.publicKey,
  tolerance_seconds: state.toleranceSeconds,
  secrets: state.secrets.map(secretView),
  secret,
})
