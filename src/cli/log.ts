import type { WebhookEventLogRow } from '../core/event.ts'
import { visibleJson } from '../core/visible-text.ts'
import { adminCommand, printAnswer, requestIdPath } from './admin-client.ts'
import { type CommandContext, UsageError, wholeNumber } from './command.ts'
import { followLog } from './log-follow.ts'
import { type Column, fieldLines, headerLines, tableLines } from './output.ts'
import { PAGE_OPTIONS, pageQuery, RANGE_OPTIONS, rangeQuery, sayNextCursor } from './page.ts'

/** Columns have a least width, so that rows which follow one by one stay below each other. */
const COLUMNS: readonly Column<WebhookEventLogRow>[] = [
  { title: 'created', cell: ({ created }) => created, widthMin: 24 },
  { title: 'status', cell: (row) => row.status_code },
  { title: 'code', cell: (row) => row.error_code, widthMin: 17 },
  { title: 'trigger', cell: (row) => row.trigger_ref, widthMin: 16 },
  { title: 'source ip', cell: (row) => row.source_ip, widthMin: 15 },
  { title: 'bytes', cell: (row) => row.payload_size_bytes, widthMin: 8 },
  { title: 'ms', cell: (row) => row.processing_time_ms, widthMin: 6 },
  { title: 'attempts', cell: ({ attempts }) => attempts },
  { title: 'reason', cell: (row) => row.error_message, widthMin: 24 },
  { title: 'user agent', cell: (row) => row.user_agent, widthMin: 16, isShortened: true },
  { title: 'id', cell: ({ id }) => id },
]

const list = adminCommand({
  name: 'log list',
  summary: 'Lists the webhook event log, newest first: one row for each attempt, accepted or not.',
  details: [
    'With --follow it starts with the newest rows and goes on printing new ones, oldest first, until it is',
    'interrupted; with --json each row is then a line of its own.',
  ].join('\n'),
  options: {
    ...RANGE_OPTIONS,
    status: { type: 'string', placeholder: 'STATUS', description: 'only those answered with it, e.g. 401' },
    code: { type: 'string', placeholder: 'CODE', description: 'only those turned away with it' },
    ip: { type: 'string', placeholder: 'ADDRESS', description: 'only those from it' },
    ...PAGE_OPTIONS,
    follow: { type: 'boolean', description: 'print new rows as they come' },
  },
  async run({ options }, context, client) {
    if (options.follow && (options.cursor !== undefined || options.until !== undefined)) {
      throw new UsageError('--follow reads from now on: it goes with neither --cursor nor --until')
    }
    const filter = {
      ...rangeQuery(options),
      status: options.status === undefined ? undefined : String(wholeNumber('--status', options.status)),
      code: options.code,
      ip: options.ip,
    }
    const query = { ...filter, ...pageQuery(options) }
    if (options.follow) {
      await followLog(client, context, { query, print: rowPrinter(context, options.json) })
      return 0
    }
    const answer = await client.call<WebhookEventLogRow[]>('GET', '/api/v1/webhook-event-log', { query })
    printAnswer(answer, { json: options.json, context }, ({ data }) => tableLines(COLUMNS, data))
    if (!options.json) sayNextCursor(answer, context)
    return 0
  },
})

/** Prints rows as they come: lines of JSON, or one table whose titles are printed once. */
function rowPrinter(context: CommandContext, json: boolean | undefined) {
  let titleLines = 0
  return (rows: readonly WebhookEventLogRow[]): void => {
    const lines = json
      ? rows.map((row) => visibleJson(JSON.stringify(row)))
      : tableLines(COLUMNS, rows).slice(titleLines)
    titleLines = 1
    for (const line of lines) context.print(line)
  }
}

const show = adminCommand({
  name: 'log show',
  summary: 'Shows the row of one attempt; its id is the X-Request-Id that the sender was told.',
  operands: ['ID'],
  async run({ operands, options }, context, client) {
    const path = requestIdPath('/api/v1/webhook-event-log', operands.ID)
    const answer = await client.call<WebhookEventLogRow>('GET', path)
    printAnswer(answer, { json: options.json, context }, ({ data: { headers, ...fields } }) => [
      ...fieldLines(fields),
      ...headerLines(headers),
    ])
    return 0
  },
})

export const LOG_COMMANDS = [list, show]
