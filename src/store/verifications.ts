import type { TransactionSql } from 'postgres'
import { compiledOf, secretConfigNames } from '../core/known-schemes.ts'
import { REKEY_BATCH_ROWS, WEBHOOK_SECRETS_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import { configPlace, HMAC_SECRET_PLACE, isSealed, type Sealing, secretPlace } from '../core/sealing.ts'
import type { HmacAlgorithm, StoredVerification } from '../core/trigger.ts'
import { EVERYTHING, recordAction } from './admin-audit-log.ts'
import type { AdminDatabase } from './admin-database.ts'
import { DEFAULT_LABEL } from './signature-settings.ts'
import type { TriggerCache } from './trigger-cache.ts'
import { changing } from './triggers.ts'
import { insertSecret, type NewSecret } from './webhook-secrets.ts'

/** A secret as it is listed: everything but its text. */
export interface ListedSecret {
  readonly label: string
  readonly created: Date
  readonly expires: Date | null
  /** By the database's clock. */
  readonly isExpired: boolean
  readonly lastUsed: Date | null
}

/** How a trigger verifies, as administrators see it. */
export interface VerificationState {
  /** `null`: no signature is asked for. */
  readonly scheme: 'generic' | StoredVerification['scheme'] | null
  readonly algorithm: HmacAlgorithm
  /** Values that are secrets stand as `[redacted]`. */
  readonly config: Readonly<Record<string, string>>
  readonly publicKey: string | null
  readonly toleranceSeconds: number | null
  /** Newest first. */
  readonly secrets: readonly ListedSecret[]
}

export interface Rekeyed {
  /** Secrets that were sealed with the current key now. */
  readonly sealed: number
  /** Secrets that were so already. */
  readonly unchanged: number
  /** `ref label` of secrets that no key here opens; they are left as they are. */
  readonly unopened: readonly string[]
}

const REDACTED = '[redacted]'

/**
 * The schemes that triggers verify with, and their secrets, which are sealed on their way into the database. A change is in force
 * in this process when its call returns.
 *
 * Every method that takes a `ref` throws Rejection `trigger_unknown` when no trigger has it.
 */
export class Verifications {
  readonly #database: AdminDatabase
  readonly #cache: TriggerCache
  readonly #sealing: Sealing

  constructor(database: AdminDatabase, cache: TriggerCache, sealing: Sealing) {
    this.#database = database
    this.#cache = cache
    this.#sealing = sealing
  }

  async read(ref: string): Promise<VerificationState> {
    const row = await this.#row(ref)
    const stored = row.verification === null ? null : (JSON.parse(row.verification) as StoredVerification)
    return {
      scheme: stored?.scheme ?? (row.hmac_enabled ? 'generic' : null),
      algorithm: row.hmac_algorithm,
      config: stored === null ? {} : withoutSecrets(stored),
      publicKey: stored?.public_key ?? null,
      toleranceSeconds: stored?.tolerance_seconds ?? null,
      secrets: await this.#list(row.id),
    }
  }

  /**
   * @param verification - its config in plain
   * @param secrets - in place of all there were; `null` keeps those of the same scheme
   */
  async set(
    ref: string,
    verification: StoredVerification,
    secrets: readonly NewSecret[] | null,
  ): Promise<void> {
    const { id } = await this.#row(ref)
    const sealed = JSON.stringify(this.#sealConfig(id, verification))
    await changing(
      ref,
      this.#database.transaction(async (tx) => {
        await tx.unsafe('select from attune.set_trigger_webhook_verification($1::bigint, $2::text::jsonb)', [
          id,
          sealed,
        ])
        if (secrets === null) return
        await tx.unsafe('delete from attune.webhook_secret where trigger_id = $1::bigint', [id])
        for (const secret of secrets) await insertSecret(tx, this.#sealing, id, secret)
      }),
    )
    await this.#forget(ref)
  }

  /** Newest first. */
  async secrets(ref: string): Promise<readonly ListedSecret[]> {
    const { id } = await this.#row(ref)
    return this.#list(id)
  }

  /**
   * Adds a secret; those there are stay accepted, for ever or for so long.
   *
   * @param label - `null`: today's date
   * @param othersExpireSeconds - `null`: as they did
   * @returns its label
   * @throws Rejection `verification_disabled`, `secret_label_taken`; `request_invalid` when there are too many
   */
  async add(
    ref: string,
    secret: { readonly label: string | null; readonly text: string },
    othersExpireSeconds: number | null,
  ): Promise<string> {
    const { id, verification, hmac_enabled } = await this.#row(ref)
    if (verification === null && !hmac_enabled) {
      throw new Rejection('verification_disabled', 'a trigger that asks for no signature takes no secret')
    }
    const label = await this.#database.transaction(async (tx) => {
      // What is done to the secrets of a trigger is done one after another.
      await tx.unsafe('select from attune.require_trigger($1::bigint)', [id])
      const chosen = secret.label ?? (await freeLabel(tx, id))
      await makeRoom(tx, id)
      if (othersExpireSeconds !== null) await tx.unsafe(EXPIRE_OTHERS, [id, othersExpireSeconds])
      await insertSecret(tx, this.#sealing, id, { label: chosen, text: secret.text })
      return chosen
    })
    await this.#forget(ref)
    return label
  }

  /**
   * Ends a secret, at once or in so many seconds.
   *
   * @throws Rejection `secret_unknown`
   */
  async expire(ref: string, label: string, seconds: number): Promise<ListedSecret> {
    const { id } = await this.#row(ref)
    const rows = await this.#database.transaction((tx) =>
      tx.unsafe<ListedRow[]>(
        `update attune.webhook_secret
         set expires = clock_timestamp() + make_interval(secs => $3::integer)
         where trigger_id = $1::bigint and label = $2
         returning ${LISTED}`,
        [id, label, seconds],
      ),
    )
    const [row] = rows
    if (row === undefined) throw new Rejection('secret_unknown', `the trigger has no secret ${label}`)
    await this.#forget(ref)
    return toListed(row)
  }

  /**
   * Seals every secret with the current master key, row by row: it may be interrupted and repeated, and whoever reads or changes a
   * secret meanwhile is not disturbed.
   *
   * @throws Rejection `master_key_missing`
   */
  async rekey(): Promise<Rekeyed> {
    if (!this.#sealing.isOn) throw new Rejection('master_key_missing', 'there is no key to seal with')
    const done = { sealed: 0, unchanged: 0, unopened: [] as string[] }
    for (let last = '0'; ; ) {
      const rows = await this.#database.statement((sql) => sql.unsafe<RekeyRow[]>(REKEY_ROWS, [last]))
      for (const row of rows) await this.#rekeyRow(row, done)
      const next = rows.at(-1)
      if (next === undefined) break
      last = next.id
    }
    // It changes no secret, so the single ones are not audited: one row says that it was done.
    const counts = { sealed: done.sealed, unchanged: done.unchanged, unopened: done.unopened.length }
    await this.#database.transaction((tx) => recordAction(tx, 'secrets.rekey', EVERYTHING, counts))
    return done
  }

  async #rekeyRow(
    row: RekeyRow,
    done: { sealed: number; unchanged: number; readonly unopened: string[] },
  ): Promise<void> {
    /** `null`: nothing to do. */
    const renewed = (stored: string, name: string, label: string): string | null => {
      const place = { triggerId: row.id, name }
      const opened = this.#sealing.open(stored, place)
      if (!opened.ok) done.unopened.push(`${row.ref} ${label}`)
      else if (this.#sealing.isCurrent(stored)) done.unchanged += 1
      else return this.#sealing.seal(opened.text, place)
      return null
    }
    // The old text is a condition, so that what somebody has changed meanwhile stays.
    const replace = async (statement: string, parameters: string[]): Promise<void> => {
      const count = await this.#database.transaction(async (tx) => {
        await tx.unsafe("select set_config('attune.resealing', 'on', true)")
        return (await tx.unsafe(statement, parameters)).count
      })
      done.sealed += count
    }
    if (row.hmac_secret !== null) {
      const text = renewed(row.hmac_secret, HMAC_SECRET_PLACE, DEFAULT_LABEL)
      if (text !== null) await replace(REPLACE_HMAC_SECRET, [row.id, row.hmac_secret, text])
    }
    for (const { id, label, secret } of row.secrets === null ? [] : (JSON.parse(row.secrets) as TextRow[])) {
      const text = renewed(secret, secretPlace(label), label)
      if (text !== null) await replace(REPLACE_SECRET, [id, secret, text])
    }
    if (row.verification === null) return
    const stored = JSON.parse(row.verification) as StoredVerification
    const names = secretNames(stored)
    for (const [name, value] of Object.entries(stored.config ?? {})) {
      if (!names.has(name) && !isSealed(value)) continue
      const text = renewed(value, configPlace(name), `config.${name}`)
      if (text !== null) await replace(REPLACE_CONFIG, [row.id, name, value, text])
    }
  }

  #sealConfig(triggerId: string, verification: StoredVerification): StoredVerification {
    if (verification.config === undefined) return verification
    const names = secretNames(verification)
    const config = Object.fromEntries(
      Object.entries(verification.config).map(([name, value]) => [
        name,
        names.has(name) ? this.#sealing.seal(value, { triggerId, name: configPlace(name) }) : value,
      ]),
    )
    return { ...verification, config }
  }

  async #row(ref: string): Promise<TriggerRow> {
    const [row] = await this.#database.statement((sql) =>
      sql.unsafe<TriggerRow[]>(
        `select id::text, webhook_key as key, webhook_hmac_enabled as hmac_enabled,
           webhook_hmac_algorithm as hmac_algorithm, webhook_verification::text as verification
         from attune.trigger where ref = $1`,
        [ref],
      ),
    )
    if (row === undefined) throw new Rejection('trigger_unknown', `no trigger has the ref ${ref}`)
    return row
  }

  async #list(triggerId: string): Promise<readonly ListedSecret[]> {
    const rows = await this.#database.statement((sql) =>
      sql.unsafe<ListedRow[]>(
        `select ${LISTED} from attune.webhook_secret where trigger_id = $1::bigint order by id desc`,
        [triggerId],
      ),
    )
    return rows.map(toListed)
  }

  async #forget(ref: string): Promise<void> {
    const { key } = await this.#row(ref)
    this.#cache.forget(key)
  }
}

interface TriggerRow {
  readonly id: string
  readonly key: string | null
  readonly hmac_enabled: boolean
  readonly hmac_algorithm: HmacAlgorithm
  readonly verification: string | null
}

interface ListedRow {
  readonly label: string
  readonly created: Date
  readonly expires: Date | null
  readonly is_expired: boolean
  readonly last_used: Date | null
}

const LISTED =
  'label, created, expires, coalesce(expires <= clock_timestamp(), false) as is_expired, last_used'

const toListed = (row: ListedRow): ListedSecret => ({
  label: row.label,
  created: row.created,
  expires: row.expires,
  isExpired: row.is_expired,
  lastUsed: row.last_used,
})

/** Those that end sooner by themselves do so. */
const EXPIRE_OTHERS = `
  update attune.webhook_secret
  set expires = clock_timestamp() + make_interval(secs => $2::integer)
  where trigger_id = $1::bigint
    and (expires is null or expires > clock_timestamp() + make_interval(secs => $2::integer))`

interface TextRow {
  readonly id: string
  readonly label: string
  readonly secret: string
}

interface RekeyRow {
  readonly id: string
  readonly ref: string
  readonly hmac_secret: string | null
  readonly verification: string | null
  /** JSON of `TextRow`s. */
  readonly secrets: string | null
}

const REKEY_ROWS = `
  select t.id::text, t.ref, t.webhook_hmac_secret as hmac_secret, t.webhook_verification::text as verification,
    (
      select json_agg(json_build_object('id', s.id::text, 'label', s.label, 'secret', s.secret) order by s.id)::text
      from attune.webhook_secret s
      where s.trigger_id = t.id and s.secret is not null
    ) as secrets
  from attune.trigger t
  where t.id > $1::bigint
  order by t.id
  limit ${REKEY_BATCH_ROWS}`

const REPLACE_HMAC_SECRET =
  'update attune.trigger set webhook_hmac_secret = $3 where id = $1::bigint and webhook_hmac_secret = $2'
const REPLACE_SECRET = 'update attune.webhook_secret set secret = $3 where id = $1::bigint and secret = $2'
const REPLACE_CONFIG = `
  update attune.trigger
  set webhook_verification = jsonb_set(webhook_verification, array['config', $2::text], to_jsonb($4::text))
  where id = $1::bigint and webhook_verification -> 'config' ->> $2::text = $3`

/** Of a scheme that is not known, anything may be a secret. */
function secretNames(verification: StoredVerification): ReadonlySet<string> {
  const compiled = compiledOf(verification.scheme)
  return typeof compiled === 'string'
    ? new Set(Object.keys(verification.config ?? {}))
    : secretConfigNames(compiled)
}

function withoutSecrets(stored: StoredVerification): Record<string, string> {
  const names = secretNames(stored)
  return Object.fromEntries(
    Object.entries(stored.config ?? {}).map(([name, value]) => [
      name,
      names.has(name) || isSealed(value) ? REDACTED : value,
    ]),
  )
}

/** Today's date, with a number behind it when there is one of today already. */
async function freeLabel(tx: TransactionSql, triggerId: string): Promise<string> {
  const rows = await tx.unsafe<{ label: string }[]>(
    'select label from attune.webhook_secret where trigger_id = $1::bigint',
    [triggerId],
  )
  const taken = new Set(rows.map(({ label }) => label))
  const today = new Date().toISOString().slice(0, 10)
  for (let number = 1; ; number++) {
    const label = number === 1 ? today : `${today}-${number}`
    if (!taken.has(label)) return label
  }
}

/** An expired secret gives way to a new one. */
async function makeRoom(tx: TransactionSql, triggerId: string): Promise<void> {
  const [row] = await tx.unsafe<{ count: number }[]>(
    'select count(*)::integer as count from attune.webhook_secret where trigger_id = $1::bigint',
    [triggerId],
  )
  if ((row?.count ?? 0) < WEBHOOK_SECRETS_MAX) return
  const { count } = await tx.unsafe(
    `delete from attune.webhook_secret where id = (
       select id from attune.webhook_secret
       where trigger_id = $1::bigint and secret is not null and expires <= clock_timestamp()
       order by expires limit 1
     )`,
    [triggerId],
  )
  if (count > 0) return
  const message = `cannot be added: a trigger has at most ${WEBHOOK_SECRETS_MAX} secrets; let one expire first`
  throw new Rejection('request_invalid', `secret ${message}`, { errors: [{ field: 'secret', message }] })
}
