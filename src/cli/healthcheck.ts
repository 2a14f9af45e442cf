import { adminUrlOf } from '../config.ts'
import { HEALTHCHECK_MS_MAX } from '../core/limits.ts'
import { command, Failure } from './command.ts'
import { reach } from './fetch.ts'
import { readConfig, settingOptions } from './settings.ts'

export const HEALTHCHECK_COMMANDS = [
  command({
    name: 'healthcheck',
    summary: 'Exits 0 when the server is ready to take webhooks, and 1 when it is not. For containers.',
    options: settingOptions(['adminUrl']),
    async run({ options }, context) {
      const url = `${adminUrlOf(readConfig(options, context))}/readyz`
      const response = await reach(url, { signal: AbortSignal.timeout(HEALTHCHECK_MS_MAX) })
      await response.body?.cancel()
      if (!response.ok) throw new Failure(`not ready: ${url} answered ${response.status}`)
      context.print('ready')
      return 0
    },
  }),
]
