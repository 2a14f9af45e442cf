/** Requests and vectors, as the engine is given them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type CompiledScheme,
  compileScheme,
  findPreset,
  type Scheme,
  type Verdict,
  type VerificationKeys,
  type VerificationOptions,
  type VerificationRequest,
  verify,
} from '../../../src/core/verification/index.ts'

export interface Vector {
  readonly provider: string
  readonly id: string
  readonly template: string
  readonly now: number
  readonly secret?: string
  readonly publicKey?: string
  readonly extra?: Readonly<Record<string, unknown>>
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly bodyBase64?: string
  readonly expect: 'valid' | 'invalid'
  readonly binding: boolean
}

const ROOT = join(import.meta.dir, '../../..')

/** The vectors of the repository, and those beside it when they are there, which have values that senders publish. */
export const VECTOR_FOLDERS: readonly string[] = [
  join(ROOT, 'test/vectors'),
  join(ROOT, '../shared/vectors'),
].filter(existsSync)

export const vectorsIn = (folder: string): readonly Vector[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => {
      const { vectors = [] }: { vectors?: Vector[] } = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      return vectors
    })

export interface Sent {
  readonly method?: string
  readonly url?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export function requestOf({ method = 'POST', url = URL_DEFAULT, headers, body }: Sent): VerificationRequest {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return {
    method,
    url,
    header: (name) => byName.get(name) ?? null,
    headerNames: () => byName.keys(),
    body,
  }
}

export const URL_DEFAULT = 'https://hooks.example.test/api/v1/webhooks/wh_test'

/** 2026-01-01T12:00:00Z */
export const NOW_MS = 1_767_268_800_000

export function preset(name: string): CompiledScheme {
  const found = findPreset(name)
  if (found === null) throw new Error(`there is no scheme ${name}`)
  return compileScheme(found.scheme)
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const keysOf = (secret: string, config: VerificationKeys['config'] = {}): VerificationKeys => ({
  secrets: [secret],
  config,
})

export const judge = async (
  scheme: CompiledScheme | Scheme | string,
  keys: VerificationKeys,
  sent: Sent,
  options: VerificationOptions & { readonly nowMs?: number } = {},
): Promise<Verdict> => {
  const compiled =
    typeof scheme === 'string' ? preset(scheme) : 'isPlain' in scheme ? scheme : compileScheme(scheme)
  return verify(compiled, keys, requestOf(sent), options.nowMs ?? NOW_MS, options)
}

/** `verified` or the reason why not. */
export const outcome = async (...input: Parameters<typeof judge>): Promise<string> => {
  const verdict = await judge(...input)
  return verdict.verified ? 'verified' : verdict.reason
}
