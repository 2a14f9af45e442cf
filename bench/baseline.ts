/**
 * B, the textbook design: the same framework, runtime, driver and signature check as ours, and one statement for each
 * step of each request. It keeps no record of what it turns away, which would only make it slower.
 *
 * Reads `DATABASE_URL`; says its address on stdout.
 */
import { Elysia } from 'elysia'
import postgres from 'postgres'
import { keptHeaders } from '../src/core/headers.ts'
import { verifySignature } from '../src/core/signature.ts'

const CONNECTIONS = 10

const { DATABASE_URL = '' } = process.env
const sql = postgres(DATABASE_URL, { max: CONNECTIONS, onnotice: () => {} })

interface Trigger {
  id: string
  ref: string
  hmac_secret: string
  rate_limit_requests: number
  rate_limit_window_seconds: number
  payload_bytes_max: number
  ip_allowed: boolean
}

/** So that the benchmark can tell when a run is over, and count. */
const progress = { in_flight: 0, accepted: 0 }

async function receive(request: Request, key: string, sourceIp: string): Promise<Response> {
  const startedAtMs = performance.now()
  const [trigger] = await sql<Trigger[]>`
    select id, ref, hmac_secret, rate_limit_requests, rate_limit_window_seconds, payload_bytes_max,
      ${sourceIp}::inet <<= any (ip_whitelist) as ip_allowed
    from baseline.trigger where webhook_key = ${key} and enabled`
  if (trigger === undefined) return refusal(404)
  if (Number(request.headers.get('content-length')) > trigger.payload_bytes_max) return refusal(413)
  if (!trigger.ip_allowed) return refusal(403)

  const [window] = await sql<{ request_count: number }[]>`
    insert into baseline.rate_limit as w (webhook_key, window_start, request_count)
    values (
      ${key},
      date_bin(make_interval(secs => ${trigger.rate_limit_window_seconds}), clock_timestamp(), 'epoch'),
      1
    )
    on conflict (webhook_key, window_start) do update set request_count = w.request_count + 1
    returning request_count`
  if (window === undefined || window.request_count > trigger.rate_limit_requests) return refusal(429)

  const body = new Uint8Array(await request.arrayBuffer())
  const signature = request.headers.get('x-webhook-signature') ?? ''
  const secret = trigger.hmac_secret
  if (!verifySignature({ body, signature, secret, algorithm: 'sha256' }).verified) return refusal(401)

  const id = Bun.randomUUIDv7()
  const headers = JSON.stringify(keptHeaders(request.headers))
  await sql`
    insert into baseline.event (id, trigger_id, trigger_ref, content_type, payload_size_bytes, body, headers, source_ip)
    values (
      ${id}, ${trigger.id}, ${trigger.ref}, ${request.headers.get('content-type')}, ${body.byteLength}, ${body},
      ${headers}::text::jsonb, ${sourceIp}
    )`
  await sql`
    insert into baseline.log (
      id, trigger_id, trigger_ref, webhook_key, event_id, source_ip, user_agent, payload_size_bytes, headers, status_code,
      processing_time_ms, hmac_verified
    ) values (
      ${id}, ${trigger.id}, ${trigger.ref}, ${key}, ${id}, ${sourceIp}, ${request.headers.get('user-agent')},
      ${body.byteLength}, ${headers}::text::jsonb, 200, ${performance.now() - startedAtMs}, true
    )`
  progress.accepted += 1
  const answer = { event_id: id, trigger_ref: trigger.ref, received_at: new Date().toISOString() }
  return Response.json({ data: { ...answer, message: 'The webhook was received and stored.' } })
}

const refusal = (status: number): Response => Response.json({ status }, { status })

const app = new Elysia({ handler: { standardHostname: false } })
  .get('/progress', () => progress)
  .post(
    '/api/v1/webhooks/:key',
    async ({ request, params, server }) => {
      progress.in_flight += 1
      try {
        return await receive(request, params.key, server?.requestIP(request)?.address ?? '')
      } finally {
        progress.in_flight -= 1
      }
    },
    { parse: 'none' },
  )
  .listen({ hostname: '127.0.0.1', port: 0, reusePort: false, development: false })

process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${app.server?.port}` })}\n`)
