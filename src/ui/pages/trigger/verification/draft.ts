import type { Scheme, VerificationState } from '../../../../admin/models.ts'
import type { VerificationInput } from '../../../api/routes.ts'
import { handsOverSecret } from '../../../parts/schemes.ts'
import { wholeIn } from '../whole-number.ts'

/** The choice of a scheme of the operator's own; no preset is called like that. */
export const OWN = '{}'

const TOLERANCE_SECONDS_MAX = 86_400
const SECRET_REDACTED = '[redacted]'

/** Where the secret comes from: those there are stay, one is made by the server, the sender has it, or hands it over by itself. */
export type SecretFrom = 'kept' | 'made' | 'given' | 'handed-over'

/** What is in the form. It lives as long as its dialog is open, and nowhere else. */
export interface Draft {
  /** Name of a preset, or `OWN`; `null`: none is chosen yet. */
  readonly choice: string | null
  /** The scheme of one's own, as JSON. */
  readonly record: string
  /** `null`: wherever it is likeliest to come from. */
  readonly secretFrom: SecretFrom | null
  /** `secret`, `public_key` and `config.…`, as the scheme calls them. */
  readonly keys: Readonly<Record<string, string>>
  /** Of a scheme of one's own: all of its configuration as JSON. */
  readonly config: string
  /** Empty: that of the scheme. */
  readonly tolerance: string
}

/** A record in the language of schemes, to begin with. */
const RECORD_EXAMPLE = {
  scheme: 'hmac',
  hash: 'sha256',
  sig: { from: ['header:x-signature'], enc: 'hex', prefix: 'sha256=' },
  signed: '{body}',
}

const pretty = (value: unknown): string => JSON.stringify(value, null, 2)

/** What is saved, as far as it may be read. */
export function draftOf(state: VerificationState, algorithm: string): Draft {
  const { scheme, public_key: publicKey, config, tolerance_seconds: tolerance } = state
  const isOwn = typeof scheme === 'object' && scheme !== null
  const readable = Object.entries(config).filter(([, value]) => value !== SECRET_REDACTED)
  return {
    choice: isOwn ? OWN : scheme,
    record: pretty(isOwn ? scheme : RECORD_EXAMPLE),
    secretFrom: null,
    keys: {
      'config.algorithm': algorithm,
      ...Object.fromEntries(readable.map(([name, value]) => [`config.${name}`, value])),
      ...(publicKey !== null && { public_key: publicKey }),
    },
    config: isOwn && readable.length > 0 ? pretty(Object.fromEntries(readable)) : '',
    tolerance: tolerance === null ? '' : String(tolerance),
  }
}

/** Values of the configuration that are set, are not shown, and would be lost if they were not entered again. */
export const hiddenIn = ({ config }: VerificationState): readonly string[] =>
  Object.entries(config).flatMap(([name, value]) => (value === SECRET_REDACTED ? [name] : []))

/** @returns `null` for what is no JSON object */
export function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** Whether it is the scheme that the trigger has. */
export function isSameScheme({ choice, record }: Draft, { scheme }: VerificationState): boolean {
  if (choice !== OWN) return choice === scheme
  return typeof scheme === 'object' && JSON.stringify(objectIn(record)) === JSON.stringify(scheme)
}

/** Where the secret may come from, the likeliest first; none: the scheme has no secret. */
export function secretSources(
  draft: Draft,
  scheme: Scheme | null,
  state: VerificationState,
): readonly SecretFrom[] {
  const isOwn = draft.choice === OWN
  if (!isOwn && scheme?.needs.includes('secret') !== true) return []
  const isKept = isSameScheme(draft, state) && state.secrets.some((secret) => !secret.is_expired)
  // The generic scheme begins with another secret whenever it is set.
  if (isKept && draft.choice !== 'generic') return ['kept', 'given']
  if (scheme !== null && handsOverSecret(scheme)) return ['handed-over', 'given']
  return isOwn || scheme?.may_generate_secret === true ? ['made', 'given'] : ['given']
}

/** The source that is chosen, as long as the scheme has it. */
export const sourceOf = (draft: Draft, sources: readonly SecretFrom[]): SecretFrom | null =>
  sources.find((source) => source === draft.secretFrom) ?? sources[0] ?? null

/** What the server is told, both to try it and to save it; `null`: something is missing. */
export function inputOf(
  draft: Draft,
  scheme: Scheme | null,
  source: SecretFrom | null,
): VerificationInput | null {
  const { choice, keys, tolerance } = draft
  const seconds = tolerance === '' ? undefined : wholeIn(tolerance, 1, TOLERANCE_SECONDS_MAX)
  if (seconds === null) return null
  const given = (field: string): string => (keys[field] ?? '').trim()
  const secret = source === 'given' ? given('secret') : ''
  if (source === 'given' && secret === '') return null
  const common = {
    ...(secret !== '' && { secret }),
    ...(seconds !== undefined && { tolerance_seconds: seconds }),
  }
  if (choice === OWN) return ownInput(draft, common)
  if (scheme === null) return null
  if (scheme.needs.some((field) => field !== 'secret' && given(field) === '')) return null
  const fields = [...scheme.needs, ...scheme.takes].filter((field) => given(field) !== '')
  const config = fields.flatMap((field) =>
    field.startsWith('config.') ? [[field.slice('config.'.length), given(field)] as const] : [],
  )
  // What a scheme without a time would not read stays out, as what was typed for another scheme does.
  const { tolerance_seconds: _, ...untimed } = common
  return {
    scheme: scheme.name,
    ...(scheme.tolerance_seconds === null ? untimed : common),
    ...(fields.includes('public_key') && { public_key: given('public_key') }),
    config: Object.fromEntries(config),
  }
}

function ownInput(
  { record, config, keys }: Draft,
  more: Pick<VerificationInput, 'secret' | 'tolerance_seconds'>,
): VerificationInput | null {
  const scheme = objectIn(record)
  const entries = config.trim() === '' ? {} : objectIn(config)
  const publicKey = (keys['public_key'] ?? '').trim()
  if (scheme === null || entries === null) return null
  return {
    scheme,
    ...more,
    ...(publicKey !== '' && { public_key: publicKey }),
    config: entries as Record<string, string>,
  }
}

/** Whether the scheme has a tolerance that can be changed. */
export const hasTolerance = (draft: Draft, scheme: Scheme | null): boolean =>
  draft.choice === OWN || (scheme?.tolerance_seconds ?? null) !== null

export const toleranceProblem = ({ tolerance }: Draft): string | null =>
  tolerance === '' || wholeIn(tolerance, 1, TOLERANCE_SECONDS_MAX) !== null
    ? null
    : `From 1 to ${TOLERANCE_SECONDS_MAX} seconds`
