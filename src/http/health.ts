import { Elysia } from 'elysia'
import { RETRY_AFTER_SECONDS } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'

/** `GET /healthz`: the process lives and answers. It says nothing of the database: a restart would not bring that back. */
export const liveness = () =>
  new Elysia({ name: 'http.liveness' })
    .get('/healthz', () => ({ status: 'ok' }))
    .all('/healthz', ({ request }) => onlyGet(request))

/** `GET /readyz`: whether webhooks are being accepted; 503 while the database is away or the process is stopping. */
export const readiness = ({ isReady }: { readonly isReady: () => boolean }) =>
  new Elysia({ name: 'http.readiness' })
    .get('/readyz', ({ set }) => {
      if (isReady()) return { status: 'ready' }
      set.status = 503
      set.headers['retry-after'] = String(RETRY_AFTER_SECONDS)
      return { status: 'unavailable' }
    })
    .all('/readyz', ({ request }) => onlyGet(request))

function onlyGet({ method }: Request): never {
  throw new Rejection('method_not_allowed', `the method ${method} is not GET`, {
    headers: { allow: 'GET, HEAD' },
  })
}
