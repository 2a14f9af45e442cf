import { HOSTING } from './hosting.ts'
import { MESSAGING } from './messaging.ts'
import { OWN } from './own.ts'
import { PAYMENTS } from './payments.ts'
import { PLATFORMS } from './platforms.ts'
import type { Preset } from './preset.ts'
import { PRODUCTIVITY } from './productivity.ts'

/** Every scheme that comes with the house, in order of name. */
export const PRESETS: readonly Preset[] = [
  ...OWN,
  ...HOSTING,
  ...PAYMENTS,
  ...MESSAGING,
  ...PRODUCTIVITY,
  ...PLATFORMS,
].toSorted((a, b) => (a.name < b.name ? -1 : 1))

/** What a trigger verifies with unless it says otherwise. */
export const SCHEME_NAME_DEFAULT = 'generic'

const BY_NAME: ReadonlyMap<string, Preset> = new Map(PRESETS.map((preset) => [preset.name, preset]))

/** Senders write their own names in several ways: incident.io and incident-io, GitHub and github. */
const spelled = (name: string): string => name.toLowerCase().replace(/[\s._-]+/g, '-')

const BY_SPELLING: ReadonlyMap<string, Preset> = new Map(
  PRESETS.map((preset) => [spelled(preset.name), preset]),
)

/** The preset that a person means: of this name, but for capitals and what stands between its words. */
export const presetMeant = (name: string): Preset | null => BY_SPELLING.get(spelled(name)) ?? null

/** @returns `null` for a name that no preset has */
export const findPreset = (name: string): Preset | null => BY_NAME.get(name) ?? null
