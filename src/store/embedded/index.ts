import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import {
  EMBEDDED_DISK_BYTES_MIN,
  EMBEDDED_DISK_POLL_MS,
  EMBEDDED_REOPEN_DELAYS_MS,
  EMBEDDED_STEADY_MS,
} from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import { deadConnection } from './connection.ts'
import { prepareDataDirectory } from './data-directory.ts'
import { type DirectoryLock, lockDirectory } from './lock.ts'
import { WorkerDatabase } from './worker-database.ts'

/** PostgreSQL inside this process, on the files of one directory. */
export interface EmbeddedDatabase {
  /**
   * A new connection, for the `socket` option of postgres.js. It speaks the wire protocol as user `postgres` to
   * the database `postgres`. All connections take turns at one session, so settings made outside of a
   * transaction, temporary tables and advisory locks are shared. Never throws: while the database is away the
   * connection is destroyed with an error, as one to a server that is down.
   */
  connect(): Duplex
  /** Ends every connection, makes a last checkpoint, ends the Worker and gives up the lock. */
  close(): Promise<void>
  /**
   * Settles, and never rejects, when the database has stopped without `close` and could not be opened again: by
   * then every connection is destroyed and the lock is released.
   */
  readonly failed: Promise<Error>
}

/**
 * Opens the database in `dataDirectory`, which is made if need be, and keeps other processes out of it.
 * Throws when the directory is in use, may be written by others, or cannot be read as a database.
 *
 * An engine that stops, for instance because the disk is full, is opened again, which recovers what had been
 * committed. It is given up when it does not stay up; while the disk is full, though, that is waited out, since a new process would
 * find no more room.
 */
export async function openEmbeddedDatabase(options: {
  dataDirectory: string
  log: Log
  reopenDelaysMs?: readonly number[]
}): Promise<EmbeddedDatabase> {
  const dataDirectory = resolve(options.dataDirectory)
  prepareDataDirectory(dataDirectory)
  const lock = lockDirectory(dataDirectory)
  const first = new WorkerDatabase(options.log)
  try {
    await first.open(dataDirectory)
  } catch (error) {
    await first.ended
    lock.release()
    throw error
  }
  const delaysMs = options.reopenDelaysMs ?? EMBEDDED_REOPEN_DELAYS_MS
  return new RevivingDatabase({ dataDirectory, log: options.log, lock, first, delaysMs })
}

class RevivingDatabase implements EmbeddedDatabase {
  readonly failed: Promise<Error>
  readonly #dataDirectory: string
  readonly #log: Log
  readonly #ended: Promise<void>
  readonly #delaysMs: readonly number[]
  #life: WorkerDatabase
  #away: Error | undefined
  readonly #closing = Promise.withResolvers<void>()
  #isClosing = false

  constructor(deps: {
    dataDirectory: string
    log: Log
    lock: DirectoryLock
    first: WorkerDatabase
    delaysMs: readonly number[]
  }) {
    this.#dataDirectory = deps.dataDirectory
    this.#log = deps.log
    this.#delaysMs = deps.delaysMs
    this.#life = deps.first
    const failed = Promise.withResolvers<Error>()
    this.failed = failed.promise
    this.#ended = this.#live().then((failure) => {
      deps.lock.release()
      if (failure !== undefined) failed.resolve(failure)
    })
  }

  connect(): Duplex {
    return this.#away === undefined ? this.#life.connect() : deadConnection(this.#away)
  }

  close(): Promise<void> {
    this.#isClosing = true
    this.#away ??= new Error('The embedded database is closed.')
    this.#closing.resolve()
    void this.#life.close()
    return this.#ended
  }

  /** One life after the other, until `close` or until too many were short in a row, which is the error. */
  async #live(): Promise<Error | undefined> {
    let shortLives = 0
    for (;;) {
      const bornAt = performance.now()
      const failure = await this.#life.ended
      if (this.#isClosing || failure === undefined) return undefined
      this.#away = failure
      this.#log.error('embedded database stopped', { reason: failure.message })
      if (performance.now() - bornAt > EMBEDDED_STEADY_MS || (await this.#waitedForRoom())) shortLives = 0
      const delayMs = this.#delaysMs[shortLives++]
      if (delayMs === undefined) return failure
      await Promise.race([Bun.sleep(delayMs), this.#closing.promise])
      if (this.#isClosing) return undefined
      await this.#reopen()
    }
  }

  /** Waits while the disk is full, and returns whether it was. */
  async #waitedForRoom(): Promise<boolean> {
    if (await hasRoom(this.#dataDirectory)) return false
    this.#log.error('the disk of the embedded database is full', { bytes_needed: EMBEDDED_DISK_BYTES_MIN })
    while (!this.#isClosing && !(await hasRoom(this.#dataDirectory))) {
      await Promise.race([Bun.sleep(EMBEDDED_DISK_POLL_MS), this.#closing.promise])
    }
    return true
  }

  async #reopen(): Promise<void> {
    this.#life = new WorkerDatabase(this.#log)
    try {
      await this.#life.open(this.#dataDirectory)
      if (!this.#isClosing) this.#away = undefined
    } catch {
      // The same error ends this life, which is where it is dealt with.
    }
  }
}

/** A file system that does not tell is taken to have room: opening the database will show. */
async function hasRoom(directory: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize >= EMBEDDED_DISK_BYTES_MIN
  } catch {
    return true
  }
}
