import { describe, expect, test } from 'bun:test'
import type { Event, WebhookEventLogRow } from '../../src/core/event.ts'
import { adminApi, logRow, run } from './support.ts'

const REASON =
  'no entry of the whitelist holds 192.0.2.1, and this goes on for longer than any terminal is wide'

const EVENT: Event = {
  id: '0198c2de-0000-7000-8000-000000000000',
  trigger_ref: 'github.push',
  content_type: 'application/json',
  payload_size_bytes: 17,
  payload: null,
  headers: [],
  source_ip: '192.0.2.1',
  received_at: '2026-01-02T03:04:05.678Z',
}

const list = (
  data: readonly (WebhookEventLogRow | Event)[],
  columns: number | null,
  args: readonly string[] = ['log', 'list'],
) =>
  run(args, adminApi(() => Response.json({ data, next_cursor: null })).env, {
    terminalColumns: () => columns,
  })

const linesOf = (out: string): string[] => out.trimEnd().split('\n')

describe('log list on a terminal', () => {
  test('has the columns that fit, and the reason in the rest of the line', async () => {
    const rows = [
      logRow(2, { error_message: REASON, created: '2026-01-02T03:04:05.678Z' }),
      logRow(1, { status_code: 200, error_code: null, error_message: null }),
    ]
    const { code, out } = await list(rows, 100)
    expect(code).toBe(0)
    expect(linesOf(out)).toEqual([
      'TIME                  STATUS  CODE               TRIGGER      SOURCE IP  REASON',
      '2026-01-02T03:04:05Z  401     signature_invalid  github.push  192.0.2.1  no entry of the whitelist …',
      '2026-01-02T03:04:05Z  200     -                  github.push  192.0.2.1  -',
    ])
  })

  test.each([1, 10, 40, 60, 72, 80, 100, 120, 200])(
    'no line is wider than %d characters',
    async (columns) => {
      const rows = [
        logRow(3, {
          error_message: REASON,
          source_ip: '2001:db8:1111:2222:3333:4444:5555:6666',
          attempts: 9,
        }),
        logRow(2, { error_message: '漢字'.repeat(90), trigger_ref: 't'.repeat(255) }),
        logRow(1, { error_message: '\x1b[2J\u{1f600}'.repeat(30), error_code: 'method_not_allowed' }),
      ]
      const { out } = await list(rows, columns)
      const lines = linesOf(out)
      expect(lines).toHaveLength(4)
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns)
      expect(out).not.toContain('\x1b')
    },
  )

  test('counts attempts only when some row stands for more than one', async () => {
    expect((await list([logRow(1)], 120)).out).not.toContain('ATTEMPTS')
    const [titles, row] = linesOf((await list([logRow(1, { attempts: 32 })], 120)).out)
    expect(titles).toContain('ATTEMPTS  REASON')
    expect(row).toContain('32        the digest')
  })

  test('with --wide is the table that goes into a pipe', async () => {
    const rows = [logRow(1, { error_message: REASON })]
    const piped = await list(rows, null)
    expect(piped.out).toContain(REASON)
    expect(piped.out).toContain('USER AGENT')
    expect(await list(rows, 80, ['log', 'list', '--wide'])).toEqual(piped)
  })

  test('with --json is whole', async () => {
    const rows = [logRow(1, { error_message: REASON })]
    expect(JSON.parse((await list(rows, 40, ['log', 'list', '--json'])).out).data).toEqual(rows)
  })
})

describe('log list --follow on a terminal', () => {
  test('prints its titles again when merged rows make a column more, and not otherwise', async () => {
    const rows = [logRow(1)]
    const api = adminApi(() => Response.json({ data: rows.toReversed(), next_cursor: null }))
    const lines: string[] = []
    const { promise: stopped, resolve } = Promise.withResolvers<(signal: string) => void>()
    const ended = run(['log', 'list', '--follow'], api.env, {
      terminalColumns: () => 90,
      print(text) {
        lines.push(text)
        // Each row that is printed makes the next one come.
        if (text.startsWith('TIME')) return
        if (rows.length < 4) rows.push(logRow(rows.length + 1, { attempts: rows.length === 2 ? 5 : 1 }))
        else void stopped.then((stop) => stop('SIGINT'))
      },
      onStopSignal: resolve,
    })
    expect((await ended).code).toBe(0)
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'TIME',
      ...Array(2).fill('2026-01-02T03:04:05Z'),
      'TIME',
      ...Array(2).fill('2026-01-02T03:04:05Z'),
    ])
    expect(lines[0]).not.toContain('ATTEMPTS')
    expect(lines[3]).toContain('ATTEMPTS')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(90)
  }, 20_000)
})

describe('events list on a terminal', () => {
  const events = (columns: number | null, ...args: string[]) =>
    list([EVENT], columns, ['events', 'list', ...args])

  test.each([
    [80, 'TIME                  ID                                    TRIGGER      BYTES'],
    [90, 'TIME                  ID                                    TRIGGER      BYTES  SOURCE IP'],
    [
      104,
      'TIME                  ID                                    TRIGGER      BYTES  SOURCE IP  CONTENT TYPE',
    ],
  ])('of %d columns keeps the id whole and leaves out what does not fit', async (columns, titles) => {
    const [first, row = ''] = linesOf((await events(columns)).out)
    expect(first).toBe(titles)
    expect(row).toStartWith(`2026-01-02T03:04:05Z  ${EVENT.id}  github.push`)
    expect(row.length).toBeLessThanOrEqual(columns)
  })

  test('with --wide is the table that goes into a pipe', async () => {
    const piped = await events(null)
    expect(piped.out).toContain('RECEIVED AT')
    expect(await events(40, '--wide')).toEqual(piped)
  })
})
