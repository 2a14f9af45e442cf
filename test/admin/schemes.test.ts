import { afterAll, beforeAll, expect, test } from 'bun:test'
import { MODELS } from '../../src/admin/models.ts'
import { PRESETS, parseScheme } from '../../src/core/verification/index.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, startAdmin } from './support.ts'

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

let admin: AdminUnderTest
beforeAll(async () => {
  admin = await startAdmin(engine)
})
afterAll(() => admin.close())

test('the list has every scheme, in the form that the document promises', async () => {
  const answer = await admin.call('GET', '/api/v1/schemes')
  expect(answer.status).toBe(200)
  const { data, next_cursor } = answer.json<{
    data: { name: string; scheme: unknown }[]
    next_cursor: null
  }>()
  expect(next_cursor).toBeNull()
  expect(data.map(({ name }) => name)).toEqual(PRESETS.map(({ name }) => name))
  for (const each of data) {
    expect(Object.keys(each).sort()).toEqual(Object.keys(MODELS.Scheme.properties).sort())
    expect(parseScheme(each.scheme)).toEqual({ scheme: each.scheme } as ReturnType<typeof parseScheme>)
  }
})

test('a secret that its sender makes and shows is not made here', async () => {
  const { data } = (await admin.call('GET', '/api/v1/schemes')).json<{
    data: { name: string; setup: string; may_generate_secret: boolean }[]
  }>()
  const made = data.filter((each) => each.may_generate_secret)
  // Senders of this standard do either.
  expect(made.filter(({ setup }) => /\b(shows?|shown|reveal)\b/.test(setup)).map(({ name }) => name)).toEqual(
    ['standard-webhooks'],
  )
  expect(made.map(({ name }) => name)).not.toContain('buildkite-token')
  expect(made.map(({ name }) => name)).toContain('docker-hub')
})

test('what to do at a sender says nothing of the options of a command', async () => {
  const answer = await admin.call('GET', '/api/v1/schemes')
  const { data } = answer.json<{ data: { name: string; setup: string }[] }>()
  expect(data.filter(({ setup }) => setup.includes('--')).map(({ name }) => name)).toEqual([])
})

test.each(['stripe', 'incident.io', 'generic'])('%s is read by its name', async (name) => {
  const answer = await admin.call('GET', `/api/v1/schemes/${name}`)
  expect(answer.status).toBe(200)
  expect(answer.data<{ name: string }>().name).toBe(name)
})

test.each(['githab', 'constructor', '__proto__', 'Stripe', '%00', 'a%2Fb'])('%s is unknown', async (name) => {
  const answer = await admin.call('GET', `/api/v1/schemes/${name}`)
  expect(answer.status).toBe(404)
  expect(answer.problem().code).toBe('scheme_unknown')
})

test.each(['/api/v1/schemes', '/api/v1/schemes/stripe'])('%s asks for the token', async (path) => {
  expect((await admin.call('GET', path, { token: null })).status).toBe(401)
})
