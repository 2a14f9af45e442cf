import { randomBytes } from 'node:crypto'
import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Page } from '../core/cursor.ts'
import { Rejection } from '../core/rejection.ts'
import { HMAC_SECRET_PLACE, type Sealing } from '../core/sealing.ts'
import type { HmacAlgorithm, NewTrigger, RateLimitSettings, TriggerChange } from '../core/trigger.ts'
import {
  encodeTriggerCursor,
  type TriggerListing,
  type TriggerOrder,
  type TriggerPosition,
  type TriggerSort,
} from '../core/trigger-list.ts'
import type { AdminDatabase } from './admin-database.ts'
import { trigger } from './schema.ts'
import type { TriggerCache } from './trigger-cache.ts'
import { insertSecret, type NewSecret } from './webhook-secrets.ts'

/** A trigger as the store knows it; the API adds the URL. The secret is left in the database. */
export interface StoredTrigger {
  readonly id: bigint
  readonly ref: string
  readonly label: string | null
  readonly description: string | null
  readonly webhookEnabled: boolean
  readonly webhookKey: string | null
  readonly webhookHmacEnabled: boolean
  readonly webhookHmacAlgorithm: HmacAlgorithm
  /** `generic`, the name of another scheme, or `custom`; `null`: no signature is asked for. */
  readonly webhookVerificationScheme: string | null
  readonly webhookRateLimitEnabled: boolean
  readonly webhookRateLimitRequests: number
  readonly webhookRateLimitWindowSeconds: number
  readonly webhookIpWhitelistEnabled: boolean
  readonly webhookIpWhitelist: string[]
  readonly webhookPayloadSizeLimitKb: number
  readonly webhookDeduplicationEnabled: boolean
  readonly webhookDeduplicationFields: string[]
  readonly webhookDeduplicationWindowSeconds: number
  readonly created: Date
  readonly updated: Date
}

/** Every column but those with secrets: what is not selected cannot leak. */
const columns = {
  id: trigger.id,
  ref: trigger.ref,
  label: trigger.label,
  description: trigger.description,
  webhookEnabled: trigger.webhookEnabled,
  webhookKey: trigger.webhookKey,
  webhookHmacEnabled: trigger.webhookHmacEnabled,
  webhookHmacAlgorithm: trigger.webhookHmacAlgorithm,
  webhookVerificationScheme: sql<string | null>`case
    when ${trigger.webhookHmacEnabled} then 'generic'
    when jsonb_typeof(${trigger.webhookVerification} -> 'scheme') = 'object' then 'custom'
    else ${trigger.webhookVerification} ->> 'scheme'
  end`,
  webhookRateLimitEnabled: trigger.webhookRateLimitEnabled,
  webhookRateLimitRequests: trigger.webhookRateLimitRequests,
  webhookRateLimitWindowSeconds: trigger.webhookRateLimitWindowSeconds,
  webhookIpWhitelistEnabled: trigger.webhookIpWhitelistEnabled,
  webhookIpWhitelist: trigger.webhookIpWhitelist,
  webhookPayloadSizeLimitKb: trigger.webhookPayloadSizeLimitKb,
  webhookDeduplicationEnabled: trigger.webhookDeduplicationEnabled,
  webhookDeduplicationFields: trigger.webhookDeduplicationFields,
  webhookDeduplicationWindowSeconds: trigger.webhookDeduplicationWindowSeconds,
  created: trigger.created,
  updated: trigger.updated,
}

const UNIQUE_VIOLATION = '23505'

/** As many as `attune.generate_webhook_hmac_secret()` makes. */
const HMAC_SECRET_BYTES = 64

/**
 * Triggers as administrators handle them. Settings change through the same SQL functions that operators call from psql,
 * and each change is in force in this process when its call returns.
 *
 * Every method that takes a `ref` throws Rejection `trigger_unknown` when no trigger has it.
 */
export class Triggers {
  readonly #database: AdminDatabase
  readonly #cache: TriggerCache
  readonly #sealing: Sealing

  constructor(database: AdminDatabase, cache: TriggerCache, sealing: Sealing) {
    this.#database = database
    this.#cache = cache
    this.#sealing = sealing
  }

  /** @throws Rejection `trigger_ref_taken` */
  async create({ ref, label, description }: NewTrigger): Promise<StoredTrigger> {
    try {
      const rows = await this.#database.change((tx) =>
        tx
          .insert(trigger)
          .values({ ref, label: label ?? null, description: description ?? null })
          .returning(columns),
      )
      return single(rows, ref)
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause
      if (cause?.code === UNIQUE_VIOLATION)
        throw new Rejection('trigger_ref_taken', `the ref ${ref} is taken`)
      throw error
    }
  }

  async read(ref: string): Promise<StoredTrigger> {
    const rows = await this.#database.query((database) =>
      database.select(columns).from(trigger).where(eq(trigger.ref, ref)),
    )
    return single(rows, ref)
  }

  /** @param after - the last row of the page before */
  async list(
    listing: TriggerListing,
    limit: number,
    after: TriggerPosition | null,
  ): Promise<Page<StoredTrigger>> {
    const direction = listing.order === 'asc' ? asc : desc
    const rows = await this.#database.query((database) =>
      database
        .select({ ...columns, updatedUs: UPDATED_US })
        .from(trigger)
        .where(and(holding(listing.search), after === null ? undefined : behind(after, listing.order)))
        .orderBy(...SORTED_BY[listing.sort].map((column) => direction(column)))
        .limit(limit + 1),
    )
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      rows: page,
      nextCursor:
        rows.length > limit && last !== undefined
          ? encodeTriggerCursor(listing.order, positionOf(last, listing.sort))
          : null,
    }
  }

  async change(ref: string, change: TriggerChange): Promise<StoredTrigger> {
    const rows = await this.#database.change((tx) =>
      tx.update(trigger).set(change).where(eq(trigger.ref, ref)).returning(columns),
    )
    return single(rows, ref)
  }

  async delete(ref: string): Promise<void> {
    const rows = await this.#database.change((tx) =>
      tx.delete(trigger).where(eq(trigger.ref, ref)).returning(columns),
    )
    this.#cache.forget(single(rows, ref).webhookKey)
  }

  enableWebhook(ref: string): Promise<StoredTrigger> {
    return this.#call(ref, 'enable_trigger_webhook($1::bigint)', [])
  }

  disableWebhook(ref: string): Promise<StoredTrigger> {
    return this.#call(ref, 'disable_trigger_webhook($1::bigint)', [])
  }

  regenerateWebhookKey(ref: string): Promise<StoredTrigger> {
    return this.#call(ref, 'regenerate_trigger_webhook_key($1::bigint)', [])
  }

  /**
   * The secret is the caller's to show once. Without one of the caller's own, the database makes it.
   *
   * @param others - are accepted as well
   */
  async enableHmac(
    ref: string,
    algorithm: HmacAlgorithm,
    ownSecret: string | null,
    others: readonly NewSecret[] = [],
  ): Promise<{ readonly trigger: StoredTrigger; readonly secret: string }> {
    const { id } = await this.read(ref)
    // One that the database makes it has seen in plain.
    const made = this.#sealing.isOn ? randomBytes(HMAC_SECRET_BYTES).toString('hex') : null
    const chosen = ownSecret ?? made
    const secret = await changing(
      ref,
      this.#database.transaction(async (tx) => {
        const triggerId = String(id)
        const [row] = await tx.unsafe<{ webhook_hmac_secret: string }[]>(
          'select webhook_hmac_secret from attune.enable_trigger_webhook_hmac($1::bigint, $2::text)',
          [triggerId, algorithm],
        )
        if (row === undefined) throw new Error('enable_trigger_webhook_hmac returned no row')
        for (const other of others) await insertSecret(tx, this.#sealing, triggerId, other)
        if (chosen === null) return row.webhook_hmac_secret
        const sealed = this.#sealing.seal(chosen, { triggerId, name: HMAC_SECRET_PLACE })
        await tx.unsafe('update attune.trigger set webhook_hmac_secret = $2 where id = $1::bigint', [
          triggerId,
          sealed,
        ])
        return chosen
      }),
    )
    return { trigger: await this.#changed(ref), secret }
  }

  disableHmac(ref: string): Promise<StoredTrigger> {
    return this.#call(ref, 'disable_trigger_webhook_hmac($1::bigint)', [])
  }

  setRateLimit(ref: string, { requests, window_seconds }: RateLimitSettings): Promise<StoredTrigger> {
    return this.#call(
      ref,
      'configure_trigger_webhook_rate_limit($1::bigint, true, $2::integer, $3::integer)',
      [requests, window_seconds],
    )
  }

  disableRateLimit(ref: string): Promise<StoredTrigger> {
    return this.#call(ref, 'configure_trigger_webhook_rate_limit($1::bigint, false)', [])
  }

  /**
   * @param cidrs canonical, checked with `core/address.ts`
   * @throws Rejection `request_invalid` when PostgreSQL finds one that is not
   */
  async setIpWhitelist(ref: string, cidrs: readonly string[]): Promise<StoredTrigger> {
    try {
      return await this.#call(ref, 'configure_trigger_webhook_ip_whitelist($1::bigint, true, $2::text[])', [
        cidrs as string[],
      ])
    } catch (error) {
      if ((error as { code?: string }).code !== INVALID_PARAMETER_VALUE) throw error
      const message = 'holds an address that PostgreSQL writes in another way'
      throw new Rejection('request_invalid', `cidrs ${message}`, { errors: [{ field: 'cidrs', message }] })
    }
  }

  disableIpWhitelist(ref: string): Promise<StoredTrigger> {
    return this.#call(ref, "configure_trigger_webhook_ip_whitelist($1::bigint, false, '{}')", [])
  }

  async setPayloadLimit(ref: string, kb: number): Promise<StoredTrigger> {
    await this.#database.change((tx) =>
      tx.update(trigger).set({ webhookPayloadSizeLimitKb: kb }).where(eq(trigger.ref, ref)),
    )
    return this.#changed(ref)
  }

  /** @param fields - checked with `core/deduplication.ts`; empty: the id of the trigger's scheme */
  setDeduplication(ref: string, fields: readonly string[], windowSeconds: number): Promise<StoredTrigger> {
    return this.#call(
      ref,
      'configure_trigger_webhook_deduplication($1::bigint, true, $2::text[], $3::integer)',
      [fields as string[], windowSeconds],
    )
  }

  disableDeduplication(ref: string): Promise<StoredTrigger> {
    return this.#call(ref, 'configure_trigger_webhook_deduplication($1::bigint, false)', [])
  }

  async #call(ref: string, call: string, parameters: (string | number | string[])[]): Promise<StoredTrigger> {
    const before = await this.read(ref)
    await changing(
      ref,
      this.#database.transaction((tx) =>
        tx.unsafe(`select from attune.${call}`, [String(before.id), ...parameters]),
      ),
    )
    this.#cache.forget(before.webhookKey)
    return this.#changed(ref)
  }

  /** Reads the trigger as it is now, and makes the receiver of this process do so too. */
  async #changed(ref: string): Promise<StoredTrigger> {
    const after = await this.read(ref)
    this.#cache.forget(after.webhookKey)
    return after
  }
}

const SORTED_BY = {
  created: [trigger.id],
  ref: [trigger.ref],
  updated: [trigger.updated, trigger.id],
} as const satisfies Record<TriggerSort, readonly unknown[]>

/** To the microsecond: a cursor of milliseconds would leave out triggers that one statement has changed. */
const UPDATED_US = sql<string>`(extract(epoch from ${trigger.updated}) * 1000000)::bigint::text`

/** By position and not by pattern, so that every character stands for itself. Refs have no capital letters. */
const holding = (search: string): SQL | undefined =>
  search === ''
    ? undefined
    : sql`(strpos(${trigger.ref}, lower(${search}::text)) > 0 or strpos(lower(${trigger.label}), lower(${search}::text)) > 0)`

function behind(after: TriggerPosition, order: TriggerOrder): SQL {
  const than = sql.raw(order === 'asc' ? '>' : '<')
  switch (after.sort) {
    case 'created':
      return sql`${trigger.id} ${than} ${after.id}::bigint`
    case 'ref':
      return sql`${trigger.ref} ${than} ${after.ref}::text`
    case 'updated':
      return sql`(${trigger.updated}, ${trigger.id}) ${than}
        (timestamptz 'epoch' + ${after.updatedUs}::bigint * interval '1 microsecond', ${after.id}::bigint)`
  }
}

function positionOf(row: StoredTrigger & { readonly updatedUs: string }, sort: TriggerSort): TriggerPosition {
  const id = String(row.id)
  switch (sort) {
    case 'created':
      return { sort, id }
    case 'ref':
      return { sort, ref: row.ref }
    case 'updated':
      return { sort, updatedUs: row.updatedUs, id }
  }
}

const NO_DATA_FOUND = 'P0002'

/** What our SQL functions raise for an argument that they refuse. */
const INVALID_PARAMETER_VALUE = '22023'

/** A trigger that was deleted after it was read is as unknown as one that never was. */
export async function changing<T>(ref: string, change: Promise<T>): Promise<T> {
  try {
    return await change
  } catch (error) {
    const isGone = (error as { code?: string }).code === NO_DATA_FOUND
    throw isGone ? new Rejection('trigger_unknown', `no trigger has the ref ${ref} any more`) : error
  }
}

function single(rows: readonly StoredTrigger[], ref: string): StoredTrigger {
  const [row] = rows
  if (row === undefined) throw new Rejection('trigger_unknown', `no trigger has the ref ${ref}`)
  return row
}
