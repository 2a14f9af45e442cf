import type { HeaderPair } from '../core/event.ts'
import {
  REJECTED_BODIES_QUEUE_BYTES_MAX,
  REJECTED_BODIES_QUEUE_ROWS_MAX,
  REJECTED_BODY_BYTES_BURST_PER_TRIGGER,
  REJECTED_BODY_BYTES_MAX_CEILING,
  REJECTED_BODY_BYTES_PER_SECOND_PER_TRIGGER,
  REJECTED_BODY_ROW_BYTES,
  TRIGGER_CACHE_MAX,
} from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection } from '../core/rejection.ts'
import { requestIdTime } from '../core/request-id.ts'
import type { Sealing } from '../core/sealing.ts'
import type { SignatureSettings } from '../core/signature-check.ts'
import type { NamedSecret } from '../core/verification/doctor.ts'
import { recordAction } from './admin-audit-log.ts'
import type { AdminDatabase } from './admin-database.ts'
import { describeFault, type Pool } from './connection.ts'
import { LruMap } from './lru-map.ts'
import {
  expiredSecrets,
  SIGNATURE_COLUMNS,
  type SignatureRow,
  signatureSettings,
} from './signature-settings.ts'
import { changing } from './triggers.ts'

/** An attempt that was refused for its signature, as far as it is kept. */
export interface RejectedBody {
  /** The request id. */
  readonly id: string
  readonly triggerId: string
  readonly method: string
  /** With its question mark, or empty. */
  readonly query: string
  /** Credentials replaced by `[redacted]`. */
  readonly headers: readonly HeaderPair[]
  /** `null`: it was not read. */
  readonly body: Uint8Array | null
}

/** How a trigger keeps rejected bodies, and what it has of them. */
export interface RejectedBodiesState {
  readonly bytesMax: number
  readonly kept: number
  readonly keptBytes: number
}

/** With what the attempts of a trigger are judged now. */
export interface JudgingSettings {
  /** `null`: no signature is asked for. */
  readonly settings: SignatureSettings | null
  readonly expired: readonly NamedSecret[]
  readonly webhookKey: string | null
}

const WRITE_MS_MAX = 5_000
const BATCH_ROWS_MAX = 64
const BATCH_BYTES_MAX = 4 * 1024 * 1024

/**
 * Bodies that were refused for their signature, on their way into the ring of their trigger. Nobody waits for them, and what does not fit
 * into the queue, or goes beyond the allowance of its trigger, is not kept: neither memory nor disk nor work grows with what strangers send.
 */
export class RejectedBodyWriter {
  readonly #pool: Pool
  readonly #log: Log
  #waiting: { readonly rejected: RejectedBody; readonly sizeBytes: number }[] = []
  #waitingBytes = 0
  #writing: Promise<void> | null = null
  readonly #allowances = new LruMap<string, { bytes: number; atMs: number }>(TRIGGER_CACHE_MAX)

  constructor(pool: Pool, log: Log) {
    this.#pool = pool
    this.#log = log
  }

  get length(): number {
    return this.#waiting.length
  }

  /** Whether there is room for one of so many bytes; asked before its headers are worked out. */
  hasRoom(triggerId: string, bodyBytes: number, nowMs: number = performance.now()): boolean {
    return (
      bodyBytes <= REJECTED_BODY_BYTES_MAX_CEILING &&
      this.#waiting.length < REJECTED_BODIES_QUEUE_ROWS_MAX &&
      this.#waitingBytes + bodyBytes <= REJECTED_BODIES_QUEUE_BYTES_MAX &&
      this.#allowanceOf(triggerId, nowMs).bytes > 0
    )
  }

  keep(rejected: RejectedBody, nowMs: number = performance.now()): void {
    if (!this.hasRoom(rejected.triggerId, rejected.body?.byteLength ?? 0, nowMs)) return
    const sizeBytes = sizeOf(rejected)
    this.#allowanceOf(rejected.triggerId, nowMs).bytes -= sizeBytes
    this.#waiting.push({ rejected, sizeBytes })
    this.#waitingBytes += sizeBytes
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null
    })
  }

  /** Waits until what is queued has been written. */
  async flush(): Promise<void> {
    await this.#writing
  }

  #allowanceOf(triggerId: string, nowMs: number): { bytes: number; atMs: number } {
    const known = this.#allowances.get(triggerId)
    if (known === undefined) {
      const fresh = { bytes: REJECTED_BODY_BYTES_BURST_PER_TRIGGER, atMs: nowMs }
      this.#allowances.set(triggerId, fresh)
      return fresh
    }
    const back = ((nowMs - known.atMs) / 1_000) * REJECTED_BODY_BYTES_PER_SECOND_PER_TRIGGER
    known.bytes = Math.min(REJECTED_BODY_BYTES_BURST_PER_TRIGGER, known.bytes + back)
    known.atMs = nowMs
    return known
  }

  async #writeAll(): Promise<void> {
    // One turn of the event loop lets those that arrived together share a statement.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#take()
      try {
        const parameters = encode(batch)
        await this.#pool.run(WRITE_MS_MAX, (sql) =>
          sql.unsafe('select attune.keep_webhook_rejected_bodies($1::bytea, $2::text::json)', parameters),
        )
      } catch (error) {
        this.#log.warn('rejected bodies could not be kept', {
          rows: batch.length,
          reason: error instanceof Rejection ? error.reason : describeFault(error),
        })
      }
    }
  }

  #take(): RejectedBody[] {
    let bytes = 0
    let rows = 0
    for (const { sizeBytes } of this.#waiting) {
      bytes += sizeBytes
      if (rows > 0 && (rows >= BATCH_ROWS_MAX || bytes > BATCH_BYTES_MAX)) break
      rows += 1
    }
    const taken = this.#waiting.splice(0, rows)
    for (const { sizeBytes } of taken) this.#waitingBytes -= sizeBytes
    return taken.map(({ rejected }) => rejected)
  }
}

/** What a row takes of the ring: its texts and its body, and a share for the row itself, so that empty ones are bounded too. */
function sizeOf({ query, headers, body }: RejectedBody): number {
  const texts = headers.reduce((sum, [name, value]) => sum + name.length + value.length, query.length)
  return REJECTED_BODY_ROW_BYTES + texts + (body?.byteLength ?? 0)
}

function encode(batch: readonly RejectedBody[]): [Uint8Array, string] {
  // SQL counts bytes from one.
  let bodyStart = 1
  const rows = batch.map((rejected) => {
    const { id, triggerId, method, query, headers, body } = rejected
    const start = bodyStart
    bodyStart += body?.byteLength ?? 0
    return {
      id,
      trigger_id: triggerId,
      method,
      query,
      headers,
      body_start: body === null ? null : start,
      body_bytes: body === null ? null : body.byteLength,
      size_bytes: sizeOf(rejected),
      created: requestIdTime(id).toISOString(),
    }
  })
  return [Buffer.concat(batch.map(({ body }) => body ?? NO_BODY)), JSON.stringify(rows)]
}

const NO_BODY = new Uint8Array(0)

/** Rejected bodies as administrators ask for them. */
export class RejectedBodies {
  readonly #database: AdminDatabase
  readonly #sealing: Sealing

  constructor(database: AdminDatabase, sealing: Sealing) {
    this.#database = database
    this.#sealing = sealing
  }

  /** `null`: it is not kept, or no longer. */
  async read(id: string): Promise<RejectedBody | null> {
    const [row] = await this.#database.statement((sql) =>
      sql.unsafe<KeptRow[]>(
        `select id::text, trigger_id::text, method, query, headers::text, body
         from attune.webhook_rejected_body where id = $1::uuid`,
        [id],
      ),
    )
    if (row === undefined) return null
    const { trigger_id, method, query, headers, body } = row
    return { id, triggerId: trigger_id, method, query, headers: JSON.parse(headers), body }
  }

  /** `null`: the trigger is gone. */
  async judging(triggerId: string): Promise<JudgingSettings | null> {
    const askedAtMs = performance.now()
    const [row] = await this.#database.statement((sql) =>
      sql.unsafe<(SignatureRow & { webhook_key: string | null })[]>(
        `select t.id::text, t.webhook_key, ${SIGNATURE_COLUMNS} from attune.trigger t where t.id = $1::bigint`,
        [triggerId],
      ),
    )
    if (row === undefined) return null
    const opening = { sealing: this.#sealing, askedAtMs }
    return {
      settings: signatureSettings(row, opening),
      expired: expiredSecrets(row, opening),
      webhookKey: row.webhook_key,
    }
  }

  /** The event that an attempt was admitted as later; `null`: it was not. */
  async readmitted(id: string): Promise<string | null> {
    const [row] = await this.#database.statement((sql) =>
      sql.unsafe<{ event_id: string }[]>(
        'select event_id::text from attune.webhook_readmission where id = $1::uuid',
        [id],
      ),
    )
    return row?.event_id ?? null
  }

  /**
   * Says under which id an attempt is admitted: whoever asks first decides, in all processes.
   *
   * @param eventId - for the first one
   * @param spentId - an id that was claimed before and became no event, which makes room for the new one
   * @param triggerRef - under which the claim stands in the admin audit log
   */
  async claim(id: string, eventId: string, spentId: string | null, triggerRef: string): Promise<string> {
    await this.#database.transaction(async (tx) => {
      const { count } = await tx.unsafe(
        `insert into attune.webhook_readmission as r (id, event_id) values ($1::uuid, $2::uuid)
         on conflict (id) do update set event_id = excluded.event_id where r.event_id = $3::uuid`,
        [id, eventId, spentId],
      )
      if (count > 0) await recordAction(tx, 'attempt.readmit', triggerRef, { id, event_id: eventId })
    })
    return (await this.readmitted(id)) ?? eventId
  }

  /** @throws Rejection `trigger_unknown` */
  async state(ref: string): Promise<RejectedBodiesState> {
    const [row] = await this.#database.statement((sql) =>
      sql.unsafe<{ bytes_max: number; kept: number; kept_bytes: number }[]>(
        `select t.webhook_rejected_body_bytes_max as bytes_max, count(r.id)::integer as kept,
           coalesce(sum(r.size_bytes), 0)::double precision as kept_bytes
         from attune.trigger t left join attune.webhook_rejected_body r on r.trigger_id = t.id
         where t.ref = $1 group by t.id`,
        [ref],
      ),
    )
    if (row === undefined) throw new Rejection('trigger_unknown', `no trigger has the ref ${ref}`)
    return { bytesMax: row.bytes_max, kept: row.kept, keptBytes: row.kept_bytes }
  }

  /**
   * @param bytesMax - 0: nothing is kept, and what there is goes
   * @throws Rejection `trigger_unknown`
   */
  async configure(ref: string, bytesMax: number): Promise<RejectedBodiesState> {
    await changing(
      ref,
      this.#database.transaction((tx) =>
        tx.unsafe(
          `select attune.configure_trigger_webhook_rejected_bodies(t.id, $2::integer)
           from attune.trigger t where t.ref = $1`,
          [ref, bytesMax],
        ),
      ),
    )
    return this.state(ref)
  }
}

interface KeptRow {
  readonly trigger_id: string
  readonly method: string
  readonly query: string
  readonly headers: string
  readonly body: Uint8Array | null
}
