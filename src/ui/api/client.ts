import type { FieldProblem, RejectionCode } from '../../core/rejection.ts'
import { isUnattended } from './presence.ts'
import type { RouteName, Routes } from './routes.ts'

/** What a call needs beside its name. */
type Given<Name extends RouteName> = Omit<Routes[Name], 'data' | 'list'> & { readonly signal?: AbortSignal }

type Answer<Name extends RouteName> = Routes[Name] extends { list: infer Row }
  ? { readonly data: readonly Row[]; readonly next_cursor: string | null }
  : Routes[Name] extends { data: infer Data }
    ? Data
    : never

/** An argument only where the route asks for something. */
type Arguments<Name extends RouteName> =
  Omit<Routes[Name], 'data' | 'list'> extends Record<string, never>
    ? [given?: { readonly signal?: AbortSignal }]
    : [given: Given<Name>]

/** What the server said no to, or that it was not reached: then `code` is `unreachable` and `status` is 0. */
export class ApiError extends Error {
  readonly code: RejectionCode | 'unreachable'
  readonly status: number
  readonly requestId: string | null
  readonly problems: readonly FieldProblem[]
  readonly retryAfterSeconds: number | null

  constructor(given: {
    code: RejectionCode | 'unreachable'
    status: number
    detail: string
    requestId?: string | null
    problems?: readonly FieldProblem[]
    retryAfterSeconds?: number | null
  }) {
    super(given.detail)
    this.name = 'ApiError'
    this.code = given.code
    this.status = given.status
    this.requestId = given.requestId ?? null
    this.problems = given.problems ?? []
    this.retryAfterSeconds = given.retryAfterSeconds ?? null
  }
}

/** The server refuses a change by cookie that lacks it: no form and no page of another origin can send it. */
export const CONSOLE_HEADERS = { 'x-attune-console': '1' } as const

/** The server does not take it for a sign of somebody. */
const UNATTENDED = { 'x-attune-unattended': '1' } as const

interface SessionListeners {
  /** The session has ended, whatever was being asked. */
  readonly onEnded: () => void
  /** The role allows less than the page believed. */
  readonly onRoleInsufficient: () => void
}

let listeners: SessionListeners = { onEnded: () => {}, onRoleInsufficient: () => {} }
export const listenToSession = (given: SessionListeners): void => {
  listeners = given
}

/** Whether an answer of 401 says that a session has ended, and not that there is none yet, or that the token given for one is wrong. */
const isOfSession = (path: string, method = 'GET'): boolean =>
  path !== '/api/v1/session' || method === 'DELETE'

/**
 * Calls the admin API by the name of a route, `api('GET /api/v1/triggers/:ref', { params: { ref } })`.
 *
 * @returns `data` of the answer; of a list the whole page
 * @throws ApiError
 */
export async function api<Name extends RouteName>(
  name: Name,
  ...[given]: Arguments<Name>
): Promise<Answer<Name>> {
  const { params, query, body, signal } = (given ?? {}) as {
    params?: Record<string, string>
    query?: object
    body?: unknown
    signal?: AbortSignal
  }
  const [method = '', pattern = ''] = name.split(' ')
  const response = await request(pathOf(pattern, params ?? {}) + queryText(query ?? {}), {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
    ...(signal !== undefined && { signal }),
  })
  if (response.status === 204) return undefined as Answer<Name>
  const answer = await response.json()
  return 'next_cursor' in answer ? answer : answer.data
}

/** A request to our own server, by the session. @throws ApiError for any answer that is no success */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, {
      ...init,
      headers: {
        ...CONSOLE_HEADERS,
        ...(isUnattended() && UNATTENDED),
        ...(init.headers as Record<string, string> | undefined),
      },
      credentials: 'same-origin',
      redirect: 'error',
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError({ code: 'unreachable', status: 0, detail: 'The server does not answer.' })
  }
  if (response.ok) return response
  const error = await errorOf(response)
  if (error.code === 'unauthorized' && isOfSession(path, init.method)) listeners.onEnded()
  if (error.code === 'role_insufficient') listeners.onRoleInsufficient()
  throw error
}

async function errorOf(response: Response): Promise<ApiError> {
  const problem = await response.json().catch(() => ({}))
  const retryAfter = Number(response.headers.get('retry-after'))
  return new ApiError({
    code: problem.code ?? 'internal',
    status: response.status,
    detail: problem.detail ?? `The server answered ${response.status}.`,
    requestId: problem.request_id ?? null,
    problems: problem.errors ?? [],
    retryAfterSeconds: retryAfter > 0 ? retryAfter : null,
  })
}

const pathOf = (pattern: string, params: Readonly<Record<string, string>>): string =>
  pattern.replaceAll(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))

/** `?a=1&b=2`, without what is undefined or empty. */
export function queryText(query: object): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString()
  return text === '' ? '' : `?${text}`
}
