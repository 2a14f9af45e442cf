import { describeConfig, type SettingLine } from '../config.ts'
import { command } from './command.ts'
import { type Column, jsonText, tableLines } from './output.ts'
import { ALL_SETTING_OPTIONS, readConfig, settingFlags } from './settings.ts'

const COLUMNS: readonly Column<SettingLine>[] = [
  { title: 'variable', cell: ({ variable }) => variable },
  { title: 'value', cell: ({ value }) => value },
  { title: 'origin', cell: ({ origin }) => origin },
  { title: 'default', cell: (line) => line.default },
  { title: 'flag', cell: ({ flag }) => flag },
]

export const CONFIG_COMMANDS = [
  command({
    name: 'config',
    summary: 'Prints every setting with its value, its origin and its default. Secrets are redacted.',
    details: 'Give it the flags of `serve` to see what `serve` would do. It asks no server.',
    options: { ...ALL_SETTING_OPTIONS, json: { type: 'boolean', description: 'print JSON' } },
    async run({ options }, context) {
      const config = readConfig(options, context)
      const lines = describeConfig(config, { env: context.env, flags: settingFlags(options) })
      const printed = options.json ? [jsonText(lines)] : tableLines(COLUMNS, lines)
      for (const line of printed) context.print(line)
      return 0
    },
  }),
]
