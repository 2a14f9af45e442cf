import { CircleCheck, CircleDashed, CircleMinus, CircleX } from 'lucide-react'
import type { CheckName, CheckResult, CheckVerdict } from '../../core/check.ts'
import { classNames } from '../kit/class-names.ts'
import { formatMs } from '../kit/format.ts'

/** The checks in the words of people. */
export const CHECK_LABELS: Readonly<Record<CheckName, string>> = {
  webhook_enabled: 'Webhook enabled',
  payload_size: 'Payload size',
  ip_whitelist: 'IP whitelist',
  rate_limit: 'Rate limit',
  signature: 'Signature',
  store: 'Stored on disk',
}

const VERDICTS: Readonly<
  Record<
    CheckVerdict,
    { readonly label: string; readonly className: string; readonly Icon: typeof CircleCheck }
  >
> = {
  passed: { label: 'passed', className: 'text-good', Icon: CircleCheck },
  refused: { label: 'refused', className: 'text-bad', Icon: CircleX },
  off: { label: 'off', className: 'text-muted', Icon: CircleMinus },
  not_reached: { label: 'not reached', className: 'text-muted', Icon: CircleDashed },
}

/** Every check in the order in which it ran, with its verdict and its time. */
export function CheckList({ checks }: { readonly checks: readonly CheckResult[] }) {
  return (
    <ol aria-label="Checks" className="divide-y divide-line rounded-lg border border-line">
      {checks.map(({ check, verdict, elapsed_us: elapsedUs }) => {
        const { label, className, Icon } = VERDICTS[verdict]
        return (
          <li key={check} className="flex items-center gap-3 px-3 py-2">
            <Icon aria-hidden className={classNames('size-5 shrink-0', className)} />
            <span className={classNames('grow', verdict === 'not_reached' && 'text-muted')}>
              {CHECK_LABELS[check]}
            </span>
            <span className={classNames('text-sm font-medium', className)}>{label}</span>
            <span className="numbers w-20 text-right text-sm text-muted">
              {elapsedUs === null ? '' : formatMs(elapsedUs / 1_000)}
            </span>
          </li>
        )
      })}
    </ol>
  )
}
