import { ADMIN_QUERY_MS_MAX } from '../core/limits.ts'
import { Rejection, storeUnavailable } from '../core/rejection.ts'
import { describeFault, isTransient } from './connection.ts'

/** Beyond the time after which the server ends a statement by itself, so that its answer comes first. */
const DEADLINE_MS = ADMIN_QUERY_MS_MAX + 1_000

/**
 * Runs a query of an administrator. postgres.js waits for ever on a server that has stopped answering, and the embedded
 * database ends no statement, so a deadline stands behind each.
 *
 * @throws Rejection `store_unavailable` when the deadline passes or the database cannot be reached just now
 */
export async function adminQuery<T>(run: () => PromiseLike<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(storeUnavailable(`the database did not answer within ${DEADLINE_MS} ms`)),
      DEADLINE_MS,
    )
  })
  try {
    return await Promise.race([run(), deadline])
  } catch (error) {
    if (error instanceof Rejection || !isTransient(error)) throw error
    throw storeUnavailable(describeFault(error))
  } finally {
    clearTimeout(timer)
  }
}
