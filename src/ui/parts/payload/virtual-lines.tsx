import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from 'react'

interface VirtualLinesProps {
  readonly label: string
  readonly count: number
  readonly lineHeightPx: number
  readonly line: (index: number) => ReactNode
  /** This line is brought into sight. */
  readonly active?: number
  readonly tree?: {
    readonly activeId: string | undefined
    readonly onKeyDown: (event: KeyboardEvent) => void
  }
  readonly place?: RefObject<HTMLDivElement | null>
}

/** Lines beyond the edge, so that a quick scroll does not show blanks. */
const OVERSCAN = 12

/** A long list of lines of one height, of which only those in sight are in the document. */
export function VirtualLines({ label, count, lineHeightPx, line, active, tree, place }: VirtualLinesProps) {
  const own = useRef<HTMLDivElement>(null)
  const box = place ?? own
  const [top, setTop] = useState(0)
  const [height, setHeight] = useState(448)
  useEffect(() => {
    const { current } = box
    if (current === null) return
    const resizing = new ResizeObserver(() => setHeight(current.clientHeight))
    resizing.observe(current)
    return () => resizing.disconnect()
  }, [box])
  useEffect(() => {
    const { current } = box
    if (current === null || active === undefined) return
    const begin = active * lineHeightPx
    if (begin < current.scrollTop) current.scrollTop = begin
    else if (begin + lineHeightPx > current.scrollTop + current.clientHeight)
      current.scrollTop = begin + lineHeightPx - current.clientHeight
  }, [active, box, lineHeightPx])
  const first = Math.max(0, Math.floor(top / lineHeightPx) - OVERSCAN)
  const last = Math.min(count, Math.ceil((top + height) / lineHeightPx) + OVERSCAN)
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: it is a tree, or a region of the page that scrolls
    // biome-ignore lint/a11y/noStaticElementInteractions: as above, so that it has keys only as a tree
    <div
      ref={box}
      role={tree === undefined ? 'region' : 'tree'}
      aria-label={label}
      aria-activedescendant={tree?.activeId}
      tabIndex={0}
      onKeyDown={tree?.onKeyDown}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      className="max-h-112 overflow-auto rounded-lg border border-line bg-sunken font-mono text-sm"
    >
      <div role="presentation" className="relative" style={{ height: count * lineHeightPx }}>
        <div role="presentation" className="absolute inset-x-0" style={{ top: first * lineHeightPx }}>
          {Array.from({ length: Math.max(0, last - first) }, (_, offset) => line(first + offset))}
        </div>
      </div>
    </div>
  )
}
