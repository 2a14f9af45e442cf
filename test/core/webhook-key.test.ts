import { describe, expect, test } from 'bun:test'
import { isWebhookKey, maskWebhookKey, webhookPath } from '../../src/core/webhook-key.ts'

const KEY = 'wh_0123456789abcdefABCDEFxyzXYZ4321'

describe('isWebhookKey', () => {
  test.each([KEY, `wh_${'0'.repeat(32)}`, `wh_${'z'.repeat(32)}`, `wh_${'Z'.repeat(32)}`])('%s', (key) => {
    expect(isWebhookKey(key)).toBe(true)
  })

  test.each([
    ['nothing', ''],
    ['the prefix alone', 'wh_'],
    ['no prefix', KEY.slice(3)],
    ['another prefix', `wk_${KEY.slice(3)}`],
    ['an upper-case prefix', `WH_${KEY.slice(3)}`],
    ['one character less', KEY.slice(0, -1)],
    ['one character more', `${KEY}0`],
    ['a dash', `wh_${'a'.repeat(31)}-`],
    ['an underscore', `wh_${'a'.repeat(31)}_`],
    ['a letter beyond ASCII', `wh_${'a'.repeat(31)}é`],
    ['a percent escape', `wh_${'a'.repeat(29)}%41`],
    ['a line feed behind', `${KEY}\n`],
    ['a blank in front', ` ${KEY}`],
    ['NUL behind', `${KEY}\0`],
    ['a path', `../${KEY}`],
    ['a megabyte', `wh_${'a'.repeat(1_000_000)}`],
  ])('%s is no key', (_, text) => {
    expect(isWebhookKey(text)).toBe(false)
  })
})

describe('maskWebhookKey', () => {
  test('shows the prefix and four characters, and none of the other 28', () => {
    expect(maskWebhookKey(KEY)).toBe('wh_0123…')
  })

  test('tells two keys apart', () => {
    expect(maskWebhookKey(`wh_aaaa${KEY.slice(7)}`)).not.toBe(maskWebhookKey(`wh_bbbb${KEY.slice(7)}`))
  })
})

test('the path of a webhook is that of the contract', () => {
  expect(webhookPath(KEY)).toBe(`/api/v1/webhooks/${KEY}`)
})
