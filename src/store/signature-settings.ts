import { compiledOf, schemeName } from '../core/known-schemes.ts'
import { configPlace, HMAC_SECRET_PLACE, type Sealing, secretPlace } from '../core/sealing.ts'
import type { LiveSecret, SignatureSettings } from '../core/signature-check.ts'
import type { HmacAlgorithm, StoredVerification } from '../core/trigger.ts'
import { compileScheme } from '../core/verification/index.ts'

/** The label of the secret in the trigger's own column. */
export const DEFAULT_LABEL = 'default'

/** What says how a trigger verifies, as `SIGNATURE_COLUMNS` selects it. */
export interface SignatureRow {
  readonly id: string
  readonly webhook_hmac_enabled: boolean
  readonly webhook_hmac_secret: string | null
  readonly webhook_hmac_algorithm: HmacAlgorithm
  /** JSON of `StoredVerification`. */
  readonly webhook_verification: string | null
  /** JSON of a list of `SecretRow`, newest first; `null`: none. */
  readonly secrets: string | null
}

interface SecretRow {
  readonly id: string
  readonly label: string
  /** `null`: it is the trigger's own column. */
  readonly secret: string | null
  /** By the database's clock; `null`: it does not expire. */
  readonly remaining_ms: number | null
}

/** Of `attune.trigger t`. */
export const SIGNATURE_COLUMNS = `
    t.webhook_hmac_enabled, t.webhook_hmac_secret, t.webhook_hmac_algorithm,
    t.webhook_verification::text as webhook_verification,
    (
      select json_agg(json_build_object(
        'id', s.id::text, 'label', s.label, 'secret', s.secret,
        'remaining_ms', extract(epoch from s.expires - clock_timestamp())::double precision * 1000
      ) order by s.id desc)::text
      from attune.webhook_secret s
      where s.trigger_id = t.id
    ) as secrets`

interface Opening {
  readonly sealing: Sealing
  /** On the clock of `performance.now()`, which carries on what the database's clock said then. */
  readonly askedAtMs: number
}

/** How a trigger verifies, its secrets opened; `null`: it asks for no signature. What cannot be opened or understood refuses. */
export function signatureSettings(row: SignatureRow, opening: Opening): SignatureSettings | null {
  if (row.webhook_verification === null) return row.webhook_hmac_enabled ? generic(row, opening) : null
  // A constraint sees to its form.
  const stored: StoredVerification = JSON.parse(row.webhook_verification)
  const compiled = compiledOf(stored.scheme)
  const config = openConfig(row.id, stored, opening)
  return {
    scheme: schemeName(stored),
    // Of a scheme that is not known no part is looked at: the fault refuses everyone.
    compiled: typeof compiled === 'string' ? NOTHING : compiled,
    algorithm: row.webhook_hmac_algorithm,
    ...openSecrets(row, opening),
    publicKey: stored.public_key ?? null,
    config: config.values,
    toleranceSeconds: stored.tolerance_seconds ?? null,
    fault: typeof compiled === 'string' ? compiled : config.fault,
  }
}

const generic = (row: SignatureRow, opening: Opening): SignatureSettings => ({
  scheme: 'generic',
  compiled: null,
  algorithm: row.webhook_hmac_algorithm,
  ...openSecrets(row, opening),
  publicKey: null,
  config: {},
  toleranceSeconds: null,
  fault: null,
})

const NOTHING = compileScheme({ scheme: 'none' })

function openSecrets(
  row: SignatureRow,
  { sealing, askedAtMs }: Opening,
): Pick<SignatureSettings, 'secrets' | 'secretFault'> {
  const rows = row.secrets === null ? [] : (JSON.parse(row.secrets) as SecretRow[])
  // Set while the database's triggers were switched off, it has no row of its own.
  const isListed = rows.some(({ secret }) => secret === null)
  const own = { id: '', label: DEFAULT_LABEL, secret: null, remaining_ms: null }
  const all = isListed || row.webhook_hmac_secret === null ? rows : [...rows, own]
  const secrets: LiveSecret[] = []
  let secretFault: string | null = null
  for (const { id, label, secret, remaining_ms } of all) {
    const stored = secret ?? row.webhook_hmac_secret
    if (stored === null || (remaining_ms !== null && remaining_ms <= 0)) continue
    const name = secret === null ? HMAC_SECRET_PLACE : secretPlace(label)
    const opened = sealing.open(stored, { triggerId: row.id, name })
    if (!opened.ok) secretFault ??= `the secret ${label} cannot be opened: ${opened.reason}`
    else {
      const expiresAtMs = remaining_ms === null ? Number.POSITIVE_INFINITY : askedAtMs + remaining_ms
      secrets.push({ id: id === '' ? null : id, label, text: opened.text, expiresAtMs })
    }
  }
  return { secrets, secretFault }
}

/** Secrets that were accepted once, as long as they are kept: for administrators, who are told when something was signed with one. */
export function expiredSecrets(row: SignatureRow, { sealing }: Opening): { label: string; text: string }[] {
  const rows = row.secrets === null ? [] : (JSON.parse(row.secrets) as SecretRow[])
  return rows.flatMap(({ label, secret, remaining_ms }) => {
    const stored = secret ?? row.webhook_hmac_secret
    if (stored === null || remaining_ms === null || remaining_ms > 0) return []
    const name = secret === null ? HMAC_SECRET_PLACE : secretPlace(label)
    const opened = sealing.open(stored, { triggerId: row.id, name })
    return opened.ok ? [{ label, text: opened.text }] : []
  })
}

function openConfig(
  triggerId: string,
  { config = {} }: StoredVerification,
  { sealing }: Opening,
): { readonly values: Record<string, string>; readonly fault: string | null } {
  const values: Record<string, string> = {}
  for (const [name, stored] of Object.entries(config)) {
    const opened = sealing.open(stored, { triggerId, name: configPlace(name) })
    if (!opened.ok) return { values: {}, fault: `config.${name} cannot be opened: ${opened.reason}` }
    values[name] = opened.text
  }
  return { values, fault: null }
}
