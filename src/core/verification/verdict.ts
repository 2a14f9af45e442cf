/** Why a request is not verified. A closed list: whoever reads it may switch over it. */
export const VERIFICATION_REASONS = [
  'signature_missing',
  'signature_malformed',
  'signature_mismatch',
  'timestamp_missing',
  'timestamp_malformed',
  'timestamp_outside_tolerance',
  'id_missing',
  'required_value_mismatch',
  'algorithm_not_allowed',
  'claim_mismatch',
  'token_expired',
  'token_not_yet_valid',
  'credential_missing',
  'credential_mismatch',
  'topic_mismatch',
  'certificate_untrusted',
  'certificate_unavailable',
  'secret_missing',
  'secret_unusable',
  'configuration_missing',
  'body_unreadable',
  'body_not_covered',
  'unsupported',
] as const
export type VerificationReason = (typeof VERIFICATION_REASONS)[number]

export interface Verified {
  readonly verified: true
  /** Which of `keys.secrets` has verified it; `null` when another key did, or none was needed. */
  readonly secretIndex: number | null
  /** What it was verified with: `secret`, `publicKey`, `certificate`, `none`, or the configuration's name of a further key. */
  readonly keyId: string
}

export interface Unverified {
  readonly verified: false
  readonly reason: VerificationReason
  /** One sentence for administrators. It has no secret, no computed MAC and no text that the sender wrote. */
  readonly detail: string
}

export type Verdict = Verified | Unverified

export const refusal = (reason: VerificationReason, detail: string): Unverified => ({
  verified: false,
  reason,
  detail,
})

/** What the sender is told: these say that its proof is not there, all others that it does not hold. */
const MISSING: ReadonlySet<VerificationReason> = new Set(['signature_missing', 'credential_missing'])

/** The code of `rejection.ts` for a reason. */
export const rejectionCodeOf = (reason: VerificationReason): 'signature_missing' | 'signature_invalid' =>
  MISSING.has(reason) ? 'signature_missing' : 'signature_invalid'
