import { AlertDialog } from '@base-ui/react/alert-dialog'
import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { type ReactElement, type ReactNode, type RefObject, useEffect, useRef } from 'react'
import { Button } from './button.tsx'
import { classNames } from './class-names.ts'

const BACKDROP =
  'fixed inset-0 z-40 bg-black/45 transition-opacity data-[ending-style]:opacity-0 data-[starting-style]:opacity-0'

interface DialogProps {
  readonly title: ReactNode
  readonly description?: ReactNode
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
  readonly children: ReactNode
  readonly isWide?: boolean
}

/** A dialog over the page. Focus goes to its first field and comes back to what opened it, Escape closes it. */
export function Dialog({ title, description, isOpen, onOpenChange, children, isWide = false }: DialogProps) {
  const popup = useRef<HTMLDivElement>(null)
  return (
    <Base.Root open={isOpen} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className={BACKDROP} />
        <Base.Popup
          ref={popup}
          initialFocus={() => popup.current?.querySelector<HTMLElement>('input, textarea') ?? true}
          className={classNames(
            'fixed top-1/2 left-1/2 z-40 max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 overflow-y-auto',
            'rounded-xl border border-line bg-surface p-5 shadow-xl outline-none',
            isWide ? 'max-w-3xl' : 'max-w-lg',
          )}
        >
          <DialogHead title={title} description={description} />
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

/** A panel from the right that shows one thing of a list and leaves the list in sight. */
export function Drawer({
  title,
  description,
  isOpen,
  onOpenChange,
  children,
  actions,
  finalFocus,
}: Omit<DialogProps, 'isWide'> & {
  /** Beside the title. */
  readonly actions?: ReactNode
  /** Where focus goes when it closes, if not to what opened it. */
  readonly finalFocus?: () => HTMLElement | null
}) {
  const popup = useRef<HTMLDivElement>(null)
  return (
    <Base.Root open={isOpen} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className={BACKDROP} />
        <Base.Popup
          ref={popup}
          initialFocus={popup}
          finalFocus={finalFocus && (() => finalFocus() ?? true)}
          className={classNames(
            'fixed inset-y-0 right-0 z-40 w-full max-w-2xl overflow-y-auto border-l border-line bg-surface p-5 shadow-xl outline-none',
            'transition-transform data-[ending-style]:translate-x-full data-[starting-style]:translate-x-full',
          )}
        >
          <DialogHead title={title} description={description} actions={actions} />
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

function DialogHead({
  title,
  description,
  actions,
}: Pick<DialogProps, 'title' | 'description'> & { readonly actions?: ReactNode }) {
  return (
    <div className="mb-4 flex items-start gap-3">
      <div className="min-w-0 grow">
        <Base.Title className="text-lg font-semibold">{title}</Base.Title>
        {description !== undefined && (
          <Base.Description className="mt-1 text-muted">{description}</Base.Description>
        )}
      </div>
      {actions}
      <Base.Close
        aria-label="Close"
        className="inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-muted hover:bg-hover hover:text-ink"
      >
        <X aria-hidden className="size-5" />
      </Base.Close>
    </div>
  )
}

interface ConfirmProps {
  readonly title: string
  /** What will be different afterwards, and whether it can be undone. */
  readonly children: ReactNode
  /** The verb of the button, such as `Delete the trigger`. */
  readonly confirm: string
  readonly isDangerous?: boolean
  readonly isBusy?: boolean
  /** What has to be filled in first. */
  readonly field?: ReactNode
  /** False: it cannot be confirmed yet. */
  readonly isReady?: boolean
  /** Where focus goes once it is confirmed, if what opened it goes away with that. */
  readonly focusAfter?: RefObject<HTMLElement | null>
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
  readonly onConfirm: () => void
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({
  title,
  children,
  confirm,
  isDangerous = true,
  isBusy = false,
  field,
  isReady = true,
  focusAfter,
  isOpen,
  onOpenChange,
  onConfirm,
}: ConfirmProps) {
  const isConfirmed = useRef(false)
  useEffect(() => {
    if (isOpen) isConfirmed.current = false
  }, [isOpen])
  return (
    <AlertDialog.Root open={isOpen} onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={BACKDROP} />
        <AlertDialog.Popup
          finalFocus={() => (isConfirmed.current && focusAfter?.current) || true}
          className="fixed top-1/2 left-1/2 z-40 max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-xl border border-line bg-surface p-5 shadow-xl outline-none"
        >
          <AlertDialog.Title className="text-lg font-semibold">{title}</AlertDialog.Title>
          <AlertDialog.Description render={<div />} className="mt-2 text-muted">
            {children}
          </AlertDialog.Description>
          {field !== undefined && <div className="mt-4">{field}</div>}
          <div className="mt-5 flex flex-wrap justify-end gap-2">
            <AlertDialog.Close render={(<Button>Cancel</Button>) as ReactElement} />
            <Button
              look={isDangerous ? 'danger' : 'primary'}
              isBusy={isBusy}
              disabled={!isReady}
              onClick={() => {
                isConfirmed.current = true
                onConfirm()
              }}
            >
              {confirm}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}
