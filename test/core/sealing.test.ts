import { describe, expect, test } from 'bun:test'
import { createDecipheriv } from 'node:crypto'
import { isSealed, parseMasterKey, Sealing } from '../../src/core/sealing.ts'

const KEY = Buffer.alloc(32, 1)
const OTHER = Buffer.alloc(32, 2)
const PLACE = { triggerId: '7', name: 'webhook_secret/2026-q4' }
const SECRET = 'correct horse battery staple ✓'

describe('a sealed secret', () => {
  const sealing = new Sealing(KEY)

  test.each(['x', SECRET, 'é'.repeat(512), '\u{1f511}'.repeat(256)])('opens to what was sealed', (text) => {
    const sealed = sealing.seal(text, PLACE)
    expect(sealed).toMatch(/^sealed:v1:[0-9a-f]{16}:[A-Za-z0-9+/]+=*$/)
    expect(sealed.length).toBeLessThanOrEqual(4_096)
    expect(sealing.open(sealed, PLACE)).toEqual({ ok: true, text })
  })

  test('is another text each time, and neither shows the secret', () => {
    const texts = Array.from({ length: 100 }, () => sealing.seal(SECRET, PLACE))
    expect(new Set(texts).size).toBe(100)
    for (const text of texts) expect(text).not.toContain('correct horse')
  })

  test('is AES-256-GCM, bound to key, trigger and place, as another implementation opens it', () => {
    const [, , id = '', base64 = ''] = sealing.seal(SECRET, PLACE).split(':')
    const bytes = Buffer.from(base64, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', KEY, bytes.subarray(0, 12))
    decipher.setAAD(Buffer.from(['attune-webhooks', 'v1', id, '7', 'webhook_secret/2026-q4'].join('\n')))
    decipher.setAuthTag(bytes.subarray(-16))
    expect(decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')).toBe(SECRET)
  })

  test.each([
    ['another trigger', { ...PLACE, triggerId: '8' }],
    ['another label', { ...PLACE, name: 'webhook_secret/other' }],
    ['the column', { ...PLACE, name: 'webhook_hmac_secret' }],
  ])('does not open at %s', (_, place) => {
    expect(sealing.open(sealing.seal(SECRET, PLACE), place)).toEqual({
      ok: false,
      reason: 'it was changed, or copied from another place',
    })
  })

  test('does not open when any character of it is changed', () => {
    const sealed = sealing.seal(SECRET, PLACE)
    for (let index = 0; index < sealed.length; index++) {
      // One of them is padding or spare bits of the last group, which decode to the same bytes.
      const changed = `${sealed.slice(0, index)}${sealed[index] === 'A' ? 'B' : 'A'}${sealed.slice(index + 1)}`
      const opened = sealing.open(changed, PLACE)
      if (opened.ok && index >= sealed.length - 3) expect(opened.text).toBe(SECRET)
      else if (opened.ok && isSealed(changed)) throw new Error(`changed at ${index} it opens`)
      // Without its prefix it is a plain text that nobody has signed with.
      else if (opened.ok) expect(opened.text).toBe(changed)
    }
  })

  test.each([
    ['', 'there is no master key'],
    ['other', 'it was sealed with a master key that is not here'],
  ])('does not open without its key (%p)', (which, reason) => {
    const sealed = sealing.seal(SECRET, PLACE)
    const without = new Sealing(which === '' ? null : OTHER)
    expect(without.open(sealed, PLACE)).toEqual({ ok: false, reason })
  })

  test.each([
    'sealed:',
    'sealed:v1:',
    'sealed:v2:0000000000000000:AAAA',
    'sealed:v1:00:AAAA',
    'sealed:v1:0000000000000000:',
  ])('%p is none, and opens to nothing', (text) => {
    expect(sealing.open(text, PLACE).ok).toBe(false)
  })

  test('too short for nonce and tag it opens to nothing', () => {
    const [, , id = ''] = sealing.seal(SECRET, PLACE).split(':')
    expect(sealing.open(`sealed:v1:${id}:AAAA`, PLACE).ok).toBe(false)
  })
})

describe('keys', () => {
  test('an older key opens and does not seal', () => {
    const old = new Sealing(OTHER).seal(SECRET, PLACE)
    const both = new Sealing(KEY, [OTHER])
    expect(both.open(old, PLACE)).toEqual({ ok: true, text: SECRET })
    expect(both.isCurrent(old)).toBe(false)
    const fresh = both.seal(SECRET, PLACE)
    expect(both.isCurrent(fresh)).toBe(true)
    expect(new Sealing(KEY).open(fresh, PLACE).ok).toBe(true)
    expect(new Sealing(OTHER).open(fresh, PLACE).ok).toBe(false)
  })

  test('without one, texts are stored and opened as they are', () => {
    const none = new Sealing(null)
    expect(none.isOn).toBe(false)
    expect(none.seal(SECRET, PLACE)).toBe(SECRET)
    expect(none.open(SECRET, PLACE)).toEqual({ ok: true, text: SECRET })
  })

  test('with one, what psql has written in plain opens, and is to be sealed', () => {
    const sealing = new Sealing(KEY)
    expect(sealing.open(SECRET, PLACE)).toEqual({ ok: true, text: SECRET })
    expect(sealing.isCurrent(SECRET)).toBe(false)
  })

  const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index * 3))
  test.each([
    ['hexadecimal', bytes.toString('hex')],
    ['hexadecimal in capitals', bytes.toString('hex').toUpperCase()],
    ['base64', bytes.toString('base64')],
    ['base64 without padding', bytes.toString('base64').replace('=', '')],
    ['base64url', bytes.toString('base64url')],
  ])('%s is read', (_, text) => {
    expect(Buffer.from(parseMasterKey(text) ?? []).toString('hex')).toBe(bytes.toString('hex'))
  })

  test.each([
    '',
    'short',
    'g'.repeat(64),
    '0'.repeat(63),
    '0'.repeat(65),
    'A'.repeat(42),
    'A'.repeat(45),
    `${'A'.repeat(43)}==`,
    `${'0'.repeat(64)}\n`,
  ])('%p is none', (text) => {
    expect(parseMasterKey(text)).toBeNull()
  })
})
