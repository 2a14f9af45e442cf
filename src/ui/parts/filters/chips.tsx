import { X } from 'lucide-react'
import { Button } from '../../kit/button.tsx'
import { formatInstant } from '../../kit/format.ts'
import { Foreign } from '../../kit/text.tsx'
import { type FilterState, RANGES } from './filter-state.ts'

interface ChipsProps extends FilterState {
  /** How each filter is called here. */
  readonly labels: Readonly<Record<string, string>>
  /** The value of a filter in words, where it has any. */
  readonly wordsOf?: (name: string, value: string) => string | undefined
}

/** What narrows the list now, each with a way to take it away. */
export function Chips({ values, set, clear, labels, wordsOf }: ChipsProps) {
  const shown = Object.entries(values).filter(([name, value]) => !(name === 'range' && value === 'custom'))
  if (shown.length === 0) return null
  return (
    <ul aria-label="Filters in force" className="flex flex-wrap items-center gap-2">
      {shown.map(([name, value]) => {
        const label = labels[name] ?? name
        return (
          <li key={name}>
            <button
              type="button"
              onClick={() => set({ [name]: '' })}
              className="inline-flex max-w-80 items-center gap-1.5 rounded-full border border-line bg-accent-soft py-1 pr-2 pl-3 text-left text-sm text-accent hover:border-accent"
            >
              <span className="sr-only">Take away: </span>
              <span className="min-w-0 truncate">
                {label}{' '}
                <Foreign text={wordsOf?.(name, value) ?? timeWords(name, value) ?? value} lengthMax={80} />
              </span>
              <X aria-hidden className="size-3.5 shrink-0" />
            </button>
          </li>
        )
      })}
      <li>
        <Button isSmall look="quiet" onClick={clear}>
          Clear all
        </Button>
      </li>
    </ul>
  )
}

function timeWords(name: string, value: string): string | undefined {
  if (name === 'range') return RANGES.find((range) => range.value === value)?.label.toLowerCase()
  if (name !== 'since' && name !== 'until') return undefined
  return Number.isNaN(Date.parse(value)) ? undefined : formatInstant(value)
}
