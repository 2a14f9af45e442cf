import { encodeCursor, type Page } from '../core/cursor.ts'
import {
  EXPORT_MS_MAX,
  EXPORT_PIECE_LENGTH,
  EXPORT_PRESSED_SHARE_MAX,
  EXPORT_SHARE_MAX,
  EXPORT_STALL_MS_MAX,
  PAGE_ROWS_MAX,
} from '../core/limits.ts'
import type { ExportFormat } from './export-formats.ts'
import { cursorId } from './lists.ts'

export interface ExportSource<Row> {
  /** Newest first, as the list reads it. */
  page(limit: number, cursorId: string | null): Promise<Page<Row>>
  /** Whether attempts wait to be stored. */
  isPressed(): boolean
  /** Asked before each page: throws when whoever asked may not go on. */
  mayGoOn(): Promise<void>
}

/**
 * The text of an export, piece by piece; a piece can be empty. Nothing is read ahead: a page is one query of its own, asked when all pieces of
 * the page before have been taken, and after a rest, so that database and process have time for others.
 */
export async function* exportText<Row extends { readonly id: string }>(
  { page, mayGoOn, isPressed }: ExportSource<Row>,
  format: ExportFormat<Row>,
  cursor: string | undefined,
  rowsMax: number,
): AsyncGenerator<string, void> {
  let text = format.head
  let rows = 0
  let lastId = ''
  for (let afterId = cursorId(cursor); ; ) {
    await mayGoOn()
    const askedAtMs = performance.now()
    const read = await page(PAGE_ROWS_MAX, afterId)
    let workedMs = performance.now() - askedAtMs
    let sinceMs = performance.now()
    for (const row of read.rows) {
      if (rows >= rowsMax) {
        yield text + format.cutOff(rows, encodeCursor(lastId))
        return
      }
      text += format.line(row)
      rows += 1
      lastId = row.id
      if (text.length < EXPORT_PIECE_LENGTH) continue
      workedMs += performance.now() - sinceMs
      yield text
      text = ''
      sinceMs = performance.now()
    }
    workedMs += performance.now() - sinceMs
    yield text
    if (read.nextCursor === null) return
    text = ''
    const share = isPressed() ? EXPORT_PRESSED_SHARE_MAX : EXPORT_SHARE_MAX
    await Bun.sleep(workedMs / share - workedMs)
    afterId = cursorId(read.nextCursor)
  }
}

/** What is done when an export is over, and what is told when it broke off. */
interface Ending {
  readonly onEnd: () => void
  readonly onBrokenOff: (fault: unknown) => void
}

/**
 * The body of an export. What goes wrong on the way breaks the connection off, since an answer that ended would count as whole.
 */
export class ExportStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #pieces: AsyncGenerator<string, void>
  readonly #ending: Ending
  readonly #deadline: ReturnType<typeof setTimeout>
  readonly #signals = new Map<AbortSignal, () => void>()
  #stall: ReturnType<typeof setTimeout> | undefined
  #isEnded = false
  #breakOff: (fault: unknown) => void = () => {}

  /** @param first - what has been read already */
  constructor(first: string, pieces: AsyncGenerator<string, void>, ending: Ending) {
    this.#pieces = pieces
    this.#ending = ending
    this.#deadline = setTimeout(() => this.#breakOff('it took too long'), EXPORT_MS_MAX)
    let next: string | null = first
    this.body = new ReadableStream(
      {
        start: (controller) => {
          this.#breakOff = (fault) => {
            if (this.#isEnded) return
            this.#end()
            ending.onBrokenOff(fault)
            controller.error(new Error('the export broke off'))
          }
        },
        pull: async (controller) => {
          clearTimeout(this.#stall)
          try {
            const text = next !== null && next !== '' ? next : await this.#next()
            next = null
            if (this.#isEnded) return
            if (text === null) this.#end()
            if (text === null) return controller.close()
            controller.enqueue(UTF_8.encode(text))
            this.#stall = setTimeout(() => this.#breakOff('nobody reads it'), EXPORT_STALL_MS_MAX)
          } catch (error) {
            this.#breakOff(error)
          }
        },
        cancel: () => this.#end(),
      },
      { highWaterMark: 0 },
    )
  }

  /** @param signal - of a client that leaves: nobody is there to be told */
  endWith(signal: AbortSignal): void {
    this.#listen(signal, () => this.#end())
  }

  breakOffWith(signal: AbortSignal): void {
    this.#listen(signal, () => this.#breakOff('the process ends'))
  }

  #listen(signal: AbortSignal, act: () => void): void {
    signal.addEventListener('abort', act, { once: true })
    this.#signals.set(signal, act)
    if (signal.aborted) act()
  }

  /** @returns `null` when there is no more */
  async #next(): Promise<string | null> {
    for (;;) {
      // A large page is written down in many turns, and others have theirs between.
      await new Promise(setImmediate)
      const { done, value } = await this.#pieces.next()
      if (done === true) return null
      if (value !== '') return value
    }
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearTimeout(this.#deadline)
    clearTimeout(this.#stall)
    for (const [signal, act] of this.#signals) signal.removeEventListener('abort', act)
    // Behind the query that is under way, which has the connection for as long.
    void this.#pieces.return().then(this.#ending.onEnd, this.#ending.onEnd)
  }
}

const UTF_8 = new TextEncoder()
