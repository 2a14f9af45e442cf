/** What it costs to verify as a sender signs, beside the generic HMAC: the same server, all checks on. */
import { hmac } from '../../src/core/signature.ts'
import { type Bench, openOurs } from '../bench.ts'
import { scoped } from '../cleanup.ts'
import { oursOnPostgresql } from '../contestant.ts'
import { createTriggers, type Ours, TRIGGERS } from '../ours.ts'
import { number, table } from '../report.ts'
import { measureByTurns, ratioOf, showRuns } from '../rounds.ts'
import { type SenderKey, signedRequests, type WebhookRequest } from '../webhook-request.ts'

const CONNECTIONS = 64

/** The load generator signs once, before it starts. */
const TOLERANCE_SECONDS = 86_400

interface Signing {
  readonly scheme: string
  readonly header: string
  readonly sign: (secret: string, body: string, nowSeconds: number) => string
}

const hexHmac = (secret: string, text: string): string =>
  Buffer.from(hmac(Buffer.from(secret), Buffer.from(text), 'sha256')).toString('hex')

/** One that signs the body alone, and one that signs a timestamp with it. */
const SIGNINGS: readonly Signing[] = [
  {
    scheme: 'github',
    header: 'X-Hub-Signature-256',
    sign: (secret, body) => `sha256=${hexHmac(secret, body)}`,
  },
  {
    scheme: 'stripe',
    header: 'Stripe-Signature',
    sign: (secret, body, now) => `t=${now},v1=${hexHmac(secret, `${now}.${body}`)}`,
  },
]

export const schemes = (bench: Bench): Promise<void> =>
  scoped(async (defer) => {
    const { report, databases, profile } = bench
    const database = await databases.createDatabase()
    const server = await openOurs(bench, database, defer)
    const contestant = (label: string, requests: readonly WebhookRequest[]) =>
      oursOnPostgresql(label, server, requests, database, databases)
    const generic = contestant('generic', signedRequests(await createTriggers(server, 'generic', TRIGGERS)))
    const others = []
    for (const signing of SIGNINGS) others.push(contestant(signing.scheme, await requestsOf(server, signing)))
    const runs = await measureByTurns(bench, [generic, ...others], [CONNECTIONS], profile.sideSeconds)
    showRuns('accepted, by scheme', runs)
    const ratios = others.map(({ label }) => ({
      label,
      ratio: ratioOf(runs, label, generic.label, CONNECTIONS),
    }))
    const rows = ratios.map(({ label, ratio }) => [label, number(ratio)])
    table('ratios of requests/s to the generic HMAC, the middle of all rounds', ['scheme', 'ratio'], rows)
    report.addRaw('schemes', { runs, ratios })
    report.addFigure('schemeToGeneric', Math.min(...ratios.map(({ ratio }) => ratio)))
  })

async function requestsOf(server: Ours, { scheme, header, sign }: Signing): Promise<WebhookRequest[]> {
  const senders: SenderKey[] = await createTriggers(server, scheme, TRIGGERS)
  for (const { ref, secret } of senders) {
    await server.admin('PUT', `/api/v1/triggers/${ref}/webhooks/verification`, {
      scheme,
      secret,
      ...(scheme === 'stripe' && { tolerance_seconds: TOLERANCE_SECONDS }),
    })
  }
  const nowSeconds = Math.floor(Date.now() / 1000)
  return signedRequests(senders).map((request, index) => {
    const { 'X-Webhook-Signature': _, ...headers } = request.headers
    const secret = senders[index]?.secret ?? ''
    return { ...request, headers: { ...headers, [header]: sign(secret, request.body, nowSeconds) } }
  })
}
