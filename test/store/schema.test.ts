import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { getTableColumns, getViewSelectedFields, is } from 'drizzle-orm'
import { getTableConfig, getViewConfig, PgArray, PgColumn } from 'drizzle-orm/pg-core'
import type { Sql } from 'postgres'
import { migrate } from '../../src/store/migrate.ts'
import {
  adminAuditLog,
  event,
  trigger,
  webhookDelivery,
  webhookEventLog,
  webhookSecret,
  webhookStatsDetailed,
} from '../../src/store/schema.ts'
import { engines, type TestEngine } from '../support/database.ts'

interface ColumnShape {
  readonly name: string
  readonly type: string
  readonly isNullable: boolean
}

const byName = (a: ColumnShape, b: ColumnShape) => (a.name < b.name ? -1 : 1)

const shapeOf = (column: PgColumn): ColumnShape => ({
  name: column.name,
  type: is(column, PgArray) ? `${column.baseColumn.getSQLType()}[]` : column.getSQLType(),
  isNullable: !column.notNull,
})

describe.each(engines)('the schema that drizzle is given is that of the database ($name)', ({ open }) => {
  let database: TestEngine
  let sql: Sql
  beforeAll(async () => {
    database = await open()
    sql = database.engine.createPool({ name: 'test', connectionsMax: 1, statementMsMax: 20_000 })
    await migrate(sql)
  }, 30_000)
  afterAll(async () => {
    await sql.end({ timeout: 1 })
    await database.dispose()
  }, 30_000)

  async function columnsOf(table: string): Promise<ColumnShape[]> {
    const rows = await sql<ColumnShape[]>`
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as "isNullable"
      from pg_attribute a
      where a.attrelid = ${`attune.${table}`}::regclass and a.attnum > 0 and not a.attisdropped`
    return [...rows]
  }

  test.each([
    ['trigger', trigger],
    ['webhook_secret', webhookSecret],
    ['webhook_delivery', webhookDelivery],
    ['event', event],
    ['webhook_event_log', webhookEventLog],
    ['admin_audit_log', adminAuditLog],
  ] as const)('%s: names, types, nullability', async (name, table) => {
    expect(getTableConfig(table).name).toBe(name)
    const declared = Object.values(getTableColumns(table)).map(shapeOf)
    expect(declared.sort(byName)).toEqual((await columnsOf(name)).sort(byName))
  })

  test('webhook_stats_detailed: names and types', async () => {
    expect(getViewConfig(webhookStatsDetailed).name).toBe('webhook_stats_detailed')
    const declared = Object.values(getViewSelectedFields(webhookStatsDetailed)).flatMap((field) =>
      // A view does not say what may be null.
      is(field, PgColumn) ? [{ ...shapeOf(field), isNullable: true }] : [],
    )
    expect(declared.sort(byName)).toEqual((await columnsOf('webhook_stats_detailed')).sort(byName))
  })

  test('the names that operators script against are all there', async () => {
    const functions = await sql<{ name: string }[]>`
      select p.proname || '(' || pg_get_function_arguments(p.oid) || ')' as name
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'attune'`
    expect(functions.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'enable_trigger_webhook(trigger_id bigint)',
        'disable_trigger_webhook(trigger_id bigint)',
        'regenerate_trigger_webhook_key(trigger_id bigint)',
        'generate_webhook_hmac_secret()',
        "enable_trigger_webhook_hmac(trigger_id bigint, algorithm text DEFAULT 'sha256'::text)",
        'disable_trigger_webhook_hmac(trigger_id bigint)',
        'configure_trigger_webhook_rate_limit(trigger_id bigint, enabled boolean, requests integer DEFAULT 100, window_seconds integer DEFAULT 60)',
        'configure_trigger_webhook_ip_whitelist(trigger_id bigint, enabled boolean, ip_list text[])',
        "configure_trigger_webhook_deduplication(trigger_id bigint, enabled boolean, fields text[] DEFAULT '{}'::text[], window_seconds integer DEFAULT 86400)",
        'check_webhook_rate_limit(webhook_key text, max_requests integer, window_seconds integer)',
        'check_webhook_ip_whitelist(source_ip inet, whitelist text[])',
      ]),
    )
    const unique = await sql<{ columns: string }[]>`
      select pg_get_constraintdef(oid) as columns from pg_constraint
      where conrelid = 'attune.webhook_rate_limit'::regclass and contype = 'u'`
    expect(unique.map(({ columns }) => columns)).toEqual(['UNIQUE (webhook_key, window_start)'])
  })
})
