import { SIGNATURE_LENGTH_MAX } from '../limits.ts'
import { decodeStrictly } from './decode.ts'
import type { JsonText } from './json.ts'
import { credentialBytes, type Examination, elementsOf, matchCredential, verifiedBy } from './signed.ts'
import { refusal, type Verdict } from './verdict.ts'

const NO_TOKEN = refusal('credential_missing', 'The request has no token where the scheme looks for it.')
const WRONG_TOKEN = refusal('credential_mismatch', 'The token is not that of the trigger.')

/** The kind `token`: a text that both sides know, in plain sight of the transport. */
export function verifyToken(examination: Examination): Verdict {
  const { compiled, view } = examination
  if (compiled.each === null) return tokenAt(examination, null)
  const roots = elementsOf(compiled, view)
  if ('verified' in roots) return roots
  let verdict: Verdict = NO_TOKEN
  for (const root of roots) {
    verdict = tokenAt(examination, root)
    if (!verdict.verified) return verdict
  }
  return verdict
}

function tokenAt({ compiled, keys, view }: Examination, root: JsonText | null): Verdict {
  const reading = compiled.at === null ? 'absent' : view.read(compiled.at, root)
  if (reading === 'absent') return NO_TOKEN
  if (reading === 'ambiguous') {
    return refusal('credential_mismatch', 'There is more than one token, or one that is no text.')
  }
  const text = withoutPrefix(reading.text, compiled.scheme.prefix)
  if (text === null || text === '') return NO_TOKEN
  if (text.length > SIGNATURE_LENGTH_MAX) return WRONG_TOKEN
  // A secret in base64 is put behind a URL as it is, and its plus would be read as the blank of a form.
  const texts = compiled.at?.source === 'query' ? [text, text.replaceAll(' ', '+')] : [text]
  const given = texts.flatMap((each) => credentialBytes({ ...reading, text: each }))
  const key = matchCredential(given, keys.secrets)
  return key === null ? WRONG_TOKEN : verifiedBy(key)
}

/** The name of an authentication scheme is the same in capital letters (RFC 9110, 11.1). `null` when it is another. */
export function withoutPrefix(text: string, prefix: string | undefined): string | null {
  if (prefix === undefined) return text
  const given = text.slice(0, prefix.length)
  return given.toLowerCase() === prefix.toLowerCase() ? text.slice(prefix.length) : null
}

/** The kind `basic`: the secret is user name and password with a colon between them (RFC 7617). */
export function verifyBasic({ keys, view }: Examination): Verdict {
  const header = view.request.header('authorization')
  if (header === null || header === '') {
    return refusal('credential_missing', 'The request has no header authorization.')
  }
  const encoded = header.length > SIGNATURE_LENGTH_MAX ? null : withoutPrefix(header, 'Basic ')
  const bytes = encoded === null ? null : decodeStrictly(encoded, 'base64')
  if (bytes === null) {
    return refusal('signature_malformed', 'The header authorization has no user name and password in base64.')
  }
  const key = matchCredential([bytes], keys.secrets)
  return key === null
    ? refusal('credential_mismatch', 'User name and password are not those of the trigger.')
    : verifiedBy(key)
}
