import type { TransactionSql } from 'postgres'
import type { Role } from '../core/administrator.ts'
import { apiTokenPrefix, newApiToken, tokenDigest } from '../core/api-token.ts'
import { encodeCursor, type Page } from '../core/cursor.ts'
import { API_TOKENS_ENDED_MAX, API_TOKENS_MAX } from '../core/limits.ts'
import { Rejection } from '../core/rejection.ts'
import type { AdminDatabase } from './admin-database.ts'

/** A token as it is listed: everything but its text, of which there is nothing to list. */
export interface StoredApiToken {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly prefix: string
  readonly created: Date
  readonly createdBy: string
  readonly expires: Date | null
  readonly lastUsed: Date | null
  readonly revoked: Date | null
}

export interface NewApiToken {
  readonly name: string
  readonly role: Role
  /** `null`: never. */
  readonly expiresInDays: number | null
  /** The name of the token that makes it. */
  readonly createdBy: string
}

/** The tokens of the admin API, as administrators handle them. */
export class ApiTokens {
  readonly #database: AdminDatabase

  constructor(database: AdminDatabase) {
    this.#database = database
  }

  /** Newest first, those that have ended too. */
  async list(limit: number, cursorId: string | null): Promise<Page<StoredApiToken>> {
    const rows = await this.#database.statement((sql) =>
      sql.unsafe<ListedRow[]>(
        // Without the name of the table, it would be the text of the id that is sorted.
        `select ${LISTED} from attune.api_token t
         where $1::bigint is null or t.id < $1::bigint
         order by t.id desc
         limit $2::integer`,
        [cursorId, limit + 1],
      ),
    )
    const page = rows.slice(0, limit).map(toStored)
    const last = page.at(-1)
    return {
      rows: page,
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor(last.id) : null,
    }
  }

  /**
   * Makes a token. Its text is in the answer, and nowhere else.
   *
   * @throws Rejection `token_name_taken`; `request_invalid` when there are too many
   */
  create(given: NewApiToken): Promise<{ readonly stored: StoredApiToken; readonly token: string }> {
    const token = newApiToken()
    return this.#database.transaction(async (tx) => {
      await tx.unsafe(ONE_AFTER_ANOTHER)
      await makeRoom(tx, given.name)
      return { stored: await insert(tx, given, token), token }
    })
  }

  /**
   * Ends a token, and whoever is signed in with it; one that has been revoked stays so.
   *
   * @throws Rejection `token_unknown`
   */
  async revoke(id: string): Promise<void> {
    await this.#database.transaction(async (tx) => {
      const { count } = await tx.unsafe(
        'update attune.api_token set revoked = coalesce(revoked, now()) where id = $1::bigint',
        [id],
      )
      if (count === 0) throw new Rejection('token_unknown', `no token has the id ${id}`)
      await tx.unsafe('delete from attune.admin_session where api_token_id = $1::bigint', [id])
    })
  }
}

interface ListedRow {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly prefix: string
  readonly created: Date
  readonly created_by: string
  readonly expires: Date | null
  readonly last_used: Date | null
  readonly revoked: Date | null
}

/** What is not selected cannot leak. */
const LISTED = 'id::text, name, role, prefix, created, created_by, expires, last_used, revoked'

const toStored = (row: ListedRow): StoredApiToken => ({
  id: row.id,
  name: row.name,
  role: row.role,
  prefix: row.prefix,
  created: row.created,
  createdBy: row.created_by,
  expires: row.expires,
  lastUsed: row.last_used,
  revoked: row.revoked,
})

/** Two that are made at the same moment count each other. Whoever only uses a token does not wait. */
const ONE_AFTER_ANOTHER = "select pg_advisory_xact_lock(hashtext('attune.api_token'))"

/** The name of a token that has expired is free; of those that have ended the oldest go, and of the others there are not too many. */
async function makeRoom(tx: TransactionSql, name: string): Promise<void> {
  await tx.unsafe(
    'update attune.api_token set revoked = expires where name = $1 and revoked is null and expires <= now()',
    [name],
  )
  await tx.unsafe(
    `delete from attune.api_token where id in (
       select id from attune.api_token
       where least(revoked, expires) <= now()
       order by id desc
       offset $1::integer
     )`,
    [API_TOKENS_ENDED_MAX],
  )
  const [row] = await tx.unsafe<{ count: number }[]>(
    `select count(*)::integer as count from attune.api_token
     where revoked is null and (expires is null or expires > now())`,
  )
  if ((row?.count ?? 0) < API_TOKENS_MAX) return
  const message = `cannot be made: there are ${API_TOKENS_MAX} tokens already; revoke one first`
  throw new Rejection('request_invalid', `a token ${message}`, { errors: [{ field: 'name', message }] })
}

async function insert(tx: TransactionSql, given: NewApiToken, token: string): Promise<StoredApiToken> {
  const { name, role, expiresInDays, createdBy } = given
  const [row] = await tx.unsafe<ListedRow[]>(
    `insert into attune.api_token (name, role, prefix, token_hash, created_by, expires)
     values ($1, $2, $3, $4::bytea, $5, now() + make_interval(days => $6::integer))
     on conflict (name) where revoked is null do nothing
     returning ${LISTED}`,
    [name, role, apiTokenPrefix(token), Buffer.from(tokenDigest(token)), createdBy, expiresInDays],
  )
  if (row === undefined) throw new Rejection('token_name_taken', `a token has the name ${name}`)
  return toStored(row)
}
