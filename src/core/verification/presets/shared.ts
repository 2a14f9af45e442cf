import type { Scheme } from '../scheme.ts'

/** What several senders have in common. */
export const META: Scheme = {
  scheme: 'hmac',
  hash: 'sha256',
  sig: { from: ['header:x-hub-signature-256'], enc: 'hex', prefix: 'sha256=' },
  signed: '{body}',
  event: 'json:entry.0.changes.0.field',
  handshake: 'meta',
}

/** @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
export const STANDARD_WEBHOOKS: Scheme = {
  scheme: 'hmac',
  hash: 'sha256',
  key: { enc: 'base64', strip: 'whsec_' },
  sig: { from: ['header:webhook-signature'], list: ' ', kv: ',', take: 'v1', enc: 'base64' },
  id: 'header:webhook-id',
  ts: { from: 'header:webhook-timestamp', unit: 's', tolerance: 300 },
  signed: '{id}.{ts}.{body}',
  event: 'json:type',
  dedup: 'header:webhook-id',
}

/** The same under names of its own; the general ones are accepted in their place. */
export const SVIX: Scheme = {
  scheme: 'hmac',
  hash: 'sha256',
  key: { enc: 'base64', strip: 'whsec_' },
  sig: { from: ['header:svix-signature'], list: ' ', kv: ',', take: 'v1', enc: 'base64' },
  id: 'header:svix-id',
  ts: { from: 'header:svix-timestamp', unit: 's', tolerance: 300 },
  signed: '{id}.{ts}.{body}',
  event: 'json:type',
  dedup: 'header:svix-id',
  fallback: 'standard-webhooks',
}

export const NOTHING_BUT_TOKEN = 'Nothing is signed: whoever learns the token can send anything.'
export const NOTHING_BUT_PASSWORD =
  'Nothing is signed: whoever learns user name and password can send anything.'
