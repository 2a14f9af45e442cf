import type { Preset } from './preset.ts'
import { NOTHING_BUT_TOKEN, STANDARD_WEBHOOKS, SVIX } from './shared.ts'

/** Standard Webhooks, Svix and those who use them; identity and cloud. */
export const PLATFORMS: readonly Preset[] = [
  {
    name: 'standard-webhooks',
    title: 'Standard Webhooks',
    docs: 'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md',
    certainty: 'A',
    setup:
      'Give the URL and the secret, `whsec_…`, to the sender, or bring the secret that the sender shows.',
    scheme: STANDARD_WEBHOOKS,
  },
  {
    name: 'standard-webhooks-asymmetric',
    title: 'Standard Webhooks (public key)',
    docs: 'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md',
    certainty: 'A',
    setup:
      'Give the URL to the sender. The public key that it shows, `whpk_…`, is the key. It proves the sender and not the recipient: one key for one source.',
    scheme: {
      scheme: 'ed25519',
      key: { enc: 'base64', strip: 'whpk_' },
      sig: { from: ['header:webhook-signature'], list: ' ', kv: ',', take: 'v1a', enc: 'base64' },
      id: 'header:webhook-id',
      ts: { from: 'header:webhook-timestamp', unit: 's', tolerance: 300 },
      signed: '{id}.{ts}.{body}',
      event: 'json:type',
      dedup: 'header:webhook-id',
    },
  },
  {
    name: 'svix',
    title: 'Svix',
    docs: 'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    certainty: 'A',
    setup:
      'Where the sender shows its webhooks: add an endpoint with the URL. Its signing secret, `whsec_…`, is the secret.',
    scheme: SVIX,
  },
  {
    name: 'clerk',
    title: 'Clerk',
    aliasOf: 'svix',
    docs: 'https://clerk.com/docs/webhooks/sync-data',
    certainty: 'A',
    setup:
      'In the dashboard, under Webhooks: add an endpoint with the URL. Its signing secret, `whsec_…`, is the secret.',
    scheme: SVIX,
  },
  {
    name: 'openai',
    title: 'OpenAI',
    aliasOf: 'standard-webhooks',
    docs: 'https://platform.openai.com/docs/guides/webhooks',
    certainty: 'A',
    setup:
      'In the settings of the project, under Webhooks: create an endpoint with the URL. Its signing secret, shown once, is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      key: { enc: 'base64', strip: 'whsec_', textWithoutPrefix: true },
      sig: { from: ['header:webhook-signature'], list: ' ', kv: ',', take: 'v1', enc: 'base64' },
      id: 'header:webhook-id',
      ts: { from: 'header:webhook-timestamp', unit: 's', tolerance: 300 },
      signed: '{id}.{ts}.{body}',
      event: 'json:type',
      dedup: 'header:webhook-id',
    },
  },
  {
    name: 'replicate',
    title: 'Replicate',
    aliasOf: 'standard-webhooks',
    certainty: 'A',
    setup:
      "Give the URL as `webhook` when you create a prediction. The signing secret of your account, which Replicate's API returns, is the secret.",
    scheme: STANDARD_WEBHOOKS,
  },
  {
    name: 'liveblocks',
    title: 'Liveblocks',
    aliasOf: 'standard-webhooks',
    certainty: 'A',
    setup:
      'In the dashboard of the project, under Webhooks: create an endpoint with the URL. Its signing secret, `whsec_…`, is the secret.',
    scheme: STANDARD_WEBHOOKS,
  },
  {
    name: 'anthropic',
    title: 'Anthropic',
    aliasOf: 'standard-webhooks',
    certainty: 'A',
    setup:
      'Where Anthropic shows webhooks: create an endpoint with the URL. Its signing secret, `whsec_…`, is the secret.',
    scheme: STANDARD_WEBHOOKS,
  },
  {
    name: 'okta',
    title: 'Okta',
    certainty: 'B',
    setup:
      'Under Workflow → Event Hooks: create one with the URL, with `Authorization` as authentication field and the secret as authentication secret. Okta checks the URL when you verify it.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: {
      scheme: 'token',
      at: 'header:authorization',
      event: 'json:eventType',
      dedup: 'json:eventId',
      handshake: 'okta',
    },
  },
  {
    name: 'auth0',
    title: 'Auth0',
    certainty: 'B',
    setup:
      'Create an event stream with the URL and bearer authorization, the secret as its token; or a custom log stream with the URL, and `Bearer ` and the secret behind it as authorization token.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: { scheme: 'token', at: 'header:authorization', prefix: 'Bearer ' },
  },
  {
    name: 'workos',
    title: 'WorkOS',
    certainty: 'A',
    setup:
      'In the dashboard, under Webhooks: add an endpoint with the URL. Its signing secret is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:workos-signature'], list: ',', kv: '=', take: 'v1', enc: 'hex', trim: true },
      ts: { from: 'sig:t', unit: 'ms', tolerance: 180 },
      signed: '{ts}.{body}',
      event: 'json:event',
      dedup: 'json:id',
    },
  },
  {
    name: 'ms-graph',
    title: 'Microsoft Graph',
    certainty: 'B',
    setup:
      'Create the subscription through the API with the URL as `notificationUrl` and the secret as `clientState`. Graph checks the URL while the call is open.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: {
      scheme: 'token',
      each: 'value',
      at: 'json:clientState',
      event: 'json:changeType',
      handshake: 'ms-graph',
    },
  },
  {
    name: 'aws-sns',
    title: 'AWS SNS',
    docs: 'https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html',
    certainty: 'A',
    setup:
      'Subscribe the URL to the topic with the protocol HTTPS. The ARN of the topic goes into `topicArn`: a genuine signature alone says only that some topic of somebody sent it.',
    notSigned: 'UnsubscribeURL and SigningCertURL are not signed.',
    scheme: { scheme: 'aws-sns', event: 'json:Type', dedup: 'json:MessageId', handshake: 'aws-sns' },
  },
  {
    name: 'azure-event-grid',
    title: 'Azure Event Grid',
    docs: 'https://learn.microsoft.com/azure/event-grid/secure-webhook-delivery',
    certainty: 'M',
    setup:
      'Create the event subscription with the URL as webhook endpoint, with `?code=` and the secret behind it. Event Grid checks the URL at once.',
    notSigned: NOTHING_BUT_TOKEN,
    // A secret that is put behind the URL, as Microsoft's page has it.
    scheme: {
      scheme: 'token',
      at: 'query:code',
      event: 'json:0.eventType',
      dedup: 'json:0.id',
      handshake: 'azure-event-grid',
    },
  },
  {
    name: 'cloudevents',
    title: 'CloudEvents',
    docs: 'https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md',
    certainty: 'M',
    setup:
      'Give the URL to the sender, and the secret as bearer token. The sender may ask for permission first.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: {
      scheme: 'token',
      at: 'header:authorization',
      prefix: 'Bearer ',
      event: 'header:ce-type',
      dedup: 'header:ce-id',
      handshake: 'cloudevents',
    },
  },
  {
    name: 'upstash-qstash',
    title: 'Upstash QStash',
    certainty: 'A',
    setup:
      'Publish with the URL as destination. The current signing key of the console is the secret, and the next one goes into `nextSigningKey`, so that a roll loses nothing.',
    scheme: {
      scheme: 'jwt',
      token: 'header:upstash-signature',
      algs: ['HS256'],
      nextKey: 'nextSigningKey',
      claims: { iss: 'Upstash', sub: '{url}', body: '{sha256:base64url}' },
      need: ['exp'],
      dedup: 'header:upstash-message-id',
    },
  },
]
