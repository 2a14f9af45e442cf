import { type FieldProblem, REJECTIONS, type RejectionCode } from '../core/rejection.ts'

/** The body of every answer that is not a success (RFC 9457). */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: RejectionCode
  readonly request_id: string
  readonly errors?: readonly FieldProblem[]
}

/** A name and not an address: what a problem means is in `docs/errors.md`, and no host has to be up to say so. */
const problemType = (code: RejectionCode): string => `urn:attune-webhooks:problem:${code}`

/**
 * The only place where a code becomes an HTTP answer. Nothing of the fault that led here is in it: a stranger reads
 * the text of the catalogue, and an administrator finds the rest by the request id.
 */
export function problemResponse(
  code: RejectionCode,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
  errors: readonly FieldProblem[] = [],
): Response {
  const { status, title, detail } = REJECTIONS[code]
  const problem: Problem = {
    type: problemType(code),
    title,
    status,
    detail,
    code,
    request_id: requestId,
    ...(errors.length > 0 && { errors }),
  }
  return new Response(JSON.stringify(problem), {
    status,
    headers: {
      ...headers,
      'content-type': 'application/problem+json',
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    },
  })
}
