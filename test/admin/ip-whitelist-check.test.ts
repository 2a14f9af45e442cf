import { afterAll, beforeAll, expect, test } from 'bun:test'
import { IP_WHITELIST_ENTRIES_MAX } from '../../src/core/limits.ts'
import type { WhitelistCheck } from '../../src/core/preview.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, fieldsOf, startAdmin } from './support.ts'

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

let admin: AdminUnderTest
beforeAll(async () => {
  admin = await startAdmin(engine)
})
afterAll(() => admin.close())

const check = (json: unknown) => admin.call('POST', '/api/v1/ip-whitelist/check', { json })

test('a list is judged entry by entry, and wrong entries are no wrong request', async () => {
  const answer = await check({ cidrs: ['10.1.2.3/8', 'x\u0000', '::1'], address: '10.9.9.9' })
  expect(answer.status).toBe(200)
  const { entries, address } = answer.data<WhitelistCheck>()
  expect(entries.map(({ canonical }) => canonical)).toEqual(['10.0.0.0/8', null, '::1'])
  expect(address).toEqual({ canonical: '10.9.9.9', passes: true, matched: '10.1.2.3/8' })
})

test('what it calls right the setting takes, and what it mends too', async () => {
  await admin.call('POST', '/api/v1/triggers', { json: { ref: 'checked' } })
  const entries = ['10.1.2.3/8', ' 192.0.2.7', '2001:0db8::1', 'fe80::1%eth0', '::/0']
  const checked = (await check({ cidrs: entries })).data<WhitelistCheck>()
  const put = (cidrs: unknown) =>
    admin.call('PUT', '/api/v1/triggers/checked/webhooks/ip-whitelist', { json: { cidrs } })
  expect((await put(entries)).status).toBe(422)
  expect(fieldsOf(await put(entries))).toEqual(['cidrs[0]', 'cidrs[1]', 'cidrs[2]', 'cidrs[3]'])
  expect((await put(checked.entries.map(({ canonical }) => canonical))).status).toBe(200)
})

test('without an address, none is judged', async () => {
  expect((await check({ cidrs: [] })).data<WhitelistCheck>()).toEqual({ entries: [], address: null })
})

test.each([
  ['no list', {}, ['cidrs']],
  ['a text for a list', { cidrs: '10.0.0.0/8' }, ['cidrs']],
  ['a number for an entry', { cidrs: [1] }, ['cidrs[0]']],
  ['too many entries', { cidrs: Array(IP_WHITELIST_ENTRIES_MAX + 1).fill('::1') }, ['cidrs']],
  ['a number for an address', { cidrs: [], address: 1 }, ['address']],
  ['an endless address', { cidrs: [], address: '1'.repeat(256) }, ['address']],
  ['an unknown field', { cidrs: [], ref: 'x' }, ['ref']],
])('a wrong request is 422: %s', async (_, json, fields) => {
  const answer = await check(json)
  expect(answer.status).toBe(422)
  expect(fieldsOf(answer)).toEqual(fields)
})

test('a list with a thousand entries of many kilobytes together is answered briefly', async () => {
  const answer = await check({ cidrs: Array(IP_WHITELIST_ENTRIES_MAX).fill('x'.repeat(900)), address: '::1' })
  expect(answer.status).toBe(200)
  expect(answer.text.length).toBeLessThan(300_000)
})

test('more than an admin body is refused', async () => {
  expect((await check({ cidrs: ['x'.repeat(1_100_000)] })).status).toBe(413)
})
