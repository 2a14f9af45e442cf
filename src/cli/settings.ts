import { type Config, loadConfig, SETTINGS } from '../config.ts'
import { type CommandContext, Misconfigured, type OptionSpec } from './command.ts'

/** Flags as the option parser gives them; those that are no settings are passed over. */
export type GivenOptions = Readonly<Record<string, unknown>>

/** The options for some settings, by their names in `Config`; a secret has none. */
export function settingOptions(
  names: readonly (keyof Config)[],
  further: Pick<OptionSpec, 'isCommon'> = {},
): Readonly<Record<string, OptionSpec>> {
  const options: Record<string, OptionSpec> = {}
  for (const name of names) {
    const { flag, placeholder, description, variable, unset, ...setting } = SETTINGS[name]
    if (flag === null) continue
    const note = `[${variable}; ${setting.default || unset}]`
    options[flag] = { type: 'string', placeholder, description: `${description} ${note}`, ...further }
  }
  return options
}

const NAMES = Object.keys(SETTINGS) as readonly (keyof Config)[]

/** Every option that is a setting, whoever reads it. */
export const ALL_SETTING_OPTIONS = settingOptions(NAMES)

/** The options of `serve`. */
export const SERVER_OPTIONS = settingOptions(NAMES.filter((name) => SETTINGS[name].reader === 'server'))

/** The options that were given as settings, as `loadConfig` wants them. */
export function settingFlags(options: GivenOptions): Record<string, string> {
  const flags: Record<string, string> = {}
  for (const { flag } of Object.values(SETTINGS)) {
    const value = flag === null ? undefined : options[flag]
    if (flag !== null && typeof value === 'string') flags[flag] = value
  }
  return flags
}

/** @throws Misconfigured that names every problem */
export function readConfig(options: GivenOptions, context: CommandContext): Config {
  const loaded = loadConfig({ env: context.env, flags: settingFlags(options) })
  if (loaded.ok) return loaded.config
  throw new Misconfigured(
    ['the configuration is not valid', ...loaded.problems.map((problem) => `  ${problem}`)].join('\n'),
  )
}
