import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { ADMIN_TOKEN_NAME, type ApiToken, type NewApiToken, ROLES } from '../core/administrator.ts'
import { API_TOKEN_DAYS_MAX, API_TOKEN_NAME_LENGTH_MAX, PAGE_ROWS_DEFAULT } from '../core/limits.ts'
import type { StoredApiToken } from '../store/api-tokens.ts'
import type { Store } from '../store/index.ts'
import { administratorOf } from './administrator.ts'
import { describe } from './describe.ts'
import { jsonBody, problemIf, queryOf, type Rule } from './input.ts'
import { cursorId, isIdentityCursor, pageFields } from './lists.ts'
import { tokenIdInPath } from './path-parameters.ts'

const TokenInput = t.Object(
  {
    name: t.String({
      pattern: '^[a-z][a-z0-9._-]*$',
      maxLength: API_TOKEN_NAME_LENGTH_MAX,
      description: `a lower-case letter, then at most ${API_TOKEN_NAME_LENGTH_MAX - 1} letters, digits, dots, _ and -`,
    }),
    role: t.Union(ROLES.map((role) => t.Literal(role))),
    expires_in_days: t.Optional(t.Integer({ minimum: 1, maximum: API_TOKEN_DAYS_MAX })),
  },
  { additionalProperties: false },
)

const ListQuery = t.Object(pageFields, { additionalProperties: false })

/** That name means somebody already. */
const isFree: Rule = (name, field) =>
  problemIf(
    name === ADMIN_TOKEN_NAME,
    field,
    `must not be ${ADMIN_TOKEN_NAME}, which is that of the installation`,
  )

/** Tokens of the admin API, each with a role. */
export const tokens = ({ store }: { readonly store: Store }) =>
  new Elysia({ name: 'admin.tokens' })
    .get(
      '/api/v1/tokens',
      async ({ query: { limit = PAGE_ROWS_DEFAULT, cursor } }) => {
        const page = await store.apiTokens.list(limit, cursorId(cursor))
        return { data: page.rows.map(tokenView), next_cursor: page.nextCursor }
      },
      {
        ...queryOf(ListQuery, { cursor: isIdentityCursor }),
        ...describe({
          id: 'listTokens',
          role: 'admin',
          summary: 'Lists the tokens of the admin API, newest first, those that have ended too',
          answer: { list: 'ApiToken' },
        }),
      },
    )
    .post(
      '/api/v1/tokens',
      async ({ request, set, body: { name, role, expires_in_days } }) => {
        const administrator = administratorOf(request)
        const { stored, token } = await store.as(administrator).apiTokens.create({
          name,
          role,
          expiresInDays: expires_in_days ?? null,
          createdBy: administrator.name,
        })
        set.status = 201
        const data: NewApiToken = { ...tokenView(stored), token }
        return { data }
      },
      {
        ...jsonBody(TokenInput, { name: isFree }),
        ...describe({
          id: 'createToken',
          role: 'admin',
          summary: 'Makes a token of the admin API; the answer shows it this once',
          status: 201,
          answer: { one: 'NewApiToken' },
          codes: ['token_name_taken'],
        }),
      },
    )
    .delete(
      '/api/v1/tokens/:id',
      async ({ params: { id }, request, set }) => {
        await store.as(administratorOf(request)).apiTokens.revoke(id)
        set.status = 204
      },
      {
        ...tokenIdInPath,
        ...describe({
          id: 'revokeToken',
          role: 'admin',
          summary: 'Ends a token, and the sessions of whoever signed in with it',
          status: 204,
          codes: ['token_unknown'],
        }),
      },
    )

const tokenView = (token: StoredApiToken): ApiToken => ({
  id: token.id,
  name: token.name,
  role: token.role,
  prefix: token.prefix,
  created: token.created.toISOString(),
  created_by: token.createdBy,
  expires: token.expires?.toISOString() ?? null,
  last_used: token.lastUsed?.toISOString() ?? null,
  revoked: token.revoked?.toISOString() ?? null,
})
