import { type Static, Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { EXPORT_ROWS_MAX, EXPORTS_MAX, RETRY_AFTER_SECONDS, TAIL_IDENTITY_MS } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection } from '../core/rejection.ts'
import { REQUEST_ID_HEADER } from '../http/errors.ts'
import type { Store } from '../store/index.ts'
import type { Authentication } from './authentication.ts'
import { describe } from './describe.ts'
import { eventFilterFields, eventFilterOf, eventFilterRules } from './event-filter.ts'
import { EVENT_FORMATS, type ExportFormats, LOG_FORMATS } from './export-formats.ts'
import { type ExportSource, ExportStream, exportText } from './export-stream.ts'
import { queryOf } from './input.ts'
import { isRequestIdCursor, pageFields } from './lists.ts'
import { logFilterFields, logFilterOf, logFilterRules } from './log-filter.ts'

interface Deps {
  readonly store: Pick<Store, 'events' | 'webhookEventLog'>
  readonly authentication: Pick<Authentication, 'clientOf' | 'identify'>
  readonly log: Log
  /** Of this process: how much waits. */
  readonly queues: () => { readonly intake: number }
  /** Aborted when the process begins to end: an export would otherwise hold it up. */
  readonly draining: AbortSignal
}

const Format = t.Union([t.Literal('ndjson'), t.Literal('csv')], { default: 'ndjson' })
type Format = Static<typeof Format>

const exportFields = { format: t.Optional(Format), cursor: pageFields.cursor }
const LogQuery = t.Object({ ...logFilterFields, ...exportFields }, { additionalProperties: false })
const EventQuery = t.Object({ ...eventFilterFields, ...exportFields }, { additionalProperties: false })

/** Says how many rows an export has at most. */
const ROWS_MAX_HEADER = 'x-attune-export-rows-max'

/** What a list would show, all of it, as a file. @param rowsMax - for a test that has fewer */
export const exports = ({ store, ...deps }: Deps, rowsMax = EXPORT_ROWS_MAX) => {
  const answer = exporter(deps, rowsMax)
  return new Elysia({ name: 'admin.exports' })
    .get(
      '/api/v1/webhook-event-log/export',
      async ({ query: { format = 'ndjson', cursor, ...given }, request, server, set }) => {
        const filter = logFilterOf(given)
        return answer(
          { request, server, set },
          {
            name: 'webhook-event-log',
            format,
            formats: LOG_FORMATS,
            cursor,
            page: (limit, cursorId) => store.webhookEventLog.list(filter, limit, cursorId),
          },
        )
      },
      {
        ...queryOf(LogQuery, { ...logFilterRules, cursor: isRequestIdCursor }),
        ...describe({
          id: 'exportWebhookEventLog',
          role: 'viewer',
          summary: `The rows that the list has, newest first, as a file: NDJSON (RFC 8259, one row a line) or CSV (RFC 4180). ${WHEN_CUT_OFF}`,
          answer: { types: ['application/x-ndjson', 'text/csv'] },
          codes: ['exports_exceeded'],
        }),
      },
    )
    .get(
      '/api/v1/events/export',
      async ({ query: { format = 'ndjson', cursor, ...given }, request, server, set }) => {
        const filter = eventFilterOf(given)
        return answer(
          { request, server, set },
          {
            name: 'events',
            format,
            formats: EVENT_FORMATS,
            cursor,
            page: (limit, cursorId) => store.events.list(filter, limit, cursorId),
          },
        )
      },
      {
        ...queryOf(EventQuery, { ...eventFilterRules, cursor: isRequestIdCursor }),
        ...describe({
          id: 'exportEvents',
          role: 'viewer',
          summary: `The events that the list has, newest first, with what is in them, as a file: NDJSON or CSV. ${WHEN_CUT_OFF}`,
          answer: { types: ['application/x-ndjson', 'text/csv'] },
          codes: ['payload_search_off', 'exports_exceeded'],
        }),
      },
    )
}

const WHEN_CUT_OFF = `After ${EXPORT_ROWS_MAX} rows a last line says that it is cut off, and the cursor to go on with`

interface Asked<Row> extends Pick<ExportSource<Row>, 'page'> {
  /** Of the file, without time and ending. */
  readonly name: string
  readonly format: Format
  readonly formats: ExportFormats<Row>
  readonly cursor: string | undefined
}

interface Context {
  readonly request: Request
  readonly server: (Parameters<Authentication['clientOf']>[1] & BunServer) | null
  readonly set: { readonly headers: Readonly<Record<string, unknown>> }
}

interface BunServer {
  timeout(request: Request, seconds: number): void
}

function exporter({ authentication, log, queues, draining }: Omit<Deps, 'store'>, rowsMax: number) {
  const isPressed = () => queues().intake > 0
  let underWay = 0
  const end = () => {
    underWay -= 1
  }
  return async <Row extends { readonly id: string }>(
    { request, server, set }: Context,
    { name, format, formats, cursor, page }: Asked<Row>,
  ): Promise<Response> => {
    const headers = headersOf(name, format, rowsMax)
    if (request.method === 'HEAD') return new Response(null, { headers })
    if (underWay >= EXPORTS_MAX) throw tooMany()
    underWay += 1
    const mayGoOn = identityCheck(request, authentication.clientOf(request, server), authentication)
    const pieces = exportText({ page, mayGoOn, isPressed }, formats[format], cursor, rowsMax)
    try {
      // What fails before anything has been sent is still an answer of its own.
      const { value } = await pieces.next()
      const stream = new ExportStream(value ?? '', pieces, {
        onEnd: end,
        onBrokenOff: (fault) => {
          // Who does not read would hold its connection for ever.
          server?.timeout(request, LAST_SECONDS)
          log.warn('an export broke off', {
            request_id: String(set.headers[REQUEST_ID_HEADER]),
            reason: reasonOf(fault),
          })
        },
      })
      // A search that finds nothing for long says nothing for as long. Whoever has gone away is noticed all the same.
      server?.timeout(request, 0)
      stream.endWith(request.signal)
      stream.breakOffWith(draining)
      return new Response(stream.body, { headers })
    } catch (error) {
      end()
      throw error
    }
  }
}

/** Bun counts in steps of four. */
const LAST_SECONDS = 4

const tooMany = (): Rejection =>
  new Rejection('exports_exceeded', `${EXPORTS_MAX} exports are under way already`, {
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  })

/** Of a fault of the database nothing is said: it quotes SQL. */
const reasonOf = (fault: unknown): string =>
  fault instanceof Rejection ? fault.reason : typeof fault === 'string' ? fault : 'a fault'

/** A token that was revoked and a session that has ended lose what is left of the export; not each page needs a query for that. */
function identityCheck(
  request: Request,
  client: string | null,
  authentication: Pick<Authentication, 'identify'>,
): () => Promise<void> {
  let checkedAtMs = performance.now()
  return async () => {
    if (performance.now() - checkedAtMs < TAIL_IDENTITY_MS) return
    await authentication.identify(request, client, false)
    checkedAtMs = performance.now()
  }
}

const TYPES = {
  ndjson: 'application/x-ndjson;charset=utf-8',
  csv: 'text/csv;charset=utf-8;header=present',
} as const

const headersOf = (name: string, format: Format, rowsMax: number): Record<string, string> => ({
  'content-type': TYPES[format],
  'content-disposition': `attachment; filename="${name}-${fileTime()}.${format}"`,
  [ROWS_MAX_HEADER]: String(rowsMax),
  'x-accel-buffering': 'no',
})

/** `20260131T080000Z`: no character that some file system refuses. */
const fileTime = (): string => `${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
