/**
 * Open-loop load: requests go out by the clock, whether or not earlier ones have been answered, and each is timed from
 * the moment at which it was due. A server that stalls is so charged for everyone who would have come meanwhile, which
 * a closed loop leaves out.
 *
 * A program of its own: reads `OpenLoopOptions` as JSON from stdin, writes `OpenLoopResult` to stdout.
 */
import { encodeRequest, Sender } from './http-sender.ts'
import type { WebhookRequest } from './webhook-request.ts'

export interface OpenLoopOptions {
  readonly url: string
  /** Sent in rotation. */
  readonly requests: readonly WebhookRequest[]
  readonly ratePerSecond: number
  readonly seconds: number
  /** Requests due before this are sent and counted, but not timed. */
  readonly warmSeconds: number
}

export interface OpenLoopResult {
  readonly sent: number
  /** Answers of 200. */
  readonly accepted: number
  /** Other answers, lost connections, and answers that did not come. */
  readonly failures: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** The longest time in which nothing was answered. */
  readonly worstGapMs: number
  /** By how much the generator itself was late; it is part of the times above. */
  readonly lateP50Ms: number
  readonly lateP99Ms: number
}

/** A request that finds all of them busy waits here, and its time runs. */
const CONNECTIONS = 256
const ANSWER_MS_MAX = 20_000
/** The clock is looked at this often; requests that have become due meanwhile go out together. */
const TICK_MS = 1

interface Due {
  readonly index: number
  readonly dueMs: number
}

class OpenLoop {
  readonly #options: OpenLoopOptions
  readonly #encoded: readonly string[]
  readonly #total: number
  /** The first request that is timed. */
  readonly #first: number
  /** By request; NaN for one that was not accepted. */
  readonly #times: Float64Array
  readonly #lateness: Float64Array
  readonly #free: Sender[] = []
  readonly #waiting: Due[] = []
  #sent = 0
  #answered = 0
  #accepted = 0
  #lastAnswerMs = Number.NaN
  #worstGapMs = 0

  constructor(options: OpenLoopOptions) {
    const { requests, url, ratePerSecond, seconds, warmSeconds } = options
    this.#options = options
    this.#encoded = requests.map((request) => encodeRequest(request, new URL(url).host))
    this.#total = Math.floor(ratePerSecond * seconds)
    this.#first = Math.floor(ratePerSecond * warmSeconds)
    this.#times = new Float64Array(this.#total).fill(Number.NaN)
    this.#lateness = new Float64Array(this.#total)
  }

  async run(): Promise<OpenLoopResult> {
    const { url, seconds } = this.#options
    const { hostname, port } = new URL(url)
    while (this.#free.length < CONNECTIONS) this.#free.push(await Sender.connect(hostname, Number(port)))
    const startMs = performance.now()
    const giveUpAtMs = startMs + seconds * 1000 + ANSWER_MS_MAX
    while (this.#answered < this.#total && performance.now() < giveUpAtMs) {
      this.#sendWhatIsDue(startMs)
      await Bun.sleep(TICK_MS)
    }
    const timed = this.#times.subarray(this.#first).filter((time) => !Number.isNaN(time))
    const sorted = timed.toSorted()
    return {
      sent: this.#sent,
      accepted: this.#accepted,
      failures: this.#total - this.#accepted,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      p999Ms: percentile(sorted, 0.999),
      maxMs: percentile(sorted, 1),
      worstGapMs: this.#worstGapMs,
      lateP50Ms: percentile(this.#lateness.subarray(this.#first).toSorted(), 0.5),
      lateP99Ms: percentile(this.#lateness.subarray(this.#first).toSorted(), 0.99),
    }
  }

  #sendWhatIsDue(startMs: number): void {
    const nowMs = performance.now()
    for (; this.#sent < this.#total; this.#sent += 1) {
      const due = { index: this.#sent, dueMs: startMs + (this.#sent * 1000) / this.#options.ratePerSecond }
      if (due.dueMs > nowMs) return
      this.#lateness[due.index] = nowMs - due.dueMs
      const sender = this.#free.pop()
      if (sender === undefined) this.#waiting.push(due)
      else this.#send(sender, due)
    }
  }

  #send(sender: Sender, due: Due): void {
    sender.send(this.#encoded[due.index % this.#encoded.length] ?? '', (status) => {
      this.#take(due, status)
      // A connection that is lost stays lost; its request is a failure.
      if (status === null) return
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(sender)
      else this.#send(sender, next)
    })
  }

  #take({ index, dueMs }: Due, status: number | null): void {
    this.#answered += 1
    if (status !== 200) return
    const nowMs = performance.now()
    this.#accepted += 1
    this.#times[index] = nowMs - dueMs
    if (index > this.#first) this.#worstGapMs = Math.max(this.#worstGapMs, nowMs - this.#lastAnswerMs)
    this.#lastAnswerMs = nowMs
  }
}

const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

const options = JSON.parse(await Bun.stdin.text()) as OpenLoopOptions
process.stdout.write(`${JSON.stringify(await new OpenLoop(options).run())}\n`)
process.exit(0)
