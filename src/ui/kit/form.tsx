import { Field as BaseField } from '@base-ui/react/field'
import { Select as BaseSelect } from '@base-ui/react/select'
import { Switch as BaseSwitch } from '@base-ui/react/switch'
import { Check, ChevronDown } from 'lucide-react'
import { type ComponentProps, type ReactNode, useId } from 'react'
import type { FieldProblem } from '../../core/rejection.ts'
import { ApiError } from '../api/client.ts'
import { classNames } from './class-names.ts'
import { visible } from './text.tsx'

const CONTROL =
  'w-full rounded-lg border border-line-strong bg-surface px-3 text-ink placeholder:text-muted disabled:opacity-60 aria-invalid:border-bad data-[invalid]:border-bad'

interface FieldProps {
  readonly label: ReactNode
  readonly hint?: ReactNode
  /** What is wrong with it; it is read out with the control. */
  readonly problem?: string | null | undefined
  readonly children: ReactNode
  readonly className?: string
}

/** A control with its label, its hint and what is wrong with it, tied together for assistive technology. */
export function Field({ label, hint, problem, children, className }: FieldProps) {
  return (
    <BaseField.Root invalid={Boolean(problem)} className={classNames('flex flex-col gap-1.5', className)}>
      <BaseField.Label className="font-medium">{label}</BaseField.Label>
      {children}
      {hint !== undefined && (
        <BaseField.Description className="text-sm text-muted">{hint}</BaseField.Description>
      )}
      <BaseField.Error match={Boolean(problem)} className="text-sm text-bad">
        {problem}
      </BaseField.Error>
    </BaseField.Root>
  )
}

/** The problem that the server named for `field`, such as `cidrs[2]`. */
export function problemOf(error: Error | null, field: string): string | null {
  const problems: readonly FieldProblem[] = error instanceof ApiError ? error.problems : []
  return problems.find((problem) => problem.field === field)?.message ?? null
}

/** Whether each problem that the server named is of one of `fields`, and so is shown there. */
export const isAtFields = (error: Error | null, fields: readonly string[]): boolean =>
  error instanceof ApiError &&
  error.problems.length > 0 &&
  error.problems.every(({ field }) => fields.includes(field))

/** Inside a `Field`. */
export function TextInput({ className, ...rest }: ComponentProps<'input'>) {
  return <BaseField.Control render={<input {...rest} />} className={classNames(CONTROL, 'h-9', className)} />
}

export function TextArea({ className, ...rest }: ComponentProps<'textarea'>) {
  return (
    <BaseField.Control
      render={<textarea spellCheck={false} {...rest} />}
      className={classNames(CONTROL, 'min-h-24 py-2 font-mono text-sm', className)}
    />
  )
}

/** A search field with a label of its own that is not seen. */
export function SearchInput({
  label,
  problem = null,
  className,
  ...rest
}: ComponentProps<'input'> & { readonly label: string; readonly problem?: string | null }) {
  const id = useId()
  return (
    <div className={classNames('w-full', className)}>
      <input
        type="search"
        aria-label={label}
        aria-invalid={problem !== null}
        aria-describedby={problem === null ? undefined : id}
        {...rest}
        className={classNames(CONTROL, 'h-9')}
      />
      {problem !== null && (
        <p id={id} role="alert" className="mt-1.5 text-sm text-bad">
          {problem}
        </p>
      )}
    </div>
  )
}

interface Choice<Value extends string> {
  readonly value: Value
  readonly label: string
}

interface SelectProps<Value extends string> {
  readonly label: string
  readonly value: Value
  readonly choices: readonly Choice<Value>[]
  readonly onChange: (value: Value) => void
  readonly isDisabled?: boolean
  readonly className?: string
}

const UNKNOWN_LENGTH_MAX = 24

/** A value that nobody offered, such as one from an address that somebody else wrote, is shown as what it is. */
const withValue = <Value extends string>(
  choices: readonly Choice<Value>[],
  value: Value,
): readonly Choice<Value>[] =>
  choices.some((choice) => choice.value === value)
    ? choices
    : [...choices, { value, label: visible(value.slice(0, UNKNOWN_LENGTH_MAX)) }]

/** One of a few. Inside a `Field` its label is that of the field; elsewhere `label` names it. */
export function Select<Value extends string>({
  label,
  value,
  choices: offered,
  onChange,
  isDisabled = false,
  className,
}: SelectProps<Value>) {
  const choices = withValue(offered, value)
  return (
    <BaseSelect.Root
      items={choices as Choice<Value>[]}
      value={value}
      onValueChange={(next) => next !== null && onChange(next as Value)}
      disabled={isDisabled}
    >
      <BaseSelect.Trigger
        aria-label={label}
        className={classNames(CONTROL, 'flex h-9 items-center justify-between gap-2 text-left', className)}
      >
        <BaseSelect.Value className="truncate" />
        <ChevronDown aria-hidden className="size-4 shrink-0 text-muted" />
      </BaseSelect.Trigger>
      <BaseSelect.Portal>
        <BaseSelect.Positioner sideOffset={4} className="z-50 outline-none" alignItemWithTrigger={false}>
          <BaseSelect.Popup className="max-h-80 min-w-[var(--anchor-width)] overflow-y-auto rounded-lg border border-line bg-surface p-1 shadow-lg">
            {choices.map((choice) => (
              <BaseSelect.Item
                key={choice.value}
                value={choice.value}
                className="flex items-center gap-2 rounded-md px-2 py-1.5 outline-none select-none data-[highlighted]:bg-hover"
              >
                <span className="size-4">
                  <BaseSelect.ItemIndicator>
                    <Check aria-hidden className="size-4" />
                  </BaseSelect.ItemIndicator>
                </span>
                <BaseSelect.ItemText>{choice.label}</BaseSelect.ItemText>
              </BaseSelect.Item>
            ))}
          </BaseSelect.Popup>
        </BaseSelect.Positioner>
      </BaseSelect.Portal>
    </BaseSelect.Root>
  )
}

/** On or off, in force as soon as it is moved or with the form it stands in. */
export function Switch({
  label,
  hint,
  isOn,
  onChange,
  isDisabled = false,
}: {
  readonly label: string
  readonly hint?: ReactNode
  readonly isOn: boolean
  readonly onChange: (isOn: boolean) => void
  readonly isDisabled?: boolean
}) {
  const id = useId()
  return (
    <div className="flex items-start gap-3">
      <BaseSwitch.Root
        checked={isOn}
        onCheckedChange={onChange}
        disabled={isDisabled}
        aria-labelledby={id}
        className="mt-0.5 flex h-6 w-10 shrink-0 rounded-full border border-line-strong bg-sunken p-0.5 transition-colors data-[checked]:border-accent data-[checked]:bg-accent data-[disabled]:opacity-55"
      >
        <BaseSwitch.Thumb className="aspect-square h-full rounded-full bg-line-strong transition-transform data-[checked]:translate-x-4 data-[checked]:bg-on-accent" />
      </BaseSwitch.Root>
      <div>
        <span id={id} className="font-medium">
          {label}
        </span>
        {hint !== undefined && <div className="text-sm text-muted">{hint}</div>}
      </div>
    </div>
  )
}

/** Yes or no, in force with the form it stands in. */
export function Checkbox({
  label,
  isChecked,
  onChange,
}: {
  readonly label: ReactNode
  readonly isChecked: boolean
  readonly onChange: (isChecked: boolean) => void
}) {
  return (
    <label className="inline-flex items-center gap-2 font-medium">
      <input
        type="checkbox"
        className="size-4 shrink-0 accent-accent"
        checked={isChecked}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  )
}

/** One of two to five, all in sight. */
export function Segments<Value extends string>({
  label,
  value,
  choices,
  onChange,
}: Omit<SelectProps<Value>, 'isDisabled' | 'className'>) {
  return (
    <fieldset className="inline-flex rounded-lg border border-line bg-sunken p-0.5">
      <legend className="sr-only">{label}</legend>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          onClick={() => onChange(choice.value)}
          className={classNames(
            'h-7 rounded-md px-2.5 text-sm font-medium whitespace-nowrap text-muted hover:text-ink',
            choice.value === value && 'bg-surface text-ink shadow-sm',
          )}
        >
          {choice.label}
        </button>
      ))}
    </fieldset>
  )
}
