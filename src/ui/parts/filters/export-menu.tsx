import { Menu } from '@base-ui/react/menu'
import { Download } from 'lucide-react'
import { queryText } from '../../api/client.ts'
import type { EventFilter, ExportRoute, LogFilter } from '../../api/routes.ts'
import { buttonClass } from '../../kit/button.tsx'

const FORMATS = [
  { format: 'ndjson', label: 'As NDJSON', hint: 'one JSON object a line' },
  { format: 'csv', label: 'As CSV', hint: 'for a spreadsheet' },
] as const

interface ExportMenuProps {
  readonly route: ExportRoute
  /** That of the list. */
  readonly filter: LogFilter | EventFilter
}

/** All that the list has, as a file: the browser saves it as it comes, and never has it in memory. */
export function ExportMenu({ route, filter }: ExportMenuProps) {
  const path = route.replace('GET ', '')
  return (
    <Menu.Root>
      <Menu.Trigger className={buttonClass('secondary')}>
        <Download aria-hidden className="size-4" />
        Export
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-50 outline-none">
          <Menu.Popup className="min-w-52 rounded-lg border border-line bg-surface p-1 shadow-lg outline-none">
            {FORMATS.map(({ format, label, hint }) => (
              <Menu.Item
                key={format}
                render={<a href={path + queryText({ format, ...filter })} download />}
                className="block rounded-md px-2 py-1.5 outline-none data-[highlighted]:bg-hover"
              >
                {label}
                <span className="block text-sm text-muted">{hint}</span>
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
