import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { Client } from '../../../src/store/embedded/client.ts'
import { openEngine } from '../../../src/store/embedded/engine.ts'
import { ensureCluster } from '../../../src/store/embedded/template.ts'
import { Turns } from '../../../src/store/embedded/turns.ts'
import { eventually, frame, startup, temporaryDirectory } from './support.ts'

test('who holds the session for too long without a message is cut off and rolled back; the others go on', async () => {
  const directory = temporaryDirectory()
  const cluster = join(directory.path, 'postgres')
  await ensureCluster(directory.path, cluster)
  const engine = await openEngine(cluster, () => {})
  const deaths: Error[] = []
  const turns = new Turns(engine, (error) => deaths.push(error), 100)

  const newClient = () => {
    const said: string[] = []
    const state = { said, isClosed: false }
    const client = new Client({
      data: (bytes) => said.push(Buffer.from(bytes).toString('latin1')),
      taken: () => {},
      closed: () => {
        state.isClosed = true
      },
    })
    turns.join(client)
    turns.receive(client, startup())
    return { state, ask: (text: string) => turns.receive(client, frame('Q', `${text}\0`)) }
  }
  const holder = newClient()
  const other = newClient()
  holder.ask('create table t (n int)')
  holder.ask('begin; insert into t values (1)')
  await eventually(() => holder.state.said.join('').includes('INSERT 0 1'))
  other.ask("select 'counted ' || count(*) from t")
  expect(holder.state.isClosed).toBe(false)
  await eventually(() => other.state.said.join('').includes('counted'))

  expect(holder.state.isClosed).toBe(true)
  expect(holder.state.said.join('')).toContain('C25P03')
  expect(other.state.said.join('')).toContain('counted 0')
  await turns.stop()
  expect(other.state.isClosed).toBe(true)
  expect(deaths).toEqual([])
  await engine.close()
  directory.remove()
}, 30_000)
