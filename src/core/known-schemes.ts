import type { StoredVerification } from './trigger.ts'
import {
  type CompiledScheme,
  compileScheme,
  findPreset,
  keysNeeded,
  parseScheme,
} from './verification/index.ts'

/** How a scheme is called: its name, or `custom` for one of the operator's own. */
export const schemeName = ({ scheme }: StoredVerification): string =>
  typeof scheme === 'string' ? scheme : 'custom'

/** The same record makes the same object, so that what the engine keeps for it is kept once. */
const PRESETS_COMPILED = new Map<string, CompiledScheme>()

/** @returns why it cannot be, for a scheme that this release does not know or understand */
export function compiledOf(scheme: StoredVerification['scheme']): CompiledScheme | string {
  if (typeof scheme !== 'string') {
    const parsed = parseScheme(scheme)
    const [problem] = parsed.problems ?? []
    return parsed.scheme === undefined
      ? `the scheme of the trigger is not valid: ${problem?.field} ${problem?.message}`
      : compileScheme(parsed.scheme)
  }
  const known = PRESETS_COMPILED.get(scheme)
  if (known !== undefined) return known
  const preset = findPreset(scheme)
  if (preset === null) return `the scheme ${scheme} is not known to this release`
  const compiled = compileScheme(preset.scheme)
  PRESETS_COMPILED.set(scheme, compiled)
  return compiled
}

/** The configuration's names of further secrets, which are sealed and never shown. */
export function secretConfigNames(compiled: CompiledScheme): ReadonlySet<string> {
  return new Set(
    keysNeeded(compiled.scheme).configOptional.filter(
      (name) => compiled.scheme.scheme !== 'generic' || name !== 'algorithm',
    ),
  )
}
