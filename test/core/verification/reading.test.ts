/** What is read of a request beside its verdict, and what a scheme says of itself. */
import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import {
  credentialHeaders,
  credentialQueryParameters,
  duplicateId,
  eventType,
  findPreset,
  keysNeeded,
  type Scheme,
  timestampMs,
} from '../../../src/core/verification/index.ts'
import { SIGNERS } from '../../support/signers.ts'
import { bytes, keysOf, NOW_MS, outcome, preset, requestOf, URL_DEFAULT } from './support.ts'

const recordOf = (name: string): Scheme => preset(name).scheme

describe('event type and duplicate id', () => {
  const read = (name: string, headers: Record<string, string>, body: string) => {
    const request = requestOf({ headers, body: bytes(body) })
    return [eventType(preset(name), request), duplicateId(preset(name), request)]
  }
  test.each([
    ['github', { 'x-github-event': 'push', 'x-github-delivery': 'd-1' }, '', ['push', 'd-1']],
    ['stripe', {}, '{"type":"a.b","id":"evt_1"}', ['a.b', 'evt_1']],
    ['telegram', {}, '{"update_id":12345678901234567890}', [null, '12345678901234567890']],
    ['line', {}, '{"events":[{"type":"message","webhookEventId":"w"}]}', ['message', 'w']],
    ['svix', { 'svix-id': 's', 'svix-signature': 'v1,AA==' }, '{"type":"é"}', ['é', 's']],
    ['svix', { 'webhook-id': 'w', 'webhook-signature': 'v1,AA==' }, '{"type":"x"}', ['x', 'w']],
    [
      'dropbox-sign',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'json=%7B%22event%22%3A%7B%22event_type%22%3A%22x%22%7D%7D',
      ['x', null],
    ],
    ['mailgun', {}, '{"event-data":{"event":"opened"},"signature":{"token":"t"}}', ['opened', 't']],
    ['stripe', {}, '{"type":"a","type":"b","id":{}}', [null, null]],
    ['stripe', {}, 'no json', [null, null]],
    ['stripe', {}, `{"id":"${'x'.repeat(2_000)}"}`, [null, null]],
    ['generic', {}, '{"id":1}', [null, null]],
  ])('%s', (name, headers, body, expected) => expect(read(name, headers, body)).toEqual(expected))

  test('of a token', () => {
    const signer = SIGNERS['vonage']
    if (signer === undefined) throw new Error('there is no signer')
    const sent = signer.sign('{}', NOW_MS)
    expect(duplicateId(preset('vonage'), requestOf({ ...sent, body: bytes(sent.body) }))).toBe('j-1')
  })
})

test.each([
  ['stripe', { 'stripe-signature': 't=1767268800,v1=00' }, NOW_MS],
  ['workos', { 'workos-signature': 't=1767268800000, v1=00' }, NOW_MS],
  ['zendesk', { 'x-zendesk-webhook-signature-timestamp': '2026-01-01T12:00:00Z' }, NOW_MS],
  ['slack', { 'x-slack-request-timestamp': 'x' }, null],
  ['github', {}, null],
])('%s states its time', (name, headers, expected) => {
  expect(timestampMs(preset(name), requestOf({ headers, body: bytes('') }))).toBe(expected)
})

test('credentials are known, so that they can be redacted', () => {
  expect(credentialHeaders(recordOf('gitlab'))).toEqual(['x-gitlab-token'])
  expect(credentialHeaders(recordOf('postmark'))).toEqual(['authorization'])
  expect(credentialHeaders(recordOf('plaid'))).toEqual(['plaid-verification'])
  expect(credentialHeaders(recordOf('stripe'))).toEqual([])
  expect(credentialQueryParameters(recordOf('docker-hub'))).toEqual(['token'])
  expect(credentialHeaders(recordOf('docker-hub'))).toEqual([])
})

test('what a scheme needs is known before it refuses', () => {
  expect(keysNeeded(recordOf('paypal'))).toMatchObject({
    secret: false,
    publicKey: false,
    config: ['webhookId'],
  })
  expect(keysNeeded(recordOf('discord'))).toMatchObject({ secret: false, publicKey: true, config: [] })
  expect(keysNeeded(recordOf('box'))).toMatchObject({ secret: true, configOptional: ['secondarySecret'] })
  expect(keysNeeded(recordOf('aws-sns')).config).toEqual(['topicArn'])
  expect(keysNeeded(recordOf('plaid')).config).toEqual(['jwk'])
  expect(keysNeeded(recordOf('braintree')).config).toEqual(['publicKey'])
})

describe('a URL as Twilio may have written it', () => {
  const of = (configured: string, signed: string) => {
    const signature = createHmac('sha1', 'secret').update(signed).digest('base64')
    const headers = { 'x-twilio-signature': signature }
    return outcome('twilio', keysOf('secret'), { headers, body: bytes(''), url: configured })
  }
  test.each([
    ['https://a.example/x?y=1', 'https://a.example/x?y=1', 'verified'],
    ['https://a.example/x', 'https://a.example:443/x', 'verified'],
    ['http://a.example/x', 'http://a.example:80/x', 'verified'],
    ['https://a.example:8443/x', 'https://a.example/x', 'verified'],
    ['https://a.example:8443/x', 'https://a.example:8443/x', 'verified'],
    ['https://A.example/x', 'https://a.example:443/x', 'verified'],
    ["https://a.example/x?y='", 'https://a.example/x?y=%27', 'verified'],
    ['https://a.example/x?y=%27', "https://a.example/x?y='", 'verified'],
    ['https://[::1]:8443/x', 'https://[::1]/x', 'verified'],
    ['https://a.example/x', 'http://a.example/x', 'signature_mismatch'],
    ['https://a.example/x', 'https://a.example:8443/x', 'signature_mismatch'],
    ['https://a.example/x?y=1', 'https://a.example/x', 'signature_mismatch'],
    ['not a url', 'not a url', 'verified'],
  ])('%s for %s', async (configured, signed, expected) => expect(await of(configured, signed)).toBe(expected))
})

describe('the same header, another key', () => {
  const sign = (key: string | Uint8Array, secret: string, name: string) => {
    const ts = String(NOW_MS / 1_000)
    const signature = createHmac('sha256', key).update(`m.${ts}.{}`).digest('base64')
    const headers = { 'webhook-id': 'm', 'webhook-timestamp': ts, 'webhook-signature': `v1,${signature}` }
    return outcome(name, keysOf(secret), { headers, body: bytes('{}') })
  }
  const base64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  test.each([
    ['openai', 'whsec_', 'bytes', 'verified'],
    ['openai', '', 'text', 'verified'],
    ['openai', '', 'bytes', 'signature_mismatch'],
    ['standard-webhooks', '', 'bytes', 'verified'],
    ['standard-webhooks', '', 'text', 'signature_mismatch'],
    ['polar', '', 'text', 'verified'],
    ['polar', '', 'bytes', 'signature_mismatch'],
  ])('%s with the secret %p… and a key of its %s', async (name, prefix, kind, expected) => {
    const key = kind === 'text' ? base64 : Buffer.from(base64, 'base64')
    expect(await sign(key, prefix + base64, name)).toBe(expected)
  })
})

describe('the topics of SNS', () => {
  const signer = SIGNERS['aws-sns']
  if (signer === undefined) throw new Error('there is no signer')
  const sent = signer.sign('', NOW_MS)
  test.each([
    ['its own', 'arn:aws:sns:eu-central-1:1:Topic', 'verified'],
    ['one of several', ['x', 'arn:aws:sns:eu-central-1:1:Topic'], 'verified'],
    ['any', '*', 'verified'],
    ['another', 'arn:aws:sns:eu-central-1:2:Topic', 'topic_mismatch'],
    ['none', undefined, 'configuration_missing'],
    ['an empty one', '', 'configuration_missing'],
  ])('%s', async (_, topicArn, expected) => {
    const keys = { secrets: [], config: topicArn === undefined ? {} : { topicArn } }
    const options = { fetchCertificate: () => signer.certificate ?? null }
    expect(await outcome('aws-sns', keys, { ...sent, body: bytes(sent.body) }, options)).toBe(expected)
  })
})

test('the second key of Box verifies by its own header, and says so', async () => {
  const ts = '2026-01-01T12:00:00Z'
  const headers = {
    'box-signature-version': '1',
    'box-signature-algorithm': 'HmacSHA256',
    'box-delivery-timestamp': ts,
    'box-signature-secondary': createHmac('sha256', 'second').update(`{}${ts}`).digest('base64'),
  }
  const sent = { headers, body: bytes('{}'), url: URL_DEFAULT }
  expect(await outcome('box', keysOf('first', { secondarySecret: 'second' }), sent)).toBe('verified')
  expect(await outcome('box', keysOf('second'), sent)).toBe('signature_missing')
  expect(findPreset('constructor')).toBeNull()
})

test('a tolerance of the trigger takes the place of the scheme’s', async () => {
  const signer = SIGNERS['paddle']
  if (signer === undefined) throw new Error('there is no signer')
  const sent = signer.sign('{}', NOW_MS)
  const of = (toleranceSeconds: number) =>
    outcome(
      'paddle',
      keysOf(signer.secret ?? ''),
      { ...sent, body: bytes('{}') },
      { nowMs: NOW_MS + 60_000, toleranceSeconds },
    )
  expect(await of(60)).toBe('verified')
  expect(await of(59)).toBe('timestamp_outside_tolerance')
})
