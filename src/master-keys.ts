import { readFileSync } from 'node:fs'
import type { Config } from './config.ts'
import { OperatorError } from './core/operator-error.ts'
import { parseMasterKey, Sealing } from './core/sealing.ts'

type MasterKeySettings = Pick<Config, 'masterKey' | 'masterKeyFile' | 'masterKeyOld' | 'masterKeyOldFile'>

/**
 * What seals and opens the secrets of triggers, with the keys of the settings or of the files that they name.
 *
 * @throws OperatorError that names the file when it cannot be read or holds no master key
 */
export function loadSealing(settings: MasterKeySettings): Sealing {
  const current = keyOf(settings.masterKey, settings.masterKeyFile)
  const old = keyOf(settings.masterKeyOld, settings.masterKeyOldFile)
  return new Sealing(current, old === null ? [] : [old])
}

function keyOf(text: string | null, path: string | null): Uint8Array | null {
  if (text === null && path === null) return null
  // One line end at its end is the editor's, and no part of it.
  const key = parseMasterKey(text ?? readKeyFile(path ?? '').replace(/\r?\n$/, ''))
  if (key !== null) return key
  throw new OperatorError(
    `${path ?? 'The master key'} does not hold a master key: 32 bytes as base64 or as 64 hexadecimal digits.`,
  )
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as { code?: string }
    throw new OperatorError(`The master key file ${path} cannot be read (${code ?? 'unknown fault'}).`)
  }
}
