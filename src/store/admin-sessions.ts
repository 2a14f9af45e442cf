import type { TransactionSql } from 'postgres'
import type { Administrator, Role } from '../core/administrator.ts'
import { tokenDigest } from '../core/api-token.ts'
import {
  ADMIN_QUERY_MS_MAX,
  ADMIN_SESSION_IDLE_SECONDS_MAX,
  ADMIN_SESSION_SECONDS_MAX,
  ADMIN_SESSIONS_MAX,
  LAST_USE_WRITE_SECONDS,
} from '../core/limits.ts'
import { recordAction } from './admin-audit-log.ts'
import { actAs } from './admin-database.ts'
import type { Pool } from './connection.ts'
import { SignInLookUps } from './sign-in-look-ups.ts'

/** A token of the admin API that is good just now. */
export interface LiveApiToken {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly expires: Date | null
}

/** A session that has neither ended nor been left alone for too long. */
export interface LiveSession {
  /** Whom it stands for; `null`: whoever has the token of the installation, if the MAC is of that one. */
  readonly apiToken: LiveApiToken | null
  readonly installationMac: Uint8Array | null
  /** At the latest: its own end, or that of its token. */
  readonly expires: Date
}

/** Whom a new session stands for. */
export type SessionIdentity = { readonly apiTokenId: string } | { readonly installationMac: Uint8Array }

/**
 * Who is behind a token or a cookie, asked at each request: what was revoked a moment ago is refused. The clock is that of the database.
 *
 * Every method throws Rejection `store_unavailable` when the database cannot be asked in time.
 */
export class AdminSessions {
  readonly #pool: Pool
  readonly #lookUps = new SignInLookUps()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /**
   * @param address - whence it came
   * @returns `null` when it is not known, has expired or was revoked
   */
  async findToken(token: string, address: string | null): Promise<LiveApiToken | null> {
    const row = await this.#lookUp<TokenRow>(token, address, FIND_TOKEN, [LAST_USE_WRITE_SECONDS])
    return row && toToken(row)
  }

  /**
   * @param address - whence it came
   * @param isActivity - false: it is looked at, and not used
   * @returns `null` when there is none, or it or its token has ended
   */
  async find(sessionToken: string, address: string | null, isActivity = true): Promise<LiveSession | null> {
    const parameters = [LAST_USE_WRITE_SECONDS, ADMIN_SESSION_IDLE_SECONDS_MAX, isActivity]
    const row = await this.#lookUp<SessionRow>(sessionToken, address, FIND_SESSION, parameters)
    if (row === null) return null
    return {
      apiToken: row.id === null ? null : toToken({ ...row, id: row.id }),
      installationMac: row.installation_mac,
      expires: row.ends,
    }
  }

  /**
   * Begins a session; of those of the same token the one that was used the longest ago makes room.
   *
   * @param administrator - who signs in, for the admin audit log
   * @returns its end, at the latest; `null` when the token has ended since it was looked up
   */
  async open(
    sessionToken: string,
    identity: SessionIdentity,
    administrator: Administrator,
  ): Promise<Date | null> {
    const tokenId = 'apiTokenId' in identity ? identity.apiTokenId : null
    const mac = 'installationMac' in identity ? Buffer.from(identity.installationMac) : null
    const rows = await this.#pool.run(ADMIN_QUERY_MS_MAX, (sql) =>
      sql.begin(async (tx) => {
        await tx.unsafe(MAKE_ROOM, [tokenId, ADMIN_SESSIONS_MAX - 1])
        const opened = await tx.unsafe<{ expires: Date }[]>(OPEN, [
          digest(sessionToken),
          tokenId,
          mac,
          ADMIN_SESSION_SECONDS_MAX,
        ])
        if (opened.length > 0) await record(tx, 'session.open', administrator)
        return opened
      }),
    )
    return rows[0]?.expires ?? null
  }

  /** @param administrator - who signs out, for the admin audit log */
  async end(sessionToken: string, administrator: Administrator): Promise<void> {
    await this.#pool.run(ADMIN_QUERY_MS_MAX, (sql) =>
      sql.begin(async (tx) => {
        const { count } = await tx.unsafe('delete from attune.admin_session where token_hash = $1::bytea', [
          digest(sessionToken),
        ])
        if (count > 0) await record(tx, 'session.end', administrator)
      }),
    )
  }

  #lookUp<Row extends object>(
    token: string,
    address: string | null,
    statement: string,
    parameters: readonly (number | boolean)[],
  ): Promise<Row | null> {
    const key = digest(token)
    return this.#lookUps.run(key.toString('base64'), address, async () => {
      const [row] = await this.#pool.run(ADMIN_QUERY_MS_MAX, (sql) =>
        sql.unsafe<Row[]>(statement, [key, ...parameters]),
      )
      return row ?? null
    })
  }
}

async function record(tx: TransactionSql, action: string, administrator: Administrator): Promise<void> {
  await actAs(tx, administrator)
  await recordAction(tx, action, administrator.name, null)
}

const digest = (token: string): Buffer => Buffer.from(tokenDigest(token))

interface TokenRow {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly expires: Date | null
}

const toToken = ({ id, name, role, expires }: TokenRow): LiveApiToken => ({ id, name, role, expires })

const IS_LIVE_TOKEN = 't.revoked is null and (t.expires is null or t.expires > now())'

const FIND_TOKEN = `
  with used as (
    update attune.api_token t
    set last_used = now()
    where token_hash = $1::bytea and ${IS_LIVE_TOKEN}
      and (last_used is null or last_used < now() - make_interval(secs => $2::integer))
  )
  select t.id::text, t.name, t.role, t.expires
  from attune.api_token t
  where t.token_hash = $1::bytea and ${IS_LIVE_TOKEN}`

interface SessionRow {
  readonly id: string | null
  readonly name: string
  readonly role: Role
  readonly expires: Date | null
  readonly installation_mac: Uint8Array | null
  readonly ends: Date
}

const IS_IN_USE = 's.expires > now() and s.last_seen > now() - make_interval(secs => $3::integer)'

const FIND_SESSION = `
  with seen as (
    update attune.admin_session s
    set last_seen = now()
    where $4::boolean and s.token_hash = $1::bytea and ${IS_IN_USE}
      and s.last_seen < now() - make_interval(secs => $2::integer)
  )
  select t.id::text, t.name, t.role, t.expires, s.installation_mac, least(s.expires, t.expires) as ends
  from attune.admin_session s
  left join attune.api_token t on t.id = s.api_token_id
  where s.token_hash = $1::bytea and ${IS_IN_USE}
    and (s.api_token_id is null or ${IS_LIVE_TOKEN})`

const MAKE_ROOM = `
  delete from attune.admin_session where token_hash in (
    select token_hash from attune.admin_session
    where api_token_id is not distinct from $1::bigint
    order by last_seen desc, created desc
    offset $2::integer
  )`

const OPEN = `
  insert into attune.admin_session (token_hash, api_token_id, installation_mac, expires)
  select $1::bytea, $2::bigint, $3::bytea, now() + make_interval(secs => $4::integer)
  where $2::bigint is null or exists (select from attune.api_token t where t.id = $2::bigint and ${IS_LIVE_TOKEN})
  returning (
    select least(now() + make_interval(secs => $4::integer), min(t.expires))
    from attune.api_token t
    where t.id = $2::bigint
  ) as expires`
