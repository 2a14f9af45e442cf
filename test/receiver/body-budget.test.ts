import { expect, test } from 'bun:test'
import { createBodyBudget } from '../../src/receiver/body-budget.ts'

test('all accounts share one budget', () => {
  const budget = createBodyBudget(10)
  const [first, second] = [budget.open(), budget.open()]
  expect(first.take(6)).toBe(true)
  expect(second.take(5)).toBe(false)
  expect(second.take(4)).toBe(true)
  expect(first.take(1)).toBe(false)
  first.release()
  expect(second.take(6)).toBe(true)
})

test('what is given back twice counts once', () => {
  const budget = createBodyBudget(10)
  const [first, second] = [budget.open(), budget.open()]
  first.take(5)
  first.release()
  first.release()
  expect(second.take(11)).toBe(false)
  expect(second.take(10)).toBe(true)
})

test('a body that is read on after its account was closed takes nothing from the others', () => {
  const budget = createBodyBudget(10)
  const late = budget.open()
  late.release()
  expect(late.take(1)).toBe(false)
  expect(budget.open().take(10)).toBe(true)
})
