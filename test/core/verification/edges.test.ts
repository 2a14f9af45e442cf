/** Inputs at the edge of what each kind takes. */
import { describe, expect, test } from 'bun:test'
import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto'
import type { Scheme } from '../../../src/core/verification/index.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { SIGNERS } from '../../support/signers.ts'
import { bytes, judge, keysOf, NOW_MS, outcome, URL_DEFAULT } from './support.ts'

const BODY = bytes('{"a":1}')
const NOW = String(NOW_MS / 1_000)
const mac = (
  key: string | Uint8Array,
  text: string | Uint8Array,
  digits: 'hex' | 'base64' | 'base64url',
  hash = 'sha256',
) => createHmac(hash, key).update(text).digest(digits)

describe('an HMAC in hexadecimal digits', () => {
  const good = mac('secret', BODY, 'hex')
  test.each([
    ['as it is', good, 'verified'],
    ['in capitals', good.toUpperCase(), 'verified'],
    ['one digit short', good.slice(1), 'signature_malformed'],
    ['one byte short', good.slice(2), 'signature_mismatch'],
    ['one byte long', `${good}00`, 'signature_mismatch'],
    ['with a blank before it', ` ${good}`, 'signature_malformed'],
    ['with a line end', `${good}\n`, 'signature_malformed'],
    ['with a prefix', `sha256=${good}`, 'signature_malformed'],
    ['with 0x', `0x${good}`, 'signature_malformed'],
    ['with a digit of another alphabet', `${good.slice(0, -1)}１`, 'signature_malformed'],
    ['twice', `${good}, ${good}`, 'signature_malformed'],
    ['empty', '', 'signature_missing'],
    ['endless', 'a'.repeat(100_000), 'signature_malformed'],
    ['of SHA-1', mac('secret', BODY, 'hex', 'sha1'), 'signature_mismatch'],
    ['of an empty key', mac('', BODY, 'hex'), 'signature_mismatch'],
  ])('%s', async (_, signature, expected) => {
    const sent = { headers: { 'x-signature': signature }, body: BODY }
    expect(await outcome('lemonsqueezy', keysOf('secret'), sent)).toBe(expected)
  })
})

describe('an HMAC in base64', () => {
  const good = mac('secret', BODY, 'base64')
  const other = (letter: string) => good.slice(0, -2) + letter + good.slice(-1)
  test.each([
    ['as it is', good, 'verified'],
    ['without padding', good.replace('=', ''), 'signature_malformed'],
    ['with too much padding', `${good}=`, 'signature_malformed'],
    [
      'of the other alphabet',
      good.replaceAll('+', '-').replaceAll('/', '_').replace(/^./, '-'),
      'signature_malformed',
    ],
    ['with a blank within', `${good.slice(0, 8)} ${good.slice(8)}`, 'signature_malformed'],
    [
      'with bits behind its end',
      other(String.fromCharCode(good.charCodeAt(good.length - 2) + 1)),
      'signature_malformed',
    ],
    ['as hexadecimal digits', mac('secret', BODY, 'hex'), 'signature_mismatch'],
  ])('%s', async (_, signature, expected) => {
    const sent = { headers: { 'x-line-signature': signature }, body: BODY }
    expect(await outcome('line', keysOf('secret'), sent)).toBe(expected)
  })
})

describe('several signatures in one header', () => {
  const good = mac('secret', `${NOW}.{}`, 'hex')
  const bad = '0'.repeat(64)
  const of = (header: string) =>
    outcome('stripe', keysOf('secret'), { headers: { 'stripe-signature': header }, body: bytes('{}') })
  test.each([
    ['the twentieth', `t=${NOW}${`,v1=${bad}`.repeat(19)},v1=${good}`, 'verified'],
    ['the twenty-first', `t=${NOW}${`,v1=${bad}`.repeat(20)},v1=${good}`, 'signature_mismatch'],
    ['one behind what is none', `t=${NOW},v1=zz,v1=${good}`, 'verified'],
    ['one of another version', `t=${NOW},v0=${good}`, 'signature_missing'],
    ['the time twice', `t=${NOW},t=${NOW},v1=${good}`, 'timestamp_malformed'],
    ['of two headers', `t=${NOW},v1=${good}, t=${NOW},v1=${good}`, 'timestamp_malformed'],
    ['of two headers, the second older', `t=${NOW},v1=${good}, t=1,v1=${bad}`, 'timestamp_malformed'],
    ['no time', `v1=${good}`, 'timestamp_missing'],
    ['an empty time', `t=,v1=${good}`, 'timestamp_missing'],
    ['a name of a prototype', `t=${NOW},__proto__=1,v1=${good}`, 'verified'],
  ])('%s', async (_, header, expected) => expect(await of(header)).toBe(expected))
})

describe('a timestamp', () => {
  test.each([
    ['as it is', NOW, 'verified'],
    ['with a leading zero', `0${NOW}`, 'timestamp_malformed'],
    ['with a plus', `+${NOW}`, 'timestamp_malformed'],
    ['with a fraction', `${NOW}.0`, 'timestamp_malformed'],
    ['with an exponent', '1.7672688e9', 'timestamp_malformed'],
    ['as a text', 'NaN', 'timestamp_malformed'],
    ['twice', `${NOW}, ${NOW}`, 'timestamp_malformed'],
    ['in milliseconds', `${NOW}000`, 'timestamp_outside_tolerance'],
    ['of seventeen digits', `${NOW}0000000`, 'timestamp_malformed'],
    ['that is empty', '', 'timestamp_missing'],
    ['of another alphabet', '１７６７２６８８００', 'timestamp_malformed'],
  ])('%s', async (_, ts, expected) => {
    const headers = {
      'x-slack-request-timestamp': ts,
      'x-slack-signature': `v0=${mac('secret', `v0:${ts}:{}`, 'hex')}`,
    }
    expect(await outcome('slack', keysOf('secret'), { headers, body: bytes('{}') })).toBe(expected)
  })

  test.each([
    ['2026-01-01T12:00:00Z', 'verified'],
    ['2026-01-01t12:00:00.999999999z', 'verified'],
    ['2026-01-01T04:00:00-08:00', 'verified'],
    ['2026-01-01T12:00:00', 'timestamp_malformed'],
    ['2026-02-30T12:00:00Z', 'timestamp_malformed'],
    ['2026-01-01T25:00:00Z', 'timestamp_malformed'],
    ['2026-01-01', 'timestamp_malformed'],
    ['Thu, 01 Jan 2026 12:00:00 GMT', 'timestamp_malformed'],
    ['1767268800', 'timestamp_malformed'],
    ['0000-01-01T00:00:00Z', 'timestamp_malformed'],
  ])('%s', async (ts, expected) => {
    const headers = {
      'x-zendesk-webhook-signature-timestamp': ts,
      'x-zendesk-webhook-signature': mac('secret', `${ts}{}`, 'base64'),
    }
    expect(await outcome('zendesk', keysOf('secret'), { headers, body: bytes('{}') })).toBe(expected)
  })
})

describe('Ed25519', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const good = sign(null, Buffer.concat([Buffer.from(NOW), BODY]), privateKey)
  /** The order of the group, little-endian. */
  const order = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex')
  const plusOrder = (signature: Buffer): Buffer => {
    const malleated = Buffer.from(signature)
    let carry = 0
    for (let at = 0; at < 32; at += 1) {
      carry += (signature[32 + at] ?? 0) + (order[at] ?? 0)
      malleated[32 + at] = carry & 0xff
      carry >>= 8
    }
    return malleated
  }
  const of = (signature: Uint8Array, key: string = raw.toString('hex')) =>
    outcome(
      'discord',
      { secrets: [], config: {}, publicKey: key },
      {
        headers: {
          'x-signature-timestamp': NOW,
          'x-signature-ed25519': Buffer.from(signature).toString('hex'),
        },
        body: BODY,
      },
    )
  const identity = `01${'00'.repeat(31)}`

  test.each([
    ['as it is', good, 'verified'],
    ['one byte short', good.subarray(1), 'signature_mismatch'],
    ['one byte long', Buffer.concat([good, Buffer.from([0])]), 'signature_mismatch'],
    ['with another number of the same meaning', plusOrder(good), 'signature_mismatch'],
    ['of zeros', Buffer.alloc(64), 'signature_mismatch'],
    [
      'with a bit of R changed',
      Buffer.concat([Buffer.from([(good[0] ?? 0) ^ 1]), good.subarray(1)]),
      'signature_mismatch',
    ],
  ])('a signature %s', async (_, signature, expected) => expect(await of(signature)).toBe(expected))

  test.each([
    ['of another length', raw.toString('hex').slice(2)],
    ['in base64', raw.toString('base64')],
    ['that is the neutral element', identity],
    ['of order two', `ec${'ff'.repeat(30)}7f`],
    ['of order four', '00'.repeat(32)],
    ['of order four, with the other sign', `${'00'.repeat(31)}80`],
    ['of order eight', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['of small order, written in another way', `ee${'ff'.repeat(30)}7f`],
  ])('a key %s is refused, even for what it would verify', async (_, key) => {
    const universal = Buffer.from(identity + '00'.repeat(32), 'hex')
    expect(await of(universal, key)).toBe('secret_unusable')
  })
})

describe('ECDSA over P-256', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const message = Buffer.concat([Buffer.from(NOW), BODY])
  const p1363 = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const numberOf = (part: Buffer): bigint => BigInt(`0x${part.toString('hex')}`)
  const [r, s] = [numberOf(p1363.subarray(0, 32)), numberOf(p1363.subarray(32))]
  const integer = (value: bigint, zeros = 0): Buffer => {
    const digits = value.toString(16)
    const plain = Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, 'hex')
    const sign = (plain[0] ?? 0) > 0x7f ? 1 : 0
    const content = Buffer.concat([Buffer.alloc(sign + zeros), plain])
    return Buffer.concat([Buffer.from([2, content.byteLength]), content])
  }
  const derOf = (first: Buffer, second: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0x30, first.byteLength + second.byteLength]), first, second])
  const good = derOf(integer(r), integer(s))
  const of = (signature: Buffer, publicKey: string = spki.toString('base64')) =>
    outcome(
      'sendgrid',
      { secrets: [], config: {}, publicKey },
      {
        headers: {
          'x-twilio-email-event-webhook-timestamp': NOW,
          'x-twilio-email-event-webhook-signature': signature.toString('base64'),
        },
        body: BODY,
      },
    )

  test.each([
    ['as it is', good, 'verified'],
    [
      'with the other s of the same point, which senders make as often',
      derOf(integer(r), integer(order - s)),
      'verified',
    ],
    ['in raw form', p1363, 'signature_mismatch'],
    ['with a byte behind it', Buffer.concat([good, Buffer.from([0])]), 'signature_mismatch'],
    [
      'with a byte within its length',
      derOf(integer(r), Buffer.concat([integer(s), Buffer.from([0])])),
      'signature_mismatch',
    ],
    ['with a zero before r', derOf(integer(r, 1), integer(s)), 'signature_mismatch'],
    [
      'with a length in two bytes',
      Buffer.concat([Buffer.from([0x30, 0x81, good[1] ?? 0]), good.subarray(2)]),
      'signature_mismatch',
    ],
    ['with r above the order', derOf(integer(r + order), integer(s)), 'signature_mismatch'],
    ['of zeros', derOf(integer(0n), integer(0n)), 'signature_mismatch'],
    ['of ones', derOf(integer(1n), integer(1n)), 'signature_mismatch'],
    ['cut off', good.subarray(0, 10), 'signature_mismatch'],
    ['empty inside', Buffer.from('3000', 'hex'), 'signature_mismatch'],
  ])('a signature %s', async (_, signature, expected) => expect(await of(signature)).toBe(expected))

  test('a key may come as PEM', async () => {
    expect(await of(good, publicKey.export({ type: 'spki', format: 'pem' }).toString())).toBe('verified')
  })

  test.each([
    ['of another curve', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    ['of another kind', generateKeyPairSync('ed25519').publicKey],
  ])('a key %s is refused', async (_, key) => {
    const text = key.export({ type: 'spki', format: 'der' }).toString('base64')
    expect(await of(good, text)).toBe('secret_unusable')
  })
})

describe('RSA under a certificate', () => {
  const signer = SIGNERS['paypal']
  if (signer === undefined) throw new Error('there is no signer')
  const sent = signer.sign('{"a":1}', NOW_MS)
  const of = (changes: Record<string, string>, certificate: string | null | undefined = signer.certificate) =>
    outcome(
      'paypal',
      { secrets: [], config: signer.config ?? {} },
      { ...sent, headers: { ...sent.headers, ...changes }, body: bytes(sent.body) },
      { fetchCertificate: () => certificate ?? null },
    )
  const signature = Buffer.from(sent.headers['PAYPAL-TRANSMISSION-SIG'] ?? '', 'base64')
  const signed = (given: Uint8Array) => ({ 'PAYPAL-TRANSMISSION-SIG': Buffer.from(given).toString('base64') })
  const at = (url: string) => ({ 'PAYPAL-CERT-URL': url })

  test.each([
    ['as it is', {}, 'verified'],
    ['one byte short', signed(signature.subarray(1)), 'signature_mismatch'],
    ['one byte long', signed(Buffer.concat([Buffer.from([0]), signature])), 'signature_mismatch'],
    ['of zeros', signed(Buffer.alloc(256)), 'signature_mismatch'],
    ['of another algorithm', { 'PAYPAL-AUTH-ALGO': 'SHA1withRSA' }, 'required_value_mismatch'],
    ['over http', at('http://api.paypal.com/a'), 'certificate_untrusted'],
    ['with a port', at('https://api.paypal.com:443/a'), 'certificate_untrusted'],
    ['with a user', at('https://api.paypal.com@evil.example/a'), 'certificate_untrusted'],
    ['of a longer host', at('https://api.paypal.com.evil.example/a'), 'certificate_untrusted'],
    ['of a shorter host', at('https://paypal.com/a'), 'certificate_untrusted'],
    ['in capitals', at('HTTPS://API.PAYPAL.COM/a'), 'certificate_untrusted'],
    ['with a backslash', at('https://api.paypal.com\\@evil.example/a'), 'certificate_untrusted'],
    ['with a blank', at('https://api.paypal.com/ a'), 'certificate_untrusted'],
    ['with a line end', at('https://api.paypal.com/a\nb'), 'certificate_untrusted'],
    ['nowhere', at(''), 'certificate_untrusted'],
    ['endless', at(`https://api.paypal.com/${'a'.repeat(5_000)}`), 'certificate_untrusted'],
  ])('%s', async (_, changes, expected) => expect(await of(changes)).toBe(expected))

  test.each([
    ['that is not there', null, 'certificate_unavailable'],
    ['that is none', 'hello', 'certificate_untrusted'],
    ['that has expired', makeCertificate('251231000000Z').certificatePem, 'certificate_untrusted'],
    ['with a short key', makeCertificate(undefined, 1_024).certificatePem, 'certificate_untrusted'],
    ['of another key', makeCertificate().certificatePem, 'signature_mismatch'],
  ])('a certificate %s', async (_, certificate, expected) => expect(await of({}, certificate)).toBe(expected))

  test('a certificate that cannot be fetched refuses, and does not throw', async () => {
    const verdict = await judge(
      'paypal',
      { secrets: [], config: signer.config ?? {} },
      { ...sent, body: bytes(sent.body) },
      { fetchCertificate: () => Promise.reject(new Error('offline')) },
    )
    expect(verdict).toMatchObject({ verified: false, reason: 'certificate_unavailable' })
  })

  test('nothing is fetched from a URL that is not trusted', async () => {
    const fetched: string[] = []
    const headers = { ...sent.headers, ...at('https://evil.example/a.pem') }
    await judge(
      'paypal',
      { secrets: [], config: signer.config ?? {} },
      { ...sent, headers, body: bytes(sent.body) },
      { fetchCertificate: (url) => (fetched.push(url) > 0 ? null : '') },
    )
    expect(fetched).toEqual([])
  })
})

describe('JSON that two readers read differently', () => {
  const signature = mac('secret', `${NOW}tok`, 'hex')
  const of = (inner: string) => outcome('mailgun', keysOf('secret'), { headers: {}, body: bytes(inner) })
  const fields = `"timestamp":"${NOW}","token":"tok","signature":"${signature}"`
  test.each([
    ['as it is', `{"signature":{${fields}}}`, 'verified'],
    ['with space and escapes', ` {\n"\\u0073ignature" : {${fields}} }\t`, 'verified'],
    ['with braces in texts', `{"x":"}{\\"]","signature":{"y":[{}],${fields}}}`, 'verified'],
    ['a member twice', `{"signature":{${fields},"token":"tok"}}`, 'body_unreadable'],
    ['a member twice, once in escapes', `{"signature":{${fields},"t\\u006fken":"x"}}`, 'body_unreadable'],
    ['an object twice', `{"signature":{${fields}},"signature":{}}`, 'signature_malformed'],
    [
      'half a surrogate pair',
      `{"signature":{"timestamp":"${NOW}","token":"\\ud800","signature":"${signature}"}}`,
      'body_unreadable',
    ],
    [
      'an object for a text',
      `{"signature":{"timestamp":"${NOW}","token":{},"signature":"${signature}"}}`,
      'body_unreadable',
    ],
    ['a list in its place', `{"signature":[${NOW}]}`, 'signature_missing'],
    ['no JSON', '{', 'signature_missing'],
    ['nothing', '', 'signature_missing'],
  ])('%s', async (_, inner, expected) => expect(await of(inner)).toBe(expected))

  const BROKEN = Buffer.from([0xff, 0xfe])
  const withBroken = (before: string, after: string) =>
    Buffer.concat([Buffer.from(before), BROKEN, Buffer.from(after)])

  test('bytes that are no UTF-8 are no value, and are in the way of no other', async () => {
    const of = (body: Uint8Array) => outcome('mailgun', keysOf('secret'), { headers: {}, body })
    expect(await of(withBroken(`{"signature":{${fields},"x":"`, '"}}'))).toBe('verified')
    expect(await of(withBroken(`{"signature":{${fields},"x`, '":1}}'))).toBe('verified')
    expect(await of(withBroken('', `{"signature":{${fields}}}`))).toBe('signature_missing')
    for (const token of ['\ufffd', '\ufffd\ufffd', '']) {
      const forged = mac('secret', `${NOW}${token}`, 'hex')
      const sent = `{"signature":{"timestamp":"${NOW}","signature":"${forged}","token":"`
      expect(await of(withBroken(sent, '"}}'))).toBe('body_unreadable')
      expect(await of(withBroken(sent, '\\udc00"}}'))).toBe('body_unreadable')
    }
  })

  test('a body that is signed as it is may have bytes that are no UTF-8 beside its timestamp', async () => {
    const body = withBroken('{"a":"', `","webhookTimestamp":${NOW_MS}}`)
    const headers = { 'linear-signature': mac('secret', body, 'hex') }
    expect(await outcome('linear', keysOf('secret'), { headers, body })).toBe('verified')
    expect(await outcome('linear', keysOf('other'), { headers, body })).toBe('signature_mismatch')
  })

  test('a number keeps its digits', async () => {
    const scheme: Scheme = {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-signature'], enc: 'hex' },
      signed: '{json:amount}',
    }
    const headers = { 'x-signature': mac('secret', '9007199254740993', 'hex') }
    const of = (amount: string) =>
      outcome(scheme, keysOf('secret'), { headers, body: bytes(`{"amount":${amount}}`) })
    expect(await of('9007199254740993')).toBe('verified')
    expect(await of('9007199254740992')).toBe('signature_mismatch')
  })

  test.each([
    '{"notificationItems":[]}',
    '{"notificationItems":{}}',
    '{}',
    '[]',
    '{"notificationItems":[{}]}',
  ])('%s has nothing to verify', async (text) => {
    expect(await outcome('adyen-standard', keysOf('00ff'), { headers: {}, body: bytes(text) })).toBe(
      'body_unreadable',
    )
  })

  test('depth and length cost no stack', async () => {
    const deep = `{"signature":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    expect(await of(deep)).toMatch(/signature_missing|unsupported/)
  })
})

describe('a body that nothing signed covers', () => {
  const of = (name: string, headers: Record<string, string>, body: string, url = URL_DEFAULT) =>
    outcome(name, keysOf('secret'), { headers, body: bytes(body), url })
  const json = { 'content-type': 'application/json' }
  const signature = mac('secret', URL_DEFAULT, 'base64', 'sha1')

  test.each(['twilio', 'mandrill'])('%s without a digest of JSON', async (name) => {
    const headers = { ...json, [`x-${name}-signature`]: signature }
    expect(await of(name, headers, '{"a":1}')).toBe('body_not_covered')
    expect(await of(name, headers, '')).toBe('verified')
  })

  test('twilio with the digest of another body, or with two', async () => {
    const digest = new Bun.CryptoHasher('sha256').update('{"a":1}').digest('hex')
    const url = `${URL_DEFAULT}?bodySHA256=${digest}`
    const headers = { ...json, 'x-twilio-signature': mac('secret', url, 'base64', 'sha1') }
    expect(await of('twilio', headers, '{"a":1}', url)).toBe('verified')
    expect(await of('twilio', headers, '{"a":2}', url)).toBe('signature_mismatch')
    expect(await of('twilio', headers, '{"a":1}', `${url}&bodySHA256=${digest}`)).toBe('signature_mismatch')
  })

  test('a form with a field twice is ambiguous where one counts', async () => {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-gitea-signature': mac('secret', '{}', 'hex'),
    }
    expect(await of('gitea', headers, 'payload=%7B%7D')).toBe('verified')
    expect(await of('gitea', headers, 'payload=%7B%7D&payload=x')).toBe('body_unreadable')
  })
})

describe('a shared token', () => {
  test.each([
    ['as it is', 'töken', 'verified'],
    ['as its bytes', Buffer.from('töken').toString('latin1'), 'verified'],
    ['twice', 'töken, töken', 'credential_mismatch'],
    ['shorter', 'töke', 'credential_mismatch'],
    ['empty', '', 'credential_missing'],
    ['endless', 'x'.repeat(100_000), 'credential_mismatch'],
  ])('%s', async (_, given, expected) => {
    expect(
      await outcome('gitlab', keysOf('töken'), { headers: { 'x-gitlab-token': given }, body: BODY }),
    ).toBe(expected)
  })

  test.each([
    ['a+b/c==', 'verified'],
    ['a%2Bb%2Fc%3D%3D', 'verified'],
    ['a%20b/c==', 'verified'],
    ['a-b/c==', 'credential_mismatch'],
    ['a+b/c', 'credential_mismatch'],
  ])('in base64 behind a URL, escaped or not: %s', async (token, expected) => {
    const url = `${URL_DEFAULT}?x=1&token=${token}`
    expect(await outcome('docker-hub', keysOf('a+b/c=='), { headers: {}, body: BODY, url })).toBe(expected)
  })

  test('in a query twice is ambiguous', async () => {
    const url = `${URL_DEFAULT}?token=t&token=t`
    expect(await outcome('docker-hub', keysOf('t'), { headers: {}, body: BODY, url })).toBe(
      'credential_mismatch',
    )
  })

  test.each([
    ['Bearer t', 'verified'],
    ['bearer t', 'verified'],
    ['Bearer  t', 'credential_mismatch'],
    ['t', 'credential_missing'],
    ['Bearert', 'credential_missing'],
    ['Basic t', 'credential_missing'],
  ])('behind a name: %s', async (authorization, expected) => {
    expect(await outcome('auth0', keysOf('t'), { headers: { authorization }, body: BODY })).toBe(expected)
  })
})

describe('a secret that is no key', () => {
  test.each([
    ['standard-webhooks', 'whsec_', 'secret_unusable'],
    ['standard-webhooks', 'whsec_!!!', 'secret_unusable'],
    ['standard-webhooks', '', 'secret_missing'],
    ['adyen-platform', 'abc', 'secret_unusable'],
    ['airtable', '*', 'secret_unusable'],
  ])('%s with %p', async (name, secret, expected) => {
    const verdict = await judge(name, keysOf(secret), { headers: {}, body: BODY })
    expect(verdict).toMatchObject({ verified: false, reason: expected })
  })
})

describe('what is signed has to be there', () => {
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
  const key = createHash('sha1').update('secret').digest()

  test.each(['', 'payload=', 'x=1'])('a form of Gitea without its payload: %p', async (form) => {
    const headers = { ...FORM, 'x-gitea-signature': mac('secret', '', 'hex') }
    expect(await outcome('gitea', keysOf('secret'), { headers, body: bytes(form) })).toBe('body_unreadable')
  })

  test('a form of Braintree without its payload', async () => {
    const body = bytes(`bt_signature=pk|${mac(key, '', 'hex', 'sha1')}`)
    const keys = keysOf('secret', { publicKey: 'pk' })
    expect(await outcome('braintree', keys, { headers: FORM, body })).toBe('body_unreadable')
  })

  test.each(['', '"token":"",', '"token":null,'])('Mailgun without a token: %p', async (token) => {
    const signature = `{"timestamp":"${NOW}",${token}"signature":"${mac('secret', NOW, 'hex')}"}`
    const sent = { headers: {}, body: bytes(`{"signature":${signature}}`) }
    expect(await outcome('mailgun', keysOf('secret'), sent)).toBe('id_missing')
  })

  test('Plivo without a nonce', async () => {
    const signature = mac('secret', `${URL_DEFAULT}.`, 'base64')
    const sent = { headers: { ...FORM, 'x-plivo-signature-v3': signature }, body: bytes('') }
    expect(await outcome('plivo-v3', keysOf('secret'), sent)).toBe('id_missing')
  })

  test('a body of Plivo where the query alone is signed', async () => {
    const url = `${URL_DEFAULT}?a=1`
    const headers = {
      ...FORM,
      'x-plivo-signature-v3': mac('secret', `${url}.n`, 'base64'),
      'x-plivo-signature-v3-nonce': 'n',
    }
    const of = (body: string) =>
      outcome('plivo-v3', keysOf('secret'), { method: 'GET', url, headers, body: bytes(body) })
    expect(await of('')).toBe('verified')
    expect(await of('To=1')).toBe('body_unreadable')
  })

  test.each([
    ['', 'verified'],
    ['"originalReference":null,', 'verified'],
    ['"originalReference":"",', 'verified'],
    ['"originalReference":{"x":1},', 'body_unreadable'],
    ['"originalReference":["x"],', 'body_unreadable'],
    ['"originalReference":"\\ud800",', 'body_unreadable'],
    ['"originalReference":"x",', 'signature_mismatch'],
  ])('an item of Adyen that was signed without a field, with %p in its place', async (field, expected) => {
    const secret = 'ab'.repeat(32)
    const signature = mac(Buffer.from(secret, 'hex'), 'p::m:r:1:EUR:A:true', 'base64')
    const item = `{"pspReference":"p",${field}"merchantAccountCode":"m","merchantReference":"r","amount":{"value":1,"currency":"EUR"},"eventCode":"A","success":"true","additionalData":{"hmacSignature":"${signature}"}}`
    const body = bytes(`{"notificationItems":[{"NotificationRequestItem":${item}}]}`)
    expect(await outcome('adyen-standard', keysOf(secret), { headers: {}, body })).toBe(expected)
  })
})
