import { Plus } from 'lucide-react'
import { type KeyboardEvent, useState } from 'react'
import { Button } from '../../../kit/button.tsx'
import { Field, TextArea } from '../../../kit/form.tsx'
import { entriesIn } from './pasted-list.ts'

const ENTRIES_MAX = 1_000

/** One entry, or a whole list that somebody pastes. */
export function AddEntries({
  count,
  onAdd,
}: {
  /** How many there are already. */
  readonly count: number
  readonly onAdd: (entries: readonly string[]) => void
}) {
  const [text, setText] = useState('')
  const entries = entriesIn(text)
  const isTooMany = count + entries.length > ENTRIES_MAX
  const add = () => {
    if (entries.length === 0 || isTooMany) return
    onAdd(entries)
    setText('')
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    add()
  }
  return (
    <div className="flex flex-wrap items-start gap-3">
      <Field
        label="Add addresses or networks"
        hint="Type one, or paste a list: commas, spaces or lines between them, remarks behind #."
        problem={isTooMany ? 'A whitelist has at most 1,000 entries' : null}
        className="min-w-0 grow basis-72"
      >
        <TextArea
          className="min-h-0!"
          rows={Math.min(8, text.split('\n').length)}
          placeholder="192.0.2.0/24"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
      </Field>
      <Button
        className="sm:mt-8"
        icon={<Plus aria-hidden className="size-4" />}
        onClick={add}
        disabled={entries.length === 0 || isTooMany}
      >
        {entries.length > 1 ? `Add ${entries.length}` : 'Add'}
      </Button>
    </div>
  )
}
