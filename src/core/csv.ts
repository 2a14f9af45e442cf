/** What a cell can hold; `null` is an empty one. */
export type CsvValue = string | number | boolean | null

/**
 * One record of a CSV file (RFC 4180), with its line end.
 *
 * A spreadsheet takes a text that begins like a formula for one, and runs it. So such a text gets an apostrophe before it, which spreadsheets
 * show or hide but never run (OWASP, CSV injection). One that begins with an apostrophe gets another, so that whoever takes the first away
 * from every cell that begins with one has exactly what was there.
 *
 * An empty text is `""`, and `null` is nothing at all.
 */
export const csvRecord = (values: readonly CsvValue[]): string => `${values.map(cell).join(',')}\r\n`

/** The full-width ones are read as the others by spreadsheets of Japanese and Chinese locales. */
const BEGINS_LIKE_A_FORMULA = /^['=+\-@\t\r\n＝＋－＠]/

/** Beyond RFC 4180, what some spreadsheets separate cells at. */
const NEEDS_QUOTES = /[",\r\n;\t|]|^$|^\s|\s$/

function cell(value: CsvValue): string {
  if (value === null) return ''
  // Numbers are ours, and a negative one is no formula.
  if (typeof value !== 'string') return String(value)
  const text = BEGINS_LIKE_A_FORMULA.test(value) ? `'${value}` : value
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
