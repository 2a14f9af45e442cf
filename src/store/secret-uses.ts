import { SECRET_USES_MAX, SECRET_USES_WRITE_MS } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { Rejection } from '../core/rejection.ts'
import { describeFault, type Pool } from './connection.ts'

const WRITE_MS_MAX = 5_000

/**
 * Which secrets were used, written down once a minute: a statement for each attempt would cost more than the attempt. What could
 * not be written is left out; it says no more than that a secret is still in use.
 */
export class SecretUses {
  readonly #pool: Pool
  readonly #log: Log
  #used = new Set<string>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(pool: Pool, log: Log) {
    this.#pool = pool
    this.#log = log
    this.#timer = setInterval(() => void this.write(), SECRET_USES_WRITE_MS)
  }

  /** @param secretId - of a secret that has verified an attempt */
  note(secretId: string): void {
    if (this.#used.size < SECRET_USES_MAX) this.#used.add(secretId)
  }

  async write(): Promise<void> {
    if (this.#used.size === 0) return
    const ids = [...this.#used]
    this.#used = new Set()
    try {
      await this.#pool.run(WRITE_MS_MAX, (sql) => sql.unsafe(WRITE, [ids]))
    } catch (error) {
      this.#log.warn('the use of secrets could not be written down', {
        reason: error instanceof Rejection ? error.reason : describeFault(error),
      })
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.write()
  }
}

/** In one order for all processes, none of which writes what another has written within the minute. */
const WRITE = `
  update attune.webhook_secret s
  set last_used = now()
  from (
    select id from attune.webhook_secret
    where id = any ($1::text[]::bigint[]) and (last_used is null or last_used < now() - interval '50 seconds')
    order by id
    for update
  ) used
  where s.id = used.id`
