/**
 * The arrays that our statements send and read. The driver can find these out by itself, by a query on each new connection, but
 * nobody awaits that query: when the connection is lost meanwhile, as when a server restarts, the process ends of an
 * unhandled rejection. It also reads a null in an array as the text "NULL".
 */
export const ARRAY_TYPES = {
  textArray: { to: 1009, from: [1009], serialize: textArray, parse: elements },
  integerArray: { to: 1007, from: [1007], serialize: integerArray, parse: integers },
}

/** A comma, a brace or NULL inside of a text is told from one between two by its quotes. */
function textArray(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}

function integerArray(numbers: readonly number[]): string {
  return `{${numbers.join(',')}}`
}

const ELEMENT = /"((?:[^"\\]|\\.)*)"|[^{},"]+/gs

/** The elements of an array in their order, whatever its dimensions and bounds (`[5:6]={a,b}`) are. */
function elements(text: string): (string | null)[] {
  return Array.from(text.slice(text.indexOf('{')).matchAll(ELEMENT), ([token, quoted]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/gs, '$1')
    return token === 'NULL' ? null : token
  })
}

function integers(text: string): (number | null)[] {
  return elements(text).map((element) => (element === null ? null : Number(element)))
}
