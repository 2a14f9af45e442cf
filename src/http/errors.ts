import { Elysia, ValidationError } from 'elysia'
import { BODY_BYTES_READ_AT_ONCE_MAX } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { type FieldProblem, Rejection } from '../core/rejection.ts'
import { newRequestId } from '../core/request-id.ts'
import { problemResponse } from './problem.ts'

/** The header that every answer carries, success or not. */
export const REQUEST_ID_HEADER = 'x-request-id'

/**
 * Gives each request its id, and turns whatever is thrown into problem+json. It comes first on both planes: without it,
 * the text of any error would be the body of a 500.
 *
 * A `Rejection` is a decision and goes out as its code. Everything else is a fault of ours: generic to the outside, with
 * the request id, under which the log has its name and stack but never its message, since a fault of the database quotes
 * SQL and parameters there.
 */
export const errors = ({ log }: { readonly log: Log }) =>
  new Elysia({ name: 'http.errors' })
    .onRequest(({ set }) => {
      set.headers[REQUEST_ID_HEADER] = newRequestId()
    })
    .onError({ as: 'global' }, ({ error, code, set, request }) => {
      if (isLongBody(request)) set.headers.connection = 'close'
      const requestId = String(set.headers[REQUEST_ID_HEADER] ?? newRequestId())
      if (error instanceof Rejection) {
        return problemResponse(error.code, requestId, error.headers, error.errors)
      }
      if (error instanceof ValidationError) {
        return problemResponse('request_invalid', requestId, {}, fieldProblems(error))
      }
      if (code === 'NOT_FOUND') return problemResponse('route_unknown', requestId)
      if (code === 'PARSE') {
        const problem = { field: 'body', message: 'the body is not valid JSON' }
        return problemResponse('request_invalid', requestId, {}, [problem])
      }
      log.error('a request failed', { request_id: requestId, ...faultFields(error) })
      return problemResponse('internal', requestId)
    })

/**
 * What is left of a body when its request has been turned away would still be taken in, for as long as the sender likes to send. A short
 * one costs less than a new connection; for any other the connection ends with the answer.
 */
function isLongBody({ headers }: Request): boolean {
  if (headers.has('transfer-encoding')) return true
  return Number(headers.get('content-length') ?? 0) > BODY_BYTES_READ_AT_ONCE_MAX
}

/** All fields that are wrong, each once, named as the request names them. */
function fieldProblems(error: ValidationError): FieldProblem[] {
  const problems = new Map<string, FieldProblem>()
  for (const { path, message } of error.all as { path?: string; message?: string }[]) {
    const field = fieldName(path ?? '', error.type)
    if (!problems.has(field)) problems.set(field, { field, message: message ?? 'is not valid' })
  }
  return [...problems.values()]
}

/** `/cidrs/2` becomes `cidrs[2]`; the whole body is `body`. */
function fieldName(path: string, type: string): string {
  const name = path
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
  return name === '' ? type : name
}

/** The name and the place of a fault. Its message stays out, whatever it may quote. */
function faultFields(error: unknown): { fault: string; stack?: string } {
  if (!(error instanceof Error)) return { fault: typeof error }
  const code = (error as { code?: unknown }).code
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    fault: typeof code === 'string' ? `${error.name} ${code}` : error.name,
    stack: frames.slice(0, 8).join('\n'),
  }
}
