/** Told of what is in a JSON text, in its order. */
export interface LeafVisitor {
  /** What follows is the value of this key, or, for `null`, elements of an array. */
  enter(key: string | null): void
  leave(): void
  /**
   * @param text - of a string, or the number or word as it is written
   * @returns whether to go on
   */
  leaf(text: string, isString: boolean): boolean
}

const TAB = 0x09
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Walks through a text that is known to be JSON. In contrast to what a parser returns, numbers are as their sender wrote them, a key that
 * is there twice has both of its values, and a key `__proto__` is one like any other. It calls itself never, however deep the text is.
 *
 * @param depthMax - keys and arrays on the way to a leaf; what is deeper is passed over
 */
export function visitLeaves(text: string, depthMax: number, visitor: LeafVisitor): void {
  const isList: boolean[] = []
  let depth = 0
  let isKeyNext = false
  const leave = () => {
    if (depth <= depthMax) visitor.leave()
    depth -= 1
  }
  for (let at = 0; at < text.length; ) {
    switch (text.charCodeAt(at)) {
      case SPACE:
      case LINE_FEED:
      case CARRIAGE_RETURN:
      case TAB:
      case COLON:
        break
      case OPEN_OBJECT:
        isList.push(false)
        isKeyNext = true
        break
      case OPEN_LIST:
        isList.push(true)
        isKeyNext = false
        depth += 1
        if (depth <= depthMax) visitor.enter(null)
        break
      case COMMA:
        if (isList.at(-1)) break
        leave()
        isKeyNext = true
        break
      case CLOSE_LIST:
        isList.pop()
        leave()
        break
      case CLOSE_OBJECT:
        isList.pop()
        // An empty object has no member to leave.
        if (!isKeyNext) leave()
        isKeyNext = false
        break
      case QUOTE: {
        const end = endOfString(text, at)
        if (isKeyNext) {
          depth += 1
          if (depth <= depthMax) visitor.enter(stringAt(text, at, end))
          isKeyNext = false
        } else if (depth <= depthMax && !visitor.leaf(stringAt(text, at, end), true)) return
        at = end
        continue
      }
      default: {
        const end = endOfToken(text, at)
        if (depth <= depthMax && !visitor.leaf(text.slice(at, end), false)) return
        at = end
        continue
      }
    }
    at += 1
  }
}

/** Behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from)
    if (quote === -1) return text.length
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1
    if (backslashes % 2 === 0) return quote + 1
    from = quote + 1
  }
}

function stringAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1)
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : raw
}

function endOfToken(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === COMMA || code === CLOSE_LIST || code === CLOSE_OBJECT || code <= SPACE) return at
  }
  return text.length
}
