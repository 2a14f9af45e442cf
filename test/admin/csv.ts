/** A reader of CSV, written against RFC 4180 and not against our writer. */

export interface EventContents {
  readonly encoding: 'json' | 'utf-8' | 'base64'
  readonly payload: string
  readonly body: string
}

/** The records; a cell without quotes and with nothing in it is `null`. Throws where the text is not of RFC 4180. */
export function parseCsv(text: string): (string | null)[][] {
  const records: (string | null)[][] = []
  let record: (string | null)[] = []
  for (let at = 0; at < text.length; ) {
    const quoted = /"((?:[^"]|"")*)"/y
    const plain = /[^",\r\n]*/y
    const isQuoted = text[at] === '"'
    const pattern = isQuoted ? quoted : plain
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null) throw new Error(`no cell at ${at}`)
    at = pattern.lastIndex
    const cell = isQuoted ? (match[1] ?? '').replaceAll('""', '"') : match[0]
    record.push(isQuoted || cell !== '' ? unescaped(cell) : null)
    if (text[at] === ',') at += 1
    else if (text.startsWith('\r\n', at)) {
      records.push(record)
      record = []
      at += 2
      continue
    } else throw new Error(`neither comma nor line end at ${at}`)
    if (text.startsWith('\r\n', at)) record.push(null)
    if (text.startsWith('\r\n', at)) {
      records.push(record)
      record = []
      at += 2
    }
  }
  if (record.length > 0) throw new Error('the last record has no line end')
  return records
}

/** Whoever reads such a file takes the apostrophe away. */
export const unescaped = (cell: string): string => (cell.startsWith("'") ? cell.slice(1) : cell)
