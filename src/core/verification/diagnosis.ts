/** Why a request did not verify. A closed list: whoever reads it may switch over it. */
export const DIAGNOSIS_CAUSES = [
  'verifies_now',
  'expired_secret',
  'secret_whitespace',
  'secret_rule',
  'clock_skew',
  'timestamp_unit',
  'signature_encoding',
  'signature_prefix',
  'signature_algorithm',
  'signature_header',
  'body_whitespace',
  'body_line_ends',
  'body_form_field',
  'body_decoded',
  'body_reserialised',
  'url_changed',
  'other_scheme',
  'settings_incomplete',
  'header_missing',
  'proof_not_kept',
  'body_not_kept',
] as const
export type DiagnosisCause = (typeof DIAGNOSIS_CAUSES)[number]

/** One answer of the signature doctor. No field of it has a secret, a digest, or a text of the body. */
export interface Diagnosis {
  readonly cause: DiagnosisCause
  /** What to do, in one sentence. */
  readonly remedy: string
  /** What was found, in one sentence. */
  readonly detail: string
}

const REMEDIES: Readonly<Record<DiagnosisCause, string>> = {
  verifies_now:
    'Nothing needs mending any more: with the settings of now the request verifies, so readmit it.',
  expired_secret: 'Let the sender sign with a live secret, or add the one it uses again.',
  secret_whitespace:
    'Set the secret again, exactly as the sender has it, without white space or quotation marks around it.',
  secret_rule:
    'Set the secret in the form in which the sender uses it, or choose the scheme that reads it so.',
  clock_skew:
    'Set the clocks of sender and host by NTP, or widen the tolerance of the trigger if the sender delivers late.',
  timestamp_unit:
    'Let the sender write its timestamp in the unit of the scheme, or choose a scheme with the unit that it uses.',
  signature_encoding:
    'Let the sender write its signature in the encoding of the scheme, or choose a scheme with the encoding that it uses.',
  signature_prefix:
    'Let the sender write the prefix of the scheme before its signature, or choose a scheme with the one that it writes.',
  signature_algorithm: 'Let sender and trigger use the same hash algorithm.',
  signature_header:
    'Let the sender put its signature where the scheme looks for it, or choose a scheme that names its header.',
  body_whitespace:
    'Let the sender sign exactly the bytes that it sends, and let no proxy trim or pad the body.',
  body_line_ends: 'Let the sender sign exactly the bytes that it sends, and let no proxy convert line ends.',
  body_form_field: 'Choose the scheme that signs the field of the form, or let the sender sign the raw body.',
  body_decoded:
    'Let the sender sign bytes and not decoded text, and let no proxy convert the character set of the body.',
  body_reserialised:
    'Let the sender sign exactly the text that it sends, and let no proxy parse the JSON and write it anew.',
  url_changed:
    'Set ATTUNE_PUBLIC_URL to the URL that the sender was given, to the letter, or give the sender the one that is shown.',
  other_scheme: 'Choose the scheme of this sender for the trigger.',
  settings_incomplete: 'Complete the verification settings of the trigger.',
  header_missing: 'Let the sender send the header that the scheme asks for, and let no proxy take it away.',
  proof_not_kept:
    'Compare the credential at the sender with the secret of the trigger by eye, since it is not kept here.',
  body_not_kept: 'Let the sender deliver again while rejected bodies are kept, and then ask again.',
}

export const diagnosis = (cause: DiagnosisCause, detail: string): Diagnosis => ({
  cause,
  remedy: REMEDIES[cause],
  detail,
})
