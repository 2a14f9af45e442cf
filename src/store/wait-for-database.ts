import { DATABASE_WAIT_MS_MAX, DATABASE_WAIT_STEP_MS } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { OperatorError } from '../core/operator-error.ts'
import { describeFault, type Engine, explainFault, isTransient } from './connection.ts'

/**
 * In a container the database often starts beside us, and a little later.
 *
 * @param signal - ends the wait; what is thrown then is its reason
 * @throws OperatorError when the database cannot be used, or not in time
 */
export async function waitForDatabase(engine: Engine, log: Log, signal?: AbortSignal): Promise<void> {
  const sql = engine.createPool({ name: 'start', connectionsMax: 1, statementMsMax: DATABASE_WAIT_MS_MAX })
  const giveUpAtMs = performance.now() + DATABASE_WAIT_MS_MAX
  const aborted = new Promise<void>((resolve) =>
    signal?.addEventListener('abort', () => resolve(), { once: true }),
  )
  let lastReason: string | null = null
  try {
    for (;;) {
      try {
        // A server that does not even refuse keeps a connection waiting for seconds.
        await Promise.race([sql.unsafe('select 1'), aborted])
        signal?.throwIfAborted()
        return
      } catch (error) {
        signal?.throwIfAborted()
        const reason = describeFault(error)
        if (!isTransient(error) || performance.now() > giveUpAtMs) {
          throw new OperatorError(`The database of DATABASE_URL cannot be used: ${explainFault(error)}`)
        }
        // Each reason once: nobody needs to read the same line sixty times.
        if (reason !== lastReason) log.warn('waiting for the database', { reason: explainFault(error) })
        lastReason = reason
        await Promise.race([Bun.sleep(DATABASE_WAIT_STEP_MS), aborted])
      }
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}
