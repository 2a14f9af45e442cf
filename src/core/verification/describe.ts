import { keysNeeded } from './needs.ts'
import type { Preset } from './presets/preset.ts'

/** A preset as the API and the command line show it. */
export function presetView({ name, title, aliasOf, docs, certainty, setup, notSigned, scheme }: Preset) {
  const { secret, publicKey, config, configOptional } = keysNeeded(scheme)
  return {
    name,
    title,
    kind: scheme.scheme,
    alias_of: aliasOf ?? null,
    docs: docs ?? null,
    certainty,
    setup,
    not_signed: notSigned ?? null,
    handshake: scheme.handshake ?? null,
    tolerance_seconds: scheme.ts?.tolerance ?? scheme.maxAge ?? null,
    needs: [
      ...(secret ? ['secret'] : []),
      ...(publicKey ? ['public_key'] : []),
      ...config.map((field) => `config.${field}`),
    ],
    takes: configOptional.map((field) => `config.${field}`),
    scheme,
  }
}
