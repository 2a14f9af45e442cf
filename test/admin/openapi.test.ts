import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { MODELS } from '../../src/admin/models.ts'
import { openapiDocument } from '../../src/admin/openapi.ts'
import { REJECTIONS } from '../../src/core/rejection.ts'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, startAdmin } from './support.ts'

interface Operation {
  readonly operationId: string
  readonly security?: unknown[]
  readonly parameters?: { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly required: boolean; readonly content: Record<string, { schema: object }> }
  readonly responses: Record<string, { readonly content?: Record<string, { schema?: object }> }>
}

interface Document {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, { readonly properties?: object }> }
}

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

let admin: AdminUnderTest
let text: string
let document: Document

beforeAll(async () => {
  admin = await startAdmin(engine)
  const answer = await admin.call('GET', '/openapi.json')
  text = answer.text
  document = answer.json<Document>()
})
afterAll(() => admin.close())

const operation = (path: string, method: string): Operation | undefined => document.paths[path]?.[method]

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const result = await validator.validate(JSON.parse(text))
  expect(result.errors).toBeUndefined()
  expect(result.valid).toBe(true)
  expect(validator.version).toBe('3.1')
  expect(document.info.version).toBe('0.1.0')
})

test.each(['/api/v1/webhook-event-log/export', '/api/v1/events/export'])(
  '%s is described in each of its formats',
  (path) => {
    const { content } = JSON.parse(text).paths[path].get.responses['200']
    expect(Object.keys(content)).toEqual(['application/x-ndjson', 'text/csv'])
  },
)

test('the validator of this test finds what is wrong', async () => {
  const result = await new Validator().validate({ ...JSON.parse(text), paths: { x: 1 } })
  expect(result.valid).toBe(false)
})

test('its paths are the route table', () => {
  const table = admin.app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:([a-z]+)/g, '{$1}')}`)
  const documented = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`)
  expect(documented.sort()).toEqual(table.sort())
})

test('every operation has an id of its own', () => {
  const ids = operations().map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^[a-z]+[A-Z][A-Za-z]+$/)
})

test('every operation but the health checks and signing in asks who it is, and says so', () => {
  for (const { path, operation } of operations()) {
    const isHealth = path === '/healthz' || path === '/readyz'
    const isSignIn = operation.operationId === 'signIn'
    expect(operation.security === undefined).toBe(!isHealth && !isSignIn)
    expect('401' in operation.responses).toBe(!isHealth)
  }
})

test('every path parameter is documented', () => {
  for (const { path, operation } of operations()) {
    const named = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name)
    const documented = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    expect(documented.map(({ name }) => name)).toEqual(named as string[])
    expect('404' in operation.responses).toBe(named.length > 0)
  }
})

test('refusals are documented as problem+json, under the status of their code', () => {
  for (const { operation } of operations()) {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      const schema = content?.['application/problem+json']?.schema as
        | { allOf: [object, { properties: { code: { enum: (keyof typeof REJECTIONS)[] } } }] }
        | undefined
      if (schema === undefined) continue
      const codes = schema.allOf[1].properties.code.enum
      expect(codes.length).toBeGreaterThan(0)
      for (const code of codes) expect(String(REJECTIONS[code].status)).toBe(status)
    }
  }
})

test.each([
  ['/api/v1/triggers', 'post', ['201', '400', '401', '403', '409', '413', '422', '429', '500', '503']],
  ['/api/v1/triggers/{ref}', 'delete', ['204', '401', '403', '404', '429', '500', '503']],
  ['/api/v1/webhook-event-log/{id}', 'get', ['200', '401', '403', '404', '429', '500', '503']],
  ['/api/v1/events', 'get', ['200', '401', '403', '409', '422', '429', '500', '503']],
  [
    '/api/v1/triggers/{ref}/webhooks/ip-whitelist',
    'put',
    ['200', '400', '401', '403', '404', '413', '422', '429', '500', '503'],
  ],
  ['/metrics', 'get', ['200', '401', '403', '429', '500', '503']],
])('%s %s answers what the document says', (path, method, statuses) => {
  expect(Object.keys(operation(path, method)?.responses ?? {})).toEqual(statuses)
})

test('a body is required, except where all of it may be left out', () => {
  for (const { path, method, operation } of operations()) {
    const takesBody =
      ['post', 'put', 'patch'].includes(method) &&
      !/\/(enable|disable|regenerate|rekey|reveal|readmit)$/.test(path)
    expect(operation.requestBody !== undefined).toBe(takesBody)
    if (takesBody)
      expect(operation.requestBody?.required).toBe(
        !/\/(hmac|secrets|expire|deduplication|handshake)$/.test(path),
      )
  }
})

test('queries keep their bounds, and unknown body fields are refused', () => {
  const limit = operation('/api/v1/events', 'get')?.parameters?.find(({ name }) => name === 'limit')
  expect(limit).toMatchObject({ schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 } })
  const body = operation('/api/v1/triggers', 'post')?.requestBody?.content['application/json']
  expect(body?.schema).toMatchObject({ additionalProperties: false })
})

test('every model is there, and a secret is in those only that show one once', () => {
  expect(Object.keys(document.components.schemas).sort()).toEqual(Object.keys(MODELS).sort())
  const withSecret = Object.entries(document.components.schemas).filter(([, { properties }]) =>
    Object.keys(properties ?? {}).some((name) => name === 'secret' || name === 'token'),
  )
  expect(withSecret.map(([name]) => name)).toEqual([
    'HmacState',
    'VerificationState',
    'NewWebhookSecret',
    'HandshakeState',
    'NewApiToken',
  ])
})

test('a pair of a header is described in the words of draft 2020-12', () => {
  expect(text).toContain('"prefixItems":[{"type":"string"},{"type":"string"}],"items":false')
  expect(text).not.toContain('additionalItems')
})

test('a route that does not describe itself is found', () => {
  expect(() => openapiDocument([{ method: 'GET', path: '/secret' }], '1')).toThrow('GET /secret')
})
