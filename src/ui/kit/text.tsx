import { useEffect, useState } from 'react'
import { classNames } from './class-names.ts'
import { formatInstant, formatRelative } from './format.ts'
import { Tooltip } from './tooltip.tsx'

const TICK_MS = 10_000

/** How long ago it was; the exact time on hover and on focus. */
export function Time({ at }: { readonly at: string }) {
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  return (
    <Tooltip text={formatInstant(at)}>
      <time dateTime={at} className="numbers whitespace-nowrap">
        {formatRelative(at)}
      </time>
    </Tooltip>
  )
}

/**
 * Control characters, marks that turn the direction of text, and whatever is not seen: each is shown as its code. A joiner that makes one
 * picture of several, or one letter of several, and what says how a picture is drawn, are part of what is seen.
 */
const UNSEEN =
  /(?![\t\n]|\ufe0e|\ufe0f|(?<=[\p{Extended_Pictographic}\p{M}\p{Emoji_Modifier}])\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{DI}\u2028\u2029]/gu

/** Accents stand on a letter. A heap of them reaches over the lines above and below, and no language needs as many. */
const HEAP = /(\p{M}{8})(\p{M}+)/gu

export const visible = (text: string): string =>
  text
    .replaceAll(HEAP, (_, seen: string, more: string) => `${seen}⟨${Array.from(more).length} more accents⟩`)
    .replaceAll(
      UNSEEN,
      (mark) => `⟨U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
    )

const SHOWN_LENGTH_MAX = 20_000

/** What a sender or an operator wrote: as text, in one direction, never wider than its place, and cut when it is too long to draw. */
export function Foreign({
  text,
  className,
  lengthMax = SHOWN_LENGTH_MAX,
}: {
  readonly text: string
  readonly className?: string
  readonly lengthMax?: number
}) {
  const shown = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text
  return (
    <bdi dir="ltr" className={classNames('foreign', className)}>
      {visible(shown)}
    </bdi>
  )
}
