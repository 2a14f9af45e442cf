import { Check } from 'lucide-react'
import { classNames } from '../../kit/class-names.ts'

const STEPS = ['Name', 'Sender', 'URL and secret', 'First webhook'] as const

/** The way from nothing to the first webhook, and where on it one is. */
export function Steps({ at }: { readonly at: 0 | 1 | 2 | 3 | 4 }) {
  return (
    <ol aria-label="Steps" className="mb-6 flex flex-wrap items-center gap-x-2 gap-y-2 text-sm">
      {STEPS.map((name, index) => (
        <li
          key={name}
          aria-current={index === at ? 'step' : undefined}
          className={classNames(
            'flex items-center gap-2',
            index === at ? 'font-semibold text-ink' : 'text-muted',
          )}
        >
          {index > 0 && <span aria-hidden className="h-px w-4 bg-line-strong sm:w-8" />}
          <span
            aria-hidden
            className={classNames(
              'flex size-6 items-center justify-center rounded-full border text-xs font-semibold',
              index < at && 'border-transparent bg-good-soft text-good',
              index === at && 'border-transparent bg-accent text-on-accent',
              index > at && 'border-line-strong',
            )}
          >
            {index < at ? <Check className="size-3.5" /> : index + 1}
          </span>
          {name}
          {index < at && <span className="sr-only">(done)</span>}
        </li>
      ))}
    </ol>
  )
}
