import type { Preview } from '../../../../core/preview.ts'
import { Button } from '../../../kit/button.tsx'
import { Notice } from '../../../kit/feedback.tsx'
import { Checkbox } from '../../../kit/form.tsx'
import { formatNumber } from '../../../kit/format.ts'
import { Foreign, Time } from '../../../kit/text.tsx'

interface LockedOutProps {
  readonly addresses: Preview['locked_out']
  readonly isConfirmed: boolean
  readonly onConfirm: (isConfirmed: boolean) => void
  readonly onAdd: (addresses: readonly string[]) => void
}

/** Addresses whose webhooks were accepted in the last day, and would not be any more. */
export function LockedOut({ addresses, isConfirmed, onConfirm, onAdd }: LockedOutProps) {
  if (addresses.length === 0) return null
  const many = addresses.length > 1
  return (
    <Notice
      tone="warn"
      title={
        many
          ? `${formatNumber(addresses.length)} addresses accepted in the last day would be locked out`
          : 'An address accepted in the last day would be locked out'
      }
    >
      <ul className="my-2 max-h-60 divide-y divide-line overflow-y-auto">
        {addresses.map(({ source_ip: address, attempts, last_seen: lastSeen }) => (
          <li key={address} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-1.5">
            <Foreign text={address} className="font-mono text-sm" />
            <span className="min-w-0 grow text-sm text-muted">
              {formatNumber(attempts)} {attempts === 1 ? 'attempt' : 'attempts'}, the last{' '}
              <Time at={lastSeen} />
            </span>
            <Button isSmall onClick={() => onAdd([address])}>
              Add it
            </Button>
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <Checkbox
          label={many ? 'Lock them out all the same' : 'Lock it out all the same'}
          isChecked={isConfirmed}
          onChange={onConfirm}
        />
        {many && (
          <Button isSmall onClick={() => onAdd(addresses.map(({ source_ip: address }) => address))}>
            Add all
          </Button>
        )}
      </div>
    </Notice>
  )
}
