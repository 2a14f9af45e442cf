import { CircleCheck, CircleX } from 'lucide-react'
import type { WhitelistCheck } from '../../../../core/preview.ts'
import { Field, TextInput } from '../../../kit/form.tsx'
import { Foreign } from '../../../kit/text.tsx'

interface AddressCheckProps {
  readonly address: string
  readonly onChange: (address: string) => void
  /** `null`: it is not known yet. */
  readonly answer: WhitelistCheck['address']
}

/** Would this address pass? Of the list as it stands in the form, saved or not. */
export function AddressCheck({ address, onChange, answer }: AddressCheckProps) {
  return (
    <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
      <Field label="Would this address pass?" className="w-72 max-w-full">
        <TextInput
          className="font-mono text-sm"
          placeholder="192.0.2.7"
          spellCheck={false}
          autoComplete="off"
          value={address}
          onChange={(event) => onChange(event.target.value)}
        />
      </Field>
      <p role="status" className="min-h-9 sm:mt-9">
        {address.trim() !== '' && answer !== null && <Answer answer={answer} />}
      </p>
    </div>
  )
}

function Answer({ answer }: { readonly answer: NonNullable<WhitelistCheck['address']> }) {
  if (answer.canonical === null) return <span className="text-muted">This is no address.</span>
  if (!answer.passes) {
    return (
      <span className="inline-flex items-center gap-1.5 text-bad">
        <CircleX aria-hidden className="size-4" />
        No, it would be refused with 403.
      </span>
    )
  }
  return (
    <span className="inline-flex flex-wrap items-center gap-1.5 text-good">
      <CircleCheck aria-hidden className="size-4" />
      Yes, by <Foreign text={answer.matched ?? ''} className="font-mono text-sm" />
    </span>
  )
}
