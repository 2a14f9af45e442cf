import { type ApiToken, type NewApiToken, ROLES } from '../core/administrator.ts'
import { API_TOKEN_DAYS_MAX, PAGE_ROWS_MAX } from '../core/limits.ts'
import { type AdminClient, adminCommand, printAnswer } from './admin-client.ts'
import { Failure, range, UsageError, wholeNumber } from './command.ts'
import { type Column, fieldLines, tableLines, toTheSecond } from './output.ts'
import { PAGE_OPTIONS, pageQuery, sayNextCursor } from './page.ts'

const instant = (text: string | null): string => (text === null ? 'never' : toTheSecond(text))

const COLUMNS: readonly Column<ApiToken>[] = [
  { title: 'id', cell: ({ id }) => id },
  { title: 'name', cell: ({ name }) => name },
  { title: 'role', cell: ({ role }) => role },
  { title: 'prefix', cell: ({ prefix }) => prefix },
  { title: 'created', cell: ({ created }) => toTheSecond(created) },
  { title: 'created by', cell: ({ created_by }) => created_by },
  { title: 'expires', cell: ({ expires }) => instant(expires) },
  { title: 'last used', cell: ({ last_used }) => instant(last_used) },
  { title: 'revoked', cell: ({ revoked }) => (revoked === null ? null : toTheSecond(revoked)) },
]

const create = adminCommand({
  name: 'token create',
  summary: 'Makes a token of the admin API, for a person or a program, and shows it this once.',
  details: [
    'A viewer reads; an operator also changes triggers, their settings and secrets; an admin also deletes triggers',
    'and hands out tokens. With a token somebody signs in to the console, too.',
  ].join('\n'),
  operands: ['NAME'],
  options: {
    role: {
      type: 'string',
      placeholder: ROLES.join('|'),
      required: true,
      description: 'what may be done with it',
    },
    'expires-in-days': {
      type: 'string',
      placeholder: 'N',
      description: `end it after so many days, ${range(1, API_TOKEN_DAYS_MAX)} [never]`,
    },
  },
  async run({ operands, options }, context, client) {
    const role = ROLES.find((known) => known === options.role)
    if (role === undefined) throw new UsageError(`--role must be one of ${ROLES.join(', ')}`)
    const days = options['expires-in-days']
    const json = {
      name: operands.NAME,
      role,
      ...(days === undefined ? {} : { expires_in_days: wholeNumber('--expires-in-days', days) }),
    }
    const answer = await client.call<NewApiToken>('POST', '/api/v1/tokens', { json })
    printAnswer(answer, { json: options.json, context }, ({ data }) => fieldLines(data))
    context.say('The token is shown only now. Keep it where passwords are kept.')
    return 0
  },
})

const list = adminCommand({
  name: 'token list',
  summary: 'Lists the tokens of the admin API, newest first, those that have ended too.',
  options: PAGE_OPTIONS,
  async run({ options }, context, client) {
    const answer = await client.call<ApiToken[]>('GET', '/api/v1/tokens', { query: pageQuery(options) })
    printAnswer(answer, { json: options.json, context }, ({ data }) => tableLines(COLUMNS, data))
    if (!options.json) sayNextCursor(answer, context)
    return 0
  },
})

const revoke = adminCommand({
  name: 'token revoke',
  summary: 'Ends a token at once, and the sessions of whoever is signed in with it.',
  operands: ['ID|NAME'],
  async run({ operands }, context, client) {
    const given = operands['ID|NAME']
    // No name is a number. Anything else would lead elsewhere.
    const id = /^[1-9][0-9]*$/.test(given) ? given : await idOf(given, client)
    await client.call<null>('DELETE', `/api/v1/tokens/${id}`)
    context.say(`Revoked ${given}.`)
    return 0
  },
})

/** Of the token that has the name just now; earlier ones of that name are revoked. */
async function idOf(name: string, client: AdminClient): Promise<string> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const query = { limit: String(PAGE_ROWS_MAX), cursor }
    const { data, next_cursor } = (await client.call<ApiToken[]>('GET', '/api/v1/tokens', { query })).body()
    const found = data.find((token) => token.name === name && token.revoked === null)
    if (found !== undefined) return found.id
    cursor = next_cursor ?? null
  }
  throw new Failure(`no token has the name ${name}, or it is revoked already; see \`token list\``)
}

export const TOKEN_COMMANDS = [create, list, revoke]
