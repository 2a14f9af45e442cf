/** One value of a JSON text, and where it stands in it. Nodes lie in the order of the text, so that those of a container follow it. */
export interface JsonNode {
  readonly kind: 'object' | 'array' | 'string' | 'number' | 'literal'
  /** Its name in an object. */
  readonly key: string | null
  /** Its place in an array. */
  readonly index: number | null
  readonly parent: number
  readonly depth: number
  /** The text from here to `end` is the value, to the letter: parsed, `12345678901234567890` would be another number. */
  readonly begin: number
  end: number
  /** How many values it holds itself. */
  size: number
  /** The node after the last one within. */
  next: number
}

/** More values than this are no tree that anybody reads. */
export const NODES_MAX = 250_000

/** Nesting is as deep as its sender likes, so nothing here calls itself. @returns `null` for what is no JSON, or too much of it */
export function parseNodes(text: string): readonly JsonNode[] | null {
  try {
    JSON.parse(text)
  } catch {
    return null
  }
  const nodes: JsonNode[] = []
  const open: number[] = []
  let key: string | null = null
  for (let at = 0; at < text.length; ) {
    const mark = text[at] ?? ''
    const parent = open.at(-1) ?? -1
    const container = nodes[parent]
    if (/[\s,:]/.test(mark)) {
      at += 1
      continue
    }
    if (mark === '}' || mark === ']') {
      open.pop()
      at += 1
      if (container !== undefined) {
        container.end = at
        container.next = nodes.length
      }
      continue
    }
    const end = tokenEnd(text, at)
    if (mark === '"' && container?.kind === 'object' && key === null) {
      key = JSON.parse(text.slice(at, end)) as string
      at = end
      continue
    }
    if (nodes.length === NODES_MAX) return null
    if (mark === '{' || mark === '[') open.push(nodes.length)
    nodes.push({
      kind: KINDS[mark] ?? (/[tfn]/.test(mark) ? 'literal' : 'number'),
      key,
      index: container?.kind === 'array' ? container.size : null,
      parent,
      depth: open.length - (mark === '{' || mark === '[' ? 1 : 0),
      begin: at,
      end,
      size: 0,
      next: nodes.length + 1,
    })
    if (container !== undefined) container.size += 1
    key = null
    at = end
  }
  return nodes
}

const KINDS: Readonly<Record<string, JsonNode['kind']>> = { '{': 'object', '[': 'array', '"': 'string' }

function tokenEnd(text: string, begin: number): number {
  const mark = text[begin]
  if (mark === '{' || mark === '[') return begin + 1
  if (mark !== '"') {
    let end = begin + 1
    while (end < text.length && !/[\s,\]}]/.test(text[end] ?? '')) end += 1
    return end
  }
  for (let quote = text.indexOf('"', begin + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0
    while (text[quote - 1 - slashes] === '\\') slashes += 1
    if (slashes % 2 === 0) return quote + 1
  }
  return text.length
}

export const isContainer = ({ kind }: JsonNode): boolean => kind === 'object' || kind === 'array'

/** What stands in a text as a whole, and a number or a word as it is written. */
export const valueText = (text: string, node: JsonNode): string => {
  const source = text.slice(node.begin, node.end)
  return node.kind === 'string' ? (JSON.parse(source) as string) : source
}

/** As the search of events takes it, for example `items[].id`. */
export function pathText(nodes: readonly JsonNode[], index: number): string {
  const steps: string[] = []
  for (let node = nodes[index]; node !== undefined && node.parent >= 0; node = nodes[node.parent]) {
    steps.push(node.key === null ? '[]' : `.${quoted(node.key)}`)
  }
  return steps.toReversed().join('').replace(/^\./, '')
}

const quoted = (key: string): string => (/^[^.[\]"]+$/.test(key) ? key : JSON.stringify(key))

/** The nodes that are seen while only `opened` show what is in them. */
export function shownNodes(nodes: readonly JsonNode[], opened: ReadonlySet<number>): readonly number[] {
  const shown: number[] = []
  for (let index = 0; index < nodes.length; ) {
    shown.push(index)
    const node = nodes[index]
    index = node === undefined || opened.has(index) ? index + 1 : node.next
  }
  return shown
}

/** Containers that are open at first: the outer ones, as long as what they hold fits on a screen or two. */
export function firstOpened(nodes: readonly JsonNode[]): ReadonlySet<number> {
  const opened = new Set<number>()
  let room = 60
  for (let depth = 0; depth < 3; depth += 1) {
    for (const index of shownNodes(nodes, opened)) {
      const node = nodes[index]
      if (node === undefined || !isContainer(node) || node.depth !== depth) continue
      if (depth > 0 && node.size > room) continue
      room -= node.size
      opened.add(index)
    }
  }
  return opened
}
