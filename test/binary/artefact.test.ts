/** The binary as a thing of its own: it needs nothing beside it and takes nothing from where it is started. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { ask, BINARY, type Installation, install } from '../support/binary.ts'

describe('a command', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'attune-artefact-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const run = (args: readonly string[], env: Environment = {}) => runIn(folder, args, env)

  test.each(['version', '--version'])('%s prints name and version', async (word) => {
    expect(await run([word])).toEqual({
      code: 0,
      stdout: `attune-webhooks ${manifest.version}\n`,
      stderr: '',
    })
  })

  test('version --json also names the runtime, which is the one that the tests ran on', async () => {
    const { stdout } = await run(['version', '--json'])
    expect(JSON.parse(stdout)).toEqual({ data: { version: manifest.version, bun: Bun.version } })
  })

  test.each(['help', '--help', '-h'])('%s lists the commands on stdout', async (word) => {
    const { code, stdout, stderr } = await run([word])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const name of ['serve', 'migrate', 'config', 'healthcheck', 'trigger create', 'log list', 'send']) {
      expect(stdout).toContain(name)
    }
  })

  test.each(['', 'sevre', 'trigger', 'serve --prot 1', 'version extra'])(
    'misuse is exit 2 with nothing on stdout: "%s"',
    async (words) => {
      const { code, stdout, stderr } = await run(words.split(' ').filter((word) => word !== ''))
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain('attune-webhooks')
    },
  )

  test('config prints the defaults and writes no file', async () => {
    const settings = await printedSettings(folder)
    expect(settings.get('ATTUNE_PORT')).toMatchObject({ value: '8080', origin: 'default' })
    expect(settings.get('ATTUNE_ADMIN_HOST')).toMatchObject({ value: '127.0.0.1', origin: 'default' })
    expect(settings.get('DATABASE_URL')).toMatchObject({ value: null, origin: 'default' })
    expect(readdirSync(folder)).toEqual([])
  })

  test('healthcheck is exit 1 while no server runs', async () => {
    // Port 9 is discard, which nobody serves.
    const { code, stdout } = await run(['healthcheck', '--admin-url', 'http://127.0.0.1:9'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })

  test.each(['serve', 'migrate', 'config'])(
    '%s names all problems of a bad configuration at once and no value, exit 2',
    async (word) => {
      const bad = {
        ATTUNE_PORT: '80800',
        ATTUNE_HOST: 'canary host',
        ATTUNE_BODY_BYTES_MAX: '1e6',
        ATTUNE_TRUSTED_PROXIES: '10.0.0.0/8,10/8',
        ATTUNE_RETENTION_DAYS: '0',
        ATTUNE_LOG_LEVEL: 'canary-level',
        ATTUNE_ADMIN_TOKEN: 'canary-token',
        ATTUNE_TURSTED_PROXIES: '10.0.0.0/8',
        DATABASE_URL: 'mysql://canary:canary@127.0.0.1/canary',
      }
      const { code, stdout, stderr } = await run([word], bad)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      for (const variable of Object.keys(bad)) expect(stderr).toContain(`  ${variable}: `)
      expect(stderr).toContain('did you mean ATTUNE_TRUSTED_PROXIES?')
      expect(stderr).not.toContain('canary')
      expect(readdirSync(folder)).toEqual([])
    },
  )

  test.each([
    ['BUN_OPTIONS', '--smol'],
    ['BUN_INSPECT', '127.0.0.1:0'],
    ['BUN_INSPECT_CONNECT_TO', '127.0.0.1:9'],
    ['BUN_INSPECT_NOTIFY', '127.0.0.1:9'],
  ])('%s, which gets code into the process, is refused with exit 2', async (variable, value) => {
    for (const word of ['serve', 'version']) {
      const { code, stdout, stderr } = await run([word], { [variable]: value })
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain(variable)
    }
    expect(readdirSync(folder)).toEqual([])
  })

  test('takes no setting from files in the folder where it is started', async () => {
    layTraps(folder)
    const settings = await printedSettings(folder)
    for (const name of ['ATTUNE_PORT', 'ATTUNE_ADMIN_PORT', 'ATTUNE_RETENTION_DAYS', 'ATTUNE_LOG_LEVEL']) {
      expect(settings.get(name)).toMatchObject({ origin: 'default' })
    }
    expect(readdirSync(folder)).not.toContain('sprung')
  })

  test('runs from any folder under any name', async () => {
    const program = join(folder, 'Wébhooks & co')
    copyFileSync(BINARY, program)
    expect(await runIn(folder, ['version'], {}, program)).toMatchObject({ code: 0 })
  })
})

describe('the server', () => {
  let installation: Installation
  beforeEach(async () => {
    installation = await install()
  })
  afterEach(() => installation.dispose())

  test('starts in an empty folder, keeps to its data directory, stops with 0 and starts again', async () => {
    const { folder, dataDirectory } = installation
    for (const start of ['first', 'second']) {
      const server = await installation.serve()
      expect({ start, ...(await ask(`${server.receiverUrl}/healthz`)) }).toMatchObject({ start, status: 200 })
      expect(await ask(`${server.adminUrl}/readyz`)).toMatchObject({ status: 200 })
      expect(await installation.run(['healthcheck'])).toMatchObject({ code: 0, stdout: 'ready\n' })
      expect(await server.stop()).toBe(0)
    }
    expect(await installation.run(['healthcheck'])).toMatchObject({ code: 1, stdout: '' })
    expect(readdirSync(folder)).toEqual(['attune-data'])
    expect(statSync(dataDirectory).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDirectory, 'admin-token')).mode & 0o777).toBe(0o600)
  })

  test('loads no code from the folder where it is started', async () => {
    layTraps(installation.folder)
    const server = await installation.serve()
    const webhook = await server.createTrigger('trap')
    expect(await ask(webhook.url, { method: 'POST', body: '{}' })).toMatchObject({ status: 200 })
    expect(await server.stop()).toBe(0)
    expect(readdirSync(installation.folder)).not.toContain('sprung')
  })
})

test('the binary holds no path of the machine that built it', () => {
  expect(readFileSync(BINARY).includes(join(import.meta.dir, '../../src'))).toBe(false)
})

/** Each of these files would change or break a process that loaded it. */
function layTraps(folder: string): void {
  const trap = "require('node:fs').writeFileSync('sprung', ''); throw new Error('sprung')\n"
  const files = {
    '.env': 'ATTUNE_PORT=1\nATTUNE_LOG_LEVEL=wrong\n',
    '.env.local': 'ATTUNE_ADMIN_PORT=1\n',
    '.env.production': 'ATTUNE_RETENTION_DAYS=1\n',
    '.env.development': 'ATTUNE_RETENTION_DAYS=2\n',
    'trap.js': trap,
    'bunfig.toml': 'preload = ["./trap.js"]\n',
    '.bunfig.toml': 'preload = ["./trap.js"]\n',
    'package.json': '{ not JSON',
    'tsconfig.json': '{ not JSON',
    'node_modules/postgres/index.js': trap,
    'node_modules/elysia/index.js': trap,
    'store/embedded/worker.ts': trap,
    'store/embedded/worker.js': trap,
  }
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

type Environment = Readonly<Record<string, string>>

/** Nothing of the environment that the tests run in reaches the binary but PATH. */
async function runIn(cwd: string, args: readonly string[], env: Environment = {}, program = BINARY) {
  const { PATH = '' } = process.env
  const child = Bun.spawn([program, ...args], {
    cwd,
    env: { PATH, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
  return { code, stdout, stderr }
}

interface PrintedSetting {
  readonly variable: string
  readonly value: string | null
  readonly origin: string
}

async function printedSettings(folder: string): Promise<Map<string, PrintedSetting>> {
  const { code, stdout, stderr } = await runIn(folder, ['config', '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const { data }: { data: PrintedSetting[] } = JSON.parse(stdout)
  return new Map(data.map((setting) => [setting.variable, setting]))
}
