import { describe, expect, test } from 'bun:test'
import { keptHeaders, sanitiseText } from '../../src/core/headers.ts'

describe('keptHeaders', () => {
  test('keeps order, repetition, spelling and empty values', () => {
    const headers: [string, string][] = [
      ['X-B', '2'],
      ['x-a', '1'],
      ['X-B', '2'],
      ['x-b', ''],
      ['User-Agent', 'GitHub-Hookshot/044aadd'],
    ]
    expect(keptHeaders(headers)).toEqual(headers)
  })

  test('takes the entries of a Headers object', () => {
    const headers = new Headers({ 'content-type': 'application/json', authorization: 'Bearer canary' })
    expect(keptHeaders(headers)).toEqual([
      ['authorization', '[redacted]'],
      ['content-type', 'application/json'],
    ])
  })

  test('no headers', () => {
    expect(keptHeaders([])).toEqual([])
  })

  test.each([
    'authorization',
    'Authorization',
    'AUTHORIZATION',
    'proxy-authorization',
    'x-forwarded-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'api-key',
    'apikey',
    'DD-API-KEY',
    'x-auth-token',
    'x-access-token',
    'x-shopify-access-token',
    'x-csrf-token',
    'token',
    'private-token',
    'x-gitlab-token',
    'X-Gitlab-Token',
    'x-goog-channel-token',
    'x-telegram-bot-api-secret-token',
    'x-amz-security-token',
    'x-buildkite-token',
    'cf-webhook-auth',
    'x-hook-secret',
    'x-webhook-secret',
    'x_webhook_token',
    'x-password',
    'aeg-sas-key',
    'aeg-sas-token',
    'x-functions-key',
    'ocp-apim-subscription-key',
    'cf-access-client-secret',
    'cf-access-jwt-assertion',
    'x-goog-iap-jwt-assertion',
  ])('%s is a credential and is never kept', (name) => {
    expect(keptHeaders([[name, 'canary-secret']])).toEqual([[name, '[redacted]']])
  })

  test.each([
    'x-webhook-signature',
    'x-hub-signature-256',
    'x-hub-signature',
    'stripe-signature',
    'x-shopify-hmac-sha256',
    'webhook-signature',
    'webhook-id',
    'webhook-timestamp',
    'x-github-delivery',
    'x-event-key',
    'x-pusher-key',
    'idempotency-key',
    'i-twilio-idempotency-token',
    'sec-websocket-key',
    'x-tokens-left',
    'x-secretary',
    'mytoken',
    'cookies',
    'x-forwarded-for',
    'content-type',
    'user-agent',
  ])('%s is no credential and is kept as it is', (name) => {
    expect(keptHeaders([[name, 'value']])).toEqual([[name, 'value']])
  })

  test('all of a repeated credential is redacted, an empty one too', () => {
    expect(
      keptHeaders([
        ['cookie', 'a=1'],
        ['x-a', '1'],
        ['cookie', ''],
      ]),
    ).toEqual([
      ['cookie', '[redacted]'],
      ['x-a', '1'],
      ['cookie', '[redacted]'],
    ])
  })

  test('names and values are such that text and jsonb take them', () => {
    expect(keptHeaders([['x-\0', 'a\0b\ud800c\udc00']])).toEqual([['x-\ufffd', 'a\ufffdb\ufffdc\ufffd']])
  })

  test('every byte that latin1 decodes to is kept, but for NUL', () => {
    const latin1 = Array.from({ length: 255 }, (_, at) => String.fromCharCode(at + 1)).join('')
    expect(keptHeaders([['x-bytes', latin1]])).toEqual([['x-bytes', latin1]])
  })
})

describe('sanitiseText', () => {
  test.each([
    { title: 'nothing', value: '', lengthMax: 10, kept: '' },
    { title: 'shorter', value: 'abc', lengthMax: 10, kept: 'abc' },
    { title: 'exactly', value: 'abc', lengthMax: 3, kept: 'abc' },
    { title: 'one over', value: 'abcd', lengthMax: 3, kept: 'abc' },
    { title: 'none allowed', value: 'abc', lengthMax: 0, kept: '' },
    { title: 'NUL', value: 'a\0b\0', lengthMax: 10, kept: 'a\ufffdb\ufffd' },
    { title: 'other control characters', value: 'a\n\t\u001b', lengthMax: 10, kept: 'a\n\t\u001b' },
    { title: 'a pair', value: 'a🔑', lengthMax: 3, kept: 'a🔑' },
    { title: 'a pair that would be cut in two', value: 'ab🔑', lengthMax: 3, kept: 'ab' },
    { title: 'a pair alone that would be cut in two', value: '🔑', lengthMax: 1, kept: '' },
    { title: 'a lone first half', value: 'a\ud83d', lengthMax: 10, kept: 'a\ufffd' },
    { title: 'a lone first half that ends at the limit', value: 'a\ud83d', lengthMax: 2, kept: 'a\ufffd' },
    { title: 'a lone second half', value: '\udd11a', lengthMax: 10, kept: '\ufffda' },
    { title: 'halves in the wrong order', value: '\udd11\ud83d', lengthMax: 10, kept: '\ufffd\ufffd' },
    { title: 'a lone second half before the cut', value: 'a\udd11bc', lengthMax: 2, kept: 'a\ufffd' },
    { title: 'NUL beyond the cut', value: 'ab\0', lengthMax: 2, kept: 'ab' },
  ])('$title', ({ value, lengthMax, kept }) => {
    expect(sanitiseText(value, lengthMax)).toBe(kept)
  })

  test('never more than the limit, never NUL, always well formed', () => {
    const units = ['a', '\0', '\ud83d', '\udd11', '🔑', 'é']
    for (let number = 0; number < units.length ** 4; number++) {
      let value = ''
      for (let rest = number, at = 0; at < 4; at++, rest = Math.floor(rest / units.length))
        value += units[rest % units.length]
      for (let lengthMax = 0; lengthMax <= 5; lengthMax++) {
        const kept = sanitiseText(value, lengthMax)
        expect(kept.length <= lengthMax && kept.isWellFormed() && !kept.includes('\0')).toBe(true)
      }
    }
  })
})
