import { Notice } from '../../../kit/feedback.tsx'
import { Segments } from '../../../kit/form.tsx'
import { KeyField } from '../../../parts/key-field.tsx'
import type { Draft, SecretFrom } from './draft.ts'

const SOURCES: Readonly<Record<SecretFrom, string>> = {
  kept: 'Keep those there are',
  made: 'Make one here',
  given: 'Enter one',
  'handed-over': 'The sender hands it over',
}

interface SecretFieldProps {
  readonly draft: Draft
  readonly change: (part: Partial<Draft>) => void
  readonly sources: readonly SecretFrom[]
  readonly source: SecretFrom
  readonly problem: string | null
  readonly sender: string | null
}

/** Where the secret comes from, and the secret itself where it is entered. */
export function SecretField({ draft, change, sources, source, problem, sender }: SecretFieldProps) {
  return (
    <div className="space-y-3">
      {sources.length > 1 && (
        <div>
          <p className="mb-1.5 font-medium">Secret</p>
          <div className="max-w-full overflow-x-auto">
            <Segments
              label="Where the secret comes from"
              value={source}
              choices={sources.map((value) => ({ value, label: SOURCES[value] }))}
              onChange={(secretFrom) => change({ secretFrom, keys: { ...draft.keys, secret: '' } })}
            />
          </div>
        </div>
      )}
      {source === 'made' && (
        <p className="text-sm text-muted">
          It is made when this is saved, and shown once, to be given to the sender. Until the sender has it,
          what it sends is refused.
          {problem !== null && <span className="block text-bad">{problem}</span>}
        </p>
      )}
      {source === 'handed-over' && (
        <Notice tone="accent" title={`${sender ?? 'The sender'} hands it over by itself`}>
          From the moment this is saved, its first request is expected for 15 minutes, and brings the secret.
        </Notice>
      )}
      {source === 'given' && (
        <KeyField
          field="secret"
          isNeeded
          hint="As the sender has it, to the letter. It is stored, and never shown again."
          value={draft.keys['secret'] ?? ''}
          problem={problem}
          onChange={(secret) => change({ keys: { ...draft.keys, secret } })}
        />
      )}
    </div>
  )
}
