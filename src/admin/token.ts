import { createHash, timingSafeEqual } from 'node:crypto'
import { Elysia } from 'elysia'
import { ADMIN_TOKEN_NAME } from '../core/administrator.ts'
import { Rejection } from '../core/rejection.ts'
import { REQUEST_ID_HEADER } from '../http/errors.ts'
import { setAdministrator } from './administrator.ts'
import { requestPath } from './request-path.ts'

/** What a load balancer or container engine asks, which has no token. It tells nothing but whether the process is well. */
const WITHOUT_TOKEN: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** RFC 6750, 2.1. A repeated header arrives joined with a comma and a space, and is refused like any other. */
const AUTHORIZATION = /^Bearer ([\x21-\x7e]{1,2048})$/i

/**
 * Asks for the bearer token before anything else is looked at: the route, its method, the body. So a stranger learns
 * nothing of what is here, and nothing that a stranger sends is parsed.
 */
export const token = (expected: string) => {
  const expectedDigest = digest(expected)
  return new Elysia({ name: 'admin.token' }).onRequest((context) => {
    if (WITHOUT_TOKEN.has(requestPath(context))) return
    const [, given] = AUTHORIZATION.exec(context.request.headers.get('authorization') ?? '') ?? []
    // Digests have one length, so neither the length nor the first wrong character shows in the time it takes.
    if (given !== undefined && timingSafeEqual(digest(given), expectedDigest)) {
      setAdministrator(context.request, {
        name: ADMIN_TOKEN_NAME,
        role: 'admin',
        via: isCommandLine(context.request) ? 'cli' : 'api',
        sourceIp: null,
        requestId: String(context.set.headers[REQUEST_ID_HEADER]),
      })
      return
    }
    const reason = given === undefined ? 'there is no bearer token' : 'the bearer token is wrong'
    throw new Rejection('unauthorized', reason, { headers: { 'www-authenticate': 'Bearer' } })
  })
}

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest()

/** What it says of itself, which is for the record and opens nothing. */
const isCommandLine = ({ headers }: Request): boolean =>
  (headers.get('user-agent') ?? '').startsWith('attune-webhooks/')
