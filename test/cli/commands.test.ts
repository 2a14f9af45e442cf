import { describe, expect, test } from 'bun:test'
import { COMMANDS } from '../../src/cli/index.ts'
import { SETTINGS } from '../../src/config.ts'
import { run } from './support.ts'

/** The commands of the contract (DESIGN.md 2.4), by heart and not from the table that is under test. */
const CONTRACT = [
  'serve',
  'migrate',
  'config',
  'healthcheck',
  'version',
  'connect',
  'trigger create',
  'trigger list',
  'trigger show',
  'trigger delete',
  'webhook enable',
  'webhook disable',
  'webhook regenerate',
  'hmac enable',
  'hmac disable',
  'verification set',
  'verification show',
  'verification disable',
  'secret add',
  'secret list',
  'secret expire',
  'handshake arm',
  'handshake disarm',
  'handshake show',
  'handshake reveal',
  'rekey',
  'deduplication set',
  'deduplication disable',
  'rejected-bodies show',
  'rejected-bodies set',
  'rejected-bodies disable',
  'rate-limit set',
  'rate-limit disable',
  'ip-whitelist set',
  'ip-whitelist disable',
  'payload-limit set',
  'payload-limit reset',
  'events list',
  'events show',
  'log list',
  'log show',
  'log readmit',
  'audit list',
  'token create',
  'token list',
  'token revoke',
  'stats',
  'send',
  'scheme list',
  'scheme show',
  'verify',
  'help',
]

/** Arguments with which each command that needs some is complete. */
const COMPLETE: Readonly<Record<string, readonly string[]>> = {
  'rate-limit set': ['a.b', '--requests', '1', '--window-seconds', '1'],
  'ip-whitelist set': ['a.b', '10.0.0.0/8'],
  'payload-limit set': ['a.b', '--kb', '1'],
  'token create': ['ci', '--role', 'viewer'],
  'token revoke': ['1'],
  'events show': ['0198c2de-0000-7000-8000-000000000000'],
  'log show': ['0198c2de-0000-7000-8000-000000000000'],
  'log readmit': ['0198c2de-0000-7000-8000-000000000000'],
  'scheme show': ['github'],
  connect: ['a.b', 'github'],
  'verification set': ['a.b', 'github'],
  'secret expire': ['a.b', 'default'],
  ...Object.fromEntries(
    [
      'trigger create',
      'trigger show',
      'trigger delete',
      'webhook enable',
      'webhook disable',
      'webhook regenerate',
      'hmac enable',
      'hmac disable',
      'verification show',
      'verification disable',
      'secret add',
      'secret list',
      'handshake arm',
      'handshake disarm',
      'handshake show',
      'handshake reveal',
      'deduplication set',
      'deduplication disable',
      'rejected-bodies show',
      'rejected-bodies disable',
      'rate-limit disable',
      'ip-whitelist disable',
      'payload-limit reset',
      'send',
    ].map((name) => [name, ['a.b']]),
  ),
}

test('the commands are those of the contract', () => {
  expect(COMMANDS.map(({ name }) => name).sort()).toEqual([...CONTRACT].sort())
})

describe.each(CONTRACT)('%s', (name) => {
  const words = name.split(' ')
  const complete = COMPLETE[name] ?? []

  test.each(['--help', '-h'])(
    '%s explains it on stdout and exits 0, even with arguments missing',
    async (flag) => {
      const { code, out, err } = await run([...words, flag])
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).toStartWith(`Usage: attune-webhooks ${name}`)
      const summary = COMMANDS.find((command) => command.name === name)?.summary ?? ''
      expect(summary).not.toBe('')
      expect(out).toContain(summary)
    },
  )

  test('`help` explains it with the same page', async () => {
    expect((await run(['help', ...words])).out).toBe((await run([...words, '--help'])).out)
  })

  test('an unknown flag is misuse, answered with the usage line', async () => {
    const { code, out, err } = await run([...words, ...complete, '--canary-flag=canary-value'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain("Unknown option '--canary-flag'")
    expect(err).toContain(`Usage: attune-webhooks ${name}`)
    expect(err).not.toContain('canary-value')
  })

  test('an argument too many is misuse', async () => {
    if (name === 'ip-whitelist set') return
    const most = name === 'help' ? ['trigger', 'list'] : name === 'stats' ? ['a.b'] : complete
    const { code, err } = await run([...words, ...most, 'superfluous'])
    expect(code).toBe(2)
    expect(err).toContain(`Usage: attune-webhooks ${name}`)
    expect(err).not.toContain('superfluous')
  })

  if (complete.length > 0) {
    test('a missing argument is misuse and named', async () => {
      const { code, err } = await run(words)
      expect(code).toBe(2)
      expect(err).toMatch(/^attune-webhooks: (REF|ID|NAME|ID\|NAME|--role|--requests|--kb) is missing\n/)
    })
  }
})

describe('what is not a command', () => {
  test('no arguments at all: the list on stderr, and misuse', async () => {
    const { code, out, err } = await run([])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    for (const name of CONTRACT) expect(err).toContain(`  ${name}`)
  })

  test.each(['help', '--help', '-h'])('%s: the list on stdout', async (word) => {
    const { code, out } = await run([word])
    expect(code).toBe(0)
    for (const name of CONTRACT) expect(out).toContain(`  ${name}`)
  })

  test('a noun without its verb lists its verbs', async () => {
    const { code, err } = await run(['trigger'])
    expect(code).toBe(2)
    expect(err).toContain('trigger create')
    expect(err).not.toContain('  webhook enable')
    expect((await run(['trigger', '--help'])).code).toBe(0)
    expect((await run(['help', 'trigger'])).code).toBe(0)
    expect((await run(['trigger', 'destroy'])).code).toBe(2)
  })

  test.each([
    ['frobnicate', 'there is no command "frobnicate"\n'],
    ['trigger frob', 'there is no command "trigger frob"\n'],
    ['trigger lst', 'there is no command "trigger lst"; did you mean trigger list?\n'],
    ['trigr', 'there is no command "trigr"; did you mean trigger?\n'],
    ['trigr list', 'there is no command "trigr list"; did you mean trigger list?\n'],
    ['trigr shwo a.b', 'there is no command "trigr shwo"; did you mean trigger show?\n'],
    ['serv a.b', 'there is no command "serv a.b"; did you mean serve?\n'],
    ['trigr --label canary', 'there is no command "trigr"; did you mean trigger?\n'],
    ['help trigr list', 'there is no command "trigr list"; did you mean trigger list?\n'],
  ])('%s: is named, and what was probably meant', async (line, message) => {
    const { code, out, err } = await run(line.split(' '))
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toStartWith(`attune-webhooks: ${message}`)
    expect(err).not.toContain('canary')
  })

  test('hostile and endless words are shown short, and not obeyed', async () => {
    const { err } = await run(['\x1b[2J', 'x'.repeat(100_000)])
    expect(err).not.toContain('\x1b')
    expect(err).toContain('\\x1b[2J')
    expect(err.length).toBeLessThan(300)
  })

  test('a noun with an option and no verb lists its verbs, and nothing else', async () => {
    expect((await run(['trigger', '--json'])).err).toStartWith('Usage: ')
  })
})

test.each([
  ['trigger create', 'REF  ref of a trigger, 1–255 characters: lower-case words'],
  ['stats', '[REF]  ref of a trigger'],
  ['log show', 'ID  a request id'],
  ['payload-limit set', 'units of 1,024 bytes, 1–65536'],
  ['rate-limit set', 'requests in one window, 1–10000'],
  ['rate-limit set', 'length of the window, 1–3600'],
  ['deduplication set', 'remembered, 60–2592000 [86400]'],
  ['trigger list', 'rows of a page, 1–500 [50]'],
  ['events list', 'rows of a page, 1–500 [50]'],
  ['log list', 'rows of a page, 1–500 [50]'],
  ['hmac enable', 'sha256, sha512 or sha1 [sha256]'],
  ['send', 'sha256, sha512 or sha1 [that of the trigger]'],
])('the help of %s says what may be given: %s', async (name, text) => {
  expect((await run([...name.split(' '), '--help'])).out).toContain(text)
})

test('no option takes a secret as its value', () => {
  for (const { help } of COMMANDS) {
    expect(help).not.toMatch(/--(secret|token|password|admin-token|database-url)[ =]/)
  }
})

test('serve has a flag for every setting of the server that is no secret', async () => {
  const { out } = await run(['serve', '--help'])
  for (const { flag, secret, reader } of Object.values(SETTINGS)) {
    if (reader === 'server' && !secret) expect(out).toContain(`--${flag} `)
  }
})

describe('version', () => {
  test('prints one line, or JSON', async () => {
    expect((await run(['version'])).out).toMatch(/^attune-webhooks \d+\.\d+\.\d+\n$/)
    expect((await run(['--version'])).out).toBe((await run(['version'])).out)
    expect(JSON.parse((await run(['version', '--json'])).out)).toEqual({
      data: { version: expect.any(String), bun: Bun.version },
    })
  })
})

describe('config', () => {
  const secrets = {
    DATABASE_URL: 'postgres://user:canary-password@host/db',
    ATTUNE_ADMIN_TOKEN: 'canary-token-0123456789abcdef-0123456789',
    ATTUNE_WEBHOOK_SECRET: 'canary-secret',
  }

  test.each([[[]], [['--json']]])('no secret is in what `config %s` prints', async (args) => {
    const { code, out, err } = await run(['config', ...args], secrets)
    expect(code).toBe(0)
    expect(out).toContain('[redacted]')
    expect(out + err).not.toContain('canary')
  })

  test('values come with their origin', async () => {
    const env = { ATTUNE_PORT: '1', ATTUNE_RETENTION_DAYS: '7' }
    const { out } = await run(['config', '--json', '--port', '2'], env)
    expect(JSON.parse(out).data).toContainEqual(
      expect.objectContaining({ variable: 'ATTUNE_PORT', value: '2', origin: 'flag' }),
    )
    expect(JSON.parse(out).data).toContainEqual(
      expect.objectContaining({ variable: 'ATTUNE_RETENTION_DAYS', value: '7', origin: 'environment' }),
    )
  })

  test.each(['config', 'serve', 'migrate', 'healthcheck', 'trigger list'])(
    '%s names all problems of the configuration at once and exits 2',
    async (name) => {
      const env = { ATTUNE_PORT: 'x', ATTUNE_LOG_LEVEL: 'x', ATTUNE_ADMIN_TOKEN: 'canary', ATTUNE_HSOT: '::' }
      const { code, out, err } = await run(name.split(' '), env)
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toContain('ATTUNE_PORT: ')
      expect(err).toContain('ATTUNE_LOG_LEVEL: ')
      expect(err).toContain('ATTUNE_ADMIN_TOKEN: ')
      expect(err).toContain('ATTUNE_HSOT: is no setting; did you mean ATTUNE_HOST?')
      expect(err).not.toContain('canary')
    },
  )
})
