import { faultFields } from '../log.ts'
import { runReceiverProcess } from '../processes/receiver-process.ts'
import { command, Misconfigured } from './command.ts'

/** Its name, for whoever starts it. */
export const RECEIVER_PROCESS = 'receiver-process'

/** What `serve` starts when several processes are to receive. It is of no use to anybody else, so `help` does not list it. */
export const INTERNAL_COMMANDS = [
  command({
    name: RECEIVER_PROCESS,
    summary: 'Receives webhooks for the `serve` that has started it.',
    async run(_, context) {
      const parent = context.openParent()
      if (parent === null) throw new Misconfigured('only `serve --processes N` starts a receiver process')
      // Imported here, so that every other command starts without the server.
      const { startReceiver } = await import('../app.ts')
      return runReceiverProcess({
        parent,
        createLog: ({ number, config }) => context.createLog(config.logLevel, { process: number }),
        start: ({ config, port }, log, signal) => startReceiver(config, log, port, signal),
        onStopSignal: context.onStopSignal,
        faultFields,
      })
    },
  }),
]
