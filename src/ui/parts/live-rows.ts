import type { WebhookEventLogRow } from '../../core/event.ts'

/** Live rows that stand in the document. What is older is a gap that can be loaded. */
const LIVE_ROWS_MAX = 300

/** A hole in the list, below the row it is named after. */
export interface Gap {
  /** Where the next page of it begins; `null`: right below the row. */
  readonly cursor: string | null
  /** When the row above was written. */
  readonly created: string
}

/** Rows that arrived since the list was read, newest first, and the holes below some of them. */
export interface LiveRows {
  readonly rows: readonly WebhookEventLogRow[]
  readonly gaps: ReadonlyMap<string, Gap>
}

export const NO_ROWS: LiveRows = { rows: [], gaps: new Map() }

/**
 * Puts rows that have arrived on top.
 *
 * @param arrived - newest first
 * @param isHoled - whether rows between them and those that are there were left out
 */
export function withArrived(
  before: LiveRows,
  arrived: readonly WebhookEventLogRow[],
  isHoled: boolean,
): LiveRows {
  const known = new Set(before.rows.map(({ id }) => id))
  const fresh = arrived.filter(({ id }) => !known.has(id) && known.add(id))
  const gaps = new Map(before.gaps)
  const lowest = fresh.at(-1)
  if (isHoled && lowest !== undefined) gaps.set(lowest.id, gapBelow(lowest))
  return trimmed([...fresh, ...before.rows], gaps)
}

function trimmed(rows: readonly WebhookEventLogRow[], gaps: Map<string, Gap>): LiveRows {
  const last = rows[LIVE_ROWS_MAX - 1]
  if (rows.length <= LIVE_ROWS_MAX || last === undefined) return { rows, gaps }
  for (const { id } of rows.slice(LIVE_ROWS_MAX)) gaps.delete(id)
  gaps.set(last.id, gapBelow(last))
  return { rows: rows.slice(0, LIVE_ROWS_MAX), gaps }
}

const gapBelow = ({ created }: WebhookEventLogRow): Gap => ({ cursor: null, created })

/**
 * Fills a hole with a page of what was left out. What is left of the hole moves below it.
 *
 * @param belowId - of the first row on its other side; `null`: there is none
 */
export function withFilled(
  before: LiveRows,
  aboveId: string,
  belowId: string | null,
  page: { readonly data: readonly WebhookEventLogRow[]; readonly next_cursor: string | null },
): LiveRows {
  const place = before.rows.findIndex(({ id }) => id === aboveId)
  const gap = before.gaps.get(aboveId)
  if (place === -1 || gap === undefined) return before
  const known = new Set(before.rows.map(({ id }) => id))
  const filling = page.data.filter(
    ({ id }) => id < aboveId && (belowId === null || id > belowId) && !known.has(id),
  )
  const hasReached = belowId !== null && page.data.some(({ id }) => id <= belowId)
  const gaps = new Map(before.gaps)
  gaps.delete(aboveId)
  const lowest = filling.at(-1)
  // A page may be empty although more follows: then the hole stays where it is and goes on from there.
  if (page.next_cursor !== null && !hasReached) {
    gaps.set(lowest?.id ?? aboveId, { cursor: page.next_cursor, created: lowest?.created ?? gap.created })
  }
  return {
    rows: [...before.rows.slice(0, place + 1), ...filling, ...before.rows.slice(place + 1)],
    gaps,
  }
}

/** Rows that arrived and are not shown yet. It keeps the newest only, since nobody reads thousands at once. */
export class Arrivals {
  #rows: WebhookEventLogRow[] = []
  #isHoled = false
  /** Attempts since it was emptied, those among them that it no longer has. */
  count = 0

  /** @param rows - oldest first, as the stream has them */
  add(rows: readonly WebhookEventLogRow[]): void {
    this.#rows.push(...rows)
    this.count += rows.length
    if (this.#rows.length > 2 * LIVE_ROWS_MAX) {
      this.#rows = this.#rows.slice(-LIVE_ROWS_MAX)
      this.#isHoled = true
    }
  }

  /** @param rows - newest first, older than those that are there */
  addLate(rows: readonly WebhookEventLogRow[]): void {
    this.#rows.unshift(...rows.toReversed())
    this.count += rows.length
  }

  /** Rows between the last and the next ones were left out by the server. */
  addGap(): void {
    this.#rows = []
    this.#isHoled = true
  }

  get ids(): readonly string[] {
    return this.#rows.map(({ id }) => id)
  }

  take(): { readonly rows: readonly WebhookEventLogRow[]; readonly isHoled: boolean } {
    const taken = { rows: this.#rows.toReversed(), isHoled: this.#isHoled }
    this.clear()
    return taken
  }

  clear(): void {
    this.#rows = []
    this.#isHoled = false
    this.count = 0
  }
}
