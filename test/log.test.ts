import { describe, expect, test } from 'bun:test'
import { LOG_TEXT_LENGTH_MAX } from '../src/core/limits.ts'
import { createLog, faultFields, type LogLevel } from '../src/log.ts'

function capture(level: LogLevel = 'debug') {
  const lines: string[] = []
  const log = createLog({
    level,
    write: (line) => lines.push(line),
    now: () => new Date('2026-01-02T03:04:05.678Z'),
  })
  return { log, lines, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '') }
}

describe('log', () => {
  test('an entry is one line of JSON: time, level and message first, then its fields', () => {
    const { log, lines } = capture()
    log.warn('queue full', { rows: 3, ratio: 0.5, full: true, key: null, absent: undefined })
    expect(lines).toEqual([
      '{"time":"2026-01-02T03:04:05.678Z","level":"warn","message":"queue full",' +
        '"rows":3,"ratio":0.5,"full":true,"key":null}\n',
    ])
  })

  test.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('level %s writes %j and nothing else', (level, written) => {
    const { log, lines } = capture(level)
    log.debug('m')
    log.info('m')
    log.warn('m')
    log.error('m')
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([...written])
  })

  test('hostile text stays inside its line and drives no terminal', () => {
    const { log, lines, last } = capture()
    const hostile = 'a\n{"level":"error"}\r\x1b[2J\x00\x7f\u009b31m\u202e\u2028\ud800'
    log.info(hostile, { agent: hostile })
    expect(lines.join('')).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+\n$/u)
    expect(last()).toMatchObject({ message: hostile, agent: hostile })
  })

  test('no text is longer than the limit, and what is cut says so', () => {
    const { log, last } = capture()
    log.info('m'.repeat(1e6), { fits: 'f'.repeat(LOG_TEXT_LENGTH_MAX), long: 'l'.repeat(1e6) })
    const { message, fits, long } = last() as Record<string, string>
    expect(message).toHaveLength(LOG_TEXT_LENGTH_MAX)
    expect(message).toEndWith('…')
    expect(fits).toBe('f'.repeat(LOG_TEXT_LENGTH_MAX))
    expect(long).toHaveLength(LOG_TEXT_LENGTH_MAX)
  })

  test('a field cannot forge the time, the level or the message', () => {
    const { log, last } = capture()
    log.info('true', { time: 'never', level: 'error', message: 'false' })
    expect(last()).toEqual({
      time: '2026-01-02T03:04:05.678Z',
      level: 'info',
      message: 'true',
      field_time: 'never',
      field_level: 'error',
      field_message: 'false',
    })
  })

  test('a reader that has gone away does not stop the process', () => {
    const log = createLog({
      level: 'info',
      write: () => {
        throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
      },
    })
    expect(() => log.error('nobody reads this')).not.toThrow()
  })

  test('a number that JSON has no word for becomes null', () => {
    const { log, last } = capture()
    log.info('m', { ms: Number.NaN })
    expect(last()).toMatchObject({ ms: null })
  })
})

describe('faultFields', () => {
  class PostgresError extends Error {
    override name = 'PostgresError'
    code = '22P02'
    constraint_name = 'trigger_ref_key'
    query = 'insert into canary-statement'
  }

  test.each([
    ['a database error', new PostgresError('invalid input: "canary-value"')],
    [
      'an error that wraps one',
      Object.assign(new Error('Failed query: canary-statement params: canary-value'), {
        name: 'DrizzleQueryError',
        query: 'canary-statement',
        cause: new PostgresError('canary-value'),
      }),
    ],
    ['a thrown text', 'canary-value'],
    ['a thrown object', { secret: 'canary-value' }],
  ])('nothing that %s quotes is logged', (_, fault) => {
    expect(JSON.stringify(faultFields(fault))).not.toContain('canary')
  })

  test('a database error is known by its code and constraint', () => {
    expect(faultFields(new PostgresError('m'))).toMatchObject({
      error: 'PostgresError',
      error_code: '22P02',
      error_constraint: 'trigger_ref_key',
    })
  })

  test('any other error has its message, and says where it was thrown', () => {
    const fields = faultFields(new TypeError('x is undefined', { cause: new Error('disk full') }))
    expect(fields).toMatchObject({
      error: 'TypeError',
      error_message: 'x is undefined',
      error_cause: 'Error: disk full',
      error_stack: expect.stringContaining('log.test.ts'),
    })
  })
})
