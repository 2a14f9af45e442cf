import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { PAGE_ROWS_MAX, TAIL_IDENTITY_MS, TAIL_QUEUE_BYTES_MAX, TAIL_SILENCE_MS_MAX } from '../core/limits.ts'
import { type LogFilter, matchesLogFilter } from '../core/log-filter.ts'
import { requestIdTime, requestIdTimeMs } from '../core/request-id.ts'
import type { Store } from '../store/index.ts'
import type { StoredLogRow } from '../store/log-filter.ts'
import type { TailReader } from '../store/log-tail.ts'
import type { Authentication } from './authentication.ts'
import { describe } from './describe.ts'
import { problemIf, queryOf, type Rule } from './input.ts'
import { logFilterFields, logFilterOf, logFilterRules } from './log-filter.ts'
import { rowView } from './webhook-event-log.ts'

interface Deps {
  readonly store: Pick<Store, 'logTail' | 'webhookEventLog'>
  readonly authentication: Authentication
  /** Aborted when the process begins to end: who follows the log would otherwise hold it up. */
  readonly draining: AbortSignal
  readonly tailIdentityMs?: number
}

const TailQuery = t.Object(
  {
    ...logFilterFields,
    after: t.Optional(t.String({ maxLength: 36, description: 'the id of the last row that is known' })),
  },
  { additionalProperties: false },
)

const isRowId: Rule = (id, field) =>
  problemIf(requestIdTimeMs(String(id)) === null, field, 'must be the id of a row of the log')

/** The webhook event log as it grows, as server-sent events. */
export const logTail = ({ store, authentication, draining, tailIdentityMs = TAIL_IDENTITY_MS }: Deps) =>
  new Elysia({ name: 'admin.log-tail' }).get(
    '/api/v1/webhook-event-log/tail',
    async ({ query: { after, ...filter }, request, server }) => {
      // Nothing follows a head, and what never ends would be read to its end for its length.
      if (request.method === 'HEAD') return new Response(null, { headers: HEADERS })
      const client = authentication.clientOf(request, server)
      const requireIdentity = async () => {
        // A page that is left open would otherwise never be signed out.
        await authentication.identify(request, client, false)
      }
      const tail = new Tail(logFilterOf(filter), requireIdentity, tailIdentityMs)
      await tail.start(store, lastEventId(request) ?? after ?? null)
      tail.endWith(draining)
      tail.endWith(request.signal)
      return new Response(tail.stream, { headers: HEADERS })
    },
    {
      ...queryOf(TailQuery, { ...logFilterRules, after: isRowId }),
      ...describe({
        id: 'tailWebhookEventLog',
        role: 'viewer',
        summary: 'Follows the log: attempts as they are stored, those since a row first',
        answer: { types: ['text/event-stream'] },
        codes: ['tail_readers_exceeded'],
      }),
    },
  )

const HEADERS = { 'content-type': 'text/event-stream;charset=utf-8', 'x-accel-buffering': 'no' }

/** What a browser that connects again says by itself; newer than what its address says. */
function lastEventId({ headers }: Request): string | null {
  const id = headers.get('last-event-id')
  return id !== null && requestIdTimeMs(id) !== null ? id : null
}

const UTF_8 = new TextEncoder()
const SIGN_OF_LIFE = ': \n\n'
const GAP = 'event: gap\ndata: {"missed":true}\n\n'

/** The JSON of a row, which is the same for all who follow the log. */
const texts = new WeakMap<StoredLogRow, string>()

function textOf(row: StoredLogRow): string {
  const known = texts.get(row)
  if (known !== undefined) return known
  const text = JSON.stringify(rowView(row))
  texts.set(row, text)
  return text
}

/**
 * One who follows the log. What waits for a slow one is bounded: then rows are left out, and the reader is told. The stream is asked for more
 * only when the connection has taken what there was.
 */
class Tail implements TailReader {
  readonly stream: ReadableStream<Uint8Array>
  readonly #filter: LogFilter
  readonly #requireIdentity: () => Promise<void>
  readonly #identityTimer: ReturnType<typeof setInterval>
  /** Rows that wait, oldest first. */
  #rows: StoredLogRow[] = []
  #bytes = 0
  #isMissing = false
  #isEnded = false
  /** Of the rows that were caught up with; each may come again as a new one. */
  #caughtUp: ReadonlySet<string> = new Set()
  #wake: () => void = () => {}
  #leave: () => void = () => {}
  readonly #signals: AbortSignal[] = []
  readonly #end = () => this.end()

  constructor(filter: LogFilter, requireIdentity: () => Promise<void>, identityMs: number) {
    this.#filter = filter
    this.#requireIdentity = requireIdentity
    this.#identityTimer = setInterval(() => void this.#checkIdentity(), identityMs)
    let isFirst = true
    this.stream = new ReadableStream(
      {
        pull: async (controller) => {
          // The head of the answer goes out with its first byte.
          const text = isFirst ? SIGN_OF_LIFE : await this.#next()
          isFirst = false
          if (text === null) controller.close()
          else controller.enqueue(UTF_8.encode(text))
        },
        cancel: () => this.end(),
      },
      { highWaterMark: 0 },
    )
  }

  /** @throws Rejection `tail_readers_exceeded`, `store_unavailable` */
  async start({ logTail, webhookEventLog }: Deps['store'], afterId: string | null): Promise<void> {
    try {
      this.#leave = await logTail.join(this)
      if (afterId !== null) await this.#catchUp(webhookEventLog, afterId)
    } catch (error) {
      this.end()
      throw error
    }
  }

  endWith(signal: AbortSignal): void {
    if (signal.aborted) this.end()
    signal.addEventListener('abort', this.#end, { once: true })
    this.#signals.push(signal)
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearInterval(this.#identityTimer)
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#end)
    this.#leave()
    this.#rows = []
    this.#wake()
  }

  onRows(rows: readonly StoredLogRow[]): void {
    const wanted = rows.filter((row) => matchesLogFilter(row, this.#filter) && !this.#caughtUp.has(row.id))
    if (wanted.length === 0) return
    const bytes = wanted.reduce((sum, row) => sum + textOf(row).length, 0)
    if (this.#bytes > 0 && this.#bytes + bytes > TAIL_QUEUE_BYTES_MAX) {
      // What is newest is what somebody watches for.
      this.#rows = []
      this.#bytes = 0
      this.#isMissing = true
    }
    this.#rows.push(...wanted)
    this.#bytes += bytes
    this.#wake()
  }

  onMissed(): void {
    this.#isMissing = true
    this.#wake()
  }

  /** The rows since the last one that is known, as far as they fit into a page. */
  async #catchUp(log: Deps['store']['webhookEventLog'], afterId: string): Promise<void> {
    const after = requestIdTime(afterId)
    const { since = after } = this.#filter
    const filter = { ...this.#filter, since: new Date(Math.max(since.getTime(), after.getTime())) }
    const page = await log.list(filter, PAGE_ROWS_MAX, null)
    const rows = page.rows.filter(({ id }) => id > afterId).reverse()
    this.#caughtUp = new Set(rows.map(({ id }) => id))
    this.#rows = [...rows, ...this.#rows.filter(({ id }) => !this.#caughtUp.has(id))]
    this.#bytes = this.#rows.reduce((sum, row) => sum + textOf(row).length, 0)
    if (page.nextCursor !== null) this.#isMissing = true
  }

  async #next(): Promise<string | null> {
    if (this.#rows.length === 0 && !this.#isMissing && !this.#isEnded) await this.#somethingOrSilence()
    if (this.#isEnded) return null
    const text = `${this.#isMissing ? GAP : ''}${this.#takeRows()}`
    this.#isMissing = false
    return text === '' ? SIGN_OF_LIFE : text
  }

  #takeRows(): string {
    const rows = this.#rows
    this.#rows = []
    this.#bytes = 0
    const newest = rows
      .map(({ id }) => id)
      .sort()
      .at(-1)
    return newest === undefined
      ? ''
      : `id: ${newest}\nevent: rows\ndata: {"rows":[${rows.map(textOf).join(',')}]}\n\n`
  }

  #somethingOrSilence(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, TAIL_SILENCE_MS_MAX)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** A token that was revoked and a session that has ended lose the stream too. */
  async #checkIdentity(): Promise<void> {
    await this.#requireIdentity().catch(() => this.end())
  }
}
