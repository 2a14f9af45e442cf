import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { HandshakeState } from '../../src/admin/models.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, fieldsOf, startAdmin } from './support.ts'

describe.each(engines)('handshakes on $name', (under) => {
  let admin: AdminUnderTest
  let count = 0
  beforeAll(async () => {
    admin = await startAdmin(under)
  }, 30_000)
  afterAll(async () => {
    await admin.close()
  }, 30_000)

  async function created(): Promise<string> {
    count += 1
    const ref = `greeted.t${count}`
    await admin.call('POST', '/api/v1/triggers', { json: { ref } })
    return `/api/v1/triggers/${ref}/webhooks/handshake`
  }
  const minutesLeft = ({ armed_until }: HandshakeState) =>
    armed_until === null ? null : Math.round((Date.parse(armed_until) - Date.now()) / 60_000)

  test('a fresh trigger expects none', async () => {
    const answer = await admin.call('GET', await created())
    expect([answer.status, answer.data<HandshakeState>()]).toEqual([200, { armed_until: null, secret: null }])
  })

  test.each([
    [{}, 15],
    [{ minutes: 1 }, 1],
    [{ minutes: 1_440 }, 1_440],
  ])('%j expects one for %d minutes, until it is ended', async (json, minutes) => {
    const path = await created()
    const armed = await admin.call('POST', path, { json })
    expect([armed.status, minutesLeft(armed.data<HandshakeState>())]).toEqual([200, minutes])
    expect(minutesLeft((await admin.call('GET', path)).data<HandshakeState>())).toBe(minutes)
    expect((await admin.call('DELETE', path)).data<HandshakeState>().armed_until).toBeNull()
    expect((await admin.call('GET', path)).data<HandshakeState>().armed_until).toBeNull()
  })

  test.each([[0], [1_441], [1.5], ['5']])('minutes: %p is refused', async (minutes) => {
    const answer = await admin.call('POST', await created(), { json: { minutes } })
    expect([answer.status, fieldsOf(answer)]).toEqual([422, ['minutes']])
  })

  test('a trigger that is not there is said to be so', async () => {
    for (const [method, rest] of [
      ['GET', ''],
      ['POST', ''],
      ['DELETE', ''],
      ['POST', '/reveal'],
    ] as const) {
      const path = `/api/v1/triggers/not.there/webhooks/handshake${rest}`
      const answer = await admin.call(method, path, method === 'POST' && rest === '' ? { json: {} } : {})
      expect(answer.problem().code).toBe('trigger_unknown')
    }
  })

  test('nothing is revealed where nothing was handed over', async () => {
    const answer = await admin.call('POST', `${await created()}/reveal`)
    expect([answer.status, answer.problem().code]).toEqual([404, 'secret_unknown'])
  })

  test('a sender that hands over its secret is set up without one, and none is made', async () => {
    const path = (await created()).replace('/handshake', '/verification')
    const answer = await admin.call('PUT', path, { json: { scheme: 'asana' } })
    expect([answer.status, answer.data<{ secret: null; secrets: [] }>()]).toMatchObject([
      200,
      { secret: null, secrets: [] },
    ])
    expect((await admin.call('PUT', path, { json: { scheme: 'stripe' } })).status).toBe(422)
  })

  test("Meta's verify token is part of the configuration, and never shown again", async () => {
    const path = (await created()).replace('/handshake', '/verification')
    const json = { scheme: 'meta', secret: 'app-secret', config: { verifyToken: 'canary-verify-token' } }
    expect((await admin.call('PUT', path, { json })).status).toBe(200)
    const read = await admin.call('GET', path)
    expect(read.text).not.toContain('canary-verify-token')
    expect(read.data<{ config: object }>().config).toEqual({ verifyToken: '[redacted]' })
  })
})
