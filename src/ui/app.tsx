import { CSPProvider } from '@base-ui/react/csp-provider'
import { Tooltip } from '@base-ui/react/tooltip'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { Component, lazy, type ReactNode, Suspense } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { ApiError } from './api/client.ts'
import { RequireSession } from './api/session.tsx'
import { buttonClass } from './kit/button.tsx'
import { EmptyState, ErrorState, LoadingRows, Toasts } from './kit/feedback.tsx'
import { PageHead } from './kit/layout.tsx'
import { SignIn } from './pages/sign-in.tsx'
import { Shell } from './shell.tsx'

const Overview = lazy(() => import('./pages/overview.tsx').then((page) => ({ default: page.Overview })))
const Triggers = lazy(() => import('./pages/triggers.tsx').then((page) => ({ default: page.Triggers })))
const TriggerPage = lazy(() => import('./pages/trigger.tsx').then((page) => ({ default: page.TriggerPage })))
const Log = lazy(() => import('./pages/log.tsx').then((page) => ({ default: page.Log })))
const Events = lazy(() => import('./pages/events.tsx').then((page) => ({ default: page.Events })))
const TestTool = lazy(() => import('./pages/test-tool.tsx').then((page) => ({ default: page.TestTool })))
const Settings = lazy(() => import('./pages/settings.tsx').then((page) => ({ default: page.Settings })))

const STALE_MS = 5_000

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: STALE_MS,
      // What the server has decided stays decided; what did not reach it, or found it without its database, is asked again.
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
    },
  },
})

export function App() {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={client}>
        <Tooltip.Provider>
          <Toasts>
            <RequireSession
              signIn={(hasEnded) => <SignIn hasEnded={hasEnded} />}
              loading={<LoadingRows />}
              failed={(error, retry) => <Unreached error={error} retry={retry} />}
            >
              <Shell>
                <Pages />
              </Shell>
            </RequireSession>
          </Toasts>
        </Tooltip.Provider>
      </QueryClientProvider>
    </CSPProvider>
  )
}

/** Before anybody can be asked to sign in: there is no page yet, and this one has to say so by itself. */
function Unreached({ error, retry }: { readonly error: Error; readonly retry: () => void }) {
  return (
    <main className="mx-auto max-w-2xl p-4 sm:p-6">
      <PageHead title="Attune Webhooks" />
      <ErrorState error={error} retry={retry} />
    </main>
  )
}

function Pages() {
  const [path] = useLocation()
  return (
    <PageFault key={path}>
      <Suspense fallback={<LoadingRows />}>
        <Switch>
          <Route path="/">
            <Overview />
          </Route>
          <Route path="/triggers">
            <Triggers />
          </Route>
          <Route path="/triggers/:ref">{({ ref }) => <TriggerPage key={ref} triggerRef={ref} />}</Route>
          <Route path="/log">
            <Log />
          </Route>
          <Route path="/events">
            <Events />
          </Route>
          <Route path="/test">
            <TestTool />
          </Route>
          <Route path="/settings/*?">
            <Settings />
          </Route>
          <Route>
            <PageHead title="Not here" />
            <EmptyState
              title="Nothing is at this address"
              action={
                <Link href="/" className={buttonClass('primary')}>
                  Go to the overview
                </Link>
              }
            />
          </Route>
        </Switch>
      </Suspense>
    </PageFault>
  )
}

/** A page that fails leaves the others, and the way to them, in place. */
class PageFault extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state = { error: null }

  static getDerivedStateFromError(error: Error): { readonly error: Error } {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === null) return this.props.children
    return <ErrorState error={error} retry={() => location.reload()} />
  }
}
