import { type KeptRequest, verificationRequest } from './kept-request.ts'
import { isRefused, isUnknown, type Outcome, type PastAttempt, passes } from './preview-verdicts.ts'
import type { SignatureCheck, SignatureOutcome } from './signature-check.ts'
import type { CompiledScheme, Scheme } from './verification/index.ts'

/**
 * What an attempt would have met under a signature check, judged at the time of its arrival. A verified request is verified, whatever was not
 * kept of it; one that is refused is unknown when something that the scheme reads has been left out since.
 *
 * @param hasQuery - whether the query of its URL was kept
 */
export async function verificationOutcome(
  row: PastAttempt,
  check: SignatureCheck,
  kept: KeptRequest,
  hasQuery: boolean,
): Promise<Outcome> {
  const outcome: SignatureOutcome = await check.verify(verificationRequest(kept), row.createdMs)
  if (outcome.verified) return passes(row)
  // A certificate would have to be fetched.
  if (outcome.code === 'store_unavailable') return isUnknown(row)
  return lacksProof(check.settings.compiled, kept, hasQuery) ? isUnknown(row) : isRefused(row, outcome.reason)
}

const REDACTED = '[redacted]'

function lacksProof(compiled: CompiledScheme | null, kept: KeptRequest, hasQuery: boolean): boolean {
  if (compiled === null) return false
  const schemes = [compiled.scheme, ...(compiled.fallback === null ? [] : [compiled.fallback.scheme])]
  const texts = schemes.map((scheme) => JSON.stringify(scheme))
  const redacted = kept.headers.filter(([, value]) => value === REDACTED).map(([name]) => name.toLowerCase())
  const names = redacted.some(
    (name) =>
      texts.some((text) => text.includes(`header:${name}`)) ||
      (name === 'authorization' && schemes.some(isBasic)),
  )
  const readsQuery = texts.some((text) => /query:|\{url|\{code:/.test(text))
  return names || (readsQuery && (!hasQuery || kept.url.includes(REDACTED)))
}

const isBasic = ({ scheme }: Scheme): boolean => scheme === 'basic'
