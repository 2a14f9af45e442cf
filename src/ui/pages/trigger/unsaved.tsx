import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { ConfirmDialog } from '../../kit/dialog.tsx'

interface Unsaved {
  readonly mark: (name: string, isUnsaved: boolean) => void
  readonly leave: (go: () => void) => void
}

const UnsavedContext = createContext<Unsaved>({ mark: () => {}, leave: (go) => go() })

/** Says that a form has changes that are not saved, as long as it has. */
export function useUnsaved(name: string, isUnsaved: boolean): void {
  const { mark } = useContext(UnsavedContext)
  useEffect(() => {
    mark(name, isUnsaved)
    return () => mark(name, false)
  }, [mark, name, isUnsaved])
}

/** Asks before `go` where it would throw changes away. */
export const useLeave = (): Unsaved['leave'] => useContext(UnsavedContext).leave

/** Whatever leads away from changes that are not saved asks first: links, the buttons of the browser, closing. */
export function UnsavedGuard({ children }: { readonly children: ReactNode }) {
  const names = useRef(new Set<string>())
  const [pending, setPending] = useState<{ readonly go: () => void } | null>(null)
  const mark = useCallback((name: string, isUnsaved: boolean) => {
    if (isUnsaved) names.current.add(name)
    else names.current.delete(name)
  }, [])
  const leave = useCallback((go: () => void) => {
    if (names.current.size === 0) go()
    else setPending({ go })
  }, [])
  useGuardedLinks(names, leave)
  useGuardedHistory(names, leave)
  return (
    <UnsavedContext value={{ mark, leave }}>
      {children}
      <ConfirmDialog
        title="Leave without saving?"
        confirm="Leave without saving"
        isOpen={pending !== null}
        onOpenChange={() => setPending(null)}
        onConfirm={() => {
          names.current.clear()
          setPending(null)
          pending?.go()
        }}
      >
        What you have changed here is not saved, and is lost when you leave.
      </ConfirmDialog>
    </UnsavedContext>
  )
}

type Names = { readonly current: ReadonlySet<string> }

function useGuardedLinks(names: Names, leave: Unsaved['leave']): void {
  const [, navigate] = useLocation()
  useEffect(() => {
    const onClick = (event: MouseEvent) => {
      const link = (event.target as Element).closest?.('a[href]')
      const isPlain =
        event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      if (names.current.size === 0 || !isPlain || !(link instanceof HTMLAnchorElement)) return
      const { origin, pathname, search, hash } = new URL(link.href)
      // What opens elsewhere, or leads to a place on this page, throws nothing away.
      if (origin !== location.origin || link.target === '_blank' || hash !== '') return
      event.preventDefault()
      event.stopPropagation()
      leave(() => navigate(pathname + search))
    }
    document.addEventListener('click', onClick, { capture: true })
    return () => document.removeEventListener('click', onClick, { capture: true })
  }, [names, leave, navigate])
}

function useGuardedHistory(names: Names, leave: Unsaved['leave']): void {
  const here = useRef('')
  here.current = location.pathname + location.search
  useEffect(() => {
    const onUnload = (event: BeforeUnloadEvent) => {
      if (names.current.size > 0) event.preventDefault()
    }
    // A step in the history cannot be refused. It is taken back before the pages hear of it, and taken again when it is meant.
    const onStep = (event: PopStateEvent) => {
      if (names.current.size === 0) return
      event.stopImmediatePropagation()
      history.pushState(null, '', here.current)
      leave(() => history.back())
    }
    window.addEventListener('beforeunload', onUnload)
    window.addEventListener('popstate', onStep, { capture: true })
    return () => {
      window.removeEventListener('beforeunload', onUnload)
      window.removeEventListener('popstate', onStep, { capture: true })
    }
  }, [names, leave])
}
