import { afterAll, expect, test } from 'bun:test'
import { CONFIRMATIONS_MAX } from '../../src/core/limits.ts'
import { createConfirmer } from '../../src/http/confirmations.ts'

const answers = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/elsewhere') return Response.redirect('/ok', 302)
    return new Response('<ConfirmSubscriptionResponse/>', { status: pathname === '/ok' ? 200 : 403 })
  },
})
afterAll(() => answers.stop(true))

/** To a server of this test, which has no certificate. */
const confirm = createConfirmer((url, init) =>
  fetch(url.replace(/^https:\/\/[^/]+/, answers.url.origin), init),
)

test.each([
  ['https://sns.test/ok', true],
  ['https://sns.test/refused', false],
  ['https://sns.test/elsewhere', false],
  ['http://sns.test/ok', false],
])('%s → %p', async (url, confirmed) => {
  expect(await confirm(url)).toBe(confirmed)
})

test('so many are fetched at once and no more', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = createConfirmer(async () => {
    await promise
    return new Response('')
  })
  const fetched = Array.from({ length: CONFIRMATIONS_MAX }, () => slow('https://sns.test/ok'))
  expect(await slow('https://sns.test/ok')).toBe(false)
  resolve()
  expect(await Promise.all(fetched)).toEqual(fetched.map(() => true))
})

test('what cannot be reached is not confirmed', async () => {
  const confirmer = createConfirmer(() => Promise.reject(new Error('refused')))
  expect(await confirmer('https://sns.test/ok')).toBe(false)
})
