import { timingSafeEqual } from 'node:crypto'
import { type CompiledCidrs, compileCidrs } from '../core/address.ts'
import { ADMIN_TOKEN_NAME, type Administrator, type Role } from '../core/administrator.ts'
import { installationMac, isApiToken, newSessionToken, tokenDigest } from '../core/api-token.ts'
import type { Log } from '../core/log.ts'
import { Rejection } from '../core/rejection.ts'
import { clientAddress, type PeerAddress } from '../http/client-address.ts'
import type { LiveApiToken } from '../store/admin-sessions.ts'
import type { Store } from '../store/index.ts'
import { isUnattended, requireOwnPage, sessionTokenOf } from './session-cookie.ts'
import { WrongTokens } from './wrong-tokens.ts'

export interface AuthenticationDeps {
  readonly store: Pick<Store, 'adminSessions'>
  /** The token of the installation, which is good without any database. */
  readonly token: string
  readonly log: Log
  readonly trustedProxies: readonly string[]
  readonly peerAddress: PeerAddress
  /** A clock that is never set back. */
  readonly nowMs: () => number
}

/** Who somebody is, and by what they have shown it. */
export interface Identity {
  readonly name: string
  readonly role: Role
  readonly kind: 'session' | 'token'
  /** `null`: never. */
  readonly expires: Date | null
}

export interface SignedIn {
  readonly identity: Identity
  /** For the cookie, and for nobody else. */
  readonly sessionToken: string
}

/** RFC 6750, 2.1. A repeated header arrives joined with a comma and a space, and is refused like any other. */
const AUTHORIZATION = /^Bearer ([\x21-\x7e]{1,2048})$/i

/** Finds out who is asking. Whatever cannot be found out is a refusal. */
export class Authentication {
  readonly #deps: AuthenticationDeps
  readonly #installationDigest: Uint8Array
  readonly #trustedProxies: CompiledCidrs
  readonly #wrongTokens: WrongTokens

  constructor(deps: AuthenticationDeps) {
    this.#deps = deps
    this.#installationDigest = tokenDigest(deps.token)
    this.#trustedProxies = compileCidrs(deps.trustedProxies)
    this.#wrongTokens = new WrongTokens(deps.log, deps.nowMs)
  }

  /** The address that a request is counted and recorded under; `null` when it is not known. */
  clientOf(request: Request, server: Parameters<PeerAddress>[1]): string | null {
    return clientAddress(request, this.#deps.peerAddress(request, server), this.#trustedProxies).address
  }

  /**
   * By the bearer token, else by the cookie. A wrong token is refused whatever cookie stands beside it.
   *
   * @param isActivity - false: it is only asked whether the session goes on, which does not put off its end
   * @throws Rejection `unauthorized`, `origin_refused`, `sign_ins_slowed`, `store_unavailable`
   */
  async identify(request: Request, client: string | null, isActivity = true): Promise<Identity> {
    const authorization = request.headers.get('authorization')
    if (authorization !== null) {
      const [, given] = AUTHORIZATION.exec(authorization) ?? []
      if (given === undefined) throw unauthorized('the header Authorization has no bearer token')
      return identityOf(await this.#judge(given, client), 'token')
    }
    const sessionToken = sessionTokenOf(request)
    if (sessionToken === null) throw unauthorized('there is neither a bearer token nor a session')
    requireOwnPage(request)
    const session = await this.#deps.store.adminSessions.find(
      sessionToken,
      client,
      isActivity && !isUnattended(request),
    )
    if (session === null) throw unauthorized('the session is not known, or has ended')
    const { apiToken, installationMac: mac, expires } = session
    if (apiToken !== null) return { ...identityOf(apiToken, 'session'), expires }
    if (mac === null || !isEqual(mac, installationMac(this.#deps.token, sessionToken))) {
      throw unauthorized('the token of the installation has changed since')
    }
    return { ...identityOf(null, 'session'), expires }
  }

  /** Refuses whoever may not even try to sign in, before the token is read. @throws Rejection `origin_refused`, `sign_ins_slowed` */
  requireTrial(request: Request, client: string | null): void {
    requireOwnPage(request)
    this.#wrongTokens.requireFew(client)
  }

  /** @throws Rejection `unauthorized`, `sign_ins_slowed`, `store_unavailable` */
  async signIn(token: string, from: Pick<Administrator, 'sourceIp' | 'requestId'>): Promise<SignedIn> {
    const apiToken = await this.#judge(token, from.sourceIp)
    const identity = identityOf(apiToken, 'session')
    const sessionToken = newSessionToken()
    const expires = await this.#deps.store.adminSessions.open(
      sessionToken,
      apiToken === null
        ? { installationMac: installationMac(this.#deps.token, sessionToken) }
        : { apiTokenId: apiToken.id },
      { name: identity.name, role: identity.role, via: 'console', ...from },
    )
    if (expires === null) throw unauthorized('the token has just ended')
    return { identity: { ...identity, expires }, sessionToken }
  }

  /**
   * Compares with the token of the installation before anything is awaited, so that whoever asks many times at once is counted all the
   * same. Digests have one length, so neither the length nor the first wrong character shows in the time it takes.
   *
   * @returns `null` for the token of the installation
   */
  async #judge(given: string, client: string | null): Promise<LiveApiToken | null> {
    this.#wrongTokens.requireFew(client)
    if (isEqual(tokenDigest(given), this.#installationDigest)) return null
    const found = isApiToken(given) ? await this.#deps.store.adminSessions.findToken(given, client) : null
    if (found !== null) return found
    this.#wrongTokens.note(client)
    throw unauthorized('the token is wrong, or has ended')
  }
}

const identityOf = (apiToken: LiveApiToken | null, kind: Identity['kind']): Identity =>
  apiToken === null
    ? { name: ADMIN_TOKEN_NAME, role: 'admin', kind, expires: null }
    : { name: apiToken.name, role: apiToken.role, kind, expires: apiToken.expires }

const isEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.byteLength === other.byteLength && timingSafeEqual(one, other)

const unauthorized = (reason: string): Rejection =>
  new Rejection('unauthorized', reason, { headers: { 'www-authenticate': 'Bearer' } })
