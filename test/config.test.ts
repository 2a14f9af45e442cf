import { describe, expect, test } from 'bun:test'
import {
  adminUrlOf,
  type Config,
  closest,
  describeConfig,
  loadConfig,
  publicUrlOf,
  redactDatabaseUrl,
  SETTINGS,
  type Sources,
} from '../src/config.ts'
import { BODY_BYTES_MAX_CEILING, RETENTION_DAYS_MAX } from '../src/core/limits.ts'

const TOKEN = 'canary-token-0123456789abcdef-0123456789'
const MASTER_KEY = Buffer.from('canary-key-0123456789-0123456789').toString('base64')

function load(env: Sources['env'], flags: Sources['flags'] = {}): Config {
  const loaded = loadConfig({ env, flags })
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
  return loaded.config
}

function problemsOf(env: Sources['env'], flags: Sources['flags'] = {}): readonly string[] {
  const loaded = loadConfig({ env, flags })
  return loaded.ok ? [] : loaded.problems
}

describe('loadConfig', () => {
  test('without any setting the documented defaults are in force', () => {
    expect(load({})).toEqual({
      databaseUrl: null,
      host: '0.0.0.0',
      port: 8080,
      processes: 1,
      adminHost: '127.0.0.1',
      adminPort: 8081,
      dataDir: './attune-data',
      adminToken: null,
      masterKey: null,
      masterKeyFile: null,
      masterKeyOld: null,
      masterKeyOldFile: null,
      publicUrl: null,
      trustedProxies: [],
      bodyBytesMax: 26_214_400,
      retentionDays: 90,
      payloadSearch: true,
      logLevel: 'info',
      adminUrl: null,
      webhookSecret: null,
    })
  })

  test('every setting can be given in the environment', () => {
    expect(
      load({
        DATABASE_URL: 'postgresql://user:pw@one:5432,two:5432/attune?sslmode=verify-full',
        ATTUNE_HOST: '::1',
        ATTUNE_PORT: '0',
        ATTUNE_PROCESSES: '64',
        ATTUNE_ADMIN_HOST: 'admin.internal',
        ATTUNE_ADMIN_PORT: '65535',
        ATTUNE_DATA_DIR: '/var/lib/attune',
        ATTUNE_ADMIN_TOKEN: TOKEN,
        ATTUNE_MASTER_KEY: MASTER_KEY,
        ATTUNE_MASTER_KEY_OLD_FILE: '/run/secrets/old-master-key',
        ATTUNE_PUBLIC_URL: 'https://hooks.example.com/attune/',
        ATTUNE_TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/32',
        ATTUNE_BODY_BYTES_MAX: String(BODY_BYTES_MAX_CEILING),
        ATTUNE_RETENTION_DAYS: String(RETENTION_DAYS_MAX),
        ATTUNE_PAYLOAD_SEARCH: 'off',
        ATTUNE_LOG_LEVEL: 'debug',
        ATTUNE_ADMIN_URL: 'http://127.0.0.1:9000',
        ATTUNE_WEBHOOK_SECRET: 'it is a secret',
      }),
    ).toEqual({
      databaseUrl: 'postgresql://user:pw@one:5432,two:5432/attune?sslmode=verify-full',
      host: '::1',
      port: 0,
      processes: 64,
      adminHost: 'admin.internal',
      adminPort: 65_535,
      dataDir: '/var/lib/attune',
      adminToken: TOKEN,
      masterKey: MASTER_KEY,
      masterKeyFile: null,
      masterKeyOld: null,
      masterKeyOldFile: '/run/secrets/old-master-key',
      publicUrl: 'https://hooks.example.com/attune',
      trustedProxies: ['10.0.0.0/8', '2001:db8::/32'],
      bodyBytesMax: BODY_BYTES_MAX_CEILING,
      retentionDays: RETENTION_DAYS_MAX,
      payloadSearch: false,
      logLevel: 'debug',
      adminUrl: 'http://127.0.0.1:9000',
      webhookSecret: 'it is a secret',
    })
  })

  test('a flag wins over the environment', () => {
    expect(load({ ATTUNE_PORT: '1' }, { port: '2' }).port).toBe(2)
  })

  test('an empty variable counts as unset', () => {
    const empty = Object.fromEntries(Object.values(SETTINGS).map(({ variable }) => [variable, '']))
    expect(load({ ...empty, ATTUNE_MISSPELT: '' })).toEqual(load({}))
  })

  test('an empty flag is no way to ask for the default, but empties a list', () => {
    expect(problemsOf({}, { port: '' })).toHaveLength(1)
    expect(load({ ATTUNE_TRUSTED_PROXIES: '10.0.0.0/8' }, { 'trusted-proxies': '' }).trustedProxies).toEqual(
      [],
    )
  })

  test('a bad flag is named as the flag, a bad variable as the variable', () => {
    expect(problemsOf({ ATTUNE_PORT: 'x' })[0]).toStartWith('ATTUNE_PORT: ')
    expect(problemsOf({ ATTUNE_PORT: '1' }, { port: 'x' })[0]).toStartWith('--port: ')
  })

  test('all problems are reported together, and none quotes a value', () => {
    const bad: Record<string, string> = {
      DATABASE_URL: 'mysql://canary:canary@host',
      ATTUNE_HOST: 'canary:80',
      ATTUNE_PORT: 'canary',
      ATTUNE_PROCESSES: '0',
      ATTUNE_ADMIN_HOST: '[::1]',
      ATTUNE_ADMIN_PORT: '65536',
      ATTUNE_DATA_DIR: 'canary\0',
      ATTUNE_ADMIN_TOKEN: 'canary',
      ATTUNE_PUBLIC_URL: 'https://canary:canary@host',
      ATTUNE_TRUSTED_PROXIES: '10.0.0.0/8,10.0.0.1/8',
      ATTUNE_BODY_BYTES_MAX: '0',
      ATTUNE_RETENTION_DAYS: '0',
      ATTUNE_PAYLOAD_SEARCH: 'canary',
      ATTUNE_LOG_LEVEL: 'canary',
      ATTUNE_ADMIN_URL: 'canary',
      ATTUNE_CANARY: 'canary-value',
    }
    const problems = problemsOf(bad)
    expect(problems.map((problem) => problem.slice(0, problem.indexOf(':'))).sort()).toEqual(
      Object.keys(bad).sort(),
    )
    expect(problems.join('\n')).not.toContain('canary')
  })

  test.each([
    ['DATABASE_URL', 'postgres://'],
    ['DATABASE_URL', 'postgres://user:pass word@host/db'],
    ['DATABASE_URL', 'POSTGRES//host'],
    ['DATABASE_URL', 'file:///postgres://host'],
    ['ATTUNE_ADMIN_TOKEN', 'a'.repeat(31)],
    ['ATTUNE_MASTER_KEY', 'a'.repeat(42)],
    ['ATTUNE_MASTER_KEY', 'g'.repeat(64)],
    ['ATTUNE_MASTER_KEY_OLD', `${'a'.repeat(64)} `],
    ['ATTUNE_ADMIN_TOKEN', `${'a'.repeat(32)} b`],
    ['ATTUNE_ADMIN_TOKEN', `${'a'.repeat(32)}\n`],
    ['ATTUNE_ADMIN_TOKEN', 'ä'.repeat(32)],
    ['ATTUNE_ADMIN_TOKEN', 'a'.repeat(1025)],
    ['ATTUNE_HOST', '127.1'],
    ['ATTUNE_HOST', '256.0.0.1'],
    ['ATTUNE_HOST', 'a b'],
    ['ATTUNE_HOST', 'fe80::1%eth0'],
    ['ATTUNE_PORT', '-1'],
    ['ATTUNE_PORT', '+80'],
    ['ATTUNE_PORT', '080'],
    ['ATTUNE_PORT', '8e3'],
    ['ATTUNE_PORT', '0x50'],
    ['ATTUNE_PORT', '80.0'],
    ['ATTUNE_PORT', ' 80'],
    ['ATTUNE_PORT', '٨٠'],
    ['ATTUNE_BODY_BYTES_MAX', String(BODY_BYTES_MAX_CEILING + 1)],
    ['ATTUNE_RETENTION_DAYS', String(RETENTION_DAYS_MAX + 1)],
    ['ATTUNE_RETENTION_DAYS', '9'.repeat(400)],
    ['ATTUNE_PAYLOAD_SEARCH', 'true'],
    ['ATTUNE_PROCESSES', '65'],
    ['ATTUNE_PROCESSES', '1.5'],
    ['ATTUNE_LOG_LEVEL', 'INFO'],
    ['ATTUNE_PUBLIC_URL', 'ftp://host'],
    ['ATTUNE_PUBLIC_URL', 'http:host'],
    ['ATTUNE_PUBLIC_URL', 'http://'],
    ['ATTUNE_PUBLIC_URL', 'https://host/?a=b'],
    ['ATTUNE_PUBLIC_URL', 'https://host/?'],
    ['ATTUNE_PUBLIC_URL', 'https://host/#a'],
    ['ATTUNE_PUBLIC_URL', 'https://user@host/'],
    ['ATTUNE_PUBLIC_URL', 'https://ho st/'],
    ['ATTUNE_PUBLIC_URL', 'https://host\\path'],
    ['ATTUNE_TRUSTED_PROXIES', '10.0.0.0/8,'],
    ['ATTUNE_TRUSTED_PROXIES', '*'],
    ['ATTUNE_TRUSTED_PROXIES', '10/8'],
    ['ATTUNE_TRUSTED_PROXIES', '010.0.0.0/8'],
    ['ATTUNE_TRUSTED_PROXIES', 'proxy.internal'],
  ])('%s refuses %j', (variable, value) => {
    expect(problemsOf({ [variable]: value })).toHaveLength(1)
  })

  test('more than one process needs a server, and the embedded database is none', () => {
    expect(problemsOf({ ATTUNE_PROCESSES: '2' })).toEqual([expect.stringContaining('embedded database')])
    expect(problemsOf({ ATTUNE_PROCESSES: '1' })).toEqual([])
    expect(load({ ATTUNE_PROCESSES: '2', DATABASE_URL: 'postgres://host' }).processes).toBe(2)
  })

  test.each([
    ['ATTUNE_TRUSTED_PROXY', '; did you mean ATTUNE_TRUSTED_PROXIES?'],
    ['attune_admin_token', '; did you mean ATTUNE_ADMIN_TOKEN?'],
    ['ATTUNE_DATABASE_URL', '; did you mean DATABASE_URL?'],
    ['ATTUNE_RETENTION_DAY', '; did you mean ATTUNE_RETENTION_DAYS?'],
    ['ATTUNE_SOMETHING_ELSE', ''],
  ])('%s is no setting, and the one that was meant is named', (variable, hint) => {
    expect(problemsOf({ [variable]: '1' })).toEqual([`${variable}: is no setting${hint}`])
  })

  test.each([
    ['ATTUNE_WEBHOOKS_SERVICE_HOST', '10.0.0.1'],
    ['ATTUNE_WEBHOOKS_SERVICE_PORT', '8080'],
    ['ATTUNE_WEBHOOKS_SERVICE_PORT_HTTP', '8080'],
    ['ATTUNE_WEBHOOKS_PORT', 'tcp://10.0.0.1:8080'],
    ['ATTUNE_WEBHOOKS_PORT_8080_TCP', 'tcp://10.0.0.1:8080'],
    ['ATTUNE_WEBHOOKS_PORT_8080_TCP_ADDR', '10.0.0.1'],
  ])('%s, which Kubernetes sets for a service, is passed over', (variable, value) => {
    expect(problemsOf({ [variable]: value })).toEqual([])
  })

  test('the address of a service in ATTUNE_PORT is refused with its cause', () => {
    expect(problemsOf({ ATTUNE_PORT: 'tcp://10.0.0.1:8080' })).toEqual([
      expect.stringContaining('enableServiceLinks'),
    ])
  })

  test.each([
    [{ ATTUNE_PORT: '9', ATTUNE_ADMIN_PORT: '9' }, 1],
    [{ ATTUNE_PORT: '9', ATTUNE_ADMIN_PORT: '9', ATTUNE_HOST: '127.0.0.1' }, 1],
    [{ ATTUNE_PORT: '9', ATTUNE_ADMIN_PORT: '9', ATTUNE_HOST: '10.0.0.1', ATTUNE_ADMIN_HOST: '::' }, 1],
    [{ ATTUNE_PORT: '9', ATTUNE_ADMIN_PORT: '9', ATTUNE_HOST: '10.0.0.1' }, 0],
    [{ ATTUNE_PORT: '0', ATTUNE_ADMIN_PORT: '0' }, 0],
  ])('listeners of %j: %d clash', (env, clashes) => {
    expect(problemsOf(env)).toHaveLength(clashes)
  })
})

describe('URLs that nobody set', () => {
  test.each([
    ['0.0.0.0', '8080', 'http://localhost:8080', 'http://127.0.0.1:8080'],
    ['::', '8080', 'http://localhost:8080', 'http://[::1]:8080'],
    ['::1', '8080', 'http://[::1]:8080', 'http://[::1]:8080'],
    ['10.0.0.1', '80', 'http://10.0.0.1', 'http://10.0.0.1'],
    ['hooks.example.com', '443', 'http://hooks.example.com:443', 'http://hooks.example.com:443'],
  ])(
    'a listener on %s port %s is public at %s, and as admin API reached at %s',
    (host, port, shown, admin) => {
      const unrelated = { ATTUNE_ADMIN_PORT: '1' }
      expect(publicUrlOf(load({ ATTUNE_HOST: host, ATTUNE_PORT: port, ...unrelated }))).toBe(shown)
      expect(adminUrlOf(load({ ATTUNE_ADMIN_HOST: host, ATTUNE_ADMIN_PORT: port, ATTUNE_PORT: '1' }))).toBe(
        admin,
      )
    },
  )

  test('a port that the system chose is the one that is shown', () => {
    expect(publicUrlOf(load({ ATTUNE_PORT: '0' }), 43_210)).toBe('http://localhost:43210')
  })
})

describe('describeConfig', () => {
  const describeAll = (sources: Sources) => {
    const loaded = loadConfig(sources)
    if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
    return describeConfig(loaded.config, sources)
  }

  test('names for each setting its value, its default and its origin', () => {
    const lines = describeAll({ env: { ATTUNE_PORT: '1', ATTUNE_HOST: '::1' }, flags: { port: '2' } })
    expect(lines.map(({ variable }) => variable)).toEqual(Object.values(SETTINGS).map((s) => s.variable))
    const line = (variable: string) => lines.find((candidate) => candidate.variable === variable)
    expect(line('ATTUNE_PORT')).toMatchObject({ value: '2', default: '8080', origin: 'flag', flag: '--port' })
    expect(line('ATTUNE_HOST')).toMatchObject({ value: '::1', default: '0.0.0.0', origin: 'environment' })
    expect(line('ATTUNE_LOG_LEVEL')).toMatchObject({ value: 'info', default: 'info', origin: 'default' })
    expect(line('DATABASE_URL')).toMatchObject({ value: null, default: 'embedded database', flag: null })
    expect(line('ATTUNE_PUBLIC_URL')).toMatchObject({ value: 'http://[::1]:2', origin: 'default' })
  })

  test('no secret is in it', () => {
    const lines = describeAll({
      env: {
        DATABASE_URL: 'postgres://user:canary@host/db?sslpassword=canary',
        ATTUNE_ADMIN_TOKEN: TOKEN,
        ATTUNE_WEBHOOK_SECRET: 'canary',
      },
      flags: {},
    })
    expect(JSON.stringify(lines)).not.toContain('canary')
    expect(lines.filter(({ value }) => value?.includes('[redacted]'))).toHaveLength(3)
  })

  test.each([
    ['postgres://host/db', 'postgres://host/db'],
    ['postgres://user@host/db', 'postgres://user@host/db'],
    ['postgres://user:canary@host/db', 'postgres://user:[redacted]@host/db'],
    ['postgres://:canary@host/db', 'postgres://:[redacted]@host/db'],
    ['postgres://user:can@ary@host/db', 'postgres://user:[redacted]@host/db'],
    ['postgres://us/er:canary@host/db', 'postgres://us:[redacted]@host/db'],
    ['postgres://user:canary?canary#canary@host', 'postgres://user:[redacted]@host'],
    ['postgresql://u:canary@a:1,b:2/db', 'postgresql://u:[redacted]@a:1,b:2/db'],
    ['postgres://host/db?user=u&password=canary&a=b', 'postgres://host/db?user=u&password=[redacted]&a=b'],
  ])('the password of %s is hidden', (url, shown) => {
    expect(redactDatabaseUrl(url)).toBe(shown)
  })

  test('no flag takes a secret, since arguments are visible to every user of the host', () => {
    expect(Object.values(SETTINGS).filter(({ secret, flag }) => secret && flag !== null)).toEqual([])
  })
})

test('closest names nothing when nothing is near', () => {
  expect(closest('trigr', ['trigger', 'events'])).toBe('trigger')
  expect(closest('zzzzzz', ['trigger', 'events'])).toBeNull()
})
