import { Elysia } from 'elysia'
import { hasRole } from '../core/administrator.ts'
import { Rejection } from '../core/rejection.ts'
import { REQUEST_ID_HEADER } from '../http/errors.ts'
import { isPublic, type KnownPath, knownPaths, roleFor } from './access.ts'
import { setAdministrator, setIdentity } from './administrator.ts'
import type { Authentication } from './authentication.ts'
import { requestPath } from './request-path.ts'

/**
 * Asks who it is before anything else is looked at: the route, its method, the body. So a stranger learns nothing of what is here, and
 * nothing that a stranger sends is parsed; and of those who are known, each does what the role allows.
 *
 * @param routes the route table, read at the first request, when it is complete
 */
export const guard = (authentication: Authentication, routes: () => Parameters<typeof knownPaths>[0]) => {
  let known: readonly KnownPath[] | null = null
  return new Elysia({ name: 'admin.guard' }).onRequest(async (context) => {
    const { request, set } = context
    const path = requestPath(context)
    known ??= knownPaths(routes())
    if (isPublic(known, request.method, path)) return
    const client = authentication.clientOf(request, context.server)
    const needed = roleFor(known, request.method, path)
    if (needed === 'nobody') {
      authentication.requireTrial(request, client)
      return
    }
    const identity = await authentication.identify(request, client)
    if (needed === null) throw new Rejection('route_unknown', 'no route has this path')
    if (!hasRole(identity.role, needed)) {
      throw new Rejection(
        'role_insufficient',
        `${identity.name} is ${identity.role}, and this is for ${needed}`,
      )
    }
    setIdentity(request, identity)
    setAdministrator(request, {
      name: identity.name,
      role: identity.role,
      via: identity.kind === 'session' ? 'console' : isCommandLine(request) ? 'cli' : 'api',
      sourceIp: client,
      requestId: String(set.headers[REQUEST_ID_HEADER]),
    })
  })
}

/** What it says of itself, which is for the record and opens nothing. */
const isCommandLine = ({ headers }: Request): boolean => headers.get('x-attune-client') === 'cli'
