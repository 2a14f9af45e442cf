import { ChevronRight } from 'lucide-react'
import { type KeyboardEvent, useId, useMemo, useRef, useState } from 'react'
import { Button, CopyButton } from '../../kit/button.tsx'
import { classNames } from '../../kit/class-names.ts'
import { formatNumber } from '../../kit/format.ts'
import { ScrollBox } from '../../kit/layout.tsx'
import { Foreign, visible } from '../../kit/text.tsx'
import { firstOpened, isContainer, type JsonNode, pathText, shownNodes, valueText } from './json-nodes.ts'
import { VirtualLines } from './virtual-lines.tsx'

/** Looks for events that have `value` at `path`. */
export type FindByValue = (path: string, value: string) => void

const LINE_HEIGHT_PX = 26
const STEP_PX = 16

/** Deeper levels stand below each other, so that a deep document stays in its place. */
const STEPS_MAX = 12

/** A JSON document that opens and closes by click and by keyboard. Below it stands the value that is chosen, in full. */
export function JsonTree({
  text,
  nodes,
  onFind,
}: {
  readonly text: string
  readonly nodes: readonly JsonNode[]
  readonly onFind?: FindByValue | undefined
}) {
  const [opened, setOpened] = useState(() => firstOpened(nodes))
  const [active, setActive] = useState(0)
  const [isChosen, setChosen] = useState(false)
  const place = useRef<HTMLDivElement>(null)
  const id = useId()
  const shown = useMemo(() => shownNodes(nodes, opened), [nodes, opened])
  const position = Math.max(0, shown.indexOf(active))
  const toggle = (index: number) =>
    setOpened((before) => {
      const after = new Set(before)
      if (!after.delete(index)) after.add(index)
      return after
    })
  const choose = (index: number | undefined) => {
    if (index === undefined) return
    setActive(index)
    setChosen(true)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const node = nodes[active]
    if (node === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    const isOpen = opened.has(active)
    const fold = isContainer(node) ? () => toggle(active) : () => setChosen(true)
    const action = new Map([
      ['ArrowDown', () => choose(shown[position + 1])],
      ['ArrowUp', () => choose(shown[position - 1])],
      ['Home', () => choose(shown[0])],
      ['End', () => choose(shown.at(-1))],
      ['ArrowRight', isContainer(node) && !isOpen ? fold : () => choose(shown[position + 1])],
      ['ArrowLeft', isOpen ? fold : () => choose(node.parent < 0 ? undefined : node.parent)],
      ['Enter', fold],
      [' ', fold],
    ]).get(event.key)
    if (action === undefined) return
    event.preventDefault()
    action()
  }
  const chosen = nodes[active]
  return (
    <div className="space-y-2">
      <VirtualLines
        label="Payload as a tree"
        count={shown.length}
        lineHeightPx={LINE_HEIGHT_PX}
        active={position}
        place={place}
        tree={{ activeId: `${id}-${active}`, onKeyDown }}
        line={(line) => {
          const index = shown[line] ?? 0
          const node = nodes[index]
          return (
            node !== undefined && (
              <TreeLine
                key={index}
                id={`${id}-${index}`}
                node={node}
                siblings={nodes[node.parent]?.size ?? 1}
                preview={previewOf(text, node)}
                isOpen={opened.has(index)}
                isActive={index === active}
                onPress={() => {
                  choose(index)
                  if (isContainer(node)) toggle(index)
                  place.current?.focus({ preventScroll: true })
                }}
              />
            )
          )
        }}
      />
      <div className="flex flex-wrap items-center gap-2">
        <Button look="quiet" isSmall onClick={() => setOpened(allContainers(nodes))}>
          Open all
        </Button>
        <Button look="quiet" isSmall onClick={() => setOpened(new Set([0]))}>
          Close all
        </Button>
      </div>
      {isChosen && chosen !== undefined && !isContainer(chosen) && (
        <ChosenValue path={pathText(nodes, active)} value={valueText(text, chosen)} onFind={onFind} />
      )}
    </div>
  )
}

const allContainers = (nodes: readonly JsonNode[]): ReadonlySet<number> => {
  const all = new Set<number>()
  for (const [index, node] of nodes.entries()) if (isContainer(node)) all.add(index)
  return all
}

/** What fits on a line. */
const PREVIEW_LENGTH_MAX = 240

function previewOf(text: string, node: JsonNode): string {
  if (node.kind === 'object') return node.size === 0 ? '{}' : `{ ${counted(node.size, 'field')} }`
  if (node.kind === 'array') return node.size === 0 ? '[]' : `[ ${counted(node.size, 'item')} ]`
  const end = Math.min(node.end, node.begin + PREVIEW_LENGTH_MAX)
  return visible(text.slice(node.begin, end)) + (end < node.end ? '…' : '')
}

const counted = (count: number, noun: string): string =>
  `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`

const COLOURS: Readonly<Record<JsonNode['kind'], string>> = {
  object: 'text-muted',
  array: 'text-muted',
  string: 'text-good',
  number: 'text-accent',
  literal: 'text-warn',
}

interface TreeLineProps {
  readonly id: string
  readonly node: JsonNode
  readonly siblings: number
  readonly preview: string
  readonly isOpen: boolean
  readonly isActive: boolean
  readonly onPress: () => void
}

function TreeLine({ id, node, siblings, preview, isOpen, isActive, onPress }: TreeLineProps) {
  const isFoldable = isContainer(node) && node.size > 0
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it has the keys
    <div
      id={id}
      role="treeitem"
      tabIndex={-1}
      aria-level={node.depth + 1}
      aria-setsize={siblings}
      aria-posinset={(node.index ?? 0) + 1}
      aria-selected={isActive}
      aria-expanded={isFoldable ? isOpen : undefined}
      onClick={onPress}
      className={classNames(
        'flex cursor-pointer items-center gap-1 pr-3 whitespace-nowrap hover:bg-hover',
        isActive && 'bg-accent-soft',
      )}
      style={{ height: LINE_HEIGHT_PX, paddingLeft: 6 + Math.min(node.depth, STEPS_MAX) * STEP_PX }}
    >
      <ChevronRight
        aria-hidden
        className={classNames(
          'size-3.5 shrink-0 text-muted',
          isOpen && 'rotate-90',
          !isFoldable && 'invisible',
        )}
      />
      {node.key !== null && <NodeName text={node.key} />}
      {node.index !== null && <span className="shrink-0 text-muted">{node.index}:</span>}
      <bdi dir="ltr" className={classNames('min-w-0 truncate', COLOURS[node.kind])}>
        {preview}
      </bdi>
    </div>
  )
}

const NAME_LENGTH_MAX = 80

const NodeName = ({ text }: { readonly text: string }) => (
  <bdi dir="ltr" className="max-w-2/3 shrink-0 truncate">
    {visible(text.length > NAME_LENGTH_MAX ? `${text.slice(0, NAME_LENGTH_MAX)}…` : text)}:
  </bdi>
)

/** What the search of the server takes; it refuses more. */
const SEARCHED_PATH_LENGTH_MAX = 512
const SEARCHED_VALUE_LENGTH_MAX = 256

function ChosenValue({
  path,
  value,
  onFind,
}: {
  readonly path: string
  readonly value: string
  readonly onFind?: FindByValue | undefined
}) {
  const isSearchable =
    path !== '' && path.length <= SEARCHED_PATH_LENGTH_MAX && value.length <= SEARCHED_VALUE_LENGTH_MAX
  return (
    <div className="space-y-2 rounded-lg border border-line p-3">
      <p className="max-h-20 overflow-hidden font-mono text-sm text-muted">
        <Foreign text={path === '' ? 'the whole payload' : path} lengthMax={SEARCHED_PATH_LENGTH_MAX} />
      </p>
      <ScrollBox label="The chosen value" className="max-h-48">
        <p className="font-mono text-sm whitespace-pre-wrap">
          {value === '' ? <span className="text-muted">an empty text</span> : <Foreign text={value} />}
        </p>
      </ScrollBox>
      <div className="flex flex-wrap gap-2">
        <CopyButton text={value} label="Copy the value" />
        {onFind !== undefined && isSearchable && (
          <Button isSmall onClick={() => onFind(path, value)}>
            Find events with this
          </Button>
        )}
      </div>
    </div>
  )
}
