/** What a page of the console sends, as its browser does. */
import { Pool } from '../../src/store/connection.ts'
import { Maintenance } from '../../src/store/maintenance.ts'
import { type AdminUnderTest, type Answer, type Call, TOKEN } from './support.ts'

/** The headers that a page of this origin sends with what changes something. */
export const pageHeaders = (admin: AdminUnderTest): Record<string, string> => ({
  origin: admin.origin,
  'x-attune-console': '1',
  'sec-fetch-site': 'same-origin',
})

export const signIn = (
  admin: AdminUnderTest,
  token: unknown = TOKEN,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> =>
  admin.call('POST', '/api/v1/session', {
    token: null,
    json: { token },
    headers: { ...pageHeaders(admin), ...headers },
  })

/** The cookie of an answer as a browser sends it back: without its attributes. */
export function cookieOf(answer: Answer): string {
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';')
  return cookie
}

/** Signs in and gives back the cookie. */
export async function signedIn(admin: AdminUnderTest, token: string = TOKEN): Promise<string> {
  const answer = await signIn(admin, token)
  if (answer.status !== 201) throw new Error(`signing in was answered ${answer.status}`)
  return cookieOf(answer)
}

/** A call by a page of the console. */
export const callAs = (
  admin: AdminUnderTest,
  cookie: string,
  method: string,
  path: string,
  given: Call = {},
): Promise<Answer> =>
  admin.call(method, path, {
    ...given,
    token: null,
    headers: { ...pageHeaders(admin), cookie, ...given.headers },
  })

/** A statement past the API, e.g. to move the times of rows. */
export async function withSql<Row extends object>(
  admin: AdminUnderTest,
  statement: string,
): Promise<readonly Row[]> {
  const sql = admin.store.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 10_000 })
  try {
    return await sql.unsafe<Row[]>(statement)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Keeps sessions from being looked up until `run` has ended. */
export async function withLockedSessions<T>(admin: AdminUnderTest, run: () => Promise<T>): Promise<T> {
  const sql = admin.store.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 10_000 })
  try {
    return (
      await sql.begin(async (tx) => {
        await tx.unsafe('lock table attune.admin_session in access exclusive mode')
        return { result: await run() }
      })
    ).result
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Makes a token through the API. */
export async function tokenOf(
  admin: AdminUnderTest,
  name: string,
  role: string,
  expiresInDays?: number,
): Promise<{ readonly id: string; readonly token: string }> {
  const json = { name, role, ...(expiresInDays !== undefined && { expires_in_days: expiresInDays }) }
  const answer = await admin.call('POST', '/api/v1/tokens', { json })
  if (answer.status !== 201) throw new Error(`making a token was answered ${answer.status}: ${answer.text}`)
  return answer.data()
}

/** What maintenance does every ten minutes. */
export async function maintain(admin: AdminUnderTest): Promise<void> {
  const { engine } = admin.store
  const pool = new Pool(engine, { name: 'test', connectionsMax: 1, statementMsMax: 60_000 })
  try {
    await new Maintenance(engine, pool, admin.log, 90).run()
  } finally {
    await pool.close(1)
  }
}
