import { embeddedEngine } from '../src/store/connection.ts'
import { embeddedTotals } from './contestant.ts'
import type { Ours } from './ours.ts'

/**
 * Stops a server on the embedded database and counts the rows that it has left on the disk.
 *
 * @returns what does not agree with the statistics by which its runs were counted, in words
 */
export async function problemsOnDisk(server: Ours): Promise<string[]> {
  const told = await embeddedTotals(server)
  await server.stop()
  const silent = () => {}
  const log = { debug: silent, info: silent, warn: silent, error: silent }
  const engine = await embeddedEngine(server.dataDirectory, log)
  const sql = engine.createPool({ name: 'bench', connectionsMax: 1, statementMsMax: 0 })
  try {
    const [row] = await sql.unsafe<{ events: number; log_rows: number }[]>(
      `select (select count(*)::integer from attune.event) as events,
              (select count(*)::integer from attune.webhook_event_log where status_code = 200) as log_rows`,
    )
    const found = { events: row?.events, logRows: row?.log_rows }
    if (found.events === told.events && found.logRows === told.logRows) return []
    return [`A embedded: ${JSON.stringify(found)} are on the disk, and ${JSON.stringify(told)} were told`]
  } finally {
    await sql.end({ timeout: 1 })
    await engine.close()
  }
}
