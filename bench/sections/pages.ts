/** How long administrators wait for the audit trail and the statistics of a large database. */
import type { Bench } from '../bench.ts'
import type { Large } from '../large.ts'
import { median } from '../measure.ts'
import type { Ours } from '../ours.ts'
import { number, table } from '../report.ts'
import { consoleQuestions } from './console-questions.ts'

const LOG = '/api/v1/webhook-event-log'
const STATS = '/api/v1/stats'
/** The second page and one far behind it. */
const CURSOR_PAGES = 20
const LATER_PAGES = 5

interface Question {
  readonly path: string
  readonly rows: number | null
  readonly medianMs: number
  readonly slowestMs: number
}

export async function pages(bench: Bench, { server }: Large): Promise<void> {
  const { profile, report } = bench
  const ask = (paths: readonly string[]) => timeAll(server, paths, profile.repetitions)
  const lists = await ask([...filters(), ...(await cursorPages(server))])
  const stats = await ask([STATS, '/api/v1/triggers/fill.1/stats', '/api/v1/triggers/bench.0/stats'])
  const questions = consoleQuestions()
  const pagesOfConsole = await ask([...questions, ...(await laterPages(server, questions))])
  table(
    'the admin API on the large database',
    ['path', 'rows', 'median ms', 'slowest ms'],
    [...lists, ...stats, ...pagesOfConsole].map(({ path, rows, medianMs, slowestMs }) => [
      path.replace(/cursor=(.{12}).*/, 'cursor=$1…').replace(/refs=[^&]*/, 'refs=…'),
      ...[rows, medianMs, slowestMs].map(number),
    ]),
  )
  report.addRaw('pages', { lists, stats, console: pagesOfConsole })
  if (profile.name === 'short') return
  report.addFigure('page', Math.max(...lists.map(({ medianMs }) => medianMs)))
  report.addFigure('console', Math.max(...[...lists, ...pagesOfConsole].map(({ medianMs }) => medianMs)))
  report.addFigure('statistics', Math.max(...stats.map(({ medianMs }) => medianMs)))
}

/** Of common and of rare values, alone and together: a filter that finds little is the one that reads much. */
function filters(): string[] {
  const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString()
  const queries = [
    '',
    'limit=500',
    'trigger=fill.1',
    'trigger=fill.999',
    'status=200',
    'status=202',
    'status=401',
    'status=408',
    'code=signature_invalid',
    'code=body_timeout',
    'ip=10.0.0.1',
    'ip=10.0.200.0',
    `since=${daysAgo(20)}&until=${daysAgo(19)}`,
    `since=${daysAgo(20)}&until=${daysAgo(1)}&code=body_timeout`,
    'trigger=fill.1&status=401',
    'trigger=fill.1&code=body_timeout',
    'trigger=fill.1&status=200',
    'trigger=fill.999&status=401',
    'trigger=fill.2&ip=10.0.0.2',
    'ip=10.0.0.1&status=401',
    'ip=10.0.0.1&code=rate_limited',
    'code=signature_invalid&status=401',
    'trigger=fill.1&status=401&ip=10.0.0.1',
    'trigger=no.such.trigger',
  ]
  return queries.map((query) => (query === '' ? LOG : `${LOG}?${query}`))
}

async function cursorPages(server: Ours): Promise<string[]> {
  const paths: string[] = []
  for (const query of ['limit=500', 'limit=500&trigger=fill.1', 'limit=500&status=429']) {
    let path = `${LOG}?${query}`
    for (let page = 1; page <= CURSOR_PAGES; page += 1) {
      const { next_cursor: cursor } = (await server.admin('GET', path)) as { next_cursor: string | null }
      if (cursor === null) break
      path = `${LOG}?${query}&cursor=${cursor}`
      if (page === 1 || page === CURSOR_PAGES) paths.push(path)
    }
  }
  return paths
}

/** A page some way behind the first of each list that has so many. */
async function laterPages(server: Ours, questions: readonly string[]): Promise<string[]> {
  const paths: string[] = []
  for (const question of questions) {
    let path = question
    for (let page = 1; page <= LATER_PAGES; page += 1) {
      const { next_cursor: cursor } = (await server.admin('GET', path)) as { next_cursor?: string | null }
      if (cursor == null) break
      path = `${question}${question.includes('?') ? '&' : '?'}cursor=${cursor}`
    }
    if (path !== question) paths.push(path)
  }
  return paths
}

/** All questions by turns, so that none is only ever asked of a warm cache. */
async function timeAll(server: Ours, paths: readonly string[], repetitions: number): Promise<Question[]> {
  const times = paths.map((): number[] => [])
  const rows = paths.map((): number | null => null)
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const [index, path] of paths.entries()) {
      const startedAtMs = performance.now()
      const { data } = (await server.admin('GET', path)) as { data: unknown }
      times[index]?.push(performance.now() - startedAtMs)
      if (Array.isArray(data)) rows[index] = data.length
    }
  }
  return paths.map((path, index) => ({
    path,
    rows: rows[index] ?? null,
    medianMs: median(times[index] ?? []),
    slowestMs: Math.max(...(times[index] ?? [])),
  }))
}
