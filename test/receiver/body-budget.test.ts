import { expect, test } from 'bun:test'
import { createBodyBudget } from '../../src/receiver/body-budget.ts'

test('all accounts share one budget', () => {
  const budget = createBodyBudget(10, 10)
  const [first, second] = [budget.open('1'), budget.open('1')]
  expect(first.take(6)).toBe(true)
  expect(second.take(5)).toBe(false)
  expect(second.take(4)).toBe(true)
  expect(first.take(1)).toBe(false)
  first.release()
  expect(second.take(6)).toBe(true)
})

test('what is given back twice counts once', () => {
  const budget = createBodyBudget(10, 10)
  const [first, second] = [budget.open('1'), budget.open('1')]
  first.take(5)
  first.release()
  first.release()
  expect(second.take(11)).toBe(false)
  expect(second.take(10)).toBe(true)
})

test('a body that is read on after its account was closed takes nothing from the others', () => {
  const budget = createBodyBudget(10, 10)
  const late = budget.open('1')
  late.release()
  expect(late.take(1)).toBe(false)
  expect(budget.open('1').take(10)).toBe(true)
})

test('one trigger leaves room for the others', () => {
  const budget = createBodyBudget(10, 6)
  const [first, second, other] = [budget.open('1'), budget.open('1'), budget.open('2')]
  expect(first.take(4)).toBe(true)
  expect(second.take(3)).toBe(false)
  expect(other.take(6)).toBe(true)
  first.release()
  expect(second.take(4)).toBe(true)
})
