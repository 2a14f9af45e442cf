/**
 * How each sender signs, written down apart from the engine: straight-line code over Node's crypto, from the senders' documentation.
 */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { makeCertificate } from './certificate.ts'

export interface Delivery {
  readonly method?: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Signer {
  /** What an operator types. */
  readonly secret?: string
  readonly publicKey?: string
  readonly config?: Readonly<Record<string, unknown>>
  readonly certificate?: string
  readonly sign: (body: string, nowMs: number) => Delivery
  /** A body as the sender makes it, when it is not any JSON. */
  readonly body?: string
  /** Changes something that is signed. Default: the last letter of the body that is not punctuation. */
  readonly tamper?: (delivery: Delivery) => Delivery
}

const URL_PUBLIC = 'https://hooks.example.test/api/v1/webhooks/wh_test'
const SECRET = 'a secret & 100 % of it, wörtlich'
const BYTES = Buffer.from('0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef0123456789abcdef', 'hex')
const WHSEC = `whsec_${BYTES.toString('base64')}`

type Digits = 'hex' | 'base64' | 'base64url'
type Key = string | Buffer

const mac = (hash: string, key: Key, text: string, digits: Digits): string =>
  createHmac(hash, key).update(text).digest(digits)
const sha256 = (text: string, digits: Digits): string => createHash('sha256').update(text).digest(digits)

const delivery = (body: string, headers: Record<string, string>, url = URL_PUBLIC): Delivery => ({
  url,
  headers: { 'Content-Type': 'application/json', ...headers },
  body,
})

interface Plain {
  readonly hash?: string
  readonly prefix?: string
  readonly key?: Key
  readonly secret?: string
  readonly more?: Record<string, string>
  readonly config?: Record<string, string>
}

/** The digest of the body in a header. */
const plain = (header: string, digits: Digits, given: Plain = {}): Signer => {
  const { hash = 'sha256', prefix = '', key = SECRET, secret = SECRET, more = {}, config = {} } = given
  return {
    secret,
    config,
    sign: (body) => delivery(body, { [header]: prefix + mac(hash, key, body, digits), ...more }),
  }
}

/** The digest of a text with a time in it. */
const timed = (
  header: string,
  digits: Digits,
  write: (ts: string, body: string) => string,
  given: {
    readonly at: string
    readonly time: (nowMs: number) => string
    readonly prefix?: string
    readonly more?: Record<string, string>
  },
): Signer => ({
  secret: SECRET,
  sign(body, nowMs) {
    const ts = given.time(nowMs)
    const signature = mac('sha256', SECRET, write(ts, body), digits)
    return delivery(body, { [header]: (given.prefix ?? '') + signature, [given.at]: ts, ...given.more })
  },
})

/** Time and digest in one header. */
const listed = (
  header: string,
  write: (ts: string, signature: string) => string,
  given: { readonly time?: (nowMs: number) => string; readonly digits?: Digits; readonly dot?: string } = {},
): Signer => ({
  secret: SECRET,
  sign(body, nowMs) {
    const { time = seconds, digits = 'hex', dot = '.' } = given
    const ts = time(nowMs)
    return delivery(body, { [header]: write(ts, mac('sha256', SECRET, `${ts}${dot}${body}`, digits)) })
  },
})

const seconds = (nowMs: number): string => String(Math.floor(nowMs / 1_000))
const milliseconds = (nowMs: number): string => String(nowMs)
const iso = (nowMs: number): string => new Date(nowMs).toISOString()

const standard = (names: string, secret = WHSEC, key: Key = BYTES): Signer => ({
  secret,
  sign(body, nowMs) {
    const ts = seconds(nowMs)
    const signature = mac('sha256', key, `msg_1.${ts}.${body}`, 'base64')
    return delivery(body, {
      [`${names}-id`]: 'msg_1',
      [`${names}-timestamp`]: ts,
      [`${names}-signature`]: `v1,${signature}`,
    })
  },
})

const token = (header: string, prefix = ''): Signer => ({
  secret: 'token-0123456789',
  sign: (body) => delivery(body, { [header]: `${prefix}token-0123456789` }),
  tamper: (sent) => ({ ...sent, headers: { ...sent.headers, [header]: `${prefix}token-0123456788` } }),
})

const basic: Signer = {
  secret: 'hook:pa:ss wörd',
  sign: (body) =>
    delivery(body, { Authorization: `Basic ${Buffer.from('hook:pa:ss wörd').toString('base64')}` }),
  tamper: (sent) => ({
    ...sent,
    headers: { ...sent.headers, Authorization: `Basic ${Buffer.from('hook:pa:ss word').toString('base64')}` },
  }),
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString()

const ed25519 = generateKeyPairSync('ed25519')
const rawKey = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(-32)
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const jwt = (header: object, claims: object, key: Key | KeyObject): string => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = `${part(header)}.${part(claims)}`
  const signature =
    typeof key === 'string' || Buffer.isBuffer(key)
      ? createHmac('sha256', key).update(head).digest('base64url')
      : sign('sha256', Buffer.from(head), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  return `${head}.${signature}`
}

const HS256 = { alg: 'HS256', typ: 'JWT' }
const JWT_SECRET = 'jwt-secret-0123456789-0123456789-01'

const jwtIn = (
  header: string,
  claims: (body: string, now: number) => object,
  given: Partial<Signer> & { readonly prefix?: string } = {},
): Signer => {
  const { prefix = '', ...more } = given
  return {
    secret: JWT_SECRET,
    sign: (body, nowMs) =>
      delivery(body, { [header]: prefix + jwt(HS256, claims(body, Math.floor(nowMs / 1_000)), JWT_SECRET) }),
    ...more,
  }
}

const otherUrl = (sent: Delivery): Delivery => ({ ...sent, url: `${sent.url}x` })
const replaced =
  (from: string, to: string) =>
  (sent: Delivery): Delivery => {
    if (!sent.body.includes(from)) throw new Error(`the body has no ${from}`)
    return { ...sent, body: sent.body.replace(from, to) }
  }

const meta = plain('X-Hub-Signature-256', 'hex', { prefix: 'sha256=' })
const gitea = (name: string): Signer => plain(`X-${name}-Signature`, 'hex')
const adyenKey = BYTES.toString('hex').toUpperCase()

const twilioText = (url: string, body: string): string =>
  [...new URLSearchParams(body)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .reduce((text, [name, value]) => text + name + value, url)
const PARAMETERS = form({ To: '+14155551234', From: '+1 415', Body: 'Zoë & co = 1' })

const { privateKey: rsa, certificatePem } = makeCertificate()

/** By the name of the scheme. */
export const SIGNERS: Readonly<Record<string, Signer>> = {
  generic: plain('X-Webhook-Signature', 'hex', { prefix: 'sha256=' }),
  github: plain('X-Hub-Signature-256', 'hex', { prefix: 'sha256=' }),
  gitea: gitea('Gitea'),
  forgejo: gitea('Forgejo'),
  gogs: gitea('Gogs'),
  bitbucket: plain('X-Hub-Signature', 'hex', { prefix: 'sha256=' }),
  jira: plain('X-Hub-Signature', 'hex', { prefix: 'sha256=' }),
  meta,
  whatsapp: meta,
  instagram: meta,
  messenger: meta,
  snyk: plain('X-Hub-Signature', 'hex', { prefix: 'sha256=' }),
  doppler: plain('X-Doppler-Signature', 'hex', { prefix: 'sha256=' }),
  notion: plain('X-Notion-Signature', 'hex', { prefix: 'sha256=' }),
  intercom: plain('X-Hub-Signature', 'hex', { hash: 'sha1', prefix: 'sha1=' }),
  shopify: plain('X-Shopify-Hmac-SHA256', 'base64'),
  'shopify-events': plain('Shopify-Hmac-Sha256', 'base64'),
  line: plain('X-Line-Signature', 'base64'),
  woocommerce: plain('X-WC-Webhook-Signature', 'base64', { secret: 'a &amp; b &lt; c', key: 'a & b < c' }),
  typeform: plain('Typeform-Signature', 'base64', { prefix: 'sha256=' }),
  x: plain('X-Twitter-Webhooks-Signature', 'base64', { prefix: 'sha256=' }),
  docusign: plain('X-DocuSign-Signature-7', 'base64', { more: { 'X-DocuSign-Signature-1': 'AAAA' } }),
  razorpay: plain('X-Razorpay-Signature', 'hex'),
  'coinbase-commerce': plain('X-CC-Webhook-Signature', 'hex'),
  gocardless: plain('Webhook-Signature', 'hex'),
  onfido: plain('X-SHA2-Signature', 'hex'),
  pusher: plain('X-Pusher-Signature', 'hex', {
    more: { 'X-Pusher-Key': 'key-1' },
    config: { keyId: 'key-1' },
  }),
  linear: {
    secret: SECRET,
    body: '{"type":"Issue","webhookTimestamp":1767268800000}',
    sign: (body) => delivery(body, { 'Linear-Signature': mac('sha256', SECRET, body, 'hex') }),
  },
  sentry: plain('Sentry-Hook-Signature', 'hex'),
  dropbox: plain('X-Dropbox-Signature', 'hex'),
  asana: plain('X-Hook-Signature', 'hex'),
  launchdarkly: plain('X-LD-Signature', 'hex'),
  lemonsqueezy: plain('X-Signature', 'hex'),
  'cal-com': plain('X-Cal-Signature-256', 'hex'),
  sonarqube: plain('X-Sonar-Webhook-HMAC-SHA256', 'hex'),
  'checkout-com': plain('Cko-Signature', 'hex'),
  heroku: plain('Heroku-Webhook-Hmac-SHA256', 'base64'),
  quickbooks: plain('intuit-signature', 'base64'),
  xero: plain('x-xero-signature', 'base64'),
  grafana: plain('X-Grafana-Alerting-Signature', 'hex'),
  vercel: plain('x-vercel-signature', 'hex', { hash: 'sha1' }),
  'terraform-cloud': plain('X-TFE-Notification-Signature', 'hex', { hash: 'sha512' }),
  airtable: plain('X-Airtable-Content-MAC', 'hex', {
    prefix: 'hmac-sha256=',
    secret: BYTES.toString('base64'),
    key: BYTES,
  }),
  'adyen-platform': plain('HmacSignature', 'base64', { secret: adyenKey, key: BYTES }),
  circleci: plain('circleci-signature', 'hex', { prefix: 'v2=00,v1=' }),
  pagerduty: plain('X-PagerDuty-Signature', 'hex', { prefix: `v1=${'0'.repeat(64)},v1=` }),
  slack: timed('X-Slack-Signature', 'hex', (ts, body) => `v0:${ts}:${body}`, {
    at: 'X-Slack-Request-Timestamp',
    time: seconds,
    prefix: 'v0=',
  }),
  zoom: timed('x-zm-signature', 'hex', (ts, body) => `v0:${ts}:${body}`, {
    at: 'x-zm-request-timestamp',
    time: seconds,
    prefix: 'v0=',
  }),
  customerio: timed('X-CIO-Signature', 'hex', (ts, body) => `v0:${ts}:${body}`, {
    at: 'X-CIO-Timestamp',
    time: seconds,
  }),
  zendesk: timed('X-Zendesk-Webhook-Signature', 'base64', (ts, body) => ts + body, {
    at: 'X-Zendesk-Webhook-Signature-Timestamp',
    time: iso,
  }),
  twitch: timed('Twitch-Eventsub-Message-Signature', 'hex', (ts, body) => `m-1${ts}${body}`, {
    at: 'Twitch-Eventsub-Message-Timestamp',
    time: (nowMs) => iso(nowMs).replace('000Z', '123456789Z'),
    prefix: 'sha256=',
    more: { 'Twitch-Eventsub-Message-Id': 'm-1' },
  }),
  webflow: timed('x-webflow-signature', 'hex', (ts, body) => `${ts}:${body}`, {
    at: 'x-webflow-timestamp',
    time: milliseconds,
  }),
  box: timed('BOX-SIGNATURE-PRIMARY', 'base64', (ts, body) => body + ts, {
    at: 'BOX-DELIVERY-TIMESTAMP',
    time: (nowMs) => iso(nowMs).replace('.000Z', '+00:00'),
    more: { 'BOX-SIGNATURE-VERSION': '1', 'BOX-SIGNATURE-ALGORITHM': 'HmacSHA256' },
  }),
  'grafana-timestamp': timed('X-Grafana-Alerting-Signature', 'hex', (ts, body) => `${ts}:${body}`, {
    at: 'X-Grafana-Alerting-Timestamp',
    time: seconds,
  }),
  stripe: listed('Stripe-Signature', (ts, v1) => `t=${ts},v1=${v1},v0=00`),
  mux: listed('Mux-Signature', (ts, v1) => `t=${ts},v1=${v1}`),
  calendly: listed('Calendly-Webhook-Signature', (ts, v1) => `t=${ts},v1=${v1}`),
  workos: listed('WorkOS-Signature', (ts, v1) => `t=${ts}, v1=${v1}`, { time: milliseconds }),
  sanity: listed('sanity-webhook-signature', (ts, v1) => `t=${ts},v1=${v1}`, {
    time: milliseconds,
    digits: 'base64url',
  }),
  elevenlabs: listed('ElevenLabs-Signature', (ts, v0) => `t=${ts},v0=${v0}`),
  paddle: listed('Paddle-Signature', (ts, h1) => `ts=${ts};h1=${h1};h1=${'0'.repeat(64)}`, { dot: ':' }),
  buildkite: listed('X-Buildkite-Signature', (ts, digits) => `timestamp=${ts},signature=${digits}`),
  'standard-webhooks': standard('webhook'),
  'gitlab-signing-token': standard('webhook'),
  render: standard('webhook'),
  dodopayments: standard('webhook'),
  'recall.ai': standard('webhook'),
  replicate: standard('webhook'),
  liveblocks: standard('webhook'),
  anthropic: standard('webhook'),
  openai: standard('webhook', SECRET, SECRET),
  polar: standard('webhook', 'polar_whs_0123456789', 'polar_whs_0123456789'),
  svix: standard('svix'),
  clerk: standard('svix'),
  resend: standard('svix'),
  brex: standard('svix'),
  lithic: standard('svix'),
  'incident.io': standard('webhook'),
  'standard-webhooks-asymmetric': {
    publicKey: `whpk_${rawKey(ed25519.publicKey).toString('base64')}`,
    sign(body, nowMs) {
      const text = `msg_1.${seconds(nowMs)}.${body}`
      const signature = sign(null, Buffer.from(text), ed25519.privateKey).toString('base64')
      return delivery(body, {
        'webhook-id': 'msg_1',
        'webhook-timestamp': seconds(nowMs),
        'webhook-signature': `v1a,${signature}`,
      })
    },
  },
  square: {
    secret: SECRET,
    sign: (body) =>
      delivery(body, { 'x-square-hmacsha256-signature': mac('sha256', SECRET, URL_PUBLIC + body, 'base64') }),
  },
  trello: {
    secret: SECRET,
    sign: (body) => delivery(body, { 'X-Trello-Webhook': mac('sha1', SECRET, body + URL_PUBLIC, 'base64') }),
    tamper: otherUrl,
  },
  twilio: {
    secret: SECRET,
    body: PARAMETERS,
    sign: (body) =>
      delivery(body, {
        ...FORM,
        'X-Twilio-Signature': mac('sha1', SECRET, twilioText(URL_PUBLIC, body), 'base64'),
      }),
  },
  mandrill: {
    secret: SECRET,
    body: form({ mandrill_events: '[{"event":"open","_id":"1"}]' }),
    sign: (body) =>
      delivery(body, {
        ...FORM,
        'X-Mandrill-Signature': mac('sha1', SECRET, twilioText(URL_PUBLIC, body), 'base64'),
      }),
    tamper: otherUrl,
  },
  'hubspot-v3': timed('X-HubSpot-Signature-v3', 'base64', (ts, body) => `POST${URL_PUBLIC}${body}${ts}`, {
    at: 'X-HubSpot-Request-Timestamp',
    time: milliseconds,
  }),
  'hubspot-v2': {
    secret: SECRET,
    sign: (body) =>
      delivery(body, {
        'X-HubSpot-Signature-Version': 'v2',
        'X-HubSpot-Signature': sha256(`${SECRET}POST${URL_PUBLIC}${body}`, 'hex'),
      }),
  },
  'hubspot-v1': {
    secret: SECRET,
    sign: (body) =>
      delivery(body, {
        'X-HubSpot-Signature-Version': 'v1',
        'X-HubSpot-Signature': sha256(SECRET + body, 'hex'),
      }),
  },
  'plivo-v3': {
    secret: SECRET,
    body: PARAMETERS,
    sign(body) {
      const text = `${twilioText(`${URL_PUBLIC}?`, body)}.nonce-1`
      return delivery(body, {
        ...FORM,
        'X-Plivo-Signature-V3-Nonce': 'nonce-1',
        'X-Plivo-Signature-V3': mac('sha256', SECRET, text, 'base64'),
      })
    },
  },
  contentful: {
    secret: SECRET,
    sign(body, nowMs) {
      const names = 'x-contentful-signed-headers,x-contentful-timestamp'
      const head = `x-contentful-signed-headers:${names};x-contentful-timestamp:${nowMs}`
      const text = `POST\n${new URL(URL_PUBLIC).pathname}\n${head}\n${body}`
      return delivery(body, {
        'x-contentful-signed-headers': names,
        'x-contentful-timestamp': String(nowMs),
        'x-contentful-signature': mac('sha256', SECRET, text, 'hex'),
      })
    },
  },
  mailgun: {
    secret: SECRET,
    sign(_, nowMs) {
      const timestamp = seconds(nowMs)
      const signature = mac('sha256', SECRET, `${timestamp}t0k3n`, 'hex')
      return delivery(
        JSON.stringify({ signature: { timestamp, token: 't0k3n', signature }, 'event-data': {} }),
        {},
      )
    },
    tamper: replaced('t0k3n', 't0k3m'),
  },
  'adyen-standard': {
    secret: adyenKey,
    sign() {
      const text = 'psp::MyShop:order 1:1000:EUR:AUTHORISATION:true'
      const item = {
        pspReference: 'psp',
        merchantAccountCode: 'MyShop',
        merchantReference: 'order 1',
        amount: { value: 1000, currency: 'EUR' },
        eventCode: 'AUTHORISATION',
        success: 'true',
        additionalData: { hmacSignature: mac('sha256', BYTES, text, 'base64') },
      }
      const items = [{ NotificationRequestItem: item }, { NotificationRequestItem: item }]
      return delivery(JSON.stringify({ live: 'false', notificationItems: items }), {})
    },
    tamper: replaced('"value":1000', '"value":1001'),
  },
  braintree: {
    secret: SECRET,
    config: { publicKey: 'pub' },
    sign() {
      const payload = `${Buffer.from('<notification/>').toString('base64')}\n`
      const key = createHash('sha1').update(SECRET).digest()
      const signature = `other|00&pub|${mac('sha1', key, payload, 'hex')}`
      return delivery(form({ bt_signature: signature, bt_payload: payload }), FORM)
    },
    tamper: replaced('bt_payload=P', 'bt_payload=Q'),
  },
  'dropbox-sign': {
    secret: SECRET,
    sign(_, nowMs) {
      const [event_time, event_type] = [seconds(nowMs), 'signature_request_sent']
      const event_hash = mac('sha256', SECRET, event_time + event_type, 'hex')
      const json = JSON.stringify({ event: { event_time, event_type, event_hash } })
      const part = 'Content-Disposition: form-data; name="json"'
      return delivery(`--b0\r\n${part}\r\n\r\n${json}\r\n--b0--\r\n`, {
        'Content-Type': 'multipart/form-data; boundary=b0',
      })
    },
    tamper: replaced('request_sent', 'request_sens'),
  },
  sendgrid: {
    publicKey: p256.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    sign(body, nowMs) {
      const text = Buffer.from(`${seconds(nowMs)}${body}`)
      return delivery(body, {
        'X-Twilio-Email-Event-Webhook-Timestamp': seconds(nowMs),
        'X-Twilio-Email-Event-Webhook-Signature': sign('sha256', text, p256.privateKey).toString('base64'),
      })
    },
  },
  discord: {
    publicKey: rawKey(ed25519.publicKey).toString('hex'),
    sign(body, nowMs) {
      const text = Buffer.from(seconds(nowMs) + body)
      return delivery(body, {
        'X-Signature-Timestamp': seconds(nowMs),
        'X-Signature-Ed25519': sign(null, text, ed25519.privateKey).toString('hex'),
      })
    },
  },
  telnyx: {
    publicKey: rawKey(ed25519.publicKey).toString('base64'),
    sign(body, nowMs) {
      const text = Buffer.from(`${seconds(nowMs)}|${body}`)
      return delivery(body, {
        'telnyx-timestamp': seconds(nowMs),
        'telnyx-signature-ed25519': sign(null, text, ed25519.privateKey).toString('base64'),
      })
    },
  },
  paypal: {
    config: { webhookId: 'WH-1' },
    certificate: certificatePem,
    sign(body, nowMs) {
      const text = Buffer.from(`id-1|${iso(nowMs)}|WH-1|${crc32(body)}`)
      return delivery(body, {
        'PAYPAL-TRANSMISSION-ID': 'id-1',
        'PAYPAL-TRANSMISSION-TIME': iso(nowMs),
        'PAYPAL-CERT-URL': 'https://api.paypal.com/v1/notifications/certs/CERT-1',
        'PAYPAL-AUTH-ALGO': 'SHA256withRSA',
        'PAYPAL-TRANSMISSION-SIG': sign('sha256', text, rsa).toString('base64'),
      })
    },
  },
  'aws-sns': {
    config: { topicArn: 'arn:aws:sns:eu-central-1:1:Topic' },
    certificate: certificatePem,
    sign(_, nowMs) {
      const fields = {
        Message: 'line 1\nline 2',
        MessageId: 'id-1',
        Timestamp: iso(nowMs),
        TopicArn: 'arn:aws:sns:eu-central-1:1:Topic',
        Type: 'Notification',
      }
      const text = Object.entries(fields)
        .map(([name, value]) => `${name}\n${value}\n`)
        .join('')
      const message = {
        ...fields,
        SignatureVersion: '2',
        Signature: sign('sha256', Buffer.from(text), rsa).toString('base64'),
        SigningCertURL: 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem',
      }
      return delivery(JSON.stringify(message), { 'Content-Type': 'text/plain; charset=UTF-8' })
    },
    tamper: replaced('line 1', 'line 3'),
  },
  livekit: jwtIn(
    'Authorization',
    (body, now) => ({ iss: 'API1', nbf: now, exp: now + 300, sha256: sha256(body, 'base64') }),
    { config: { apiKey: 'API1' } },
  ),
  'upstash-qstash': jwtIn(
    'Upstash-Signature',
    (body, now) => ({
      iss: 'Upstash',
      sub: URL_PUBLIC,
      exp: now + 300,
      nbf: now,
      iat: now,
      jti: 'jwt_1',
      body: `${sha256(body, 'base64url')}=`,
    }),
    { secret: 'another', config: { nextSigningKey: JWT_SECRET } },
  ),
  vonage: jwtIn(
    'Authorization',
    (body, now) => ({ iat: now, jti: 'j-1', payload_hash: sha256(body, 'hex') }),
    {
      prefix: 'Bearer ',
    },
  ),
  'atlassian-connect': jwtIn(
    'Authorization',
    (_, now) => ({
      iss: 'client',
      iat: now,
      exp: now + 180,
      qsh: sha256(`POST&${new URL(URL_PUBLIC).pathname}&`, 'hex'),
    }),
    { prefix: 'JWT ', tamper: otherUrl },
  ),
  netlify: jwtIn('X-Webhook-Signature', (body) => ({ iss: 'netlify', sha256: sha256(body, 'hex') })),
  monday: jwtIn('Authorization', (_, now) => ({ aud: URL_PUBLIC, iat: now, exp: now + 60 }), {
    tamper: otherUrl,
  }),
  plaid: {
    config: { jwk: { ...p256.publicKey.export({ format: 'jwk' }), kid: 'kid-1', alg: 'ES256', use: 'sig' } },
    sign(body, nowMs) {
      const claims = { iat: Math.floor(nowMs / 1_000), request_body_sha256: sha256(body, 'hex') }
      const header = { alg: 'ES256', kid: 'kid-1', typ: 'JWT' }
      return delivery(body, { 'Plaid-Verification': jwt(header, claims, p256.privateKey) })
    },
  },
  gitlab: token('X-Gitlab-Token'),
  telegram: token('X-Telegram-Bot-Api-Secret-Token'),
  okta: token('Authorization'),
  auth0: token('Authorization', 'Bearer '),
  'buildkite-token': token('X-Buildkite-Token'),
  cloudflare: token('cf-webhook-auth'),
  alertmanager: token('Authorization', 'Bearer '),
  figma: {
    secret: 'passcode-1',
    sign: () => delivery('{"event_type":"PING","passcode":"passcode-1"}', {}),
    tamper: replaced('passcode-1', 'passcode-2'),
  },
  'ms-graph': {
    secret: 'state-1',
    sign: () => delivery('{"value":[{"clientState":"state-1"},{"clientState":"state-1"}]}', {}),
    tamper: replaced('},{"clientState":"state-1"', '},{"clientState":"state-2"'),
  },
  nylas: plain('X-Nylas-Signature', 'hex'),
  cloudevents: token('Authorization', 'Bearer '),
  'azure-event-grid': {
    secret: 'co&de',
    sign: (body) => delivery(body, {}, `${URL_PUBLIC}?code=co%26de`),
    tamper: otherUrl,
  },
  'docker-hub': {
    secret: 'to&ken',
    sign: (body) => delivery(body, {}, `${URL_PUBLIC}?token=to%26ken`),
    tamper: otherUrl,
  },
  postmark: basic,
  datadog: basic,
  chargebee: basic,
}

/** Changes the last letter or digit of the body. */
export const tampered = (signer: Signer, sent: Delivery): Delivery => {
  if (signer.tamper !== undefined) return signer.tamper(sent)
  const changed = sent.body.replace(/[A-Za-z0-9](?=[^A-Za-z0-9]*$)/, (last) => (last === '1' ? '2' : '1'))
  if (changed === sent.body) throw new Error('nothing was changed')
  return { ...sent, body: changed }
}
