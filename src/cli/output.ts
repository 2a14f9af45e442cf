import type { HeaderPair } from '../core/event.ts'
import { TABLE_CELL_LENGTH_MAX } from '../core/limits.ts'
import { visibleJson, visibleText } from '../core/visible-text.ts'

/** A column of a table of `Row`s. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => unknown
  /** Least width in characters, for tables that are printed a few rows at a time. */
  readonly widthMin?: number
  /** Cuts text that may be as long as its writer likes; `--json` has all of it. */
  readonly isShortened?: true
}

/** One word for what is not there, in every table. */
export const NOTHING = '-'

/** A value on one line. Whatever a sender wrote is shown, not obeyed. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined || value === '') return NOTHING
  if (Array.isArray(value)) return value.length === 0 ? NOTHING : value.map(cellText).join(', ')
  return visibleText(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/** The lines of a table, its titles first. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const lines = [
    columns.map(({ title }) => title.toUpperCase()),
    ...rows.map((row) => columns.map((column) => columnText(column, row))),
  ]
  const widths = columns.map(({ widthMin = 0 }, index) =>
    Math.max(widthMin, ...lines.map((line) => Bun.stringWidth(line[index] ?? ''))),
  )
  return lines.map((line) =>
    line
      .map((text, index) => text + ' '.repeat((widths[index] ?? 0) - Bun.stringWidth(text)))
      .join('  ')
      .trimEnd(),
  )
}

function columnText<Row>({ cell, isShortened }: Column<Row>, row: Row): string {
  const text = cellText(cell(row))
  return isShortened && text.length > TABLE_CELL_LENGTH_MAX
    ? `${text.slice(0, TABLE_CELL_LENGTH_MAX - 1)}…`
    : text
}

/** `name  value` lines of an object, with its names as the API gives them. Objects within it are left out. */
export function fieldLines(record: object): string[] {
  const fields = Object.entries(record).filter(([, value]) => !isNested(value))
  const width = Math.max(0, ...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${visibleText(name).padEnd(width)}  ${cellText(value)}`)
}

/** The headers of an attempt, one to a line. */
export const headerLines = (headers: readonly HeaderPair[] = []): string[] => [
  'headers',
  ...headers.map(([name, value]) => `  ${cellText(name)}: ${cellText(value)}`),
]

const isNested = (value: unknown): boolean =>
  Array.isArray(value) ? value.some(isNested) : typeof value === 'object' && value !== null

/** What `--json` prints of a value that is not an answer of the API; those are printed as they came. */
export const jsonText = (data: unknown): string => visibleJson(JSON.stringify({ data }))
