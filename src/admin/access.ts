import { ROLES } from '../core/administrator.ts'
import { descriptionOf, type RouteRole } from './describe.ts'

/** A line of the route table. */
interface Route {
  readonly method: string
  readonly path: string
  readonly hooks?: { readonly detail?: unknown }
}

/** What a load balancer or container engine asks, which has no token. It tells nothing but whether the process is well. */
const HEALTH: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** A path of the API that is known. */
export interface KnownPath {
  readonly pattern: RegExp
  /** By method; HEAD as GET. */
  readonly roles: ReadonlyMap<string, RouteRole>
}

/** Which role each route asks for. One that does not say is for admins. */
export function knownPaths(routes: readonly Route[]): readonly KnownPath[] {
  const paths = Map.groupBy(
    // A catch-all is there to refuse what the other methods of a path do not take.
    routes.filter(({ method, path }) => method !== 'ALL' && !HEALTH.has(path)),
    ({ path }) => path,
  )
  return [...paths].map(([path, sharing]) => ({ pattern: patternOf(path), roles: rolesOf(sharing) }))
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:[a-z]+/g, '[^/]+')}$`)

const rolesOf = (routes: readonly Route[]): ReadonlyMap<string, RouteRole> =>
  new Map(
    routes.flatMap(({ method, hooks }) => {
      const role = descriptionOf(hooks?.detail)?.role ?? 'admin'
      return method === 'GET' ? [['GET', role] as const, ['HEAD', role] as const] : [[method, role] as const]
    }),
  )

/**
 * The role that a request needs; `null` when no route has its path. Where the patterns of several fit, the strictest of them holds,
 * whichever of them the router takes.
 */
export function roleFor(known: readonly KnownPath[], method: string, path: string): RouteRole | null {
  const fitting = known.filter(({ pattern }) => pattern.test(path))
  if (fitting.length === 0) return null
  // A method that the path does not take is refused as such, behind this.
  const roles = fitting.flatMap(({ roles }) => roles.get(method) ?? [])
  if (roles.length === 0) return 'viewer'
  return ROLES.findLast((role) => roles.includes(role)) ?? 'nobody'
}

/**
 * Whether nobody is asked who they are: at health checks, and where nothing but pages can be. Whatever looks like a path of the API to
 * the most lenient reader is none of those.
 */
export function isPublic(known: readonly KnownPath[], method: string, path: string): boolean {
  if (HEALTH.has(path)) return true
  if (method !== 'GET' && method !== 'HEAD') return false
  return !looksLikeApi(path) && roleFor(known, method, path) === null
}

function looksLikeApi(path: string): boolean {
  const lenient = decoded(path)
    ?.toLowerCase()
    .replaceAll(/[\\/]+/g, '/')
  return lenient === undefined || lenient === '' || /^\/(?:api|metrics|openapi\.json)(?:\/|$)/.test(lenient)
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
