import { readFile } from 'node:fs/promises'
import { HmacAlgorithm } from '../core/trigger.ts'
import { type CommandContext, Failure, UsageError } from './command.ts'

/**
 * Secrets are never arguments: those are visible to every user of the host, and kept by shells. They come
 * from a file, from stdin or from the environment.
 */
export const SECRET_FILE_OPTION = {
  type: 'string',
  placeholder: 'FILE',
  description: 'file with the secret, - for stdin; never an argument, which every user of the host can see',
} as const

export const ALGORITHM_OPTION = {
  type: 'string',
  placeholder: 'ALGORITHM',
  description: 'sha256, sha512 or sha1',
} as const

/** @throws UsageError for an algorithm that nobody here knows */
export function readAlgorithm(text: string | undefined): HmacAlgorithm | undefined {
  if (text === undefined) return undefined
  const known = HmacAlgorithm.anyOf.map((literal) => literal.const).find((algorithm) => algorithm === text)
  if (known === undefined) throw new UsageError(`--algorithm must be ${ALGORITHM_OPTION.description}`)
  return known
}

/**
 * Reads the bytes of a file, or of stdin when its name is `-`.
 *
 * @throws Failure that names the file, when it cannot be read
 */
export async function readBytes(file: string, context: CommandContext): Promise<Uint8Array> {
  if (file === '-') return context.readInput()
  try {
    return await readFile(file)
  } catch {
    throw new Failure(`${file} cannot be read`)
  }
}

/** Reads a secret. One line end at its end is the editor's, and no part of it. */
export async function readSecret(file: string, context: CommandContext): Promise<string> {
  const bytes = await readBytes(file, context)
  const source = file === '-' ? 'stdin' : file
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Failure(`${source} does not hold a secret: it is not UTF-8 text`)
  }
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new Failure(`${source} does not hold a secret: it is empty`)
  return secret
}
