/**
 * C, the ceiling: what the same framework and runtime do when they read the body, check the signature, answer, and store
 * nothing.
 *
 * Reads `SECRETS`, a JSON object of secrets by webhook key; says its address on stdout.
 */
import { Elysia } from 'elysia'
import { verifySignature } from '../src/core/signature.ts'

const { SECRETS = '{}' } = process.env
const secrets = new Map<string, string>(Object.entries(JSON.parse(SECRETS)))

const app = new Elysia({ handler: { standardHostname: false } })
  .post(
    '/api/v1/webhooks/:key',
    async ({ request, params, status }) => {
      const body = new Uint8Array(await request.arrayBuffer())
      const signature = request.headers.get('x-webhook-signature') ?? ''
      const secret = secrets.get(params.key) ?? null
      if (!verifySignature({ body, signature, secret, algorithm: 'sha256' }).verified) return status(401)
      return {
        data: {
          event_id: Bun.randomUUIDv7(),
          trigger_ref: params.key,
          received_at: new Date().toISOString(),
          message: 'The webhook was received and stored.',
        },
      }
    },
    { parse: 'none' },
  )
  .listen({ hostname: '127.0.0.1', port: 0, reusePort: false, development: false })

process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${app.server?.port}` })}\n`)
