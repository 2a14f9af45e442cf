import { parseArgs } from 'node:util'
import { TRIGGER_REF_LENGTH_MAX } from '../core/limits.ts'
import type { Log, LogFields } from '../core/log.ts'
import { TriggerRef } from '../core/trigger.ts'
import type { LogLevel } from '../log.ts'
import type { ParentChannel, StartChild } from '../processes/messages.ts'

export const PROGRAM = 'attune-webhooks'

/** The command was called in a way it does not understand: exit 2, with its usage line. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** The command was understood and could not be done: exit 1. The message is complete and holds no secret. */
export class Failure extends Error {
  override name = 'Failure'
}

/** Something outside of the command line has to be set first, e.g. a variable: exit 2, without the usage line. */
export class Misconfigured extends Error {
  override name = 'Misconfigured'
}

/** The server does not accept a value that was given: exit 2, without the usage line, which does not say more. */
export class Refused extends Error {
  override name = 'Refused'
}

/** What a command gets of the process it runs in; `main` alone knows the process itself. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>
  /** One line of a result, on stdout. */
  readonly print: (text: string) => void
  readonly printBytes: (bytes: Uint8Array) => void
  /** One line of talk, on stderr. */
  readonly say: (text: string) => void
  /** A terminal obeys escape sequences, a file or pipe keeps them. */
  readonly printsToTerminal: boolean
  /** How many characters fit on a line of the terminal that stdout is, just now; `null` when it is none. */
  readonly terminalColumns: () => number | null
  /** All of stdin. */
  readonly readInput: () => Promise<Uint8Array>
  /** Stdin as it comes; what is not asked for waits in its pipe. */
  readonly inputChunks: () => AsyncIterable<Uint8Array>
  /** Asks on a terminal; without one the answer is yes, since nobody is there to be asked. */
  readonly confirm: (question: string) => Promise<boolean>
  /** @param fields - go into every entry */
  readonly createLog: (level: LogLevel, fields?: LogFields) => Log
  /** One line of a log that another process wrote, without the line feed, behind what was logged before. */
  readonly writeLogLine: (line: string) => void
  /** Calls back at the first SIGINT or SIGTERM; a second one ends the process at once. */
  readonly onStopSignal: (listener: (signal: string) => void) => void
  /** The name of the operating system, as Node has it. */
  readonly platform: string
  readonly startChild: StartChild
  /** The process that has started this one to work for it; `null` when it was started by anybody else. */
  readonly openParent: () => ParentChannel | null
}

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly multiple?: true
  readonly required?: true
  /** What stands for the value in the usage line. */
  readonly placeholder?: string
  /** Every command of its kind has it, so the usage line does not repeat it; the help page does. */
  readonly isCommon?: true
  readonly description: string
}
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

type OptionValue<Spec extends OptionSpec> = Spec extends { readonly type: 'boolean' }
  ? boolean
  : Spec extends { readonly multiple: true }
    ? readonly string[]
    : string

type Options<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends { readonly required: true }
    ? OptionValue<Specs[Name]>
    : OptionValue<Specs[Name]> | undefined
}

/** `REF` is one argument, `[REF]` may be left out, `CIDR...` is one or more and comes last. */
type Operands<Names extends readonly string[]> = {
  readonly [Name in Names[number]]: Name extends `${string}...`
    ? readonly string[]
    : Name extends `[${string}]`
      ? string | undefined
      : string
}

export interface Input<Specs extends OptionSpecs, Names extends readonly string[]> {
  readonly options: Options<Specs>
  readonly operands: Operands<Names>
}

interface CommandSpec<Specs extends OptionSpecs, Names extends readonly string[]> {
  /** Noun and verb, as they are typed. */
  readonly name: string
  /** One sentence. */
  readonly summary: string
  /** Further paragraphs for the help page. */
  readonly details?: string
  readonly operands?: Names
  readonly options?: Specs
  /** @returns the exit code; nothing means 0 */
  readonly run: (input: Input<Specs, Names>, context: CommandContext) => Promise<number | undefined>
}

export interface Command {
  readonly name: string
  readonly summary: string
  /** One line, without `Usage:`. */
  readonly usage: string
  /** The page that `--help` prints. */
  readonly help: string
  /** @throws UsageError, Failure, Misconfigured or Refused */
  readonly run: (args: readonly string[], context: CommandContext) => Promise<number>
}

/** Makes a command out of its description; usage line, help page and parser all come from that one. */
export function command<const Specs extends OptionSpecs, const Names extends readonly string[]>(
  spec: CommandSpec<Specs, Names>,
): Command {
  const specs: OptionSpecs = spec.options ?? {}
  const names: readonly string[] = spec.operands ?? []
  const usage = usageLine(spec.name, names, specs)
  const help = helpPage(usage, spec, names, specs)
  return {
    name: spec.name,
    summary: spec.summary,
    usage,
    help,
    async run(args, context) {
      const { values, positionals } = parse(args, specs)
      const { help: isHelpWanted } = values
      if (isHelpWanted === true) {
        context.print(help)
        return 0
      }
      for (const [name, { required }] of Object.entries(specs)) {
        if (required && values[name] === undefined) throw new UsageError(`--${name} is missing`)
      }
      // The parser was given these very specs and names, so its values have the types they promise.
      const input = { options: values, operands: assignOperands(names, positionals) } as unknown as Input<
        Specs,
        Names
      >
      return (await spec.run(input, context)) ?? 0
    },
  }
}

const HELP_OPTION: OptionSpec = { type: 'boolean', description: 'show this page' }

function parse(args: readonly string[], specs: OptionSpecs) {
  const options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
  }
  for (const [name, { type, multiple = false }] of Object.entries(specs)) options[name] = { type, multiple }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    // Its first sentence names the option, and no value; the rest is advice to programmers.
    const [message = ''] = error instanceof Error ? error.message.split(/\.\s|\.$|\n/) : []
    throw new UsageError(message)
  }
}

function assignOperands(
  names: readonly string[],
  given: readonly string[],
): Record<string, string | readonly string[]> {
  const operands: Record<string, string | readonly string[]> = {}
  for (const [index, name] of names.entries()) {
    const value = given[index]
    if (value === undefined && !name.startsWith('[')) throw new UsageError(`${name} is missing`)
    if (name.endsWith('...')) return { ...operands, [name]: given.slice(index) }
    if (value !== undefined) operands[name] = value
  }
  if (given.length > names.length) {
    throw new UsageError(
      names.length === 0 ? 'it takes no arguments' : `it takes no more arguments than ${names.join(' ')}`,
    )
  }
  return operands
}

function usageLine(name: string, names: readonly string[], specs: OptionSpecs): string {
  const own = Object.entries(specs).filter(([, { isCommon }]) => !isCommon)
  const options = own.map(([option, spec]) => {
    const text = optionText(option, spec)
    return `${spec.required ? text : `[${text}]`}${spec.multiple ? '...' : ''}`
  })
  return [PROGRAM, name, ...names, ...options].join(' ')
}

/** What the arguments of many commands are; one that only a single command has is explained there. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  REF: `ref of a trigger, ${range(1, TRIGGER_REF_LENGTH_MAX)} characters: ${(TriggerRef.description ?? '').replace(/^L/, 'l')}`,
  ID: 'a request id, as the list or the header X-Request-Id has it',
}

function helpPage(
  usage: string,
  { summary, details }: { readonly summary: string; readonly details?: string },
  names: readonly string[],
  specs: OptionSpecs,
): string {
  const explained = names.flatMap((name) => {
    const text = ARGUMENTS[name.replace(/^\[|\]$/g, '')]
    return text === undefined ? [] : [`  ${name}  ${text}`]
  })
  const all = [...Object.entries(specs), ['help', HELP_OPTION] as const]
  const width = Math.max(...all.map(([name, spec]) => optionText(name, spec).length))
  const options = all.map(([name, spec]) => `  ${optionText(name, spec).padEnd(width)}  ${spec.description}`)
  const list = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? undefined : [title, ...lines].join('\n')
  return [`Usage: ${usage}`, summary, details, list('Arguments:', explained), list('Options:', options)]
    .filter((part) => part !== undefined)
    .join('\n\n')
}

const optionText = (name: string, spec: OptionSpec): string =>
  spec.type === 'boolean' ? `--${name}` : `--${name} ${spec.placeholder ?? 'TEXT'}`

/** The numbers that an option takes, for its help text. */
export function range(least: number, most: number): string {
  return `${least}–${most}`
}

/** Reads the number of an option. @throws UsageError when it is not written in decimal digits */
export function wholeNumber(name: string, text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new UsageError(`${name} must be a whole number`)
  return Number(text)
}
