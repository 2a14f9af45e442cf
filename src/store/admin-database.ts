import { sql as sqlText } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql, TransactionSql } from 'postgres'
import type { Administrator } from '../core/administrator.ts'
import { ADMIN_QUERY_MS_MAX } from '../core/limits.ts'
import { type Engine, Pool, type PoolOptions } from './connection.ts'

/** Beyond the time after which the server ends a statement by itself, so that its answer comes first. */
const DEADLINE_MS = ADMIN_QUERY_MS_MAX + 1_000

/** Who makes a change. The receiver, which makes one by itself, has no role. */
export type Actor = Omit<Administrator, 'role'> & { readonly role: Administrator['role'] | null }

/** A transaction of drizzle, as those need it who change something in it. */
export type Transaction = Pick<PostgresJsDatabase, 'select' | 'insert' | 'update' | 'delete'>

/**
 * The database as administrators ask it. postgres.js waits for ever on a server that has stopped answering, and the embedded
 * database ends no statement, so a deadline stands behind each query; connections on which it passed are left behind, since
 * whatever came after would wait on them too.
 *
 * `query` and `statement` read. `change` and `transaction` change something, whole or not at all, and say first who does: triggers of the
 * tables write it into the admin audit log. Of a database that acts for nobody they write down the database user.
 *
 * All four throw Rejection `store_unavailable` when the deadline passes or the database cannot be reached just now.
 */
export class AdminDatabase {
  readonly #engine: Engine
  readonly #options: PoolOptions
  readonly #pool: Pool
  /** drizzle replaces the date and json parsers of the client it is given, so it gets one of its own. */
  readonly #drizzlePool: Pool
  readonly #actor: Actor | null
  #drizzle: { readonly sql: Sql; readonly database: PostgresJsDatabase } | null = null

  /** @param acting - on the connections of another one, for somebody */
  constructor(engine: Engine, options: PoolOptions, acting?: Acting) {
    this.#engine = engine
    this.#options = options
    this.#pool = acting === undefined ? new Pool(engine, options) : acting.on.#pool
    this.#drizzlePool = acting === undefined ? new Pool(engine, options) : acting.on.#drizzlePool
    this.#actor = acting === undefined ? null : acting.actor
  }

  /** The same database, whose changes are those of `actor`. */
  as(actor: Actor): AdminDatabase {
    return new AdminDatabase(this.#engine, this.#options, { on: this, actor })
  }

  query<T>(run: (database: PostgresJsDatabase) => PromiseLike<T>): Promise<T> {
    return this.#drizzlePool.run(DEADLINE_MS, async (sql) => run(this.#drizzleOf(sql)))
  }

  statement<T>(run: (sql: Sql) => PromiseLike<T>): Promise<T> {
    return this.#pool.run(DEADLINE_MS, async (sql) => run(sql))
  }

  /** Changes something through drizzle; nothing of it stays when `run` throws. */
  change<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.query((database) =>
      database.transaction(async (tx) => {
        if (this.#actor !== null) {
          const { name, role, via, sourceIp, requestId } = this.#actor
          await tx.execute(
            sqlText`select attune.act_as(${name}, ${role}, ${via}, ${sourceIp}::text::inet, ${requestId}::text::uuid)`,
          )
        }
        return run(tx)
      }),
    )
  }

  /** Changes something in SQL; nothing of it stays when `run` throws. */
  transaction<T>(run: (tx: TransactionSql) => Promise<T>): Promise<T> {
    return this.statement(
      (sql) =>
        sql.begin(async (tx) => {
          if (this.#actor !== null) await actAs(tx, this.#actor)
          return run(tx)
        }) as Promise<T>,
    )
  }

  /** Waits for what is running, at most `secondsMax`. */
  async close(secondsMax: number): Promise<void> {
    await Promise.all([this.#pool.close(secondsMax), this.#drizzlePool.close(secondsMax)])
  }

  #drizzleOf(sql: Sql): PostgresJsDatabase {
    if (this.#drizzle?.sql !== sql) this.#drizzle = { sql, database: drizzle(sql) }
    return this.#drizzle.database
  }
}

interface Acting {
  readonly on: AdminDatabase
  readonly actor: Actor
}

/** Says who makes the changes of a transaction. */
export async function actAs(
  tx: TransactionSql,
  { name, role, via, sourceIp, requestId }: Actor,
): Promise<void> {
  await tx.unsafe(ACT_AS, [name, role, via, sourceIp, requestId])
}

const ACT_AS = 'select attune.act_as($1, $2, $3, $4::text::inet, $5::text::uuid)'
