import { expect, test } from 'bun:test'
import {
  AUDIT_MERGED_ROWS_MAX,
  AUDIT_QUEUE_ROWS_MAX,
  AUDIT_ROWS_BURST,
  AUDIT_ROWS_BURST_PER_TRIGGER,
  AUDIT_ROWS_PER_SECOND_PER_TRIGGER,
} from '../../src/core/limits.ts'
import { AuditQueue, type AuditRow } from '../../src/store/audit-queue.ts'
import { rejectedAttempt } from '../support/attempts.ts'

const START_MS = 1_000

function drain(queue: AuditQueue): AuditRow[] {
  queue.releaseMerged()
  return queue.take(Number.MAX_SAFE_INTEGER)
}

const sum = (rows: readonly AuditRow[]) => rows.reduce((total, { attempts }) => total + attempts, 0)

test('a few rejections are rows of their own, in their order', () => {
  const queue = new AuditQueue(START_MS)
  const attempts = Array.from({ length: 10 }, () => rejectedAttempt())
  for (const attempt of attempts) queue.add(attempt, START_MS)
  expect([queue.length, queue.mergedLength]).toEqual([10, 0])
  expect(queue.take(4)).toEqual(attempts.slice(0, 4).map((attempt) => ({ attempt, attempts: 1 })))
  expect(queue.length).toBe(6)
})

test('past the allowance of its trigger, equal rejections are one row that counts them', () => {
  const queue = new AuditQueue(START_MS)
  for (let index = 0; index < 5_000; index++) queue.add(rejectedAttempt(), START_MS)
  expect([queue.length, queue.mergedLength]).toEqual([AUDIT_ROWS_BURST_PER_TRIGGER, 1])
  const rows = drain(queue)
  expect(rows.at(-1)?.attempts).toBe(5_000 - AUDIT_ROWS_BURST_PER_TRIGGER)
  expect(sum(rows)).toBe(5_000)
})

test('trigger, code and address each keep their own count', () => {
  const queue = new AuditQueue(START_MS)
  for (let index = 0; index < AUDIT_ROWS_BURST_PER_TRIGGER; index++) queue.add(rejectedAttempt(), START_MS)
  const kinds = [
    rejectedAttempt(),
    rejectedAttempt({ errorCode: 'signature_missing' }),
    rejectedAttempt({ sourceIp: '203.0.113.8' }),
    rejectedAttempt({ sourceIp: null }),
  ]
  for (const kind of [...kinds, ...kinds]) queue.add(kind, START_MS)
  expect(
    drain(queue)
      .slice(-4)
      .map(({ attempts }) => attempts),
  ).toEqual([2, 2, 2, 2])
})

test('the flood on one trigger takes nothing from the allowance of another', () => {
  const queue = new AuditQueue(START_MS)
  for (let index = 0; index < 1_000; index++) queue.add(rejectedAttempt({ triggerId: '1' }), START_MS)
  queue.add(rejectedAttempt({ triggerId: '2' }), START_MS)
  expect(queue.mergedLength).toBe(1)
  expect(queue.take(Number.MAX_SAFE_INTEGER).at(-1)?.attempt.triggerId).toBe('2')
})

test('all triggers together have an allowance too', () => {
  const queue = new AuditQueue(START_MS)
  const triggers = (2 * AUDIT_ROWS_BURST) / AUDIT_ROWS_BURST_PER_TRIGGER
  for (let triggerId = 0; triggerId < triggers; triggerId++) {
    for (let index = 0; index < AUDIT_ROWS_BURST_PER_TRIGGER; index++) {
      queue.add(rejectedAttempt({ triggerId: String(triggerId) }), START_MS)
    }
  }
  expect(queue.length).toBe(AUDIT_ROWS_BURST)
  expect(sum(drain(queue))).toBe(triggers * AUDIT_ROWS_BURST_PER_TRIGGER)
})

test('a refusal whose attempt may be stored already is never merged, in whatever flood', () => {
  const queue = new AuditQueue(START_MS)
  for (let count = 0; count < AUDIT_ROWS_BURST_PER_TRIGGER + 10; count += 1)
    queue.add(rejectedAttempt(), START_MS)
  const attempts = Array.from({ length: 5 }, () => rejectedAttempt())
  for (const attempt of attempts) queue.addAlone(attempt)
  const rows = queue.take(Number.MAX_SAFE_INTEGER)
  expect(rows.slice(-5)).toEqual(attempts.map((attempt) => ({ attempt, attempts: 1 })))
  expect(queue.mergedLength).toBe(1)
})

test('the allowance comes back with time, and not beyond its burst', () => {
  const queue = new AuditQueue(START_MS)
  const flood = (nowMs: number) => {
    for (let index = 0; index < 1_000; index++) queue.add(rejectedAttempt(), nowMs)
    const rows = queue.length
    drain(queue)
    return rows
  }
  expect(flood(START_MS)).toBe(AUDIT_ROWS_BURST_PER_TRIGGER)
  expect(flood(START_MS)).toBe(0)
  expect(flood(START_MS + 1_000)).toBe(AUDIT_ROWS_PER_SECOND_PER_TRIGGER)
  expect(flood(START_MS + 3_600_000)).toBe(AUDIT_ROWS_BURST_PER_TRIGGER)
})

test('a flood from ever new addresses is bounded, and its count is true', () => {
  const queue = new AuditQueue(START_MS)
  for (let index = 0; index < 20_000; index++) {
    queue.add(rejectedAttempt({ sourceIp: `10.1.${index >> 8}.${index & 255}` }), START_MS)
  }
  expect(queue.mergedLength).toBeLessThanOrEqual(AUDIT_MERGED_ROWS_MAX + 1)
  const rows = drain(queue)
  expect(rows.length).toBeLessThanOrEqual(AUDIT_ROWS_BURST_PER_TRIGGER + AUDIT_MERGED_ROWS_MAX + 1)
  expect(sum(rows)).toBe(20_000)
  // The row for all that did not fit names no address, user agent or headers: they were many.
  const rest = rows.find(({ attempt }) => attempt.sourceIp === null)
  expect(rest?.attempt).toMatchObject({ userAgent: null, headers: [], errorCode: 'signature_invalid' })
})

test('rows that could not be written come back to the front, and none is lost', () => {
  const queue = new AuditQueue(START_MS)
  for (let index = 0; index < 10; index++) queue.add(rejectedAttempt({ userAgent: String(index) }), START_MS)
  queue.giveBack(queue.take(3))
  const order = drain(queue).map(({ attempt }) => attempt.userAgent)
  expect(order).toEqual(Array.from({ length: 10 }, (_, index) => String(index)))
})

test('while nothing can be written the queue stays bounded, and its count is true', () => {
  const queue = new AuditQueue(START_MS)
  let nowMs = START_MS
  for (let index = 0; index < 50_000; index++) {
    nowMs += 100
    queue.add(rejectedAttempt(), nowMs)
    if (index % 50 === 0) queue.releaseMerged()
  }
  expect(queue.length).toBeLessThanOrEqual(AUDIT_QUEUE_ROWS_MAX)
  expect(queue.mergedLength).toBeLessThanOrEqual(1)
  const rows = [...queue.take(Number.MAX_SAFE_INTEGER), ...drain(queue)]
  expect(sum(rows)).toBe(50_000)
})
