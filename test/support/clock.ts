/** The clock of the host, as the binary sees it: set by libfaketime, while it runs. */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from './binary.ts'

/** libfaketime where Debian puts it, or `null`. */
export const FAKETIME: string | null =
  [
    ...new Bun.Glob('/usr/lib/*/faketime/libfaketimeMT.so.1').scanSync({ absolute: true, onlyFiles: false }),
  ][0] ?? null

export interface Clock {
  /** Environment variables of a binary that goes by it. */
  readonly settings: Settings
  /** `+0`, `-2h`: how far it is from that of the host. */
  set(offset: string): void
}

/** A clock that is right, and kept in `folder`. */
export function startClock(folder: string): Clock {
  const file = join(folder, 'offset')
  const clock: Clock = {
    settings: {
      LD_PRELOAD: FAKETIME ?? undefined,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      // The time since the start of the machine is what no operator can set.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    // In one step, so that nobody reads half of it.
    set(offset) {
      writeFileSync(`${file}.new`, `${offset}\n`)
      renameSync(`${file}.new`, file)
    },
  }
  clock.set('+0')
  return clock
}
