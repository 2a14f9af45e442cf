/**
 * Deliveries of senders whose own npm packages are the judges: where a package signs, what it has signed is sent; where it only verifies,
 * what is sent has passed it first.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash, createHmac, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { createRequire } from 'node:module'
import { sign as signAsGitHub } from '@octokit/webhooks-methods'
import { encodeSignatureHeader } from '@sanity/webhook'
import { EventWebhook } from '@sendgrid/eventwebhook'
import { Receiver } from '@upstash/qstash'
import { WorkOS } from '@workos-inc/node'
import { createQueryStringHash, encodeSymmetric, fromMethodAndUrl } from 'atlassian-jwt'
import { verifyKey } from 'discord-interactions'
import { SignJWT } from 'jose'
import { AccessToken } from 'livekit-server-sdk'
import { validateWebhookSignature } from 'razorpay/dist/utils/razorpay-utils'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { Webhook as SvixWebhook } from 'svix'
import { getExpectedBodyHash, getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks'
import { ask, engineName, type Installation, install, type Server } from '../support/binary.ts'

// These two come without types.
const load = createRequire(import.meta.url)
const { Token }: { Token: new (key: string, secret: string) => { sign(text: string): string } } =
  load('pusher')
const { BraintreeGateway, Environment }: { BraintreeGateway: BraintreeGateway; Environment: Environments } =
  load('braintree')
interface Environments {
  readonly Sandbox: unknown
}
type BraintreeGateway = new (settings: {
  readonly environment: unknown
  readonly merchantId: string
  readonly publicKey: string
  readonly privateKey: string
}) => { webhookTesting: { sampleNotification(kind: string, id: string): Record<string, string> } }

interface Delivery {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Behind the URL of the webhook. */
  readonly query?: string
}

/** What an operator types and what a sender signs with; of most senders both are one secret. */
interface Keys {
  readonly secret?: string
  readonly publicKey?: string
  /** What signs, when it is not `secret`. */
  readonly signWith?: string
}

interface Sender {
  readonly scheme: string
  /** The name of the package that signs, or that has verified. */
  readonly sdk: string
  readonly keys: () => Keys
  readonly config?: Readonly<Record<string, string>>
  /** @returns what the sender sends, signed, as its own package says */
  readonly deliver: (given: {
    readonly key: string
    readonly publicKey: string
    readonly url: string
  }) => Promise<Delivery> | Delivery
  /** Changes one byte of what is signed. Default: one of the body. */
  readonly tamper?: (delivery: Delivery) => Delivery
}

const text = (): Keys => ({ secret: randomBytes(24).toString('hex') })
const whsec = (): Keys => ({ secret: `whsec_${randomBytes(24).toString('base64')}` })
const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }
const seconds = (): number => Math.floor(Date.now() / 1000)
const sha256 = (body: string, digits: 'base64' | 'base64url'): string =>
  createHash('sha256').update(body).digest(digits)

/** JSON that no parser writes back as it was: blanks, an escape, a number that is no double. */
const json = (): string =>
  `{ "id":"evt_${randomUUID()}", "type":"thing.happened", "note":"Zoë \\u00e9 \\/ 12345678901234567890", "mark":"A" }\n`

/** A sender whose package says yes to what was signed here; a no ends the test. */
function passed(isValid: boolean, delivery: Delivery): Delivery {
  expect(isValid).toBe(true)
  return delivery
}

const SENDERS: readonly Sender[] = [
  {
    scheme: 'stripe',
    sdk: 'stripe',
    keys: whsec,
    async deliver({ key }) {
      const body = json()
      const { webhooks } = new Stripe('sk_test_0')
      const header = await webhooks.generateTestHeaderStringAsync({ payload: body, secret: key })
      return {
        headers: { ...JSON_TYPE, 'stripe-signature': header },
        body,
      }
    },
  },
  {
    scheme: 'github',
    sdk: '@octokit/webhooks-methods',
    keys: text,
    async deliver({ key }) {
      const body = json()
      return { headers: { ...JSON_TYPE, 'x-hub-signature-256': await signAsGitHub(key, body) }, body }
    },
  },
  {
    scheme: 'standard-webhooks',
    sdk: 'standardwebhooks',
    keys: whsec,
    deliver: ({ key }) => messageOf('webhook', new StandardWebhook(key)),
  },
  { scheme: 'svix', sdk: 'svix', keys: whsec, deliver: ({ key }) => messageOf('svix', new SvixWebhook(key)) },
  {
    scheme: 'twilio',
    sdk: 'twilio',
    keys: text,
    deliver({ key, url }) {
      const fields = { MessageSid: randomUUID(), Body: 'Zoë & co = 1', To: '+14155551234', mark: 'A' }
      const body = new URLSearchParams(fields).toString()
      return {
        headers: { ...FORM_TYPE, 'x-twilio-signature': getExpectedTwilioSignature(key, url, fields) },
        body,
      }
    },
  },
  {
    scheme: 'twilio',
    sdk: 'twilio, with a JSON body',
    keys: text,
    deliver({ key, url }) {
      const body = json()
      const query = `?bodySHA256=${getExpectedBodyHash(body)}`
      const signature = getExpectedTwilioSignature(key, url + query, {})
      return { headers: { ...JSON_TYPE, 'x-twilio-signature': signature }, body, query }
    },
  },
  {
    scheme: 'sanity',
    sdk: '@sanity/webhook',
    keys: text,
    async deliver({ key }) {
      const body = json()
      const header = await encodeSignatureHeader(body, Date.now(), key)
      return { headers: { ...JSON_TYPE, 'sanity-webhook-signature': header }, body }
    },
  },
  {
    scheme: 'workos',
    sdk: '@workos-inc/node',
    keys: text,
    async deliver({ key }) {
      // Its package signs what it has written itself, so the body is that.
      const payload = { id: randomUUID(), event: 'user.created', note: 'Zoë', mark: 'A' }
      const ts = Date.now()
      const signature = await new WorkOS('sk_test_0').webhooks.computeSignature(ts, payload, key)
      return {
        headers: { ...JSON_TYPE, 'workos-signature': `t=${ts}, v1=${signature}` },
        body: JSON.stringify(payload),
      }
    },
  },
  {
    scheme: 'livekit',
    sdk: 'livekit-server-sdk',
    keys: text,
    config: { apiKey: 'api-key' },
    async deliver({ key }) {
      const body = json()
      const token = new AccessToken('api-key', key)
      token.sha256 = sha256(body, 'base64')
      return {
        headers: { 'content-type': 'application/webhook+json', authorization: await token.toJwt() },
        body,
      }
    },
  },
  {
    scheme: 'pusher',
    sdk: 'pusher',
    keys: text,
    config: { keyId: 'app-key' },
    deliver({ key }) {
      const body = json()
      const signature = new Token('app-key', key).sign(body)
      return { headers: { ...JSON_TYPE, 'x-pusher-key': 'app-key', 'x-pusher-signature': signature }, body }
    },
  },
  {
    scheme: 'braintree',
    sdk: 'braintree',
    keys: text,
    config: { publicKey: 'public-key' },
    deliver({ key }) {
      const gateway = new BraintreeGateway({
        environment: Environment.Sandbox,
        merchantId: 'merchant',
        publicKey: 'public-key',
        privateKey: key,
      })
      const fields = gateway.webhookTesting.sampleNotification('check', randomUUID())
      return { headers: FORM_TYPE, body: new URLSearchParams(fields).toString() }
    },
    tamper: (sent) => ({
      ...sent,
      body: sent.body.replace(
        /(bt_payload=)(.)/,
        (_all, name, letter) => name + (letter === 'A' ? 'B' : 'A'),
      ),
    }),
  },
  {
    scheme: 'atlassian-connect',
    sdk: 'atlassian-jwt',
    keys: text,
    deliver({ key, url }) {
      const query = '?user=Zo%C3%AB&mark=A'
      const { pathname } = new URL(url)
      const qsh = createQueryStringHash(fromMethodAndUrl('post', pathname + query), false, '')
      const claims = { iss: 'client', iat: seconds(), exp: seconds() + 60, qsh }
      return {
        headers: { ...JSON_TYPE, authorization: `JWT ${encodeSymmetric(claims, key)}` },
        body: json(),
        query,
      }
    },
    // The body is not signed.
    tamper: (sent) => ({ ...sent, query: sent.query?.replace('mark=A', 'mark=B') ?? '' }),
  },
  {
    scheme: 'razorpay',
    sdk: 'razorpay (verifies)',
    keys: text,
    deliver({ key }) {
      const body = json()
      const signature = createHmac('sha256', key).update(body).digest('hex')
      return passed(validateWebhookSignature(body, signature, key), {
        headers: { ...JSON_TYPE, 'x-razorpay-signature': signature },
        body,
      })
    },
  },
  {
    scheme: 'discord',
    sdk: 'discord-interactions (verifies)',
    keys() {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519')
      return {
        publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'),
        signWith: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    },
    async deliver({ key, publicKey }) {
      const body = json()
      const ts = String(seconds())
      const signature = sign(null, Buffer.from(ts + body), key).toString('hex')
      return passed(await verifyKey(body, signature, ts, publicKey), {
        headers: { ...JSON_TYPE, 'x-signature-ed25519': signature, 'x-signature-timestamp': ts },
        body,
      })
    },
  },
  {
    scheme: 'sendgrid',
    sdk: '@sendgrid/eventwebhook (verifies)',
    keys() {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return {
        publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        signWith: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    },
    deliver({ key, publicKey }) {
      const body = `[${json().trim()}]\r\n`
      const ts = String(seconds())
      const signature = sign('sha256', Buffer.from(ts + body), key).toString('base64')
      const judge = new EventWebhook()
      const ecdsaKey = judge.convertPublicKeyToECDSA(publicKey)
      return passed(judge.verifySignature(ecdsaKey, Buffer.from(body), signature, ts), {
        headers: {
          ...JSON_TYPE,
          'x-twilio-email-event-webhook-signature': signature,
          'x-twilio-email-event-webhook-timestamp': ts,
        },
        body,
      })
    },
  },
  {
    scheme: 'upstash-qstash',
    sdk: '@upstash/qstash (verifies)',
    keys: text,
    async deliver({ key, url }) {
      const body = json()
      const signature = await new SignJWT({ body: sha256(body, 'base64url') })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setIssuer('Upstash')
        .setSubject(url)
        .setIssuedAt()
        .setNotBefore('0s')
        .setExpirationTime('5m')
        .setJti(randomUUID())
        .sign(Buffer.from(key))
      const receiver = new Receiver({ currentSigningKey: key, nextSigningKey: key })
      return passed(await receiver.verify({ signature, body, url }), {
        headers: { ...JSON_TYPE, 'upstash-signature': signature },
        body,
      })
    },
  },
]

/** What Standard Webhooks and Svix have in common but for the names of their headers. */
function messageOf(
  names: 'webhook' | 'svix',
  signer: { sign(id: string, at: Date, body: string): string },
): Delivery {
  const body = json()
  const id = `msg_${randomUUID()}`
  const at = new Date()
  const headers = {
    [`${names}-id`]: id,
    [`${names}-timestamp`]: String(Math.floor(at.getTime() / 1000)),
    [`${names}-signature`]: signer.sign(id, at, body),
  }
  return { headers: { ...JSON_TYPE, ...headers }, body }
}

let installation: Installation
let server: Server
beforeAll(async () => {
  installation = await install()
  server = await installation.serve()
})
afterAll(() => installation.dispose())

test('at least a dozen senders are judged by their own packages', () => {
  expect(new Set(SENDERS.map(({ scheme }) => scheme)).size).toBeGreaterThanOrEqual(12)
})

test.each(SENDERS.map((sender, index) => [sender.scheme, sender.sdk, sender, index] as const))(
  `%s by %s: what it signs is stored byte for byte, and neither another byte nor another key passes, ${engineName}`,
  async (scheme, _sdk, sender, index) => {
    const keys = sender.keys()
    const other = sender.keys()
    const { secret, publicKey = '', signWith = secret ?? '' } = keys
    const config = Object.entries(sender.config ?? {}).flatMap(([name, value]) => [
      '--config',
      `${name}=${value}`,
    ])
    const connected = await installation.run(
      [
        'connect',
        `sdk.t${index}`,
        scheme,
        '--json',
        ...config,
        ...(secret === undefined ? ['--public-key', publicKey] : ['--secret-file', '-']),
      ],
      { ...(secret === undefined ? {} : { input: secret }) },
    )
    expect([connected.code, connected.stderr]).toEqual([0, expect.not.stringContaining('Then:')])
    const url: string = JSON.parse(connected.stdout).data.webhook_url
    const post = ({ headers, body, query = '' }: Delivery) =>
      ask(url + query, { method: 'POST', headers, body })

    const genuine = await sender.deliver({ key: signWith, publicKey, url })
    const accepted = await post(genuine)
    expect([accepted.status, accepted.text]).toEqual([200, expect.stringContaining('event_id')])
    const stored = await server.body(accepted.json.data.event_id)
    expect(stored.equals(Buffer.from(genuine.body))).toBe(true)

    const tamper = sender.tamper ?? changeByte
    const further = await sender.deliver({ key: signWith, publicKey, url })
    const changed = tamper(further)
    expect(changed).not.toEqual(further)
    const refused = await post(changed)
    expect([refused.status, refused.json.code]).toEqual([401, 'signature_invalid'])

    const { signWith: otherKey = other.secret ?? '', publicKey: otherPublicKey = '' } = other
    const forged = await post(await sender.deliver({ key: otherKey, publicKey: otherPublicKey, url }))
    expect([forged.status, forged.json.code]).toEqual([401, 'signature_invalid'])
  },
)

/** One byte of the body: what is marked A is marked B. */
function changeByte(delivery: Delivery): Delivery {
  return { ...delivery, body: delivery.body.replace(/(mark(?:":"|=))A/, '$1B') }
}
