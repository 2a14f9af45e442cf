/**
 * `bun run test:faults [--long]`: the compiled binary under every fault that we know how to make.
 *
 * The short form takes about three minutes. The long form has more of everything, and kills the process itself a hundred times
 * on each engine; the short form leaves that to the black-box suite, which does it twenty times.
 */
import { resolve } from 'node:path'
import { clusterMissing, createCluster, DURABLE } from '../support/postgresql-cluster.ts'

const ROOT = resolve(import.meta.dir, '../..')
const CRASHES_LONG = '100'

// Which database a test runs on is its own choice.
const { ATTUNE_TEST_DATABASE_URL: _, FAULTS_LONG = '', ...environment } = process.env
const isLong = process.argv.includes('--long') || FAULTS_LONG === '1'

const test = async (words: readonly string[], variables: Record<string, string>): Promise<number> => {
  const command = [process.execPath, 'test', '--isolate', ...words]
  const env = { ...environment, ...variables }
  return Bun.spawn(command, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] }).exited
}

const codes = [await test(['--parallel=2', 'test/faults'], isLong ? { FAULTS_LONG: '1' } : {})]
if (isLong) {
  const crash = ['test/binary/crash.test.ts', '--test-name-pattern', 'SIGKILL']
  const variables = { ATTUNE_TEST_CRASHES: CRASHES_LONG }
  codes.push(await test(crash, variables))
  if (clusterMissing === null) {
    const cluster = await createCluster(DURABLE)
    codes.push(await test(crash, { ...variables, ATTUNE_TEST_DATABASE_URL: cluster.url('postgres') }))
    await cluster.dispose()
  } else process.stderr.write(`not killed on PostgreSQL: ${clusterMissing}\n`)
}
process.exit(codes.every((code) => code === 0) ? 0 : 1)
