import { Rejection } from '../core/rejection.ts'
import { type Sealing, secretPlace } from '../core/sealing.ts'
import type { AdminDatabase } from './admin-database.ts'
import type { TriggerCache } from './trigger-cache.ts'
import { changing } from './triggers.ts'

/** The label of a secret that its sender has handed over. */
const HANDED_OVER_LABEL = 'handshake'

/** Whether a handshake is expected, as administrators see it. */
export interface HandshakeState {
  /** `null`: none is. */
  readonly armedUntil: Date | null
  /** The secret that was handed over, where its sender wants it back and it has not been shown; only `reveal` gives it. */
  readonly secret: string | null
}

/** What became of a secret that a sender handed over. */
export type Remembered = 'remembered' | 'not_armed' | 'secret_stored'

export interface HandedOver {
  readonly triggerId: string
  readonly webhookKey: string
  readonly secret: string
  /** The administrator has to give it back to the sender, and so has to see it once. */
  readonly isToBeShown: boolean
  /** The attempt that handed it over. */
  readonly from: { readonly requestId: string; readonly sourceIp: string | null }
}

/**
 * Which triggers expect a handshake that changes something, and the secrets that come of it.
 *
 * Every method that takes a `ref` throws Rejection `trigger_unknown` when no trigger has it.
 */
export class Handshakes {
  readonly #database: AdminDatabase
  readonly #cache: TriggerCache
  readonly #sealing: Sealing

  constructor(database: AdminDatabase, cache: TriggerCache, sealing: Sealing) {
    this.#database = database
    this.#cache = cache
    this.#sealing = sealing
  }

  async read(ref: string): Promise<HandshakeState> {
    const { armed_until } = await this.#row(ref)
    return { armedUntil: armed_until, secret: null }
  }

  async arm(ref: string, minutes: number): Promise<HandshakeState> {
    return this.#call(ref, 'arm_trigger_webhook_handshake($1::bigint, $2::integer)', [minutes])
  }

  async disarm(ref: string): Promise<HandshakeState> {
    return this.#call(ref, 'disarm_trigger_webhook_handshake($1::bigint)', [])
  }

  /**
   * The secret that was handed over, for the administrator who has to type it in at the sender. It is given once.
   *
   * @throws Rejection `secret_unknown` when there is none, or none any more
   */
  async reveal(ref: string): Promise<HandshakeState> {
    const { id, armed_until } = await this.#row(ref)
    return this.#database.transaction(async (tx) => {
      await tx.unsafe('select from attune.require_trigger($1::bigint)', [id])
      const [row] = await tx.unsafe<{ label: string; secret: string }[]>(UNSHOWN, [id])
      const place = { triggerId: id, name: secretPlace(row?.label ?? '') }
      const opened = row === undefined ? null : this.#sealing.open(row.secret, place)
      // What cannot be shown goes on waiting, for a process that has the key.
      if (opened === null || !opened.ok) {
        throw new Rejection('secret_unknown', 'no secret waits to be shown, or no key here opens it')
      }
      await tx.unsafe('update attune.trigger set webhook_handshake_secret_id = null where id = $1::bigint', [
        id,
      ])
      return { armedUntil: armed_until, secret: opened.text }
    })
  }

  /**
   * Stores a secret that a sender has handed over, where one is expected and none is live: of a hundred at once, one. That ends the
   * expectation. When this returns, the secret is in force in this process.
   */
  async remember({ triggerId, webhookKey, secret, isToBeShown, from }: HandedOver): Promise<Remembered> {
    const receiver = this.#database.as({ name: 'receiver', role: null, via: 'receiver', ...from })
    const remembered = await receiver.transaction(async (tx): Promise<Remembered> => {
      // Whoever changes a trigger or its secrets waits here for the one before.
      await tx.unsafe('select from attune.trigger where id = $1::bigint for no key update', [triggerId])
      const [row] = await tx.unsafe<{ is_armed: boolean; has_secret: boolean }[]>(EXPECTATION, [triggerId])
      if (row?.is_armed !== true) return 'not_armed'
      if (row.has_secret) return 'secret_stored'
      const name = secretPlace(HANDED_OVER_LABEL)
      await tx.unsafe(FORGET_EXPIRED, [triggerId, HANDED_OVER_LABEL])
      const sealed = this.#sealing.seal(secret, { triggerId, name })
      await tx.unsafe(STORE, [triggerId, HANDED_OVER_LABEL, sealed, isToBeShown])
      return 'remembered'
    })
    this.#cache.forget(webhookKey)
    return remembered
  }

  async #call(ref: string, call: string, parameters: number[]): Promise<HandshakeState> {
    const { id } = await this.#row(ref)
    await changing(
      ref,
      this.#database.transaction((tx) => tx.unsafe(`select from attune.${call}`, [id, ...parameters])),
    )
    const { key } = await this.#row(ref)
    this.#cache.forget(key)
    return this.read(ref)
  }

  async #row(ref: string): Promise<TriggerRow> {
    const [row] = await this.#database.statement((sql) => sql.unsafe<TriggerRow[]>(ROW, [ref]))
    if (row === undefined) throw new Rejection('trigger_unknown', `no trigger has the ref ${ref}`)
    return row
  }
}

interface TriggerRow {
  readonly id: string
  readonly key: string | null
  readonly armed_until: Date | null
}

/** By the database's clock: an expectation that has run out is none. */
const ROW = `
  select id::text, webhook_key as key,
    case when webhook_handshake_armed_until > clock_timestamp() then webhook_handshake_armed_until end as armed_until
  from attune.trigger where ref = $1`

const EXPECTATION = `
  select
    coalesce(t.webhook_handshake_armed_until > clock_timestamp(), false) as is_armed,
    t.webhook_hmac_secret is not null or exists (
      select from attune.webhook_secret s
      where s.trigger_id = t.id and (s.expires is null or s.expires > clock_timestamp())
    ) as has_secret
  from attune.trigger t where t.id = $1::bigint`

const FORGET_EXPIRED = 'delete from attune.webhook_secret where trigger_id = $1::bigint and label = $2'

const STORE = `
  with stored as (
    insert into attune.webhook_secret (trigger_id, label, secret) values ($1::bigint, $2, $3) returning id
  )
  update attune.trigger
  set
    webhook_handshake_armed_until = null,
    webhook_handshake_secret_id = (select id from stored where $4::boolean)
  where id = $1::bigint`

const UNSHOWN = `
  select s.label, s.secret
  from attune.webhook_secret s
  join attune.trigger t on t.id = s.trigger_id and t.webhook_handshake_secret_id = s.id
  where t.id = $1::bigint and s.secret is not null`
