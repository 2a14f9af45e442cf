import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'
import { ADMIN_QUERY_MS_MAX } from '../core/limits.ts'
import { type Engine, Pool, type PoolOptions } from './connection.ts'

/** Beyond the time after which the server ends a statement by itself, so that its answer comes first. */
const DEADLINE_MS = ADMIN_QUERY_MS_MAX + 1_000

/**
 * The database as administrators ask it. postgres.js waits for ever on a server that has stopped answering, and the embedded
 * database ends no statement, so a deadline stands behind each query; connections on which it passed are left behind, since
 * whatever came after would wait on them too.
 *
 * Both ways throw Rejection `store_unavailable` when the deadline passes or the database cannot be reached just now.
 */
export class AdminDatabase {
  readonly #pool: Pool
  /** drizzle replaces the date and json parsers of the client it is given, so it gets one of its own. */
  readonly #drizzlePool: Pool
  #drizzle: { readonly sql: Sql; readonly database: PostgresJsDatabase } | null = null

  constructor(engine: Engine, options: PoolOptions) {
    this.#pool = new Pool(engine, options)
    this.#drizzlePool = new Pool(engine, options)
  }

  query<T>(run: (database: PostgresJsDatabase) => PromiseLike<T>): Promise<T> {
    return this.#drizzlePool.run(DEADLINE_MS, async (sql) => run(this.#drizzleOf(sql)))
  }

  statement<T>(run: (sql: Sql) => PromiseLike<T>): Promise<T> {
    return this.#pool.run(DEADLINE_MS, async (sql) => run(sql))
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
