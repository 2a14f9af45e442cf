/** What a console that has been used for a while shows: triggers of several kinds, and attempts with every kind of outcome. */
import type { Server } from './binary.ts'
import { type Delivery, SIGNERS, type Signer, tampered } from './signers.ts'

/** Ids of attempts, by what became of them. */
export interface ConsoleData {
  readonly accepted: string
  readonly refused: string
  readonly binary: string
}

const PUSH = JSON.stringify({
  ref: 'refs/heads/main',
  forced: false,
  size: 3,
  head_commit: null,
  repository: { full_name: 'octocat/hello-world', topics: ['webhooks', 'bun'] },
  commits: [{ id: 'c0ffee', message: '<b>Markup</b> & "quotes"' }],
})

/** Bytes that are no text. */
const BINARY = Uint8Array.from({ length: 200 }, (_, index) => (index * 37) % 256)

/** Makes it all through the admin API and the receiver. @throws Error when one of them says no */
export async function fillConsole(server: Server): Promise<ConsoleData> {
  const change = async (method: string, path: string, json?: unknown) => {
    const { status, text, json: answer } = await server.api(method, `/api/v1${path}`, json)
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text}`)
    return answer?.data
  }
  const verified = async (ref: string, scheme: string, { secret }: Signer) => {
    const webhook = await server.createTrigger(ref)
    await change('PUT', `/triggers/${ref}/webhooks/verification`, { scheme, secret })
    return webhook.url
  }
  const [github, stripe] = [signerOf('github'), signerOf('stripe')]
  const push = await verified('github.push', 'github', github)
  const payments = await verified('stripe.payments', 'stripe', stripe)
  const [orders, office, uploads] = await Promise.all([
    server.createTrigger('orders.created', { rateLimit: { requests: 1, windowSeconds: 3_600 } }),
    server.createTrigger('office.doors', { cidrs: ['192.0.2.0/24', '2001:db8::/32'] }),
    server.createTrigger('uploads', { payloadKb: 1 }),
  ])
  await change('POST', '/triggers', { ref: 'quiet', label: 'Not connected yet', description: 'For later.' })
  await change('PATCH', '/triggers/github.push', { label: 'Pushes', description: 'To the main repository.' })
  await change('PUT', '/triggers/stripe.payments/webhooks/deduplication', { on: ['json:ref'] })
  await change('POST', '/triggers/office.doors/webhooks/disable')

  await verified('ended.secrets', 'github', github)
  const { secrets } = await change('GET', '/triggers/ended.secrets/webhooks/verification')
  for (const { label } of secrets)
    await change('POST', `/triggers/ended.secrets/webhooks/secrets/${label}/expire`, { in_seconds: 0 })

  const notion = await server.createTrigger('notion.pages')
  await change('PUT', '/triggers/notion.pages/webhooks/verification', { scheme: 'notion' })
  await change('POST', '/triggers/notion.pages/webhooks/handshake', {})
  await post(
    notion.url,
    JSON.stringify({ verification_token: `secret_${'handedOver'.repeat(4)}` }),
    'application/json',
  )

  const delivered = github.sign(PUSH, Date.now())
  const accepted = await send(push, delivered)
  const refused = await send(push, tampered(github, delivered))
  await send(push, { ...delivered, headers: { 'Content-Type': 'application/json' } })
  const payment = stripe.sign(PUSH, Date.now())
  await send(payments, payment)
  await send(payments, payment)
  for (let count = 0; count < 3; count++)
    await post(orders.url, 'n=1&n=2&name=a+b', 'application/x-www-form-urlencoded')
  await post(office.url, '{}', 'application/json')
  await post(uploads.url, 'x'.repeat(2_000), 'text/plain')
  const binary = await post(uploads.url, BINARY, 'application/octet-stream')
  await change('POST', '/tokens', { name: 'deployments', role: 'operator', expires_in_days: 30 })
  return { accepted, refused, binary }
}

function signerOf(name: string): Signer {
  const signer = SIGNERS[name]
  if (signer === undefined) throw new Error(`nobody signs as ${name}`)
  return signer
}

const send = (url: string, { headers, body }: Delivery): Promise<string> =>
  post(url, body, 'application/json', headers)

/** @returns the id of the attempt */
async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  type: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': type, ...headers }, body })
  await response.arrayBuffer()
  return response.headers.get('x-request-id') ?? ''
}
