/** The clock of the host jumps, as it does when it was wrong and is put right. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type Installation, install, readAll, type Settings } from '../support/binary.ts'
import { type Clock, FAKETIME, startClock } from '../support/clock.ts'
import { eventually } from '../support/eventually.ts'
import { acknowledgedMore } from '../support/faults.ts'
import { expectOnlySuccessOr5xx, expectStoredOnce, startLoad, storedByApi } from '../support/load.ts'

const HOUR_MS = 3_600_000

let installation: Installation
let clock: Clock
let settings: Settings
beforeEach(async () => {
  installation = await install()
  clock = startClock(installation.folder)
  settings = clock.settings
})
afterEach(() => installation?.dispose())

const hoursFromNow = (iso: string): number => Math.round((Date.parse(iso) - Date.now()) / HOUR_MS)

describe.skipIf(FAKETIME === null)(
  `the clock${FAKETIME === null ? ' (skipped: libfaketime is not installed)' : ''}`,
  () => {
    test('is set forth and back, also between two starts: all is stored once, and listed', async () => {
      clock.set('+0')
      let server = await installation.serve(settings)
      const { url, ref } = await server.createTrigger('faults.push', {
        rateLimit: { requests: 10_000, windowSeconds: 60 },
      })
      const load = startLoad(url, ref, { senders: 4, pauseMs: 20 })
      const seen: number[] = []
      for (const [offset, hours] of [
        ['+0', 0],
        ['-2h', -2],
        ['+9000h', 9_000],
        ['-49h', -49],
        ['+0', 0],
      ] as const) {
        clock.set(offset)
        await acknowledgedMore(load, 50)
        await eventually(async () => {
          const response = await fetch(url, { method: 'POST', body: new Uint8Array(4) })
          return (
            hoursFromNow(((await response.json()) as { data: { received_at: string } }).data.received_at) ===
            hours
          )
        })
        seen.push(hours)
      }
      await load.stop()
      expectOnlySuccessOr5xx(load)
      expect([[...load.statuses.keys()], load.cutOff, seen.length]).toEqual([[200], 0, 5])
      expect(await server.stop()).toBe(0)

      // A process that begins in the past knows nothing of the ids of the one before it.
      clock.set('-72h')
      server = await installation.serve(settings)
      const later = startLoad(`${server.receiverUrl}${new URL(url).pathname}`, 'later', { senders: 4 })
      await acknowledgedMore(later, 100)
      await later.stop()
      expect([...later.statuses.keys()]).toEqual([200])
      const events = await readAll(server, `/api/v1/events?trigger=${ref}`)
      const ids = events.map(({ id }) => id as string)
      expect(ids).toEqual(ids.toSorted().reverse())
      expect(
        [...load.acknowledged.keys(), ...later.acknowledged.keys()].filter((id) => !ids.includes(id)),
      ).toEqual([])
      const stored = await storedByApi(server, ref)
      const ofFirst = new Map([...stored.bodies].filter(([id]) => load.acknowledged.has(id)))
      expectStoredOnce(load, {
        bodies: ofFirst,
        eventIds: stored.eventIds.filter((id) => load.acknowledged.has(id)),
        auditedIds: stored.auditedIds.filter((id) => load.acknowledged.has(id)),
      })
      expect(stored.eventIds.toSorted()).toEqual(stored.auditedIds.toSorted())
      expect(await server.stop()).toBe(0)
    })
  },
)
