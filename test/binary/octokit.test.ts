/** Real deliveries: every example payload that GitHub's own tooling publishes, signed by GitHub's own tooling. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac, randomInt, randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { sign } from '@octokit/webhooks-methods'
import {
  type Answer,
  ask,
  engineName,
  type Installation,
  install,
  readAll,
  type Server,
  type Webhook,
} from '../support/binary.ts'

const SECRET = "It's a Secret to Everybody"

/** Deliveries under way at once. */
const SENDERS = 8

interface Delivery {
  /** Source, event and number, for the message of a failure. */
  readonly name: string
  readonly event: string
  readonly body: string
}

const deliveries = await readDeliveries()
let installation: Installation
let server: Server
let webhook: Webhook

beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
  webhook = await server.createTrigger('github.push', { secret: SECRET })
})
afterAll(() => installation.dispose())

describe(`deliveries of GitHub, ${engineName}`, () => {
  test('there are hundreds of payloads of dozens of kinds', () => {
    expect(deliveries.length).toBeGreaterThan(700)
    expect(new Set(deliveries.map(({ event }) => event)).size).toBeGreaterThan(50)
  })

  test('every payload is accepted and stored byte for byte', async () => {
    const failures: string[] = []
    const ids = new Set<string>()
    await withSenders(deliveries, async (delivery) => {
      const accepted = await deliver(delivery, 'application/json', delivery.body)
      if (accepted.status !== 200) {
        failures.push(`${delivery.name}: ${accepted.status} ${accepted.text}`)
        return
      }
      const id: string = accepted.json.data.event_id
      ids.add(id)
      const stored = await server.body(id)
      if (!stored.equals(Buffer.from(delivery.body)))
        failures.push(`${delivery.name}: other bytes are stored`)
    })
    expect(failures).toEqual([])
    expect(ids.size).toBe(deliveries.length)
    const rows = await readAll(server, '/api/v1/webhook-event-log?trigger=github.push&status=200')
    expect(new Set(rows.map(({ event_id }) => event_id))).toEqual(ids)
    expect(rows.every(({ hmac_verified }) => hmac_verified === true)).toBe(true)
  })

  test('an event shows the payload as JSON and the headers of the delivery', async () => {
    const [delivery] = deliveries as [Delivery]
    const accepted = await deliver(delivery, 'application/json', delivery.body)
    const { json } = await server.api('GET', `/api/v1/events/${accepted.json.data.event_id}`)
    expect(json.data.payload).toEqual(JSON.parse(delivery.body))
    expect(json.data).toMatchObject({
      trigger_ref: 'github.push',
      content_type: 'application/json',
      payload_size_bytes: Buffer.byteLength(delivery.body),
      source_ip: '127.0.0.1',
    })
    const headers = new Map<string, string>(json.data.headers)
    expect(headers.get('x-github-event')).toBe(delivery.event)
    expect(headers.get('x-github-hook-id')).toBe('109948940')
    expect(headers.get('user-agent')).toBe('GitHub-Hookshot/044aadd')
  })

  test('the form-encoded variant is accepted and stored as it was sent', async () => {
    for (const delivery of oneOfEach()) {
      const body = new URLSearchParams({ payload: delivery.body }).toString()
      const accepted = await deliver(delivery, 'application/x-www-form-urlencoded', body)
      expect([delivery.name, accepted.status]).toEqual([delivery.name, 200])
      const stored = await server.body(accepted.json.data.event_id)
      expect(stored.equals(Buffer.from(body))).toBe(true)
    }
  })

  test('one flipped byte anywhere in the body is a wrong signature', async () => {
    for (const delivery of oneOfEach()) {
      const bytes = Buffer.from(delivery.body)
      const place = randomInt(bytes.byteLength)
      bytes[place] = (bytes[place] ?? 0) ^ 1
      const refused = await deliver(delivery, 'application/json', delivery.body, bytes)
      expect([delivery.name, place, refused.status]).toEqual([delivery.name, place, 401])
      expect(refused.json.code).toBe('signature_invalid')
    }
  })

  test('the older signature alone does not satisfy a trigger that asks for sha256', async () => {
    const [delivery] = deliveries as [Delivery]
    const refused = await ask(webhook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature': sha1(delivery.body) },
      body: delivery.body,
    })
    expect([refused.status, refused.json.code]).toEqual([401, 'signature_invalid'])
  })
})

/** Signs `body` and sends it, or what has become of it on the way, with the headers of GitHub. */
async function deliver(
  { event }: Delivery,
  contentType: string,
  body: string,
  sent: string | Uint8Array<ArrayBuffer> = body,
): Promise<Answer> {
  return ask(webhook.url, {
    method: 'POST',
    headers: {
      accept: '*/*',
      'content-type': contentType,
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-delivery': randomUUID(),
      'x-github-event': event,
      'x-github-hook-id': '109948940',
      'x-github-hook-installation-target-id': '79929171',
      'x-github-hook-installation-target-type': 'repository',
      'x-hub-signature': sha1(body),
      'x-hub-signature-256': await sign(SECRET, body),
    },
    body: sent,
  })
}

const sha1 = (body: string): string => `sha1=${createHmac('sha1', SECRET).update(body).digest('hex')}`

/** The first payload of each kind. */
const oneOfEach = (): Delivery[] => [
  ...new Map(deliveries.toReversed().map((delivery) => [delivery.event, delivery])).values(),
]

async function withSenders(
  all: readonly Delivery[],
  work: (delivery: Delivery) => Promise<void>,
): Promise<void> {
  const rest = all.values()
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      for (const delivery of rest) await work(delivery)
    }),
  )
}

/** Those of github.com and of every release of GitHub Enterprise Server that the package knows. */
async function readDeliveries(): Promise<Delivery[]> {
  const directory = dirname(Bun.resolveSync('@octokit/webhooks-examples/package.json', import.meta.dir))
  const files = [...new Bun.Glob('*/index.json').scanSync({ cwd: directory })].sort()
  const kinds = await Promise.all(
    files.map(async (file) => {
      const list: { name: string; examples: unknown[] }[] = await Bun.file(join(directory, file)).json()
      return list.flatMap(({ name, examples }) =>
        examples.map((example, index) => ({
          name: `${dirname(file)} ${name} ${index}`,
          event: name,
          body: JSON.stringify(example),
        })),
      )
    }),
  )
  return kinds.flat()
}
