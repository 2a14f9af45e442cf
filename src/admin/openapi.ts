import type { TObject, TSchema } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { REJECTIONS, type RejectionCode } from '../core/rejection.ts'
import { TriggerRef } from '../core/trigger.ts'
import { type Description, describe, descriptionOf } from './describe.ts'
import { MODELS, type ModelName } from './models.ts'
import { SESSION_COOKIE } from './session-cookie.ts'

/** A line of the route table, as far as the document reads it. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly hooks?: {
    readonly detail?: unknown
    readonly query?: unknown
    readonly body?: unknown
  }
}

/**
 * The OpenAPI document of this very process, made of its route table: what answers is in it, and nothing else.
 *
 * @param routes the route table, read at the first request, when it is complete
 */
export const openapi = ({ version, routes }: { readonly version: string; routes(): readonly Route[] }) => {
  let text: string | null = null
  return new Elysia({ name: 'admin.openapi' }).get(
    '/openapi.json',
    () => {
      text ??= JSON.stringify(openapiDocument(routes(), version))
      return new Response(text, { headers: { 'content-type': 'application/json;charset=utf-8' } })
    },
    describe({
      id: 'readOpenapi',
      role: 'viewer',
      summary: 'This document',
      answer: { types: ['application/json'] },
    }),
  )
}

export function openapiDocument(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const operation = operationOf(route)
    if (operation === null) continue
    const path = route.path.replaceAll(/:([a-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Attune Webhooks admin API',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description:
            'For pages of the console: what changes something needs X-Attune-Console: 1 and its Origin too',
        },
      },
      headers: {
        RequestId: {
          description: 'Leads to the log entry',
          schema: { type: 'string', format: 'uuid' },
        },
      },
      schemas: Object.fromEntries(Object.entries(MODELS).map(([name, model]) => [name, jsonSchema(model)])),
    },
  }
}

/** Routes of `http/health.ts`, which both planes share and which know nothing of this document. */
const HEALTH: Readonly<Record<string, Description>> = {
  '/healthz': { id: 'readHealth', summary: 'Says that the process lives' },
  '/readyz': { id: 'readReadiness', summary: 'Says whether webhooks are accepted; 503 when not' },
}

function operationOf({ method, path, hooks = {} }: Route): object | null {
  // A catch-all is there to refuse what the other methods do not take.
  if (method === 'ALL') return null
  const health = HEALTH[path]
  const description = health ?? descriptionOf(hooks.detail)
  if (description === null) throw new Error(`${method} ${path} does not describe itself`)
  const body = modelOf(hooks.body)
  const { required = [], minProperties } = body ?? {}
  const query = modelOf(hooks.query)
  const parameters = [...pathParameters(path), ...queryParameters(query)]
  return {
    operationId: description.id,
    summary: description.summary,
    tags: [path.split('/')[3] ?? 'process'],
    ...(health === undefined && { 'x-attune-role': description.role ?? 'admin' }),
    ...((health !== undefined || description.role === 'nobody') && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== null && {
      requestBody: {
        required: required.length > 0 || minProperties !== undefined,
        content: { 'application/json': { schema: jsonSchema(body) } },
      },
    }),
    responses:
      health === undefined
        ? { ...success(description), ...problems(codesOf(description, { path, body, query })) }
        : healthResponses(path),
  }
}

const modelOf = (hook: unknown): TObject | null => (hook as { model?: TObject } | undefined)?.model ?? null

const pathParameters = (path: string): object[] =>
  [...path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: PARAMETERS[path] ?? PARAMETERS[name ?? ''] ?? { type: 'string', format: 'uuid' },
  }))

/** What is in a path, where it is no request id: by the path or by the name. */
const PARAMETERS: Readonly<Record<string, unknown>> = {
  ref: jsonSchema(TriggerRef),
  name: { type: 'string' },
  label: { type: 'string' },
  '/api/v1/tokens/:id': { type: 'string', pattern: '^[1-9][0-9]{0,18}$' },
}

const queryParameters = (query: TObject | null): object[] =>
  Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: jsonSchema(schema),
  }))

const REQUEST_ID = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } }

const reference = (name: ModelName) => ({ $ref: `#/components/schemas/${name}` })

function success({ summary, status = 200, answer }: Description): object {
  return { [status]: { description: summary, headers: REQUEST_ID, ...(answer && content(answer)) } }
}

function content(answer: NonNullable<Description['answer']>): object {
  if ('types' in answer) return { content: Object.fromEntries(answer.types.map((type) => [type, {}])) }
  const properties =
    'one' in answer
      ? { data: reference(answer.one) }
      : {
          data: { type: 'array', items: reference(answer.list) },
          next_cursor: { type: ['string', 'null'], description: 'null on the last page' },
        }
  const schema = { type: 'object', properties, required: Object.keys(properties) }
  return { content: { 'application/json': { schema } } }
}

interface Input {
  readonly path: string
  readonly body: TObject | null
  readonly query: TObject | null
}

/** What every route can answer, what follows from its path and input, and what it says itself. */
const codesOf = ({ codes = [], role }: Description, { path, body, query }: Input): RejectionCode[] => [
  'unauthorized',
  'origin_refused',
  ...(role === 'nobody' ? [] : (['role_insufficient'] as const)),
  'sign_ins_slowed',
  ...(path.includes(':ref') ? (['trigger_unknown'] as const) : []),
  ...(path.includes('/schemes/:name') ? (['scheme_unknown'] as const) : []),
  ...(path.includes('/events/:id') ? (['event_unknown'] as const) : []),
  ...(path.includes('/webhook-event-log/:id') ? (['log_row_unknown'] as const) : []),
  ...codes,
  ...(body !== null ? (['body_incomplete', 'payload_too_large'] as const) : []),
  ...(body !== null || query !== null ? (['request_invalid'] as const) : []),
  'internal',
  'store_unavailable',
]

function problems(codes: readonly RejectionCode[]): object {
  const byStatus = Map.groupBy(codes, (code) => REJECTIONS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, sharing]) => [
      status,
      {
        description: sharing.map((code) => `${REJECTIONS[code].title} (\`${code}\`)`).join(', '),
        headers: REQUEST_ID,
        content: {
          'application/problem+json': {
            schema: { allOf: [reference('Problem'), { properties: { code: { enum: sharing } } }] },
          },
        },
      },
    ]),
  )
}

function healthResponses(path: string): object {
  const answer = (description: string) => ({
    description,
    headers: REQUEST_ID,
    content: { 'application/json': { schema: reference('Health') } },
  })
  return path === '/readyz' ? { 200: answer('Ready'), 503: answer('Not ready') } : { 200: answer('Alive') }
}

/**
 * A TypeBox schema is JSON Schema, but for a tuple, which it writes as older drafts did; OpenAPI 3.1 wants the words of
 * draft 2020-12. And a choice of texts reads better as an `enum`.
 */
function jsonSchema(schema: TSchema): unknown {
  return JSON.parse(JSON.stringify(schema), (_, value: unknown) => {
    const { items, additionalItems, anyOf, ...others } = (value ?? {}) as Record<string, unknown>
    if (Array.isArray(items) && additionalItems === false)
      return { ...others, prefixItems: items, items: false }
    if (!Array.isArray(anyOf) || anyOf.some((choice) => choice.const === undefined)) return value
    return { ...others, type: 'string', enum: anyOf.map((choice) => choice.const) }
  })
}
