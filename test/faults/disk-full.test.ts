/** The disk under the embedded database is full. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Installation, install, type Server, type Webhook } from '../support/binary.ts'
import { eventually } from '../support/eventually.ts'
import { acknowledgedMore, resumed, shortOrLong } from '../support/faults.ts'
import {
  expectOnlySuccessOr5xx,
  expectStoredOnce,
  type Load,
  startLoad,
  storedByApi,
} from '../support/load.ts'

const DISK_MIB = 256
const MIB = 1024 * 1024

/** The second is longer than it takes until a database that fails each time it is opened is given up. */
const [TABLE_FULL_MS, LOG_FULL_MS] = shortOrLong<[number, number]>([3_000, 22_000], [60_000, 180_000])

const mountMissing = whyNoMount()

describe.skipIf(mountMissing !== null)(
  `a full disk under the embedded database${mountMissing === null ? '' : ` (skipped: ${mountMissing})`}`,
  () => {
    let disk: string
    let installation: Installation
    let server: Server
    let webhook: Webhook
    let load: Load
    beforeEach(async () => {
      disk = mkdtempSync(join(tmpdir(), 'attune-disk-'))
      mount(disk)
      installation = await install()
      server = await installation.serve({ ATTUNE_DATA_DIR: directory() })
      webhook = await server.createTrigger('faults.push')
      load = startLoad(webhook.url, webhook.ref, {
        senders: 16,
        bodyBytesMax: 20_000,
        pauseMs: 10,
        refusedPauseMs: 200,
      })
      await acknowledgedMore(load, 300)
    })
    afterEach(async () => {
      await load?.stop()
      await installation?.dispose()
      Bun.spawnSync(['umount', disk])
      rmSync(disk, { recursive: true, force: true })
    })

    const directory = () => {
      const path = join(disk, 'data')
      mkdirSync(path, { mode: 0o700, recursive: true })
      return path
    }
    const ballast = () => join(disk, 'ballast')

    test.each([
      ['for a table', 0, TABLE_FULL_MS],
      ['for the write-ahead log, which stops the database', 12, LOG_FULL_MS],
    ])(
      'no room %s: 503, and service by itself once there is some; nothing acknowledged is lost',
      async (_, mib, fullMs) => {
        const room = join(disk, 'room')
        writeFileSync(room, Buffer.alloc(mib * MIB))
        fill(ballast())
        rmSync(room)
        await eventually(() => (load.statuses.get(503) ?? 0) > 20, 60_000)
        const fullSinceMs = performance.now()
        await eventually(() => performance.now() - fullSinceMs > fullMs, fullMs + 1_000)
        rmSync(ballast())
        await resumed(load)
        await load.stop()
        expectOnlySuccessOr5xx(load)
        expectStoredOnce(load, await storedByApi(server, load.ref))
        expect(await server.stop()).toBe(0)
        const again = await installation.serve({ ATTUNE_DATA_DIR: directory() })
        expectStoredOnce(load, await storedByApi(again, load.ref))
      },
    )
  },
)

function mount(directory: string): void {
  const { success } = Bun.spawnSync([
    'mount',
    '-t',
    'tmpfs',
    '-o',
    `size=${DISK_MIB}m,mode=0700`,
    'tmpfs',
    directory,
  ])
  if (!success) throw new Error('the file system could not be mounted')
}

/** Takes the disk to its last block. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const bytes of [MIB, 4096]) while (hasRoom(file, bytes));
  } finally {
    closeSync(file)
  }
}

function hasRoom(file: number, bytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(bytes)) === bytes
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}

function whyNoMount(): string | null {
  if (process.getuid?.() !== 0) return 'mounting a small file system takes root'
  const directory = mkdtempSync(join(tmpdir(), 'attune-disk-'))
  const { success } = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], {
    stderr: 'ignore',
  })
  if (success) Bun.spawnSync(['umount', directory])
  rmSync(directory, { recursive: true, force: true })
  return success ? null : 'file systems may not be mounted here'
}
