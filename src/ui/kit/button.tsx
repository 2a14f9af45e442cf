import { Check, Copy, LoaderCircle } from 'lucide-react'
import { type ComponentProps, type ReactNode, useRef, useState } from 'react'
import { classNames } from './class-names.ts'
import { Tooltip } from './tooltip.tsx'

type Look = 'primary' | 'secondary' | 'quiet' | 'danger'

const LOOKS: Readonly<Record<Look, string>> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong border-transparent',
  secondary: 'bg-surface text-ink border-line hover:bg-hover',
  quiet: 'bg-transparent text-ink border-transparent hover:bg-hover',
  danger: 'bg-bad-solid text-on-accent border-transparent hover:opacity-90',
}

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: Look
  readonly isSmall?: boolean
  /** It is under way: it cannot be pressed again, and says so. */
  readonly isBusy?: boolean
  readonly icon?: ReactNode
}

/** The class of a button, for a link that looks like one. */
export const buttonClass = (look: Look = 'secondary', isSmall = false): string =>
  classNames(
    'inline-flex items-center justify-center gap-2 rounded-lg border font-medium whitespace-nowrap transition-colors',
    'disabled:opacity-55 disabled:cursor-not-allowed aria-disabled:opacity-55',
    isSmall ? 'h-8 px-2.5 text-sm' : 'h-9 px-3.5',
    LOOKS[look],
  )

export function Button({
  look = 'secondary',
  isSmall = false,
  isBusy = false,
  icon,
  className,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={classNames(buttonClass(look, isSmall), className)}
      aria-disabled={isBusy || undefined}
      aria-busy={isBusy || undefined}
      onClick={isBusy ? (event) => event.preventDefault() : rest.onClick}
    >
      {isBusy ? <LoaderCircle aria-hidden className="size-4 animate-spin" /> : icon}
      {children}
    </button>
  )
}

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'aria-label'> {
  /** What it does, for whoever cannot see the icon, and on hover. */
  readonly label: string
  readonly icon: ReactNode
}

export function IconButton({ label, icon, className, ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label}>
      <button
        type="button"
        aria-label={label}
        {...rest}
        className={classNames(
          'inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-muted hover:bg-hover hover:text-ink',
          'disabled:opacity-55',
          className,
        )}
      >
        {icon}
      </button>
    </Tooltip>
  )
}

const COPIED_MS = 2_000

/** Copies `text`, and says that it has. */
export function CopyButton({
  text,
  label = 'Copy',
  look = 'secondary',
}: {
  readonly text: string
  readonly label?: string
  readonly look?: Look
}) {
  const [isCopied, setCopied] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const copy = async () => {
    await copyText(text)
    setCopied(true)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setCopied(false), COPIED_MS)
  }
  return (
    <Button
      look={look}
      isSmall
      onClick={copy}
      icon={
        isCopied ? (
          <Check aria-hidden className="size-4 text-good" />
        ) : (
          <Copy aria-hidden className="size-4" />
        )
      }
    >
      <span aria-live="polite">{isCopied ? 'Copied' : label}</span>
    </Button>
  )
}

/** Browsers give pages the clipboard only over TLS or on the same host; elsewhere the old way still works. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text)
      return
    } catch {
      // Refused for this page: the way below needs no permission.
    }
  }
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'fixed opacity-0'
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}
