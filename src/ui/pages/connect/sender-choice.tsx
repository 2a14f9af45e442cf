import { ArrowRight } from 'lucide-react'
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react'
import type { Scheme } from '../../../admin/models.ts'
import { Button } from '../../kit/button.tsx'
import { describeError, Notice } from '../../kit/feedback.tsx'
import { SearchInput } from '../../kit/form.tsx'
import { proofOf, titleOf } from '../../parts/schemes.ts'
import { type SenderGroup, senderGroups } from './senders.ts'

interface SenderChoiceProps {
  readonly schemes: readonly Scheme[]
  /** The name of the scheme that the trigger has already. */
  readonly current: string | null
  readonly isBusy: boolean
  readonly error: Error | null
  readonly onChoose: (scheme: Scheme) => void
}

/** The second step: who sends. Type to search, arrows to move, Enter to go on. */
export function SenderChoice({ schemes, current, isBusy, error, onChoose }: SenderChoiceProps) {
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState<string | null>(current)
  const list = useRef<HTMLDivElement>(null)
  const groups = senderGroups(schemes, search)
  const shown = groups.flatMap((group) => group.schemes)
  const scheme = shown.find(({ name }) => name === chosen) ?? null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const first = shown[0]
    if (isBusy) return
    if (scheme !== null) onChoose(scheme)
    else if (search !== '' && first !== undefined) setChosen(first.name)
  }
  const intoList = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown') return
    event.preventDefault()
    const radios = list.current?.querySelectorAll<HTMLInputElement>('input[type=radio]')
    const target = [...(radios ?? [])].find((radio) => radio.checked) ?? radios?.[0]
    target?.focus()
    if (target !== undefined) setChosen(target.value)
  }
  return (
    <form onSubmit={submit}>
      <SearchInput
        label="Search senders"
        placeholder="Search 120 senders, such as GitHub"
        autoFocus
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        onKeyDown={intoList}
      />
      {/* It is as high as its content on a wide screen only, so that the button below stays in sight. */}
      <div
        ref={list}
        role="radiogroup"
        aria-label="Sender"
        className="mt-4 max-h-[24rem] space-y-5 overflow-y-auto rounded-lg border border-line p-3"
      >
        {groups.map((group) => (
          <Group key={group.title} group={group} chosen={chosen} onChange={setChosen} />
        ))}
        {shown.length === 0 && (
          <p className="p-4 text-center text-muted">
            No sender is called that. Search for “own”: if it signs what it sends with an HMAC, Generic HMAC
            is likely to fit.
          </p>
        )}
      </div>
      {error !== null && (
        <div className="mt-4">
          <Notice tone="bad" title={describeError(error).title}>
            {describeError(error).advice}
          </Notice>
        </div>
      )}
      {current !== null && chosen !== current && scheme !== null && (
        <div className="mt-4">
          <Notice tone="warn" title="This trigger verifies another sender now">
            Going on replaces its settings and its secrets.
          </Notice>
        </div>
      )}
      <div className="mt-4 flex flex-wrap items-center justify-end gap-3">
        <p aria-live="polite" className="min-w-0 grow text-muted">
          {scheme === null ? 'Choose who sends.' : `${titleOf(scheme)}: ${proofOf(scheme).toLowerCase()}`}
        </p>
        <Button type="submit" look="primary" disabled={scheme === null && search === ''} isBusy={isBusy}>
          Continue
          <ArrowRight aria-hidden className="size-4" />
        </Button>
      </div>
    </form>
  )
}

function Group({
  group: { title, schemes },
  chosen,
  onChange,
}: {
  readonly group: SenderGroup
  readonly chosen: string | null
  readonly onChange: (name: string) => void
}) {
  return (
    <div>
      <p className="mb-2 text-sm font-medium text-muted">{title}</p>
      <div className="grid gap-2 sm:grid-cols-2 xl:grid-cols-3">
        {schemes.map((scheme) => (
          <label
            key={scheme.name}
            className="relative flex min-w-0 cursor-pointer flex-col rounded-lg border border-line px-3 py-2 hover:bg-hover has-[:checked]:border-accent has-[:checked]:bg-accent-soft has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-offset-1 has-[:focus-visible]:outline-accent"
          >
            <input
              type="radio"
              name="sender"
              value={scheme.name}
              checked={scheme.name === chosen}
              onChange={() => onChange(scheme.name)}
              className="absolute opacity-0"
            />
            <span className="truncate font-medium">{titleOf(scheme)}</span>
            <span className="truncate text-sm text-muted">{proofOf(scheme)}</span>
          </label>
        ))}
      </div>
    </div>
  )
}
