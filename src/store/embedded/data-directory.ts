import { mkdirSync, statSync } from 'node:fs'
import { OperatorError } from '../../core/operator-error.ts'

/**
 * Makes the data directory with mode 0700. One that exists is taken as it is, unless others may write to it:
 * whoever can replace its files owns the database and its secrets.
 */
export function prepareDataDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { mode } = statSync(directory)
  if ((mode & 0o022) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0')
    throw new OperatorError(
      `The data directory ${directory} may be written by others (mode ${octal}). ` +
        'Run chmod 0700 on it, or name a directory inside it, which will be made with that mode.',
    )
  }
}
