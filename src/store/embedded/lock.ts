import { Database } from 'bun:sqlite'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OperatorError } from '../../core/operator-error.ts'

/** Keeps a data directory to one process; `release` gives it up. */
export interface DirectoryLock {
  release(): void
}

/**
 * Takes the lock of `directory`, or throws an error that names the directory and the process that has it.
 *
 * The lock is the one SQLite takes on a file of its own: a POSIX record lock, which the kernel drops when the
 * process ends in whatever way, so there is no stale lock after SIGKILL and no guess from a process id. It
 * holds between containers that share a volume, where a socket name or a process id means nothing, and needs
 * no foreign function call, whose library has another name on every platform. SQLite also refuses a second
 * lock from the same process, which a bare record lock would grant.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const lockFile = join(directory, 'lock')
  const holderFile = join(directory, 'lock.pid')

  // Only ever created, never opened: closing any other descriptor of the file would drop the lock.
  if (!existsSync(lockFile)) writeFileSync(lockFile, '', { mode: 0o600 })
  const database = new Database(lockFile)
  try {
    database.run('PRAGMA busy_timeout = 0')
    database.run('PRAGMA journal_mode = MEMORY')
    database.run('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw isBusy(error) ? new OperatorError(describeHolder(directory, holderFile)) : error
  }
  writeFileSync(holderFile, `${process.pid}\n`, { mode: 0o600 })

  return {
    release() {
      database.close()
    },
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'
}

/** The process id is for a human to read, and decides nothing: it may be that of another container. */
function describeHolder(directory: string, holderFile: string): string {
  const pid = existsSync(holderFile) ? readFileSync(holderFile, 'utf8').trim() : 'unknown'
  return `The data directory ${directory} is in use by another process (pid ${pid}). Stop it first, or choose another directory.`
}
