import { parseArgs } from 'node:util'
import { PROFILES, type Profile } from './profile.ts'

/** What is asked for on the command line. */
export interface Options {
  readonly profile: Profile
  /** The sections to run, in the order of the list that was given to `parseOptions`. */
  readonly sections: readonly string[]
  readonly jsonFile: string | null
  /** An executable to measure in place of one that is built from this source. */
  readonly binary: string | null
}

const USAGE = `Usage: bun run bench [--short | --long] [--only SECTION,…] [--json FILE] [--binary FILE]

  --short        ends within 90 seconds; sizes are too small for the figures at 10 million rows
  --long         ten minutes of load in the section memory
  --only         sections, separated by commas; see below
  --json FILE    writes raw numbers, and figures with their targets
  --binary FILE  measures this executable instead of building one

BENCH_DATABASE_URL names a PostgreSQL server whose user may create databases; without it, a throw-away
cluster with the settings of initdb is made in the folder for temporary files.
`

/** @returns a text to print when the command line asks for help or makes no sense */
export function parseOptions(args: readonly string[], sections: readonly string[]): Options | string {
  const usage = `${USAGE}\nSections: ${sections.join(', ')}\n`
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        short: { type: 'boolean', default: false },
        long: { type: 'boolean', default: false },
        only: { type: 'string' },
        json: { type: 'string' },
        binary: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    const only = values.only?.split(',') ?? sections
    const unknown = only.find((name) => !sections.includes(name))
    if (values.help) return usage
    if (unknown !== undefined) return `${unknown} is no section.\n\n${usage}`
    if (values.short && values.long) return `--short and --long exclude each other.\n\n${usage}`
    return {
      profile: PROFILES[values.short ? 'short' : values.long ? 'long' : 'full'],
      sections: sections.filter((name) => only.includes(name)),
      jsonFile: values.json ?? null,
      binary: values.binary ?? null,
    }
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`
  }
}
