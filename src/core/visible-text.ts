/**
 * Text of strangers, made safe to show. A user agent may hold escape sequences that move the cursor,
 * retitle the window or answer as if the operator had typed, and marks that reverse the reading order.
 * A JSON encoder escapes only what is below U+0020, which leaves the second set of control characters
 * and all of the marks.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** One line: control characters, marks of direction and line ends become escapes such as `\x1b` and `\u{202e}`. */
export const visibleText = (text: string): string => text.replace(UNSAFE, escapeCharacter)

/** As `visibleText`, except that line feeds and tabs stay, for texts of several lines. */
export const visibleLines = (text: string): string =>
  text.replace(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : escapeCharacter(character),
  )

/**
 * JSON with the same value and no character that a terminal obeys.
 *
 * @param json - a JSON text. White space stays: JSON has none inside of its strings that is not escaped.
 */
export const visibleJson = (json: string): string =>
  json.replace(UNSAFE, (character) => (character in SHORT ? character : escapeUnits(character)))

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const short = SHORT[character]
  if (short !== undefined) return short
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/** JSON writes a character beyond U+FFFF as two escapes, one for each UTF-16 unit. */
function escapeUnits(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('')
}
