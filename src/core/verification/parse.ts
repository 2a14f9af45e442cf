import { ValueErrorType } from '@sinclair/typebox/errors'
import { Value } from '@sinclair/typebox/value'
import { SCHEME_BYTES_MAX, SCHEME_PLACEHOLDERS_MAX } from '../limits.ts'
import type { FieldProblem } from '../rejection.ts'
import { visibleText } from '../visible-text.ts'
import { parsePlace } from './place.ts'
import { findPreset } from './presets/index.ts'
import { Scheme, type SchemeKind } from './scheme.ts'
import { parsePlaceholder, placeholdersOf } from './text.ts'

export type SchemeParsed =
  | { readonly scheme: Scheme; readonly problems?: never }
  | { readonly problems: readonly FieldProblem[]; readonly scheme?: never }

/**
 * Reads a scheme that an operator wrote: all problems at once, each with the path of its field. What is accepted costs no more than a preset does: no
 * patterns to match, a bounded number of places, signatures and texts.
 */
export function parseScheme(json: unknown): SchemeParsed {
  const size = sizeOf(json)
  if (size === null || size > SCHEME_BYTES_MAX) {
    return { problems: [{ field: 'scheme', message: `must be JSON of at most ${SCHEME_BYTES_MAX} bytes` }] }
  }
  const problems = formProblems(json)
  if (problems.length > 0) return { problems }
  // The same record without anything that JSON does not have.
  const scheme: Scheme = JSON.parse(JSON.stringify(json))
  const further = [
    ...kindProblems(scheme),
    ...placeProblems(scheme),
    ...textProblems(scheme),
    ...meaningProblems(scheme),
  ]
  return further.length > 0 ? { problems: further } : { scheme }
}

function sizeOf(json: unknown): number | null {
  try {
    return Buffer.byteLength(JSON.stringify(json) ?? '')
  } catch {
    return null
  }
}

function formProblems(json: unknown): FieldProblem[] {
  const found = new Map<string, FieldProblem>()
  for (const { path, schema, value, type } of Value.Errors(Scheme, json)) {
    const field = fieldOf(path)
    const isUnknown = type === ValueErrorType.ObjectAdditionalProperties
    const message = isUnknown ? 'is not a known field' : requirement(schema, value)
    if (!found.has(field)) found.set(field, { field, message })
  }
  return [...found.values()]
}

/** `/sig/from/0` becomes `sig.from[0]`. Names are the writer's, so they are cut. */
function fieldOf(path: string): string {
  const field = path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step, depth) => (/^\d+$/.test(step) ? `[${step}]` : depth > 0 ? `.${step}` : step))
    .join('')
  return visibleText(field === '' ? 'scheme' : field).slice(0, 128)
}

function requirement(schema: Record<string, unknown>, value: unknown): string {
  const { type, anyOf: choices, minLength, maxLength, minimum, maximum, maxItems } = schema
  if (value === undefined) return 'is missing'
  if (Array.isArray(choices)) return `must be ${choices.map(choiceText).join(' or ')}`
  if (type === 'string') return `must be text of ${minLength ?? 0} to ${maxLength} characters`
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}`
  if (type === 'array') return `must be a list of at most ${maxItems} entries`
  if (type === 'object') return 'must be an object'
  return `must be a ${type}`
}

const choiceText = (choice: { readonly const?: unknown; readonly type?: unknown }): string =>
  choice.const === undefined ? `${choice.type === 'array' ? 'a list' : 'text'}` : JSON.stringify(choice.const)

/** Fields that a kind cannot do without. */
const NEEDED: Readonly<Record<SchemeKind, readonly (keyof Scheme)[]>> = {
  generic: [],
  none: [],
  hmac: ['hash', 'sig', 'signed'],
  hash: ['hash', 'sig', 'signed'],
  ed25519: ['sig', 'signed'],
  'ecdsa-p256-sha256': ['sig', 'signed'],
  'rsa-sha256': ['key', 'sig', 'signed'],
  'aws-sns': [],
  jwt: ['token', 'algs'],
  token: ['at'],
  basic: [],
}

const ALWAYS: readonly (keyof Scheme)[] = ['scheme', 'event', 'dedup', 'handshake']
const SIGNED: readonly (keyof Scheme)[] = [
  'key',
  'sig',
  'ts',
  'id',
  'signed',
  'signedForm',
  'urlVariants',
  'bodyHash',
  'require',
  'each',
  'item',
  'bodyJson',
  'retryWith',
]

/** Fields that mean something to a kind; any other would be believed to do what it does not. */
const ALLOWED: Readonly<Record<SchemeKind, readonly (keyof Scheme)[]>> = {
  generic: [],
  none: [],
  hmac: [...SIGNED, 'hash', 'alt', 'fallback'],
  hash: [...SIGNED, 'hash', 'alt', 'fallback'],
  ed25519: [...SIGNED, 'fallback'],
  'ecdsa-p256-sha256': [...SIGNED, 'fallback'],
  'rsa-sha256': [...SIGNED, 'fallback'],
  'aws-sns': [],
  jwt: ['key', 'token', 'prefix', 'algs', 'claims', 'need', 'maxAge', 'nextKey', 'jwk', 'require'],
  token: ['at', 'prefix', 'each', 'item', 'bodyJson'],
  basic: [],
}

function kindProblems(scheme: Scheme): FieldProblem[] {
  const kind = scheme.scheme
  const missing = NEEDED[kind]
    .filter((field) => scheme[field] === undefined)
    .map((field) => ({ field, message: `is missing, which the kind ${kind} needs` }))
  const allowed = new Set<string>([...ALWAYS, ...ALLOWED[kind]])
  const idle = Object.keys(scheme)
    .filter((field) => !allowed.has(field))
    .map((field) => ({ field, message: `means nothing to the kind ${kind}` }))
  return [...missing, ...idle]
}

/** Every field that holds a place, by its path, and what that may read. */
function* places(scheme: Scheme): Iterable<readonly [field: string, ref: string, isOfSignature: boolean]> {
  const sigs = [
    ['sig', scheme.sig] as const,
    ...(scheme.alt ?? []).map(({ sig }, index) => [`alt[${index}].sig`, sig] as const),
  ]
  for (const [field, sig] of sigs) {
    for (const [index, ref] of (sig?.from ?? []).entries()) yield [`${field}.from[${index}]`, ref, false]
  }
  if (scheme.ts !== undefined) yield ['ts.from', scheme.ts.from, true]
  if (scheme.key?.certUrl !== undefined) yield ['key.certUrl', scheme.key.certUrl, false]
  if (scheme.bodyHash !== undefined) yield ['bodyHash.from', scheme.bodyHash.from, false]
  for (const field of ['id', 'bodyJson', 'token', 'at', 'event', 'dedup'] as const) {
    if (scheme[field] !== undefined) yield [field, scheme[field], false]
  }
  for (const ref of Object.keys(scheme.require ?? {})) yield [`require.${ref}`, ref, false]
}

function placeProblems(scheme: Scheme): FieldProblem[] {
  const problems: FieldProblem[] = []
  for (const [field, ref, isOfSignature] of places(scheme)) {
    const place = parsePlace(ref)
    const isKnown =
      place !== null &&
      (place.source !== 'sig' || isOfSignature) &&
      (place.source !== 'jwt' || field === 'event' || field === 'dedup') &&
      (place.source !== 'cfg' || field.startsWith('require')) &&
      (!place.name.endsWith('*') || place.source !== 'header' || field.includes('.from['))
    if (!isKnown) {
      problems.push({
        field: visibleText(field).slice(0, 128),
        message:
          'is no place such as header:x-id, json:data.id, form:x or query:x, in lower case for headers',
      })
    }
  }
  return problems
}

function* texts(scheme: Scheme): Iterable<readonly [field: string, text: string]> {
  for (const field of ['signed', 'signedForm', 'retryWith'] as const) {
    if (scheme[field] !== undefined) yield [field, scheme[field]]
  }
  if (scheme.sig?.take !== undefined) yield ['sig.take', scheme.sig.take]
  for (const [name, text] of Object.entries(scheme.require ?? {})) yield [`require.${name}`, text]
  for (const [name, given] of Object.entries(scheme.claims ?? {})) {
    for (const text of [given].flat()) yield [`claims.${name}`, text]
  }
}

function textProblems(scheme: Scheme): FieldProblem[] {
  const problems: FieldProblem[] = []
  for (const [field, text] of texts(scheme)) {
    const names = placeholdersOf(text)
    const unknown = names.find((name) => parsePlaceholder(name) === null)
    const path = visibleText(field).slice(0, 128)
    if (unknown !== undefined) {
      problems.push({ field: path, message: `unknown placeholder {${visibleText(unknown).slice(0, 64)}}` })
    }
    if (names.length > SCHEME_PLACEHOLDERS_MAX) {
      problems.push({ field: path, message: `must have at most ${SCHEME_PLACEHOLDERS_MAX} placeholders` })
    }
    if (names.includes('secret') && scheme.scheme !== 'hash') {
      problems.push({ field: path, message: '{secret} is for the kind hash only' })
    }
    if (names.includes('id') && scheme.id === undefined) {
      problems.push({ field: path, message: '{id} needs the field id' })
    }
    if (names.includes('ts') && scheme.ts === undefined) {
      problems.push({ field: path, message: '{ts} needs the field ts' })
    }
  }
  return problems
}

function* meaningProblems(scheme: Scheme): Iterable<FieldProblem> {
  const { signed, ts, key, sig } = scheme
  if (signed !== undefined && !placeholdersOf(signed).some(isOfRequest)) {
    yield { field: 'signed', message: 'must hold something of the request, e.g. {body}' }
  }
  if (scheme.scheme === 'hash' && signed !== undefined && !signed.includes('{secret}')) {
    yield { field: 'signed', message: 'must hold {secret}, or anybody could make the hash' }
  }
  if (ts?.from.startsWith('sig:') && (sig?.list === undefined || sig.kv === undefined)) {
    yield { field: 'ts.from', message: 'sig: needs the fields sig.list and sig.kv' }
  }
  if (sig?.kv !== undefined && sig.take === undefined) {
    yield { field: 'sig.take', message: 'is missing, which sig.kv needs' }
  }
  if (scheme.scheme === 'rsa-sha256' && (key?.certUrl === undefined || key.hosts === undefined)) {
    yield { field: 'key', message: 'needs certUrl and hosts' }
  }
  if (key?.hosts?.some((host) => !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host))) {
    yield { field: 'key.hosts', message: 'must be names of hosts in lower case, without port' }
  }
  yield* jwtProblems(scheme)
  if (scheme.fallback !== undefined && !findPreset(scheme.fallback)?.scheme.sig) {
    yield { field: 'fallback', message: 'must be the name of a preset with a signature' }
  }
  if (scheme.fallback !== undefined && findPreset(scheme.fallback)?.scheme.fallback !== undefined) {
    yield { field: 'fallback', message: 'must be a preset without a fallback of its own' }
  }
}

function* jwtProblems({ algs = [], jwk, scheme }: Scheme): Iterable<FieldProblem> {
  if (scheme !== 'jwt') return
  const isPublic = (algorithm: string) => algorithm.startsWith('ES')
  if (jwk !== undefined && !algs.every(isPublic)) {
    yield { field: 'algs', message: 'must be ES256 with jwk: a public key is no secret for HS256' }
  }
  if (jwk === undefined && algs.some(isPublic)) {
    yield { field: 'algs', message: 'ES256 needs the field jwk' }
  }
}

const isOfRequest = (placeholder: string): boolean =>
  placeholder !== 'secret' && !placeholder.startsWith('cfg:')
