/** What the load generators send. */
import { hmac } from '../src/core/signature.ts'

/** One webhook as it goes over the wire, less `Host` and `Content-Length`. */
export interface WebhookRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a sender has to know of a trigger. */
export interface SenderKey {
  readonly ref: string
  readonly key: string
  readonly secret: string
}

const BODY_BYTES = 1_024

/** A signed webhook of 1 KB for each trigger; no two bodies are alike. */
export const signedRequests = (senders: readonly SenderKey[]): WebhookRequest[] =>
  senders.map(({ key, secret }, index) => {
    const body = bodyOf(index)
    const digest = hmac(UTF_8.encode(secret), UTF_8.encode(body), 'sha256')
    return {
      path: `/api/v1/webhooks/${key}`,
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'attune-bench/1',
        'X-Webhook-Signature': `sha256=${Buffer.from(digest).toString('hex')}`,
      },
      body,
    }
  })

/** The same, signed by someone who does not know the secret. */
export const forgedRequests = (senders: readonly SenderKey[]): WebhookRequest[] =>
  signedRequests(senders.map((sender) => ({ ...sender, secret: 'not the secret of this trigger' })))

/** Printable ASCII without a backslash, which means the same in JSON, Lua and shell files. */
function bodyOf(index: number): string {
  const event = {
    action: 'opened',
    number: index,
    repository: { id: 1_296_269 + index, full_name: 'octocat/hello-world', private: false },
    sender: { login: 'octocat', id: 1, type: 'User', site_admin: false },
    padding: '',
  }
  const padding = 'x'.repeat(BODY_BYTES - JSON.stringify(event).length)
  return JSON.stringify({ ...event, padding })
}

const UTF_8 = new TextEncoder()
