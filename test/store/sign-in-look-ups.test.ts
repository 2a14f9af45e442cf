import { expect, test } from 'bun:test'
import {
  SIGN_IN_LOOKUPS_MAX,
  SIGN_IN_LOOKUPS_PER_ADDRESS_MAX,
  SIGN_IN_LOOKUPS_UNKNOWN_MAX,
} from '../../src/core/limits.ts'
import { SignInLookUps } from '../../src/store/sign-in-look-ups.ts'

/** Look-ups that wait until they are let go. */
function waiting() {
  const { promise, resolve } = Promise.withResolvers<null>()
  const lookUps = new SignInLookUps()
  let keys = 0
  const unknown = (address: string | null) => {
    keys += 1
    return lookUps.run(`unknown ${keys}`, address, () => promise).catch((error) => error.code)
  }
  return { lookUps, unknown, letGo: () => resolve(null) }
}

const addressAt = (index: number) => `192.0.2.${index}`

test('an address has a share of what is not known, and others have theirs', async () => {
  const { unknown, letGo } = waiting()
  const mine = Array.from({ length: SIGN_IN_LOOKUPS_PER_ADDRESS_MAX }, () => unknown('192.0.2.1'))
  expect(await unknown('192.0.2.1')).toBe('store_unavailable')
  const other = unknown('192.0.2.2')
  letGo()
  expect(await Promise.all([...mine, other])).toEqual([...mine.map(() => null), null])
  expect(await unknown('192.0.2.1')).toBeNull()
})

test('a network of IPv6 has one share, and so have those whose address is not known', async () => {
  const { unknown, letGo } = waiting()
  for (let index = 0; index < SIGN_IN_LOOKUPS_PER_ADDRESS_MAX; index++) {
    void unknown(`2001:db8:0:1::${index}`)
    void unknown(null)
  }
  expect(await unknown('2001:db8:0:1:ffff::1')).toBe('store_unavailable')
  expect(await unknown(null)).toBe('store_unavailable')
  letGo()
})

test('whatever strangers look up from however many addresses, what is known has its room', async () => {
  const { lookUps, unknown, letGo } = waiting()
  expect(await lookUps.run('known', '192.0.2.1', async () => 'somebody')).toBe('somebody')
  const strangers = Array.from({ length: SIGN_IN_LOOKUPS_UNKNOWN_MAX }, (_, index) =>
    unknown(addressAt(index)),
  )
  expect(await unknown('198.51.100.1')).toBe('store_unavailable')
  // From an address that has nothing left, too.
  for (let index = 0; index < SIGN_IN_LOOKUPS_PER_ADDRESS_MAX; index++) void unknown('192.0.2.1')
  expect(await lookUps.run('known', '192.0.2.1', async () => 'somebody')).toBe('somebody')
  letGo()
  expect(await Promise.all(strangers)).toEqual(strangers.map(() => null))
})

test('what is known is bounded too, and what is not found any more is unknown again', async () => {
  const { lookUps, unknown, letGo } = waiting()
  const { promise, resolve } = Promise.withResolvers<string>()
  await lookUps.run('known', null, async () => 'somebody')
  const held = Array.from({ length: SIGN_IN_LOOKUPS_MAX }, () => lookUps.run('known', null, () => promise))
  expect(await unknown('192.0.2.1')).toBe('store_unavailable')
  await expect(lookUps.run('known', null, async () => 'x')).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  resolve('somebody')
  expect(await Promise.all(held)).toEqual(held.map(() => 'somebody'))
  expect(await lookUps.run('known', null, async () => null)).toBeNull()
  for (let index = 0; index < SIGN_IN_LOOKUPS_PER_ADDRESS_MAX; index++) void unknown('192.0.2.1')
  await expect(lookUps.run('known', '192.0.2.1', async () => 'x')).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  letGo()
})

test('a look-up that fails has ended', async () => {
  const { lookUps, unknown, letGo } = waiting()
  for (let index = 0; index < SIGN_IN_LOOKUPS_PER_ADDRESS_MAX * 2; index++) {
    const failing = lookUps.run(`failing ${index}`, '192.0.2.1', () => Promise.reject(new Error('no answer')))
    await expect(failing).rejects.toThrow('no answer')
  }
  letGo()
  expect(await unknown('192.0.2.1')).toBeNull()
})
