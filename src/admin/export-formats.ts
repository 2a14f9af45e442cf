import { type CsvValue, csvRecord } from '../core/csv.ts'
import { WebhookEventLogRow } from '../core/event.ts'
import type { StoredEvent } from '../store/events.ts'
import type { StoredLogRow } from '../store/log-filter.ts'
import { jsonTextOf, withoutPayload } from './events.ts'
import { rowView } from './webhook-event-log.ts'

/** How rows become text. */
export interface ExportFormat<Row> {
  /** Before the first row. */
  readonly head: string
  line(row: Row): string
  /** Said in place of the rows that follow, when there are too many; `cursor` is where to go on. */
  cutOff(rows: number, cursor: string): string
}

export interface ExportFormats<Row> {
  readonly ndjson: ExportFormat<Row>
  readonly csv: ExportFormat<Row>
}

const ndjson = <Row>(line: (row: Row) => string): ExportFormat<Row> => ({
  head: '',
  line: (row) => `${line(row)}\n`,
  cutOff: (rows, cursor) => `${JSON.stringify({ export_cut_off: { rows, next_cursor: cursor } })}\n`,
})

/** @param columns - the first of them says in the last record that there would be more */
function csv<Row>(
  columns: readonly string[],
  cells: (row: Row) => Readonly<Record<string, CsvValue>>,
): ExportFormat<Row> {
  return {
    head: csvRecord(columns),
    line(row) {
      const values = cells(row)
      return csvRecord(columns.map((column) => values[column] ?? null))
    },
    cutOff: (rows, cursor) =>
      csvRecord(
        columns.map((_, index) =>
          index === 0 ? `# export_cut_off after ${rows} rows, next_cursor ${cursor}` : null,
        ),
      ),
  }
}

const jsonOrNull = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

export const LOG_FORMATS: ExportFormats<StoredLogRow> = {
  ndjson: ndjson((row) => JSON.stringify(rowView(row))),
  csv: csv(Object.keys(WebhookEventLogRow.properties), (row) => {
    const { headers, checks, ...others } = rowView(row)
    return { ...others, headers: JSON.stringify(headers), checks: jsonOrNull(checks) }
  }),
}

const EVENT_COLUMNS = [
  'id',
  'trigger_ref',
  'content_type',
  'payload_size_bytes',
  'headers',
  'source_ip',
  'received_at',
  'payload',
  'body',
  'body_encoding',
]

/**
 * What is in an event, once: JSON is the payload, as its sender wrote it, and any other body is text where it is one, and base64 where not.
 */
interface Content {
  readonly payload: string | null
  readonly body: string | null
  readonly body_encoding: 'json' | 'utf-8' | 'base64'
}

const EXACT_UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function contentOf(bytes: Uint8Array): Content {
  const payload = jsonTextOf(bytes)
  if (payload !== null) return { payload, body: null, body_encoding: 'json' }
  try {
    const body = EXACT_UTF_8.decode(bytes)
    // No reader of CSV expects that character, and some end there.
    if (!body.includes('\0')) return { payload: null, body, body_encoding: 'utf-8' }
  } catch {
    // Not UTF-8.
  }
  return { payload: null, body: Buffer.from(bytes).toString('base64'), body_encoding: 'base64' }
}

export const EVENT_FORMATS: ExportFormats<StoredEvent> = {
  ndjson: ndjson((event) => {
    const { payload, ...others } = contentOf(event.body)
    const fields = JSON.stringify({ ...withoutPayload(event), ...others })
    // Line ends of JSON stand between its parts and never inside of a string, so a blank means the same.
    return `${fields.slice(0, -1)},"payload":${payload?.replaceAll(/[\r\n]+/g, ' ') ?? 'null'}}`
  }),
  csv: csv(EVENT_COLUMNS, (event) => {
    const { headers, ...others } = withoutPayload(event)
    return { ...others, headers: JSON.stringify(headers), ...contentOf(event.body) }
  }),
}
