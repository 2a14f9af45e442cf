import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Log } from '../../../src/core/log.ts'
import type { EmbeddedDatabase } from '../../../src/store/embedded/index.ts'

const silent = (): void => {}
export const SILENT_LOG: Log = { debug: silent, info: silent, warn: silent, error: silent }

/** An empty directory of its own, with the function that removes it. */
export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'attune-embedded-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A client as the store makes one. `socket` is an option that postgres.js has and its types leave out. */
export function clientOf(database: Pick<EmbeddedDatabase, 'connect'>, max = 4): postgres.Sql {
  const options: postgres.Options<Record<string, never>> & { socket: () => unknown } = {
    socket: () => database.connect(),
    max,
    user: 'postgres',
    database: 'postgres',
    ssl: false,
    onnotice: silent,
  }
  return postgres(options)
}

/** Asks again until the answer is yes. A failed question counts as a no. */
export async function eventually(question: () => Promise<boolean> | boolean, msMax = 10_000): Promise<void> {
  const deadline = performance.now() + msMax
  for (;;) {
    const answer = await Promise.resolve()
      .then(question)
      .catch(() => false)
    if (answer) return
    if (performance.now() > deadline) throw new Error(`It did not come true within ${msMax} ms.`)
    await Bun.sleep(20)
  }
}

/** What the promise is rejected with. `expect(…).rejects` stops the event loop that our promises need to settle. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (outcome instanceof Error) return outcome
  throw new Error('The promise was not rejected with an error.')
}

/** The first message of a client. */
export function startup(): Buffer {
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0')
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + parameters.length, 0)
  header.writeUInt32BE(3 << 16, 4)
  return Buffer.concat([header, parameters])
}

/** A message of the wire protocol. */
export function frame(type: string, body: string): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 0)
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, Buffer.from(body)])
}
