import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Event, EventSummary } from '../core/event.ts'
import { PAGE_ROWS_DEFAULT } from '../core/limits.ts'
import type { StoredEvent, StoredEventSummary } from '../store/events.ts'
import type { Store } from '../store/index.ts'
import { describe } from './describe.ts'
import { eventFilterFields, eventFilterOf, eventFilterRules } from './event-filter.ts'
import { queryOf } from './input.ts'
import { cursorId, isRequestIdCursor, pageFields } from './lists.ts'
import { eventIdInPath } from './path-parameters.ts'

const View = t.Union([t.Literal('full'), t.Literal('summary')], {
  default: 'full',
  description: 'summary: without payload and headers',
})

const ListQuery = t.Object(
  { ...eventFilterFields, view: t.Optional(View), ...pageFields },
  { additionalProperties: false },
)

/** Accepted attempts, as consumers read them. */
export const events = ({ store }: { readonly store: Store }) =>
  new Elysia({ name: 'admin.events' })
    .get(
      '/api/v1/events',
      async ({ query: { view, limit = PAGE_ROWS_DEFAULT, cursor, ...given } }) => {
        const filter = eventFilterOf(given)
        if (view === 'summary') {
          const page = await store.events.summaries(filter, limit, cursorId(cursor))
          return { data: page.rows.map(summaryView), next_cursor: page.nextCursor }
        }
        const page = await store.events.list(filter, limit, cursorId(cursor))
        const rows = page.rows.map(eventJson).join(',')
        return json(`{"data":[${rows}],"next_cursor":${JSON.stringify(page.nextCursor)}}`)
      },
      {
        ...queryOf(ListQuery, { ...eventFilterRules, cursor: isRequestIdCursor }),
        ...describe({
          id: 'listEvents',
          role: 'viewer',
          summary:
            'Lists events, newest first; a page ends early when its bodies grow large or its search long. Payloads of at most 256 KiB are searched',
          answer: { list: 'Event' },
          codes: ['payload_search_off'],
        }),
      },
    )
    .get(
      '/api/v1/events/:id',
      async ({ params: { id } }) => json(`{"data":${eventJson(await store.events.read(id))}}`),
      {
        ...eventIdInPath,
        ...describe({ id: 'readEvent', role: 'viewer', summary: 'Reads an event', answer: { one: 'Event' } }),
      },
    )
    .get(
      '/api/v1/events/:id/body',
      async ({ params: { id } }) => attachedBody(id, (await store.events.read(id)).body),
      {
        ...eventIdInPath,
        ...describe({
          id: 'readEventBody',
          role: 'viewer',
          summary: 'The exact bytes that the sender sent',
          answer: { types: ['application/octet-stream'] },
        }),
      },
    )

const summaryView = (event: StoredEventSummary): EventSummary => ({
  id: event.id,
  trigger_ref: event.triggerRef,
  content_type: event.contentType,
  payload_size_bytes: event.payloadSizeBytes,
  source_ip: event.sourceIp,
  received_at: event.receivedAt.toISOString(),
})

/**
 * An event as JSON, in which the payload stands as its sender wrote it: parsed and written anew, 1e400 would become null
 * and 12345678901234567890 another number.
 */
export function eventJson(event: StoredEvent): string {
  return `${JSON.stringify(withoutPayload(event)).slice(0, -1)},"payload":${jsonTextOf(event.body) ?? 'null'}}`
}

/** All of an event but what is in its body. */
export const withoutPayload = (event: StoredEvent): Omit<Event, 'payload'> => ({
  id: event.id,
  trigger_ref: event.triggerRef,
  content_type: event.contentType,
  payload_size_bytes: event.payloadSizeBytes,
  headers: [...event.headers],
  source_ip: event.sourceIp,
  received_at: event.receivedAt.toISOString(),
})

/** A byte order mark is ignored, as RFC 8259 allows; whatever else is not JSON in UTF-8 is none. */
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** The JSON that a body is, as its sender wrote it; `null`: it is none. */
export function jsonTextOf(body: Uint8Array): string | null {
  try {
    const text = UTF_8.decode(body)
    JSON.parse(text)
    return text
  } catch {
    return null
  }
}

const json = (text: string): Response =>
  new Response(text, { headers: { 'content-type': 'application/json;charset=utf-8' } })

/** Whatever a sender called its body, an administrator's browser saves it and never shows or runs it. */
export const attachedBody = (id: string, body: Uint8Array): Response =>
  new Response(new Uint8Array(body), {
    headers: {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${id}.bin"`,
    },
  })
