import { Elysia } from 'elysia'
import { ADMIN_BODY_BYTES_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import { requestPath } from './request-path.ts'

interface Route {
  readonly method: string
  readonly path: string
}

/**
 * Answers 405 with `Allow` where a path is known under other methods, which Elysia would call unknown, and 413 to a body
 * whose declared length is past the limit, before any of it is read.
 *
 * @param routes the route table, read at the first request, when it is complete
 */
export const methods = (routes: () => readonly Route[]) => {
  let table: readonly KnownPath[] | null = null
  return new Elysia({ name: 'admin.methods' }).onRequest((context) => {
    const { request } = context
    const path = requestPath(context)
    table ??= knownPaths(routes())
    const known = table.filter(({ pattern }) => pattern.test(path))
    const allowed = [...new Set(known.flatMap((entry) => entry.methods))]
    if (allowed.length > 0 && !allowed.includes(request.method)) {
      throw new Rejection('method_not_allowed', `the path does not take ${request.method}`, {
        headers: { allow: allowed.join(', ') },
      })
    }
    if (Number(request.headers.get('content-length')) > ADMIN_BODY_BYTES_MAX) {
      throw new Rejection(
        'payload_too_large',
        `a body of the admin API has at most ${ADMIN_BODY_BYTES_MAX} bytes`,
      )
    }
  })
}

interface KnownPath {
  readonly pattern: RegExp
  readonly methods: readonly string[]
}

function knownPaths(routes: readonly Route[]): KnownPath[] {
  // A catch-all of a path is there to refuse what the others do not take.
  const byPath = Map.groupBy(
    routes.filter(({ method }) => method !== 'ALL'),
    ({ path }) => path,
  )
  return [...byPath].map(([path, sharing]) => ({
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:[a-z]+/g, '[^/]+')}$`),
    methods: sharing.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])),
  }))
}
