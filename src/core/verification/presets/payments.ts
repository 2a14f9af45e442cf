import type { Preset } from './preset.ts'
import { NOTHING_BUT_PASSWORD, STANDARD_WEBHOOKS, SVIX } from './shared.ts'

/** Payments and commerce. */
export const PAYMENTS: readonly Preset[] = [
  {
    name: 'stripe',
    title: 'Stripe',
    docs: 'https://docs.stripe.com/webhooks/signature',
    certainty: 'A',
    setup:
      'In Workbench (or Developers → Webhooks): add a destination with the URL and choose the events. Then reveal its signing secret: all of `whsec_…` is the secret. Each destination has its own, test mode and live mode too.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:stripe-signature'], list: ',', kv: '=', take: 'v1', enc: 'hex', trim: false },
      ts: { from: 'sig:t', unit: 's', tolerance: 300 },
      signed: '{ts}.{body}',
      event: 'json:type',
      dedup: 'json:id',
    },
  },
  {
    name: 'shopify',
    title: 'Shopify',
    docs: 'https://shopify.dev/docs/apps/build/webhooks/verify-deliveries',
    certainty: 'A',
    setup:
      "The client secret of your app is the secret, and the URL goes where the app subscribes to webhooks. For webhooks made in the shop's own settings, under Notifications → Webhooks, the secret is the one that this page shows below the list.",
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-shopify-hmac-sha256'], enc: 'base64' },
      signed: '{body}',
      event: 'header:x-shopify-topic',
      dedup: 'header:x-shopify-webhook-id',
    },
  },
  {
    name: 'shopify-events',
    title: 'Shopify (Events)',
    docs: 'https://shopify.dev/docs/apps/build/webhooks/verify-deliveries',
    certainty: 'B',
    setup:
      'The client secret of your app is the secret; the URL goes where the app subscribes to events. Their headers have no `X-`; ordinary webhooks use `shopify`.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:shopify-hmac-sha256'], enc: 'base64' },
      signed: '{body}',
      event: 'header:shopify-topic',
      dedup: 'header:shopify-webhook-id',
    },
  },
  {
    name: 'square',
    title: 'Square',
    docs: 'https://developer.squareup.com/docs/webhooks/step3validate',
    certainty: 'A',
    setup:
      'In the Developer Console, in your application under Webhooks: add a subscription with the URL. Its signature key is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-square-hmacsha256-signature'], enc: 'base64' },
      signed: '{url}{body}',
      event: 'json:type',
      dedup: 'json:event_id',
    },
  },
  {
    name: 'paypal',
    title: 'PayPal',
    docs: 'https://developer.paypal.com/api/rest/webhooks/rest/',
    certainty: 'B',
    setup:
      'In your app on the developer site: add a webhook with the URL. The id that PayPal gives it goes into `webhookId`. Its public key comes by certificate, so there is no secret.',
    notSigned:
      'The body is signed by its CRC-32 alone, which can be forged by whoever has seen one genuine delivery: refuse a repeated transmission id.',
    scheme: {
      scheme: 'rsa-sha256',
      key: {
        certUrl: 'header:paypal-cert-url',
        hosts: ['api.paypal.com', 'api.sandbox.paypal.com', 'api-m.paypal.com', 'api-m.sandbox.paypal.com'],
      },
      sig: { from: ['header:paypal-transmission-sig'], enc: 'base64' },
      id: 'header:paypal-transmission-id',
      signed: '{header:paypal-transmission-id}|{header:paypal-transmission-time}|{cfg:webhookId}|{crc32}',
      require: { 'header:paypal-auth-algo': 'SHA256withRSA' },
      event: 'json:event_type',
      dedup: 'json:id',
    },
  },
  {
    name: 'adyen-standard',
    title: 'Adyen (standard)',
    docs: 'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/',
    certainty: 'A',
    setup:
      'In the Customer Area, under Developers → Webhooks: add a standard webhook with the URL, and generate its HMAC key. The key, hexadecimal, is the secret.',
    notSigned: 'Only eight fields of each item are signed; all others are not.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      key: { enc: 'hex' },
      each: 'notificationItems',
      item: 'NotificationRequestItem',
      sig: { from: ['json:additionalData.hmacSignature'], enc: 'base64' },
      signed:
        '{json:pspReference}:{json:originalReference}:{json:merchantAccountCode}:{json:merchantReference}:{json:amount.value}:{json:amount.currency}:{json:eventCode}:{json:success}',
      event: 'json:notificationItems.0.NotificationRequestItem.eventCode',
    },
  },
  {
    name: 'adyen-platform',
    title: 'Adyen (Balance Platform, Management)',
    docs: 'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/',
    certainty: 'A',
    setup:
      'In the Customer Area, under Developers → Webhooks: add the webhook with the URL, and generate its HMAC key. The key, hexadecimal, is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:hmacsignature'], enc: 'base64' },
      signed: '{body}',
      key: { enc: 'hex' },
      event: 'json:type',
    },
  },
  {
    name: 'paddle',
    title: 'Paddle Billing',
    certainty: 'A',
    setup:
      "Under Developer Tools → Notifications: add a destination with the URL. Its secret key, `pdl_ntfset_…`, is the secret. Paddle's own tolerance is 5 seconds; here it may be wider.",
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:paddle-signature'], list: ';', kv: '=', take: 'h1', enc: 'hex', trim: false },
      ts: { from: 'sig:ts', unit: 's', tolerance: 5 },
      signed: '{ts}:{body}',
      event: 'json:event_type',
      dedup: 'json:event_id',
    },
  },
  {
    name: 'lemonsqueezy',
    title: 'Lemon Squeezy',
    docs: 'https://docs.lemonsqueezy.com/help/webhooks/signing-requests',
    certainty: 'C',
    setup: 'In Settings → Webhooks: add one with the URL as callback, and the secret as signing secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'header:x-event-name',
    },
  },
  {
    name: 'razorpay',
    title: 'Razorpay',
    docs: 'https://razorpay.com/docs/webhooks/validate-test/',
    certainty: 'A',
    setup: 'In the dashboard, under Webhooks: add one with the URL and the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-razorpay-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:event',
      dedup: 'header:x-razorpay-event-id',
    },
  },
  {
    name: 'coinbase-commerce',
    title: 'Coinbase Commerce',
    certainty: 'A',
    setup:
      'In the settings, under notifications or webhook subscriptions: add the URL. The shared secret that is shown there is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-cc-webhook-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:event.type',
      dedup: 'json:event.id',
    },
  },
  {
    name: 'gocardless',
    title: 'GoCardless',
    docs: 'https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks',
    certainty: 'A',
    setup:
      'In the dashboard, under Developers: create a webhook endpoint with the URL. Its secret is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:webhook-signature'], enc: 'hex' },
      signed: '{body}',
      dedup: 'json:meta.webhook_id',
    },
  },
  {
    name: 'braintree',
    title: 'Braintree',
    docs: 'https://developer.paypal.com/braintree/docs/guides/webhooks/parse',
    certainty: 'A',
    setup:
      'In the Control Panel, under the API settings: add a webhook with the URL. The private key of your API keys is the secret, and the public key goes into `publicKey`.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha1',
      key: { enc: 'utf8', digest: 'sha1' },
      sig: { from: ['form:bt_signature'], list: '&', kv: '|', take: '{cfg:publicKey}', enc: 'hex' },
      signed: '{form:bt_payload}',
      retryWith: '{form:bt_payload}\n',
    },
  },
  {
    name: 'checkout-com',
    title: 'Checkout.com',
    docs: 'https://www.checkout.com/docs/developer-resources/event-notifications/receive-webhooks',
    certainty: 'C',
    setup:
      'In the dashboard, under Developers: add a webhook with the URL. The signature key that goes with it is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:cko-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:type',
      dedup: 'json:id',
    },
  },
  {
    name: 'plaid',
    title: 'Plaid',
    docs: 'https://plaid.com/docs/api/webhooks/webhook-verification/',
    certainty: 'B',
    setup:
      'Give the URL as `webhook` when you create a link token or an item. Plaid signs with keys of its own: fetch the one whose id is in the header from `/webhook_verification_key/get`, and give it as `jwk`.',
    scheme: {
      scheme: 'jwt',
      token: 'header:plaid-verification',
      algs: ['ES256'],
      jwk: 'by-kid',
      claims: { request_body_sha256: '{sha256:hex}' },
      need: ['iat'],
      maxAge: 300,
      event: 'json:webhook_code',
    },
  },
  {
    name: 'xero',
    title: 'Xero',
    docs: 'https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/',
    certainty: 'M',
    setup:
      'On the developer site, in your app under Webhooks: the URL is the delivery URL, and the webhooks key is the secret. Set both here before you let Xero check the URL: it sends good and bad signatures, and wants 200 and 401.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-xero-signature'], enc: 'base64' },
      signed: '{body}',
      handshake: 'xero',
    },
  },
  {
    name: 'quickbooks',
    title: 'QuickBooks',
    certainty: 'C',
    setup:
      'On the developer site, in your app under Webhooks: enter the URL. The verifier token that is shown there is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:intuit-signature'], enc: 'base64' },
      signed: '{body}',
    },
  },
  {
    name: 'polar',
    title: 'Polar',
    docs: 'https://polar.sh/docs/integrate/webhooks/delivery',
    certainty: 'A',
    setup:
      'In the settings of the organisation, under Webhooks: add an endpoint with the URL. Its secret is used as text, whatever it looks like.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      key: { enc: 'utf8' },
      sig: { from: ['header:webhook-signature'], list: ' ', kv: ',', take: 'v1', enc: 'base64' },
      id: 'header:webhook-id',
      ts: { from: 'header:webhook-timestamp', unit: 's', tolerance: 300 },
      signed: '{id}.{ts}.{body}',
      event: 'json:type',
      dedup: 'header:webhook-id',
    },
  },
  {
    name: 'dodopayments',
    title: 'Dodo Payments',
    aliasOf: 'standard-webhooks',
    docs: 'https://docs.dodopayments.com/developer-resources/webhooks',
    certainty: 'A',
    setup:
      'In the dashboard, under Developer → Webhooks: add an endpoint with the URL. Its signing key, `whsec_…`, is the secret.',
    scheme: STANDARD_WEBHOOKS,
  },
  {
    name: 'brex',
    title: 'Brex',
    aliasOf: 'svix',
    certainty: 'A',
    setup:
      "Register the URL through Brex's API for webhooks. The signing secret that the API returns is the secret.",
    scheme: SVIX,
  },
  {
    name: 'lithic',
    title: 'Lithic',
    aliasOf: 'svix',
    certainty: 'A',
    setup:
      'Subscribe the URL to events, in the dashboard or by the API. The secret of the subscription, `whsec_…`, is the secret.',
    scheme: SVIX,
  },
  {
    name: 'chargebee',
    title: 'Chargebee',
    certainty: 'C',
    setup:
      'In the settings, under Webhooks: add one with the URL, protected by Basic authentication with user name and password of the secret.',
    notSigned: NOTHING_BUT_PASSWORD,
    scheme: { scheme: 'basic', event: 'json:event_type', dedup: 'json:id' },
  },
  {
    name: 'woocommerce',
    title: 'WooCommerce',
    docs: 'https://github.com/woocommerce/woocommerce/blob/trunk/plugins/woocommerce/includes/class-wc-webhook.php',
    certainty: 'A',
    setup:
      'In WooCommerce → Settings → Advanced → Webhooks: add one with the URL as delivery URL, and the secret. Saving it sends an unsigned ping.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-wc-webhook-signature'], enc: 'base64' },
      key: { htmlEntities: true },
      signed: '{body}',
      event: 'header:x-wc-webhook-topic',
      dedup: 'header:x-wc-webhook-delivery-id',
      handshake: 'woocommerce',
    },
  },
]
