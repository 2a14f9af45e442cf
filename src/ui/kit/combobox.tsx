import { Combobox as Base } from '@base-ui/react/combobox'
import { Check, ChevronDown, X } from 'lucide-react'
import { classNames } from './class-names.ts'
import { visible } from './text.tsx'

export interface ComboboxChoice {
  readonly value: string
  readonly label: string
  /** A word beside it. */
  readonly hint?: string
}

interface ComboboxProps {
  readonly label: string
  readonly placeholder: string
  /** `null`: none is chosen. */
  readonly value: string | null
  readonly choices: readonly ComboboxChoice[]
  readonly onChange: (value: string | null) => void
  /** Given, `choices` are the answer to what is typed; otherwise they are filtered here. */
  readonly onSearch?: (text: string) => void
  readonly isClearable?: boolean
  readonly isDisabled?: boolean
  /** What it says when nothing fits. */
  readonly empty?: string
  readonly className?: string
}

/** One of many, found by typing. */
export function Combobox({
  label,
  placeholder,
  value,
  choices,
  onChange,
  onSearch,
  isClearable = false,
  isDisabled = false,
  empty = 'Nothing fits.',
  className,
}: ComboboxProps) {
  const chosen =
    choices.find((choice) => choice.value === value) ?? (value === null ? null : { value, label: value })
  return (
    <Base.Root
      items={choices}
      value={chosen}
      onValueChange={(choice: ComboboxChoice | null) => onChange(choice?.value ?? null)}
      isItemEqualToValue={(a, b) => a.value === b.value}
      itemToStringLabel={(choice: ComboboxChoice) => choice.label}
      disabled={isDisabled}
      {...(onSearch !== undefined && { filter: null, onInputValueChange: onSearch })}
    >
      <Base.InputGroup
        className={classNames(
          'relative flex h-9 items-center rounded-lg border border-line-strong bg-surface focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent',
          className,
        )}
      >
        <Base.Input
          aria-label={label}
          placeholder={placeholder}
          className="h-full min-w-0 grow rounded-lg bg-transparent px-3 text-ink outline-none placeholder:text-muted"
        />
        {isClearable && (
          <Base.Clear
            aria-label={`Clear ${label.toLowerCase()}`}
            className="inline-flex h-full w-7 items-center justify-center text-muted hover:text-ink"
          >
            <X aria-hidden className="size-4" />
          </Base.Clear>
        )}
        <Base.Trigger
          aria-label={`Show all: ${label}`}
          className="inline-flex h-full w-8 items-center justify-center text-muted hover:text-ink"
        >
          <ChevronDown aria-hidden className="size-4" />
        </Base.Trigger>
      </Base.InputGroup>
      <Base.Portal>
        <Base.Positioner sideOffset={4} className="z-50 outline-none">
          <Base.Popup className="max-h-80 w-[var(--anchor-width)] max-w-[var(--available-width)] min-w-56 overflow-y-auto rounded-lg border border-line bg-surface p-1 shadow-lg">
            <Base.Empty>
              <div className="px-2 py-3 text-muted">{empty}</div>
            </Base.Empty>
            <Base.List>
              {(choice: ComboboxChoice) => (
                <Base.Item
                  key={choice.value}
                  value={choice}
                  className="flex items-baseline gap-2 rounded-md px-2 py-1.5 outline-none select-none data-[highlighted]:bg-hover"
                >
                  <span className="size-4 shrink-0 self-center">
                    <Base.ItemIndicator>
                      <Check aria-hidden className="size-4" />
                    </Base.ItemIndicator>
                  </span>
                  <span className="foreign min-w-0 grow">{visible(choice.label)}</span>
                  {choice.hint !== undefined && (
                    <span className="text-sm text-muted">{visible(choice.hint)}</span>
                  )}
                </Base.Item>
              )}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}
