/** Senders that never rest, and what they know afterwards: the other half of "acknowledged is stored exactly once". */
import { expect } from 'bun:test'
import { createHmac, randomBytes, randomInt } from 'node:crypto'
import type { Sql } from 'postgres'
import { readAll, type Server } from './binary.ts'

export interface LoadOptions {
  readonly senders: number
  /** Between an answer and the next request of a sender. */
  readonly pauseMs?: number
  /** The same after a refusal: longer, as a real sender waits longer. */
  readonly refusedPauseMs?: number
  readonly bodyBytesMax?: number
  /** One body in forty has so many bytes. */
  readonly largeBodyBytes?: number
  /** Signs each body as the generic scheme has it. */
  readonly secret?: string
  /** An answer that takes longer counts as a hang. */
  readonly answerMsMax?: number
}

/** What the senders have seen so far. */
export interface Load {
  readonly ref: string
  readonly senders: number
  /** Every body that was posted, acknowledged or not; its place here is in its first four bytes. */
  readonly bodies: readonly Buffer[]
  /** Places of the bodies by the ids that were acknowledged. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** How often each status was answered. */
  readonly statuses: ReadonlyMap<number, number>
  /** Connections that were refused, reset or closed before an answer. */
  readonly cutOff: number
  /** Requests that got no answer in time. */
  readonly hung: number
  readonly slowestMs: number
  /** 503s without a usable `Retry-After`. */
  readonly withoutRetryAfter: number
  /** Begins to look for the slowest answer anew. */
  forgetSlowest(): void
  stop(): Promise<void>
}

export function startLoad(url: string, ref: string, options: LoadOptions): Load {
  const {
    senders,
    pauseMs = 2,
    refusedPauseMs = 50,
    bodyBytesMax = 2_000,
    largeBodyBytes,
    secret,
    answerMsMax = 20_000,
  } = options
  const bodies: Buffer<ArrayBuffer>[] = []
  const acknowledged = new Map<string, number>()
  const statuses = new Map<number, number>()
  const seen = { cutOff: 0, hung: 0, slowestMs: 0, withoutRetryAfter: 0 }
  let stopped = false

  const newBody = (): Buffer<ArrayBuffer> => {
    const place = bodies.length
    const isLarge = largeBodyBytes !== undefined && place % 40 === 39
    const body = Buffer.from(randomBytes(isLarge ? largeBodyBytes : randomInt(4, bodyBytesMax)))
    body.writeUInt32BE(place)
    bodies.push(body)
    return body
  }
  const sendOne = async (): Promise<boolean> => {
    const body = newBody()
    const place = body.readUInt32BE()
    const startedAtMs = performance.now()
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: secret === undefined ? {} : { 'x-webhook-signature': signatureOf(body, secret) },
        signal: AbortSignal.timeout(answerMsMax),
      })
      const text = await response.text()
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      if (response.status === 200) acknowledged.set(JSON.parse(text).data.event_id, place)
      if (response.status === 503 && !(Number(response.headers.get('retry-after')) > 0))
        seen.withoutRetryAfter += 1
      return response.status === 200
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') seen.hung += 1
      else seen.cutOff += 1
      return false
    } finally {
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - startedAtMs)
    }
  }
  const done = Promise.all(
    Array.from({ length: senders }, async () => {
      while (!stopped) await Bun.sleep((await sendOne()) ? pauseMs : refusedPauseMs)
    }),
  )
  return {
    ref,
    senders,
    bodies,
    acknowledged,
    statuses,
    get cutOff() {
      return seen.cutOff
    },
    get hung() {
      return seen.hung
    },
    get slowestMs() {
      return seen.slowestMs
    },
    get withoutRetryAfter() {
      return seen.withoutRetryAfter
    },
    forgetSlowest() {
      seen.slowestMs = 0
    },
    async stop() {
      stopped = true
      await done
    },
  }
}

export const signatureOf = (body: Uint8Array, secret: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

/** What the database holds of one trigger. */
export interface Stored {
  readonly bodies: ReadonlyMap<string, Buffer>
  /** As often as they are there. */
  readonly eventIds: readonly string[]
  /** Of the audit rows that name an event. */
  readonly auditedIds: readonly string[]
}

export async function storedBySql(sql: Sql, ref: string): Promise<Stored> {
  const events = await sql<{ id: string; body: Buffer }[]>`
    select id::text, body from attune.event where trigger_ref = ${ref}`
  const rows = await sql<{ id: string }[]>`
    select event_id::text as id from attune.webhook_event_log
    where trigger_ref = ${ref} and event_id is not null and status_code = 200`
  return {
    bodies: new Map(events.map(({ id, body }) => [id, body])),
    eventIds: events.map(({ id }) => id),
    auditedIds: rows.map(({ id }) => id),
  }
}

/** As consumers read it, which is the only way into the embedded database. */
export async function storedByApi(server: Server, ref: string): Promise<Stored> {
  const events = await readAll(server, `/api/v1/events?trigger=${ref}`)
  const rows = await readAll(server, `/api/v1/webhook-event-log?trigger=${ref}&status=200`)
  const eventIds = events.map(({ id }) => id as string)
  const bodies = new Map<string, Buffer>()
  for (const id of eventIds) bodies.set(id, await server.body(id))
  return { bodies, eventIds, auditedIds: rows.map(({ event_id }) => event_id as string) }
}

/**
 * Every acknowledged event is there exactly once, with its audit row, byte for byte. One that was not acknowledged may be
 * there too, because its sender never heard the answer, but whole, and not twice.
 */
export function expectStoredOnce({ ref, bodies, acknowledged }: Load, stored: Stored): void {
  const lost = [...acknowledged.keys()].filter((id) => !stored.bodies.has(id))
  expect([ref, 'lost', lost]).toEqual([ref, 'lost', []])
  expect([ref, 'ids', stored.bodies.size]).toEqual([ref, 'ids', stored.eventIds.length])
  expect([ref, 'rows', stored.auditedIds.toSorted()]).toEqual([ref, 'rows', stored.eventIds.toSorted()])
  const places = new Set<number>()
  const wrong: string[] = []
  for (const [id, body] of stored.bodies) {
    const place = body.byteLength < 4 ? -1 : body.readUInt32BE()
    places.add(place)
    const isSame = bodies[place]?.equals(body) === true
    if (!isSame || (acknowledged.get(id) ?? place) !== place) wrong.push(id)
  }
  expect([ref, 'wrong', wrong]).toEqual([ref, 'wrong', []])
  expect([ref, 'bodies', places.size]).toEqual([ref, 'bodies', stored.bodies.size])
}

/** Whatever went wrong was ours, and was said to be: senders that see a 5xx send again. */
export function expectOnlySuccessOr5xx(load: Load): void {
  expect([...load.statuses.keys()].filter((status) => status !== 200 && status < 500)).toEqual([])
  expect({ hung: load.hung, withoutRetryAfter: load.withoutRetryAfter }).toEqual({
    hung: 0,
    withoutRetryAfter: 0,
  })
}
