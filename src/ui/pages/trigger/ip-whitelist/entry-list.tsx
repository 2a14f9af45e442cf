import { Check, X } from 'lucide-react'
import type { WhitelistCheck } from '../../../../core/preview.ts'
import { Button, IconButton } from '../../../kit/button.tsx'
import { Foreign, visible } from '../../../kit/text.tsx'

type Verdict = WhitelistCheck['entries'][number]

interface EntryListProps {
  readonly entries: readonly string[]
  /** By the entry that they are of. */
  readonly verdicts: ReadonlyMap<string, Verdict>
  /** Left out: the list is only read. */
  readonly onChange?: (entries: readonly string[]) => void
}

/** Each entry with what is wrong with it, and a way to mend or to remove it. */
export function EntryList({ entries, verdicts, onChange }: EntryListProps) {
  if (entries.length === 0) return null
  const replace = (from: string, to: readonly string[]) =>
    onChange?.([...new Set(entries.flatMap((entry) => (entry === from ? to : [entry])))])
  return (
    <ul
      aria-label="Addresses and networks"
      className="max-h-96 divide-y divide-line overflow-y-auto rounded-lg border border-line"
    >
      {entries.map((entry) => {
        const verdict = verdicts.get(entry)
        return (
          <li key={entry} className="flex items-center gap-3 py-1.5 pr-1.5 pl-3">
            <div className="min-w-0 grow">
              <Foreign text={entry} className="font-mono text-sm" lengthMax={128} />
              {verdict?.problem && <Problem verdict={verdict} onMend={(to) => replace(entry, [to])} />}
            </div>
            {verdict?.problem === null && (
              <Check aria-label="accepted" className="size-4 shrink-0 text-good" />
            )}
            {onChange !== undefined && (
              <IconButton
                label={`Remove ${visible(entry.slice(0, 64))}`}
                icon={<X aria-hidden className="size-4" />}
                onClick={() => replace(entry, [])}
              />
            )}
          </li>
        )
      })}
    </ul>
  )
}

function Problem({ verdict, onMend }: { readonly verdict: Verdict; readonly onMend: (to: string) => void }) {
  const { problem, canonical } = verdict
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-bad">
      <Foreign text={problem ?? ''} />
      {canonical !== null && (
        <Button isSmall onClick={() => onMend(canonical)}>
          Write {canonical}
        </Button>
      )}
    </div>
  )
}
