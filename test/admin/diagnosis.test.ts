import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { AttemptDiagnosis, Readmission, RejectedBodiesState } from '../../src/admin/models.ts'
import type { RejectionCode } from '../../src/core/rejection.ts'
import { newRequestId } from '../../src/core/request-id.ts'
import { engines } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type AdminUnderTest, startAdmin, triggerWithKey } from './support.ts'

const SECRET = 'the-secret-of-now-0123456789'
const BODY = '{"id":1,"canary":"c0ffee-body"}'
const mac = (body: string, secret = SECRET) => createHmac('sha256', secret).update(body).digest('hex')

describe.each(engines)('diagnosis and readmission ($name)', (under) => {
  let admin: AdminUnderTest
  let count = 0

  beforeAll(async () => {
    admin = await startAdmin(under)
  })
  afterAll(() => admin.close())

  async function github(secret = SECRET) {
    count += 1
    const ref = `t${count}.push`
    const trigger = await triggerWithKey(admin.store, ref)
    await admin.call('PUT', `/api/v1/triggers/${ref}/webhooks/verification`, {
      json: { scheme: 'github', secret },
    })
    return trigger
  }

  interface Rejecting {
    readonly signature?: string
    readonly headers?: [string, string][]
    readonly atMs?: number
    readonly body?: string | null
    readonly code?: RejectionCode
  }

  /** A rejected attempt as the receiver leaves it. */
  async function reject(trigger: Awaited<ReturnType<typeof github>>, given: Rejecting): Promise<string> {
    const { signature = '', body = BODY, code = 'signature_invalid', atMs } = given
    const id = atMs === undefined ? newRequestId() : Bun.randomUUIDv7('hex', atMs)
    const bytes = body === null ? null : new TextEncoder().encode(body)
    const headers: [string, string][] = given.headers ?? [
      ['content-type', 'application/json'],
      ['x-hub-signature-256', signature],
    ]
    const isSingle = admin.store.intakeWriter.record({
      ...trigger,
      id,
      sourceIp: '192.0.2.7',
      userAgent: 'GitHub-Hookshot/1',
      payloadSizeBytes: bytes?.byteLength ?? null,
      headers,
      hmacVerified: false,
      verifiedBy: null,
      outcome: null,
      rateLimited: false,
      ipAllowed: null,
      startedAtMs: performance.now(),
      statusCode: 401,
      errorCode: code,
      errorMessage: 'the digest does not match',
      elapsedMs: 1,
    })
    const { triggerId } = trigger
    if (isSingle)
      admin.store.rejectedBodyWriter.keep({ id, triggerId, method: 'POST', query: '', headers, body: bytes })
    await admin.store.rejectedBodyWriter.flush()
    await eventually(async () => (await admin.call('GET', `/api/v1/webhook-event-log/${id}`)).status === 200)
    return id
  }

  const diagnosed = async (id: string) =>
    (await admin.call('GET', `/api/v1/webhook-event-log/${id}/diagnosis`)).data<AttemptDiagnosis>()
  const readmit = (id: string) => admin.call('POST', `/api/v1/webhook-event-log/${id}/readmit`)
  const eventsOf = async (ref: string) =>
    (await admin.call('GET', `/api/v1/events?trigger=${ref}`)).json<{ data: { id: string }[] }>().data
  const changeSecret = (ref: string, secret: string) =>
    admin.call('PUT', `/api/v1/triggers/${ref}/webhooks/verification`, { json: { scheme: 'github', secret } })

  test('says why, with a remedy, and quotes neither body nor digest', async () => {
    const trigger = await github()
    const id = await reject(trigger, { signature: `sha256=${mac(`${BODY}\n`)}` })
    const answer = await admin.call('GET', `/api/v1/webhook-event-log/${id}/diagnosis`)
    const { has_body, diagnoses } = answer.data<AttemptDiagnosis>()
    expect({ has_body, cause: diagnoses[0]?.cause }).toEqual({ has_body: true, cause: 'body_whitespace' })
    for (const hidden of [SECRET, 'c0ffee', mac(BODY), mac(`${BODY}\n`)])
      expect(answer.text).not.toContain(hidden)
  })

  test('the body that was refused is there byte by byte, to be saved and never shown', async () => {
    const trigger = await github()
    const body = '<script>\u0000\u202e</script>\r\n\ufeff'
    const id = await reject(trigger, { body })
    const answer = await admin.call('GET', `/api/v1/webhook-event-log/${id}/body`)
    expect([answer.status, answer.text]).toEqual([200, body])
    expect(answer.headers.get('content-type')).toBe('application/octet-stream')
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${id}.bin"`)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    await admin.call('DELETE', `/api/v1/triggers/${trigger.triggerRef}/webhooks/rejected-bodies`)
    const gone = await admin.call('GET', `/api/v1/webhook-event-log/${id}/body`)
    expect([gone.status, gone.problem().code]).toEqual([404, 'body_not_kept'])
  })

  test('a body that was empty is there, and one that was not read is not', async () => {
    const trigger = await github()
    const bodyOf = async (body: string | null) => {
      const { status, text } = await admin.call(
        'GET',
        `/api/v1/webhook-event-log/${await reject(trigger, { body })}/body`,
      )
      return [status, status === 200 ? text : JSON.parse(text).code]
    }
    expect(await bodyOf('')).toEqual([200, ''])
    expect(await bodyOf(null)).toEqual([404, 'body_not_kept'])
  })

  test.each([newRequestId(), 'none'])('no attempt has the id %s, and so no body', async (id) => {
    const answer = await admin.call('GET', `/api/v1/webhook-event-log/${id}/body`)
    expect([answer.status, answer.problem().code]).toEqual([404, 'log_row_unknown'])
  })

  test('names the expired secret that was used', async () => {
    const trigger = await github()
    const path = `/api/v1/triggers/${trigger.triggerRef}/webhooks/secrets`
    const added = await admin.call('POST', path, {
      json: { label: 'new', secret: 'another-secret-0123456789', expires_in_seconds: 0 },
    })
    expect(added.status).toBe(201)
    const id = await reject(trigger, { signature: `sha256=${mac(BODY)}` })
    const { diagnoses } = await diagnosed(id)
    expect(diagnoses[0]?.cause).toBe('expired_secret')
  })

  test('answers a random signature with no cause, and of no attempt with 404', async () => {
    const id = await reject(await github(), { signature: `sha256=${mac(BODY, 'somebody else')}` })
    expect((await diagnosed(id)).diagnoses).toEqual([])
    expect((await admin.call('GET', `/api/v1/webhook-event-log/${newRequestId()}/diagnosis`)).status).toBe(
      404,
    )
  })

  test('does not admit what still does not verify, and says so', async () => {
    const trigger = await github()
    const id = await reject(trigger, { signature: `sha256=${mac(BODY, 'the secret it should have been')}` })
    const answer = await readmit(id)
    expect(answer.status).toBe(422)
    expect(answer.problem().code).toBe('readmission_refused')
    expect(answer.text).toContain('does not match')
    expect(await eventsOf(trigger.triggerRef)).toEqual([])
  })

  test('admits exactly once after the mend, however many ask at the same moment', async () => {
    const trigger = await github('wrong-secret-0123456789')
    const id = await reject(trigger, { signature: `sha256=${mac(BODY)}` })
    const before = (await admin.call('GET', `/api/v1/webhook-event-log/${id}`)).text
    expect((await readmit(id)).status).toBe(422)
    await changeSecret(trigger.triggerRef, SECRET)
    const answers = await Promise.all(Array.from({ length: 20 }, () => readmit(id)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const ids = new Set(answers.map((answer) => answer.data<Readmission>().event_id))
    const events = await eventsOf(trigger.triggerRef)
    expect(events.map((event) => event.id)).toEqual([...ids])
    expect((await readmit(id)).data<Readmission>()).toMatchObject({
      event_id: events[0]?.id ?? '',
      readmitted_before: true,
    })
    const [eventId = ''] = ids
    expect((await admin.call('GET', `/api/v1/events/${eventId}/body`)).text).toBe(BODY)
    const row = (await admin.call('GET', `/api/v1/webhook-event-log/${eventId}`)).data<
      Record<string, unknown>
    >()
    expect(row).toMatchObject({
      outcome: 'readmitted',
      event_id: eventId,
      status_code: 200,
      hmac_verified: true,
    })
    expect((await admin.call('GET', `/api/v1/webhook-event-log/${id}`)).text).toBe(before)
    expect((await diagnosed(id)).readmitted_as).toBe(eventId)
  })

  test('admits no delivery that is an event already', async () => {
    const trigger = await github()
    const path = `/api/v1/triggers/${trigger.triggerRef}/webhooks/deduplication`
    expect((await admin.call('PUT', path, { json: { on: ['header:x-delivery'] } })).status).toBe(200)
    const headers: [string, string][] = [
      ['x-hub-signature-256', `sha256=${mac(BODY)}`],
      ['x-delivery', 'd-1'],
    ]
    const [first, second] = [await reject(trigger, { headers }), await reject(trigger, { headers })]
    const admitted = (await readmit(first)).data<Readmission>()
    expect(admitted.readmitted_before).toBe(false)
    for (const _ of [1, 2]) {
      const again = (await readmit(second)).data<Readmission>()
      expect(again).toEqual({ ...admitted, readmitted_before: true })
    }
    expect((await eventsOf(trigger.triggerRef)).length).toBe(1)
  })

  test('what was a duplicate becomes one event when deliveries are no longer recognised, and no event is named that is not there', async () => {
    const trigger = await github()
    const path = `/api/v1/triggers/${trigger.triggerRef}/webhooks/deduplication`
    await admin.call('PUT', path, { json: { on: ['header:x-delivery'] } })
    const headers: [string, string][] = [
      ['x-hub-signature-256', `sha256=${mac(BODY)}`],
      ['x-delivery', 'd-1'],
    ]
    const [first, second] = [await reject(trigger, { headers }), await reject(trigger, { headers })]
    await readmit(first)
    expect((await readmit(second)).data<Readmission>().readmitted_before).toBe(true)
    expect((await admin.call('DELETE', path)).status).toBe(200)
    const answers = await Promise.all(Array.from({ length: 5 }, () => readmit(second)))
    const events = await eventsOf(trigger.triggerRef)
    expect(events.length).toBe(2)
    for (const answer of answers) {
      expect(events.map(({ id }) => id)).toContain(answer.data<Readmission>().event_id)
    }
  })

  test('two processes that claim at the same moment claim one id', async () => {
    const id = newRequestId()
    const claims = await Promise.all(
      Array.from({ length: 10 }, () =>
        admin.store.rejectedBodies.claim(id, newRequestId(), null, 'github.push'),
      ),
    )
    expect(new Set(claims).size).toBe(1)
    const [spent = ''] = claims
    const anew = await Promise.all(
      Array.from({ length: 10 }, () =>
        admin.store.rejectedBodies.claim(id, newRequestId(), spent, 'github.push'),
      ),
    )
    expect(new Set(anew).size).toBe(1)
    expect(anew).not.toContain(spent)
  })

  test('judges the timestamp at the instant of the attempt', async () => {
    const trigger = await github()
    const path = `/api/v1/triggers/${trigger.triggerRef}/webhooks/verification`
    await admin.call('PUT', path, { json: { scheme: 'stripe', secret: SECRET, tolerance_seconds: 1 } })
    const signedAt = Math.floor(Date.now() / 1_000) - 3_600
    const headers: [string, string][] = [
      ['stripe-signature', `t=${signedAt},v1=${mac(`${signedAt}.${BODY}`)}`],
    ]
    const late = await reject(trigger, { headers })
    expect((await diagnosed(late)).diagnoses[0]?.cause).toBe('clock_skew')
    expect((await readmit(late)).status).toBe(422)
    const inTime = await reject(trigger, { headers, atMs: signedAt * 1_000 })
    expect((await readmit(inTime)).status).toBe(200)
  })

  test('refuses what has no body any more', async () => {
    const trigger = await github()
    const unread = await reject(trigger, { signature: 'sha256=00', body: null, code: 'signature_missing' })
    expect((await readmit(unread)).problem().code).toBe('rejected_body_missing')
    const id = await reject(trigger, { signature: `sha256=${mac(BODY)}` })
    const path = `/api/v1/triggers/${trigger.triggerRef}/webhooks/rejected-bodies`
    expect((await admin.call('DELETE', path)).data<RejectedBodiesState>()).toMatchObject({
      bytes_max: 0,
      kept: 0,
    })
    expect((await readmit(id)).status).toBe(409)
    const later = await reject(trigger, { signature: `sha256=${mac(BODY)}` })
    expect((await readmit(later)).status).toBe(409)
  })

  test('refuses a budget out of range and an unknown trigger', async () => {
    const { triggerRef } = await github()
    const path = `/api/v1/triggers/${triggerRef}/webhooks/rejected-bodies`
    for (const bytes_max of [-1, 67_108_865, 1.5, '1']) {
      expect((await admin.call('PUT', path, { json: { bytes_max } })).status).toBe(422)
    }
    const unknown = await admin.call('PUT', '/api/v1/triggers/none/webhooks/rejected-bodies', {
      json: { bytes_max: 1 },
    })
    expect(unknown.status).toBe(404)
  })

  test('the ring holds its budget, and keeps the latest', async () => {
    const trigger = await github()
    const path = `/api/v1/triggers/${trigger.triggerRef}/webhooks/rejected-bodies`
    await admin.call('PUT', path, { json: { bytes_max: 20_000 } })
    const body = new Uint8Array(3_000)
    const { triggerId } = trigger
    let last = ''
    for (let index = 0; index < 40; index += 1) {
      last = newRequestId()
      admin.store.rejectedBodyWriter.keep({
        id: last,
        triggerId,
        method: 'POST',
        query: '',
        headers: [],
        body,
      })
    }
    await admin.store.rejectedBodyWriter.flush()
    const state = (await admin.call('GET', path)).data<RejectedBodiesState>()
    expect(state.kept).toBe(Math.floor(20_000 / (3_000 + 1_024)))
    expect(state.kept_bytes).toBeLessThanOrEqual(20_000)
    expect(await admin.store.rejectedBodies.read(last)).not.toBeNull()
    const small = (await admin.call('PUT', path, { json: { bytes_max: 5_000 } })).data<RejectedBodiesState>()
    expect(small.kept).toBe(1)
    const large = newRequestId()
    admin.store.rejectedBodyWriter.keep({
      id: large,
      triggerId,
      method: 'POST',
      query: '',
      headers: [],
      body: new Uint8Array(6_000),
    })
    await admin.store.rejectedBodyWriter.flush()
    expect(await admin.store.rejectedBodies.read(large)).toBeNull()
  })
})
