import type { WebhookEventLogRow } from '../core/event.ts'
import { visibleJson } from '../core/visible-text.ts'
import { type AdminClient, adminCommand, printAnswer, requestIdPath } from './admin-client.ts'
import { type CommandContext, UsageError, wholeNumber } from './command.ts'
import { followLog } from './log-follow.ts'
import { type Column, cellText, fieldLines, headerLines, tableLines, toTheSecond } from './output.ts'
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

const ATTEMPTS: Column<WebhookEventLogRow> = { title: 'attempts', cell: ({ attempts }) => attempts }

/** Columns have a least width, so that rows which follow one by one stay below each other. */
const COLUMNS: readonly Column<WebhookEventLogRow>[] = [
  { title: 'created', cell: ({ created }) => created, widthMin: 24 },
  { title: 'status', cell: (row) => row.status_code },
  { title: 'code', cell: (row) => row.error_code, widthMin: 17 },
  { title: 'trigger', cell: (row) => row.trigger_ref, widthMin: 16 },
  { title: 'source ip', cell: (row) => row.source_ip, widthMin: 15 },
  { title: 'bytes', cell: (row) => row.payload_size_bytes, widthMin: 8 },
  { title: 'ms', cell: (row) => row.processing_time_ms, widthMin: 6 },
  ATTEMPTS,
  { title: 'reason', cell: (row) => row.error_message ?? row.outcome, widthMin: 24 },
  { title: 'verified by', cell: (row) => row.verified_by, widthMin: 11 },
  { title: 'user agent', cell: (row) => row.user_agent, widthMin: 16, isShortened: true },
  { title: 'id', cell: ({ id }) => id },
]

/** What fits a terminal; `log show` has the rest. Merged rows are rare, so the count is there only with one of them. */
const terminalColumns = (hasMerged: boolean): readonly Column<WebhookEventLogRow>[] => [
  { title: 'time', cell: ({ created }) => toTheSecond(created), widthMin: 20 },
  { title: 'status', cell: (row) => row.status_code },
  { title: 'code', cell: (row) => row.error_code, widthMin: 17 },
  { title: 'trigger', cell: (row) => row.trigger_ref, widthMin: 11, cutTo: 8 },
  { title: 'source ip', cell: (row) => row.source_ip, widthMin: 9, cutTo: 9 },
  ...(hasMerged ? [ATTEMPTS] : []),
  { title: 'reason', cell: (row) => row.error_message ?? row.outcome, cutTo: 6 },
]

const isMerged = ({ attempts }: WebhookEventLogRow): boolean => attempts > 1

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
    text: {
      type: 'string',
      placeholder: 'TEXT',
      description: 'only those with this in agent, reason, ref or id',
    },
    ...PAGE_OPTIONS,
    wide: WIDE_OPTION,
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
      text: options.text,
    }
    const query = { ...filter, ...pageQuery(options) }
    if (options.follow) {
      await followLog(client, context, { query, print: rowPrinter(context, options) })
      return 0
    }
    const answer = await client.call<WebhookEventLogRow[]>('GET', '/api/v1/webhook-event-log', { query })
    const lineWidth = lineWidthOf(options.wide, context)
    printAnswer(answer, { json: options.json, context }, ({ data }) =>
      tableLines(lineWidth === null ? COLUMNS : terminalColumns(data.some(isMerged)), data, lineWidth),
    )
    if (options.json) return 0
    sayNextCursor(answer, context)
    sayIfNothing(answer, options, context)
    return 0
  },
})

/** Prints rows as they come: lines of JSON, or one table whose titles are printed once, and again with a further column. */
function rowPrinter(
  context: CommandContext,
  { json, wide }: { readonly json: boolean | undefined; readonly wide: boolean | undefined },
) {
  let hasMerged = false
  let columnCount = 0
  return (rows: readonly WebhookEventLogRow[]): void => {
    if (json) {
      for (const row of rows) context.print(visibleJson(JSON.stringify(row)))
      return
    }
    const lineWidth = lineWidthOf(wide, context)
    hasMerged ||= rows.some(isMerged)
    const columns = lineWidth === null ? COLUMNS : terminalColumns(hasMerged)
    const lines = tableLines(columns, rows, lineWidth)
    for (const line of lines.slice(columns.length === columnCount ? 1 : 0)) context.print(line)
    columnCount = columns.length
  }
}

const show = adminCommand({
  name: 'log show',
  summary: 'Shows the row of one attempt; its id is the X-Request-Id that the sender was told.',
  operands: ['ID'],
  async run({ operands, options }, context, client) {
    const path = requestIdPath('/api/v1/webhook-event-log', operands.ID)
    const answer = await client.call<WebhookEventLogRow>('GET', path)
    const why = options.json ? [] : await whyLines(client, path, answer.body().data)
    printAnswer(answer, { json: options.json, context }, ({ data: { headers, ...fields } }) => [
      ...fieldLines(fields),
      ...why,
      ...headerLines(headers),
    ])
    return 0
  },
})

interface AttemptDiagnosis {
  readonly readmitted_as: string | null
  readonly diagnoses: readonly { readonly cause: string; readonly remedy: string; readonly detail: string }[]
}

/** Why an attempt was refused for its signature, each cause in one line with its remedy. */
async function whyLines(client: AdminClient, path: string, row: WebhookEventLogRow): Promise<string[]> {
  if (row.error_code !== 'signature_missing' && row.error_code !== 'signature_invalid') return []
  const answer = await client.call<AttemptDiagnosis>('GET', `${path}/diagnosis`)
  const { diagnoses = [], readmitted_as = null } = answer.body().data
  const causes = diagnoses.map(
    ({ cause, detail, remedy }) => `  ${cellText(`${cause}: ${detail} ${remedy}`)}`,
  )
  const unknown = ['  nothing that is known explains it: another secret, another body, or somebody else']
  return [
    'why',
    ...(causes.length === 0 ? unknown : causes),
    ...(readmitted_as === null ? [] : [`  readmitted as event ${cellText(readmitted_as)}`]),
  ]
}

const readmit = adminCommand({
  name: 'log readmit',
  summary: 'Verifies a rejected attempt again, after the mend, and admits it as an event.',
  details:
    'Its timestamp is judged at the instant of the attempt. A second time answers with the same event.',
  operands: ['ID'],
  async run({ operands, options }, context, client) {
    const path = `${requestIdPath('/api/v1/webhook-event-log', operands.ID)}/readmit`
    const answer = await client.call<object>('POST', path)
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    return 0
  },
})

export const LOG_COMMANDS = [list, show, readmit]
