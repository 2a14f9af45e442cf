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
  /** Least width to which its texts are cut when a line does not fit the terminal; without it they stay whole. */
  readonly cutTo?: number
  /** It is left out when a line does not fit the terminal. */
  readonly isOptional?: true
}

/** One word for what is not there, in every table. */
export const NOTHING = '-'

/** A value on one line. Whatever a sender wrote is shown, not obeyed. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined || value === '') return NOTHING
  if (Array.isArray(value)) return value.length === 0 ? NOTHING : value.map(cellText).join(', ')
  return visibleText(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/**
 * The lines of a table, its titles first.
 *
 * @param lineWidth - characters that a line may have; `null` for a table as wide as its texts
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  lineWidth: number | null = null,
): string[] {
  const measured = columns.map((column) => measure(column, rows))
  const fitted = lineWidth === null ? measured : fit(measured, lineWidth)
  return [-1, ...rows.keys()].map((row) => {
    const cells = fitted.map(({ texts, width }) => {
      const text = cut(texts[row + 1] ?? '', width)
      return text + ' '.repeat(width - Bun.stringWidth(text))
    })
    const line = cells.join(GAP).trimEnd()
    return lineWidth === null ? line : cut(line, lineWidth)
  })
}

const GAP = '  '

/** A column with the texts of its cells, the title first. */
interface Measured {
  readonly texts: readonly string[]
  readonly width: number
  readonly widthLeast: number
  readonly isOptional: boolean
}

function measure<Row>(column: Column<Row>, rows: readonly Row[]): Measured {
  const { title, widthMin = 0, cutTo, isOptional = false } = column
  const texts = [title.toUpperCase(), ...rows.map((row) => columnText(column, row))]
  const width = texts.reduce((widest, text) => Math.max(widest, Bun.stringWidth(text)), widthMin)
  return { texts, width, widthLeast: Math.min(width, cutTo ?? width), isOptional }
}

/** Leaves optional columns out, from the right, then cuts the last column, and then the widest of those that may be cut. */
function fit(columns: readonly Measured[], lineWidth: number): readonly Measured[] {
  const total = (widths: readonly number[]) =>
    widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length)
  const dropped = columns.findLastIndex(({ isOptional }) => isOptional)
  if (dropped >= 0 && total(columns.map(({ widthLeast }) => widthLeast)) > lineWidth) {
    return fit(columns.toSpliced(dropped, 1), lineWidth)
  }
  const widths = columns.map(({ width }) => width)
  const room = (index: number) => (widths[index] ?? 0) - (columns[index]?.widthLeast ?? 0)
  let excess = total(widths) - lineWidth
  const last = widths.length - 1
  for (let index = last; excess > 0 && index >= 0; index = widest(widths, room)) {
    const less = index === last ? Math.min(excess, room(last)) : 1
    widths[index] = (widths[index] ?? 0) - less
    excess -= less
  }
  return columns.map((column, index) => ({ ...column, width: widths[index] ?? 0 }))
}

/** The widest column that has room to give, or -1. */
const widest = (widths: readonly number[], room: (index: number) => number): number =>
  widths.reduce(
    (found, width, index) => (room(index) > 0 && width > (widths[found] ?? 0) ? index : found),
    -1,
  )

const LETTERS = new Intl.Segmenter('en')

/** What fits into so many characters of a terminal, with an ellipsis in place of the rest. */
function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text
  let kept = ''
  let keptWidth = 0
  for (const { segment } of LETTERS.segment(text)) {
    keptWidth += Bun.stringWidth(segment)
    if (keptWidth > width - 1) break
    kept += segment
  }
  return `${kept}…`
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

/** An instant of the API to the second. */
export const toTheSecond = (instant: string): string => String(instant).replace(/\.\d+Z$/, 'Z')

/** The headers of an attempt, one to a line. */
export const headerLines = (headers: readonly HeaderPair[] = []): string[] => [
  'headers',
  ...headers.map(([name, value]) => `  ${cellText(name)}: ${cellText(value)}`),
]

const isNested = (value: unknown): boolean =>
  Array.isArray(value) ? value.some(isNested) : typeof value === 'object' && value !== null

/** What `--json` prints of a value that is not an answer of the API; those are printed as they came. */
export const jsonText = (data: unknown): string => visibleJson(JSON.stringify({ data }))
