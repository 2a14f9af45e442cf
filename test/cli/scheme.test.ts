import { expect, test } from 'bun:test'
import { PRESETS, parseScheme } from '../../src/core/verification/index.ts'
import { run } from './support.ts'

test('scheme list has every preset, one a line, in order of name', async () => {
  const { code, out, err } = await run(['scheme', 'list'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const names = out
    .trim()
    .split('\n')
    .slice(1)
    .map((text) => text.split(' ')[0])
  expect(names).toEqual(PRESETS.map(({ name }) => name))
  expect(names).toEqual(names.toSorted())
})

test('scheme list --json says the same to machines', async () => {
  const { data } = JSON.parse((await run(['scheme', 'list', '--json'])).out)
  expect(data).toHaveLength(PRESETS.length)
  const paypal = data.find(({ name }: { name: string }) => name === 'paypal')
  expect(paypal).toMatchObject({ kind: 'rsa-sha256', needs: ['config.webhookId'], certainty: 'B' })
  expect(paypal.not_signed).toContain('CRC-32')
})

test('scheme show prints a record that is a scheme of its own', async () => {
  for (const { name } of PRESETS) {
    const { out } = await run(['scheme', 'show', name, '--json'])
    const { data } = JSON.parse(out)
    expect(parseScheme(data.scheme)).toEqual({ scheme: data.scheme })
  }
})

test('scheme show tells people what a sender needs and leaves unsigned', async () => {
  const { out } = await run(['scheme', 'show', 'docker-hub'])
  expect(out).toMatch(/^needs +secret$/m)
  expect(out).toMatch(/^not_signed +Nothing is signed/m)
})

test('scheme show says where URL and secret go, of every sender', async () => {
  const { out } = await run(['scheme', 'show', 'stripe'])
  expect(out).toMatch(/^setup +.*signing secret/m)
  for (const { name, setup } of PRESETS) {
    expect([name, setup]).toEqual([name, expect.stringMatching(/^[A-Z].{20,300}\.$/)])
    expect([name, /\b(URL|keep it secret)\b/.test(setup)]).toEqual([name, true])
  }
})

test('a scheme that nobody knows is a failure', async () => {
  const { code, out, err } = await run(['scheme', 'show', 'githab'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('no scheme has this name')
})
