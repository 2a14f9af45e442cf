import type { Scheme } from '../../../../admin/models.ts'
import { Combobox } from '../../../kit/combobox.tsx'
import { Field, Select, TextArea, TextInput } from '../../../kit/form.tsx'
import { formatSeconds } from '../../../kit/format.ts'
import { KeyField } from '../../../parts/key-field.tsx'
import { proofOf, titleOf } from '../../../parts/schemes.ts'
import { type Draft, hasTolerance, OWN, objectIn, toleranceProblem } from './draft.ts'

interface FieldsProps {
  readonly draft: Draft
  readonly change: (part: Partial<Draft>) => void
  readonly scheme: Scheme | null
  readonly schemes: readonly Scheme[]
  /** What is wrong with a field, by its name in the API. */
  readonly problem: (field: string) => string | null
}

const ALGORITHMS = [
  { value: 'sha256', label: 'SHA-256' },
  { value: 'sha512', label: 'SHA-512' },
  { value: 'sha1', label: 'SHA-1' },
]

/** The scheme, and everything that it needs but the secret. */
export function SchemeFields(props: FieldsProps) {
  const { draft, change, scheme, schemes, problem } = props
  const isOwn = draft.choice === OWN
  const choices = [
    ...schemes
      .map((one) => ({ value: one.name, label: titleOf(one) }))
      .toSorted((one, other) => one.label.localeCompare(other.label)),
    { value: OWN, label: 'A scheme of your own (JSON)' },
  ]
  return (
    <>
      <Field
        label="Scheme"
        problem={isOwn ? null : problem('scheme')}
        hint={scheme === null ? 'Type the name of the sender.' : proofOf(scheme)}
      >
        <Combobox
          label="Scheme"
          placeholder="Search 120 senders, such as GitHub"
          value={draft.choice}
          choices={choices}
          onChange={(choice) => {
            // What belongs to one sender is nothing for another.
            const { 'config.algorithm': algorithm = 'sha256' } = draft.keys
            change({ choice, secretFrom: null, keys: { 'config.algorithm': algorithm }, tolerance: '' })
          }}
          empty="No sender is called that. Generic HMAC, or a scheme of your own, may fit."
        />
      </Field>
      {isOwn ? <OwnFields {...props} /> : scheme !== null && <KeyFields {...props} scheme={scheme} />}
    </>
  )
}

/** How old what was signed may be, for a scheme that signs a time. */
export function ToleranceField({ draft, change, scheme, problem }: Omit<FieldsProps, 'schemes'>) {
  if (!hasTolerance(draft, scheme)) return null
  return (
    <Field
      label="Tolerance in seconds, optional"
      hint={toleranceHint(scheme)}
      problem={toleranceProblem(draft) ?? problem('tolerance_seconds')}
      className="sm:max-w-xs"
    >
      <TextInput
        inputMode="numeric"
        value={draft.tolerance}
        onChange={(event) => change({ tolerance: event.target.value })}
      />
    </Field>
  )
}

const toleranceHint = (scheme: Scheme | null): string =>
  scheme?.tolerance_seconds == null
    ? 'How old a signed time may be; left empty, what the scheme says.'
    : `How old a signed time may be; left empty, ${formatSeconds(scheme.tolerance_seconds)}.`

function KeyFields({ draft, change, scheme, problem }: FieldsProps & { readonly scheme: Scheme }) {
  const setKey = (field: string, value: string) => change({ keys: { ...draft.keys, [field]: value } })
  return [...scheme.needs, ...scheme.takes]
    .filter((field) => field !== 'secret')
    .map((field) =>
      field === 'config.algorithm' ? (
        <Field key={field} label="Algorithm" problem={problem(field)} className="sm:max-w-xs">
          <Select
            label="Algorithm"
            value={draft.keys[field] ?? 'sha256'}
            choices={ALGORITHMS}
            onChange={(value) => setKey(field, value)}
          />
        </Field>
      ) : (
        <KeyField
          key={field}
          field={field}
          isNeeded={scheme.needs.includes(field)}
          value={draft.keys[field] ?? ''}
          problem={problem(field)}
          onChange={(value) => setKey(field, value)}
        />
      ),
    )
}

function OwnFields({ draft, change, problem }: FieldsProps) {
  const isConfig = draft.config.trim() === '' || objectIn(draft.config) !== null
  return (
    <>
      <Field
        label="Scheme as JSON"
        hint="In the language of the schemes that come with it; GET /api/v1/schemes shows theirs."
        problem={objectIn(draft.record) === null ? 'It is no JSON object' : problem('scheme')}
      >
        <TextArea
          value={draft.record}
          onChange={(event) => change({ record: event.target.value })}
          className="min-h-52"
        />
      </Field>
      <KeyField
        field="public_key"
        isNeeded={false}
        value={draft.keys['public_key'] ?? ''}
        problem={problem('public_key')}
        onChange={(value) => change({ keys: { ...draft.keys, public_key: value } })}
      />
      <Field
        label="Configuration as JSON, optional"
        hint="What the scheme reads as {cfg:name}, such as {&quot;keyId&quot;: &quot;key-1&quot;}."
        problem={isConfig ? problem('config') : 'It is no JSON object'}
      >
        <TextArea value={draft.config} onChange={(event) => change({ config: event.target.value })} />
      </Field>
    </>
  )
}
