import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Sql } from 'postgres'
import { migrate } from '../../src/store/migrate.ts'
import { engines, type TestEngine } from '../support/database.ts'

const INVALID_PARAMETER = '22023'
const NO_DATA = 'P0002'
const CHECK_VIOLATION = '23514'
const NOT_NULL_VIOLATION = '23502'
const UNIQUE_VIOLATION = '23505'

/** The columns that the statements below answer with. */
interface Answer {
  readonly ref?: unknown
  readonly webhook_enabled?: unknown
  readonly webhook_key?: unknown
  readonly webhook_hmac_enabled?: unknown
  readonly webhook_hmac_secret?: unknown
  readonly webhook_hmac_algorithm?: unknown
  readonly webhook_rate_limit_enabled?: unknown
  readonly webhook_rate_limit_requests?: unknown
  readonly webhook_rate_limit_window_seconds?: unknown
  readonly webhook_ip_whitelist_enabled?: unknown
  readonly webhook_ip_whitelist?: unknown
  readonly webhook_deduplication_enabled?: unknown
  readonly webhook_deduplication_fields?: unknown
  readonly webhook_deduplication_window_seconds?: unknown
  readonly ok?: unknown
  readonly secret?: unknown
  readonly key?: unknown
}

describe.each(engines)('what operators call from psql ($name)', ({ open }) => {
  let database: TestEngine
  let sql: Sql
  let id: string
  let triggers = 0
  beforeAll(async () => {
    database = await open()
    sql = database.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 10_000 })
    await migrate(sql)
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await database.dispose()
  }, 30_000)
  beforeEach(async () => {
    const [row] = await sql<{ id: string }[]>`
      insert into attune.trigger (ref) values (${`sql.t${++triggers}`}) returning id::text`
    id = row?.id ?? ''
  })

  /** A statement as one would type it, with the id of the trigger in place of `:id`. */
  const run = async (statement: string): Promise<Answer[]> => [
    ...(await sql.unsafe<Answer[]>(statement.replaceAll(':id', id))),
  ]

  async function fault(statement: string): Promise<{ code: string; message: string }> {
    try {
      await run(statement)
    } catch (error) {
      const { code, message } = error as { code: string; message: string }
      return { code, message }
    }
    throw new Error(`no fault: ${statement}`)
  }

  const trigger = async () => (await run('select * from attune.trigger where id = :id'))[0]

  describe('answers', () => {
    test('a new trigger has every check off and the defaults of the contract', async () => {
      expect(await trigger()).toEqual(
        expect.objectContaining({
          webhook_enabled: false,
          webhook_key: null,
          webhook_hmac_enabled: false,
          webhook_hmac_secret: null,
          webhook_hmac_algorithm: 'sha256',
          webhook_rate_limit_enabled: false,
          webhook_rate_limit_requests: 100,
          webhook_rate_limit_window_seconds: 60,
          webhook_ip_whitelist_enabled: false,
          webhook_ip_whitelist: [],
          webhook_payload_size_limit_kb: 1024,
        }),
      )
    })

    test('enable_trigger_webhook makes a key once and keeps it', async () => {
      const [first] = await run('select * from attune.enable_trigger_webhook(:id)')
      expect(first).toEqual({
        webhook_enabled: true,
        webhook_key: expect.stringMatching(/^wh_[A-Za-z0-9]{32}$/),
      })
      expect(await run('select * from attune.enable_trigger_webhook(trigger_id => :id)')).toEqual(
        first === undefined ? [] : [first],
      )
      const [off] = await run('select * from attune.disable_trigger_webhook(:id)')
      expect(off).toEqual({ webhook_enabled: false, webhook_key: first?.webhook_key })
      expect(await run('select * from attune.enable_trigger_webhook(:id)')).toEqual(
        first === undefined ? [] : [first],
      )
    })

    test('disable_trigger_webhook on a trigger that never was enabled', async () => {
      expect(await run('select * from attune.disable_trigger_webhook(:id)')).toEqual([
        { webhook_enabled: false, webhook_key: null },
      ])
    })

    test('regenerate_trigger_webhook_key makes another key and leaves the switch as it is', async () => {
      const [off] = await run('select * from attune.regenerate_trigger_webhook_key(:id)')
      expect(off?.webhook_enabled).toBe(false)
      const [on] = await run('select * from attune.enable_trigger_webhook(:id)')
      expect(on?.webhook_key).toBe(off?.webhook_key)
      const [other] = await run('select * from attune.regenerate_trigger_webhook_key(:id)')
      expect(other?.webhook_enabled).toBe(true)
      expect(other?.webhook_key).toMatch(/^wh_[A-Za-z0-9]{32}$/)
      expect(other?.webhook_key).not.toBe(on?.webhook_key)
    })

    test('generate_webhook_hmac_secret: 128 hexadecimal digits, never the same, evenly spread', async () => {
      const rows = await run(
        'select attune.generate_webhook_hmac_secret() as secret from generate_series(1, 500)',
      )
      const secrets = rows.map((row) => String(row.secret))
      for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{128}$/)
      expect(new Set(secrets).size).toBe(500)
      // 64,000 digits: each of the 16 appears 4,000 times, give or take eight standard deviations.
      for (const digit of '0123456789abcdef') {
        const count = secrets.join('').split(digit).length - 1
        expect(Math.abs(count - 4_000)).toBeLessThan(500)
      }
      // No place of it is fixed, as the version digit of a UUID would be.
      for (let place = 0; place < 128; place++) {
        expect(new Set(secrets.map((secret) => secret[place])).size).toBeGreaterThan(8)
      }
    })

    test('keys are never the same', async () => {
      const rows = await run('select attune.generate_webhook_key() as key from generate_series(1, 500)')
      const keys = rows.map((row) => String(row.key))
      for (const key of keys) expect(key).toMatch(/^wh_[A-Za-z0-9]{32}$/)
      expect(new Set(keys).size).toBe(500)
    })

    test.each(['sha256', 'sha512', 'sha1'])('enable_trigger_webhook_hmac with %s', async (algorithm) => {
      const [row] = await run(`select * from attune.enable_trigger_webhook_hmac(:id, '${algorithm}')`)
      expect(row).toEqual({
        webhook_hmac_enabled: true,
        webhook_hmac_secret: expect.stringMatching(/^[0-9a-f]{128}$/),
        webhook_hmac_algorithm: algorithm,
      })
      const [again] = await run(`select * from attune.enable_trigger_webhook_hmac(:id, '${algorithm}')`)
      expect(again?.webhook_hmac_secret).not.toBe(row?.webhook_hmac_secret)
    })

    test('enable_trigger_webhook_hmac takes sha256 by default', async () => {
      const [row] = await run('select * from attune.enable_trigger_webhook_hmac(:id)')
      expect(row?.webhook_hmac_algorithm).toBe('sha256')
    })

    test('disable_trigger_webhook_hmac forgets the secret', async () => {
      await run('select * from attune.enable_trigger_webhook_hmac(:id)')
      expect(await run('select * from attune.disable_trigger_webhook_hmac(:id)')).toEqual([
        { webhook_hmac_enabled: false },
      ])
      expect((await trigger())?.webhook_hmac_secret).toBeNull()
    })

    const secrets = () =>
      run(
        'select label, secret, expires, last_used from attune.webhook_secret where trigger_id = :id order by label',
      )
    const addSecret = (label: string) =>
      run(
        `insert into attune.webhook_secret (trigger_id, label, secret) values (:id, '${label}', 'a secret')`,
      )

    test('set_trigger_webhook_verification takes the place of HMAC, and keeps secrets of its own scheme only', async () => {
      await run('select attune.enable_trigger_webhook_hmac(:id)')
      await run(`select attune.set_trigger_webhook_verification(:id, '{"scheme":"stripe"}')`)
      expect(await trigger()).toMatchObject({ webhook_hmac_enabled: false, webhook_hmac_secret: null })
      expect(await secrets()).toEqual([])
      await addSecret('one')
      await run(
        `select attune.set_trigger_webhook_verification(:id, '{"scheme":"stripe","tolerance_seconds":60}')`,
      )
      expect(await secrets()).toHaveLength(1)
      await run(`select attune.set_trigger_webhook_verification(:id, '{"scheme":"slack"}')`)
      expect(await secrets()).toEqual([])
    })

    test('enable_trigger_webhook_hmac ends every other scheme and secret, disable_ all of them', async () => {
      await run(`select attune.set_trigger_webhook_verification(:id, '{"scheme":"stripe"}')`)
      await addSecret('one')
      await run('select attune.enable_trigger_webhook_hmac(:id)')
      const fresh = { label: 'default', secret: null, expires: null, last_used: null }
      expect(await secrets()).toEqual([fresh] as never)
      await addSecret('two')
      await run('select attune.disable_trigger_webhook_hmac(:id)')
      expect(await secrets()).toEqual([])
    })

    test('a secret that is set by hand begins anew: what was said of the one before does not hold for it', async () => {
      await run('select attune.enable_trigger_webhook_hmac(:id)')
      await run('update attune.webhook_secret set expires = now(), last_used = now() where trigger_id = :id')
      await run("update attune.trigger set webhook_hmac_secret = 'by hand' where id = :id")
      const fresh = { label: 'default', secret: null, expires: null, last_used: null }
      expect(await secrets()).toEqual([fresh] as never)
      await run(
        'update attune.trigger set webhook_hmac_enabled = false, webhook_hmac_secret = null where id = :id',
      )
      expect(await secrets()).toEqual([])
    })

    test.each([
      ['null', 'verification must not be null'],
      ["'{}'", 'verification.scheme must be the name of a preset, or a scheme as a JSON object'],
      [
        `'{"scheme":"generic"}'`,
        'verification.scheme must not be generic; that is what enable_trigger_webhook_hmac sets',
      ],
      [`'{"scheme":"stripe","secret":"x"}'`, 'verification.secret is not a known field'],
    ])('set_trigger_webhook_verification refuses %s', async (verification, message) => {
      expect(
        await fault(`select attune.set_trigger_webhook_verification(:id, ${verification})`),
      ).toMatchObject({
        code: '22023',
        message,
      })
    })

    test.each([
      ["'a b', 'x'", 'webhook_secret_label_valid'],
      ["E'a\\n', 'x'", 'webhook_secret_label_valid'],
      ["'', 'x'", 'webhook_secret_label_valid'],
      ["'x', ''", 'webhook_secret_secret_present'],
      ["'x', null", 'webhook_secret_secret_present'],
      ["'x', repeat('x', 513)", 'webhook_secret_secret_length'],
    ])('no secret has the label and text %s', async (values, constraint) => {
      const insert = `insert into attune.webhook_secret (trigger_id, label, secret) values (:id, ${values})`
      expect((await fault(insert)).message).toContain(`"${constraint}"`)
    })

    test('a secret belongs to a trigger that is there, and goes with it', async () => {
      expect(
        await fault("insert into attune.webhook_secret (trigger_id, label, secret) values (0, 'x', 'y')"),
      ).toMatchObject({ code: '23503' })
      await addSecret('one')
      await run('delete from attune.trigger where id = :id')
      expect(await secrets()).toEqual([])
    })

    test('configure_trigger_webhook_rate_limit: given, by default, off', async () => {
      const limit = (call: string) =>
        run(`select * from attune.configure_trigger_webhook_rate_limit(${call})`)
      const row = (enabled: boolean, requests: number, seconds: number) => [
        {
          webhook_rate_limit_enabled: enabled,
          webhook_rate_limit_requests: requests,
          webhook_rate_limit_window_seconds: seconds,
        },
      ]
      expect(await limit(':id, true')).toEqual(row(true, 100, 60))
      expect(await limit(':id, true, 1')).toEqual(row(true, 1, 60))
      expect(await limit(':id, true, 10000, 3600')).toEqual(row(true, 10_000, 3_600))
      expect(await limit(':id, true, window_seconds => 1')).toEqual(row(true, 100, 1))
      expect(await limit(':id, false')).toEqual(row(false, 100, 60))
    })

    test('configure_trigger_webhook_ip_whitelist: a list, an empty one, off', async () => {
      const list = (call: string) =>
        run(`select * from attune.configure_trigger_webhook_ip_whitelist(${call})`)
      const cidrs = ['10.0.0.0/8', '203.0.113.7', '2001:db8::/32', '::1', '0.0.0.0/0', '::/0']
      expect(await list(`:id, true, '{${cidrs.join(',')}}'`)).toEqual([
        { webhook_ip_whitelist_enabled: true, webhook_ip_whitelist: cidrs },
      ])
      expect(await list(":id, true, '{}'")).toEqual([
        { webhook_ip_whitelist_enabled: true, webhook_ip_whitelist: [] },
      ])
      expect(await list(":id, false, array['::1']")).toEqual([
        { webhook_ip_whitelist_enabled: false, webhook_ip_whitelist: ['::1'] },
      ])
    })

    test('configure_trigger_webhook_deduplication: the id of the scheme, fields, off', async () => {
      const set = (call: string) =>
        run(`select * from attune.configure_trigger_webhook_deduplication(${call})`)
      const row = (enabled: boolean, fields: string[], seconds: number) => [
        {
          webhook_deduplication_enabled: enabled,
          webhook_deduplication_fields: fields,
          webhook_deduplication_window_seconds: seconds,
        },
      ]
      expect(await set(':id, true')).toEqual(row(true, [], 86_400))
      expect(await set(":id, true, '{header:x-id,json:a.0.b}', 60")).toEqual(
        row(true, ['header:x-id', 'json:a.0.b'], 60),
      )
      expect(await set(':id, true, window_seconds => 2592000')).toEqual(row(true, [], 2_592_000))
      expect(await set(':id, false')).toEqual(row(false, [], 86_400))
      for (const call of [
        ':id, null',
        ':id, true, null',
        ":id, true, '{header:X-Id}'",
        ":id, true, '{header:x-*}'",
        ":id, true, '{json:a..b}'",
        ":id, true, '{query:id}'",
        ':id, true, array[null]',
        ":id, true, array_fill('json:id'::text, array[9])",
        ":id, true, '{}', 59",
        ":id, true, '{}', 2592001",
        ":id, true, '{}', null",
      ]) {
        expect(await set(call).catch((error: { code: string }) => error.code)).toBe('22023')
      }
    })

    test('check_webhook_rate_limit lets in as many as it says, each key for itself', async () => {
      const check = async (key: string, requests: number, seconds = 3600) =>
        (await run(`select attune.check_webhook_rate_limit('${key}', ${requests}, ${seconds}) as ok`))[0]?.ok
      const key = `key-${id}`
      expect([await check(key, 2), await check(key, 2), await check(key, 2)]).toEqual([true, true, false])
      expect(await check(key, 4)).toBe(true)
      expect(await check(`${key}-other`, 1)).toBe(true)
    })

    test('check_webhook_rate_limit counts each call in its own present within one transaction', async () => {
      const rows = await run(
        `select attune.check_webhook_rate_limit('own-present-${id}', 1, 3600) as ok from generate_series(1, 3)`,
      )
      expect(rows.filter((row) => row.ok).length).toBe(1)
    })

    test.each([
      ['10.0.0.0', "'{10.0.0.0/8}'", true],
      ['10.255.255.255', "'{10.0.0.0/8}'", true],
      ['11.0.0.0', "'{10.0.0.0/8}'", false],
      ['9.255.255.255', "'{10.0.0.0/8}'", false],
      ['203.0.113.7', "'{203.0.113.7}'", true],
      ['203.0.113.70', "'{203.0.113.7}'", false],
      ['203.0.113.7', "'{203.0.113.7/32}'", true],
      ['2001:db8::1', "'{2001:db8::1}'", true],
      // A bare IPv6 address is one address, not a /32.
      ['2001:db8::2', "'{2001:db8::1}'", false],
      ['2001:db8:ffff::', "'{2001:db8::/32}'", true],
      ['2001:db9::', "'{2001:db8::/32}'", false],
      ['::ffff:10.1.2.3', "'{10.0.0.0/8}'", true],
      ['::ffff:11.1.2.3', "'{10.0.0.0/8}'", false],
      ['10.1.2.3/8', "'{10.1.2.3}'", true],
      ['10.1.2.3', "'{2001:db8::/32,10.0.0.0/8}'", true],
      ['10.1.2.3', "'{::/0}'", false],
      ['::1', "'{0.0.0.0/0}'", false],
      ['10.1.2.3', "'{}'", false],
      ['10.1.2.3', 'null', false],
      ['10.1.2.3', "'{nonsense,10.1.2.3}'", true],
      ['10.1.2.3', "'{nonsense}'", false],
      ['10.1.2.3', "'{10.1.2.4/8}'", false],
      ['10.1.2.3', 'array[null, null]::text[]', false],
      ['10.1.2.3', "array[null, '10.1.2.3']", true],
    ])('check_webhook_ip_whitelist(%s, %s) is %p', async (address, list, allowed) => {
      const [row] = await run(`select attune.check_webhook_ip_whitelist('${address}'::inet, ${list}) as ok`)
      expect(row?.ok).toBe(allowed)
    })

    test('check_webhook_ip_whitelist refuses an address that is not known', async () => {
      const [row] = await run("select attune.check_webhook_ip_whitelist(null, '{0.0.0.0/0,::/0}') as ok")
      expect(row?.ok).toBe(false)
    })
  })

  describe('refusals name the argument and the fix, and change nothing', () => {
    const UNKNOWN = '999999999'
    const settings = [
      'enable_trigger_webhook(ID)',
      'disable_trigger_webhook(ID)',
      'regenerate_trigger_webhook_key(ID)',
      'enable_trigger_webhook_hmac(ID)',
      'disable_trigger_webhook_hmac(ID)',
      'configure_trigger_webhook_rate_limit(ID, true)',
      "configure_trigger_webhook_ip_whitelist(ID, true, '{}')",
    ]
    test.each(settings)('%s: a trigger that is not there, and none at all', async (call) => {
      expect(await fault(`select attune.${call.replace('ID', UNKNOWN)}`)).toEqual({
        code: NO_DATA,
        message: `no trigger has the id ${UNKNOWN}`,
      })
      expect(await fault(`select attune.${call.replace('ID', 'null')}`)).toEqual({
        code: INVALID_PARAMETER,
        message: 'trigger_id must not be null',
      })
    })

    test.each([
      ['null', 'null'],
      ["''", "''"],
      ["'md5'", "'md5'"],
      ["'SHA256'", "'SHA256'"],
      ["'sha256 '", "'sha256 '"],
      ["'sha-256'", "'sha-256'"],
    ])('enable_trigger_webhook_hmac with the algorithm %s', async (algorithm, shown) => {
      expect(await fault(`select attune.enable_trigger_webhook_hmac(:id, ${algorithm})`)).toEqual({
        code: INVALID_PARAMETER,
        message: `algorithm must be sha256, sha512 or sha1, not ${shown}`,
      })
      expect((await trigger())?.webhook_hmac_enabled).toBe(false)
    })

    test.each([
      [':id, null', 'enabled must be true or false, not null'],
      [':id, true, 0', 'requests must be between 1 and 10000, not 0'],
      [':id, true, -1', 'requests must be between 1 and 10000, not -1'],
      [':id, true, 10001', 'requests must be between 1 and 10000, not 10001'],
      [':id, true, null', 'requests must be between 1 and 10000, not null'],
      [':id, true, 1, 0', 'window_seconds must be between 1 and 3600, not 0'],
      [':id, true, 1, 3601', 'window_seconds must be between 1 and 3600, not 3601'],
      [':id, true, 1, null', 'window_seconds must be between 1 and 3600, not null'],
      // Also when it is switched off: what is stored has to be valid when it is switched on.
      [':id, false, 0', 'requests must be between 1 and 10000, not 0'],
    ])('configure_trigger_webhook_rate_limit(%s)', async (call, message) => {
      const before = await trigger()
      expect(await fault(`select attune.configure_trigger_webhook_rate_limit(${call})`)).toEqual({
        code: INVALID_PARAMETER,
        message,
      })
      expect(await trigger()).toEqual(before)
    })

    test.each([
      [":id, null, '{}'", 'enabled must be true or false, not null'],
      [':id, true, null', 'ip_list must be an array of addresses and CIDRs, not null'],
      [":id, true, '{nonsense}'", "ip_list[1]: 'nonsense' is not an IP address or CIDR"],
      [":id, true, '{10.0.0.0/8,10.0.0.1/8}'", "ip_list[2]: '10.0.0.1/8' is not canonical; write 10.0.0.0/8"],
      [":id, true, '{10/8}'", "ip_list[1]: '10/8' is not canonical; write 10.0.0.0/8"],
      [":id, true, '{127.1}'", "ip_list[1]: '127.1' is not an IP address or CIDR"],
      [":id, true, '{10.0.0.0/33}'", "ip_list[1]: '10.0.0.0/33' is not an IP address or CIDR"],
      [":id, true, '{2001:DB8::1}'", "ip_list[1]: '2001:DB8::1' is not canonical; write 2001:db8::1"],
      [":id, true, '{2001:db8:0::1}'", "ip_list[1]: '2001:db8:0::1' is not canonical; write 2001:db8::1"],
      [":id, true, '{2001:db8::1/32}'", "ip_list[1]: '2001:db8::1/32' is not canonical; write 2001:db8::/32"],
      [
        ":id, true, '{::ffff:10.0.0.1}'",
        "ip_list[1]: '::ffff:10.0.0.1' is an IPv4 address in IPv6 form; write it as IPv4",
      ],
      [
        ":id, true, '{::10.0.0.1}'",
        "ip_list[1]: '::10.0.0.1' is a deprecated IPv4-compatible address; write it as IPv4",
      ],
      [":id, true, array[' 10.0.0.1']", "ip_list[1]: ' 10.0.0.1' is not an IP address or CIDR"],
      [":id, true, array['10.0.0.1 ']", "ip_list[1]: '10.0.0.1 ' is not an IP address or CIDR"],
      [":id, true, array['']", "ip_list[1]: '' is not an IP address or CIDR"],
      [":id, true, array['::1', null]", 'ip_list[2]: an entry is null'],
      [":id, true, array_fill('::1'::text, array[1001])", 'ip_list must have at most 1000 entries, not 1001'],
    ])('configure_trigger_webhook_ip_whitelist(%s)', async (call, message) => {
      const before = await trigger()
      expect(await fault(`select attune.configure_trigger_webhook_ip_whitelist(${call})`)).toEqual({
        code: INVALID_PARAMETER,
        message,
      })
      expect(await trigger()).toEqual(before)
    })

    test.each([
      ['null, 1, 1', 'webhook_key must not be empty'],
      ["'', 1, 1", 'webhook_key must not be empty'],
      ["'k', 0, 1", 'max_requests must be between 1 and 10000, not 0'],
      ["'k', 10001, 1", 'max_requests must be between 1 and 10000, not 10001'],
      ["'k', null, 1", 'max_requests must be between 1 and 10000, not null'],
      ["'k', 1, 0", 'window_seconds must be between 1 and 3600, not 0'],
      ["'k', 1, 3601", 'window_seconds must be between 1 and 3600, not 3601'],
      ["'k', 1, null", 'window_seconds must be between 1 and 3600, not null'],
    ])('check_webhook_rate_limit(%s)', async (call, message) => {
      expect(await fault(`select attune.check_webhook_rate_limit(${call})`)).toEqual({
        code: INVALID_PARAMETER,
        message,
      })
    })
  })

  describe('what must never be false cannot be stored', () => {
    const set = (assignment: string) => fault(`update attune.trigger set ${assignment} where id = :id`)

    test.each([
      ['webhook_hmac_enabled = true', 'trigger_webhook_hmac_enabled_has_secret'],
      ["webhook_hmac_enabled = true, webhook_hmac_secret = ''", 'trigger_webhook_hmac_enabled_has_secret'],
      ["webhook_hmac_secret = repeat('x', 513)", 'trigger_webhook_hmac_secret_length'],
      ["webhook_hmac_secret = 'sealed:' || repeat('x', 4090)", 'trigger_webhook_hmac_secret_length'],
      ["webhook_hmac_algorithm = 'md5'", 'trigger_webhook_hmac_algorithm_known'],
      ["webhook_verification = '{}'", 'trigger_webhook_verification_valid'],
      ["webhook_verification = '[]'", 'trigger_webhook_verification_valid'],
      ["webhook_verification = 'null'", 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":"generic"}'`, 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":"Stripe"}'`, 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":".stripe"}'`, 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":7}'`, 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":"stripe","secret":"x"}'`, 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":"stripe","config":[]}'`, 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":"stripe","config":{"a":1}}'`, 'trigger_webhook_verification_valid'],
      [`webhook_verification = '{"scheme":"stripe","public_key":1}'`, 'trigger_webhook_verification_valid'],
      [
        `webhook_verification = '{"scheme":"stripe","tolerance_seconds":0}'`,
        'trigger_webhook_verification_valid',
      ],
      [
        `webhook_verification = '{"scheme":"stripe","tolerance_seconds":1.5}'`,
        'trigger_webhook_verification_valid',
      ],
      [
        `webhook_verification = '{"scheme":"stripe","tolerance_seconds":86401}'`,
        'trigger_webhook_verification_valid',
      ],
      [
        `webhook_verification = '{"scheme":"stripe","tolerance_seconds":1e9}'`,
        'trigger_webhook_verification_valid',
      ],
      [
        `webhook_verification = '{"scheme":"stripe"}', webhook_hmac_secret = 'x'`,
        'trigger_webhook_one_scheme',
      ],
      [
        `webhook_verification = '{"scheme":"stripe"}', webhook_hmac_enabled = true, webhook_hmac_secret = 'x'`,
        'trigger_webhook_one_scheme',
      ],
      ['webhook_enabled = true', 'trigger_webhook_enabled_has_key'],
      ["webhook_key = 'short'", 'trigger_webhook_key_valid'],
      ["webhook_key = 'wh_' || repeat('x', 33)", 'trigger_webhook_key_valid'],
      ["webhook_key = 'wh_' || repeat('x', 31) || E'\\n'", 'trigger_webhook_key_valid'],
      ["webhook_key = 'wh_' || repeat('x', 32) || E'\\n'", 'trigger_webhook_key_valid'],
      ['webhook_rate_limit_requests = 0', 'trigger_webhook_rate_limit_requests_range'],
      ['webhook_rate_limit_requests = 10001', 'trigger_webhook_rate_limit_requests_range'],
      ['webhook_rate_limit_window_seconds = 0', 'trigger_webhook_rate_limit_window_range'],
      ['webhook_rate_limit_window_seconds = 3601', 'trigger_webhook_rate_limit_window_range'],
      ["webhook_ip_whitelist = '{nonsense}'", 'trigger_webhook_ip_whitelist_canonical'],
      ["webhook_ip_whitelist = '{10.0.0.1/8}'", 'trigger_webhook_ip_whitelist_canonical'],
      ["webhook_ip_whitelist = array['::1', null]", 'trigger_webhook_ip_whitelist_canonical'],
      ["webhook_ip_whitelist = array_fill('::1'::text, array[1001])", 'trigger_webhook_ip_whitelist_size'],
      ['webhook_payload_size_limit_kb = 0', 'trigger_webhook_payload_size_limit_range'],
      ['webhook_payload_size_limit_kb = 65537', 'trigger_webhook_payload_size_limit_range'],
      ["ref = ''", 'trigger_ref_valid'],
      ["ref = 'Upper.case'", 'trigger_ref_valid'],
      ["ref = 'a..b'", 'trigger_ref_valid'],
      ["ref = '.a'", 'trigger_ref_valid'],
      ["ref = E'a\\n'", 'trigger_ref_valid'],
      ["ref = repeat('a', 256)", 'trigger_ref_valid'],
      ["label = repeat('a', 256)", 'trigger_label_length'],
      ["description = repeat('a', 4097)", 'trigger_description_length'],
    ])('%s', async (assignment, constraint) => {
      const { code, message } = await set(assignment)
      expect(code).toBe(CHECK_VIOLATION)
      expect(message).toContain(`"${constraint}"`)
    })

    test('a secret cannot be taken from a signature check that is on', async () => {
      await run('select attune.enable_trigger_webhook_hmac(:id)')
      for (const secret of ['null', "''"]) {
        expect((await set(`webhook_hmac_secret = ${secret}`)).code).toBe(CHECK_VIOLATION)
      }
    })

    test('a key cannot be taken from a webhook that is enabled', async () => {
      await run('select attune.enable_trigger_webhook(:id)')
      expect((await set('webhook_key = null')).code).toBe(CHECK_VIOLATION)
    })

    test.each([
      'webhook_enabled',
      'webhook_hmac_enabled',
      'webhook_hmac_algorithm',
      'webhook_rate_limit_enabled',
      'webhook_rate_limit_requests',
      'webhook_rate_limit_window_seconds',
      'webhook_ip_whitelist_enabled',
      'webhook_ip_whitelist',
      'webhook_payload_size_limit_kb',
      'ref',
    ])('%s is never null', async (column) => {
      expect((await set(`${column} = null`)).code).toBe(NOT_NULL_VIOLATION)
    })

    test('two triggers have neither one ref nor one key', async () => {
      await run('select attune.enable_trigger_webhook(:id)')
      const { ref, webhook_key: key } = (await trigger()) ?? {}
      expect((await fault(`insert into attune.trigger (ref) values ('${ref}')`)).code).toBe(UNIQUE_VIOLATION)
      const copy = `insert into attune.trigger (ref, webhook_key) values ('copy.of.${ref}', '${key}')`
      expect((await fault(copy)).code).toBe(UNIQUE_VIOLATION)
    })

    test('the ends of each range can be stored', async () => {
      await run(`update attune.trigger set webhook_rate_limit_requests = 10000, webhook_rate_limit_window_seconds = 3600,
        webhook_payload_size_limit_kb = 65536, label = repeat('a', 255) where id = :id`)
      await run(`update attune.trigger set webhook_rate_limit_requests = 1, webhook_rate_limit_window_seconds = 1,
        webhook_payload_size_limit_kb = 1 where id = :id`)
    })

    test('an event whose size is not that of its body', async () => {
      const { code, message } = await fault(`
        insert into attune.event (id, trigger_id, trigger_ref, payload_size_bytes, body, received_at)
        values (gen_random_uuid(), 1, 'x', 4, 'abc', now())`)
      expect(code).toBe(CHECK_VIOLATION)
      expect(message).toContain('event_payload_size_true')
    })

    test.each([
      ["200, 'internal', null", 'webhook_event_log_error_is_failure'],
      ['500, null, null', 'webhook_event_log_error_is_failure'],
      ["401, 'signature_missing', gen_random_uuid()", 'webhook_event_log_event_is_success'],
      ['99, null, null', 'webhook_event_log_status_code_range'],
    ])('an audit row with status, code and event %s', async (values, constraint) => {
      const { code, message } = await fault(`
        insert into attune.webhook_event_log
          (id, trigger_id, trigger_ref, webhook_key, created, status_code, error_code, event_id)
        values (gen_random_uuid(), 1, 'x', 'k', now(), ${values})`)
      expect(code).toBe(CHECK_VIOLATION)
      expect(message).toContain(constraint)
    })
  })
})
