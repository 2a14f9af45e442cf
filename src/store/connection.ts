import postgres, { type Sql } from 'postgres'
import type { Log } from '../core/log.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import { ARRAY_TYPES } from './array-types.ts'
import { type EmbeddedDatabase, openEmbeddedDatabase } from './embedded/index.ts'

export interface PoolOptions {
  /** Shown by `pg_stat_activity`, so that an operator sees who does what. */
  readonly name: string
  readonly connectionsMax: number
  /** Called whenever a connection has ended. */
  readonly onClose?: () => void
  /** The server ends a statement after this; the embedded database knows no such limit. */
  readonly statementMsMax: number
}

/** Either engine, through one driver. */
export interface Engine {
  readonly kind: 'postgresql' | 'embedded'
  createPool(options: PoolOptions): Sql
  /** Settles when the engine has died and cannot come back without a new process. */
  readonly failed: Promise<Error>
  close(): Promise<void>
}

const CONNECT_SECONDS_MAX = 5

/** Between two tries to connect. Short, because service has to resume by itself as soon as the database is back. */
const RECONNECT_SECONDS = 0.25

const COMMON = {
  connect_timeout: CONNECT_SECONDS_MAX,
  backoff: () => RECONNECT_SECONDS,
  // See there why the driver must not ask for them itself.
  fetch_types: false,
  types: ARRAY_TYPES,
  // Notices go to console.log by default, and may quote data.
  onnotice: () => {},
}

export function postgresqlEngine(databaseUrl: string): Engine {
  return {
    kind: 'postgresql',
    createPool: ({ name, connectionsMax, statementMsMax, onClose }) =>
      postgres(databaseUrl, {
        ...COMMON,
        max: connectionsMax,
        ...(onClose !== undefined && { onclose: onClose }),
        connection: {
          application_name: `attune-webhooks ${name}`,
          statement_timeout: statementMsMax,
          TimeZone: 'UTC',
        },
      }),
    failed: new Promise(() => {}),
    close: async () => {},
  }
}

export async function embeddedEngine(dataDirectory: string, log: Log): Promise<Engine> {
  const database: EmbeddedDatabase = await openEmbeddedDatabase({ dataDirectory, log })
  return {
    kind: 'embedded',
    createPool: ({ connectionsMax, onClose }) =>
      postgres({
        ...COMMON,
        // The types of postgres.js leave out this option, which its connections do read.
        ...{ socket: () => database.connect() },
        host: 'embedded',
        user: 'postgres',
        database: 'postgres',
        ssl: false,
        max: connectionsMax,
        ...(onClose !== undefined && { onclose: onClose }),
      }),
    failed: database.failed,
    close: () => database.close(),
  }
}

/**
 * A pool that can be left behind. postgres.js waits for ever on a server that has stopped answering; when a deadline
 * passes here, its connections are closed and the next caller gets fresh ones.
 */
export class Pool {
  readonly #create: () => Sql
  #sql: Sql

  constructor(engine: Engine, options: PoolOptions) {
    this.#create = () => engine.createPool(options)
    this.#sql = this.#create()
  }

  get sql(): Sql {
    return this.#sql
  }

  /**
   * Runs `work`, and gives up on it after `deadlineMs`. Its outcome is then unknown: repeat only what may be done twice.
   *
   * @throws Rejection `store_unavailable` when the deadline passes or the database cannot be reached
   */
  async run<T>(deadlineMs: number, work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = this.#sql
    let timer: ReturnType<typeof setTimeout> | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#abandon(sql)
        reject(storeUnavailable(`the database did not answer within ${Math.round(deadlineMs)} ms`))
      }, deadlineMs)
    })
    try {
      return await Promise.race([work(sql), deadline])
    } catch (error) {
      if (error instanceof Rejection || !isUnavailable(error)) throw error
      throw storeUnavailable(describeFault(error))
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits for what is running, at most `secondsMax`. */
  async close(secondsMax: number): Promise<void> {
    await this.#sql.end({ timeout: secondsMax })
  }

  #abandon(sql: Sql): void {
    if (this.#sql !== sql) return
    this.#sql = this.#create()
    void sql.end({ timeout: 0 }).catch(() => {})
  }
}

/**
 * SQLSTATE classes after which the same statement may well succeed: connection trouble (08), the transaction was
 * rolled back for others' sake (40), no room or too many connections (53), locked (55), ended by an operator or by a
 * time limit (57), trouble of the system below (58); and a standby that only reads (25006).
 */
const TRANSIENT_STATE = /^(08|40|53|55|57|58)...$|^25006$/

/** Faults of the connection have codes of the driver or of the operating system, which are longer words. */
const SQLSTATE = /^[0-9A-Z]{5}$/

/** What a row can be at fault for: its data (22), or a constraint (23). */
const ROW_STATE = /^2[23]...$/

/**
 * Whether no statement of ours can succeed just now, transient or not: a table that is gone or a right that was taken back has to be mended by
 * someone, and until then attempts are refused as if the database were away.
 */
function isUnavailable(error: unknown): boolean {
  const code = faultCode(error)
  return code !== null && !ROW_STATE.test(code)
}

/** Whether a statement failed because its connection ended, and not by itself. */
export function isConnectionLost(error: unknown): boolean {
  const code = faultCode(error)
  return code === null || isDriverCode(code) || /^(08|57P)/.test(code)
}

/** Whether the database has found that what it has stored is damaged: `data_corrupted`, `index_corrupted`. */
export const isDataDamaged = (error: unknown): boolean => /^XX00[12]$/.test(faultCode(error) ?? '')

export function isTransient(error: unknown): boolean {
  const code = faultCode(error)
  if (code === null) return false
  return isDriverCode(code) || TRANSIENT_STATE.test(code)
}

/** EPIPE has the shape of an SQLSTATE. */
const isDriverCode = (code: string): boolean => !SQLSTATE.test(code) || code === 'EPIPE'

/** What may be said of a fault of the database: its code and constraint, never its text, which can quote data. */
export function describeFault(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const { code, constraint_name: constraint } = (cause ?? {}) as { code?: string; constraint_name?: string }
  if (typeof code !== 'string') return cause instanceof Error ? cause.name : 'unknown fault'
  return constraint === undefined ? `database fault ${code}` : `database fault ${code} (${constraint})`
}

/** What an operator can do about the faults of a connection that are most often met. */
const HINTS: Readonly<Record<string, string>> = {
  '3D000': 'the database does not exist; create it, or correct its name',
  '28P01': 'the server refuses the password',
  '28000': 'the server refuses this role from this host; see its pg_hba.conf',
  '42501': 'the role may not do this; it needs CREATE on the database, and to own the schema attune',
  '42704': 'the URL has a parameter that the server does not know; sslrootcert goes into NODE_EXTRA_CA_CERTS',
  ECONNREFUSED: 'nothing listens there; is the server up, are host and port right?',
  ENOTFOUND: 'the host name is not known',
  CONNECT_TIMEOUT: 'the server does not answer; is a firewall between?',
}

/** `describeFault` as a sentence with a hint, for whoever starts the process. */
export function explainFault(error: unknown): string {
  const hint = HINTS[faultCode(error) ?? '']
  return hint === undefined ? `${describeFault(error)}.` : `${hint} (${describeFault(error)}).`
}

function faultCode(error: unknown): string | null {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = (cause as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : null
}
