import { describe, expect, test } from 'bun:test'
import type { WebhookEventLogRow } from '../../src/core/event.ts'
import { adminApi, logRow, run } from './support.ts'

/** A webhook event log that grows, newest first, in pages as the admin API makes them. */
function growingLog(rows: WebhookEventLogRow[]) {
  let refusal: (() => Response) | null = null
  const api = adminApi(({ target }) => {
    if (refusal !== null) return refusal()
    const query = new URL(target, 'http://localhost').searchParams
    const limit = Number(query.get('limit') ?? 50)
    const start = Number(query.get('cursor') ?? 0)
    const newestFirst = rows.toSorted((one, other) => (one.id < other.id ? 1 : -1))
    const data = newestFirst.slice(start, start + limit)
    return Response.json({ data, next_cursor: start + limit < rows.length ? String(start + limit) : null })
  })
  return {
    api,
    add: (...sequences: readonly number[]) => rows.push(...sequences.map((sequence) => logRow(sequence))),
    refuseWith: (answer: (() => Response) | null) => {
      refusal = answer
    },
  }
}

const rowsFrom = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => logRow(first + index))

/** Follows a log as JSON, until `stop`. */
function follow(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const output = { lines: [] as string[], talk: [] as string[] }
  let stop: (signal: string) => void = () => undefined
  const ended = run(['log', 'list', '--follow', '--json', ...args], env, {
    print: (text) => output.lines.push(text),
    say: (text) => output.talk.push(text),
    onStopSignal: (listener) => {
      stop = listener
    },
  })
  return {
    ...output,
    ended,
    stop: () => stop('SIGINT'),
    sequences: () => output.lines.map((line) => Number(JSON.parse(line).id.slice(-12))),
  }
}

/** Waits until a condition holds; fails when that takes longer than anything here should. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 8_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come to pass in time')
    await Bun.sleep(10)
  }
}

describe('log list --follow', () => {
  test('prints new rows once each, oldest first, and none from before its first page', async () => {
    const log = growingLog(rowsFrom(1, 5))
    const following = follow(log.api.env, ['--limit', '3'])
    await until(() => following.lines.length === 3)
    expect(following.sequences()).toEqual([3, 4, 5])

    log.add(6, 7)
    await until(() => following.lines.length >= 5)
    log.add(9)
    await until(() => following.lines.length >= 6)
    // Stored after row 9, though it is older: it must not be missed.
    log.add(8)
    await until(() => following.lines.length >= 7)
    expect(following.sequences()).toEqual([3, 4, 5, 6, 7, 9, 8])

    following.stop()
    expect((await following.ended).code).toBe(0)
  }, 20_000)

  test('reads back over several pages, when more rows came than one holds', async () => {
    const log = growingLog([])
    const following = follow(log.api.env)
    await until(() => log.api.calls.length > 0)
    log.add(...Array.from({ length: 1_200 }, (_, index) => index + 1))
    await until(() => following.lines.length >= 1_200)
    expect(following.sequences()).toEqual(Array.from({ length: 1_200 }, (_, index) => index + 1))
    following.stop()
    expect((await following.ended).code).toBe(0)
  }, 20_000)

  test('waits for a server that is away, says so once, and leaves nothing out', async () => {
    const log = growingLog(rowsFrom(1, 1))
    const following = follow(log.api.env)
    await until(() => following.lines.length === 1)
    const calls = () => log.api.calls.length
    log.refuseWith(() => Response.json({ code: 'store_unavailable', detail: 'Away.' }, { status: 503 }))
    const before = calls()
    await until(() => calls() >= before + 3)
    log.add(2)
    log.refuseWith(null)
    await until(() => following.lines.length === 2)
    expect(following.talk).toEqual([expect.stringContaining('store_unavailable')])
    following.stop()
    expect((await following.ended).code).toBe(0)
  }, 20_000)

  test('ends when it is refused for good', async () => {
    const log = growingLog(rowsFrom(1, 1))
    const following = follow(log.api.env)
    await until(() => following.lines.length === 1)
    log.refuseWith(() => Response.json({ code: 'unauthorized', detail: 'No.' }, { status: 401 }))
    expect((await following.ended).code).toBe(1)
  }, 20_000)

  test('prints the titles of its table once', async () => {
    const log = growingLog(rowsFrom(1, 1))
    const lines: string[] = []
    let stop: (signal: string) => void = () => undefined
    const ended = run(['log', 'list', '--follow'], log.api.env, {
      print: (text) => lines.push(text),
      onStopSignal: (listener) => {
        stop = listener
      },
    })
    await until(() => lines.length === 2)
    log.add(2)
    await until(() => lines.length === 3)
    expect(lines.filter((line) => line.startsWith('CREATED'))).toHaveLength(1)
    stop('SIGINT')
    expect((await ended).code).toBe(0)
  }, 20_000)
})
