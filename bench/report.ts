/** What a benchmark has found: tables for people, and one document for machines. */
import { TARGETS, type TargetName } from './targets.ts'

export interface Figure {
  readonly name: string
  readonly value: number
  readonly target: string
  readonly met: boolean
}

export class Report {
  readonly #raw: Record<string, unknown> = {}
  readonly #figures: Figure[] = []
  readonly #problems: string[] = []

  /** Numbers as they were measured, under the name of their section. */
  addRaw(section: string, raw: unknown): void {
    this.#raw[section] = raw
  }

  /**
   * A number that has a target.
   *
   * @param condition - what has to hold beside the number, such as "intake was unaffected"
   */
  addFigure(target: TargetName, value: number, condition = true): void {
    const { name, bound, limit, unit } = TARGETS[target]
    const isWithin = bound === 'least' ? value >= limit : value <= limit
    this.#figures.push({
      name,
      value: round(value),
      target: `${bound === 'least' ? '≥' : '≤'} ${limit}${unit === '' ? '' : ` ${unit}`}`,
      met: isWithin && condition,
    })
  }

  /** Whatever makes the run a failure: a wrong count, a server that ended. */
  addProblems(problems: readonly string[]): void {
    for (const problem of problems) print(`  WRONG  ${problem}`)
    this.#problems.push(...problems)
  }

  get isCorrect(): boolean {
    return this.#problems.length === 0
  }

  printFigures(): void {
    const cells = this.#figures.map(({ name, value, target, met }) => [
      name,
      number(value),
      target,
      met ? 'yes' : 'NO',
    ])
    table('figures with a target', ['figure', 'value', 'target', 'met'], cells)
    print(
      this.isCorrect ? '\nAll counts are right.' : `\n${this.#problems.length} counts or servers are WRONG.`,
    )
  }

  toJson(about: object): string {
    const document = {
      ...about,
      correct: this.isCorrect,
      problems: this.#problems,
      figures: this.#figures,
      raw: this.#raw,
    }
    return `${JSON.stringify(document, null, 2)}\n`
  }
}

export const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** The first column is words, all others are numbers. */
export function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
  print(`\n${title}`)
  for (const row of [head, ...rows]) print(`  ${line(row)}`)
}

/** Three digits that count, or all of a whole number. */
export function number(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(round(value))
}

const round = (value: number): number =>
  Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
