import type { HeaderPair } from '../../core/event.ts'
import { REDACTED } from './headers-table.tsx'

/** What curl writes itself, and what held for one connection only. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'expect',
  'te',
  'upgrade',
])

/** Longer bodies are no fun to paste; they are read from the file that was downloaded. */
const INLINE_BYTES_MAX = 32_768

interface CurlRequest {
  readonly url: string
  readonly headers: readonly HeaderPair[]
  /** `null`: it is not kept. */
  readonly body: Uint8Array | null
  /** The name of the file that holds the body when it is too long to stand in a command. */
  readonly fileName: string
}

/** A command for a POSIX shell that sends the same request again. */
export function curlCommand({ url, headers, body, fileName }: CurlRequest): string {
  const kept = headers.filter(([name]) => !LEFT_OUT.has(name.toLowerCase()))
  const hasType = kept.some(([name]) => name.toLowerCase() === 'content-type')
  const data = dataOf(body, fileName)
  const lines = [
    `curl --request POST ${quote(url)}`,
    ...kept.map((header) => `--header ${byteArgument(headerText(header))}`),
    // Unasked, curl calls a body a form.
    ...(hasType ? [] : [`--header 'content-type:'`]),
    ...(data === null ? [] : [`--data-binary ${data.argument}`]),
  ]
  return `${data?.pipe ?? ''}${lines.join(' \\\n  ')}`
}

function headerText([name, value]: HeaderPair): string {
  if (value === REDACTED) return `${name}: <put the credential here>`
  // With a colon and nothing behind it, curl would leave the header out.
  return value === '' ? `${name};` : `${name}: ${value.replaceAll(/[\r\n\0]/g, ' ')}`
}

function dataOf(body: Uint8Array | null, fileName: string): { argument: string; pipe: string } | null {
  if (body === null || body.byteLength === 0) return null
  if (body.byteLength > INLINE_BYTES_MAX) return { argument: quote(`@${fileName}`), pipe: '' }
  const text = exactText(body)
  if (text !== null) return { argument: quote(text), pipe: '' }
  const base64 = btoa(Array.from(body, (byte) => String.fromCharCode(byte)).join(''))
  return { argument: '@-', pipe: `printf %s ${quote(base64)} | base64 -d | ` }
}

/** @returns `null` for bytes that no argument can carry to the letter, or that curl would take for the name of a file */
function exactText(body: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    return /[^\P{C}\n\t]/u.test(text) || text.startsWith('@') ? null : text
  } catch {
    return null
  }
}

/**
 * The server reads each byte of a header as one character (ISO 8859-1), and a terminal would send such a character as two bytes. What is
 * not ASCII is written by `printf`, whose octal escapes every POSIX shell knows.
 */
function byteArgument(text: string): string {
  if (!/[^\t -~]/.test(text)) return quote(text)
  const format = text
    .replaceAll('\\', '\\\\')
    .replaceAll('%', '%%')
    .replaceAll(/[^\t -~]/gu, (character) =>
      Array.from(bytesOf(character), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
    )
  return `"$(printf ${quote(format)})"`
}

const bytesOf = (character: string): Iterable<number> => {
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? [code] : new TextEncoder().encode(character)
}

/** Within single quotes a shell reads everything to the letter, but for the quote itself. */
const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
