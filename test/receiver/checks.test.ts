/** What the trail keeps of each check, through the assembled receiver: the verdicts have to be the truth, whoever refused and when. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { decodeChecks } from '../../src/core/check.ts'
import { AUDIT_ROWS_BURST_PER_TRIGGER } from '../../src/core/limits.ts'
import { engines, type TestEngine } from '../support/database.ts'
import { chunk, head, openConnection, sendRaw } from '../support/raw-http.ts'
import {
  startReceiver,
  type TestReceiver,
  type TestTrigger,
  type TriggerOptions,
} from '../support/receiver.ts'

const SECRET = 'canary-secret-of-the-sender'
const BODY = '{"zen":"Design for failure."}'
const TOKEN = 'qgg8vlvZRS6UYooatFL8Aw'
const LARGE = 'x'.repeat(2_000)
const HMAC = { hmac: { secret: SECRET } }
const ALL_ON = {
  ...HMAC,
  ipWhitelist: ['127.0.0.0/8'],
  rateLimit: { requests: 100, window_seconds: 3_600 },
  payloadKb: 1,
}

const signed = (body: string, secret = SECRET) => ({
  'x-webhook-signature': createHmac('sha256', secret).update(body).digest('hex'),
})

const asLetters = (checks: string | null | undefined): string =>
  (decodeChecks(checks ?? null) ?? []).map(({ verdict }) => LETTERS[verdict]).join('')
const LETTERS = { passed: 'p', refused: 'R', off: 'o', not_reached: 'n' } as const

describe.each(engines)('what the checks said ($name)', ({ open }) => {
  let database: TestEngine
  let receiver: TestReceiver
  beforeAll(async () => {
    database = await open()
    receiver = await startReceiver(database.engine)
  }, 30_000)
  afterAll(async () => {
    await receiver.close()
    await database.dispose()
  }, 30_000)

  /** The column of an attempt, whose row is written a little after its answer. */
  async function checksOf(id: string | null | undefined): Promise<string | null> {
    await receiver.logRow(id)
    const [row] = await receiver.sql<{ checks: string | null }[]>`
      select checks from attune.webhook_event_log where id = ${id ?? ''}`
    return row?.checks ?? null
  }

  const post = async (trigger: TestTrigger, body: string, headers: Record<string, string> = {}) =>
    checksOf((await receiver.post(trigger.path, body, headers)).headers.get('x-request-id'))

  async function postChunked(trigger: TestTrigger, body: string, headers: Record<string, string> = {}) {
    const all: [string, string][] = [...Object.entries(headers), ['Transfer-Encoding', 'chunked']]
    const parts = [chunk(Buffer.from(body)), chunk(Buffer.alloc(0))]
    const answer = await sendRaw(receiver.port, head(trigger.path, all), ...parts)
    return checksOf(answer.headers.get('x-request-id'))
  }

  interface Case {
    readonly options: TriggerOptions
    readonly body?: string
    readonly headers?: Record<string, string>
    readonly verdicts: string
  }

  const CASES: readonly (readonly [string, Case])[] = [
    ['everything on, accepted', { options: ALL_ON, headers: signed(BODY), verdicts: 'pppppp' }],
    ['nothing on, accepted', { options: {}, verdicts: 'ppooop' }],
    ['disabled', { options: { ...ALL_ON, enabled: false }, verdicts: 'Rnnnnn' }],
    ['declared too large', { options: ALL_ON, body: LARGE, verdicts: 'pRnnnn' }],
    ['off the whitelist', { options: { ...ALL_ON, ipWhitelist: ['10.0.0.0/8'] }, verdicts: 'ppRnnn' }],
    ['signature missing', { options: ALL_ON, verdicts: 'ppppRn' }],
    ['signature invalid', { options: ALL_ON, headers: signed(BODY, 'another secret'), verdicts: 'ppppRn' }],
    ['signature invalid, the rest off', { options: HMAC, headers: signed('x'), verdicts: 'ppooRn' }],
  ]

  test.each(CASES)('%s', async (_, { options, body = BODY, headers = {}, verdicts }) => {
    const checks = await post(await receiver.trigger(options), body, headers)
    expect(asLetters(checks)).toBe(verdicts)
  })

  test.each<readonly [string, Case]>([
    ['accepted', { options: ALL_ON, headers: signed(BODY), verdicts: 'pppppp' }],
    ['accepted, nothing on', { options: {}, verdicts: 'ppooop' }],
    ['too large for the signature to be judged', { options: ALL_ON, body: LARGE, verdicts: 'pRppnn' }],
    ['too large, nothing on', { options: { payloadKb: 1 }, body: LARGE, verdicts: 'pRooon' }],
    // Nobody has counted what was not read.
    ['off the whitelist', { options: { ...ALL_ON, ipWhitelist: ['10.0.0.0/8'] }, verdicts: 'pnRnnn' }],
    ['signature invalid', { options: ALL_ON, headers: signed('x'), verdicts: 'ppppRn' }],
  ])('of a chunked body: %s', async (_, { options, body = BODY, headers = {}, verdicts }) => {
    expect(asLetters(await postChunked(await receiver.trigger(options), body, headers))).toBe(verdicts)
  })

  test('a check that ran has its time, any other none; that of storing is not known yet', async () => {
    const accepted = decodeChecks(await post(await receiver.trigger(ALL_ON), BODY, signed(BODY))) ?? []
    expect(accepted.map(({ elapsed_us }) => elapsed_us !== null)).toEqual([
      ...[true, true, true],
      ...[true, true, false],
    ])
    const blocked = await post(await receiver.trigger({ ...ALL_ON, ipWhitelist: [] }), BODY)
    expect(decodeChecks(blocked)?.map(({ elapsed_us }) => elapsed_us !== null)).toEqual([
      ...[true, true, true],
      ...[false, false, false],
    ])
  })

  test('the wait for a slow body is that of the size, not of the signature', async () => {
    const trigger = await receiver.trigger(HMAC)
    const connection = await openConnection(receiver.port)
    const [name = '', value = ''] = Object.entries(signed(BODY))[0] ?? []
    connection.write(
      head(trigger.path, [
        ['Content-Length', String(BODY.length)],
        [name, value],
      ]),
    )
    connection.write(BODY.slice(0, 5))
    await Bun.sleep(200)
    connection.write(BODY.slice(5))
    const checks = decodeChecks(await checksOf((await connection.response()).headers.get('x-request-id')))
    connection.destroy()
    expect(checks?.[1]?.elapsed_us).toBeGreaterThan(100_000)
    expect(checks?.[4]?.elapsed_us).toBeLessThan(100_000)
  })

  test('a limit that is found used up by the count of the batch has refused, whatever had passed behind it', async () => {
    const limit = { requests: 4, window_seconds: 3_600 }
    const trigger = await receiver.trigger({ ...HMAC, rateLimit: limit })
    expect(asLetters(await post(trigger, BODY, signed(BODY)))).toBe('ppoppp')
    // Another process uses up the window meanwhile.
    await receiver.sql`select attune.check_webhook_rate_limit(${trigger.key}, 4, 3600) from generate_series(1, 10)`
    const response = await receiver.post(trigger.path, BODY, signed(BODY))
    expect(response.status).toBe(429)
    expect(asLetters(await checksOf(response.headers.get('x-request-id')))).toBe('ppoRpn')
    // And from memory, before its signature is looked at.
    expect(asLetters(await post(trigger, BODY, signed(BODY)))).toBe('ppoRnn')
  })

  test('a store that refuses has refused', async () => {
    const trigger = await receiver.trigger(HMAC)
    await receiver.sql.unsafe(
      `alter table attune.event add constraint "broken ${trigger.ref}" check (trigger_ref <> '${trigger.ref}') not valid`,
    )
    const checks = await post(trigger, BODY, signed(BODY))
    await receiver.sql.unsafe(`alter table attune.event drop constraint "broken ${trigger.ref}"`)
    expect(asLetters(checks)).toBe('ppoopR')
    expect(decodeChecks(checks)?.[5]?.elapsed_us).toBeGreaterThan(0)
  })

  test('a duplicate has passed them all', async () => {
    const trigger = await receiver.trigger()
    await receiver.store.verifications.set(trigger.ref, { scheme: 'github' }, [
      { label: 'default', text: SECRET },
    ])
    await receiver.store.triggers.setDeduplication(trigger.ref, [], 3_600)
    const headers = {
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(BODY).digest('hex')}`,
      'x-github-delivery': 'a',
    }
    for (const _ of [1, 2]) expect(asLetters(await post(trigger, BODY, headers))).toBe('ppoopp')
  })

  test('an id that is good for one use and comes with another body is refused by the signature', async () => {
    const trigger = await receiver.trigger()
    await receiver.store.verifications.set(trigger.ref, { scheme: 'mailgun' }, [
      { label: 'default', text: SECRET },
    ])
    const timestamp = String(Math.floor(Date.now() / 1000))
    const signature = {
      timestamp,
      token: 't'.repeat(50),
      signature: createHmac('sha256', SECRET)
        .update(timestamp + 't'.repeat(50))
        .digest('hex'),
    }
    const bodyOf = (event: string) => JSON.stringify({ signature, 'event-data': { event } })
    const json = { 'content-type': 'application/json' }
    expect(asLetters(await post(trigger, bodyOf('delivered'), json))).toBe('ppoopp')
    expect(asLetters(await post(trigger, bodyOf('opened'), json))).toBe('ppooRn')
  })

  test.each([
    ['answered', TOKEN, 200],
    ['refused', '<script>', 403],
  ])('a signed handshake that is %s ends behind the signature', async (_, challenge, status) => {
    const trigger = await receiver.trigger()
    await receiver.store.verifications.set(trigger.ref, { scheme: 'slack' }, [
      { label: 'default', text: SECRET },
    ])
    const body = JSON.stringify({ challenge, type: 'url_verification' })
    const ts = String(Math.floor(Date.now() / 1_000))
    const mac = createHmac('sha256', SECRET).update(`v0:${ts}:${body}`).digest('hex')
    const headers = { 'x-slack-request-timestamp': ts, 'x-slack-signature': `v0=${mac}` }
    const answer = await receiver.post(trigger.path, body, headers)
    expect(answer.status).toBe(status)
    expect(asLetters(await checksOf(answer.headers.get('x-request-id')))).toBe('ppoopn')
  })

  test.each([
    ['answered', 'meatyhamhock', 200],
    ['refused', 'another', 403],
  ])(
    'a handshake before anything is signed that is %s ends ahead of the signature',
    async (_, token, status) => {
      const trigger = await receiver.trigger()
      const config = { verifyToken: 'meatyhamhock' }
      await receiver.store.verifications.set(trigger.ref, { scheme: 'meta', config }, [
        { label: 'default', text: SECRET },
      ])
      const query = `?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${token}`
      const answer = await fetch(receiver.url + trigger.path + query)
      expect(answer.status).toBe(status)
      expect(asLetters(await checksOf(answer.headers.get('x-request-id')))).toBe('ppoonn')
    },
  )

  test('another method is turned away before any check', async () => {
    const trigger = await receiver.trigger(ALL_ON)
    const response = await fetch(receiver.url + trigger.path)
    expect(response.status).toBe(405)
    expect(asLetters(await checksOf(response.headers.get('x-request-id')))).toBe('nnnnnn')
  })

  test('a change while the body comes in is what counts', async () => {
    const trigger = await receiver.trigger(HMAC)
    const connection = await openConnection(receiver.port)
    const [name = '', value = ''] = Object.entries(signed(BODY))[0] ?? []
    connection.write(
      head(trigger.path, [
        ['Content-Length', String(BODY.length)],
        [name, value],
      ]),
    )
    connection.write(BODY.slice(0, 5))
    await connection.flushed()
    await Bun.sleep(50)
    await receiver.store.triggers.setIpWhitelist(trigger.ref, ['10.0.0.0/8'])
    connection.write(BODY.slice(5))
    const answer = await connection.response()
    connection.destroy()
    expect(answer.status).toBe(403)
    expect(asLetters(await checksOf(answer.headers.get('x-request-id')))).toBe('ppRopn')
  })

  test('a row of its own has them, and one that stands for many has none', async () => {
    const trigger = await receiver.trigger({ enabled: false })
    const flood = AUDIT_ROWS_BURST_PER_TRIGGER + 50
    await Promise.all(Array.from({ length: flood }, () => receiver.post(trigger.path, BODY)))
    const rows = await receiver.logRowsOf(trigger, AUDIT_ROWS_BURST_PER_TRIGGER + 1)
    const merged = rows.filter(({ attempts }) => attempts > 1)
    expect(merged.length).toBeGreaterThan(0)
    expect(merged.map((row) => (row as { checks?: string | null }).checks)).toEqual(merged.map(() => null))
    expect(asLetters((rows[0] as { checks?: string | null }).checks)).toBe('Rnnnnn')
  })
})
