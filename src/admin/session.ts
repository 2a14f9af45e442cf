import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Session } from '../core/administrator.ts'
import {
  ADMIN_SESSION_IDLE_SECONDS_MAX,
  ADMIN_TOKEN_LENGTH_MAX,
  SIGN_IN_BODY_BYTES_MAX,
} from '../core/limits.ts'
import { REQUEST_ID_HEADER } from '../http/errors.ts'
import type { Store } from '../store/index.ts'
import { administratorOf, identityOf } from './administrator.ts'
import type { Authentication, Identity } from './authentication.ts'
import { describe } from './describe.ts'
import { jsonBody } from './input.ts'
import { endedSessionCookie, sessionCookie, sessionTokenOf } from './session-cookie.ts'

const SignIn = t.Object(
  { token: t.String({ minLength: 1, maxLength: ADMIN_TOKEN_LENGTH_MAX }) },
  { additionalProperties: false },
)

interface Deps {
  readonly store: Pick<Store, 'adminSessions'>
  readonly authentication: Authentication
}

/** Signing in with a token, for which the console gets a cookie; and who is asking. */
export const session = ({ store, authentication }: Deps) =>
  new Elysia({ name: 'admin.session' })
    .post(
      '/api/v1/session',
      async ({ request, server, set, body: { token } }) => {
        const sourceIp = authentication.clientOf(request, server)
        const requestId = String(set.headers[REQUEST_ID_HEADER])
        const { identity, sessionToken } = await authentication.signIn(token, { sourceIp, requestId })
        set.status = 201
        set.headers['set-cookie'] = sessionCookie(sessionToken, request)
        return { data: sessionView(identity) }
      },
      {
        ...jsonBody(SignIn, {}, SIGN_IN_BODY_BYTES_MAX),
        ...describe({
          id: 'signIn',
          role: 'nobody',
          summary: 'Exchanges a token for the cookie of a session, on a page of the console',
          status: 201,
          answer: { one: 'Session' },
        }),
      },
    )
    .get('/api/v1/session', ({ request }) => ({ data: sessionView(identityOf(request)) }), {
      ...describe({
        id: 'readSession',
        role: 'viewer',
        summary: 'Says who is asking',
        answer: { one: 'Session' },
      }),
    })
    .delete(
      '/api/v1/session',
      async ({ request, set }) => {
        const sessionToken = identityOf(request).kind === 'session' ? sessionTokenOf(request) : null
        if (sessionToken !== null) await store.adminSessions.end(sessionToken, administratorOf(request))
        set.headers['set-cookie'] = endedSessionCookie(request)
        set.status = 204
      },
      {
        ...describe({
          id: 'signOut',
          role: 'viewer',
          summary: 'Ends the session of the cookie',
          status: 204,
        }),
      },
    )

const sessionView = ({ name, role, kind, expires }: Identity): Session => ({
  name,
  role,
  kind,
  expires: expires?.toISOString() ?? null,
  idle_seconds_max: kind === 'session' ? ADMIN_SESSION_IDLE_SECONDS_MAX : null,
})
