import { describe, expect, test } from 'bun:test'
import { LOG_QUEUE_BYTES_MAX, LOG_WRITE_BYTES_MAX } from '../src/core/limits.ts'
import { createLogSink } from '../src/log-sink.ts'
import { eventually } from './support/eventually.ts'

/** A reader that takes what it is allowed to, as a pipe does that is full or not. */
function openReader() {
  let text = ''
  let isReading = true
  let failure: Error | null = null
  const calls: number[] = []
  const sink = createLogSink({
    async writeSome(bytes) {
      calls.push(bytes.byteLength)
      if (failure !== null) throw failure
      await eventually(() => isReading, 5_000)
      // Seldom all of it.
      const taken = bytes.subarray(0, 40_000)
      text += new TextDecoder().decode(taken)
      return taken.byteLength
    },
    droppedLine: (lines) => `dropped ${lines}\n`,
  })
  return {
    sink,
    calls,
    lines: () => text.split('\n').slice(0, -1),
    stop: () => {
      isReading = false
    },
    goOn: () => {
      isReading = true
    },
    failWith: (error: Error | null) => {
      failure = error
    },
  }
}

const withCode = (code: string): Error => Object.assign(new Error(code), { code })

/** Long enough that a thousand of them are more than may wait. */
const line = (number: number): string => `${number} ${'x'.repeat(2_000)}\n`
const numberOf = (text: string): number => Number(text.split(' ')[0])

describe('the sink of the log', () => {
  test('writes every line once, in order, many at a time', async () => {
    const { sink, lines, calls } = openReader()
    for (let number = 0; number < 400; number += 1) sink.write(line(number))
    await sink.flush(5_000)
    expect(lines().map(numberOf)).toEqual(Array.from({ length: 400 }, (_, number) => number))
    expect(calls.length).toBeLessThan(60)
    expect(Math.max(...calls)).toBeLessThanOrEqual(LOG_WRITE_BYTES_MAX)
  })

  test('a reader that stops costs no more than the bound, and is told what it has missed', async () => {
    const { sink, lines, stop, goOn } = openReader()
    stop()
    for (let number = 0; number < 3_000; number += 1) sink.write(line(number))
    goOn()
    await sink.flush(5_000)
    sink.write(line(3_000))
    await sink.flush(5_000)
    const all = lines()
    const gap = all.findIndex((text) => text.startsWith('dropped'))
    expect(all.slice(0, gap).map(numberOf)).toEqual(Array.from({ length: gap }, (_, number) => number))
    expect(gap * line(0).length).toBeLessThanOrEqual(LOG_QUEUE_BYTES_MAX)
    expect(all[gap]).toBe(`dropped ${3_000 - gap}`)
    expect(all.slice(gap + 1).map(numberOf)).toEqual([3_000])
  })

  test('a line behind a gap comes behind the count of the gap', async () => {
    const { sink, lines, stop, goOn } = openReader()
    stop()
    for (let number = 0; number < 1_000; number += 1) sink.write(line(number))
    // Short enough for what is left of the room.
    sink.write('1000 short\n')
    goOn()
    await sink.flush(5_000)
    expect(lines().at(-1)).toMatch(/^dropped \d+$/)
  })

  test('no room just now is waited for', async () => {
    const { sink, lines, failWith } = openReader()
    failWith(withCode('EAGAIN'))
    sink.write('1\n')
    sink.write('2\n')
    await sink.flush(50)
    expect(lines()).toEqual([])
    failWith(null)
    await sink.flush(5_000)
    expect(lines()).toEqual(['1', '2'])
  })

  test.each(['ENOSPC', 'EPIPE', 'EIO'])(
    'after %s the next line tries again, behind the count',
    async (code) => {
      const { sink, lines, failWith } = openReader()
      failWith(withCode(code))
      for (const text of ['1\n', '2\n', '3\n']) sink.write(text)
      await sink.flush(5_000)
      failWith(null)
      sink.write('4\n')
      await sink.flush(5_000)
      expect(lines()).toEqual(['dropped 3', '4'])
    },
  )

  test('the end waits for a reader no longer than it was told', async () => {
    const { sink, stop, goOn } = openReader()
    stop()
    sink.write('1\n')
    const startedAtMs = performance.now()
    await sink.flush(30)
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
    goOn()
    await sink.flush(5_000)
  })
})
