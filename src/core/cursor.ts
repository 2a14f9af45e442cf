/**
 * Keyset cursors: the id after which the next page begins, in a form that says "opaque" to its reader. Ids of events and
 * log rows are UUIDs, those of triggers are refs; both are ordered as text.
 */
export const encodeCursor = (id: string): string => Buffer.from(id, 'utf8').toString('base64url')

const BASE64URL = /^[A-Za-z0-9_-]{1,400}$/

/** @returns the id, or `null` when the text is no cursor of ours */
export function decodeCursor(text: string): string | null {
  if (!BASE64URL.test(text)) return null
  const id = Buffer.from(text, 'base64url').toString('utf8')
  // Decoding is lenient; only what encodes to the same text was made by us.
  return encodeCursor(id) === text ? id : null
}

export interface Page<Row> {
  readonly rows: readonly Row[]
  /** `null` on the last page. */
  readonly nextCursor: string | null
}
