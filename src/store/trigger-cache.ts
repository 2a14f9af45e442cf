import { deduplicationOf } from '../core/deduplication.ts'
import {
  BYTES_PER_KB,
  CLOCK_SKEW_MS_MAX,
  CLOCK_SKEW_WARNED_MS,
  LOOKUP_QUEUE_MAX,
  QUERY_MS_MAX,
  TRIGGER_AGE_MS_MAX,
  TRIGGER_CACHE_MAX,
  TRIGGER_FRESH_MS,
  TRIGGER_POLL_MS,
  UNKNOWN_KEY_CACHE_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import type { Sealing } from '../core/sealing.ts'
import { SignatureCheck } from '../core/signature-check.ts'
import type { WebhookSettings } from '../core/trigger.ts'
import { Batcher } from './batcher.ts'
import { describeFault, type Pool } from './connection.ts'
import { LruMap } from './lru-map.ts'
import { SIGNATURE_COLUMNS, type SignatureRow, signatureSettings } from './signature-settings.ts'

/** Keys of one look-up, and changes of one poll; more changes than this empty the cache. */
const LOOKUP_BATCH_MAX = 512
const CHANGES_MAX = 1_000

/** The feed is pruned after ten minutes; who has not read it for half of that starts afresh. */
const FEED_GAP_MS_MAX = 300_000

interface Entry {
  readonly settings: WebhookSettings | null
  /** When the look-up that found it began, on the clock of `performance.now()`. */
  readonly asOfMs: number
}

/**
 * Triggers by webhook key, from a bounded memory that is never more than a second behind the database.
 *
 * What makes it so is the feed `attune.trigger_change`, read every `TRIGGER_POLL_MS` and at once after a NOTIFY. An entry is
 * believed for `TRIGGER_FRESH_MS` after it was looked up or after a poll that did not name it; then it is looked up again. While
 * the database is away nothing is believed, and every look-up is refused.
 */
export class TriggerCache {
  readonly #pool: Pool
  readonly #sealing: Sealing
  readonly #log: Log
  readonly #faults = new LruMap<string, string>(TRIGGER_CACHE_MAX)
  readonly #known = new LruMap<string, Entry>(TRIGGER_CACHE_MAX)
  /** Apart from the known ones, so that guessing keys pushes no real trigger out of memory. */
  readonly #unknown = new LruMap<string, Entry>(UNKNOWN_KEY_CACHE_MAX)
  /** Look-ups under way; one whose key changes meanwhile may have read the old row, and is repeated. */
  readonly #pending = new Map<
    string,
    { outdated: boolean; readonly promise: Promise<WebhookSettings | null> }
  >()
  readonly #lookups: Batcher<string, WebhookSettings | null>
  /** The oldest transaction that was still open at the last poll; the next one reads from it. */
  #horizon: string | null = null
  #confirmedAtMs = Number.NEGATIVE_INFINITY
  #available = false
  #polling: Promise<void> | null = null
  #pollAgain = false
  #timer: ReturnType<typeof setTimeout> | null = null
  #stopped = false
  #warnedOfSkew = false

  constructor(pool: Pool, sealing: Sealing, log: Log) {
    this.#pool = pool
    this.#sealing = sealing
    this.#log = log
    this.#lookups = new Batcher({
      name: 'look-ups',
      batchMax: LOOKUP_BATCH_MAX,
      queueMax: LOOKUP_QUEUE_MAX,
      run: (keys) => this.#load(keys),
    })
  }

  /** Whether the database answered when it was last asked. */
  get available(): boolean {
    return this.#available
  }

  get lookupQueueLength(): number {
    return this.#lookups.length
  }

  /** Reads the feed once, and from then on regularly. */
  async start(): Promise<void> {
    await this.poll()
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /**
   * The trigger of a key, or `null` when no trigger has it.
   *
   * @throws Rejection `store_unavailable` when the database cannot be asked
   */
  byKey(key: string): WebhookSettings | null | Promise<WebhookSettings | null> {
    if (!this.#available) throw storeUnavailable('the database is away')
    const entry = this.#known.get(key) ?? this.#unknown.get(key)
    if (entry !== undefined) {
      const nowMs = performance.now()
      const asOfMs = Math.max(entry.asOfMs, this.#confirmedAtMs)
      if (nowMs - asOfMs < TRIGGER_FRESH_MS && nowMs - entry.asOfMs < TRIGGER_AGE_MS_MAX)
        return entry.settings
    }
    return this.#lookUp(key)
  }

  /** For whoever changes a trigger in this process: the change is in force when this returns. */
  forget(key: string | null): void {
    if (key === null) return
    this.#known.delete(key)
    this.#unknown.delete(key)
    const pending = this.#pending.get(key)
    if (pending !== undefined) pending.outdated = true
  }

  /** Reads what has changed since the last poll. Calls that come while one is under way share the next. */
  poll(): Promise<void> {
    if (this.#polling !== null) {
      this.#pollAgain = true
      return this.#polling
    }
    this.#polling = this.#pollUntilQuiet().finally(() => {
      this.#polling = null
    })
    return this.#polling
  }

  async #pollUntilQuiet(): Promise<void> {
    do {
      this.#pollAgain = false
      try {
        await this.#pollOnce()
        if (!this.#available) this.#log.info('the database answers')
        this.#available = true
      } catch (error) {
        if (this.#stopped) return
        if (this.#available) {
          this.#log.error('the database is away', {
            reason: error instanceof Rejection ? error.reason : describeFault(error),
          })
        }
        this.#available = false
      }
    } while (this.#pollAgain && this.#available)
  }

  async #pollOnce(): Promise<void> {
    const startedAtMs = performance.now()
    // What comes back may be another server, restored from a backup or a standby that had fallen behind: its feed says
    // nothing of what went with the old one.
    if (!this.#available || startedAtMs - this.#confirmedAtMs > FEED_GAP_MS_MAX) this.#horizon = null
    const [row] = await this.#pool.run(QUERY_MS_MAX, (sql) =>
      sql.unsafe<{ horizon: string; clock_ms: number; keys: (string | null)[] | null }[]>(
        `select
           pg_snapshot_xmin(pg_current_snapshot())::text as horizon,
           extract(epoch from clock_timestamp())::double precision * 1000 as clock_ms,
           (select array_agg(webhook_key) from (
              select webhook_key from attune.trigger_change
              where xact >= $1::text::xid8
              group by webhook_key
              limit ${CHANGES_MAX + 1}
           ) changed) as keys`,
        [this.#horizon ?? '0'],
        { prepare: true },
      ),
    )
    if (row === undefined) throw new Error('the poll of trigger changes returned no row')
    this.#checkClock(row.clock_ms)
    const keys = row.keys ?? []
    if (this.#horizon === null || keys.length > CHANGES_MAX || keys.includes(null)) this.#forgetAll()
    else for (const key of keys) this.forget(key)
    this.#horizon = row.horizon
    this.#confirmedAtMs = startedAtMs
  }

  /**
   * Ids carry this host's time, retention goes by the database's. Far apart, events would be stored as if they were long past, and
   * dropped.
   */
  #checkClock(databaseMs: number): void {
    const skewMs = Math.abs(Date.now() - databaseMs)
    if (skewMs > CLOCK_SKEW_MS_MAX)
      throw storeUnavailable('the clocks of this host and of the database differ by more than a day')
    if (skewMs > CLOCK_SKEW_WARNED_MS && !this.#warnedOfSkew) {
      this.#log.error('the clocks of this host and of the database differ', {
        seconds: Math.round(skewMs / 1000),
      })
    }
    this.#warnedOfSkew = skewMs > CLOCK_SKEW_WARNED_MS
  }

  #forgetAll(): void {
    this.#known.clear()
    this.#unknown.clear()
    for (const pending of this.#pending.values()) pending.outdated = true
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      void this.poll().then(() => this.#schedule())
    }, TRIGGER_POLL_MS)
  }

  #lookUp(key: string): Promise<WebhookSettings | null> {
    const underWay = this.#pending.get(key)
    if (underWay !== undefined) return underWay.promise
    const promise = this.#lookUpUntilCurrent(key).finally(() => this.#pending.delete(key))
    this.#pending.set(key, { outdated: false, promise })
    return promise
  }

  async #lookUpUntilCurrent(key: string): Promise<WebhookSettings | null> {
    for (;;) {
      const pendingBefore = this.#pending.get(key)
      if (pendingBefore !== undefined) pendingBefore.outdated = false
      const asOfMs = performance.now()
      const settings = await this.#lookups.add(key)
      if (this.#pending.get(key)?.outdated === true) continue
      const [kept, other] = settings === null ? [this.#unknown, this.#known] : [this.#known, this.#unknown]
      other.delete(key)
      kept.set(key, { settings, asOfMs })
      return settings
    }
  }

  async #load(keys: readonly string[]): Promise<readonly (WebhookSettings | null)[]> {
    // Before the question and not after the answer: a secret may end a little early here, and never late.
    const askedAtMs = performance.now()
    const rows = await this.#pool.run(QUERY_MS_MAX, (sql) =>
      sql.unsafe<TriggerRow[]>(SELECT_BY_KEYS, [keys as string[]], { prepare: true }),
    )
    const byKey = new Map(rows.map((row) => [row.webhook_key, this.#toSettings(row, askedAtMs)]))
    return keys.map((key) => byKey.get(key) ?? null)
  }

  #toSettings(row: TriggerRow, askedAtMs: number): WebhookSettings {
    const signature = signatureSettings(row, { sealing: this.#sealing, askedAtMs })
    const fault = signature?.fault ?? signature?.secretFault ?? null
    if (fault !== null) this.#logFault(row, fault)
    return Object.freeze({
      triggerId: row.id,
      triggerRef: row.ref,
      webhookKey: row.webhook_key,
      enabled: row.webhook_enabled,
      payloadBytesMax: row.webhook_payload_size_limit_kb * BYTES_PER_KB,
      ipWhitelist: row.webhook_ip_whitelist_enabled ? row.webhook_ip_whitelist : null,
      rateLimit: row.webhook_rate_limit_enabled
        ? { requests: row.webhook_rate_limit_requests, windowSeconds: row.webhook_rate_limit_window_seconds }
        : null,
      signature: signature === null ? null : new SignatureCheck(signature),
      deduplication: deduplicationOf(
        {
          isEnabled: row.webhook_deduplication_enabled,
          fields: row.webhook_deduplication_fields,
          windowSeconds: row.webhook_deduplication_window_seconds,
        },
        signature,
      ),
      handshakeArmedUntilMs:
        row.handshake_armed_ms === null ? Number.NEGATIVE_INFINITY : askedAtMs + row.handshake_armed_ms,
    })
  }

  /** Once for each trigger and fault: it is read again every half a minute. */
  #logFault({ id, ref }: TriggerRow, fault: string): void {
    if (this.#faults.get(id) === fault) return
    this.#faults.set(id, fault)
    this.#log.error('a trigger cannot verify as it is set up', { trigger: ref, reason: fault })
  }
}

interface TriggerRow extends SignatureRow {
  ref: string
  webhook_key: string
  webhook_enabled: boolean
  webhook_rate_limit_enabled: boolean
  webhook_rate_limit_requests: number
  webhook_rate_limit_window_seconds: number
  webhook_ip_whitelist_enabled: boolean
  webhook_ip_whitelist: string[]
  webhook_payload_size_limit_kb: number
  webhook_deduplication_enabled: boolean
  webhook_deduplication_fields: string[]
  webhook_deduplication_window_seconds: number
  /** By the database's clock; `null`: no handshake is expected. */
  handshake_armed_ms: number | null
}

const SELECT_BY_KEYS = `
  select
    t.id::text, t.ref, t.webhook_key, t.webhook_enabled,
    t.webhook_rate_limit_enabled, t.webhook_rate_limit_requests, t.webhook_rate_limit_window_seconds,
    t.webhook_ip_whitelist_enabled, t.webhook_ip_whitelist, t.webhook_payload_size_limit_kb,
    t.webhook_deduplication_enabled, t.webhook_deduplication_fields, t.webhook_deduplication_window_seconds,
    extract(epoch from t.webhook_handshake_armed_until - clock_timestamp())::double precision * 1000
      as handshake_armed_ms,
    ${SIGNATURE_COLUMNS}
  from attune.trigger t
  where t.webhook_key = any ($1::text[])`
