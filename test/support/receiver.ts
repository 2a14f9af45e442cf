/** The assembled receiver on a port of 127.0.0.1, in front of a real store. */
import type { Sql } from 'postgres'
import type { Sealing } from '../../src/core/sealing.ts'
import type { HmacAlgorithm, RateLimitSettings } from '../../src/core/trigger.ts'
import { webhookPath } from '../../src/core/webhook-key.ts'
import { type PeerAddress, socketPeer } from '../../src/http/client-address.ts'
import { createMetrics, type Metrics } from '../../src/http/metrics.ts'
import { createReceiver } from '../../src/receiver/index.ts'
import type { Engine } from '../../src/store/connection.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { eventually } from './eventually.ts'
import { recordingLog } from './log.ts'

export interface ReceiverOptions {
  readonly trustedProxies?: readonly string[]
  readonly bodyBytesMax?: number
  readonly peerAddress?: PeerAddress
  readonly sealing?: Sealing
  readonly publicUrl?: string
  readonly fetchCertificate?: (url: string) => Promise<string | null>
  readonly confirm?: (url: string) => Promise<boolean>
}

export interface TriggerOptions {
  readonly hmac?: { readonly algorithm?: HmacAlgorithm; readonly secret: string }
  readonly rateLimit?: RateLimitSettings
  readonly ipWhitelist?: readonly string[]
  readonly payloadKb?: number
  readonly enabled?: boolean
}

export interface TestTrigger {
  readonly id: string
  readonly ref: string
  readonly key: string
  readonly path: string
}

/** One row of `attune.webhook_event_log` as SQL shows it. */
export interface LogRow {
  readonly id: string
  readonly trigger_id: string
  readonly trigger_ref: string
  readonly webhook_key: string
  readonly event_id: string | null
  readonly source_ip: string | null
  readonly user_agent: string | null
  readonly payload_size_bytes: number | null
  readonly headers: [string, string][]
  readonly status_code: number
  readonly error_code: string | null
  readonly error_message: string | null
  readonly processing_time_ms: number | null
  readonly hmac_verified: boolean | null
  readonly rate_limited: boolean
  readonly ip_allowed: boolean | null
  readonly verified_by: string | null
  readonly outcome: string | null
  readonly checks: string | null
  readonly attempts: number
  readonly created: Date
}

export interface EventRow {
  readonly id: string
  readonly trigger_ref: string
  readonly content_type: string | null
  readonly payload_size_bytes: number
  readonly body: Uint8Array
  readonly headers: [string, string][]
  readonly source_ip: string | null
  readonly received_at: Date
}

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>

export interface TestReceiver {
  readonly store: Store
  readonly metrics: Metrics
  readonly log: ReturnType<typeof recordingLog>
  readonly port: number
  readonly url: string
  /** As an operator with psql; apart from the store's own pools. */
  readonly sql: Sql
  trigger(options?: TriggerOptions): Promise<TestTrigger>
  post(path: string, body: Body, headers?: Record<string, string>): Promise<Response>
  /** The one row of an attempt; waits for it, since a rejection is answered before its row is written. */
  logRow(requestId: string | null | undefined): Promise<LogRow>
  eventRow(requestId: string | null | undefined): Promise<EventRow>
  /** The rows of a trigger, oldest first, once there are so many of them. */
  logRowsOf(trigger: TestTrigger, count: number): Promise<LogRow[]>
  close(): Promise<void>
}

const LOG_ROWS_MS_MAX = 15_000

let triggers = 0

export async function startReceiver(engine: Engine, options: ReceiverOptions = {}): Promise<TestReceiver> {
  const log = recordingLog()
  const metrics = createMetrics({
    queues: () => ({ intake: 0, audit: 0, lookups: 0, rateLimit: 0 }),
    isReady: () => true,
  })
  const store = await openStore({
    engine,
    log,
    retentionDays: 90,
    onBatch: metrics.observeBatch,
    ...(options.sealing !== undefined && { sealing: options.sealing }),
  })
  const app = createReceiver({
    log,
    triggerCache: store.triggerCache,
    rateLimitCounter: store.rateLimitCounter,
    intakeWriter: store.intakeWriter,
    secretUses: store.secretUses,
    rejectedBodyWriter: store.rejectedBodyWriter,
    handshakes: store.handshakes,
    publicUrl: () => options.publicUrl ?? url,
    fetchCertificate: options.fetchCertificate ?? (async () => null),
    confirm: options.confirm ?? (async () => false),
    metrics,
    trustedProxies: options.trustedProxies ?? [],
    bodyBytesMax: options.bodyBytesMax ?? 25 * 1024 * 1024,
    peerAddress: options.peerAddress ?? socketPeer,
    cutOff: new AbortController().signal,
  })
  const { server } = app.listen({
    hostname: '127.0.0.1',
    port: 0,
    reusePort: false,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
  })
  const port = server?.port
  if (port === undefined) throw new Error('the receiver does not listen')
  const url = `http://127.0.0.1:${port}`
  const sql = engine.createPool({ name: 'test', connectionsMax: 2, statementMsMax: 20_000 })

  return {
    store,
    metrics,
    log,
    port,
    url,
    sql,
    trigger: (triggerOptions = {}) => createTrigger(store, triggerOptions),
    post: (path, body, headers = {}) => fetch(url + path, { method: 'POST', body, headers }),
    logRow: (id) => single(sql, 'webhook_event_log', id),
    eventRow: (id) => single(sql, 'event', id),
    logRowsOf: ({ ref }, count) =>
      eventually(async () => {
        const rows = await sql<LogRow[]>`
          select * from attune.webhook_event_log where trigger_ref = ${ref} order by id`
        return rows.length >= count ? [...rows] : null
        // Merged rows are written every five seconds.
      }, LOG_ROWS_MS_MAX),
    async close() {
      await server?.stop(true)
      await sql.end({ timeout: 1 })
      await store.close(5_000)
    },
  }
}

async function createTrigger(store: Store, options: TriggerOptions): Promise<TestTrigger> {
  triggers += 1
  const ref = `test.t${triggers}_${Date.now()}`
  const { id } = await store.triggers.create({ ref })
  const { webhookKey } = await store.triggers.enableWebhook(ref)
  if (options.hmac !== undefined) {
    await store.triggers.enableHmac(ref, options.hmac.algorithm ?? 'sha256', options.hmac.secret)
  }
  if (options.rateLimit !== undefined) await store.triggers.setRateLimit(ref, options.rateLimit)
  if (options.ipWhitelist !== undefined) await store.triggers.setIpWhitelist(ref, options.ipWhitelist)
  if (options.payloadKb !== undefined) await store.triggers.setPayloadLimit(ref, options.payloadKb)
  if (options.enabled === false) await store.triggers.disableWebhook(ref)
  if (webhookKey === null) throw new Error('an enabled webhook has no key')
  return { id: String(id), ref, key: webhookKey, path: webhookPath(webhookKey) }
}

function single<Row>(sql: Sql, table: string, id: string | null | undefined): Promise<Row> {
  return eventually(async () => {
    const rows = await sql.unsafe(`select * from attune.${table} where id = $1`, [id ?? null])
    if (rows.length > 1) throw new Error(`${rows.length} rows have one id`)
    return rows[0] as Row | undefined
  }) as Promise<Row>
}
