/** The rules of the house that a compiler does not know. */
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { COMMANDS } from '../src/cli/index.ts'
import { REJECTIONS } from '../src/core/rejection.ts'

const ROOT = join(import.meta.dir, '..')
const SOURCES = join(ROOT, 'src')

interface Import {
  /** As it is written. */
  readonly specifier: string
  /** Relative to `src`, when it is a file of ours. */
  readonly file: string | null
  readonly isType: boolean
}

interface Source {
  readonly path: string
  readonly room: string
  readonly text: string
  /** Without comments. */
  readonly code: string
  readonly imports: readonly Import[]
}

/** A comment, or a string that may hold what looks like one; strings are kept. */
const COMMENT_OR_STRING = /\/\*[\s\S]*?\*\/|(?<![:'"`\\])\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g

const withoutComments = (text: string): string =>
  text.replace(COMMENT_OR_STRING, (found) => (found.startsWith('/') ? '' : found))

const IMPORT = /(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\(\s*'([^']+)'/g

/** A file that is started and not imported, such as a worker. */
const STARTED = /'(\.\.?\/[^']*\.ts)'/g

const roomOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : path)

function read(path: string): Source {
  const text = readFileSync(join(SOURCES, path), 'utf8')
  const code = withoutComments(text)
  const imports = Array.from(code.matchAll(IMPORT), ([, type, from, dynamic]) => {
    const specifier = from ?? dynamic ?? ''
    const file = specifier.startsWith('.') ? relative(SOURCES, join(SOURCES, dirname(path), specifier)) : null
    return { specifier, file, isType: type !== undefined }
  })
  return { path, room: roomOf(path), text, code, imports }
}

const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
  .map(read)

const outsideOf = (room: string) => sources.filter((source) => source.room !== room)

/** What DESIGN calls arrows: which rooms, beside itself, a room may import. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  store: ['core'],
  http: ['core'],
  receiver: ['core', 'http', 'store'],
  admin: ['core', 'http', 'store', 'ui'],
  ui: ['core', 'admin'],
  'log.ts': ['core'],
  'log-sink.ts': ['core'],
  'config.ts': ['core', 'log.ts'],
  'version.ts': [],
  'pages.ts': ['admin'],
  'admin-token.ts': ['core', 'config.ts', 'store'],
  'master-keys.ts': ['core', 'config.ts'],
  // Several receiver processes: it passes messages and settings on, and knows neither SQL nor requests.
  processes: ['core', 'http', 'config.ts'],
  'app.ts': [
    'core',
    'http',
    'store',
    'receiver',
    'admin',
    'ui',
    'processes',
    'config.ts',
    'admin-token.ts',
    'master-keys.ts',
    'pages.ts',
    'version.ts',
  ],
  cli: ['core', 'app.ts', 'processes', 'config.ts', 'log.ts', 'version.ts'],
  'main.ts': ['core', 'cli', 'processes', 'log.ts', 'log-sink.ts'],
}

/** Rooms that only wire what they are given: of these, others see types and no values. */
const TYPES_ONLY: readonly (readonly [string, string])[] = [
  ['receiver', 'store'],
  ['admin', 'store'],
  ['main.ts', 'processes'],
  ['ui', 'admin'],
  ['ui', 'core'],
  ['pages.ts', 'admin'],
]

const PACKAGES: Readonly<Record<string, readonly RegExp[]>> = {
  core: [/^@sinclair\/typebox(\/|$)/, /^ipaddr\.js$/, /^jose$/, /^node:crypto$/],
  store: [/^drizzle-orm(\/|$)/, /^postgres$/, /^@electric-sql\/pglite(\/|$)/, /^bun:sqlite$/, /^node:/],
  http: [/^elysia$/, /^prom-client$/, /^bun$/, /^bun:ffi$/],
  processes: [/^node:/],
  receiver: [/^elysia$/],
  ui: [
    /^react(-dom)?(\/|$)/,
    /^@base-ui\/react(\/|$)/,
    /^@tanstack\/react-(query|table)$/,
    /^uplot(\/|$)/,
    /^wouter$/,
    /^lucide-react$/,
  ],
  admin: [/^elysia$/, /^@sinclair\/typebox(\/|$)/, /^@elysiajs\//, /^node:crypto$/],
}

describe('import arrows', () => {
  test.each(sources.map((source) => [source.path, source] as const))('%s', (path, { room, imports }) => {
    const allowed = ARROWS[room]
    if (allowed === undefined) throw new Error(`${path} is in a room that has no arrows`)
    for (const { specifier, file, isType } of imports) {
      if (file === null) {
        const packages = PACKAGES[room]
        const isAllowed =
          specifier.startsWith('node:') || packages?.some((pattern) => pattern.test(specifier))
        if (
          packages !== undefined &&
          !(isAllowed && (room !== 'core' || packages.some((p) => p.test(specifier))))
        ) {
          throw new Error(`${room} may not import ${specifier}`)
        }
      } else if (file.startsWith('../')) {
        const isOurs =
          (room === 'store' && (file === '../drizzle/migrations.ts' || file.startsWith('../dist/'))) ||
          (room === 'pages.ts' && file === '../dist/pages.bin') ||
          (room === 'version.ts' && file === '../package.json')
        if (!isOurs) throw new Error(`${path} may not import ${specifier}`)
      } else if (roomOf(file) !== room) {
        const to = roomOf(file)
        if (!allowed.includes(to)) throw new Error(`${room} may not import ${to}`)
        if (!isType && TYPES_ONLY.some(([from, of]) => from === room && of === to)) {
          throw new Error(`${room} may import types of ${to}, and no values: ${specifier}`)
        }
      }
    }
  })

  test('every room that has arrows is there, so that none stands for another name', () => {
    const rooms = new Set(sources.map(({ room }) => room))
    expect(Object.keys(ARROWS).filter((room) => !rooms.has(room))).toEqual([])
  })

  test('only the store imports a driver or a query builder', () => {
    const found = outsideOf('store').flatMap(({ path, imports }) =>
      imports
        .filter(({ specifier }) =>
          /^(drizzle-orm|postgres|pg|@electric-sql|bun:sqlite)(\/|$)/.test(specifier),
        )
        .map(({ specifier }) => `${path} → ${specifier}`),
    )
    expect(found).toEqual([])
  })

  test('only the store speaks SQL', () => {
    const SQL =
      /['"`]\s*(select|insert into|update|delete from|truncate|alter table|create table|drop table)\s+\S+/i
    // A browser reaches no database, and the names of its styles read like SQL.
    const others = outsideOf('store').filter(({ room }) => room !== 'ui')
    const found = others.flatMap(({ path, code }) => {
      const match = SQL.exec(code) ?? /\battune\.[a-z_]+/.exec(code)
      return match === null ? [] : [`${path}: ${match[0]}`]
    })
    expect(found).toEqual([])
  })

  test('only the edge and the planes know Elysia', () => {
    const rooms = new Set(['http', 'receiver', 'admin', 'ui'])
    const found = sources.filter(
      ({ room, imports }) => !rooms.has(room) && imports.some(({ specifier }) => /^@?elysia/.test(specifier)),
    )
    expect(found.map(({ path }) => path)).toEqual([])
  })

  test('every file is reached from main', () => {
    const byPath = new Map(sources.map((source) => [source.path, source]))
    const reached = new Set<string>()
    const visit = (path: string): void => {
      const source = byPath.get(path)
      if (source === undefined || reached.has(path)) return
      reached.add(path)
      for (const { file } of source.imports) if (file !== null) visit(file)
      for (const [, started = ''] of source.code.matchAll(STARTED)) visit(join(dirname(path), started))
    }
    visit('main.ts')
    // A browser loads the pages; `deploy/pages.ts` bundles them from here.
    visit('ui/main.tsx')
    expect(sources.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([])
  })
})

describe('the process belongs to main', () => {
  test('nobody else reads arguments, environment, standard streams, or exits', () => {
    const PROCESS =
      /\bprocess\.(argv|env|exit|exitCode|on|kill|stdin|stdout|stderr|abort)\b|\bBun\.(argv|env|stdin|stdout|stderr)\b/
    const found = sources
      // In a browser there is no process; what its samples for senders say of one is text.
      .filter(({ path, room }) => path !== 'main.ts' && room !== 'ui')
      .flatMap(({ path, code }) => {
        const match = PROCESS.exec(code)
        return match === null ? [] : [`${path}: ${match[0]}`]
      })
    expect(found).toEqual([])
  })

  test('nobody writes to the console', () => {
    // What samples for senders write is text that is shown.
    const ours = sources.filter(({ path }) => !path.startsWith('ui/parts/samples/'))
    expect(ours.filter(({ code }) => /\bconsole\./.test(code)).map(({ path }) => path)).toEqual([])
  })
})

describe('what is left undone', () => {
  const FOLDERS = ['src', 'drizzle', 'deploy', 'bench', 'test']
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|sql|sh)$/.test(path))
      .map((path) => join(folder, path)),
  )

  test('is in no comment', () => {
    // Written apart, so that this line is not found itself.
    const WORDS = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)
    const found = files.filter((path) => WORDS.test(readFileSync(join(ROOT, path), 'utf8')))
    expect(found).toEqual([])
  })

  test('is in no test that is skipped or runs alone', () => {
    const ALONE = new RegExp(
      `\\b(test|describe|it)\\.(${['on' + 'ly', 'sk' + 'ip', 'to' + 'do'].join('|')})\\(`,
    )
    const found = files.filter(
      (path) =>
        path.startsWith('test') && ALONE.test(withoutComments(readFileSync(join(ROOT, path), 'utf8'))),
    )
    expect(found).toEqual([])
  })

  test('has no default export', () => {
    expect(sources.filter(({ code }) => /^export default\b/m.test(code)).map(({ path }) => path)).toEqual([])
  })
})

describe('documentation', () => {
  test('docs/errors.md lists the catalogue of rejections, no more and no less', () => {
    const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
    const documented = Array.from(page.matchAll(/^### `([a-z_]+)` · (\d{3})$/gm), ([, code, status]) => [
      code ?? '',
      Number(status),
    ])
    const catalogue = Object.entries(REJECTIONS).map(([code, { status }]) => [code, status])
    expect(documented.toSorted()).toEqual(catalogue.toSorted())
  })

  test('docs/errors.md quotes what the sender of each code reads', () => {
    const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').replaceAll('\n', ' ')
    // Whoever is told of an incomplete body has gone already.
    const quoted = Object.entries(REJECTIONS).filter(([code]) => code !== 'body_incomplete')
    expect(quoted.filter(([, { detail }]) => !page.includes(`"${detail}"`)).map(([code]) => code)).toEqual([])
  })

  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  /** In code only: prose may go on with any word behind the name. */
  const CALL = /(?:`|\$ |\.\/|^|&& )attune-webhooks ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/gm
  const called = Array.from(readme.matchAll(CALL), ([, noun = '', verb]) => ({ noun, verb }))
  const names = COMMANDS.map(({ name }) => name)

  test('every command of README.md is there', () => {
    const unknown = called.filter(
      ({ noun, verb }) => !names.includes(noun) && (verb === undefined || !names.includes(`${noun} ${verb}`)),
    )
    expect(unknown).toEqual([])
  })

  test('every command is in README.md, when that names any', () => {
    const shown = new Set(called.flatMap(({ noun, verb }) => [noun, `${noun} ${verb}`]))
    expect(called.length === 0 ? [] : names.filter((name) => !shown.has(name))).toEqual([])
  })
})

test('every picture of the console stands in README.md, in both themes', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const shown = Array.from(readme.matchAll(/docs\/images\/([a-z-]+\.png)/g), ([, name]) => name)
  const kept = readdirSync(join(ROOT, 'docs/images')).toSorted()
  expect(shown.toSorted()).toEqual(kept)
  const pages = kept.filter((name) => name.endsWith('-light.png'))
  expect(pages.length).toBeGreaterThan(9)
  expect(kept).toEqual(pages.flatMap((page) => [page.replace('-light', '-dark'), page]).toSorted())
})
