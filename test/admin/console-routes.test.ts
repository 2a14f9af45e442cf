/** The pages are built apart from the server: what they ask for has to be there. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { engines } from '../support/database.ts'
import { type AdminUnderTest, startAdmin } from './support.ts'

const [engine] = engines
if (engine === undefined) throw new Error('there is no engine to test on')

const SOURCE = readFileSync(join(import.meta.dir, '../../src/ui/api/routes.ts'), 'utf8')
const asked = Array.from(
  SOURCE.matchAll(/^ {2}'((?:GET|POST|PUT|PATCH|DELETE) \/[^']+)':/gm),
  ([, name = '']) => name,
)

let admin: AdminUnderTest

beforeAll(async () => {
  admin = await startAdmin(engine)
})
afterAll(() => admin.close())

test('every route that the pages name is in the route table', () => {
  const there = new Set(admin.app.routes.map(({ method, path }) => `${method} ${path}`))
  expect(asked.length).toBeGreaterThan(40)
  expect(asked.filter((name) => !there.has(name))).toEqual([])
})
