/** From the start of the process to the first webhook that is acknowledged. */
import { join } from 'node:path'
import type { Bench } from '../bench.ts'
import { scoped } from '../cleanup.ts'
import { median } from '../measure.ts'
import { createTriggers, type Ours, startOurs } from '../ours.ts'
import { number, table } from '../report.ts'
import { signedRequests, type WebhookRequest } from '../webhook-request.ts'

export async function start(bench: Bench): Promise<void> {
  const { report, databases, profile } = bench
  const database = await databases.createDatabase()
  const postgresql = await timeRestarts(bench, 'postgresql', database.url)
  const embeddedAgain = await timeRestarts(bench, 'embedded', null)
  const embeddedFirst: number[] = []
  for (let count = 0; count < profile.starts; count += 1) {
    embeddedFirst.push(await timeFirstStart(bench, `first-${count}`))
  }
  const results = { postgresql, embeddedAgain, embeddedFirst }
  table(
    'start to first 200',
    ['database', 'median s', 'slowest s'],
    Object.entries(results).map(([name, seconds]) => [
      name,
      number(median(seconds)),
      number(Math.max(...seconds)),
    ]),
  )
  report.addRaw('start', results)
  report.addFigure('startPostgresql', median(postgresql))
  report.addFigure('startEmbeddedAgain', median(embeddedAgain))
  report.addFigure('startEmbeddedFirst', median(embeddedFirst))
}

interface StartOptions {
  readonly binary: string
  readonly databaseUrl: string | null
  readonly dataDirectory: string
}

/** Starts of a server whose schema and trigger are there already, in seconds. */
async function timeRestarts(bench: Bench, name: string, databaseUrl: string | null): Promise<number[]> {
  const options = optionsOf(bench, name, databaseUrl)
  const requests = await running(options, async (server) => firstRequests(server))
  const seconds: number[] = []
  for (let count = 0; count < bench.profile.starts; count += 1) {
    seconds.push(await timeToAccept(options, () => requests))
  }
  return seconds
}

/** A start on an empty directory; the time holds the calls by which an operator makes the first trigger. */
const timeFirstStart = (bench: Bench, name: string): Promise<number> =>
  timeToAccept(optionsOf(bench, name, null), firstRequests)

const optionsOf = ({ programs, folder }: Bench, name: string, databaseUrl: string | null): StartOptions => ({
  binary: programs.ours,
  databaseUrl,
  dataDirectory: join(folder, `start-${name}`),
})

const firstRequests = async (server: Ours): Promise<WebhookRequest[]> =>
  signedRequests(await createTriggers(server, 'bench', 1))

async function timeToAccept(
  options: StartOptions,
  requestsOf: (server: Ours) => Promise<WebhookRequest[]> | WebhookRequest[],
): Promise<number> {
  const startedAtMs = performance.now()
  return running(options, async (server) => {
    const [request] = await requestsOf(server)
    if (request === undefined) throw new Error('No trigger was made.')
    const { path, headers, body } = request
    const { status } = await fetch(`${server.url}${path}`, { method: 'POST', headers, body })
    if (status !== 200) throw new Error(`The first webhook after a start was answered ${status}.`)
    return (performance.now() - startedAtMs) / 1000
  })
}

const running = <T>(options: StartOptions, work: (server: Ours) => Promise<T>): Promise<T> =>
  scoped(async (defer) => {
    const server = await startOurs(options)
    defer(() => server.stop())
    return work(server)
  })
