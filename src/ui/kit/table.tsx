import { Fragment, memo, type ReactNode } from 'react'
import { classNames } from './class-names.ts'

export interface Column<Row> {
  readonly key: string
  readonly title: ReactNode
  readonly cell: (row: Row) => ReactNode
  /** Left out on a narrow screen. */
  readonly isExtra?: boolean
  readonly isNumber?: boolean
  readonly className?: string
  /** How the list is sorted by it now; `none` when it can be, undefined when it cannot. */
  readonly sort?: 'asc' | 'desc' | 'none'
  readonly onSort?: () => void
}

interface TableProps<Row> {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string
  /** The first cell becomes a button that opens the row; a click anywhere in the row does the same. */
  readonly onOpen?: (row: Row) => void
  readonly isOpen?: (row: Row) => boolean
  /** What stands between a row and the next one, over the whole width. */
  readonly below?: (row: Row) => ReactNode
}

const ARROWS = { asc: ' ↑', desc: ' ↓', none: '' }

/** Rows under headings; it scrolls sideways by itself, so that the page never does. */
export function Table<Row>({ label, columns, rows, rowKey, onOpen, isOpen, below }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled has to be reached by keyboard
    <section aria-label={label} tabIndex={0} className="scroll-cue overflow-x-auto rounded-xl">
      <table className="w-full border-collapse text-left">
        <thead>
          <tr className="border-b border-line text-sm text-muted">
            {columns.map(({ key, title, isExtra, isNumber, sort, onSort }) => (
              <th
                key={key}
                scope="col"
                aria-sort={sort === 'asc' ? 'ascending' : sort === 'desc' ? 'descending' : undefined}
                className={classNames(
                  'px-4 py-2 font-medium whitespace-nowrap max-md:px-2.5',
                  isExtra && 'max-md:hidden',
                  isNumber && 'text-right',
                )}
              >
                {onSort === undefined ? (
                  title
                ) : (
                  <button type="button" onClick={onSort} className="rounded hover:text-ink">
                    {title}
                    <span aria-hidden>{ARROWS[sort ?? 'none']}</span>
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = rowKey(row)
            const between = below?.(row)
            return (
              <Fragment key={key}>
                <TableRow
                  id={key}
                  row={row}
                  columns={columns}
                  onOpen={onOpen}
                  isOpen={isOpen?.(row) ?? false}
                />
                {Boolean(between) && (
                  <tr className="border-b border-line last:border-0">
                    <td colSpan={columns.length}>{between}</td>
                  </tr>
                )}
              </Fragment>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}

interface TableRowProps<Row> {
  readonly id: string
  readonly row: Row
  readonly columns: readonly Column<Row>[]
  readonly onOpen: ((row: Row) => void) | undefined
  readonly isOpen: boolean
}

/** A row that has not changed is not drawn again, so that rows may arrive a hundred times a second. */
const TableRow = memo(function TableRow<Row>({ id, row, columns, onOpen, isOpen }: TableRowProps<Row>) {
  return (
    <tr
      data-row={id}
      onClick={
        onOpen &&
        ((event) => {
          // What was chosen to be copied is no click on the row.
          if (getSelection()?.type === 'Range') return
          // So that focus has a place to return to.
          event.currentTarget.querySelector('button')?.focus()
          onOpen(row)
        })
      }
      className={classNames(
        'border-b border-line last:border-0',
        onOpen && 'cursor-pointer hover:bg-hover',
        isOpen && 'bg-accent-soft',
      )}
    >
      {columns.map(({ key, cell, isExtra, isNumber, className }, index) => (
        <td
          key={key}
          className={classNames(
            'px-4 py-2.5 align-top max-md:px-2.5',
            isExtra && 'max-md:hidden',
            isNumber && 'numbers text-right',
            className,
          )}
        >
          {index === 0 && onOpen !== undefined ? (
            <button
              type="button"
              className="text-left"
              onClick={(event) => {
                event.stopPropagation()
                onOpen(row)
              }}
            >
              {cell(row)}
            </button>
          ) : (
            cell(row)
          )}
        </td>
      ))}
    </tr>
  )
}) as <Row>(props: TableRowProps<Row>) => ReactNode
