import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN_TOKEN, type Config } from './config.ts'
import { OperatorError } from './core/operator-error.ts'
import { prepareDataDirectory } from './store/embedded/data-directory.ts'

const TOKEN_BYTES = 32

/** The token that administrators present, and where its file is when it was not given as a setting. */
export interface AdminToken {
  readonly token: string
  readonly path: string | null
}

/**
 * The token of the settings, or the one in the data directory, which the first start makes: mode 0600, so that whoever may
 * read it is whoever may run the process.
 *
 * @throws Error that names the file when it cannot be used
 */
export function loadAdminToken({ adminToken, dataDir }: Pick<Config, 'adminToken' | 'dataDir'>): AdminToken {
  if (adminToken !== null) return { token: adminToken, path: null }
  prepareDataDirectory(dataDir)
  const path = join(dataDir, 'admin-token')
  const token = readToken(path) ?? createToken(path)
  if (!ADMIN_TOKEN.test(token)) {
    throw new OperatorError(
      `The admin token in ${path} does not have the form of one. Delete the file to get a new one.`,
    )
  }
  return { token, path }
}

function readToken(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null
    throw error
  }
}

/** Fails rather than overwrite a file that another process has just made. */
function createToken(path: string): string {
  const token = randomBytes(TOKEN_BYTES).toString('hex')
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, `${token}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return token
}
