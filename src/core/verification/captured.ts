import { decodeStrictly } from './decode.ts'
import type { Diagnosis } from './diagnosis.ts'
import { diagnose } from './doctor.ts'
import { type CompiledScheme, compileScheme, verify } from './engine.ts'
import { parseScheme } from './parse.ts'
import { presetMeant } from './presets/index.ts'
import type { VerificationKeys, VerificationRequest } from './request.ts'
import type { VerificationReason } from './verdict.ts'

/** What becomes of a request that has been written down. */
export interface CapturedVerdict {
  /** As it was given; `null` when there is none that can be read. */
  readonly id: string | number | null
  readonly valid: boolean
  /** `null` for what is valid. */
  readonly reason: VerificationReason | 'request_malformed' | 'scheme_unknown' | 'scheme_invalid' | null
  readonly detail: string | null
  /** Why it is not valid, as far as the signature doctor can tell; only where that was asked for. */
  readonly diagnosis?: readonly Diagnosis[]
}

/** Why a captured request cannot be judged at all. */
class Malformed extends Error {
  readonly reason: 'request_malformed' | 'scheme_unknown' | 'scheme_invalid'

  constructor(message: string, reason: Malformed['reason'] = 'request_malformed') {
    super(message)
    this.reason = reason
  }
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Judges a request that was written down as JSON: `{id?, scheme, secret?, secrets?, public_key?, extra?, now?, method, url, headers, body | body_base64}`,
 * where `template`, `publicKey` and `bodyBase64` are other spellings. Certificates come from `extra.certificatePem`.
 *
 * @param nowMs - the time when the request does not say when it is to be judged
 * @param isDiagnosed - asks the signature doctor about what is not valid
 */
export async function judgeCaptured(
  captured: unknown,
  nowMs: number,
  isDiagnosed = false,
): Promise<CapturedVerdict> {
  const fields: Fields | null = isObject(captured) ? captured : null
  const given = fields?.['id']
  const id = typeof given === 'string' || typeof given === 'number' ? given : null
  try {
    if (fields === null) throw new Malformed('The line is no JSON object.')
    const compiled = schemeOf(fields)
    const keys = keysOf(fields)
    const options = { fetchCertificate: () => textOf(keys.config, 'certificatePem') }
    const [request, atMs] = [requestOf(fields), timeOf(fields, nowMs)]
    const verdict = await verify(compiled, keys, request, atMs, options)
    if (verdict.verified) return { id, valid: true, reason: null, detail: null }
    const { reason, detail } = verdict
    if (!isDiagnosed) return { id, valid: false, reason, detail }
    const named = read(fields, 'scheme', 'template')
    const diagnosis = await diagnose({
      ...keys,
      schemeName: typeof named === 'string' ? named : 'custom',
      compiled,
      live: keys.secrets.map((text, index) => ({ label: `number ${index + 1}`, text })),
      expired: [],
      request,
      hasBody: true,
      nowMs: atMs,
      options,
    })
    return { id, valid: false, reason, detail, diagnosis }
  } catch (error) {
    if (error instanceof Malformed) {
      return { id, valid: false, reason: error.reason, detail: error.message }
    }
    return { id, valid: false, reason: 'unsupported', detail: 'The request could not be judged.' }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The first of several spellings that is there. */
function read(fields: Fields, ...names: readonly string[]): unknown {
  const name = names.find((each) => Object.hasOwn(fields, each) && fields[each] !== null)
  return name === undefined ? undefined : fields[name]
}

/** @throws Malformed */
function readText(fields: Fields, ...names: readonly string[]): string | undefined {
  const value = read(fields, ...names)
  if (value === undefined || typeof value === 'string') return value
  throw new Malformed(`The field ${names[0]} is no text.`)
}

const textOf = (fields: Fields, name: string): string | null => {
  const value = read(fields, name)
  return typeof value === 'string' ? value : null
}

/** Presets are compiled once; there are only so many. */
const COMPILED = new Map<string, CompiledScheme>()

function schemeOf(fields: Fields): CompiledScheme {
  const named = read(fields, 'scheme', 'template')
  if (isObject(named)) return customScheme(named)
  if (typeof named !== 'string') throw new Malformed('The field scheme is no name and no object.')
  const preset = presetMeant(named)
  if (preset === null) throw new Malformed('No scheme has this name.', 'scheme_unknown')
  const known = COMPILED.get(preset.name)
  if (known !== undefined) return known
  const compiled = compileScheme(preset.scheme)
  COMPILED.set(preset.name, compiled)
  return compiled
}

function customScheme(json: unknown): CompiledScheme {
  const { scheme, problems } = parseScheme(json)
  if (scheme !== undefined) return compileScheme(scheme)
  const texts = problems.map(({ field, message }) => `${field}: ${message}`)
  throw new Malformed(`The scheme is not as asked for: ${texts.join('; ')}.`, 'scheme_invalid')
}

function keysOf(fields: Fields): VerificationKeys {
  const secret = readText(fields, 'secret')
  const secrets = read(fields, 'secrets') ?? []
  if (!Array.isArray(secrets) || secrets.some((each) => typeof each !== 'string')) {
    throw new Malformed('The field secrets is no list of texts.')
  }
  const config = read(fields, 'extra', 'config') ?? {}
  if (!isObject(config)) throw new Malformed('The field extra is no object.')
  const publicKey = readText(fields, 'public_key', 'publicKey')
  return {
    secrets: secret === undefined ? secrets : [secret, ...secrets],
    config,
    ...(publicKey !== undefined && { publicKey }),
  }
}

function timeOf(fields: Fields, nowMs: number): number {
  const now = read(fields, 'now')
  if (now === undefined) return nowMs
  if (typeof now !== 'number' || !Number.isFinite(now)) throw new Malformed('The field now is no number.')
  return now * 1_000
}

function requestOf(fields: Fields): VerificationRequest {
  const headers = headersOf(read(fields, 'headers') ?? {})
  return {
    method: readText(fields, 'method') ?? 'POST',
    url: readText(fields, 'url') ?? '',
    header: (name) => headers.get(name) ?? null,
    headerNames: () => headers.keys(),
    body: bodyOf(fields),
  }
}

/** An object with texts or lists of texts, or a list of pairs; repeated ones are joined as the runtime joins them. */
function headersOf(given: unknown): ReadonlyMap<string, string> {
  const pairs = Array.isArray(given) ? given : isObject(given) ? Object.entries(given) : null
  if (pairs === null) throw new Malformed('The field headers is no object and no list of pairs.')
  const headers = new Map<string, string>()
  for (const pair of pairs) {
    const [name, value] = Array.isArray(pair) && pair.length === 2 ? pair : [null, null]
    const values: unknown[] = [value].flat()
    if (typeof name !== 'string' || values.some((each) => typeof each !== 'string')) {
      throw new Malformed('A header is no name with a text.')
    }
    for (const each of values) add(headers, name.toLowerCase(), String(each))
  }
  return headers
}

function add(headers: Map<string, string>, name: string, value: string): void {
  const before = headers.get(name)
  // An HTTP parser takes white space off both ends.
  const trimmed = value.trim()
  headers.set(name, before === undefined ? trimmed : `${before}, ${trimmed}`)
}

function bodyOf(fields: Fields): Uint8Array {
  const encoded = readText(fields, 'body_base64', 'bodyBase64')
  const text = readText(fields, 'body')
  if (encoded === undefined) return Buffer.from(text ?? '')
  if (text !== undefined) throw new Malformed('There is a body and a body_base64; one of them is too many.')
  const bytes = encoded === '' ? new Uint8Array() : decodeStrictly(encoded, 'base64')
  if (bytes === null) throw new Malformed('The field body_base64 is no base64.')
  return bytes
}
