import { Menu } from '@base-ui/react/menu'
import { useQueryClient } from '@tanstack/react-query'
import {
  Activity,
  Check,
  ChevronsUpDown,
  FlaskConical,
  Inbox,
  LayoutDashboard,
  LogOut,
  Settings,
  Webhook,
} from 'lucide-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { Link, useLocation, useRoute } from 'wouter'
import { api } from './api/client.ts'
import { forgetSession, useMay, useSession } from './api/session.tsx'
import { classNames } from './kit/class-names.ts'
import { toast } from './kit/feedback.tsx'
import { setTheme, type Theme, useTheme } from './kit/theme.ts'

const PLACES = [
  { href: '/', pattern: '/', label: 'Overview', Icon: LayoutDashboard },
  { href: '/triggers', pattern: '/triggers/*?', label: 'Triggers', Icon: Webhook },
  { href: '/log', pattern: '/log', label: 'Event log', Icon: Activity },
  { href: '/events', pattern: '/events', label: 'Events', Icon: Inbox },
  { href: '/test', pattern: '/test', label: 'Test tool', Icon: FlaskConical, role: 'operator' },
  { href: '/settings', pattern: '/settings/*?', label: 'Settings', Icon: Settings },
] as const

/** What stands around every page: the way to the others, and who is signed in. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const [path] = useLocation()
  const main = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  const isOperator = useMay('operator')
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page begins at its top, also for a keyboard
  useEffect(() => {
    if (!isFirst.current) {
      window.scrollTo(0, 0)
      main.current?.focus({ preventScroll: true })
    }
    isFirst.current = false
  }, [path])
  return (
    <div className="mx-auto flex min-h-dvh max-w-[100rem] flex-col md:flex-row">
      <a
        href="#main"
        className="sr-only z-50 rounded-lg bg-surface p-3 focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the page
      </a>
      <header className="border-line max-md:border-b md:sticky md:top-0 md:flex md:h-dvh md:w-56 md:shrink-0 md:flex-col md:border-r">
        <div className="flex items-center gap-2.5 px-4 py-3 md:py-5">
          <Mark />
          <span className="grow font-semibold tracking-tight">Attune Webhooks</span>
          <div className="md:hidden">
            <Account />
          </div>
        </div>
        <nav
          aria-label="Pages"
          className="flex gap-0.5 overflow-x-auto px-2 pb-2 max-md:[mask-image:linear-gradient(to_right,black_calc(100%-3rem),transparent)] max-md:pr-12 md:grow md:flex-col md:overflow-visible"
        >
          {PLACES.filter((place) => !('role' in place) || isOperator).map((place) => (
            <Place key={place.href} {...place} />
          ))}
        </nav>
        <div className="p-2 max-md:hidden">
          <Account />
        </div>
      </header>
      <main
        id="main"
        ref={main}
        tabIndex={-1}
        className="min-w-0 grow px-4 pt-4 pb-24 outline-none md:px-7 md:pt-7"
      >
        {children}
      </main>
    </div>
  )
}

function Mark() {
  return (
    <svg aria-hidden="true" viewBox="0 0 32 32" className="size-7">
      <rect width="32" height="32" rx="8" fill="#4f46e5" />
      <path
        d="M7 20c3 0 3-8 6-8s3 10 6 10 3-12 6-12"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
    </svg>
  )
}

function Place({ href, pattern, label, Icon }: (typeof PLACES)[number]) {
  const [isHere] = useRoute(pattern)
  const link = useRef<HTMLAnchorElement>(null)
  // On a narrow screen the row of pages is longer than the screen is wide.
  useEffect(() => {
    if (isHere) link.current?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [isHere])
  return (
    <Link
      ref={link}
      href={href}
      aria-current={isHere ? 'page' : undefined}
      className={classNames(
        'flex items-center gap-2.5 rounded-lg px-3 py-2 font-medium whitespace-nowrap',
        isHere ? 'bg-accent-soft text-accent' : 'text-muted hover:bg-hover hover:text-ink',
      )}
    >
      <Icon aria-hidden className="size-4.5" />
      {label}
    </Link>
  )
}

const THEMES: readonly { readonly value: Theme; readonly label: string }[] = [
  { value: 'system', label: 'Theme of the system' },
  { value: 'light', label: 'Light theme' },
  { value: 'dark', label: 'Dark theme' },
]

const MENU_ITEM =
  'flex items-center gap-2 rounded-md px-2 py-1.5 outline-none select-none data-[highlighted]:bg-hover'

function Account() {
  const { name, role } = useSession()
  const [theme] = useTheme()
  const client = useQueryClient()
  const signOut = async () => {
    try {
      await api('DELETE /api/v1/session')
    } catch (error) {
      toast.failed(error as Error)
      return
    }
    forgetSession(client)
  }
  return (
    <Menu.Root>
      <Menu.Trigger className="flex w-full items-center gap-2 rounded-lg px-3 py-2 text-left hover:bg-hover">
        <span className="min-w-0 grow">
          <span className="block truncate font-medium">{name}</span>
          <span className="block text-sm text-muted max-md:hidden">{role}</span>
        </span>
        <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-muted" />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} className="z-50 outline-none">
          <Menu.Popup className="min-w-52 rounded-lg border border-line bg-surface p-1 shadow-lg outline-none">
            <Menu.RadioGroup value={theme} onValueChange={setTheme}>
              {THEMES.map(({ value, label }) => (
                <Menu.RadioItem key={value} value={value} className={MENU_ITEM}>
                  <span className="size-4">
                    <Menu.RadioItemIndicator>
                      <Check aria-hidden className="size-4" />
                    </Menu.RadioItemIndicator>
                  </span>
                  {label}
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
            <Menu.Separator className="my-1 h-px bg-line" />
            <Menu.Item className={MENU_ITEM} onClick={signOut}>
              <LogOut aria-hidden className="size-4" />
              Sign out
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
