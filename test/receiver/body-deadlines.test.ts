import { expect, test } from 'bun:test'
import type { Rejection } from '../../src/core/rejection.ts'
import { createBodyDeadlines } from '../../src/receiver/body-deadlines.ts'

const BYTES = new Uint8Array([1, 2, 3])
const never = () => new Promise<Uint8Array>(() => {})
const code = (outcome: Promise<Uint8Array>) =>
  outcome.then(
    () => 'read',
    (error: Rejection) => error.code,
  )

test('a body that arrives in time is handed on, and its fault too', async () => {
  const deadlines = createBodyDeadlines(new AbortController().signal)
  expect(await deadlines.within(Promise.resolve(BYTES))).toBe(BYTES)
  const fault = new Error('the sender hung up')
  expect(await deadlines.within(Promise.reject(fault)).catch((error: unknown) => error)).toBe(fault)
})

test('each body has its own time, also those that came while others waited', async () => {
  const readMsMax = 60
  const deadlines = createBodyDeadlines(new AbortController().signal, readMsMax)
  const startedAtMs = performance.now()
  const first = code(deadlines.within(never()))
  const late = Promise.withResolvers<Uint8Array>()
  expect(await Promise.race([first, Bun.sleep(readMsMax / 2)])).toBeUndefined()
  const second = code(deadlines.within(never()))
  const third = code(deadlines.within(late.promise))
  expect(await first).toBe('body_timeout')
  late.resolve(BYTES)
  expect(await third).toBe('read')
  expect(await second).toBe('body_timeout')
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(readMsMax * 1.5 - 1)
  // The timer is there again for whoever comes after a pause.
  expect(await code(deadlines.within(never()))).toBe('body_timeout')
})

test('the end of the process is no fault of the sender', async () => {
  const end = new AbortController()
  const deadlines = createBodyDeadlines(end.signal)
  const waiting = code(deadlines.within(never()))
  end.abort()
  expect(await waiting).toBe('store_unavailable')
  expect(await code(deadlines.within(never()))).toBe('store_unavailable')
  expect(await code(deadlines.within(Promise.reject(new Error('cut off'))))).toBe('store_unavailable')
})
