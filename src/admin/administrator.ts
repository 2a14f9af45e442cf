import type { Administrator } from '../core/administrator.ts'
import type { Identity } from './authentication.ts'

/** Kept by request, so that no type of a route has to carry it, and gone with the request. */
const administrators = new WeakMap<Request, Administrator>()
const identities = new WeakMap<Request, Identity>()

/** For the guard alone: who was found to be behind a request. */
export function setAdministrator(request: Request, administrator: Administrator): void {
  administrators.set(request, administrator)
}

/**
 * Who is behind a request that the guard has let on.
 *
 * @throws Error for a request that it has not: a change must have somebody who made it
 */
export function administratorOf(request: Request): Administrator {
  const administrator = administrators.get(request)
  if (administrator === undefined) throw new Error('nobody is known behind this request')
  return administrator
}

/** For the guard alone: by what they have shown who they are. */
export function setIdentity(request: Request, identity: Identity): void {
  identities.set(request, identity)
}

/** @throws Error for a request that the guard has not let on */
export function identityOf(request: Request): Identity {
  const identity = identities.get(request)
  if (identity === undefined) throw new Error('nobody is known behind this request')
  return identity
}
