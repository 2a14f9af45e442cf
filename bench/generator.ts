/** Closed-loop load from a process of its own: each connection sends its next request when it has its answer. */
import type { WebhookRequest } from './webhook-request.ts'

export interface Load {
  readonly url: string
  /** Sent in rotation. */
  readonly requests: readonly WebhookRequest[]
  readonly connections: number
  readonly seconds: number
  /** For files of the generator. */
  readonly folder: string
}

export interface LoadResult {
  /** Answers that the generator has read; what was under way at the end is not among them. */
  readonly answers: number
  /** Those of them with a status below 400. */
  readonly successes: number
  /** Connections refused or reset, and answers that never came. */
  readonly failures: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

export interface Generator {
  readonly name: string
  run(load: Load): Promise<LoadResult>
}

/** wrk where there is one, since it takes the least of the processors that it shares with what it measures. */
export function findGenerator(): Generator {
  return Bun.which('wrk') === null ? autocannon : wrk
}

const wrk: Generator = {
  name: 'wrk',
  async run(load) {
    const script = `${load.folder}/wrk.lua`
    const output = `${load.folder}/wrk.json`
    await Bun.write(script, wrkScript(load.requests, output))
    await run([
      'wrk',
      '--threads=1',
      `--connections=${load.connections}`,
      `--duration=${load.seconds}s`,
      '--timeout=15s',
      `--script=${script}`,
      load.url,
    ])
    const done = (await Bun.file(output).json()) as WrkResult
    return {
      answers: done.requests,
      successes: done.requests - done.status_errors,
      failures: done.failures,
      requestsPerSecond: done.requests / (done.duration_us / 1e6),
      p50Ms: done.p50_us / 1000,
      p99Ms: done.p99_us / 1000,
      p999Ms: done.p999_us / 1000,
    }
  },
}

interface WrkResult {
  readonly requests: number
  readonly duration_us: number
  readonly status_errors: number
  readonly failures: number
  readonly p50_us: number
  readonly p99_us: number
  readonly p999_us: number
}

/** Texts of ours mean the same in JSON and in Lua. */
const wrkScript = (requests: readonly WebhookRequest[], output: string): string => `
local requests, last = {}, 0
function init()
${requests.map(luaRequest).join('\n')}
end
function request()
  last = last % #requests + 1
  return requests[last]
end
function done(summary, latency)
  local errors = summary.errors
  local file = io.open(${JSON.stringify(output)}, "w")
  file:write(string.format(
    '{"requests":%d,"duration_us":%d,"status_errors":%d,"failures":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d}',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
  file:close()
end
`

const luaRequest = ({ path, headers, body }: WebhookRequest): string => {
  const fields = Object.entries(headers).map(
    ([name, value]) => `[${JSON.stringify(name)}]=${JSON.stringify(value)}`,
  )
  return `  table.insert(requests, wrk.format("POST", ${JSON.stringify(path)}, {${fields.join(',')}}, ${JSON.stringify(body)}))`
}

const AUTOCANNON = 'autocannon@8.0.0'

const autocannon: Generator = {
  name: AUTOCANNON,
  async run(load) {
    const file = `${load.folder}/autocannon.har`
    await Bun.write(file, JSON.stringify(archiveOf(load)))
    const words = ['--json', '--no-progress', '--timeout', '15', '--har', file]
    const amount = ['--connections', String(load.connections), '--duration', String(load.seconds)]
    const output = await run([process.execPath, 'x', AUTOCANNON, ...words, ...amount, load.url])
    const done = JSON.parse(output) as AutocannonResult
    const answers = done['2xx'] + done.non2xx
    return {
      answers,
      successes: done['2xx'],
      failures: done.errors,
      requestsPerSecond: answers / done.duration,
      p50Ms: done.latency.p50,
      p99Ms: done.latency.p99,
      p999Ms: done.latency.p99_9,
    }
  },
}

interface AutocannonResult {
  readonly '2xx': number
  readonly non2xx: number
  /** Time-outs are among them. */
  readonly errors: number
  readonly duration: number
  readonly latency: { readonly p50: number; readonly p99: number; readonly p99_9: number }
}

/** Requests that differ from each other reach autocannon's command line only as an HTTP archive. */
const archiveOf = ({ url, requests }: Load) => ({
  log: {
    version: '1.2',
    creator: { name: 'attune-bench', version: '1' },
    entries: requests.map(({ path, headers, body }) => ({
      request: {
        method: 'POST',
        url: `${url}${path}`,
        httpVersion: 'HTTP/1.1',
        headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
        queryString: [],
        cookies: [],
        postData: { mimeType: 'application/json', text: body },
        headersSize: -1,
        bodySize: body.length,
      },
    })),
  },
})

async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [output, complaint] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command[0]} did not succeed: ${complaint.slice(0, 500)}`)
  return output
}
