/** The walk of an operator, from an empty folder to a crash and back, through the commands of the binary alone. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WebhookEventLogRow, WebhookStats } from '../../src/core/event.ts'
import type { Trigger } from '../../src/core/trigger.ts'
import {
  type Answer,
  ask,
  engineName,
  type Installation,
  install,
  longWindowSeconds,
  type Server,
} from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'

const PAYLOAD = '{"ref":"refs/heads/main","repository":{"full_name":"octocat/hello-world"}}'

let installation: Installation
let server: Server
let url = ''
let secret = ''
/** Ids of all that was accepted, with the bytes that were sent. */
const accepted = new Map<string, string>()

beforeAll(async () => {
  installation = await install()
})
afterAll(() => installation.dispose())

describe(`an operator and a sender, ${engineName}`, () => {
  test('migrate makes the database, and has nothing to do the second time', async () => {
    expect(readdirSync(installation.folder)).toEqual([])
    const first = await json<{ applied: string[]; version: number }>('migrate')
    expect(first.applied.length).toBe(first.version)
    expect(await json('migrate')).toEqual({ applied: [], version: first.version })
  })

  test('healthcheck says no before the server runs, and yes when it does', async () => {
    const before = await installation.run(['healthcheck', '--admin-url', 'http://127.0.0.1:9'])
    expect([before.code, before.stdout]).toEqual([1, ''])
    server = await installation.serve()
    const after = await installation.run(['healthcheck'])
    expect([after.code, after.stdout]).toEqual([0, 'ready\n'])
  })

  test('version and config print what is there', async () => {
    expect(await json('version')).toHaveProperty('version')
    const settings = await json<{ variable: string; value: string | null }[]>('config')
    const names = settings.map(({ variable }) => variable)
    expect(names).toContain('DATABASE_URL')
    expect(names).toContain('ATTUNE_TRUSTED_PROXIES')
  })

  test('a trigger is created once', async () => {
    const trigger = await json<Trigger>('trigger', 'create', 'github.push', '--label', 'Pushes')
    expect(trigger).toMatchObject({ ref: 'github.push', label: 'Pushes', webhook_enabled: false })
    const again = await installation.run(['trigger', 'create', 'github.push'])
    expect([again.code, again.stdout]).toEqual([1, ''])
    expect(again.stderr).toContain('trigger_ref_taken')
  })

  test('enabling webhooks gives the URL for the sender', async () => {
    const state = await json<Trigger>('webhook', 'enable', 'github.push')
    expect(state.webhook_enabled).toBe(true)
    expect(state.webhook_key).toMatch(/^wh_.{32}$/)
    url = String(state.webhook_url)
    expect(url).toBe(`${server.receiverUrl}/api/v1/webhooks/${state.webhook_key}`)
  })

  test('enabling HMAC shows the secret this once', async () => {
    const state = await json<{ secret: string }>('hmac', 'enable', 'github.push')
    secret = state.secret
    expect(secret).toMatch(/^[0-9a-f]{128}$/)
    for (const words of [
      ['trigger', 'show', 'github.push'],
      ['trigger', 'list'],
    ]) {
      expect((await installation.run([...words, '--json'])).stdout).not.toContain(secret)
    }
  })

  test('a signed payload is 200 and becomes an event', async () => {
    const answer = await post(PAYLOAD)
    expect(answer.status).toBe(200)
    expect(answer.json.data).toMatchObject({ trigger_ref: 'github.push' })
    const { event_id: id } = answer.json.data
    const event = await json<{ payload: unknown }>('events', 'show', id)
    expect(event.payload).toEqual(JSON.parse(PAYLOAD))
    const body = await installation.run(['events', 'show', id, '--body'])
    expect(Buffer.from(body.bytes).equals(Buffer.from(PAYLOAD))).toBe(true)
    const events = await json<{ id: string }[]>('events', 'list', '--trigger', 'github.push')
    expect(events.map((listed) => listed.id)).toEqual([id])
  })

  test('send signs and posts, and tells by its exit code what became of it', async () => {
    const settings = { ATTUNE_WEBHOOK_SECRET: secret }
    const good = await installation.run(['send', 'github.push', '--data', PAYLOAD, '--json'], { settings })
    expect(good.code).toBe(0)
    const { data } = JSON.parse(good.stdout)
    expect(data.status).toBe(200)
    accepted.set(data.body.data.event_id, PAYLOAD)
    const words = ['send', 'github.push', '--data', PAYLOAD, '--secret-file', '-']
    const bad = await installation.run(words, { input: 'another secret\n' })
    expect(bad.code).toBe(1)
    expect(bad.stdout).toStartWith('401')
  })

  test('one byte changed is 401, and so is no signature', async () => {
    const signature = sign(PAYLOAD)
    expect(codeOf(await post(PAYLOAD.replace('main', 'maim'), signature))).toEqual([401, 'signature_invalid'])
    expect(codeOf(await post(PAYLOAD, ''))).toEqual([401, 'signature_missing'])
  })

  test('an address off the whitelist is 403', async () => {
    const trigger = await json<Trigger>('ip-whitelist', 'set', 'github.push', '192.0.2.1', '2001:db8::/32')
    expect(trigger.webhook_ip_whitelist).toEqual(['192.0.2.1', '2001:db8::/32'])
    expect(codeOf(await post(PAYLOAD))).toEqual([403, 'ip_not_allowed'])
    await json('ip-whitelist', 'set', 'github.push', '127.0.0.0/8')
    expect((await post(PAYLOAD)).status).toBe(200)
    const off = await json<Trigger>('ip-whitelist', 'disable', 'github.push')
    expect(off.webhook_ip_whitelist_enabled).toBe(false)
    const wrong = await installation.run(['ip-whitelist', 'set', 'github.push', '10.0.0.1/8'])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('cidrs[0]')
  })

  test('the eleventh request of a limit of ten is 429 and says when to come back', async () => {
    const windowSeconds = longWindowSeconds()
    await json(
      ...['rate-limit', 'set', 'github.push'],
      ...['--requests', '10', '--window-seconds', String(windowSeconds)],
    )
    for (let request = 1; request <= 10; request += 1) {
      expect([request, (await post(PAYLOAD)).status]).toEqual([request, 200])
    }
    const eleventh = await post(PAYLOAD)
    expect(codeOf(eleventh)).toEqual([429, 'rate_limited'])
    const retryAfter = Number(eleventh.headers.get('retry-after'))
    expect(retryAfter).toBeGreaterThanOrEqual(1)
    expect(retryAfter).toBeLessThanOrEqual(windowSeconds)
    expect(eleventh.headers.get('ratelimit')).toBe(`"default";r=0;t=${retryAfter}`)
    const off = await json<Trigger>('rate-limit', 'disable', 'github.push')
    expect(off.webhook_rate_limit_enabled).toBe(false)
    expect((await post(PAYLOAD)).status).toBe(200)
  })

  test('a body over the limit is 413, declared or chunked, and one at the limit is not', async () => {
    await json('payload-limit', 'set', 'github.push', '--kb', '1')
    const exact = 'x'.repeat(1024)
    expect((await post(exact)).status).toBe(200)
    expect(codeOf(await post(`${exact}y`))).toEqual([413, 'payload_too_large'])
    expect(codeOf(await post(chunked(`${exact}y`), sign(`${exact}y`)))).toEqual([413, 'payload_too_large'])
    const inChunks = await post(chunked(exact), sign(exact))
    expect(inChunks.status).toBe(200)
    accepted.set(inChunks.json.data.event_id, exact)
    const reset = await json<Trigger>('payload-limit', 'reset', 'github.push')
    expect(reset.webhook_payload_size_limit_kb).toBe(1024)
  })

  test('a disabled webhook is 403 and keeps its URL', async () => {
    expect((await json<Trigger>('webhook', 'disable', 'github.push')).webhook_enabled).toBe(false)
    expect(codeOf(await post(PAYLOAD))).toEqual([403, 'webhook_disabled'])
    expect((await json<Trigger>('webhook', 'enable', 'github.push')).webhook_url).toBe(url)
    expect((await post(PAYLOAD)).status).toBe(200)
  })

  test('an unknown key is 404', async () => {
    const unknown = await ask(`${server.receiverUrl}/api/v1/webhooks/wh_${'a'.repeat(32)}`, {
      method: 'POST',
      body: PAYLOAD,
    })
    expect(codeOf(unknown)).toEqual([404, 'webhook_unknown'])
  })

  test('log list has all of it with the exact reasons, and stats agree', async () => {
    const rows = await eventually(async () => {
      const listed = await json<WebhookEventLogRow[]>('log', 'list', '--limit', '500')
      return listed.length === accepted.size + REJECTED.length && listed
    })
    const rejected = rows.filter((row) => row.status_code !== 200).toReversed()
    expect(rejected.map((row) => [row.status_code, row.error_code, row.error_message])).toEqual(
      REJECTED.map(([status, code, reason]) => [status, code, expect.stringMatching(reason)]),
    )
    const stored = rows.filter((row) => row.status_code === 200)
    expect(new Set(stored.map((row) => row.event_id))).toEqual(new Set(accepted.keys()))
    for (const row of rows) expect(row).toMatchObject({ source_ip: '127.0.0.1', attempts: 1 })

    const stats = await json<WebhookStats>('stats', 'github.push')
    const count = (code: RegExp) => REJECTED.filter(([, name]) => code.test(name)).length
    expect(stats).toMatchObject({
      trigger_ref: 'github.push',
      total_requests: rows.length,
      successful_requests: accepted.size,
      failed_requests: REJECTED.length,
      rate_limited_requests: count(/^rate_limited$/),
      hmac_failures: count(/^signature_/),
      ip_blocked_requests: count(/^ip_not_allowed$/),
      events_created: accepted.size,
    })
    expect(await json('stats')).toMatchObject({
      total_requests: rows.length,
      failed_requests: REJECTED.length,
    })
  })

  test('log list filters by status, code, address and time', async () => {
    const count = async (...filter: string[]) =>
      (await json<unknown[]>('log', 'list', '--limit', '500', ...filter)).length
    expect(await count('--status', '413')).toBe(2)
    expect(await count('--code', 'rate_limited')).toBe(1)
    expect(await count('--ip', '127.0.0.1')).toBe(accepted.size + REJECTED.length)
    expect(await count('--ip', '192.0.2.1')).toBe(0)
    expect(await count('--until', '2020-01-01T00:00:00Z')).toBe(0)
    expect(await count('--trigger', 'github.pull')).toBe(0)
  })

  test('log list --follow prints new rows until it is interrupted', async () => {
    const follower = installation.launch(['log', 'list', '--follow', '--limit', '1', '--json'])
    const lines = () => follower.stdout().trim().split('\n')
    await eventually(() => follower.stdout().endsWith('\n'), 10_000)
    const answer = await post(PAYLOAD)
    const row = await eventually(
      () => lines().find((line) => line.includes(answer.json.data.event_id)),
      10_000,
    )
    expect(JSON.parse(row)).toMatchObject({ status_code: 200, event_id: answer.json.data.event_id })
    follower.signal('SIGINT')
    expect(await follower.exited).toBe(0)
  })

  test('after SIGKILL and a new start nothing is missing', async () => {
    const questions = [
      ['log', 'list', '--limit', '500'],
      ['events', 'list', '--limit', '500'],
      ['stats', 'github.push'],
    ]
    const answers = () => Promise.all(questions.map((words) => json(...words)))
    const before = await answers()
    await server.kill()
    server = await installation.serve()
    expect(await answers()).toEqual(before)
    for (const [id, body] of accepted) {
      expect([id, (await server.body(id)).toString()]).toEqual([id, body])
    }
    const state = await json<Trigger>('trigger', 'show', 'github.push')
    url = String(state.webhook_url)
    expect((await post(PAYLOAD)).status).toBe(200)
  })

  test('a regenerated key ends the old one at once', async () => {
    const old = url
    url = String((await json<Trigger>('webhook', 'regenerate', 'github.push')).webhook_url)
    expect(url).not.toBe(old)
    expect((await post(PAYLOAD)).status).toBe(200)
    expect((await ask(old, { method: 'POST', body: PAYLOAD })).status).toBe(404)
  })

  test('hmac disable takes the signature away', async () => {
    expect((await json<Trigger>('hmac', 'disable', 'github.push')).webhook_hmac_enabled).toBe(false)
    expect((await post(PAYLOAD, '')).status).toBe(200)
  })

  test('a secret of the sender is taken from a file and not shown again', async () => {
    writeFileSync(join(installation.folder, 'secret'), 'the-sender-made-this\n')
    const words = ['hmac', 'enable', 'github.push', '--algorithm', 'sha512', '--secret-file', 'secret']
    const { code, stdout, stderr } = await installation.run(words)
    expect(code).toBe(0)
    expect(stdout + stderr).not.toContain('the-sender-made-this')
    const sent = await installation.run(['send', 'github.push', '--secret-file', 'secret'])
    expect([sent.code, sent.stdout.split('\n')[0]]).toEqual([0, '200 OK'])
    expect(sent.stderr).toContain('sha512')
  })

  test('a deleted trigger ends its URL and leaves its log', async () => {
    const { code } = await installation.run(['trigger', 'delete', 'github.push', '--yes'])
    expect(code).toBe(0)
    expect((await ask(url, { method: 'POST', body: PAYLOAD })).status).toBe(404)
    const gone = await installation.run(['trigger', 'show', 'github.push'])
    expect(gone.code).toBe(1)
    expect(gone.stderr).toContain('trigger_unknown')
    const rows = await json<unknown[]>('log', 'list', '--trigger', 'github.push', '--limit', '500')
    expect(rows.length).toBeGreaterThanOrEqual(accepted.size)
  })

  test('every list is readable for people too', async () => {
    for (const words of [
      ['config'],
      ['trigger', 'list'],
      ['events', 'list', '--limit', '2'],
      ['log', 'list', '--limit', '2'],
      ['stats'],
      ['version'],
    ]) {
      const { code, stdout } = await installation.run(words)
      expect([words, code]).toEqual([words, 0])
      expect(() => JSON.parse(stdout)).toThrow()
    }
  })

  test('SIGTERM ends it with 0', async () => {
    expect(await server.stop()).toBe(0)
    expect((await installation.run(['healthcheck'])).code).toBe(1)
  })
})

/** What the walk provokes before the log is read, in this order. */
const REJECTED = [
  [401, 'signature_invalid', /^the digest does not match$/],
  [401, 'signature_invalid', /^the digest does not match$/],
  [401, 'signature_missing', /^no signature header is present$/],
  [403, 'ip_not_allowed', /^127\.0\.0\.1 is on none of 2 entries of the whitelist$/],
  [429, 'rate_limited', /^more than 10 requests in \d+ seconds$/],
  [413, 'payload_too_large', /^the declared length of 1025 bytes exceeds the limit of 1024$/],
  [413, 'payload_too_large', /^the body exceeds the limit of 1024 bytes$/],
  [403, 'webhook_disabled', /^webhooks of this trigger are disabled$/],
] as const

/** Runs a command with `--json`, which has to succeed, and returns its data. */
// biome-ignore lint/suspicious/noExplicitAny: what the binary answers.
async function json<T = any>(...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await installation.run([...words, '--json'])
  if (code !== 0) throw new Error(`${words.join(' ')} exited with ${code}: ${stderr}`)
  return JSON.parse(stdout).data
}

const sign = (body: string): string => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

const codeOf = (answer: Answer): [number, string | undefined] => [answer.status, answer.json?.code]

/** Posts with a signature of the body, or with the one that is given; with none for an empty one. */
async function post(body: string | ReadableStream<Uint8Array>, signature?: string): Promise<Answer> {
  const value = signature ?? (typeof body === 'string' ? sign(body) : '')
  const answer = await ask(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(value === '' ? {} : { 'x-hub-signature-256': value }),
    },
    body,
  })
  if (answer.status === 200 && typeof body === 'string') accepted.set(answer.json.data.event_id, body)
  return answer
}

/** Without a declared length, as two pieces. */
const chunked = (text: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      const bytes = new TextEncoder().encode(text)
      controller.enqueue(bytes.subarray(0, 512))
      controller.enqueue(bytes.subarray(512))
      controller.close()
    },
  })
