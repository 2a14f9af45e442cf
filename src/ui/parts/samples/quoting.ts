import type { Part, Value } from './recipe.ts'

/** A literal between `quotes`, in the escapes that JavaScript, Python, Go, PHP and Ruby share. */
export const literal = (text: string, quotes: '"' | "'"): string =>
  `${quotes}${text.replaceAll('\\', '\\\\').replaceAll(quotes, `\\${quotes}`).replaceAll('\n', '\\n')}${quotes}`

/** The parts as an expression of a language: its names for what was computed, its literals, and what it joins texts with. */
export const concatenated = (
  parts: readonly Part[],
  names: Readonly<Record<Value, string>>,
  quote: (text: string) => string,
  joint: string,
): string => parts.map((part) => ('text' in part ? quote(part.text) : names[part.value])).join(joint)
