import { CircleCheck, CircleDashed, CircleMinus, CircleX } from 'lucide-react'
import type { CheckResult, CheckVerdict } from '../../core/check.ts'
import { classNames } from '../kit/class-names.ts'
import { formatMs } from '../kit/format.ts'
import { CHECK_VERDICT_WORDS, CHECK_WORDS } from './verdict.tsx'

const MARKS: Readonly<Record<CheckVerdict, readonly [Icon: typeof CircleCheck, colour: string]>> = {
  passed: [CircleCheck, 'text-good'],
  refused: [CircleX, 'text-bad'],
  off: [CircleMinus, 'text-muted'],
  not_reached: [CircleDashed, 'text-muted'],
}

/** Every check of an attempt in the order in which they run, what it said, and how long it took. */
export function Checks({ checks }: { readonly checks: readonly CheckResult[] }) {
  return (
    <ol className="divide-y divide-line rounded-lg border border-line">
      {checks.map(({ check, verdict, elapsed_us }) => {
        const [Icon, colour] = MARKS[verdict]
        const isQuiet = verdict === 'off' || verdict === 'not_reached'
        return (
          <li key={check} className="flex items-center gap-2.5 px-3 py-2">
            <Icon aria-hidden className={classNames('size-4.5 shrink-0', colour)} />
            <span className={classNames('grow', isQuiet && 'text-muted')}>{CHECK_WORDS[check]}</span>
            <span
              className={classNames('text-sm', verdict === 'refused' ? 'font-medium text-bad' : 'text-muted')}
            >
              {CHECK_VERDICT_WORDS[verdict]}
            </span>
            <span className="numbers w-20 text-right text-sm text-muted">
              {elapsed_us === null ? '' : formatMs(elapsed_us / 1_000)}
            </span>
          </li>
        )
      })}
    </ol>
  )
}
