import type { Event, EventSummary } from '../core/event.ts'
import { EVENT_SHOWN_BYTES_MAX } from '../core/limits.ts'
import { visibleLines } from '../core/visible-text.ts'
import { adminCommand, printAnswer, requestIdPath } from './admin-client.ts'
import { UsageError } from './command.ts'
import { type Column, fieldLines, headerLines, tableLines, toTheSecond } from './output.ts'
import {
  lineWidthOf,
  PAGE_OPTIONS,
  pageQuery,
  RANGE_OPTIONS,
  rangeQuery,
  sayIfNothing,
  sayNextCursor,
  WIDE_OPTION,
} from './page.ts'

const COLUMNS: readonly Column<EventSummary>[] = [
  { title: 'received at', cell: (event) => event.received_at },
  { title: 'id', cell: ({ id }) => id },
  { title: 'trigger', cell: (event) => event.trigger_ref },
  { title: 'bytes', cell: (event) => event.payload_size_bytes },
  { title: 'source ip', cell: (event) => event.source_ip },
  { title: 'content type', cell: (event) => event.content_type, isShortened: true },
]

/** What fits a terminal; the id leads to the rest. */
const TERMINAL_COLUMNS: readonly Column<EventSummary>[] = [
  { title: 'time', cell: (event) => toTheSecond(event.received_at) },
  { title: 'id', cell: ({ id }) => id },
  { title: 'trigger', cell: (event) => event.trigger_ref, cutTo: 8 },
  { title: 'bytes', cell: (event) => event.payload_size_bytes },
  { title: 'source ip', cell: (event) => event.source_ip, isOptional: true },
  { title: 'content type', cell: (event) => event.content_type, cutTo: 12, isOptional: true },
]

const list = adminCommand({
  name: 'events list',
  summary: 'Lists the events, newest first.',
  details: [
    'With --path and --value only those whose JSON payload, or form, has exactly this value there: a text, a',
    'number, true, false or null. A path is keys with a dot between them, such as repository.full_name;',
    'items[].id looks at every element of an array; a key that holds a dot is quoted: \'"a.b".c\'.',
    'A page of a long search can be empty although there is more: it says so, and --cursor goes on.',
  ].join('\n'),
  options: {
    ...RANGE_OPTIONS,
    ip: { type: 'string', placeholder: 'ADDRESS', description: 'only those from this address' },
    text: {
      type: 'string',
      placeholder: 'TEXT',
      description: 'only those with this in a header, the ref or the id',
    },
    path: { type: 'string', placeholder: 'PATH', description: 'where in the payload; needs --value' },
    value: { type: 'string', placeholder: 'VALUE', description: 'what is there; needs --path' },
    ...PAGE_OPTIONS,
    wide: WIDE_OPTION,
  },
  async run({ options }, context, client) {
    const { ip, path, value, text } = options
    if ((path === undefined) !== (value === undefined)) {
      throw new UsageError('--path and --value go together')
    }
    // People see no payload in a list, so none is read; machines get all of an event.
    const view = options.json ? undefined : 'summary'
    const query = { ...rangeQuery(options), ip, text, path, value, ...pageQuery(options), view }
    const answer = await client.call<EventSummary[]>('GET', '/api/v1/events', { query })
    const lineWidth = lineWidthOf(options.wide, context)
    const columns = lineWidth === null ? COLUMNS : TERMINAL_COLUMNS
    printAnswer(answer, { json: options.json, context }, ({ data }) => tableLines(columns, data, lineWidth))
    if (options.json) return 0
    sayNextCursor(answer, context)
    sayIfNothing(answer, [path, ip, text].every((each) => each === undefined) ? options : {}, context)
    return 0
  },
})

const show = adminCommand({
  name: 'events show',
  summary: 'Shows an event with its headers and body.',
  details: [
    'With --body the exact bytes that the sender signed go to stdout. On a terminal, which would obey',
    'escape sequences in them, they are shown as text instead: redirect them to keep them as they are.',
  ].join('\n'),
  operands: ['ID'],
  options: { body: { type: 'boolean', description: 'write the exact bytes of the body' } },
  async run({ operands, options }, context, client) {
    const path = requestIdPath('/api/v1/events', operands.ID)
    if (options.body) {
      const bytes = await client.bytes(`${path}/body`)
      if (context.printsToTerminal) context.print(visibleLines(new TextDecoder().decode(bytes)))
      else context.printBytes(bytes)
      return 0
    }
    const answer = await client.call<Event>('GET', path)
    // Parsed JSON would lose large numbers, and forms and XML have none: people see the body itself.
    const body = options.json ? new Uint8Array() : await client.bytes(`${path}/body`)
    printAnswer(answer, { json: options.json, context }, ({ data }) => eventLines(data, body))
    return 0
  },
})

function eventLines({ headers, payload: _, ...fields }: Event, body: Uint8Array): string[] {
  const shown = new TextDecoder().decode(body.subarray(0, EVENT_SHOWN_BYTES_MAX))
  const rest = body.byteLength - EVENT_SHOWN_BYTES_MAX
  return [
    ...fieldLines(fields),
    ...headerLines(headers),
    'body',
    ...visibleLines(shown)
      .split('\n')
      .map((line) => `  ${line}`),
    ...(rest > 0 ? [`  … and ${rest} bytes more; --body writes all of them`] : []),
  ]
}

export const EVENTS_COMMANDS = [list, show]
