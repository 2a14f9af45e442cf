import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client'

/** Where the lengths of the queues are read from when metrics are asked for. */
export interface QueueLengths {
  readonly intake: number
  readonly audit: number
  readonly lookups: number
  readonly rateLimit: number
}

export interface MetricsDeps {
  readonly queues: () => QueueLengths
  /** What `/readyz` says; a receiver process leaves that to the one that started it. */
  readonly isReady?: () => boolean
  /** What the process that starts the others knows of them. */
  readonly supervision?: {
    /** How many listen. */
    readonly processes: () => number
    /** How often one was started anew. */
    readonly restarts: () => number
  }
}

/** Every metric of one process at one moment, in a form that can be sent to another. */
export type MetricSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[]

/** Of what prom-client brings along, these say nothing on this runtime: it shows no heap spaces, and a version of Node that is not there. */
const EMPTY_METRICS = [
  'attune_nodejs_version_info',
  'attune_nodejs_heap_space_size_total_bytes',
  'attune_nodejs_heap_space_size_used_bytes',
  'attune_nodejs_heap_space_size_available_bytes',
]

/**
 * What the process tells of itself in the Prometheus text format. Labels are triggers and codes, both ours: nothing that a
 * stranger sends makes a new series.
 */
export function createMetrics({ queues, isReady, supervision }: MetricsDeps) {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  // Brings the delay of the event loop, memory, CPU and garbage collection.
  collectDefaultMetrics({ register: registry, prefix: 'attune_' })
  for (const name of EMPTY_METRICS) registry.removeSingleMetric(name)

  const attempts = new Counter({
    name: 'attune_attempts_total',
    help: 'Attempts on known webhook keys by trigger and outcome; the code is "accepted", "duplicate" or that of the rejection.',
    labelNames: ['trigger', 'code'],
    registers,
  })
  /** Finding a series by its labels costs more than counting; there are no more of these than of series. */
  const attemptCounters = new Map<string, ReturnType<typeof attempts.labels>>()
  const unknownKeys = new Counter({
    name: 'attune_unknown_key_attempts_total',
    help: 'Attempts on webhook keys that no trigger has.',
    registers,
  })
  const unavailable = new Counter({
    name: 'attune_unavailable_attempts_total',
    help: 'Attempts answered 503 before their trigger was known, because the database could not be asked.',
    registers,
  })
  if (isReady !== undefined) {
    new Gauge({
      name: 'attune_ready',
      help: '1 while webhooks are being accepted, else 0.',
      registers,
      collect() {
        this.set(isReady() ? 1 : 0)
      },
    })
    new Gauge({
      name: 'attune_processes',
      help: 'Processes that listen for webhooks.',
      registers,
      collect() {
        this.set(supervision?.processes() ?? 1)
      },
    })
  }
  if (supervision !== undefined) {
    new Counter({
      name: 'attune_process_restarts_total',
      help: 'How often a receiver process that had ended was started anew.',
      registers,
      collect() {
        this.reset()
        this.inc(supervision.restarts())
      },
    })
  }
  const batchRows = new Histogram({
    name: 'attune_intake_batch_rows',
    help: 'Rows of one statement of the intake writer.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    registers,
  })
  const batchSeconds = new Histogram({
    name: 'attune_intake_batch_seconds',
    help: 'Time from the start of a statement of the intake writer to its commit.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  new Gauge({
    name: 'attune_queue_length',
    help: 'What waits in each bounded queue.',
    labelNames: ['queue'],
    registers,
    collect() {
      const lengths = queues()
      this.set({ queue: 'intake' }, lengths.intake)
      this.set({ queue: 'audit' }, lengths.audit)
      this.set({ queue: 'lookups' }, lengths.lookups)
      this.set({ queue: 'rate_limit' }, lengths.rateLimit)
    },
  })

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    snapshot: async (): Promise<MetricSnapshot> =>
      (await registry.getMetricsAsJSON()).map((metric) => ({ ...metric, ...combination(metric.name) })),
    countAttempt(triggerRef: string, code: string) {
      const series = `${triggerRef} ${code}`
      let counter = attemptCounters.get(series)
      if (counter === undefined) {
        counter = attempts.labels({ trigger: triggerRef, code })
        attemptCounters.set(series, counter)
      }
      counter.inc()
    },
    countUnknownKey: () => unknownKeys.inc(),
    countUnavailable: () => unavailable.inc(),
    observeBatch: ({ rows, elapsedMs }: { rows: number; elapsedMs: number }) => {
      batchRows.observe(rows)
      batchSeconds.observe(elapsedMs / 1000)
    },
  }
}

export type Metrics = ReturnType<typeof createMetrics>

/** Numbers of several processes add up, but for these. */
function combination(name: string): Partial<Pick<MetricSnapshot[number], 'aggregator'>> {
  if (name === 'attune_process_start_time_seconds') return { aggregator: 'min' }
  // One process that hangs must not hide behind others that idle.
  if (/^attune_nodejs_eventloop_lag_(?!min)/.test(name)) return { aggregator: 'max' }
  return {}
}

/** The metrics of several processes as those of one, in the text format. */
export const renderSnapshots = (snapshots: readonly MetricSnapshot[]): Promise<string> =>
  aggregate(snapshots).metrics()

/** What has been counted, and nothing of how things stood: what remains of processes that have ended. */
export function addUpCounts(snapshots: readonly MetricSnapshot[]): MetricSnapshot {
  const counts = snapshots.map((metrics) => metrics.filter(({ type }) => COUNTING_TYPES.has(String(type))))
  return aggregate(counts)
    .getMetricsAsArray()
    .map((metric) => {
      // prom-client hands out the sums with a function beside them, which cannot be sent or added up again.
      const { get: _, ...sums } = metric as unknown as MetricSnapshot[number] & { get: unknown }
      return sums
    })
}

const COUNTING_TYPES: ReadonlySet<string> = new Set(['counter', 'histogram'])

const aggregate = (snapshots: readonly MetricSnapshot[]): Registry =>
  // Its type leaves the parameter open; it reads the array, and changes nothing in it.
  AggregatorRegistry.aggregate(snapshots as unknown as object[])
