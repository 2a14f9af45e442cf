import { storeUnavailable } from '../core/rejection.ts'

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

interface BatcherOptions<Item, Result> {
  /** What the queue is called in the reason of a refusal. */
  readonly name: string
  readonly batchMax: number
  readonly queueMax: number
  /** Answers one batch; the results are in the order of the items. */
  readonly run: (batch: readonly Item[]) => Promise<readonly Result[]>
}

/**
 * Gathers questions while one batch of them is being answered. There is no timer: a lone question goes at once, and
 * the busier the database is, the more of them share a round trip.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  #running = false

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options
  }

  get length(): number {
    return this.#waiting.length
  }

  /** @throws Rejection `store_unavailable` when too many wait already; whatever `run` throws, for its whole batch */
  add(item: Item): Promise<Result> {
    if (this.#waiting.length >= this.#options.queueMax) {
      return Promise.reject(storeUnavailable(`the queue of ${this.#options.name} is full`))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (!this.#running) void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    this.#running = true
    // One turn of the event loop lets requests that arrived together share the first batch too.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#options.batchMax)
      try {
        const results = await this.#options.run(batch.map(({ item }) => item))
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#running = false
  }
}
