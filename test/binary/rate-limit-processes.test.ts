/** Several processes in front of one PostgreSQL database are one receiver. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  ask,
  engineName,
  type Installation,
  install,
  longWindowSeconds,
  readAll,
  type Server,
} from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'

const skipped = engineName === 'embedded' ? ' (skipped: the embedded database has one process)' : ''

/** What one process is told reaches the others within this; an answer under load is given some time more. */
const CHANGE_MS_MAX = 1_000 + 500

describe.skipIf(skipped !== '')(`two processes on one database${skipped}`, () => {
  let installation: Installation
  let servers: readonly [Server, Server]

  beforeAll(async () => {
    installation = await install()
    // Both find an empty database at the same moment; the token is given, so that they agree on it.
    const settings = { ATTUNE_ADMIN_TOKEN: 'the-token-of-both-processes-0123456789' }
    servers = await Promise.all([installation.serve(settings), installation.serve(settings)])
  })
  afterAll(() => installation.dispose())

  test.each([1, 2, 3])('of 400 requests at once exactly 50 pass a limit of 50, round %i', async (round) => {
    const [first] = servers
    const windowSeconds = longWindowSeconds()
    const { path, ref } = await first.createTrigger(`limited.r${round}`, {
      rateLimit: { requests: 50, windowSeconds },
    })
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, n) =>
        ask(`${servers[n % 2 === 0 ? 0 : 1].receiverUrl}${path}`, { method: 'POST', body: `{"n":${n}}` }),
      ),
    )
    const count = (status: number) => answers.filter((answer) => answer.status === status).length
    expect([count(200), count(429)]).toEqual([50, 350])
    for (const { status, headers } of answers) {
      if (status === 200) continue
      const retryAfter = Number(headers.get('retry-after'))
      expect(retryAfter).toBeGreaterThanOrEqual(1)
      expect(retryAfter).toBeLessThanOrEqual(windowSeconds)
    }
    const events = await readAll(first, `/api/v1/events?trigger=${ref}`)
    const acknowledged = answers.filter(({ status }) => status === 200).map(({ json }) => json.data.event_id)
    expect(new Set(events.map(({ id }) => id))).toEqual(new Set(acknowledged))
    // Past the rows that a flood may write one by one, they are merged with a count and written a little later.
    await eventually(async () => {
      const { json } = await first.api('GET', `/api/v1/triggers/${ref}/stats`)
      return json.data.rate_limited_requests === 350 && json.data.total_requests === 400
    }, 15_000)
  })

  test('what was stored through one is read through the other', async () => {
    const [first, second] = servers
    const { path } = await first.createTrigger('shared.push')
    const answer = await ask(second.receiverUrl + path, { method: 'POST', body: '{"via":2}' })
    expect(answer.status).toBe(200)
    expect((await first.body(answer.json.data.event_id)).toString()).toBe('{"via":2}')
  })

  test('a change in one is in force in the other within a second', async () => {
    const [first, second] = servers
    const { path, ref } = await first.createTrigger('changing.push')
    const url = second.receiverUrl + path
    const statusIs = (status: number) => async () =>
      (await ask(url, { method: 'POST', body: '{}' })).status === status
    const api = `/api/v1/triggers/${ref}/webhooks`
    expect(await statusIs(200)()).toBe(true)
    for (const [method, change, body, status] of [
      ['PUT', '/hmac', {}, 401],
      ['DELETE', '/hmac', undefined, 200],
      ['PUT', '/ip-whitelist', { cidrs: ['192.0.2.1'] }, 403],
      ['DELETE', '/ip-whitelist', undefined, 200],
      ['POST', '/disable', undefined, 403],
      ['POST', '/enable', undefined, 200],
      ['POST', '/regenerate', undefined, 404],
    ] as const) {
      expect((await first.api(method, api + change, body)).status).toBe(200)
      await eventually(statusIs(status), CHANGE_MS_MAX)
    }
  })

  test('one that is killed takes nothing from the other', async () => {
    const [first, second] = servers
    const { path, ref } = await second.createTrigger('survivor.push')
    const accepted = await ask(first.receiverUrl + path, { method: 'POST', body: '{"before":true}' })
    expect(accepted.status).toBe(200)
    await first.kill()
    expect((await ask(second.receiverUrl + path, { method: 'POST', body: '{}' })).status).toBe(200)
    const events = await readAll(second, `/api/v1/events?trigger=${ref}`)
    expect(events.map(({ id }) => id)).toContain(accepted.json.data.event_id)
    expect(await second.stop()).toBe(0)
  })
})
