import { describe, expect, test } from 'bun:test'
import { PRESETS, parseScheme } from '../../../src/core/verification/index.ts'

const HMAC = {
  scheme: 'hmac',
  hash: 'sha256',
  sig: { from: ['header:x-signature'], enc: 'hex' },
  signed: '{body}',
}

/** `field: message` of every problem. */
const problems = (json: unknown): readonly string[] =>
  (parseScheme(json).problems ?? []).map(({ field, message }) => `${field}: ${message}`)

test.each(PRESETS.map(({ name, scheme }) => [name, scheme] as const))(
  '%s could have been written by an operator',
  (_, scheme) => {
    expect(parseScheme(scheme)).toEqual({ scheme })
  },
)

describe('a scheme that is refused names the field and what is wrong', () => {
  test.each([
    ['nothing', null, 'scheme: must be an object'],
    ['a list', [], 'scheme: must be an object'],
    ['no kind', {}, 'scheme: is missing'],
    ['an unknown kind', { ...HMAC, scheme: 'md5' }, /^scheme: must be "generic" or "hmac"/],
    ['an unknown hash', { ...HMAC, hash: 'md5' }, 'hash: must be "sha1" or "sha256" or "sha512"'],
    ['an unknown field', { ...HMAC, regex: 'a+' }, 'regex: is not a known field'],
    ['an unknown field within', { ...HMAC, sig: { ...HMAC.sig, x: 1 } }, 'sig.x: is not a known field'],
    ['no signature', { ...HMAC, sig: undefined }, 'sig: is missing, which the kind hmac needs'],
    ['an unknown placeholder', { ...HMAC, signed: '{boddy}' }, 'signed: unknown placeholder {boddy}'],
    ['an empty placeholder', { ...HMAC, signed: '{}{body}' }, 'signed: unknown placeholder {}'],
    ['code that is not there', { ...HMAC, signed: '{code:constructor}' }, /^signed: unknown placeholder/],
    ['a time that is nowhere', { ...HMAC, signed: '{ts}{body}' }, 'signed: {ts} needs the field ts'],
    ['an id that is nowhere', { ...HMAC, signed: '{id}{body}' }, 'signed: {id} needs the field id'],
    ['the secret in an HMAC', { ...HMAC, signed: '{secret}{body}' }, /^signed: \{secret\} is for/],
    ['a constant', { ...HMAC, signed: 'v0' }, 'signed: must hold something of the request, e.g. {body}'],
    ['configuration only', { ...HMAC, signed: '{cfg:a}' }, /^signed: must hold something of the request/],
    ['a hash without secret', { ...HMAC, scheme: 'hash' }, /^signed: must hold \{secret\}/],
    ['no place', { ...HMAC, sig: { from: ['x-sig'], enc: 'hex' } }, /^sig\.from\[0\]: is no place/],
    ['capitals', { ...HMAC, sig: { from: ['header:X-Sig'], enc: 'hex' } }, /^sig\.from\[0\]: is no place/],
    [
      'no places',
      { ...HMAC, sig: { from: [], enc: 'hex' } },
      'sig.from: must be a list of at most 8 entries',
    ],
    ['a field of another kind', { ...HMAC, maxAge: 3 }, 'maxAge: means nothing to the kind hmac'],
    [
      'a wide window',
      { ...HMAC, ts: { from: 'header:t', unit: 's', tolerance: 1e9 } },
      /^ts\.tolerance: must be/,
    ],
    [
      'an item without items',
      { ...HMAC, ts: { from: 'sig:t', unit: 's', tolerance: 9 } },
      /^ts\.from: sig: needs/,
    ],
    [
      'items without a name',
      { ...HMAC, sig: { ...HMAC.sig, kv: '=' } },
      'sig.take: is missing, which sig.kv needs',
    ],
    ['a fallback to anybody', { ...HMAC, fallback: 'none' }, /^fallback: must be the name of a preset/],
    ['a fallback in a circle', { ...HMAC, fallback: 'svix' }, /^fallback: must be a preset without/],
    ['too much', { ...HMAC, signed: `{body}${'x'.repeat(20_000)}` }, /^scheme: must be JSON of at most/],
    ['too many placeholders', { ...HMAC, signed: '{body}'.repeat(40) }, /^signed: must have at most 32/],
    [
      'a public key as secret',
      { scheme: 'jwt', token: 'header:t', algs: ['HS256'], jwk: 'by-kid' },
      /^algs: must be ES256 with jwk/,
    ],
    ['no algorithm', { scheme: 'jwt', token: 'header:t', algs: ['none'] }, /^algs\[0\]: must be "HS256"/],
    [
      'a host with a port',
      {
        scheme: 'rsa-sha256',
        key: { certUrl: 'header:u', hosts: ['a.example:8080'] },
        sig: HMAC.sig,
        signed: '{body}',
      },
      /^key\.hosts: must be names of hosts/,
    ],
  ])('%s', (_, json, problem) => {
    const found = problems(json)
    expect(found.length).toBeGreaterThan(0)
    typeof problem === 'string'
      ? expect(found).toContain(problem)
      : expect(found.join('\n')).toMatch(new RegExp(problem.source, 'm'))
  })

  test('all of them at once', () => {
    expect(problems({ ...HMAC, signed: '{boddy}', maxAge: 3, event: 'nowhere' })).toHaveLength(3)
  })

  test('what no JSON can be, without a fault', () => {
    const circle: Record<string, unknown> = { scheme: 'hmac' }
    circle['sig'] = circle
    expect(problems(circle)).toHaveLength(1)
    expect(problems(1n)).toHaveLength(1)
    expect(problems(undefined)).toHaveLength(1)
  })
})
