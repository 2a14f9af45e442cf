import { command } from './command.ts'
import { jsonText } from './output.ts'
import { readConfig, settingOptions } from './settings.ts'

export const MIGRATE_COMMANDS = [
  command({
    name: 'migrate',
    summary: 'Brings the database to the schema of this version and ends. `serve` does so by itself.',
    options: {
      ...settingOptions(['dataDir', 'logLevel']),
      json: { type: 'boolean', description: 'print JSON' },
    },
    async run({ options }, context) {
      const config = readConfig(options, context)
      // Imported here, so that the commands of a client start without the server.
      const { migrate } = await import('../app.ts')
      const done = await migrate(config, context.createLog(config.logLevel))
      if (options.json) {
        context.print(jsonText(done))
        return 0
      }
      for (const file of done.applied) context.print(`applied  ${file}`)
      context.print(`schema   ${done.version}`)
      return 0
    },
  }),
]
