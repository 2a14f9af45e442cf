import { VERSION } from '../version.ts'
import { command, PROGRAM } from './command.ts'
import { jsonText } from './output.ts'

export const VERSION_COMMANDS = [
  command({
    name: 'version',
    summary: 'Prints the version.',
    options: { json: { type: 'boolean', description: 'print JSON' } },
    async run({ options }, { print }) {
      print(options.json ? jsonText({ version: VERSION, bun: Bun.version }) : `${PROGRAM} ${VERSION}`)
      return 0
    },
  }),
]
