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
      if (exact === undefined && ofNoun.length === 0) throw new UsageError('there is no such command')
      print(exact?.help ?? overview(ofNoun))
      return 0
    },
  })
