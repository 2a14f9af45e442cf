/** The verification engine as other rooms see it: (scheme, keys, request, clock) → verdict. Pure: it reads nothing but what it is given. */
export { presetView } from './describe.ts'
export {
  type CompiledScheme,
  compileScheme,
  duplicateId,
  eventType,
  textsAt,
  timestampMs,
  verify,
} from './engine.ts'
export {
  type HandshakeAnswer,
  type HandshakeEffect,
  type HandshakeInput,
  type HandshakeOutcome,
  handsOverSecret,
  hasHandshake,
  SECRET_STORED,
  signedHandshake,
  unsignedHandshake,
} from './handshake.ts'
export { credentialHeaders, credentialQueryParameters, type KeysNeeded, keysNeeded } from './needs.ts'
export { parseScheme, type SchemeParsed } from './parse.ts'
export { type Place, parsePlace } from './place.ts'
export { findPreset, PRESETS, SCHEME_NAME_DEFAULT } from './presets/index.ts'
export type { Preset } from './presets/preset.ts'
export type { VerificationKeys, VerificationOptions, VerificationRequest } from './request.ts'
export { HANDSHAKES, type Handshake, SCHEME_KINDS, Scheme, type SchemeKind } from './scheme.ts'
export {
  rejectionCodeOf,
  type Unverified,
  VERIFICATION_REASONS,
  type Verdict,
  type VerificationReason,
  type Verified,
} from './verdict.ts'
