import { Tabs as BaseTabs } from '@base-ui/react/tabs'
import { type ReactNode, useEffect } from 'react'
import { CopyButton } from './button.tsx'
import { classNames } from './class-names.ts'
import { visible } from './text.tsx'

/** The head of a page: its one heading, and what can be done on it. It also names the document. */
export function PageHead({
  title,
  children,
  actions,
}: {
  readonly title: string
  readonly children?: ReactNode
  readonly actions?: ReactNode
}) {
  useEffect(() => {
    document.title = `${visible(title)} · Attune Webhooks`
  }, [title])
  return (
    <div className="mb-5 flex flex-wrap items-center gap-x-4 gap-y-3">
      <div className="min-w-0 grow">
        <h1 className="foreign text-2xl font-semibold tracking-tight">{visible(title)}</h1>
        {children !== undefined && <div className="mt-1 text-muted">{children}</div>}
      </div>
      {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </div>
  )
}

export function Card({
  title,
  actions,
  children,
  className,
  isFlush = false,
}: {
  readonly title?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
  readonly className?: string
  readonly isFlush?: boolean
}) {
  return (
    <section className={classNames('min-w-0 rounded-xl border border-line bg-surface', className)}>
      {title !== undefined && (
        <div className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-3">
          <h2 className="min-w-0 grow font-semibold">{title}</h2>
          {actions}
        </div>
      )}
      <div className={isFlush ? '' : 'p-4'}>{children}</div>
    </section>
  )
}

interface Tab {
  readonly value: string
  readonly label: string
  readonly content: ReactNode
}

export function Tabs({
  label,
  tabs,
  value,
  onChange,
}: {
  readonly label: string
  readonly tabs: readonly Tab[]
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  return (
    <BaseTabs.Root value={value} onValueChange={(next) => onChange(String(next))}>
      <BaseTabs.List aria-label={label} className="mb-4 flex gap-1 overflow-x-auto border-b border-line">
        {tabs.map((tab) => (
          <BaseTabs.Tab
            key={tab.value}
            value={tab.value}
            className="-mb-px border-b-2 border-transparent px-3 py-2 font-medium whitespace-nowrap text-muted hover:text-ink data-[active]:border-accent data-[active]:text-ink data-[selected]:border-accent data-[selected]:text-ink"
          >
            {tab.label}
          </BaseTabs.Tab>
        ))}
      </BaseTabs.List>
      {tabs.map((tab) => (
        <BaseTabs.Panel key={tab.value} value={tab.value} className="rounded-lg">
          {tab.content}
        </BaseTabs.Panel>
      ))}
    </BaseTabs.Root>
  )
}

/** Pairs of a name and what it is. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-4 gap-y-2">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="foreign min-w-0">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** A part of the page that scrolls by itself, also by keyboard. */
export function ScrollBox({
  label,
  className,
  children,
}: {
  readonly label: string
  readonly className?: string
  readonly children: ReactNode
}) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled has to be reached by keyboard
      tabIndex={0}
      className={classNames('overflow-auto rounded-lg', className)}
    >
      {children}
    </section>
  )
}

/** Text to be copied: a command, a URL, a sample. */
export function Code({
  text,
  label,
  isWrapped = true,
}: {
  readonly text: string
  readonly label: string
  readonly isWrapped?: boolean
}) {
  return (
    <div className="relative rounded-lg border border-line bg-sunken">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled has to be reached by keyboard */}
      <section aria-label={label} tabIndex={0} className="max-h-96 overflow-auto rounded-lg p-3 pr-24">
        <pre
          className={classNames(
            'foreign font-mono text-sm',
            isWrapped ? 'whitespace-pre-wrap' : 'whitespace-pre',
          )}
        >
          {visible(text)}
        </pre>
      </section>
      <div className="absolute top-2 right-2">
        <CopyButton text={text} />
      </div>
    </div>
  )
}
