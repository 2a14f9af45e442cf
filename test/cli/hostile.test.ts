import { describe, expect, test } from 'bun:test'
import { TABLE_CELL_LENGTH_MAX } from '../../src/core/limits.ts'
import { adminApi, logRow, run, TRIGGER } from './support.ts'

/** Clears the screen, retitles the window, moves the cursor, ends the line, reverses the reading order. */
const HOSTILE = 'curl\x1b[2J\x1b]0;owned\x07\u009b1A\r\n200 accepted\u202e\u2028\0'

/** What a terminal obeys. A line feed is ours, at the end of a line. */
const OBEYED = /[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Zp}/u

const EVENT = {
  id: '0198c2de-0000-7000-8000-000000000000',
  trigger_ref: 'a.b',
  content_type: HOSTILE,
  payload_size_bytes: 3,
  payload: { [HOSTILE]: HOSTILE },
  headers: [['user-agent', HOSTILE]],
  source_ip: '192.0.2.1',
  received_at: '2026-01-02T03:04:05.000Z',
}

/** Every place where something a sender or another operator wrote can come back. */
const hostileApi = () =>
  adminApi(({ target }) => {
    if (target.endsWith('/body')) return new Response(HOSTILE)
    if (target.startsWith('/api/v1/webhook-event-log')) {
      const headers: [string, string][] = [['x', HOSTILE]]
      const row = logRow(1, { user_agent: HOSTILE, error_message: HOSTILE, headers })
      if (target.includes('log/')) return Response.json({ data: row })
      return Response.json({ data: [row], next_cursor: HOSTILE })
    }
    if (target.startsWith('/api/v1/events/')) return Response.json({ data: EVENT })
    if (target.startsWith('/api/v1/events')) return Response.json({ data: [EVENT], next_cursor: HOSTILE })
    const trigger = { ...TRIGGER, label: HOSTILE, description: HOSTILE }
    return Response.json({ data: target === '/api/v1/triggers' ? [trigger] : trigger })
  })

describe('hostile text is shown and not obeyed', () => {
  test.each([
    'log list',
    'log list --json',
    `log show ${EVENT.id}`,
    `log show ${EVENT.id} --json`,
    'events list',
    'events list --json',
    `events show ${EVENT.id}`,
    `events show ${EVENT.id} --json`,
    'trigger list',
    'trigger show a.b',
    'trigger show a.b --json',
    'webhook enable a.b',
  ])('%s', async (line) => {
    const { code, out, err } = await run(line.split(' '), hostileApi().env)
    expect(code).toBe(0)
    expect(out + err).not.toMatch(OBEYED)
    expect(out + err).toContain('owned')
  })

  test('JSON still means the same', async () => {
    const { out } = await run(['log', 'list', '--json'], hostileApi().env)
    expect(JSON.parse(out).data[0].user_agent).toBe(HOSTILE)
  })

  test('a row stays one line of its table', async () => {
    const { out } = await run(['log', 'list'], hostileApi().env)
    expect(out.trimEnd().split('\n')).toHaveLength(2)
  })

  test('a long text does not flood the table, but the reason is whole', async () => {
    const row = logRow(1, { user_agent: 'u'.repeat(10_000), error_message: 'r'.repeat(300) })
    const api = adminApi(() => Response.json({ data: [row], next_cursor: null }))
    const { out } = await run(['log', 'list'], api.env)
    expect(out).toContain(`${'u'.repeat(TABLE_CELL_LENGTH_MAX - 1)}…`)
    expect(out).not.toContain('u'.repeat(TABLE_CELL_LENGTH_MAX))
    expect(out).toContain('r'.repeat(300))
  })
})

describe('events show --body', () => {
  const bytes = new Uint8Array([0, 0xff, 0x1b, 0x5b, 0x32, 0x4a, 0x0d, 0x0a])
  const args = ['events', 'show', EVENT.id, '--body']

  test('writes the exact bytes, without a line end of ours, where they are kept', async () => {
    const written: Uint8Array[] = []
    const printBytes = (chunk: Uint8Array) => written.push(chunk)
    const { code } = await run(args, adminApi(() => new Response(bytes)).env, { printBytes })
    expect(code).toBe(0)
    expect(Buffer.concat(written)).toEqual(Buffer.from(bytes))
  })

  test('shows them as text on a terminal', async () => {
    const { out } = await run(args, adminApi(() => new Response(bytes)).env, { printsToTerminal: true })
    expect(out).not.toMatch(OBEYED)
    expect(out).toContain('\\x1b[2J')
  })
})
