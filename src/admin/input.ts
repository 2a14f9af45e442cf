import type { Static, TObject, TProperties, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { ADMIN_BODY_BYTES_MAX, FIELD_PROBLEMS_MAX } from '../core/limits.ts'
import { type FieldProblem, Rejection } from '../core/rejection.ts'
import { visibleText } from '../core/visible-text.ts'

/**
 * What a field has to fulfil beyond its model, e.g. that each CIDR is canonical. It sees whatever the request holds, once
 * the field fulfils the model.
 */
export type Rule = (value: unknown, field: string) => readonly FieldProblem[]
export type Rules = Readonly<Record<string, Rule>>

/**
 * A model as Elysia takes it (Standard Schema), checked by us. Elysia's own way with TypeBox would coerce numbers in queries
 * leniently, and its errors quote the value that was refused, which may be a secret.
 */
export interface Checked<Model extends TSchema> {
  readonly model: Model
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'attune'
    readonly types?: { readonly input: Static<Model>; readonly output: Static<Model> }
    readonly validate: (value: unknown) => { readonly value: Static<Model> }
  }
}

/** A JSON body; none at all counts as `{}`. @throws Rejection `request_invalid`, which names every wrong field */
export const jsonBody = <Model extends TObject>(
  model: Model,
  rules: Rules = {},
  bytesMax = ADMIN_BODY_BYTES_MAX,
) => ({
  parse: ({ request }: { readonly request: Request }) => readJson(request, bytesMax),
  body: checkedBy(model, (value) => {
    // What a parser throws becomes a ParseError of Elysia, so a refusal arrives here as the body.
    if (value instanceof Rejection) throw value
    return checked(model, value, rules, 'body')
  }),
})

/** A query string. Whole numbers are read from decimal digits, and from nothing else. */
export const queryOf = <Model extends TObject>(model: Model, rules: Rules = {}) => ({
  query: checkedBy(model, (value) => checked(model, withNumbers(model, value), rules, 'query')),
})

/** A path parameter; what does not have its form is refused with a code of its own, since the path leads nowhere. */
export function checkedBy<Model extends TSchema>(
  model: Model,
  check: (value: unknown) => Static<Model>,
): Checked<Model> {
  return {
    model,
    '~standard': { version: 1, vendor: 'attune', validate: (value) => ({ value: check(value) }) },
  }
}

/** @throws Rejection `request_invalid` */
export function refuse(problems: readonly FieldProblem[]): never {
  const fields = problems.map(({ field }) => field).join(', ')
  throw new Rejection('request_invalid', `not as asked for: ${fields}`, { errors: problems })
}

/** For a rule: none, or the one that `message` says. */
export const problemIf = (wrong: boolean, field: string, message: string): readonly FieldProblem[] =>
  wrong ? [{ field, message }] : []

async function readJson(request: Request, bytesMax: number): Promise<unknown> {
  try {
    const bytes = await readBody(request, bytesMax)
    if (bytes.byteLength === 0) return {}
    const type = request.headers.get('content-type')
    // A page of another origin can post text or forms without asking first, but not this type.
    if (type === null || !/^application\/(?:json|[a-z.-]+\+json)\s*(?:;.*)?$/i.test(type)) {
      refuse([{ field: 'body', message: 'must be sent as content type application/json' }])
    }
    return parseJson(bytes)
  } catch (error) {
    if (error instanceof Rejection) return error
    return new Rejection('body_incomplete', 'the body ended early')
  }
}

async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of request.body) {
    length += piece.byteLength
    // A chunked body has no declared length, so it is counted as it comes.
    if (length > bytesMax) throw new Rejection('payload_too_large', 'an admin body is too large')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true })

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF_8.decode(bytes))
  } catch {
    refuse([{ field: 'body', message: 'must be valid JSON in UTF-8' }])
  }
}

function checked<Model extends TObject>(
  model: Model,
  value: unknown,
  rules: Rules,
  whole: string,
): Static<Model> {
  const problems = new Map<string, FieldProblem>()
  for (const problem of problemsOf(model, value, rules, whole)) {
    if (!problems.has(problem.field)) problems.set(problem.field, problem)
    if (problems.size >= FIELD_PROBLEMS_MAX) break
  }
  if (problems.size > 0) refuse([...problems.values()])
  return value as Static<Model>
}

function* problemsOf(model: TObject, value: unknown, rules: Rules, whole: string): Iterable<FieldProblem> {
  const wrong = new Set<string>()
  for (const { path, schema } of Value.Errors(model, value)) {
    wrong.add(path.split('/')[1] ?? '')
    yield { field: fieldOf(path, whole), message: requirementAt(model, path, schema) }
  }
  if (wrong.has('') || typeof value !== 'object' || value === null) return
  for (const [name, given] of Object.entries(value)) {
    if (wrong.has(name)) continue
    yield* unstorable(given, name)
    yield* rules[name]?.(given, name) ?? []
  }
}

/** PostgreSQL takes neither in a text column: it would refuse the one and silently change the other. */
function unstorable(value: unknown, field: string): readonly FieldProblem[] {
  const wrong = typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())
  return problemIf(wrong, field, 'must not contain the character NUL or half a surrogate pair')
}

/** `/cidrs/2` becomes `cidrs[2]`; the request as a whole is `body` or `query`. Names are the caller's, so they are cut. */
function fieldOf(path: string, whole: string): string {
  const name = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part, depth) => (depth > 0 && /^\d+$/.test(part) ? `[${part}]` : depth > 0 ? `.${part}` : part))
    .join('')
  return name === '' ? whole : visibleText(name).slice(0, 64)
}

function requirementAt(model: TObject, path: string, schema: TSchema): string {
  const [, name = ''] = path.split('/')
  if (path === '') return requirement(schema)
  if (!Object.hasOwn(model.properties, name)) return 'is not a known field'
  return requirement(schema)
}

/** What a schema asks for, in words; never what it was given, which may be a secret. */
function requirement(schema: TSchema): string {
  const { description, type } = schema
  return type === 'string' && description !== undefined
    ? `must be: ${description}`
    : `must be ${inWords(schema)}`
}

function inWords(schema: TSchema): string {
  const {
    anyOf,
    const: literal,
    type,
    minimum,
    maximum,
    minLength,
    maxLength,
    maxItems,
    minProperties,
  } = schema
  if (Array.isArray(anyOf)) return anyOf.map(inWords).join(' or ')
  if (literal !== undefined) return JSON.stringify(literal)
  switch (type) {
    case 'integer':
      return `a whole number from ${minimum} to ${maximum}`
    case 'string':
      return minLength === undefined
        ? `text of at most ${maxLength} characters`
        : `text of ${minLength} to ${maxLength} characters`
    case 'array':
      return `a list of at most ${maxItems} entries`
    case 'object':
      return minProperties === undefined
        ? 'a JSON object'
        : `a JSON object with at least ${minProperties} field`
    default:
      return String(type)
  }
}

function withNumbers(model: TObject<TProperties>, query: unknown): Record<string, unknown> {
  const entries = Object.entries(query as Record<string, unknown>)
  return Object.fromEntries(
    entries.map(([name, text]) => {
      const { type } = (Object.hasOwn(model.properties, name) && model.properties[name]) || { type: null }
      const isNumber = type === 'integer'
      return [name, isNumber && typeof text === 'string' && /^[0-9]{1,9}$/.test(text) ? Number(text) : text]
    }),
  )
}
