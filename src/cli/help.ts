import { closest } from '../config.ts'
import { TABLE_CELL_LENGTH_MAX } from '../core/limits.ts'
import { visibleText } from '../core/visible-text.ts'
import { type Command, command, PROGRAM, UsageError } from './command.ts'

/** The usage line and summary of each command. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    `Usage: ${PROGRAM} COMMAND [ARGUMENTS]`,
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    `\`${PROGRAM} COMMAND --help\` explains one of them.`,
    'Exit code: 0 done, 1 failed, 2 misuse.',
  ].join('\n')
}

/** Says of words that are no command what was probably meant. */
export function unknownCommand(
  [noun = '', verb = '']: readonly string[],
  commands: readonly Command[],
): string {
  const given = visibleText(`${noun} ${verb}`.trim()).slice(0, TABLE_CELL_LENGTH_MAX)
  const names = commands.map(({ name }) => name)
  const nouns = [...new Set(names.map((name) => name.split(' ')[0] ?? ''))]
  const meantNoun = nouns.includes(noun) ? noun : closest(noun, nouns)
  const verbs = names
    .filter((name) => name.startsWith(`${meantNoun} `))
    .map((name) => name.split(' ')[1] ?? '')
  const meantVerb = verbs.includes(verb) ? verb : closest(verb, verbs)
  const meant = [meantNoun, meantVerb].filter((word) => word !== null).join(' ')
  const hint = meant === '' || meant === noun ? '' : `; did you mean ${meant}?`
  return `there is no command "${given}"${hint}`
}

/** @param list - asked for when it is needed, since the list has this command in it */
export const helpCommand = (list: () => readonly Command[]): Command =>
  command({
    name: 'help',
    summary: 'Lists the commands, or explains one.',
    operands: ['[NOUN]', '[VERB]'],
    async run({ operands }, { print }) {
      const words = [operands['[NOUN]'], operands['[VERB]']].filter((word) => word !== undefined).join(' ')
      if (words === '') {
        print(overview(list()))
        return 0
      }
      const exact = list().find(({ name }) => name === words)
      const ofNoun = list().filter(({ name }) => name.startsWith(`${words} `))
      if (exact === undefined && ofNoun.length === 0) {
        throw new UsageError(unknownCommand(words.split(' '), list()))
      }
      print(exact?.help ?? overview(ofNoun))
      return 0
    },
  })
