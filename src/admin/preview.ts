import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import {
  DOCTOR_TURN_MS,
  PREVIEW_ATTEMPTS_MAX,
  PREVIEW_BATCH_BYTES_MAX,
  PREVIEW_BATCH_ROWS_MAX,
  PREVIEW_BYTES_MAX,
  PREVIEW_MS_MAX,
} from '../core/limits.ts'
import type { Preview } from '../core/preview.ts'
import {
  CODES_OF_CHECK,
  consideredOf,
  isUnknown,
  lockedOut,
  type Outcome,
  passes,
  payloadLimitOutcome,
  rateLimitOutcomes,
  summarise,
  whitelistOutcomes,
} from '../core/preview-verdicts.ts'
import { verificationOutcome } from '../core/preview-verification.ts'
import { SignatureCheck, type SignatureSettings } from '../core/signature-check.ts'
import { HMAC_ALGORITHM_DEFAULT, IpWhitelistSettings, RateLimitSettings } from '../core/trigger.ts'
import { compiledScheme, inputProblems } from '../core/verification-input.ts'
import { webhookPath } from '../core/webhook-key.ts'
import type { Store } from '../store/index.ts'
import type { KeptAttempt, LoggedAttempt } from '../store/previews.ts'
import { describe } from './describe.ts'
import { jsonBody, type Rule, type Rules, refuse } from './input.ts'
import { PayloadLimitSettings } from './models.ts'
import { refInPath } from './path-parameters.ts'
import {
  plannedSecrets,
  refuseBothSecrets,
  textsOf,
  VerificationSettings,
  verificationRules,
} from './verification.ts'
import { areCanonical } from './webhooks.ts'

/** One setting, as its `PUT` takes it; `null`: the check is off. */
const PreviewSettings = t.Object(
  {
    payload_limit: t.Optional(PayloadLimitSettings),
    rate_limit: t.Optional(t.Union([RateLimitSettings, t.Null()])),
    ip_whitelist: t.Optional(t.Union([IpWhitelistSettings, t.Null()])),
    verification: t.Optional(t.Union([VerificationSettings, t.Null()])),
  },
  { additionalProperties: false, minProperties: 1 },
)
type PreviewSettings = typeof PreviewSettings.static

/** The rules of a setting, for where it is a field of something else. */
const within =
  (rules: Rules): Rule =>
  (settings, field) =>
    Object.entries(settings ?? {}).flatMap(([name, value]) =>
      (rules[name]?.(value, name) ?? []).map((problem) => ({
        ...problem,
        field: `${field}.${problem.field}`,
      })),
    )

interface Deps {
  readonly store: Store
  readonly publicUrl: string
}

/** What the latest attempts would have met under a setting, before it is saved. Nothing is written. */
export const preview = (deps: Deps) => {
  // One after the other: each may hold bodies and work for seconds.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }
  return new Elysia({ name: 'admin.preview' }).post(
    '/api/v1/triggers/:ref/preview',
    async ({ params: { ref }, body }) => {
      if (Object.keys(body).length !== 1) refuse([NOT_ONE])
      return { data: await inTurn(() => previewOf(ref, body, deps)) }
    },
    {
      ...refInPath,
      ...jsonBody(PreviewSettings, {
        ip_whitelist: within({ cidrs: areCanonical }),
        verification: within(verificationRules),
      }),
      ...describe({
        id: 'previewSetting',
        role: 'operator',
        summary: 'Says what the latest attempts would have met under a setting that is not saved yet',
        answer: { one: 'Preview' },
      }),
    },
  )
}

const NOT_ONE = {
  field: 'body',
  message: 'must have exactly one of payload_limit, rate_limit, ip_whitelist and verification',
}

const DAY_MS = 86_400_000

async function previewOf(ref: string, given: PreviewSettings, deps: Deps): Promise<Preview> {
  const { triggers, previews } = deps.store
  const trigger = await triggers.read(ref)
  const triggerId = String(trigger.id)
  const all = await previews.latest(triggerId, ref, PREVIEW_ATTEMPTS_MAX + 1)
  const rows = consideredOf(all.slice(0, PREVIEW_ATTEMPTS_MAX)) as readonly LoggedAttempt[]
  if (given.payload_limit !== undefined) {
    const { kb } = given.payload_limit
    return summarise(
      'payload_limit',
      rows,
      rows.map((row) => payloadLimitOutcome(row, kb)),
    )
  }
  if (given.rate_limit !== undefined) {
    const isWhole = rows.length === all.length && rows.at(-1)?.attempts === all.at(-1)?.attempts
    return summarise('rate_limit', rows, rateLimitOutcomes(rows, given.rate_limit, isWhole))
  }
  if (given.ip_whitelist !== undefined) {
    const cidrs = given.ip_whitelist?.cidrs ?? null
    const since = new Date(Date.now() - DAY_MS)
    const addresses = cidrs === null ? [] : await previews.acceptedAddresses(triggerId, ref, since)
    return summarise('ip_whitelist', rows, whitelistOutcomes(rows, cidrs), lockedOut(addresses, cidrs))
  }
  if (given.verification == null) return summarise('verification', rows, rows.map(passes))
  const settings = await settingsOf({ id: triggerId, ref }, given.verification, deps.store)
  const urlBefore = deps.publicUrl + webhookPath(trigger.webhookKey ?? '')
  const outcomes = await judgeAgain(rows, new SignatureCheck(settings), { urlBefore, store: deps.store })
  return summarise('verification', rows, outcomes)
}

/**
 * As it would be saved, so that a secret that would be made anew verifies nothing of what has come; of the same scheme, keys that are
 * not given are those of the trigger.
 */
async function settingsOf(
  { id, ref }: { readonly id: string; readonly ref: string },
  given: typeof VerificationSettings.static,
  store: Store,
): Promise<SignatureSettings> {
  refuseBothSecrets(given, 'verification.')
  const now = (await store.rejectedBodies.judging(id))?.settings ?? null
  const { scheme } = given
  const compiled = compiledScheme(scheme)
  const before = await store.verifications.read(ref)
  const { secrets, keepsSecrets } = plannedSecrets(before, given, compiled)
  const isSame = now !== null && Bun.deepEquals(before.scheme, scheme)
  const config = given.config === undefined && isSame ? now.config : textsOf(given.config)
  const publicKey = given.public_key ?? (isSame ? now.publicKey : null)
  const problems = inputProblems({
    compiled,
    secrets,
    keepsSecrets,
    publicKey,
    config,
    toleranceSeconds: given.tolerance_seconds ?? null,
  })
  if (problems.length > 0) refuse(problems.map((each) => ({ ...each, field: `verification.${each.field}` })))
  const algorithm = config['algorithm'] ?? (isSame ? now.algorithm : HMAC_ALGORITHM_DEFAULT)
  return {
    scheme: typeof scheme === 'string' ? scheme : 'custom',
    compiled: scheme === 'generic' ? null : compiled,
    algorithm: algorithm === 'sha1' || algorithm === 'sha512' ? algorithm : HMAC_ALGORITHM_DEFAULT,
    secrets: keepsSecrets
      ? (now?.secrets ?? [])
      : secrets.map((text) => ({ id: null, label: 'given', text, expiresAtMs: Number.POSITIVE_INFINITY })),
    publicKey,
    config,
    toleranceSeconds: given.tolerance_seconds ?? null,
    fault: null,
    secretFault: null,
  }
}

interface Judging {
  readonly urlBefore: string
  readonly store: Store
}

/** As many as bytes and time allow, the latest first; the others are unknown. */
async function judgeAgain(
  rows: readonly LoggedAttempt[],
  check: SignatureCheck,
  { urlBefore, store }: Judging,
): Promise<readonly Outcome[]> {
  const untilMs = performance.now() + PREVIEW_MS_MAX
  const outcomes = new Map<string, Outcome>()
  let turnEndsMs = performance.now() + DOCTOR_TURN_MS
  for (const batch of batchesOf(rows.filter(isKept))) {
    if (performance.now() >= untilMs) break
    const byId = new Map(batch.map((row) => [row.id, row]))
    for (const kept of await store.previews.kept(batch)) {
      const row = byId.get(kept.id)
      if (row === undefined || performance.now() >= untilMs) continue
      outcomes.set(
        row.id,
        await verificationOutcome(row, check, requestOf(kept, urlBefore), kept.query !== null),
      )
      if (performance.now() < turnEndsMs) continue
      // Others have their turn of the event loop.
      await Bun.sleep(0)
      turnEndsMs = performance.now() + DOCTOR_TURN_MS
    }
  }
  return rows.map((row) => outcomes.get(row.id) ?? isUnknown(row))
}

const OF_SIGNATURE: readonly string[] = CODES_OF_CHECK.verification

const isKept = ({ eventId, errorCode, attempts }: LoggedAttempt): boolean =>
  eventId !== null || (attempts === 1 && errorCode !== null && OF_SIGNATURE.includes(errorCode))

const requestOf = ({ method, query, headers, body }: KeptAttempt, urlBefore: string) => ({
  method,
  url: urlBefore + (query ?? ''),
  headers,
  body,
})

/** Rows whose bodies are held at once, until the bytes of one preview are used up. */
function* batchesOf(rows: readonly LoggedAttempt[]): Iterable<readonly LoggedAttempt[]> {
  let batch: LoggedAttempt[] = []
  let batchBytes = 0
  let bytes = 0
  for (const row of rows) {
    const size = row.payloadSizeBytes ?? 0
    bytes += size
    if (bytes > PREVIEW_BYTES_MAX) break
    if (batch.length >= PREVIEW_BATCH_ROWS_MAX || batchBytes + size > PREVIEW_BATCH_BYTES_MAX) {
      if (batch.length > 0) yield batch
      batch = []
      batchBytes = 0
    }
    batch.push(row)
    batchBytes += size
  }
  if (batch.length > 0) yield batch
}
