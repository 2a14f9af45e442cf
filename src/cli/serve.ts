import { setTimeout as sleep } from 'node:timers/promises'
import type { ReceiverProcesses, RunningApp } from '../app.ts'
import { type Config, describeConfig, SETTINGS } from '../config.ts'
import type { EffectiveSetting } from '../core/administrator.ts'
import { SHUTDOWN_MS_MAX } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { faultFields } from '../log.ts'
import { type CommandContext, command, Misconfigured } from './command.ts'
import { RECEIVER_PROCESS } from './receiver-process.ts'
import { type GivenOptions, readConfig, SERVER_OPTIONS, settingFlags } from './settings.ts'

const serve = command({
  name: 'serve',
  summary: 'Starts the receiver and the admin API, and runs until a signal ends it.',
  details: [
    'SIGTERM or SIGINT: takes no more requests, finishes those in flight, closes the database and exits 0.',
    'A second signal exits at once. Settings come from the environment too; a flag wins. DATABASE_URL and',
    'ATTUNE_ADMIN_TOKEN have no flag, because arguments are visible to every user of the host.',
  ].join('\n'),
  options: SERVER_OPTIONS,
  async run({ options }, context) {
    const config = readConfig(options, context)
    if (config.processes > 1 && context.platform !== 'linux') {
      throw new Misconfigured(
        'ATTUNE_PROCESSES: must be 1 on this system: only Linux shares a port among processes',
      )
    }
    const log = context.createLog(config.logLevel)
    const stopping = new AbortController()
    const signal = new Promise<string>((resolve) => {
      context.onStopSignal((name) => {
        resolve(name)
        stopping.abort()
      })
    })

    // Imported here, so that the commands of a client start without the server.
    const { startApp } = await import('../app.ts')
    const settings = effectiveSettings(config, options, context)
    const starting = startApp(config, log, stopping.signal, receiverProcesses(context), settings)
    const failure = starting.then((app) => {
      announce(app, log)
      return app.failed
    })
    // A signal is heard while the app is still starting too: it may be waiting for its database.
    const end = await Promise.race([
      failure.then(
        (fault) => ({ failed: 'failed', fault }),
        (fault: unknown) => ({ failed: 'cannot start', fault }),
      ),
      signal.then((name) => ({ failed: null, signal: name })),
    ])
    if (end.failed === null) log.info('stopping', { signal: end.signal })
    else log.error(end.failed, faultFields(end.fault))
    if (end.failed === 'cannot start') return 1

    const isStopped = await stopInTime(starting, stopping.signal, log)
    return isStopped && end.failed === null ? 0 : 1
  },
})

const effectiveSettings = (
  config: Config,
  options: GivenOptions,
  { env }: CommandContext,
): readonly EffectiveSetting[] =>
  describeConfig(config, { env, flags: settingFlags(options) }).map((line) => ({
    variable: line.variable,
    value: line.value,
    default: line.default,
    origin: line.origin,
  }))

/** Settings reach a receiver process by message, so that none has to be in its environment too. */
function receiverProcesses({ env, startChild, writeLogLine }: CommandContext): ReceiverProcesses {
  const settings = new Set(Object.values(SETTINGS).map(({ variable }) => variable))
  const rest = Object.fromEntries(Object.entries(env).filter(([variable]) => !settings.has(variable)))
  return {
    startChild: (events) => startChild({ args: [RECEIVER_PROCESS], env: rest, ...events }),
    writeLine: writeLogLine,
  }
}

function announce(app: RunningApp, log: Log): void {
  log.info('listening', {
    receiver_url: app.receiverUrl,
    admin_url: app.adminUrl,
    admin_token_path: app.adminTokenPath,
    console: `open ${app.adminUrl} and sign in with ${
      app.adminTokenPath === null ? SETTINGS.adminToken.variable : `the token in ${app.adminTokenPath}`
    }`,
  })
}

/** Stops the app, however far it has come. Says whether that was done within `SHUTDOWN_MS_MAX`. */
async function stopInTime(starting: Promise<RunningApp>, signal: AbortSignal, log: Log): Promise<boolean> {
  const stopping = starting.then(
    (app) => app.stop(),
    (fault: unknown) => {
      // The start was waiting for its database, and has given that up: there is nothing to stop.
      if (!signal.aborted || fault !== signal.reason) throw fault
    },
  )
  const outcome = await Promise.race([
    stopping.then(
      () => 'stopped',
      (fault: unknown) => ({ fault }),
    ),
    sleep(SHUTDOWN_MS_MAX, 'late'),
  ])
  if (outcome === 'stopped') log.info('stopped')
  else if (outcome === 'late') log.error('not stopped in time', { ms: SHUTDOWN_MS_MAX })
  else log.error('cannot stop', faultFields(typeof outcome === 'string' ? outcome : outcome.fault))
  return outcome === 'stopped'
}

export const SERVE_COMMANDS = [serve]
