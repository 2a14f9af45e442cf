import type { Preset } from './preset.ts'
import { META, NOTHING_BUT_PASSWORD, NOTHING_BUT_TOKEN, STANDARD_WEBHOOKS, SVIX } from './shared.ts'

/** Messaging and e-mail. */
export const MESSAGING: readonly Preset[] = [
  {
    name: 'slack',
    title: 'Slack',
    docs: 'https://docs.slack.dev/authentication/verifying-requests-from-slack',
    certainty: 'A',
    setup:
      'On api.slack.com/apps, in your app: the signing secret under Basic Information is the secret. Set it here first; then the URL goes into the Request URL of Event Subscriptions, Interactivity or a slash command, and Slack checks it at once.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-slack-signature'], prefix: 'v0=', enc: 'hex' },
      ts: { from: 'header:x-slack-request-timestamp', unit: 's', tolerance: 300 },
      signed: 'v0:{ts}:{body}',
      event: 'json:event.type',
      dedup: 'json:event_id',
      handshake: 'slack',
    },
  },
  {
    name: 'discord',
    title: 'Discord',
    docs: 'https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint-validating-security-request-headers',
    certainty: 'A',
    setup:
      'In the Developer Portal, in your application: the public key on the page General Information is the key. Set it here first; then the URL goes into Interactions Endpoint URL, or the endpoint on the page Webhooks, and Discord checks it at once.',
    scheme: {
      scheme: 'ed25519',
      key: { enc: 'hex' },
      sig: { from: ['header:x-signature-ed25519'], enc: 'hex' },
      ts: { from: 'header:x-signature-timestamp', unit: 's', tolerance: 300 },
      signed: '{ts}{body}',
      event: 'json:event.type',
      handshake: 'discord',
    },
  },
  {
    name: 'twilio',
    title: 'Twilio',
    docs: 'https://www.twilio.com/docs/usage/webhooks/webhooks-security',
    certainty: 'A',
    setup:
      'In the Console, the URL goes where the number or service asks for a webhook. The auth token of the account is the secret. The URL here must be the very one that Twilio has, with its query.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha1',
      sig: { from: ['header:x-twilio-signature'], enc: 'base64' },
      signed: '{url}{params}',
      urlVariants: true,
      bodyHash: { from: 'query:bodySHA256', hash: 'sha256', enc: 'hex' },
    },
  },
  {
    name: 'sendgrid',
    title: 'SendGrid',
    docs: 'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features',
    certainty: 'A',
    setup:
      'In Settings → Mail Settings → Event Webhook: add one with the URL and enable the signed event webhook. The verification key that is shown is the public key.',
    scheme: {
      scheme: 'ecdsa-p256-sha256',
      key: { enc: 'spki' },
      sig: { from: ['header:x-twilio-email-event-webhook-signature'], enc: 'base64' },
      ts: { from: 'header:x-twilio-email-event-webhook-timestamp', unit: 's', tolerance: 600 },
      signed: '{ts}{body}',
      event: 'json:0.event',
      dedup: 'json:0.sg_event_id',
    },
  },
  {
    name: 'meta',
    title: 'Meta',
    certainty: 'B',
    setup:
      'In the app dashboard, the URL is the callback URL of a webhook. The app secret, in the basic settings of the app, is the secret.',
    scheme: META,
  },
  {
    name: 'whatsapp',
    title: 'WhatsApp',
    aliasOf: 'meta',
    certainty: 'B',
    setup:
      'In the app dashboard, in the configuration of WhatsApp: the URL is the callback URL. The app secret, in the basic settings of the app, is the secret.',
    scheme: META,
  },
  {
    name: 'instagram',
    title: 'Instagram',
    aliasOf: 'meta',
    certainty: 'B',
    setup:
      'In the app dashboard, in the settings of Instagram: the URL is the callback URL. The app secret is the secret.',
    scheme: META,
  },
  {
    name: 'messenger',
    title: 'Messenger',
    aliasOf: 'meta',
    certainty: 'B',
    setup:
      'In the app dashboard, in the settings of Messenger: the URL is the callback URL. The app secret, in the basic settings of the app, is the secret.',
    scheme: META,
  },
  {
    name: 'x',
    title: 'X',
    docs: 'https://docs.x.com/x-api/webhooks/quickstart',
    certainty: 'B',
    setup:
      'Register the URL through the API for webhooks. The consumer secret (API secret key) of your app is the secret. X checks the URL at once, and every hour after.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-twitter-webhooks-signature'], enc: 'base64', prefix: 'sha256=' },
      signed: '{body}',
      handshake: 'x-crc',
    },
  },
  {
    name: 'line',
    title: 'LINE',
    certainty: 'A',
    setup:
      'In the LINE Developers Console, in your channel: the URL goes into Webhook URL on the page Messaging API. The channel secret, under Basic settings, is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-line-signature'], enc: 'base64' },
      signed: '{body}',
      event: 'json:events.0.type',
      dedup: 'json:events.0.webhookEventId',
    },
  },
  {
    name: 'telegram',
    title: 'Telegram',
    certainty: 'C',
    setup: "Call the Bot API's `setWebhook` with the URL as `url` and the secret as `secret_token`.",
    notSigned: NOTHING_BUT_TOKEN,
    scheme: { scheme: 'token', at: 'header:x-telegram-bot-api-secret-token', dedup: 'json:update_id' },
  },
  {
    name: 'twitch',
    title: 'Twitch EventSub',
    certainty: 'A',
    setup:
      'Create EventSub subscriptions through the API with the URL as `callback` and the secret as `secret`. Twitch checks the URL at once.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:twitch-eventsub-message-signature'], prefix: 'sha256=', enc: 'hex' },
      id: 'header:twitch-eventsub-message-id',
      ts: { from: 'header:twitch-eventsub-message-timestamp', unit: 'iso', tolerance: 600 },
      signed: '{id}{ts}{body}',
      event: 'header:twitch-eventsub-subscription-type',
      dedup: 'header:twitch-eventsub-message-id',
      handshake: 'twitch',
    },
  },
  {
    name: 'zoom',
    title: 'Zoom',
    docs: 'https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events',
    certainty: 'A',
    setup:
      'On the App Marketplace, in your app: the secret token on its page of features is the secret. Set it here first; then enter the URL as event notification endpoint URL, and validate it.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-zm-signature'], prefix: 'v0=', enc: 'hex' },
      ts: { from: 'header:x-zm-request-timestamp', unit: 's', tolerance: 300 },
      signed: 'v0:{ts}:{body}',
      event: 'json:event',
      handshake: 'zoom',
    },
  },
  {
    name: 'telnyx',
    title: 'Telnyx',
    certainty: 'A',
    setup:
      'In the portal, the URL goes where the application or profile asks for a webhook URL. The public key of your account is on the page for keys and credentials.',
    scheme: {
      scheme: 'ed25519',
      key: { enc: 'base64' },
      sig: { from: ['header:telnyx-signature-ed25519'], enc: 'base64' },
      ts: { from: 'header:telnyx-timestamp', unit: 's', tolerance: 300 },
      signed: '{ts}|{body}',
      event: 'json:data.event_type',
      dedup: 'json:data.id',
    },
  },
  {
    name: 'plivo-v3',
    title: 'Plivo',
    docs: 'https://www.plivo.com/docs/voice/concepts/signature-validation',
    certainty: 'A',
    setup:
      'The URL goes into the application or request that makes the call or message. The auth token of the account is the secret. The URL here must be the very one that Plivo has.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-plivo-signature-v3'], list: ',', enc: 'base64' },
      id: 'header:x-plivo-signature-v3-nonce',
      signed: '{code:plivo}.{header:x-plivo-signature-v3-nonce}',
    },
  },
  {
    name: 'vonage',
    title: 'Vonage',
    certainty: 'A',
    setup:
      "In the dashboard, the URL goes where the application asks for a webhook. The signature secret in the account's API settings is the secret.",
    scheme: {
      scheme: 'jwt',
      token: 'header:authorization',
      prefix: 'Bearer ',
      algs: ['HS256'],
      claims: { payload_hash: '{sha256:hex}' },
      need: ['iat'],
      maxAge: 300,
      dedup: 'jwt:jti',
    },
  },
  {
    name: 'intercom',
    title: 'Intercom',
    certainty: 'B',
    setup:
      'In the Developer Hub, in your app under Webhooks: enter the URL and choose topics. The client secret of the app is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha1',
      sig: { from: ['header:x-hub-signature'], enc: 'hex', prefix: 'sha1=' },
      signed: '{body}',
      event: 'json:topic',
      dedup: 'json:id',
      handshake: 'head',
    },
  },
  {
    name: 'mailgun',
    title: 'Mailgun',
    docs: 'https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks',
    certainty: 'B',
    setup:
      'Under Webhooks of your domain: add the URL to the events you want. The HTTP webhook signing key of the account is the secret.',
    notSigned: 'Only the timestamp and the token are signed; the event is not.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['json:signature.signature'], enc: 'hex' },
      id: 'json:signature.token',
      ts: { from: 'json:signature.timestamp', unit: 's', tolerance: 300 },
      signed: '{json:signature.timestamp}{json:signature.token}',
      event: 'json:event-data.event',
      dedup: 'json:signature.token',
    },
  },
  {
    name: 'mandrill',
    title: 'Mandrill',
    certainty: 'M',
    setup:
      'In the settings, under Webhooks: add one with the URL. Its key is the secret. The URL here must be the very one that Mandrill has.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha1',
      sig: { from: ['header:x-mandrill-signature'], enc: 'base64' },
      signed: '{url}{params}',
      handshake: 'head',
    },
  },
  {
    name: 'nylas',
    title: 'Nylas',
    docs: 'https://developer.nylas.com/docs/v3/notifications/',
    certainty: 'M',
    setup:
      'In the dashboard, under Notifications: create a webhook with the URL, which is checked at once. The webhook secret that is shown then is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-nylas-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:type',
      dedup: 'json:id',
      handshake: 'nylas',
    },
  },
  {
    name: 'postmark',
    title: 'Postmark',
    docs: 'https://postmarkapp.com/developer/webhooks/webhooks-overview',
    certainty: 'B',
    setup:
      'In your message stream, under Webhooks: add one with the URL, and user name and password of the secret as Basic auth credentials.',
    notSigned: NOTHING_BUT_PASSWORD,
    scheme: { scheme: 'basic', event: 'json:RecordType' },
  },
  {
    name: 'resend',
    title: 'Resend',
    aliasOf: 'svix',
    docs: 'https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests',
    certainty: 'A',
    setup: 'Under Webhooks: add an endpoint with the URL. Its signing secret, `whsec_…`, is the secret.',
    scheme: SVIX,
  },
  {
    name: 'customerio',
    title: 'Customer.io',
    docs: 'https://docs.customer.io/journeys/webhooks/#securely-verify-requests',
    certainty: 'C',
    setup:
      'Under the integrations of the workspace: add a reporting webhook with the URL. Its signing key is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-cio-signature'], enc: 'hex' },
      ts: { from: 'header:x-cio-timestamp', unit: 's', tolerance: 300 },
      signed: 'v0:{ts}:{body}',
      event: 'json:metric',
      dedup: 'json:event_id',
    },
  },
  {
    name: 'pusher',
    title: 'Pusher',
    certainty: 'A',
    setup:
      "In the app's settings, under Webhooks: add one with the URL. The secret of the app key is the secret, and the key itself goes into `keyId`.",
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-pusher-signature'], enc: 'hex' },
      signed: '{body}',
      require: { 'header:x-pusher-key': '{cfg:keyId}' },
    },
  },
  {
    name: 'livekit',
    title: 'LiveKit',
    docs: 'https://docs.livekit.io/home/server/webhooks/',
    certainty: 'A',
    setup:
      'In the settings of the project, under Webhooks: add the URL and choose the API key that signs. That key goes into `apiKey`, and its secret is the secret. On a server of your own: `webhook.urls` and `webhook.api_key` of its configuration.',
    scheme: {
      scheme: 'jwt',
      token: 'header:authorization',
      algs: ['HS256'],
      claims: { iss: '{cfg:apiKey}', sha256: '{sha256:base64}' },
      need: ['exp'],
      event: 'json:event',
      dedup: 'json:id',
    },
  },
  {
    name: 'recall.ai',
    title: 'Recall.ai',
    aliasOf: 'standard-webhooks',
    certainty: 'A',
    setup:
      'In the dashboard, under Webhooks: add an endpoint with the URL. Its signing secret, `whsec_…`, is the secret.',
    scheme: STANDARD_WEBHOOKS,
  },
]
