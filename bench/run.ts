/**
 * Measures the server against a textbook design and against a ceiling, in one run, and says whether it reaches its
 * targets. Exits 0 when every count was right, whatever the figures are; 1 when one was wrong or a server ended.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Bench, Defer } from './bench.ts'
import { buildPrograms } from './build.ts'
import { scoped, undoAll } from './cleanup.ts'
import { openDatabaseServer } from './database.ts'
import { findGenerator } from './generator.ts'
import { type Large, openLarge } from './large.ts'
import { type Options, parseOptions } from './options.ts'
import { print, Report } from './report.ts'
import { accepted } from './sections/accepted.ts'
import { latency } from './sections/latency.ts'
import { memoryUnderLoad } from './sections/memory.ts'
import { pages } from './sections/pages.ts'
import { rejected } from './sections/rejected.ts'
import { retention } from './sections/retention.ts'
import { scale } from './sections/scale.ts'
import { schemes } from './sections/schemes.ts'
import { start } from './sections/start.ts'

const SECTIONS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  accepted,
  rejected,
  schemes,
  latency,
  memory: memoryUnderLoad,
  start,
}

/** Those that share a database which takes minutes to fill. */
const LARGE_SECTIONS: Readonly<Record<string, (bench: Bench, large: Large) => Promise<void>>> = {
  scale,
  pages,
  retention,
}

const { BENCH_DATABASE_URL: databaseUrl = null } = process.env

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, Object.keys({ ...SECTIONS, ...LARGE_SECTIONS }))
  if (typeof options === 'string') {
    process.stderr.write(options)
    return args.includes('--help') ? 0 : 2
  }
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => void undoAll().finally(() => process.exit(code)))
  }
  const report = await scoped((defer) => measure(options, defer))
  return report.isCorrect ? 0 : 1
}

async function measure(options: Options, defer: Defer): Promise<Report> {
  const startedAtMs = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'attune-bench-'))
  defer(() => rmSync(folder, { recursive: true, force: true }))
  const programs = await buildPrograms(folder, options.binary)
  const databases = await openDatabaseServer(databaseUrl)
  defer(() => databases.dispose())
  const generator = findGenerator()
  const report = new Report()

  const about = {
    profile: options.profile.name,
    measured: new Date().toISOString(),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
    postgresql: `${databases.version}${databaseUrl === null ? ', settings of initdb' : ', as given'}`,
    generator: generator.name,
    bun: Bun.version,
  }
  for (const [name, value] of Object.entries(about)) print(`${name.padEnd(12)}${value}`)
  const bench = { profile: options.profile, programs, databases, generator, report, folder }
  for (const name of options.sections) {
    const section = SECTIONS[name]
    if (section !== undefined) await run(name, report, () => section(bench))
  }
  await scoped((undo) => measureLarge(bench, options.sections, undo))
  report.printFigures()
  const elapsedSeconds = Math.round((performance.now() - startedAtMs) / 1000)
  print(`Measured in ${elapsedSeconds} s.`)
  const document = report.toJson({ ...about, elapsed_seconds: elapsedSeconds })
  if (options.jsonFile !== null) await Bun.write(options.jsonFile, document)
  return report
}

async function measureLarge(bench: Bench, names: readonly string[], defer: Defer): Promise<void> {
  const wanted = names.filter((name) => name in LARGE_SECTIONS)
  if (wanted.length === 0) return
  const large = await openLarge(bench, defer)
  for (const name of wanted) await run(name, bench.report, async () => LARGE_SECTIONS[name]?.(bench, large))
}

/** A section that fails is reported, and what the others have found is kept. */
async function run(name: string, report: Report, section: () => Promise<unknown>): Promise<void> {
  const startedAtMs = performance.now()
  try {
    await section()
  } catch (error) {
    report.addProblems([`${name}: ${error instanceof Error ? error.message : String(error)}`])
  }
  print(`  (${name}: ${Math.round((performance.now() - startedAtMs) / 1000)} s)`)
}

void main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    process.exit(1)
  },
)
