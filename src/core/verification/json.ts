/** A JSON value as it stands in its text. */
interface Slice {
  readonly from: number
  readonly to: number
}

/** Why there is no value at a place: nothing is there, or more than one thing that another reader might take. */
export type NoValue = 'absent' | 'ambiguous'

/**
 * JSON whose values are read as they were written. A parser of the runtime takes the last of two members with one name and rounds long numbers, so
 * that what it shows is not what everybody else reads; here the former is ambiguous, and a number keeps its digits.
 */
export class JsonText {
  readonly #text: string
  readonly #whole: Slice

  private constructor(text: string, whole: Slice) {
    this.#text = text
    this.#whole = whole
  }

  /**
   * `null` when the bytes are no JSON. Bytes that are no UTF-8 may stand in texts that nobody reads, since senders sign them as they are; a text with
   * such bytes in it has no value.
   */
  static parse(bytes: Uint8Array): JsonText | null {
    try {
      const text = decoded(bytes)
      // Whatever passes is well-formed, which the scanner below relies on.
      JSON.parse(text)
      return new JsonText(text, { from: 0, to: text.length })
    } catch {
      return null
    }
  }

  /** What is at the end of a path; a step is the name of a member or the index of an element. */
  at(path: readonly string[]): JsonText | NoValue {
    let slice: Slice = this.#whole
    for (const step of path) {
      const next = this.#step(slice, step)
      if (typeof next === 'string') return next
      slice = next
    }
    return new JsonText(this.#text, slice)
  }

  /** The elements of an array; `null` when it is none, or has more than `most`. */
  elements(most: number): JsonText[] | null {
    const start = this.#skipSpace(this.#whole.from)
    if (this.#text[start] !== '[') return null
    const found: JsonText[] = []
    for (const slice of this.#items(start)) {
      if (found.length >= most) return null
      found.push(new JsonText(this.#text, slice))
    }
    return found
  }

  /** A text as it is meant, a number or truth value as it is written; `null` for null, objects, arrays and texts that no bytes stand for. */
  scalar(): string | null {
    const start = this.#skipSpace(this.#whole.from)
    const first = this.#text[start]
    const raw = this.#text.slice(start, this.#skipValue(start))
    if (first === '"') {
      const value: string = JSON.parse(raw)
      return raw.isWellFormed() && value.isWellFormed() ? value : null
    }
    return first === '{' || first === '[' || first === 'n' ? null : raw
  }

  /** Whether no two members of this object have one name. */
  hasDistinctNames(): boolean {
    const start = this.#skipSpace(this.#whole.from)
    const names = new Set<string>()
    let at = this.#skipSpace(start + 1)
    while (this.#text[at] !== '}') {
      const nameEnd = this.#skipString(at)
      const name: string = JSON.parse(this.#text.slice(at, nameEnd))
      if (names.has(name)) return false
      names.add(name)
      at = this.#skipSpace(this.#skipValue(this.#skipSpace(this.#skipSpace(nameEnd) + 1)))
      if (this.#text[at] === ',') at = this.#skipSpace(at + 1)
    }
    return true
  }

  isNull(): boolean {
    return this.#text[this.#skipSpace(this.#whole.from)] === 'n'
  }

  isText(): boolean {
    return this.#text[this.#skipSpace(this.#whole.from)] === '"'
  }

  #step(slice: Slice, step: string): Slice | NoValue {
    const start = this.#skipSpace(slice.from)
    if (this.#text[start] === '[') return this.#element(start, step)
    return this.#text[start] === '{' ? this.#member(start, step) : 'absent'
  }

  #element(start: number, step: string): Slice | NoValue {
    if (!/^(?:0|[1-9][0-9]{0,5})$/.test(step)) return 'absent'
    let index = Number(step)
    for (const slice of this.#items(start)) {
      if (index === 0) return slice
      index -= 1
    }
    return 'absent'
  }

  *#items(start: number): Iterable<Slice> {
    let at = this.#skipSpace(start + 1)
    while (this.#text[at] !== ']') {
      const to = this.#skipValue(at)
      yield { from: at, to }
      at = this.#skipSpace(to)
      if (this.#text[at] === ',') at = this.#skipSpace(at + 1)
    }
  }

  #member(start: number, name: string): Slice | NoValue {
    let found: Slice | null = null
    let at = this.#skipSpace(start + 1)
    while (this.#text[at] !== '}') {
      const nameEnd = this.#skipString(at)
      const isNamed = this.#isName(at, nameEnd, name)
      at = this.#skipSpace(this.#skipSpace(nameEnd) + 1)
      const to = this.#skipValue(at)
      if (isNamed && found !== null) return 'ambiguous'
      if (isNamed) found = { from: at, to }
      at = this.#skipSpace(to)
      if (this.#text[at] === ',') at = this.#skipSpace(at + 1)
    }
    return found ?? 'absent'
  }

  #isName(from: number, to: number, name: string): boolean {
    const raw = this.#text.slice(from + 1, to - 1)
    return raw === name || (raw.includes('\\') && JSON.parse(`"${raw}"`) === name)
  }

  /** The end of a value that begins here. */
  #skipValue(start: number): number {
    const first = this.#text.charCodeAt(start)
    if (first === QUOTE) return this.#skipString(start)
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return this.#skipLiteral(start)
    let depth = 0
    let at = start
    do {
      const code = this.#text.charCodeAt(at)
      if (code === QUOTE) {
        at = this.#skipString(at)
        continue
      }
      if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1
      at += 1
    } while (depth > 0)
    return at
  }

  #skipLiteral(start: number): number {
    let at = start
    while (at < this.#text.length && !DELIMITERS.has(this.#text.charCodeAt(at))) at += 1
    return at
  }

  /** The end of a string that begins here, behind its closing quote. */
  #skipString(start: number): number {
    let at = start + 1
    for (;;) {
      const code = this.#text.charCodeAt(at)
      if (code === QUOTE) return at + 1
      at += code === BACKSLASH ? 2 : 1
    }
  }

  #skipSpace(start: number): number {
    let at = start
    while (SPACES.has(this.#text.charCodeAt(at))) at += 1
    return at
  }
}

/** Stands for a byte that is no UTF-8: half of a pair, which no text that is well-formed has. */
const UNDECODED = '\ud800'

const REPLACEMENT = /\ufffd/g

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // The decoder's own mark may have been sent as well, and is then no value either: it cannot be told from what it replaces.
    return new TextDecoder().decode(bytes).replace(REPLACEMENT, UNDECODED)
  }
}

const codes = (characters: string): readonly number[] => Array.from(characters, (c) => c.charCodeAt(0))
const [QUOTE = 0, BACKSLASH = 0, OPEN_BRACE = 0, CLOSE_BRACE = 0, OPEN_BRACKET = 0, CLOSE_BRACKET = 0] =
  codes('"\\{}[]')
const SPACES: ReadonlySet<number> = new Set(codes(' \t\n\r'))
const DELIMITERS: ReadonlySet<number> = new Set(codes(' \t\n\r,]}'))
